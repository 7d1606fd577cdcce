"""What the early stages of our encoder see in a scan, pooled: inside the brain, outside it, and by blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.engine import Check, Engine, never

STAGES = (1, 2)
"""Of the encoder, 0 is full resolution: voxels of 2 and 4 mm, which see 4 and 10 mm around their middle."""
BLOCK = 16
"""Voxels of the common grid along the edge of a block."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """Means of feature maps over the whole grid, each as what is inside plus what is outside the brain.

    Attributes
    ----------
    inside, outside
        float32 (features,): sums over the places whose middle is in the brain, and over the others, both
        divided by the number of all places. Their sum is the mean.
    blocks
        float16 (2, features, blocks along z, y, x): the same for each block, inside first, divided by the
        places of the block: the mean over blocks is ``inside`` and ``outside``.
    """

    inside: np.ndarray
    outside: np.ndarray
    blocks: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """float32 (features,)."""
        return self.inside + self.outside


def check_encoder(engine: Engine, stages: Sequence[int] = STAGES) -> None:
    """Refuse a network that has no such encoder."""
    encoder = getattr(engine.network, "encoder", None)
    if not isinstance(encoder, nn.ModuleList) or len(encoder) <= max(stages):
        raise InputError(
            "Features of scans come from a network of this program, and this is none: name another with "
            "--encoder."
        )


def pooled(
    engine: Engine, image: np.ndarray, brain: np.ndarray, stages: Sequence[int] = STAGES, check: Check = never
) -> Pooled:
    """Run the encoder on an image in the place of the FLAIR, the other scans missing, and pool its stages.

    Parameters
    ----------
    engine
        Torch runs a network of ours.
    image
        float32 (z, y, x), sides multiples of `BLOCK` and of twice the network's divisor.
    brain
        bool, of that shape.
    stages
        Of the encoder, counted from full resolution.
    check
        Called while the network runs; what it raises ends the run.
    """
    encoder = engine.network.get_submodule("encoder")
    assert isinstance(encoder, nn.ModuleList)
    channels = int(getattr(engine.network, "in_channels", 1))
    shown = torch.zeros(1, channels, *image.shape)
    shown[0, 0] = torch.from_numpy(np.ascontiguousarray(image))
    inside = torch.from_numpy(brain)[None, None].float()
    found: list[tuple[Tensor, Tensor]] = []
    engine.check = check
    try:
        with torch.inference_mode():
            x = shown.to(engine.device.kind)
            for level, stage in enumerate(encoder[: max(stages) + 1]):
                x = stage(x)
                if level in stages:
                    found.append(_by_blocks(x.float().cpu(), inside))
    finally:
        engine.check = never
    both = torch.cat([torch.cat([one for one, _ in found], 1), torch.cat([other for _, other in found], 1)])
    means = both.double().mean((2, 3, 4)).float().numpy()
    return Pooled(means[0], means[1], both.half().numpy())


def _by_blocks(features: Tensor, brain: Tensor) -> tuple[Tensor, Tensor]:
    """Block means of a stage, (1, channels, z, y, x), with 0 in place of what is outside, and inside."""
    step = brain.shape[2] // features.shape[2]
    here = F.avg_pool3d(brain, step) >= 0.5
    whole = F.avg_pool3d(features, BLOCK // step)
    inside = F.avg_pool3d(features * here, BLOCK // step)
    return inside, whole - inside
