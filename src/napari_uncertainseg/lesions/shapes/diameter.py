"""The longest diameter of a lesion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg._boxes import bounding_box

_FEW = 400
"""Points of which all pairs are compared at once."""


def longest_diameter(mask: np.ndarray, spacing: Sequence[float]) -> float:
    """The largest distance between two points of a lesion's surface, mm; 0 of an empty mask.

    The points are the middles of the faces between a voxel of the lesion and one outside: there lie the
    corners of the mesh that marching cubes make of it, so that this is the "maximum 3D diameter" of the Image
    Biomarker Standardisation Initiative (IBSI L0JK). One voxel of 1 mm has 1 mm.

    Parameters
    ----------
    mask
        bool, 3-D.
    spacing
        Of the voxels along each axis, mm.
    """
    points = _face_middles(mask[bounding_box(mask)]) * np.asarray(spacing, float)
    if not len(points):
        return 0.0
    if len(points) > _FEW:
        from scipy.spatial import ConvexHull

        points = points[ConvexHull(points).vertices]  # the farthest two are corners of it
    return float(max(np.linalg.norm(points - one, axis=1).max() for one in points))


def _face_middles(mask: np.ndarray) -> np.ndarray:
    """Middles of the outer faces, in voxels; float, shape (n, 3)."""
    padded = np.pad(mask, 1).astype(np.int8)
    found = []
    for axis in range(3):
        at = np.argwhere(np.diff(padded, axis=axis)).astype(float)
        at[:, axis] += 0.5
        found.append(at)
    return np.concatenate(found)
