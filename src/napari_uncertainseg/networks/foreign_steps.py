"""What models made elsewhere do to scans before they read them, as steps in their own order.

A step changes the voxels or what they hold, and knows the way back of the voxels: maps of the network then
lie on the scan's own grid, whatever was turned, resampled or cut off. A further step is one class, also
within the module of a kind of model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from nibabel import orientations
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box

Undo = Callable[[np.ndarray], np.ndarray]
"""Brings a map, float32 of the shape after a step, to the shape before it."""

MAX_VOXELS = 1 << 29
"""Of all channels together."""
_SAME = 1e-3
"""Voxels whose sizes differ by no more than this share are of one size."""


@dataclass(frozen=True, eq=False)
class Stack:
    """The scans of a visit on one grid, on their way to a network.

    Attributes
    ----------
    channels
        float32 (channels, i, j, k).
    affine
        4x4, voxel index (i, j, k, 1) to RAS+ millimetres.
    """

    channels: np.ndarray
    affine: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each axis."""
        i, j, k = self.channels.shape[1:]
        return i, j, k

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size along each axis, mm."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)


class Step(ABC):
    """One thing that is done to a stack."""

    @abstractmethod
    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Do it.

        Returns
        -------
        Stack, Undo
            What comes out, and the way back for maps.

        Raises
        ------
        InputError
            If the scans do not allow it.
        """


def unmoved(array: np.ndarray) -> np.ndarray:
    """Way back of a step that leaves the voxels where they are."""
    return array


@dataclass(frozen=True)
class Reorient(Step):
    """Turn and flip axes; nothing is interpolated.

    Attributes
    ----------
    codes
        Where each axis shall lead, such as ``"RAS"``: right, anterior, superior.
    """

    codes: str

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Turn it."""
        now = orientations.io_orientation(stack.affine)
        wanted = orientations.axcodes2ornt(tuple(self.codes))
        turn = orientations.ornt_transform(now, wanted)
        channels = np.stack([orientations.apply_orientation(one, turn) for one in stack.channels])
        affine = stack.affine @ orientations.inv_ornt_aff(turn, stack.shape)
        back = orientations.ornt_transform(wanted, now)
        return Stack(channels, affine), lambda array: orientations.apply_orientation(array, back)


@dataclass(frozen=True)
class Permute(Step):
    """Change the order of the axes.

    Attributes
    ----------
    axes
        The old number of each new axis.
    """

    axes: tuple[int, int, int]

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Change it."""
        channels = stack.channels.transpose(0, *(1 + axis for axis in self.axes))
        back = np.argsort(self.axes)
        return Stack(channels, stack.affine[:, [*self.axes, 3]]), lambda array: array.transpose(back)


@dataclass(frozen=True)
class Resample(Step):
    """Change the voxel size along the axes that there are.

    Attributes
    ----------
    spacing
        Wanted, mm; None along an axis that keeps its own.
    order
        Of the spline for the scans: 0 nearest, 1 linear, 3 cubic. Maps come back linearly.
    meet
        What the old and the new voxels have in common: the ``"centres"`` of the first ones, as in MONAI, or
        the outer ``"edges"``, as in nnU-Net.
    """

    spacing: tuple[float | None, float | None, float | None]
    order: Literal[0, 1, 3] = 1
    meet: Literal["centres", "edges"] = "centres"

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Resample; an axis that has the wanted size already stays as it is."""
        old = stack.spacing
        new = np.array([o if n is None else n for o, n in zip(old, self.spacing, strict=True)])
        new = np.where(abs(new / old - 1) <= _SAME, old, new)
        if np.array_equal(new, old):
            return stack, unmoved
        shape = self._shape(stack.shape, old / new)
        if len(stack.channels) * np.prod(shape, dtype=float) > MAX_VOXELS:
            sizes = " x ".join(map(str, shape))
            raise InputError(f"The model wants this scan with {sizes} voxels, which is too many.")
        ratio = new / old if self.meet == "centres" else np.array(stack.shape) / shape
        offset = np.zeros(3) if self.meet == "centres" else (ratio - 1) / 2
        channels = np.stack([_sample(one, ratio, offset, shape, self.order) for one in stack.channels])
        move = np.diag([*ratio, 1.0])
        move[:3, 3] = offset
        before = stack.shape
        return Stack(channels, stack.affine @ move), lambda array: _sample(
            array, 1 / ratio, -offset / ratio, before, 1
        )

    def _shape(self, shape: tuple[int, int, int], factor: np.ndarray) -> tuple[int, int, int]:
        """Voxels that cover as much: between the outer centres, or between the outer edges."""
        less = 1 if self.meet == "centres" else 0
        i, j, k = (
            max(1, round((n - less) * f) + less) if f != 1 else n
            for n, f in zip(shape, factor.tolist(), strict=True)
        )
        return i, j, k


