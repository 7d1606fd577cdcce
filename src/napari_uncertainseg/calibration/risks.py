"""What a threshold costs on one case: lesion volume and lesions missed, and what is outlined in vain."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.thresholds import GRID, counts_at_least
from napari_uncertainseg.lesions.components import Foreground, label_mask


def missed_volume(probability: np.ndarray, reference: np.ndarray, grid: np.ndarray = GRID) -> np.ndarray:
    """Share of the reference's voxels with a probability below each threshold.

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, any shape.
    reference
        bool, same shape.
    grid
        Thresholds, increasing.

    Returns
    -------
    np.ndarray
        Shape of ``grid``, 0 to 1, never falling; 0 where the reference is empty: nothing can be missed.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    _check(probability, reference)
    return _missed(probability[reference], grid)


def missed_lesions(
    probability: np.ndarray, reference: np.ndarray, grid: np.ndarray = GRID, *, min_voxels: int = 1
) -> np.ndarray:
    """Share of the reference's lesions without any voxel that reaches each threshold.

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, 3-D.
    reference
        bool, same shape; its 26-connected components are the lesions.
    grid
        Thresholds, increasing.
    min_voxels
        Smaller lesions do not count.

    Returns
    -------
    np.ndarray
        As of `missed_volume`.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    _check(probability, reference)
    labels, n = label_mask(reference, min_voxels=min_voxels)
    peak = np.zeros(n + 1, dtype=probability.dtype)
    np.maximum.at(peak, labels[reference], probability[reference])
    return _missed(peak[1:], grid)


def false_volume(probability: np.ndarray, reference: np.ndarray, grid: np.ndarray = GRID) -> np.ndarray:
    """Share of what is outlined at each threshold that lies outside the reference (false discoveries).

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, any shape.
    reference
        bool, same shape.
    grid
        Thresholds, increasing.

    Returns
    -------
    np.ndarray
        Shape of ``grid``, 0 to 1; 0 where nothing is outlined. It may rise and fall.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    _check(probability, reference)
    outlined = counts_at_least(probability, grid)
    return _share(counts_at_least(probability[~reference], grid), outlined)


def false_lesions(
    probability: np.ndarray, reference: np.ndarray, grid: np.ndarray = GRID, *, min_voxels: int = 1
) -> np.ndarray:
    """Share of the lesions outlined at each threshold that touch no voxel of the reference.

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, 3-D.
    reference
        bool, same shape.
    grid
        Thresholds, increasing.
    min_voxels
        Smaller components are not outlined.

    Returns
    -------
    np.ndarray
        As of `false_volume`.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    _check(probability, reference)
    shares = np.zeros(len(grid))
    foreground = Foreground.of(probability, float(grid[0]))
    inside, truth = probability[foreground.box], reference[foreground.box]
    for i, threshold in enumerate(np.asarray(grid, dtype=probability.dtype)):
        mask = inside >= threshold
        if not mask.any():
            break
        labels, n = label_mask(mask, min_voxels=min_voxels)
        if n:
            shares[i] = 1 - np.count_nonzero(np.bincount(labels[truth], minlength=n + 1)[1:]) / n
    return shares


def _missed(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Share of values below each threshold; 0 where there are none."""
    return _share(len(values) - counts_at_least(values, grid), np.full(len(grid), len(values)))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _check(probability: np.ndarray, reference: np.ndarray) -> None:
    if probability.shape != reference.shape:
        raise InputError(
            f"The reference has the shape {reference.shape}, the prediction {probability.shape}: "
            "choose a mask that lies on the scan's own grid."
        )
