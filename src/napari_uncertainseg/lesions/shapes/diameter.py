"""The longest diameter of a lesion in 3-D."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

_SIDES = np.concatenate([np.eye(3), -np.eye(3)]) / 2


def longest_diameter(mask: np.ndarray, steps: np.ndarray) -> float:
    """Largest distance between two points of a lesion's surface, mm; 0 of an empty mask.

    The surface lies halfway between the centres of voxels inside and outside, as that of `mesh_of`: one voxel
    is as long as its longest side, a row of voxels as long as they are together. This is the "maximum 3D
    diameter" of the Image Biomarker Standardisation Initiative (arXiv 1612.07003), which measures it in any
    direction, not in one slice.

    Parameters
    ----------
    mask
        bool, 3-D; the lesion's box is enough.
    steps
        3x3, mm: its columns lead from a voxel to the next along each axis; `Grid.affine` without the shift.
    """
    voxels = _ends_of_rows(mask)
    if not len(voxels):
        return 0.0
    points = (voxels[:, None] + _SIDES).reshape(-1, 3)
    points = points[ConvexHull(points).vertices]
    return float(pdist(points @ steps.T).max())


def _ends_of_rows(mask: np.ndarray) -> np.ndarray:
    """First and last voxel of each row along the last axis, float (n, 3): no other can be the farthest."""
    rows = np.argwhere(mask.any(-1))
    held = mask[rows[:, 0], rows[:, 1]]
    first, last = held.argmax(-1), mask.shape[-1] - 1 - held[:, ::-1].argmax(-1)
    return np.concatenate([np.column_stack([rows, first]), np.column_stack([rows, last])]).astype(float)
