"""Spearman's rank correlation, with intervals from drawing patients anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from napari_uncertainseg.explain.drivers.statistics.intervals import bounds, draw_patients

FEWEST = 5
"""Lesions with a known value that a correlation needs."""


def rank_correlations(
    values: pd.DataFrame, doubt: np.ndarray, patients: np.ndarray, seed: int = 0
) -> pd.DataFrame:
    """Spearman's correlation of each column with doubt, over the lesions in which both are known.

    Parameters
    ----------
    values
        A row for each lesion; NaN is not known.
    doubt
        float64 (lesions,), known for all.
    patients
        Of each lesion, whole numbers from 0 up.
    seed
        Of the draws.

    Returns
    -------
    pandas.DataFrame
        By the names of the columns: ``rho``, ``low``, ``high`` (95 %, patients drawn anew, ranks taken anew
        in each draw) and ``lesions``. NaN where all values are equal, or fewer than `FEWEST` are known.
        Of equal values each has the mean of their ranks.
    """
    # A row for each lesion: rows are copied quickly. Counts are exact in float32.
    often = draw_patients(int(patients.max(initial=-1)) + 1, seed).T.astype(np.float32)[patients]
    whole = np.ones(len(values), bool)
    of_doubt = _deviations(doubt, often)
    rows = {}
    for name in values.columns:
        own = values[name].to_numpy(float)
        known = np.isfinite(own)
        rho, low, high = (float("nan"),) * 3
        other = doubt[known]
        if known.sum() >= FEWEST and own[known].min() < own[known].max() and other.min() < other.max():
            every = bool((known == whole).all())
            there = often if every else often[known]
            drawn = _correlations(
                _deviations(own[known], there), of_doubt if every else _deviations(other, there), there
            )
            rho = float(np.corrcoef(rankdata(own[known]), rankdata(other))[0, 1])
            low, high = (float(bound) for bound in bounds(drawn, np.bincount(patients[known])))
        rows[name] = (rho, low, high, int(known.sum()))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["rho", "low", "high", "lesions"])


def _deviations(values: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Ranks less their mean in each draw, in shares of the draw; float32 (n, draws)."""
    ranks = weighted_ranks(values, often)
    total = often.sum(0)
    ranks -= (total + 1) / 2
    ranks /= np.maximum(total, 1)
    return ranks


def _correlations(one: np.ndarray, other: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Of each draw; NaN where all values of one are equal there."""
    weighted = often * one
    mixed, first = np.einsum("ij,ij->j", weighted, other), np.einsum("ij,ij->j", weighted, one)
    second = np.einsum("ij,ij,ij->j", often, other, other)
    scale = np.sqrt(first * second)
    enough = scale > 1e-6
    return np.asarray(np.where(enough, mixed / np.where(enough, scale, 1), np.nan), float)


def weighted_ranks(values: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Ranks of values that occur more or less often; equal ones have the mean of their ranks.

    Parameters
    ----------
    values
        float64 (n,).
    often
        How often each occurs, float32 (n, draws).

    Returns
    -------
    np.ndarray
        float32 (n, draws), from 1.
    """
    kinds, kind = np.unique(values, return_inverse=True)
    count = often[np.argsort(kind, kind="stable")]
    if len(kinds) < len(values):
        count = np.add.reduceat(count, np.searchsorted(np.sort(kind), np.arange(len(kinds))), axis=0)
    ranks = np.cumsum(count, 0, dtype=np.float32)
    ranks -= (count - 1) / 2
    return np.asarray(ranks[kind])
