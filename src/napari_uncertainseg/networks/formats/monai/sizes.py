"""Steps that pad, cut or stretch scans to a number of voxels, as MONAI does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_intensities import Intensities
from napari_uncertainseg.networks.foreign_steps import (
    MAX_VOXELS,
    ForeignPreprocessing,
    Size,
    Stack,
    Step,
    Undo,
    unmoved,
)

Edge = Literal["constant", "edge", "reflect"]
"""How ``numpy.pad`` calls what it pads with."""


@dataclass(frozen=True)
class Fit(Step):
    """Pad to at least some voxels, then cut the middle of at most some out; maps are 0 where it was cut off.

    Attributes
    ----------
    least, most
        Voxels along each axis; None where there is no such limit.
    divisor
        Sides become multiples of it.
    share
        Part of each side that is left of it, before `most` counts.
    border
        Voxels that are added on each side of each axis, before all else.
    edge, value
        What it is padded with.
    where
        Whether padding lies on both sides or behind.
    """

    least: Size | None = None
    most: Size | None = None
    divisor: Size = (1, 1, 1)
    share: tuple[float, float, float] | None = None
    border: Size = (0, 0, 0)
    edge: Edge = "constant"
    value: float = 0.0
    where: Literal["symmetric", "end"] = "symmetric"

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Pad and cut."""
        pads = [self._pads(n, axis) for axis, n in enumerate(stack.shape)]
        padded = [n + before + after for n, (before, after) in zip(stack.shape, pads, strict=True)]
        if len(stack.channels) * np.prod(padded, dtype=float) > MAX_VOXELS:
            raise InputError(
                f"The model wants this scan with {' x '.join(map(str, padded))} voxels: too many."
            )
        cut = [self._cut(n, axis) for axis, n in enumerate(padded)]
        if self.edge == "reflect" and any(max(two) >= n for n, two in zip(stack.shape, pads, strict=True)):
            raise InputError("The model pads with the mirrored scan, and this scan is too small for it.")
        options = {"constant_values": self.value} if self.edge == "constant" else {}
        channels = np.pad(stack.channels, [(0, 0), *pads], self.edge, **options)  # type: ignore[call-overload]
        channels = channels[(slice(None), *cut)]
        move = np.eye(4)
        move[:3, 3] = [part.start - before for part, (before, _) in zip(cut, pads, strict=True)]
        inner = tuple(slice(before, before + n) for n, (before, _) in zip(stack.shape, pads, strict=True))

        def undo(array: np.ndarray) -> np.ndarray:
            out = np.zeros(padded, array.dtype)
            out[tuple(cut)] = array
            return out[inner]

        return Stack(channels, stack.affine @ move), undo

    def _pads(self, n: int, axis: int) -> tuple[int, int]:
        whole = n + 2 * self.border[axis]
        wanted = max(whole, 0 if self.least is None else self.least[axis])
        wanted = -(-wanted // self.divisor[axis]) * self.divisor[axis]
        before = 0 if self.where == "end" else (wanted - whole) // 2
        return self.border[axis] + before, wanted - whole - before + self.border[axis]

    def _cut(self, n: int, axis: int) -> slice:
        left = n if self.share is None else int(np.ceil(n * self.share[axis]))
        left = left if self.most is None else min(left, self.most[axis])
        # MONAI's middle: half the voxels before it, rounded down both times.
        start = max(0, n // 2 - left // 2)
        return slice(start, start + left)


@dataclass(frozen=True)
class Stretch(Step):
    """Change the number of voxels, and leave the space that they cover; maps come back in the same way.

    Attributes
    ----------
    size
        Voxels along each axis.
    mode, corners
        As of ``torch.nn.functional.interpolate``.
    nearest
        Whether maps come back by the nearest voxel.
    """

    size: Size
    mode: Literal["area", "nearest", "nearest-exact", "trilinear"] = "area"
    corners: bool | None = None
    nearest: bool = False

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Stretch."""
        before = stack.shape
        if before == self.size:
            return stack, unmoved
        ratio = np.array(before) / self.size
        move = np.diag([*ratio, 1.0])
        move[:3, 3] = (ratio - 1) / 2
        channels = self._stretched(stack.channels, self.size, self.mode)
        back = "nearest" if self.nearest else self.mode
        return Stack(channels, stack.affine @ move), lambda a: self._stretched(a[None], before, back)[0]

    def _stretched(self, channels: np.ndarray, size: Size, mode: str) -> np.ndarray:
        import torch
        from torch.nn import functional as F

        source = torch.from_numpy(np.ascontiguousarray(channels, np.float32))[None]
        corners = self.corners if mode == "trilinear" else None
        return F.interpolate(source, size, mode=mode, align_corners=corners)[0].numpy()


def fixed_size(preprocessing: ForeignPreprocessing) -> Size | None:
    """The size that scans always have in the end; None where it depends on the scan."""
    for step in reversed(preprocessing.steps):
        if isinstance(step, Stretch):
            return step.size
        if isinstance(step, Fit) and step.least == step.most and step.divisor == (1, 1, 1):
            return step.least
        if not isinstance(step, Intensities):
            return None
    return None
