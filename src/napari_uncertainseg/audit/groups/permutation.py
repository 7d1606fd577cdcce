"""Tests of a gap between two groups that hold for few patients: permutations of a studentised gap.

The gap is divided by its standard error before it is compared, as Janssen (Statist. Probab. Lett. 36:9, 1997)
and Chung and Romano (Ann. Statist. 41:484, 2013) show for groups that differ in size and in spread: of the
gap alone, a permutation test finds a difference of spread and calls it one of means. With covariates,
residuals are permuted (Freedman and Lane, J. Bus. Econ. Stat. 1:292, 1983), and the standard error is HC2,
which without covariates is Welch's (as in DiCiccio and Romano, J. Am. Stat. Assoc. 112:1211, 2017).

Of few patients this is not enough where the smaller group has the larger spread. So p is never smaller than
that of Student's t with as few degrees of freedom as the smaller group has, which holds for normal values
whatever their spreads (Mickey and Brown, Ann. Math. Statist. 37:639, 1966).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy.stats import t as student

MOST_EXACT = 20_000
"""Permutations up to which all are looked at."""
_BLOCK = 2_000
_SAME = 1e-9
"""Share by which statistics may differ that are the same but for rounding."""


@dataclass(frozen=True)
class Tested:
    """What a test says.

    Attributes
    ----------
    p
        Two-sided: the larger one of the two that the module speaks of.
    floor
        The smallest p that this test can give.
    exact
        Whether all permutations were looked at.
    """

    p: float
    floor: float
    exact: bool


def raw_test(values: np.ndarray, second: np.ndarray, draws: int, rng: np.random.Generator) -> Tested:
    """Whether two groups have the same mean.

    Parameters
    ----------
    values
        Of the patients, finite, float64 (patients,).
    second
        Who is in the second group, bool (patients,); two in each group at least.
    draws
        Permutations, where there are too many to look at all.
    rng
        For these.
    """
    n, m = len(values), int(second.sum())
    number = comb(n, m)
    seen = welch(values, second[None])[1][0]
    if number <= MOST_EXACT:
        labels = np.zeros((number, n), bool)
        for row, chosen in enumerate(combinations(range(n), m)):
            labels[row, chosen] = True
        extreme = as_extreme(welch(values, labels)[1], seen)
        p = max(extreme / number, least_p(seen, min(m, n - m) - 1))
        return Tested(p, (2 if 2 * m == n else 1) / number, True)
    extreme = 0
    for size in _blocks(draws):
        labels = rng.permuted(np.tile(second, (size, 1)), axis=1)
        extreme += as_extreme(welch(values, labels)[1], seen)
    p = max((extreme + 1) / (draws + 1), least_p(seen, min(m, n - m) - 1))
    return Tested(p, 1 / (draws + 1), False)


def least_p(statistic: float, degrees: int) -> float:
    """Two-sided p of Student's t, below which no test here goes."""
    return float(2 * student.sf(abs(statistic), max(degrees, 1)))


def _blocks(draws: int) -> list[int]:
    return [min(_BLOCK, draws - start) for start in range(0, draws, _BLOCK)]


def as_extreme(drawn: np.ndarray, seen: float) -> int:
    """How many statistics are at least as far from 0 as the one seen."""
    return int((np.abs(drawn) >= abs(seen) * (1 - _SAME)).sum())


