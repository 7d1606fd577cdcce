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
"""Voxels whose sizes differ by no more, mm, are of one size."""
_STRAIGHT = 1e-3
"""Voxels by which axes that are taken for parallel are apart at their ends."""

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
        Of the spline for the scans: 0 nearest, 1 linear, 3 cubic. Maps come back by order 1, or 0 too.
    meet
        What the old and the new voxels have in common: ``"centres"`` as in MONAI, see `_by_centres`, or the
        outer ``"edges"``, as in nnU-Net.
    """

    spacing: Spacing
    order: Literal[0, 1, 3] = 1
    meet: Literal["centres", "edges"] = "centres"

    @property
    def makes(self) -> Spacing:
        """The voxel size that it makes."""
        return self.spacing

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Resample; an axis that has the wanted size already stays as it is."""
        old = stack.spacing
        new = np.array([o if n is None else n for o, n in zip(old, self.spacing, strict=True)])
        new = np.where(np.abs(new - old) <= _SAME, old, new)
        if np.array_equal(new, old):
            return stack, unmoved
        place = _by_edges if self.meet == "edges" else _by_centres
        shape, affine = place(stack, new)
        if len(stack.channels) * np.prod(shape, dtype=float) > MAX_VOXELS:
            sizes = " x ".join(map(str, shape))
            raise InputError(f"The model wants this scan with {sizes} voxels, which is too many.")
        move, before = np.linalg.solve(stack.affine, affine), stack.shape
        channels = np.stack([_sample(one, move, shape, self.order) for one in stack.channels])
        back = np.linalg.inv(move)
        return Stack(channels, affine), lambda array: _sample(array, back, before, min(self.order, 1))


def _by_edges(stack: Stack, new: np.ndarray) -> tuple[Size, np.ndarray]:
    """Shape and affine of voxels of another size that cover the same as the old ones."""
    i, j, k = (max(1, round(n * f)) for n, f in zip(stack.shape, (stack.spacing / new).tolist(), strict=True))
    ratio = np.array(stack.shape) / (i, j, k)
    move = np.diag([*ratio, 1.0])
    move[:3, 3] = (ratio - 1) / 2
    return (i, j, k), stack.affine @ move


def _by_centres(stack: Stack, new: np.ndarray) -> tuple[Size, np.ndarray]:
    """Shape and affine of voxels of another size, as MONAI lays them.

    The first centres meet where the axes are exactly at right angles. Those of oblique files are not, by what
    single precision leaves: then MONAI lets the middles of the old and the new voxels meet.
    """
    axes = stack.affine[:3, :3]
    turned = axes @ np.linalg.inv(np.linalg.cholesky(axes.T @ axes).T)  # at right angles
    affine = np.eye(4)
    affine[:3, :3] = turned * new
    corners = np.array(np.meshgrid(*[(0.0, n - 1.0) for n in stack.shape], indexing="ij")).reshape(3, -1)
    placed = np.linalg.solve(affine[:3, :3], axes @ corners)
    i, j, k = (int(n) for n in np.round(np.ptp(placed, axis=1) + 1))
    first = next((c for c, p in zip(corners.T, placed.T, strict=True) if _is_lowest(p, placed)), None)
    if first is None:
        old, now = np.array(stack.shape) / 2, np.array((i, j, k)) / 2
        affine[:3, 3] = stack.affine[:3, 3] + axes @ old - affine[:3, :3] @ now
    else:
        affine[:3, 3] = stack.affine[:3, 3] + axes @ first
    return (i, j, k), affine


def _is_lowest(corner: np.ndarray, corners: np.ndarray) -> bool:
    """Whether no other corner lies before one along any axis, to the tolerance that MONAI has."""
    return bool(np.allclose((corners - corner[:, None]).min(axis=1), 0.0, rtol=0, atol=1e-8))


def _sample(data: np.ndarray, move: np.ndarray, shape: Size, order: int) -> np.ndarray:
    """What lies where an affine leads an index; edges are continued."""
    axes = move[:3, :3]
    along = np.diag(axes)
    if np.abs(axes - np.diag(along)).max() * max(shape) < _STRAIGHT:
        axes = along  # several times faster
    return ndimage.affine_transform(
        data, axes, move[:3, 3], shape, order=order, output=np.float32, mode="nearest"
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
