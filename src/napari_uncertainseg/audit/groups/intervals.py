"""95 % intervals of gaps: patients are drawn within their group, and gaps compared in standard errors.

The symmetric bootstrap-t (Hall, J. R. Stat. Soc. B 50:35, 1988): of few patients, plain percentiles are too
narrow. docs/audit.md has how often the intervals hold.
"""

from __future__ import annotations

import math

import numpy as np

from napari_uncertainseg.audit.groups.permutation import AdjustedGap, studentised

DRAWS = 2_000
NARROW = 12
"""Patients of a group below which intervals are said to be rough."""
_LEVEL = 0.95
_BLOCKS = 8
"""Parts in which draws are computed, for memory."""
Bounds = tuple[float, float]
NONE: Bounds = (math.nan, math.nan)


def raw_interval(values: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> Bounds:
    """Of the gap of two groups, second minus first; NaN where it cannot be said.

    Parameters
    ----------
    values
        Of the patients, finite.
    second
        Who is in the second group, two in each at least.
    rng
        Of the draws.
    """
    one, two = values[~second], values[second]
    drawn = [part[rng.integers(0, len(part), (DRAWS, len(part)))] for part in (one, two)]
    gaps = drawn[1].mean(1) - drawn[0].mean(1)
    variance = sum(part.var(1, ddof=1) / part.shape[1] for part in drawn)
    gap = float(two.mean() - one.mean())
    error = math.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two))
    return _around(gap, error, gaps, np.asarray(variance), float(np.ptp(values)))


def adjusted_interval(
    values: np.ndarray, second: np.ndarray, design: np.ndarray, rng: np.random.Generator
) -> Bounds:
    """Of the gap of two groups that is left when covariates are taken into account.

    Parameters
    ----------
    values, second, rng
        As for `raw_interval`.
    design
        As for `AdjustedGap`; it is drawn with the patients.
    """
    gap, variance = AdjustedGap(second, design).of(values)
    parts = np.flatnonzero(~second), np.flatnonzero(second)
    who = np.concatenate([part[rng.integers(0, len(part), (DRAWS, len(part)))] for part in parts], axis=1)
    found = [_drawn_gaps(values[few], second[few], design[few]) for few in np.array_split(who, _BLOCKS)]
    gaps, variances = (np.concatenate(part) for part in zip(*found, strict=True))
    return _around(float(gap), math.sqrt(float(variance)), gaps, variances, float(np.ptp(values)))


def _drawn_gaps(values: np.ndarray, second: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `AdjustedGap`, of draws, (draws, patients); NaN where groups follow from covariates."""
    columns = np.concatenate([np.ones((*second.shape, 1)), design], axis=2)
    scaled = columns / np.maximum(np.linalg.norm(columns, axis=1, keepdims=True), np.finfo(float).tiny)
    basis, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    basis = basis * (sizes > 1e-10 * sizes[:, :1])[:, None, :]

    def left(of: np.ndarray) -> np.ndarray:
        return np.asarray(of - (basis @ (of[:, None, :] @ basis).swapaxes(1, 2))[..., 0])

    group = second.astype(float)
    direction, rest = left(group), left(values)
    length = (direction**2).sum(1)
    mean = group.mean(1, keepdims=True)
    known = length > 1e-8 * ((group - mean) ** 2).sum(1)
    length = np.where(known, length, np.nan)
    gap = (rest * direction).sum(1) / length
    free = 1 - (basis**2).sum(2) - direction**2 / length[:, None]
    free = np.where(free > 1e-8, free, np.inf)  # a patient alone has no residual
    errors = rest - gap[:, None] * direction
    return gap, (errors**2 / free * direction**2).sum(1) / length**2


def paired_interval(differences: np.ndarray, rng: np.random.Generator) -> Bounds:
    """Of the mean difference of pairs, two at least; pairs are drawn."""
    n = len(differences)
    drawn = differences[rng.integers(0, n, (DRAWS, n))]
    error = math.sqrt(float(differences.var(ddof=1)) / n)
    scale = float(np.abs(differences).max())
    return _around(float(differences.mean()), error, drawn.mean(1), drawn.var(1, ddof=1) / n, scale)


def _around(gap: float, error: float, gaps: np.ndarray, variance: np.ndarray, scale: float) -> Bounds:
    """Bounds at so many standard errors as hold 95 % of the draws; a draw without any error is beyond."""
    scale = max(scale, float(np.finfo(float).tiny))
    nothing = 1e-9 * scale
    if error <= nothing:
        return NONE
    far = np.abs(studentised(gaps - gap, np.where(variance > nothing**2, variance, 0.0), scale))
    far = np.sort(np.where(np.isnan(far), np.inf, far))
    reach = far[math.ceil(_LEVEL * len(far)) - 1]
    return (gap - reach * error, gap + reach * error) if math.isfinite(reach) else NONE
