"""The voxels of one lesion, and which of them are neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

DIRECTIONS = np.array([d for d in product((0, 1, -1), repeat=3) if d > (0, 0, 0)])
"""The 13 directions at distance 1, of each pair of opposite ones the one that is larger, (13, 3)."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """The voxels of one lesion and their grey levels.

    Attributes
    ----------
    where
        Their index within a box, int64 (voxels, 3).
    grey
        Their grey level, from 1 up, int64 (voxels,).
    """

    where: np.ndarray
    grey: np.ndarray

    @cached_property
    def levels(self) -> np.ndarray:
        """The grey levels that are there, ascending, float64 (levels,)."""
        return np.unique(self.grey).astype(float)

    @cached_property
    def code(self) -> np.ndarray:
        """Number of each voxel's grey level among `levels`, from 0, int64 (voxels,)."""
        return np.searchsorted(self.levels, self.grey)

    @cached_property
    def _box(self) -> np.ndarray:
        """Numbers of the voxels (from 0) in a box with an empty margin; -1 elsewhere."""
        low = self.where.min(0)
        box = np.full(self.where.max(0) - low + 3, -1)
        box[tuple((self.where - low + 1).T)] = np.arange(len(self.where))
        return box

    @cached_property
    def neighbours(self) -> np.ndarray:
        """Number of the next voxel in each of `DIRECTIONS`, -1 where there is none, (13, voxels)."""
        return self._next(DIRECTIONS)

    @cached_property
    def all_neighbours(self) -> np.ndarray:
        """Likewise in all 26 directions, (26, voxels)."""
        return np.concatenate([self.neighbours, self._next(-DIRECTIONS)])

    def _next(self, directions: np.ndarray) -> np.ndarray:
        strides = np.array(self._box.strides) // self._box.itemsize
        here = (self.where - self.where.min(0) + 1) @ strides
        return self._box.ravel()[here + (directions @ strides)[:, None]]

    @cached_property
    def levels_in_box(self) -> np.ndarray:
        """Grey levels in the box, 0 outside of the lesion, int32."""
        return np.where(self._box < 0, 0, self.grey[self._box]).astype(np.int32)
