"""How well a measure agrees between acquisitions: ICC with intervals, and the smallest detectable change.

Shrout and Fleiss, Psychological Bulletin 86:420, 1979; intervals: McGraw and Wong, Psychological Methods
1:30,
1996. Smallest detectable change: de Vet et al., J Clin Epidemiol 59:1033, 2006.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, f

from napari_uncertainseg._base import InputError

FEWEST = 3
"""Targets below which no ICC is given."""
DETECTABLE = 1.96 * math.sqrt(2)
"""Times the standard error of measurement is the smallest change that is shown, 95 %."""
_NOTHING = 1e-12
"""Spread, as a share of the largest value, below which values are equal but for rounding."""


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; all NaN where it is not defined."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Reliability:
    """Agreement of acquisitions on targets.

    Attributes
    ----------
    targets, acquisitions
        Of the complete table that it is computed from.
    icc2, icc3
        ICC(2,1), absolute agreement of acquisitions drawn at random; ICC(3,1), consistency: what an
        acquisition adds to all targets alike does not count.
    sem
        Standard error of measurement: the standard deviation within a target, with what the acquisitions
        add. Its `DETECTABLE`-fold is the smallest detectable change, which of repeats in one setting is
        Bland and Altman's repeatability coefficient.
    sem_consistency
        The same without what an acquisition adds to all targets alike.
    mean
        Of all values.
    why
        A sentence where the ICC is not given, else empty.
    """

    targets: int
    acquisitions: int
    icc2: Estimate
    icc3: Estimate
    sem: Estimate
    sem_consistency: Estimate
    mean: float
    why: str = ""

    @property
    def detectable(self) -> Estimate:
        """Smallest detectable change, in the unit of the measure."""
        return Estimate(*(DETECTABLE * x for x in (self.sem.value, self.sem.low, self.sem.high)))


@dataclass(frozen=True)
class MeanSquares:
    """Of a complete table of targets and acquisitions (two-way, one value a cell)."""

    targets: int
    acquisitions: int
    between: float
    columns: float
    error: float

    @classmethod
    def of(cls, values: np.ndarray) -> MeanSquares:
        """Mean squares of float64 (targets, acquisitions)."""
        n, k = values.shape
        rows, columns, mean = values.mean(1), values.mean(0), values.mean()
        rest = values - rows[:, None] - columns + mean
        return cls(
            n,
            k,
            k * float(((rows - mean) ** 2).sum()) / (n - 1) if n > 1 else math.nan,
            n * float(((columns - mean) ** 2).sum()) / (k - 1),
            float((rest**2).sum()) / ((n - 1) * (k - 1)) if n > 1 else math.nan,
        )

    def without_rounding(self, least: float) -> MeanSquares:
        """The same, with 0 for what is not above a least one."""
        kept = (0.0 if x <= least else x for x in (self.between, self.columns, self.error))
        return MeanSquares(self.targets, self.acquisitions, *kept)

    def icc2_value(self) -> float:
        """ICC(2,1) without its interval; NaN where nothing varies."""
        n, k = self.targets, self.acquisitions
        total = self.between + (k - 1) * self.error + k / n * (self.columns - self.error)
        return (self.between - self.error) / total if total else math.nan

    def icc3_value(self) -> float:
        """ICC(3,1) without its interval; NaN where nothing varies."""
        total = self.between + (self.acquisitions - 1) * self.error
        return (self.between - self.error) / total if total else math.nan

    def icc3(self) -> Estimate:
        """ICC(3,1), single acquisition, consistency."""
        n, k = self.targets, self.acquisitions
        if self.error == 0:
            return Estimate(1.0, 1.0, 1.0)
        if self.between == 0:
            return Estimate(self.icc3_value())  # any interval would have no width
        ratio, own, rest = self.between / self.error, n - 1, (n - 1) * (k - 1)
        low, high = ratio / float(f.ppf(0.975, own, rest)), ratio * float(f.ppf(0.975, rest, own))
        bounds = ((x - 1) / (x + k - 1) for x in (low, high))
        return Estimate(self.icc3_value(), *bounds)

    def icc2(self) -> Estimate:
        """ICC(2,1), single acquisition, absolute agreement."""
        n, k, between, columns, error = (
            self.targets,
            self.acquisitions,
            self.between,
            self.columns,
            self.error,
        )
        value = self.icc2_value()
        if value >= 1:
            return Estimate(1.0, 1.0, 1.0)
        if between == 0:
            return Estimate(value)
        # McGraw and Wong put the estimate in for the true ICC, which is never negative. With a negative one
        # both parts of `total` cancel, and the freedom falls to nothing.
        true = max(value, 0.0)
        a, b = k * true / (n * (1 - true)), 1 + k * true * (n - 1) / (n * (1 - true))
        total = a * columns + b * error
        spread = (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
        freedom = total**2 / spread
        lower, upper = float(f.ppf(0.975, n - 1, freedom)), float(f.ppf(0.975, freedom, n - 1))
        within = k * columns + (k * n - k - n) * error
        # Divided by the quantiles, which of few freedoms are endless.
        low = n * (between / lower - error) / (within + n * between / lower)
        high = n * (between - error / upper) / (within / upper + n * between)
        return Estimate(value, low, high)

    def sem(self) -> Estimate:
        """Standard deviation within a target; of one target too.

        The interval is Satterthwaite's: n times its square is the columns' mean square and n - 1 errors'.
        """
        n, k = self.targets, self.acquisitions
        parts = np.array([self.columns, (n - 1) * self.error if n > 1 else 0.0])
        freedoms = np.array([k - 1, max((n - 1) * (k - 1), 1)])
        square = float(parts.sum())
        if square == 0:
            return Estimate(0.0, 0.0, 0.0)
        return _root(square / n, square**2 / float((parts**2 / freedoms).sum()))

    def sem_consistency(self) -> Estimate:
        """Standard deviation within a target, without what acquisitions add to all; NaN of one target."""
        if self.targets < 2:
            return Estimate()
        return _root(self.error, (self.targets - 1) * (self.acquisitions - 1))


def _root(variance: float, freedom: float) -> Estimate:
    """A standard deviation, with the interval of chi-squared."""
    low, high = freedom / chi2.ppf([0.975, 0.025], freedom)
    return Estimate(*(math.sqrt(variance * x) for x in (1.0, low, high)))


def reliability(values: np.ndarray) -> Reliability:
    """Agreement of a measure between acquisitions.

    Parameters
    ----------
    values
        float (targets, acquisitions), finite: at least one target and two acquisitions.

    Returns
    -------
    Reliability
        Of fewer than `FEWEST` targets, and where nothing varies, without ICC, and ``why`` says so.

    Raises
    ------
    InputError
        If the table is no such table.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or values.shape[0] < 1 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise InputError("Agreement needs at least one target with numbers from two acquisitions.")
    n, k = values.shape
    largest = float(np.abs(values).max())
    squares = MeanSquares.of(values).without_rounding((_NOTHING * largest) ** 2)
    icc2, icc3, why = Estimate(), Estimate(), ""
    if n < FEWEST:
        why = f"No ICC is given of fewer than {FEWEST} targets."
    elif squares.between == 0 and squares.error == 0:
        why = "All targets have the same values, so the ICC is not defined."
    else:
        icc2, icc3 = squares.icc2(), squares.icc3()
    return Reliability(n, k, icc2, icc3, squares.sem(), squares.sem_consistency(), float(values.mean()), why)


def complete_block(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a table that remain when missing cells are left out, as many cells as can be.

    Where a cell is missing, its target or its acquisition goes: whichever lacks the larger share. It is
    done again until nothing is missing.

    Parameters
    ----------
    values
        float (targets, acquisitions); NaN is missing.

    Returns
    -------
    rows, columns
        bool (targets,) and (acquisitions,).
    """
    missing = ~np.isfinite(values)
    rows, columns = np.ones(values.shape[0], bool), np.ones(values.shape[1], bool)
    while missing[np.ix_(rows, columns)].any():
        own = np.where(rows, missing[:, columns].mean(1), -1)
        others = np.where(columns, missing[rows].mean(0), -1)
        if others.max() > own.max():
            columns[int(others.argmax())] = False
        else:
            rows[int(own.argmax())] = False
    return rows, columns
