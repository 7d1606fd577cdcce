"""Rulers and regions in voxels of a scan: their length, their voxels, their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_uncertainseg.images.volume import Grid

Kind = Literal["ellipse", "polygon", "lesion"]
PLANES = ("axial", "coronal", "sagittal")
"""Names of the planes across the axes (s, a, r)."""


@dataclass(frozen=True)
class Slice:
    """A slice of a canonical grid.

    Attributes
    ----------
    axis
        The axis across it: 0, 1 or 2 for (s, a, r).
    index
        Its number along that axis, from 0.
    """

    axis: int
    index: int

    @property
    def name(self) -> str:
        """Such as ``"axial 92"``."""
        return f"{PLANES[self.axis]} {self.index}"

    @property
    def in_plane(self) -> tuple[int, int]:
        """The two axes that lie in it."""
        first, second = (axis for axis in range(3) if axis != self.axis)
        return first, second


def length_mm(points: np.ndarray, grid: Grid) -> float:
    """Length of a line through points, mm in the patient, whatever the voxels' sizes and directions are.

    Parameters
    ----------
    points
        Shape (n, 3), voxels of the canonical grid (s, a, r); they need not be whole numbers.
    grid
        Where the voxels lie.
    """
    steps = np.diff(np.asarray(points, float), axis=0) @ grid.affine[:3, :3].T
    return float(np.linalg.norm(steps, axis=1).sum())


def to_patient(points: np.ndarray, grid: Grid) -> np.ndarray:
    """RAS millimetres, shape (n, 3), of voxels of a grid."""
    return np.asarray(points, float) @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def to_voxels(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Voxels of a grid, shape (n, 3), of RAS millimetres."""
    return np.linalg.solve(grid.affine[:3, :3], (np.asarray(points, float) - grid.affine[:3, 3]).T).T


def voxels_inside(kind: Kind, points: np.ndarray, where: Slice, grid: Grid) -> np.ndarray:
    """The voxels of a slice whose centres lie in an outline.

    Parameters
    ----------
    kind
        ``"ellipse"``: two opposite corners of its box. ``"polygon"``: its corners, by the even-odd rule.
    points
        Shape (n, 3), voxels of the canonical grid.
    where
        The slice in which it was drawn.
    grid
        Voxels outside it are left out.

    Returns
    -------
    numpy.ndarray
        int64, shape (n, 3): (s, a, r) of each.
    """
    axes = list(where.in_plane)
    outline = np.asarray(points, float)[:, axes]
    low = np.maximum(np.ceil(outline.min(axis=0)), 0).astype(int)
    high = np.minimum(np.floor(outline.max(axis=0)), np.array(grid.shape)[axes] - 1).astype(int)
    if (high < low).any() or not 0 <= where.index < grid.shape[where.axis]:
        return np.empty((0, 3), np.int64)
    ranges = [np.arange(start, stop + 1) for start, stop in zip(low, high, strict=True)]
    centres = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = _in_ellipse(centres, outline) if kind == "ellipse" else _in_polygon(centres, outline)
    found = np.full((int(inside.sum()), 3), where.index, np.int64)
    found[:, axes] = centres[inside]
    return found


def _in_ellipse(centres: np.ndarray, corners: np.ndarray) -> np.ndarray:
    low, high = corners.min(axis=0), corners.max(axis=0)
    radius = (high - low) / 2
    if (radius <= 0).any():
        return np.zeros(len(centres), bool)
    return (((centres - (low + high) / 2) / radius) ** 2).sum(axis=1) <= 1


def _in_polygon(centres: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Whether a line from each point to the right crosses the outline an odd number of times."""
    inside = np.zeros(len(centres), bool)
    y, x = centres[:, 0], centres[:, 1]
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def volume_ml(voxels: np.ndarray, grid: Grid) -> float:
    """Volume of so many voxels, ml."""
    return len(voxels) * grid.voxel_volume / 1000


def area_mm2(voxels: np.ndarray, where: Slice, grid: Grid) -> float:
    """Area of the voxels of a slice, mm2."""
    first, second = (grid.affine[:3, axis] for axis in where.in_plane)
    return len(voxels) * float(np.linalg.norm(np.cross(first, second)))


def ellipse_outline(corners: Sequence[Sequence[float]], where: Slice, points: int = 48) -> np.ndarray:
    """Points on an ellipse in the box of two corners, shape (n, 3), to draw it."""
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    drawn = np.repeat(((low + high) / 2)[None], points, axis=0)
    for axis, wave in zip(where.in_plane, (np.sin(angle), np.cos(angle)), strict=True):
        drawn[:, axis] += wave * (high - low)[axis] / 2
    return drawn
