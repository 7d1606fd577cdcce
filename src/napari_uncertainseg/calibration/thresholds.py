"""The threshold that agrees best with a reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_numbers, as_probabilities, check_same_shape
from napari_uncertainseg._threshold import limit

GRID = np.arange(10, 991) / 1000
"""Thresholds that are tried: 0.010, 0.011, ..., 0.990."""


@dataclass(frozen=True)
class BestThreshold:
    """A threshold and the Dice coefficient that it reaches."""

    threshold: float
    dice: float


def best_dice(probability: np.ndarray, reference: np.ndarray, *, grid: np.ndarray = GRID) -> BestThreshold:
    """Threshold with the highest Dice coefficient against a reference.

    The result is exact on the grid: two histograms of the probability, one of all voxels and
    one of the voxels in the reference, give the Dice coefficient at every threshold at once.
    It is counted by voxels, before small lesions are left out.

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, any shape.
    reference
        A mask of the same shape; nonzero is lesion.
    grid
        Thresholds to try, increasing.

    Returns
    -------
    BestThreshold
        When several thresholds reach the same Dice coefficient, the middle one of them.

    Raises
    ------
    InputError
        If the shapes differ, a probability is no number from 0 to 1, the reference is no mask, or one of the
        two is empty.
    """
    reference = as_mask(reference, "The reference")
    dice = dice_curve(probability, reference, grid)
    if not reference.any():
        raise InputError("The reference has no voxel: choose a mask in which lesions are drawn.")
    if not dice.any():
        raise InputError("No voxel of the reference has a probability above the lowest threshold.")
    best = np.flatnonzero(dice == dice.max())
    chosen = best[len(best) // 2]
    return BestThreshold(float(grid[chosen]), float(dice[chosen]))


def dice_curve(probability: np.ndarray, reference: np.ndarray, grid: np.ndarray = GRID) -> np.ndarray:
    """Dice coefficient of ``probability >= t`` against a reference, for each t of a grid.

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, any shape.
    reference
        A mask of the same shape; nonzero is lesion.
    grid
        Thresholds, increasing.

    Returns
    -------
    np.ndarray
        Shape of ``grid``; 0 where neither has a voxel.

    Raises
    ------
    InputError
        If the shapes differ, a probability is no number from 0 to 1, or the reference is no mask.
    """
    probability, reference = as_probabilities(probability), as_mask(reference, "The reference")
    check_same_shape("The reference", reference.shape, "the prediction", probability.shape)
    predicted = counts_at_least(probability, grid)
    hits = counts_at_least(probability[reference], grid)
    total = predicted + np.count_nonzero(reference)
    return np.divide(2 * hits, total, out=np.zeros(len(grid)), where=total > 0)


def counts_at_least(values: np.ndarray, grid: np.ndarray = GRID) -> np.ndarray:
    """Number of values at or above each threshold.

    Parameters
    ----------
    values
        Any shape, 0 to 1.
    grid
        Thresholds, increasing, at least one; compared as a segmentation is, see `_threshold`.

    Returns
    -------
    np.ndarray
        Integers, shape of ``grid``.

    Raises
    ------
    InputError
        If a value is no probability, or the thresholds do not increase.
    """
    values = as_probabilities(values)
    edges = limit(increasing(grid), values.dtype)
    step = np.searchsorted(edges, values[values >= edges[0]], side="right") - 1
    return np.cumsum(np.bincount(step, minlength=len(edges))[::-1])[::-1]


def increasing(grid: np.ndarray) -> np.ndarray:
    """Thresholds as float64, at least one and increasing, or raise InputError.

    Parameters
    ----------
    grid
        (thresholds,).
    """
    found = as_numbers(grid, "Thresholds").astype(float)
    if found.ndim != 1 or not found.size or not (np.diff(found) > 0).all():
        raise InputError("The thresholds should be a list that increases.")
    return found
