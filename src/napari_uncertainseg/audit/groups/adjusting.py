"""Covariates of two groups: as columns of a linear model, and as pairs of patients who are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from napari_uncertainseg.audit.groups.patients import Covariate
from napari_uncertainseg.audit.groups.permutation import AdjustedGap

PATIENTS_A_COLUMN = 5
"""So many patients are needed for each number that a model estimates of the covariates."""
CALIPER = 0.25
"""How far a number may differ within a pair, in standard deviations within the groups."""
_NEVER = 1e6
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Design:
    """Covariates of patients of two groups.

    Attributes
    ----------
    columns
        float64 (patients, columns): numbers in standard deviations; of several words, for all but the first
        whether it is this one.
    why_not
        Why they cannot be adjusted for; empty where they can.
    """

    columns: np.ndarray
    why_not: str = ""


def design_of(covariates: Sequence[Covariate], who: np.ndarray, second: np.ndarray) -> Design:
    """Covariates as columns of a linear model.

    Parameters
    ----------
    covariates
        Of all patients; known of those who count.
    who
        Patients who count, indices.
    second
        Of these: who is in the second group, bool.
    """
    columns = np.column_stack([np.empty((len(who), 0)), *(_columns(one.values[who]) for one in covariates)])
    named = " and ".join(one.name for one in covariates)
    if columns.shape[1] == 0:
        return Design(columns, f"all patients have the same {named}")
    if columns.shape[1] * PATIENTS_A_COLUMN > len(who):
        return Design(
            columns,
            f"{named} take {columns.shape[1]} numbers to estimate, and {len(who)} patients are enough for "
            f"{len(who) // PATIENTS_A_COLUMN}: one for each {PATIENTS_A_COLUMN} patients",
        )
    try:
        AdjustedGap(second, columns)
    except ValueError:
        return Design(columns, f"who is in which group follows from {named}: the two cannot be told apart")
    return Design(columns)


def _columns(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        values = values / max(float(np.abs(values).max(initial=0)), _TINY)  # squares of huge ones have no end
        spread = values.std()
        return (values - values.mean())[:, None] / spread if spread > 0 else np.empty((len(values), 0))
    words = sorted(set(values))
    return np.array([values == word for word in words[1:]], float).reshape(len(words) - 1, len(values)).T


def matched_pairs(covariates: Sequence[Covariate], who: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pairs of patients, one of each group, who are alike in all covariates: as many as there can be.

    Numbers differ by `CALIPER` standard deviations at most, words are the same. Of all ways to make as many
    pairs, the one whose pairs are nearest together.

    Parameters
    ----------
    covariates, who, second
        As for `design_of`.

    Returns
    -------
    ndarray
        Indices within ``who``, int (pairs, 2): of the first group, and of the second.
    """
    one, two = np.flatnonzero(~second), np.flatnonzero(second)
    squares, allowed = np.zeros((len(one), len(two))), np.ones((len(one), len(two)), bool)
    for covariate in covariates:
        values = covariate.values[who]
        if covariate.is_number:
            values = values / max(float(np.abs(values).max(initial=0)), _TINY)
            apart = np.abs(values[one][:, None] - values[two][None]) / _spread_within(values, second)
            allowed &= apart <= CALIPER
            squares += apart**2
        else:
            allowed &= values[one][:, None] == values[two][None]
    rows, columns = linear_sum_assignment(np.where(allowed, np.sqrt(squares), _NEVER))
    kept = allowed[rows, columns]
    return np.column_stack([one[rows[kept]], two[columns[kept]]])


def _spread_within(values: np.ndarray, second: np.ndarray) -> float:
    """Standard deviation within the groups; where there is none, so small that only equals are pairs."""
    one, two = values[~second], values[second]
    squares = ((one - one.mean()) ** 2).sum() + ((two - two.mean()) ** 2).sum()
    return max(float(np.sqrt(squares / max(len(values) - 2, 1))), 1e-9 * float(np.abs(values).max()), _TINY)
