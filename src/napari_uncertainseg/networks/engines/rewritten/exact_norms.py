"""Normalisations whose means are exact in OpenVINO too.

OpenVINO adds all voxels of a window up one after the other in single precision. Of the 327,680 voxels of a
window of nnU-Net the mean is then so far off that logits differ by 0.008 from those in double precision. With
means of small blocks, of which the mean is taken, they differ by 0.00002, as torch's own do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LARGEST = 8
"""Side of a block, voxels."""


@contextmanager
def exact_norms(network: nn.Module) -> Iterator[None]:
    """Let a network take its means by blocks, while it is traced with inputs of one shape."""
    changed = [
        module
        for module in network.modules()
        if isinstance(module, nn.InstanceNorm3d | nn.GroupNorm)
        and not getattr(module, "track_running_stats", False)
    ]
    try:
        for module in changed:
            # In its place for now: a copy of the network would take its memory once more.
            setattr(module, "forward", partial(_normalised, module))  # noqa: B010 - mypy allows no other way
        yield
    finally:
        for module in changed:
            del module.forward


def _normalised(module: nn.InstanceNorm3d | nn.GroupNorm, x: Tensor) -> Tensor:
    """What the module does: float32 (batch, channels, z, y, x)."""
    groups = module.num_groups if isinstance(module, nn.GroupNorm) else x.shape[1]
    centred = x - _mean(x, groups)
    normal = centred * torch.rsqrt(_mean(centred * centred, groups) + module.eps)
    if module.weight is None:
        return normal
    each = (1, -1, 1, 1, 1)
    return normal * module.weight.reshape(each) + module.bias.reshape(each)


def _mean(x: Tensor, groups: int) -> Tensor:
    """Mean of each group of channels, (batch, channels, 1, 1, 1)."""
    batch, channels, *sides = (int(n) for n in x.shape)
    block = [next(n for n in range(_LARGEST, 0, -1) if side % n == 0) for side in sides]
    means = F.avg_pool3d(x, block).mean((2, 3, 4)).reshape(batch, groups, channels // groups).mean(2)
    return means.repeat_interleave(channels // groups, dim=1).reshape(batch, channels, 1, 1, 1)
