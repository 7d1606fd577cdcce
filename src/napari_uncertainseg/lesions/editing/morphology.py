"""An outline grown or shrunk by a distance in mm, and its holes filled."""

from __future__ import annotations

import cc3d
import numpy as np

from napari_uncertainseg._checks import as_mask, as_number, check_dimensions
from napari_uncertainseg.lesions.components import neighbourhood
from napari_uncertainseg.lesions.editing.boxes import Spacing, box_of, touching


def smallest_side(spacing: Spacing, axis: int) -> float:
    """The smaller side of a voxel in the slices across an axis, mm: what growing by one voxel means."""
    return min(step for i, step in enumerate(spacing) if i != axis)


def grown(
    lesion: np.ndarray, spacing: Spacing, distance: float, others: np.ndarray | None = None
) -> np.ndarray:
    """A lesion with all voxels whose centre is at most so far from one of its own.

    Parameters
    ----------
    lesion
        3-D, bool; of other types what is not 0.
    spacing
        Voxel size per axis, mm.
    distance
        mm, 0 or more.
    others
        Lesions that it must not grow together with, of the same shape: their voxels and all 26 neighbours
        of these stay free.

    Returns
    -------
    bool, of the mask's shape.
    """
    lesion = _checked(lesion)
    found = neighbourhood(lesion, spacing, as_number(distance, "The distance"))
    if others is not None:
        box = box_of(found, 0.0, spacing)
        found[box] &= ~touching(as_mask(others)[box]) | lesion[box]
    return found


def shrunk(lesion: np.ndarray, spacing: Spacing, distance: float) -> np.ndarray:
    """A lesion without the voxels whose centre is at most so far from a voxel outside of it.

    Nothing is known of what lies beyond the edge of the image: a lesion does not shrink from there.

    Parameters
    ----------
    lesion, spacing, distance
        As for `grown`.

    Returns
    -------
    bool, of the mask's shape.
    """
    lesion = _checked(lesion)
    found, box = np.zeros(lesion.shape, bool), box_of(lesion, as_number(distance, "The distance"), spacing)
    inside = lesion[box]
    found[box] = inside & ~neighbourhood(~inside, spacing, float(distance))
    return found


def filled(lesion: np.ndarray, axis: int | None = None) -> np.ndarray:
    """A lesion with its holes: what no path outside of it connects with the edge of the image.

    A path goes from face to face of voxels, as lesions hang together over corners too.

    Parameters
    ----------
    lesion
        As for `grown`.
    axis
        Fill each slice across this axis by itself, where a ring is enough; None for holes in 3-D, which
        are closed on all sides.

    Returns
    -------
    bool, of the mask's shape.
    """
    lesion = _checked(lesion)
    found, box = lesion.copy(), box_of(lesion, 0.0, (1.0, 1.0, 1.0))
    inside = lesion[box]
    if not inside.size:
        return found
    if axis is None:
        found[box] |= _holes(inside)
        return found
    slices = np.moveaxis(inside, axis, 0)
    holes = np.stack([_holes(part) for part in slices])
    found[box] |= np.moveaxis(holes, 0, axis)
    return found


def _holes(mask: np.ndarray) -> np.ndarray:
    """Where a mask (2-D or 3-D) has holes."""
    # A way around what reaches the edge of the box; what lies beyond the edge of the image counts as outside.
    around = np.pad(~mask, 1, constant_values=True)
    outside = np.asarray(
        cc3d.connected_components(np.ascontiguousarray(around), connectivity=6 if mask.ndim == 3 else 4)
    )
    inner = tuple(slice(1, -1) for _ in range(mask.ndim))
    holes = around & (outside != outside[(0,) * mask.ndim])
    return np.asarray(holes[inner])


def _checked(lesion: np.ndarray) -> np.ndarray:
    lesion = as_mask(lesion)
    check_dimensions("The lesion", lesion)
    return lesion
