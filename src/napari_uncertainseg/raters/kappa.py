"""Cohen's kappa from counts: agreement of two readers beyond what chance would give."""

from __future__ import annotations

import numpy as np


def kappa_of_counts(counts: np.ndarray, *, undefined: float) -> np.ndarray:
    """Cohen's kappa, (observed - chance) / (1 - chance), of one or more pairs of readers.

    Cohen, Educ. Psychol. Meas. 20:37, 1960.

    Parameters
    ----------
    counts
        Shape (..., k, k): how often the first reader chose category i and the second one j.
    undefined
        Value where both chose one and the same category only, so that chance alone agrees in all, and where
        nothing was counted: kappa is 0 / 0 there.

    Returns
    -------
    numpy.ndarray
        float64, shape (...).
    """
    counts = np.asarray(counts, float)
    n = counts.sum((-2, -1))
    observed = n - np.trace(counts, axis1=-2, axis2=-1)  # as disagreement, which is 0 exactly where it is
    agreed_by_chance = (counts.sum(-1) * counts.sum(-2)).sum(-1)
    expected = n * n - agreed_by_chance
    ratio = np.divide(observed * n, expected, out=np.full_like(n, 1 - undefined), where=expected > 0)
    return np.asarray(1 - ratio)