def welch(values: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gap of the means (second minus first) and Welch's statistic of each division into two groups.

    Parameters
    ----------
    values
        float64 (patients,).
    second
        bool (divisions, patients).

    Returns
    -------
    gap, statistic
        float64 (divisions,). A gap of groups without any spread is infinitely many standard errors; no gap
        is 0.
    """
    centred = values - values.mean()
    labels = second.astype(float)
    m = labels.sum(1)
    n = len(values) - m
    total, squares = centred.sum(), (centred**2).sum()
    sum_2, squares_2 = labels @ centred, labels @ centred**2
    mean_2, mean_1 = sum_2 / m, (total - sum_2) / n
    nothing = _SAME * max(squares, np.finfo(float).tiny)
    var_2 = _spread(squares_2 - m * mean_2**2, nothing) / (m - 1)
    var_1 = _spread(squares - squares_2 - n * mean_1**2, nothing) / (n - 1)
    return mean_2 - mean_1, studentised(mean_2 - mean_1, var_1 / n + var_2 / m, float(np.sqrt(squares)))


def _spread(squares: np.ndarray, nothing: float) -> np.ndarray:
    """Sums of squares, without what rounding leaves of none."""
    return np.where(squares > nothing, squares, 0.0)


def studentised(gap: np.ndarray, variance: np.ndarray, scale: float) -> np.ndarray:
    """A gap in standard errors: 0 where there is none, infinite where it has no error."""
    gap = np.where(np.abs(gap) > _SAME * scale, gap, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gap == 0, 0.0, gap / np.sqrt(variance))


def farthest_test(
    values: np.ndarray, of: np.ndarray, pair: tuple[int, int], draws: int, rng: np.random.Generator
) -> Tested:
    """Whether two of many groups differ that were chosen because they are farthest apart.

    The statistic of the pair is compared with the largest of all pairs in each permutation of all patients.

    Parameters
    ----------
    values
        Of the patients, finite, float64 (patients,).
    of
        Number of each patient's group, from 0 without gaps, two in each at least.
    pair
        Numbers of the two groups.
    draws, rng
        As for `raw_test`.
    """
    seen = _pairwise(values, of[None])[0, pair[0], pair[1]]
    extreme = 0
    for size in _blocks(draws):
        drawn = _pairwise(values, rng.permuted(np.tile(of, (size, 1)), axis=1))
        extreme += as_extreme(np.abs(drawn).max((1, 2)), seen)
    sizes = np.bincount(of)
    p = len(sizes) * (len(sizes) - 1) / 2 * least_p(seen, int(sizes[list(pair)].min()) - 1)
    return Tested(max((extreme + 1) / (draws + 1), min(p, 1.0)), 1 / (draws + 1), False)


def _pairwise(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Welch's statistics of all pairs of groups, (divisions, groups, groups)."""
    centred = values - values.mean()
    squares = float((centred**2).sum())
    inside = of[:, None, :] == np.arange(of.max() + 1)[:, None]
    n = inside.sum(-1)
    mean = inside @ centred / n
    spread = _spread(inside @ centred**2 - n * mean**2, _SAME * max(squares, float(np.finfo(float).tiny)))
    error = spread / (n - 1) / n
    gaps = mean[:, None, :] - mean[:, :, None]
    return studentised(gaps, error[:, None, :] + error[:, :, None], float(np.sqrt(squares)))


class AdjustedGap:
    """The gap between two groups in a linear model with covariates.

    Parameters
    ----------
    second
        Who is in the second group, bool (patients,).
    design
        Covariates, float64 (patients, columns), without a constant.

    Raises
    ------
    ValueError
        If the groups follow from the covariates, so that there is no gap of its own.
    """

    def __init__(self, second: np.ndarray, design: np.ndarray) -> None:
        n = len(second)
        basis = _basis(np.column_stack([np.ones(n), design]))
        group = second.astype(float)
        direction = group - basis @ (basis.T @ group)
        length = float(direction @ direction)
        if length < 1e-8 * float(((group - group.mean()) ** 2).sum()):
            raise ValueError("the groups follow from the covariates")
        self.basis, self.direction, self.length = basis, direction, length
        leverage = (basis**2).sum(1) + direction**2 / length
        self.free = np.where(1 - leverage > 1e-8, 1 - leverage, np.inf)  # a patient alone has no residual
        self.degrees = min(int(second.sum()) - 1, int((~second).sum()) - 1, n - basis.shape[1] - 1)

    def of(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gap and its variance (HC2) for values of the patients, float64 (patients,) or (draws, patients)."""
        rest = self.residuals(values)
        gap = rest @ self.direction / self.length
        errors = rest - np.multiply.outer(gap, self.direction)
        variance = (errors**2 / self.free) @ self.direction**2 / self.length**2
        scale = np.square(rest).sum(-1)
        return gap, np.where(variance > _SAME**2 * scale / self.length, variance, 0.0)

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """What the covariates leave over."""
        return np.asarray(values - (values @ self.basis) @ self.basis.T)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the same; each column counts alike."""
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=0), np.finfo(float).tiny)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, sizes > 1e-10 * sizes[0]]


def adjusted_test(values: np.ndarray, model: AdjustedGap, draws: int, rng: np.random.Generator) -> Tested:
    """Whether two groups have the same mean once covariates are taken into account.

    Parameters
    ----------
    values
        Of the patients, finite.
    model
        With the groups and the covariates of the same patients.
    draws, rng
        As for `raw_test`.
    """
    rest = model.residuals(values)
    scale = float(np.sqrt((rest**2).sum() / model.length))
    if scale <= _SAME * float(np.abs(values).max(initial=0)):
        rest = np.zeros_like(rest)  # the covariates say all: nothing is left to permute
    seen = float(studentised(*model.of(rest), scale))
    extreme = 0
    for size in _blocks(draws):
        permuted = rng.permuted(np.tile(rest, (size, 1)), axis=1)
        extreme += as_extreme(studentised(*model.of(permuted), scale), seen)
    p = max((extreme + 1) / (draws + 1), least_p(seen, model.degrees))
    return Tested(p, 1 / (draws + 1), False)


def paired_test(differences: np.ndarray, draws: int, rng: np.random.Generator) -> Tested:
    """Whether differences of pairs lie around 0 evenly: their signs are changed.

    Parameters
    ----------
    differences
        Finite, float64 (pairs,).
    draws, rng
        As for `raw_test`.
    """
    n = len(differences)
    seen = float(differences.sum())
    scale = float(np.abs(differences).sum())
    limit = max(abs(seen) - _SAME * scale, 0.0)
    if 2**n <= MOST_EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        extreme = int((np.abs(signs @ differences) >= limit).sum())
        return Tested(extreme / 2**n, 2 / 2**n, True)
    extreme = 0
    for size in _blocks(draws):
        signs = rng.choice([-1.0, 1.0], (size, n))
        extreme += int((np.abs(signs @ differences) >= limit).sum())
    return Tested((extreme + 1) / (draws + 1), 1 / (draws + 1), False)
