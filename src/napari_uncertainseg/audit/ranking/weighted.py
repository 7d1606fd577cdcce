"""Means and quantiles of cases that count several times, as R takes them of the cases repeated.

Ranks hang on whether two models are equal to the last digit, so the rounding is R's as well.
"""

from __future__ import annotations

import numpy as np


def mean(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean of each model in each draw; NaN where nothing is known.

    R sums in extended precision, and adds what the first mean leaves over.

    Parameters
    ----------
    values
        float64 (models, cases); NaN is left out.
    counts
        How often each case counts, int (draws, cases).

    Returns
    -------
    ndarray
        float64 (models, draws).
    """
    found = np.empty((len(values), len(counts)))
    weight = counts.astype(np.longdouble)
    for row, own in zip(found, values, strict=True):
        finite = np.isfinite(own)
        number = counts[:, ~np.isnan(own)].sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            first = weight[:, finite] @ own[finite].astype(np.longdouble) / number
            left = (weight[:, finite] * (own[finite] - first[:, None])).sum(1) / number
            row[:] = first + left + _infinite(own, counts)
    return found


def _infinite(own: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """What infinite values add to a sum: 0 where none is drawn, NaN where both kinds are."""
    high, low = (counts[:, own == end].sum(1) > 0 for end in (np.inf, -np.inf))
    return np.where(high & low, np.nan, np.where(high, np.inf, np.where(low, -np.inf, 0.0)))


def quantile(values: np.ndarray, counts: np.ndarray, share: float) -> np.ndarray:
    """Quantile of each model in each draw, R's type 7; of 0.5 the median; NaN where nothing is known.

    Parameters
    ----------
    values, counts
        As for `mean`.
    share
        0 to 1.

    Returns
    -------
    ndarray
        float64 (models, draws).
    """
    found = np.full((len(values), len(counts)), np.nan)
    for row, own in zip(found, values, strict=True):
        order = np.argsort(own, kind="stable")[: np.count_nonzero(~np.isnan(own))]
        if not len(order):
            continue
        reached = np.cumsum(counts[:, order], axis=1)
        some = reached[:, -1] > 0
        at = 1 + np.maximum(reached[:, -1] - 1, 0) * share  # rounded as R rounds it, beginning with 1
        below = np.floor(at)
        part = at - below
        low, high = (own[order][(reached >= place[:, None]).argmax(1)] for place in (below, np.ceil(at)))
        with np.errstate(invalid="ignore"):
            between = _halfway(low, high) if share == 0.5 else (1 - part) * low + part * high
        row[some] = np.where((part == 0) | (low == high), low, between)[some]
    return found


def _halfway(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Mean of two values, rounded as that of R's ``median``: by ``mean``."""
    first = (low.astype(np.longdouble) + high) / 2
    left = np.where(np.isfinite(first), ((low - first) + (high - first)) / 2, 0.0)
    return np.asarray(first + left, dtype=float)
