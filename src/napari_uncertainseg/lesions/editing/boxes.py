"""The part of an image where an outline changes, and how it changes."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np

from napari_uncertainseg._boxes import Box, bounding_box

Spacing = tuple[float, float, float]
"""Voxel size along the axes of a mask, mm."""


@dataclass(frozen=True, eq=False)
class Change:
    """What is lesion in a box from now on.

    Attributes
    ----------
    box
        On the grid.
    wanted
        bool, of the box's shape.
    """

    box: Box
    wanted: np.ndarray


def widened(box: Box, margin: float, spacing: Spacing, shape: tuple[int, ...]) -> Box:
    """A box with at least so many mm, and one voxel, more on each side, as far as the grid goes."""
    more = [int(margin / step + 1e-6) + 1 for step in spacing]
    a, b, c = (
        slice(max(part.start - m, 0), min(part.stop + m, n))
        for part, m, n in zip(box, more, shape, strict=True)
    )
    return a, b, c


def box_of(mask: np.ndarray, margin: float, spacing: Spacing) -> Box:
    """The box of a mask with a margin in mm; empty where the mask is."""
    box = bounding_box(mask)
    return box if box[0].stop <= box[0].start else widened(box, margin, spacing, mask.shape)


def touching(mask: np.ndarray) -> np.ndarray:
    """A mask and all 26 neighbours of its voxels: what would be one component with it."""
    found = np.asarray(mask, bool)
    for axis in range(found.ndim):
        wide = found.copy()
        here, there = (_along(axis, 1, None), _along(axis, None, -1))
        wide[here] |= found[there]
        wide[there] |= found[here]
        found = wide
    return found


def _along(axis: int, start: int | None, stop: int | None) -> tuple[slice, ...]:
    part = [slice(None)] * 3
    part[axis] = slice(start, stop)
    return tuple(part)


def parts_of(mask: np.ndarray) -> np.ndarray:
    """The 26-connected components of a mask, numbered from 1; 0 outside."""
    return np.asarray(cc3d.connected_components(np.ascontiguousarray(mask), connectivity=26))


def painted_after(edit: np.ndarray | None, labels: np.ndarray, change: Change) -> np.ndarray | None:
    """The painting with which a box looks as it is wanted.

    Parameters
    ----------
    edit
        int8 of the grid's shape, +1 added, -1 removed, 0 untouched; None for no painting. Not changed.
    labels
        The lesions as they are outlined now, of the same shape; 0 is background.
    change
        What is wanted.

    Returns
    -------
    np.ndarray or None
        Such a painting; None where nothing is left of it. The same object where nothing changes.
    """
    differs = change.wanted != (labels[change.box] > 0)
    if not differs.any():
        return edit
    found = np.zeros(labels.shape, np.int8) if edit is None else edit.copy()
    found[change.box][differs] = np.where(change.wanted[differs], 1, -1)
    return found if found.any() else None
