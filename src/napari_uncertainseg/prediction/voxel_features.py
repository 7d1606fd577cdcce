"""What is measured on the scans of the voxels that a prediction takes for possible lesion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from napari_uncertainseg._base import InputError

VOXEL_FEATURES: Mapping[str, str] = MappingProxyType(
    {
        "brightness": "FLAIR, 0 at the median of tissue, 1 where it is 30 % brighter",
        "contrast": "FLAIR less that of the healthy tissue within some 6 mm, same unit",
        "contrast_t1": "the same on T1, in standard deviations of the brain",
        "contrast_t2": "the same on T2",
        "over_grey": "FLAIR less that of the brightest tenth of healthy tissue, which is grey matter",
        "depth": "distance to dark fluid or to the brain's edge, whichever is nearer, mm, at most 30",
        "edge": "distance to the brain's edge, mm, at most 30",
        "ventricle": "distance to dark fluid deep in the brain, mm, at most 30",
        "mirrored": "mean probability within some 3 mm of the same place on the other side",
        "asymmetry": "FLAIR less that of the same place on the other side, both within some 3 mm",
    }
)
"""What is measured of each voxel; NaN where there is no such scan."""


@dataclass(frozen=True, eq=False)
class VoxelFeatures:
    """Measures of the voxels that may be lesion; other voxels have none, so that this stays small.

    Attributes
    ----------
    where
        Flat positions of these voxels on the grid, int64, ascending.
    values
        float16, shape ``(len(VOXEL_FEATURES), voxels)``, in their order; NaN where not known.

    Raises
    ------
    InputError
        If the shapes or types are others, positions do not ascend, or a value is infinite.
    """

    where: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        right = (
            self.where.dtype == np.int64
            and self.where.ndim == 1
            and self.values.dtype == np.float16
            and self.values.shape == (len(VOXEL_FEATURES), len(self.where))
            and (np.diff(self.where, prepend=-1) > 0).all()
            and not np.isinf(self.values).any()
        )
        if not right:
            raise InputError("What lies around the lesions is not what this program measures.")

    def of(self, feature: str) -> np.ndarray:
        """One feature of all these voxels, float64."""
        return self.values[list(VOXEL_FEATURES).index(feature)].astype(float)

    def among(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which voxels of a grid are among these (bool, shape (n,)), and the number here of those that are.

        Parameters
        ----------
        flat
            Flat positions, integers, shape (n,).
        """
        if not len(self.where):
            return np.zeros(len(flat), bool), np.zeros(0, np.intp)
        at = np.searchsorted(self.where, flat).clip(max=len(self.where) - 1)
        known = self.where[at] == flat
        return known, at[known]
