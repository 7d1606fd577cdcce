"""The network that finds the brain in a head: any contrast, cubic voxels of 2 mm.

It is small enough for a laptop: its layers work on voxels of 4 mm and more, each of which holds the eight
voxels of 2 mm within it as channels, and gives eight probabilities back.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.weights import bytes_of, check_fit, read_weights

SPACING = 2.0
"""Of what it reads, mm."""
DIVISOR = 16
"""Sides of what it reads are multiples of this."""
WEIGHTS = Path(__file__).parents[1] / "models" / "brain" / "weights.safetensors"

FEATURES = (16, 32, 64, 64)
"""Channels at 4, 8, 16 and 32 mm."""


class _Block(nn.Module):
    """Two convolutions around which the input is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv3d(channels, channels, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.InstanceNorm3d(channels, affine=True) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            out = F.leaky_relu(norm(convolution(out)), 0.1)
        return x + out


class BrainNetwork(nn.Module):
    """A U-Net that is given a head and says of each voxel whether it is brain.

    Parameters
    ----------
    features
        Channels of its resolutions, the finest first.
    """

    def __init__(self, features: tuple[int, ...] = FEATURES) -> None:
        super().__init__()
        self.enter = nn.Conv3d(8, features[0], 3, padding=1)
        steps = list(pairwise(features))
        self.down = nn.ModuleList(nn.Conv3d(fine, coarse, 2, stride=2) for fine, coarse in steps)
        self.encoder = nn.ModuleList(_Block(n) for n in features)
        self.up = nn.ModuleList(nn.Conv3d(coarse, fine, 1) for fine, coarse in steps)
        self.decoder = nn.ModuleList(_Block(n) for n in features[:-1])
        self.leave = nn.Conv3d(features[0], 8, 3, padding=1)

    def forward(self, scan: Tensor) -> Tensor:
        """Logits of the brain, (B, 1, z, y, x), of scans of that shape, see `standardise`."""
        x = self.encoder[0](self.enter(_to_channels(scan)))
        kept = []
        for down, block in zip(self.down, list(self.encoder)[1:], strict=True):
            kept.append(x)
            x = block(down(x))
        for up, block in zip(reversed(self.up), reversed(self.decoder), strict=True):
            fine = kept.pop()
            x = block(fine + F.interpolate(up(x), size=fine.shape[2:], mode="trilinear"))
        return _from_channels(self.leave(x))


def _to_channels(scan: Tensor) -> Tensor:
    """(B, 1, 2z, 2y, 2x) to (B, 8, z, y, x)."""
    b, _, z, y, x = scan.shape
    parts = scan.reshape(b, z // 2, 2, y // 2, 2, x // 2, 2)
    return parts.permute(0, 2, 4, 6, 1, 3, 5).reshape(b, 8, z // 2, y // 2, x // 2)


def _from_channels(parts: Tensor) -> Tensor:
    """(B, 8, z, y, x) to (B, 1, 2z, 2y, 2x)."""
    b, _, z, y, x = parts.shape
    scan = parts.reshape(b, 2, 2, 2, z, y, x).permute(0, 4, 1, 5, 2, 6, 3)
    return scan.reshape(b, 1, 2 * z, 2 * y, 2 * x)


def standardise(scan: Tensor) -> Tensor:
    """Bring a head to the intensities that the network knows: 0 to 1 between its percentiles, then centred.

    Parameters
    ----------
    scan
        float32, any shape. Its middle brightness decides, so air should not be most of it.
    """
    values = scan.flatten()[:: max(1, scan.numel() // 100_000)]
    low, high = torch.quantile(values, torch.tensor([0.01, 0.99])).tolist()
    unit = ((scan - low) / max(high - low, 1e-6)).clamp(0, 1.3)
    return (unit - unit.mean()) / unit.std().clamp_min(1e-6)


def save_weights(network: BrainNetwork, path: Path) -> None:
    """Write the weights as safetensors, in half precision."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)


@lru_cache(maxsize=2)
def read_network(path: Path = WEIGHTS) -> BrainNetwork:
    """Read the network; nothing in its file is executed.

    Raises
    ------
    InputError
        If the weights are missing, corrupt, or those of another network.
    """
    if not path.is_file():
        raise InputError(f"The network that finds the brain is missing from {path}: reinstall the package.")
    network = BrainNetwork()
    expected = network.state_dict()
    state = read_weights(path, most_bytes=bytes_of(expected))
    check_fit(state, expected, path)
    network.load_state_dict({name: value.float() for name, value in state.items()})
    return network.eval()


def brain_logits(scan: np.ndarray, path: Path = WEIGHTS) -> np.ndarray:
    """Logits of the brain, float32, of a head of cubic `SPACING` voxels in (s, a, r) order.

    The head and its mirror image are looked at, and the mean is given: with two scans at once torch takes
    convolutions that are twice as fast, so the second look costs nothing.

    Parameters
    ----------
    scan
        float32, any shape; what is beyond its sides counts as its darkest.
    path
        Of the weights.
    """
    unit = standardise(torch.from_numpy(np.ascontiguousarray(scan, np.float32)))
    pads = [-n % DIVISOR for n in scan.shape]
    around = [side for pad in reversed(pads) for side in (pad // 2, pad - pad // 2)]
    padded = F.pad(unit[None, None], around, value=float(unit.min()))
    with torch.inference_mode():
        both = read_network(path)(torch.cat([padded, padded.flip(4)]))
        logits = (both[0, 0] + both[1, 0].flip(2)) / 2
    part = tuple(slice(pad // 2, pad // 2 + n) for pad, n in zip(pads, scan.shape, strict=True))
    return logits[part].numpy()
