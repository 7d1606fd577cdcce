"""A scan and the grid that it lies on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Grid:
    """Where a three-dimensional array lies in the patient.

    Arrays are held in canonical order: index (s, a, r) grows towards superior,
    anterior and right, as nearly as the scan's own axes allow.

    Attributes
    ----------
    shape
        Number of voxels along (s, a, r).
    affine
        4x4, canonical voxel index (s, a, r, 1) to RAS+ millimetres (x, y, z, 1).
        It may be oblique.
    stored
        How the file held the array: for each *file* axis the canonical axis that it
        is and +1 or -1 for its direction, shape (3, 2). Results are written so.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    stored: np.ndarray = field(default_factory=lambda: np.array([[2, 1], [1, 1], [0, 1]]))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along (s, a, r), mm."""
        s, a, r = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(s), float(a), float(r)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel, mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def same_as(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """Whether both grids have the same shape and the same affine (mm)."""
        return self.shape == other.shape and np.allclose(
            self.affine, other.affine, rtol=0, atol=tolerance
        )


@dataclass(frozen=True, eq=False)
class Volume:
    """One scan, label image or map, in canonical order.

    Attributes
    ----------
    data
        Shape ``grid.shape``, float32 for scans. Never edited in place.
    grid
        Where it lies.
    name
        What the user calls it: the layer's or the file's name.
    modality
        ``"flair"``, ``"t1"``, ``"t2"`` or None when unknown.
    path
        The file that it was read from, if any.
    """

    data: np.ndarray
    grid: Grid
    name: str
    modality: str | None = None
    path: Path | None = None
