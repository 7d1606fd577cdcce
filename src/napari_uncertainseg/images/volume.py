"""A scan and the grid that it lies on."""

from __future__ import annotations

from collections.abc import Mapping
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
    file_affine: np.ndarray | None = None

    @classmethod
    def from_file(cls, shape: tuple[int, ...], affine: np.ndarray) -> Grid:
        """Grid of an array that a file holds.

        Parameters
        ----------
        shape
            Of the array in the file's axis order.
        affine
            4x4, file voxel index to RAS+ mm; not singular.
        """
        from nibabel import orientations  # it takes a fifth of a second, and not all who know grids read one

        affine = np.array(affine, dtype=np.float64)
        stored = orientations.io_orientation(affine).astype(int)
        stored[:, 0] = 2 - stored[:, 0]
        sizes = [0, 0, 0]
        for size, (axis, _) in zip(shape, stored, strict=True):
            sizes[axis] = int(size)
        canonical = affine @ orientations.inv_ornt_aff(stored, shape)
        return cls((sizes[0], sizes[1], sizes[2]), canonical, stored, affine)

    def to_canonical(self, array: np.ndarray) -> np.ndarray:
        """Bring an array from the file's axis order into (s, a, r) order, as a view.

        Parameters
        ----------
        array
            Any dtype, in the file's axis order.
        """
        from nibabel import orientations

        return orientations.apply_orientation(array, self.stored)

    def to_file(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bring an array from (s, a, r) order into the file's, as a view, with the file's affine.

        Parameters
        ----------
        array
            Any dtype, shape (s, a, r) of the grid.

        Returns
        -------
        array, affine
            Exactly what the file had, when the grid came from one.
        """
        order = [int(axis) for axis, _ in self.stored]
        flips = tuple(slice(None, None, int(flip)) for _, flip in self.stored)
        moved = array.transpose(order)[flips]
        if self.file_affine is not None:
            return moved, self.file_affine.copy()
        from nibabel import orientations

        back = np.linalg.inv(orientations.inv_ornt_aff(self.stored, moved.shape))
        return moved, self.affine @ back

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along (s, a, r), mm."""
        s, a, r = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(s), float(a), float(r)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel, mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def slider_slice(self, s: int) -> int:
        """The number that the window's slider shows for the axial slice of an index: 0 is the topmost."""
        return self.shape[0] - 1 - s

    def same_as(self, other: Grid, tolerance: float = 1e-3) -> bool:
        """Whether both grids have the same shape and the same affine (mm)."""
        return self.shape == other.shape and np.allclose(self.affine, other.affine, rtol=0, atol=tolerance)


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
    notes
        What the user should know about how it was read: one sentence each.
    uids
        DICOM identifiers by what they name (``"patient"``, ``"study"``, ``"series"``, ``"frame"``), for
        scans that come from DICOM; otherwise empty.
    """

    data: np.ndarray
    grid: Grid
    name: str
    modality: str | None = None
    path: Path | None = None
    notes: tuple[str, ...] = ()
    uids: Mapping[str, str] = field(default_factory=dict)