def _sample(
    data: np.ndarray, ratio: np.ndarray, offset: np.ndarray, shape: tuple[int, int, int], order: int
) -> np.ndarray:
    """What lies at ``ratio * index + offset``; edges are continued."""
    return ndimage.affine_transform(
        data, ratio, offset, shape, order=order, output=np.float32, mode="nearest"
    )


@dataclass(frozen=True)
class Crop(Step):
    """Cut off what lies around the scans; maps are 0 there.

    Attributes
    ----------
    keep
        Voxels that are ``"positive"`` or ``"nonzero"`` in any scan; their bounding box stays.
    margin
        Voxels around it.
    pads
        Whether the margin is filled with zeros where there are no voxels, and not cut short.
    """

    keep: Literal["positive", "nonzero"] = "nonzero"
    margin: int = 0
    pads: bool = False

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Cut."""
        shown = (stack.channels > 0 if self.keep == "positive" else stack.channels != 0).any(axis=0)
        if not shown.any():
            raise InputError(f"The scan has no {self.keep} voxels: the model has nothing to read.")
        before, box = stack.shape, bounding_box(np.asarray(shown))
        low = [s.start - self.margin if self.pads else max(0, s.start - self.margin) for s in box]
        high = [
            s.stop + self.margin if self.pads else min(n, s.stop + self.margin)
            for s, n in zip(box, before, strict=True)
        ]
        # What is there of it, in the scan and in what comes out.
        there = tuple(slice(max(0, a), min(n, b)) for a, b, n in zip(low, high, before, strict=True))
        placed = tuple(slice(s.start - a, s.stop - a) for s, a in zip(there, low, strict=True))
        shape = [b - a for a, b in zip(low, high, strict=True)]
        channels = np.zeros((len(stack.channels), *shape), stack.channels.dtype)
        channels[(slice(None), *placed)] = stack.channels[(slice(None), *there)]
        move = np.eye(4)
        move[:3, 3] = low

        def undo(array: np.ndarray) -> np.ndarray:
            out = np.zeros(before, array.dtype)
            out[there] = array[placed]
            return out

        return Stack(channels, stack.affine @ move), undo


@dataclass(frozen=True)
class ForeignPreprocessing:
    """What is done to the scans before a model made elsewhere reads them.

    The scans lie on the grid of the model's main scan. The first step gets them in the axis order of that
    scan's file, as other tools do; neither is a brain searched, nor is N4 run.

    Attributes
    ----------
    steps
        In their order.
    """

    steps: tuple[Step, ...] = ()

    @property
    def voxels_in_words(self) -> str:
        """The voxel size that the network reads, for the user."""
        wanted = [step.spacing for step in self.steps if isinstance(step, Resample)]
        if not wanted or all(size is None for size in wanted[-1]):
            return "the scan's own"
        return " x ".join("own" if size is None else f"{size:g}" for size in wanted[-1]) + " mm"
