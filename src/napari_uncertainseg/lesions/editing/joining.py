"""Two lesions that lie near each other made one, by a bridge at their nearest places."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box, union_box
from napari_uncertainseg._checks import as_mask, check_dimensions
from napari_uncertainseg.lesions.editing.boxes import Spacing, touching, widened
from napari_uncertainseg.lesions.editing.brush import way


def joined(
    first: np.ndarray,
    second: np.ndarray,
    spacing: Spacing,
    farthest: float,
    others: np.ndarray | None = None,
) -> np.ndarray:
    """Two lesions and a bridge between them.

    The bridge holds the voxels from which the ways to both lesions are together no longer than the gap, or
    half a voxel longer: it is as long as the gap and as wide as the two face each other there.

    Parameters
    ----------
    first, second
        3-D, bool, of one shape, with no voxel in common.
    spacing
        Voxel size per axis, mm.
    farthest
        The widest gap that is bridged: distance between the nearest voxels' centres, mm.
    others
        Lesions that must not be joined with them, as far as this can be avoided.

    Returns
    -------
    bool, of the masks' shape.

    Raises
    ------
    InputError
        If the gap is wider, or one of the two is empty.
    """
    first, second = as_mask(first), as_mask(second)
    check_dimensions("The lesion", first)
    if not (first.any() and second.any()):
        raise InputError("Choose two lesions to make one of.")
    here, there, gap = _nearest(first, second, spacing)
    if gap > farthest * (1 + 1e-6):
        raise InputError(
            f"The two lesions lie {gap:.1f} mm apart, which is more than the {farthest:g} mm that are "
            "bridged: raise this distance, or paint between them."
        )
    found = first | second
    ends = tuple(slice(min(a, b), max(a, b) + 1) for a, b in zip(here, there, strict=True))
    box = widened((ends[0], ends[1], ends[2]), 2 * gap, spacing, first.shape)
    ways = [ndimage.distance_transform_edt(~one[box], sampling=spacing) for one in (first, second)]
    bridge = ways[0] + ways[1] <= gap + min(spacing) / 2
    if others is not None:
        bridge &= ~touching(as_mask(others)[box])
    found[box] |= bridge
    for voxel in way(here, there):  # one row of voxels, whatever their shape
        found[voxel] = True
    return found


def _nearest(
    first: np.ndarray, second: np.ndarray, spacing: Spacing
) -> tuple[tuple[int, int, int], tuple[int, int, int], float]:
    """The nearest two voxels, and the distance between their centres, mm."""
    box = union_box(bounding_box(first), bounding_box(second))
    starts = [part.start for part in box]
    rims = [np.argwhere(_rim(one[box])) for one in (first, second)]
    trees = [cKDTree(rim * np.array(spacing)) for rim in rims]
    far, which = trees[1].query(trees[0].data)
    i = int(np.argmin(far))
    (s, a, r), (t, b, q) = rims[0][i] + starts, rims[1][int(which[i])] + starts
    return (int(s), int(a), int(r)), (int(t), int(b), int(q)), float(far[i])


def _rim(mask: np.ndarray) -> np.ndarray:
    return mask & touching(~mask) if not mask.all() else mask
