"""95 % intervals of measures, from drawing patients anew; the visits of a patient come together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.audit.ranking.resampling import draw_cases
from napari_uncertainseg.explain.drivers.statistics.intervals import bounds

FEWEST = 5
"""Patients below which there is no interval: it would hold far fewer than 95 % (docs/audit.md)."""


@dataclass(frozen=True)
class Estimate:
    """A value and the bounds of its 95 % interval; NaN where it has none.

    Attributes
    ----------
    value, low, high
        NaN where not defined.
    cases, patients
        Behind the value.
    """

    value: float
    low: float
    high: float
    cases: int
    patients: int


Statistic = Callable[[np.ndarray], float]
"""A value of cases, which are given by their numbers, int (n,); some come more than once."""


class PatientDraws:
    """Draws of patients, the same for all measures of a cohort.

    Parameters
    ----------
    patients
        Of each case.
    draws
        How often patients are drawn.
    seed
        Of the draws.
    """

    def __init__(self, patients: Sequence[str], draws: int, seed: int) -> None:
        self._names = np.array(patients, dtype=object)
        self._draws, self._seed = draws, seed

    def mean(self, values: np.ndarray, inside: np.ndarray | None = None) -> Estimate:
        """Mean over the cases that have a value.

        Parameters
        ----------
        values
            Of each case, float64 (cases,), NaN where it has none.
        inside
            bool (cases,): the cases that count; all if None.
        """
        return self._estimate(*self._drawn_means(values, inside))

    def gap(self, values: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> Estimate:
        """Mean of the cases inside less that of those outside; each group's patients are drawn for itself.

        Parameters
        ----------
        values
            As for `mean`.
        inside, outside
            bool (cases,).
        """
        return self._gap(self._drawn_means(values, inside), self._drawn_means(values, outside, 1))

    def statistic(
        self, statistic: Statistic, inside: np.ndarray, kinds: np.ndarray | None = None
    ) -> Estimate:
        """A value that is no mean.

        Parameters
        ----------
        statistic
            Of the cases.
        inside
            bool (cases,): the cases that count.
        kinds
            bool (cases,): where the statistic tells cases of two kinds apart, which is which. There is an
            interval only where each kind has enough patients.
        """
        return self._estimate(*self._drawn_statistics(statistic, inside, kinds))

    def statistic_gap(
        self,
        statistic: Statistic,
        inside: np.ndarray,
        outside: np.ndarray,
        kinds: np.ndarray | None = None,
    ) -> Estimate:
        """The same inside less that outside."""
        one = self._drawn_statistics(statistic, inside, kinds)
        return self._gap(one, self._drawn_statistics(statistic, outside, kinds, 1))

    def _drawn_means(
        self, values: np.ndarray, inside: np.ndarray | None, stream: int = 0
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """The mean, those of the draws, and the number of cases of each patient."""
        known = np.isfinite(values) & (True if inside is None else inside)
        found = values[known]
        if not len(found):
            return float("nan"), np.empty(0), np.empty(0)
        counts, sizes = self._counts(known, stream)
        return float(found.mean()), counts @ found / counts.sum(1), sizes

    def _drawn_statistics(
        self, statistic: Statistic, inside: np.ndarray, kinds: np.ndarray | None, stream: int = 0
    ) -> tuple[float, np.ndarray, np.ndarray]:
        cases = np.flatnonzero(inside)
        if not len(cases):
            return float("nan"), np.empty(0), np.empty(0)
        counts, sizes = self._counts(inside, stream)
        enough = len(sizes) >= FEWEST
        if kinds is not None:
            each = (len(set(self._names[inside & (kinds == kind)])) for kind in (True, False))
            enough = enough and min(each) >= FEWEST
        drawn = [statistic(np.repeat(cases, often)) for often in counts] if enough else []
        return statistic(cases), np.array(drawn, float), sizes

    def _counts(self, known: np.ndarray, stream: int) -> tuple[np.ndarray, np.ndarray]:
        """How often each known case is drawn, (draws, cases), and how many cases each patient has."""
        names, number, sizes = np.unique(self._names[known], return_inverse=True, return_counts=True)
        if len(names) < FEWEST:
            return np.ones((1, int(known.sum())), int), sizes
        return draw_cases(number, self._draws, self._seed + stream), sizes

    def _estimate(self, value: float, drawn: np.ndarray, sizes: np.ndarray) -> Estimate:
        low = high = float("nan")
        if len(sizes) >= FEWEST and len(drawn) > 1:
            low, high = _bounds(drawn, sizes)
        return Estimate(value, low, high, int(sizes.sum()), len(sizes))

    def _gap(
        self, one: tuple[float, np.ndarray, np.ndarray], other: tuple[float, np.ndarray, np.ndarray]
    ) -> Estimate:
        low = high = float("nan")
        fewer = min(one[2], other[2], key=len)
        if len(fewer) >= FEWEST and min(len(one[1]), len(other[1])) > 1:
            # As far out as the smaller group asks for.
            low, high = _bounds(one[1] - other[1], fewer)
        cases, patients = int(one[2].sum() + other[2].sum()), len(one[2]) + len(other[2])
        return Estimate(one[0] - other[0], low, high, cases, patients)


def _bounds(drawn: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """As `bounds`; what rounding left of a 0 is 0."""
    low, high = bounds(np.round(drawn, 12) + 0.0, sizes.astype(float))
    return float(low), float(high)
