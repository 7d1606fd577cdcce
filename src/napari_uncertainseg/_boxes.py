"""Boxes of voxels: the smallest one that holds a mask, or two boxes."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._checks import as_mask, check_dimensions

Box = tuple[slice, slice, slice]


def bounding_box(mask: np.ndarray) -> Box:
    """Smallest box that holds all of a mask.

    Parameters
    ----------
    mask
        3-D, bool; of other types what is not 0.

    Returns
    -------
    tuple of slice
        One per axis; empty slices where the mask is empty.
    """
    mask = as_mask(mask)
    check_dimensions("The mask", mask)
    a, b, c = bounding_slices(mask)
    return a, b, c


def painted_box(edit: np.ndarray) -> Box:
    """Smallest box that holds all of a painting: whole numbers, 3-D, 0 where nothing was painted.

    Of int8 no second image is made, as a comparison does.
    """
    a, b, c = bounding_slices(edit.view(np.bool_) if edit.dtype.itemsize == 1 else edit != 0)
    return a, b, c


def bounding_slices(mask: np.ndarray) -> tuple[slice, ...]:
    """The same for a bool mask with any number of axes, not checked."""
    box: list[slice] = []
    part = mask
    for axis in range(mask.ndim):
        rest = tuple(other for other in range(mask.ndim) if other != axis)
        seen = np.flatnonzero(part.any(axis=rest))
        box.append(slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 0))
        # The next axes are searched in what is left: most of a brain image is nothing.
        part = part[(*(slice(None),) * axis, box[-1])]
    return tuple(box)


def union_box(first: Box, second: Box) -> Box:
    """Smallest box that holds both; an empty box adds nothing."""
    if any(s.stop <= s.start for s in second):
        return first
    if any(s.stop <= s.start for s in first):
        return second
    a, b, c = (slice(min(x.start, y.start), max(x.stop, y.stop)) for x, y in zip(first, second, strict=True))
    return a, b, c
