"""Small networks that give several opinions in one pass, in 2-D and 3-D alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg.networks.multihead import MultiHeadUNet

FEATURES = {2: (12, 24, 48, 96), 3: (8, 16, 32, 64)}


class Volumes(nn.Module):
    """The plugin's own network, small: (B, 3, z, y, x) to logits of heads and of deeper stages."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.network = MultiHeadUNet(3, FEATURES[3], heads)

    def forward(self, x: Tensor, dropout: float = 0.0) -> tuple[Tensor, list[Tensor]]:
        """Logits of the heads, and of the deeper stages at their own resolution."""
        masks = self.network.sample_masks(dropout, batch=len(x)) if dropout else None
        x = x.to(memory_format=torch.channels_last_3d)
        return self.network.decode_layers(self.network.encode(x), masks)


class Images(nn.Module):
    """A 2-D U-Net of the same kind: (B, 1, y, x) to logits of heads and of deeper stages."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        features = FEATURES[2]
        self.down = nn.ModuleList(
            nn.Sequential(_block(features[i - 1] if i else 1, f, 2 if i else 1), _block(f, f))
            for i, f in enumerate(features)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, f, 2, stride=2)
            for below, f in zip(features[1:], features[:-1], strict=True)
        )
        self.fuse = nn.ModuleList(_block(2 * f, f) for f in features[:-1])
        self.heads = nn.Conv2d(features[0], heads, 3, padding=1)
        self.layer_heads = nn.ModuleList(nn.Conv2d(f, 1, 1) for f in features[1:-1])

    def forward(self, x: Tensor, dropout: float = 0.0) -> tuple[Tensor, list[Tensor]]:
        """Logits of the heads, and of the deeper stages at their own resolution."""
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        stages: list[Tensor] = []
        for up, fuse in zip(reversed(self.up), reversed(self.fuse), strict=True):
            x = fuse(torch.cat([up(F.dropout2d(x, dropout, training=dropout > 0)), skips.pop()], 1))
            stages.insert(0, x)
        finest, *deeper = stages
        return self.heads(finest), [h(x) for h, x in zip(self.layer_heads, deeper, strict=True)]


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(outputs, outputs),
        nn.LeakyReLU(0.01, inplace=True),
    )


def build(dimensions: int, heads: int) -> nn.Module:
    """Network for images of so many dimensions."""
    return Images(heads) if dimensions == 2 else Volumes(heads)


def depths(heads: Tensor, layers: list[Tensor]) -> Tensor:
    """All stages at full resolution, (B, depths, ...), as a layer ensemble has them."""
    size, mode = heads.shape[2:], "bilinear" if heads.ndim == 4 else "trilinear"
    resized = [F.interpolate(x, size=size, mode=mode, align_corners=False) for x in layers]
    return torch.cat([heads.mean(1, keepdim=True), *resized], 1)
