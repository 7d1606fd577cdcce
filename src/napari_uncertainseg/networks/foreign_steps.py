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

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box

Undo = Callable[[np.ndarray], np.ndarray]
"""Brings a map, float32 of the shape after a step, to the shape before it."""

MAX_VOXELS = 1 << 29
"""Of all channels together."""

Size = tuple[int, int, int]


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


Spacing = tuple[float | None, float | None, float | None]
"""Voxel sizes, mm; None along an axis that keeps its own."""


class Step(ABC):
    """One thing that is done to a stack."""

    @property
    def makes(self) -> Spacing | None:
        """The voxel size that it makes; None where it leaves that as it is."""
        return None

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
        from nibabel import orientations  # not for every model

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
class Crop(Step):
    """Cut off what lies around the scans; maps are 0 there.

    Attributes
    ----------
    keep
        Voxels that are above `above`, or ``"nonzero"``, in any scan; their bounding box stays.
    above
        What the voxels that stay are larger than.
    margin
        Voxels around it.
    pads
        Whether the margin is filled with zeros where there are no voxels, and not cut short.
    divisor
        Sides are made longer to be multiples of it, with zeros where there are no voxels.
    """

    keep: Literal["positive", "nonzero"] = "nonzero"
    margin: int = 0
    pads: bool = False
    above: float = 0.0
    divisor: int = 1

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Cut."""
        shown = (stack.channels > self.above if self.keep == "positive" else stack.channels != 0).any(axis=0)
        if not shown.any():
            raise InputError(f"The scan has no {self.keep} voxels: the model has nothing to read.")
        before, box = stack.shape, bounding_box(np.asarray(shown))
        sides = [self._side(side, n) for side, n in zip(box, before, strict=True)]
        # What is there of it, in the scan and in what comes out.
        there = tuple(slice(max(0, a), min(n, b)) for (a, b), n in zip(sides, before, strict=True))
        placed = tuple(slice(s.start - a, s.stop - a) for s, (a, _) in zip(there, sides, strict=True))
        shape = [b - a for a, b in sides]
        channels = np.zeros((len(stack.channels), *shape), stack.channels.dtype)
        channels[(slice(None), *placed)] = stack.channels[(slice(None), *there)]
        move = np.eye(4)
        move[:3, 3] = [a for a, _ in sides]

        def undo(array: np.ndarray) -> np.ndarray:
            out = np.zeros(before, array.dtype)
            out[there] = array[placed]
            return out

        return Stack(channels, stack.affine @ move), undo

    def _side(self, box: slice, length: int) -> tuple[int, int]:
        """Where the box begins and ends along an axis; beyond the scan where it is padded."""
        low, high = box.start - self.margin, box.stop + self.margin
        if not self.pads:
            low, high = max(0, low), min(length, high)
        more = -(high - low) % self.divisor
        return low - more // 2, high + more - more // 2


@dataclass(frozen=True)
class ForeignPreprocessing:
    """What is done to the scans before a model made elsewhere reads them.

    The scans lie on the grid of the model's main scan. The first step gets them in the axis order of that
    scan's file, as other tools do; neither is a brain searched, nor is N4 run.

    Attributes
    ----------
    steps
        In their order.
    moves
        What is brought back to the scan's grid: the network's ``"logits"``, as nnU-Net does, or the
        ``"probabilities"``, as MONAI does.
    """

    steps: tuple[Step, ...] = ()
    moves: Literal["probabilities", "logits"] = "probabilities"

    @property
    def voxels_in_words(self) -> str:
        """The voxel size that the network reads, for the user."""
        wanted = [step.makes for step in self.steps if step.makes is not None]
        if not wanted or all(size is None for size in wanted[-1]):
            return "the scan's own"
        return " x ".join("own" if size is None else f"{size:g}" for size in wanted[-1]) + " mm"
