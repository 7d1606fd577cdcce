"""The lesion that a change was about, after it was taken back or done again."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from napari_uncertainseg.review.open_case.undo_history import Change, Stroke
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


def lesion_of_change(lesions: Lesions, change: Change) -> Voxel | None:
    """A voxel of the lesion or candidate that a change names; None where that is gone, and nothing is near.

    A stroke that was taken back may have no voxel in its lesion any more: then the lesion touches it.

    Parameters
    ----------
    lesions
        As outlined after the change was taken back or done again.
    change
        Which.
    """
    if isinstance(change, Stroke):
        index = np.array(np.unravel_index(change.flat, lesions.labels.shape))
        named = change.number
    else:
        index, named = np.array(change.voxel)[:, None], lesions.component_at(change.voxel)
    where, numbers = _touched(lesions, index)
    if not len(numbers):
        return None
    if named not in numbers:  # merged or parted since: the one that shares most with it
        found, count = np.unique(numbers, return_counts=True)
        named = max(zip(found > 0, count, found, strict=True))[2]
    mine = where[numbers == named]
    nearest = mine[np.argmin(((mine - change.voxel) ** 2).sum(1))]
    s, a, r = (int(i) for i in nearest)
    return s, a, r


def _touched(lesions: Lesions, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (n, 3) of lesions (> 0) and candidates (< 0) at places (3, m) or beside them; their numbers."""
    start = np.maximum(index.min(1) - 1, 0)
    stop = np.minimum(index.max(1) + 2, lesions.labels.shape)
    mask = np.zeros(stop - start, bool)
    mask[tuple(index - start[:, None])] = True
    box = tuple(slice(int(i), int(j)) for i, j in zip(start, stop, strict=True))
    labels = lesions.labels[box].astype(np.int64)
    labels = np.where(labels, labels, -lesions.candidates[box].astype(np.int64))
    near = np.argwhere(binary_dilation(mask, np.ones((3, 3, 3), bool)) & (labels != 0))
    return near + start, labels[tuple(near.T)]
