"""A 3-D U-Net with several heads: one pass gives several members.

Heads at the last decoder stage each imitate a rater (after EDUE, arXiv 2403.16594); heads at the deeper
stages make a layer ensemble (Kushibar et al., arXiv 2203.08878). Four choices serve speed:

- A decoder stage adds a convolution of the skip to a convolution of what comes from below. This equals
  convolving their concatenation, and lets everything that does not depend on dropout run once.
- Dropout masks are inputs. One graph serves training, plain passes and sampling, in torch and OpenVINO alike.
- Experts of different studies outline differently, in *styles*. Each style has a group of heads of its own,
  on the same features: one pass gives all styles, and a patch trains its own group only. A style as an
  input would need a pass for each.
- Full resolution may be thin: half resolution then reads the image itself, through wide strided kernels that
  lose nothing, and full resolution only refines the outline. Most of the time of a plain U-Net goes into
  moving its full-resolution features through memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg.networks.normalisation import BatchNorm
from napari_uncertainseg.networks.without_torch.multihead_sizes import multihead_sizes

_RARE = -4.0
"""Logit of the heads to begin with: a hundredth of a brain is lesion, and to learn that takes long."""


def _block(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=1, bias=False),
        BatchNorm(outputs),
        nn.LeakyReLU(0.01, inplace=True),
    )


def padded(values: Tensor, divisor: int, smallest: int) -> Tensor:
    """Put zeros after the last voxels, up to a size that a network takes.

    Parameters
    ----------
    values
        (..., z, y, x).
    divisor, smallest
        Of the network, see `MultiHeadUNet`.
    """
    after = [max(smallest - n, -n % divisor) for n in values.shape[-3:]]
    return F.pad(values, (0, after[2], 0, after[1], 0, after[0]))


class ThinStage(nn.Module):
    """Doubles the resolution and adds what full resolution has to say; no convolution, no norm."""

    def __init__(self, below: int, features: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(below, features, 2, stride=2, bias=False)
        self.activation = nn.LeakyReLU(0.01, inplace=True)

    def forward(self, below: Tensor, lateral: Tensor) -> Tensor:
        """Fuse (B, below, z, y, x) with (B, features, 2z, 2y, 2x)."""
        return self.activation(lateral + self.up(below))


class DecoderStage(nn.Module):
    """Doubles the resolution and fuses it with the encoder's skip at that resolution."""

    def __init__(self, below: int, features: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(below, features, 2, stride=2, bias=False)
        self.convolution = nn.Conv3d(features, features, 3, padding=1, bias=False)
        self.norm = BatchNorm(features)
        self.activation = nn.LeakyReLU(0.01, inplace=True)

    def forward(self, below: Tensor, lateral: Tensor) -> Tensor:
        """Fuse (B, below, z, y, x) with (B, features, 2z, 2y, 2x)."""
        return self.activation(self.norm(lateral + self.convolution(self.up(below))))


class MultiHeadUNet(nn.Module):
    """Segments lesions, with several opinions in one pass.

    Parameters
    ----------
    in_channels
        Images: FLAIR, T1, T2, as `images.normalise` makes them, 0 outside. A missing one is all 0.
    features
        Channels per resolution, finest first.
    heads
        Number of heads at full resolution, in each style.
    styles
        Number of styles; the heads of the first come first.
    thin
        Whether full resolution has one convolution on each side and half resolution reads the image.

    Notes
    -----
    Sizes along z, y and x must be multiples of ``divisor`` and at least ``smallest``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        features: Sequence[int] = (16, 32, 64, 128, 160),
        heads: int = 5,
        *,
        styles: int = 1,
        thin: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.features = tuple(features)
        self.styles = styles
        self.thin = thin
        self.sizes = multihead_sizes(features, styles * heads)
        """What an `Engine` needs to know of it, by the engine's names."""
        self.divisor: int = self.sizes["divisor"]
        self.smallest: int = self.sizes["smallest"]
        inputs = (in_channels, *features[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(_block(i, f, 2 if level else 1), _block(f, f))
            for level, (i, f) in enumerate(zip(inputs, features, strict=True))
        )
        self.laterals = nn.ModuleList(nn.Conv3d(f, f, 3, padding=1, bias=False) for f in features[:-1])
        self.decoder = nn.ModuleList(
            DecoderStage(below, f) for below, f in zip(features[1:], features[:-1], strict=True)
        )
        if thin:
            self.encoder[0] = nn.Identity()
            self.encoder[1] = nn.Sequential(
                _block(in_channels, features[1], 2, kernel=4), _block(features[1], features[1])
            )
            self.laterals[0] = nn.Conv3d(in_channels, features[0], 3, padding=1)
            self.decoder[0] = ThinStage(features[1], features[0])
        self.heads = nn.Conv3d(features[0], styles * heads, 3, padding=1)
        self.layer_heads = nn.ModuleList(nn.Conv3d(f, styles, 1) for f in features[1:-1])
        for head in (self.heads, *self.layer_heads):
            nn.init.constant_(head.bias, _RARE)

    @property
    def mask_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the dropout masks that :meth:`decode` takes, for a batch of one."""
        shapes: tuple[tuple[int, ...], ...] = self.sizes["mask_shapes"]
        return shapes

    def sample_masks(
        self, p: float, *, batch: int = 1, generator: torch.Generator | None = None
    ) -> tuple[Tensor, ...]:
        """Draw channel-dropout masks: 0 with probability `p`, otherwise ``1 / (1 - p)``."""
        return tuple(
            (torch.rand(batch, *shape[1:], generator=generator) >= p).float() / (1 - p)
            for shape in self.mask_shapes
        )

    def encode(self, image: Tensor) -> tuple[Tensor, ...]:
        """Run all that does not depend on dropout.

        Parameters
        ----------
        image
            (B, in_channels, z, y, x).

        Returns
        -------
        tuple
            The skips, already convolved, finest first, and the bottleneck.
        """
        laterals = []
        x = image
        for level, stage in enumerate(self.encoder):
            x = stage(x)
            if level < len(self.laterals):
                laterals.append(self.laterals[level](x))
        return (*laterals, x)

    def _decode(self, laterals: Sequence[Tensor], masks: Sequence[Tensor] | None) -> list[Tensor]:
        """Features at every decoder stage, finest first."""
        *skips, x = laterals
        stages: list[Tensor] = []
        for level in reversed(range(len(skips))):
            if masks is not None:
                x = x * masks[level].to(x.dtype)
            x = self.decoder[level](x, skips[level])
            stages.insert(0, x)
        return stages

    def decode(self, laterals: Sequence[Tensor], masks: Sequence[Tensor] | None = None) -> Tensor:
        """Logits of the heads of all styles, (B, styles * heads, z, y, x).

        Parameters
        ----------
        laterals
            What :meth:`encode` returned.
        masks
            Dropout masks, see :meth:`sample_masks`; none leaves every channel as it is.
        """
        return self.heads(self._decode(laterals, masks)[0])

    def decode_layers(
        self, laterals: Sequence[Tensor], masks: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits of the heads, and one logit per style and deeper stage at its own resolution.

        Parameters
        ----------
        laterals, masks
            As for :meth:`decode`.

        Returns
        -------
        tuple
            (B, styles * heads, z, y, x), and a list of (B, styles, z / 2, y / 2, x / 2), (B, styles, z / 4,
            ...) and so on.
        """
        finest, *deeper = self._decode(laterals, masks)
        return self.heads(finest), [head(x) for head, x in zip(self.layer_heads, deeper, strict=True)]

    def forward(self, image: Tensor) -> Tensor:
        """One plain pass: logits of the heads of all styles, (B, styles * heads, z, y, x).

        Parameters
        ----------
        image
            float32 (B, in_channels, z, y, x).
        """
        return self.decode(self.encode(image))

    def layers(self, image: Tensor) -> Tensor:
        """Logits at every decoder depth, at full resolution, finest first, one style after the other.

        Parameters
        ----------
        image
            float32 (B, in_channels, z, y, x).

        Returns
        -------
        Tensor
            (B, styles * depths, z, y, x).
        """
        return self.depths(*self.decode_layers(self.encode(image)))

    def depths(self, heads: Tensor, deeper: Sequence[Tensor]) -> Tensor:
        """Bring what `decode_layers` gave to full resolution; the finest depth is the mean of the heads.

        Parameters
        ----------
        heads, deeper
            As `decode_layers` gives them.

        Returns
        -------
        Tensor
            As of `layers`.
        """
        size = heads.shape[2:]
        finest = heads.unflatten(1, (self.styles, -1)).mean(dim=2)
        resized = [F.interpolate(x, size=size, mode="trilinear", align_corners=False) for x in deeper]
        return torch.stack([finest, *resized], dim=2).flatten(1, 2)


def copied_to_styles(weights: Mapping[str, Tensor], network: MultiHeadUNet) -> dict[str, Tensor]:
    """Weights of a network without styles, its heads copied into each style of another network.

    Parameters
    ----------
    weights
        Tensors by name.
    network
        The other network. Weights that have its styles already stay as they are.
    """
    expected = network.state_dict()

    def fitting(name: str, value: Tensor) -> Tensor:
        rows = expected[name].shape[0] if name in expected and value.ndim else 0
        own_heads = name.startswith(("heads.", "layer_heads."))
        if not own_heads or value.shape[0] * network.styles != rows:
            return value
        return value.repeat(network.styles, *[1] * (value.ndim - 1))

    return {name: fitting(name, value) for name, value in weights.items()}
