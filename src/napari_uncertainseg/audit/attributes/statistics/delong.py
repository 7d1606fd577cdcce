"""The area under the ROC curve with its components, and intervals for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

_Z = float(norm.ppf(0.975))
_STEPS = 60
"""Halvings of the range in which an end of an interval lies: to the last digit of a double."""


@dataclass(frozen=True, eq=False)
class Components:
    """The area under the ROC curve, patient by patient.

    Attributes
    ----------
    of_positive
        Of each positive: the share of the negatives that score lower, equal ones by half; float64.
    of_negative
        Of each negative: the share of the positives that score higher.
    """

    of_positive: np.ndarray
    of_negative: np.ndarray

    @property
    def auc(self) -> float:
        """The area: the mean of either."""
        return float(self.of_positive.mean())

    @property
    def variance(self) -> float:
        """Of the area, as DeLong, DeLong and Clarke-Pearson (Biometrics 44:837, 1988) estimate it.

        NaN with fewer than two positives or negatives.
        """
        m, n = len(self.of_positive), len(self.of_negative)
        if m < 2 or n < 2:
            return float("nan")
        return float(self.of_positive.var(ddof=1) / m + self.of_negative.var(ddof=1) / n)


def components(scores: np.ndarray, positive: np.ndarray) -> Components:
    """The components of an area, from sorted scores in place of all pairs.

    Sun and Xu (IEEE Signal Processing Letters 21:1389, 2014) found them from ranks, in as few steps.

    Parameters
    ----------
    scores
        float (n,), high where positive is more probable.
    positive
        bool (n,); at least one of either.
    """
    own, other = scores[positive], scores[~positive]
    return Components(_below(own, np.sort(other)) / len(other), 1 - _below(other, np.sort(own)) / len(own))


def _below(scores: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """How many of the others lie below each score, equal ones counted by half."""
    return (ascending.searchsorted(scores, "left") + ascending.searchsorted(scores, "right")) / 2


def delong_interval(found: Components) -> tuple[float, float]:
    """The 95 % interval by DeLong's variance, within 0 and 1.

    Where one class is wholly above the other the variance is 0, and the interval has no width whatever the
    number of patients: `score_interval` is for such.
    """
    half = _Z * np.sqrt(found.variance)
    return max(0.0, found.auc - half), min(1.0, found.auc + half)


def score_interval(
    auc: float, groups: Sequence[tuple[int, int]], variance: float | None = None
) -> tuple[float, float]:
    """The 95 % interval that holds each area from which the found one does not lie too far.

    Newcombe (Statistics in Medicine 25:559, 2006, method 5): the variance is that of Hanley and McNeil at the
    area asked about, not at the one found, so that the interval keeps a width where the area is 0 or 1.

    Parameters
    ----------
    auc
        The area, 0 to 1, or the mean of several.
    groups
        Positives and negatives of each area.
    variance
        Of the area where nothing can be told, such as permuted labels show it: where it is larger than the
        usual one, all variances are larger by the same factor.
    """

    def usual(area: float) -> float:
        return float(np.mean([usual_variance(area, *sizes) for sizes in groups]))

    times = 1.0 if variance is None else max(1.0, variance / usual(0.5))

    def far(area: float) -> bool:
        return bool(abs(area - auc) > _Z * np.sqrt(times * usual(area)))

    def end(outside: float) -> float:
        inside = auc
        if not far(outside):
            return outside
        for _ in range(_STEPS):
            half = (inside + outside) / 2
            inside, outside = (inside, half) if far(half) else (half, outside)
        return inside

    return end(0.0), end(1.0)


def usual_variance(auc: float, positives: int, negatives: int) -> float:
    """Of an area, as Hanley and McNeil give it (Radiology 143:29, 1982), in Newcombe's form.

    Parameters
    ----------
    auc
        The area, 0 to 1.
    positives, negatives
        How many there are of either; both count as their mean beside the area.
    """
    middle = (positives + negatives) / 2 - 1
    spread = 1 + middle * (1 - auc) / (2 - auc) + middle * auc / (1 + auc)
    return auc * (1 - auc) * spread / (positives * negatives)
