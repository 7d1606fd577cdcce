"""Slices between two painted ones, by their shapes.

Each painted slice becomes a map of the distance to its outline in mm, positive inside. Between two slices
the maps are averaged by how near each is, and what is positive is lesion: shape-based interpolation (Raya and
Udupa, IEEE Trans Med Imaging 9:32, 1990). A lesion that runs obliquely may not overlap with itself two slices
on, and the average would be empty: so the shapes are first laid on each other by their centres of mass, and
the result is moved to where the line between the two centres passes, both by whole voxels, so that no shape
is blurred: equal shapes stay as they are.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, check_dimensions
from napari_uncertainseg.lesions.editing.boxes import Spacing, box_of


def interpolated(lesion: np.ndarray, spacing: Spacing, axis: int) -> np.ndarray:
    """A mask with the empty slices between its painted ones filled in.

    Parameters
    ----------
    lesion
        3-D, bool; of other types what is not 0. Painted slices stay as they are.
    spacing
        Voxel size per axis, mm.
    axis
        Across which the slices lie.

    Returns
    -------
    bool, of the mask's shape.

    Raises
    ------
    InputError
        If no slice lies empty between two painted ones.
    """
    lesion = as_mask(lesion)
    check_dimensions("The lesion", lesion)
    found, box = lesion.copy(), box_of(lesion, 2 * max(spacing), spacing)
    slices = np.moveaxis(found[box], axis, 0)  # a view: what is written here stands in the result
    painted = np.flatnonzero(slices.any(axis=(1, 2)))
    sides = tuple(step for i, step in enumerate(spacing) if i != axis)
    gaps = [(int(low), int(high)) for low, high in pairwise(painted) if high - low > 1]
    if not gaps:
        raise InputError("No slice lies empty between painted ones: there is nothing to interpolate.")
    for low, high in gaps:
        slices[low + 1 : high] = _between(slices[low], slices[high], high - low, sides)
    return found


def _between(first: np.ndarray, last: np.ndarray, steps: int, sides: tuple[float, ...]) -> np.ndarray:
    """The slices between two, from the first to the last: bool, shape (steps - 1, m, n)."""
    centres = [np.array(ndimage.center_of_mass(one)) for one in (first, last)]
    maps = [_signed_distance(one, sides) for one in (first, last)]
    apart = np.rint(centres[1] - centres[0])
    found = np.zeros((steps - 1, *first.shape), bool)
    for i in range(1, steps):
        share = i / steps
        moved = np.rint(share * (centres[1] - centres[0]))
        laid = [
            ndimage.shift(one, by, order=1, mode="nearest")
            for one, by in zip(maps, (moved, moved - apart), strict=True)
        ]
        found[i - 1] = (1 - share) * laid[0] + share * laid[1] > 0
    return found


def _signed_distance(mask: np.ndarray, sides: tuple[float, ...]) -> np.ndarray:
    """Distance in mm from each voxel to the nearest one on the other side, positive within the mask."""
    wide = np.pad(mask, 1)  # a mask that fills its box has an outside, too
    inside = ndimage.distance_transform_edt(wide, sampling=sides)
    outside = ndimage.distance_transform_edt(~wide, sampling=sides)
    return np.asarray((inside - outside)[1:-1, 1:-1])
