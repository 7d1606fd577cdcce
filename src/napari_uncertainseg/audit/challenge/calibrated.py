"""Calibration as the benchmark of cortical lesions has it: 30 bins of the probability of lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._checks import as_mask, as_probabilities, check_same_shape
from napari_uncertainseg.calibration.reliability import Reliability, reliability
from napari_uncertainseg.calibration.scores import brier

BINS = 30


@dataclass(frozen=True)
class Calibrated:
    """Errors of probabilities; NaN where there is no voxel.

    Attributes
    ----------
    ece, mce, ace
        Gaps of the bins: weighted by voxels; the largest; their plain mean (the benchmark's "CE").
    brier
        Mean squared difference.
    """

    ece: float
    mce: float
    ace: float
    brier: float


def of_whole_image(probability: np.ndarray, reference: np.ndarray) -> Calibrated:
    """As the benchmark's code: all voxels of the image; a bin holds its right edge, exactly as stored.

    Parameters
    ----------
    probability
        0 to 1, any shape.
    reference
        Mask of that shape; nonzero is lesion.

    Raises
    ------
    InputError
        If shapes differ, or values are not of their kind.
    """
    p, y = as_probabilities(probability).ravel(), as_mask(reference, "The reference").ravel()
    check_same_shape("The prediction", p.shape, "the reference", y.shape)
    index = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], p)
    count = np.bincount(index, minlength=BINS)
    total = np.bincount(index, weights=p, minlength=BINS)
    positive = np.bincount(index[y], minlength=BINS)
    filled = count > 0
    if not filled.any():
        return Calibrated(*[float("nan")] * 4)
    gap = np.abs(positive[filled] - total[filled]) / count[filled]
    ece = float(np.average(gap, weights=count[filled]))
    return Calibrated(ece, float(gap.max()), float(gap.mean()), brier(probability, reference))


def in_region(
    probability: np.ndarray, reference: np.ndarray, region: np.ndarray
) -> tuple[Calibrated, Reliability]:
    """The same in a region, as the brain.

    Parameters
    ----------
    probability, reference
        As for `of_whole_image`.
    region
        Mask of that shape.

    Returns
    -------
    The errors, and the bins, from which those of several cases can be joined.
    """
    found = reliability(probability, reference, region=region, bins=BINS)
    score = brier(probability, reference, region=region)
    return Calibrated(float(found.ece), float(found.mce), float(found.ace), score), found
