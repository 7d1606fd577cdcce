"""Refer what is doubtful to an expert: risk against coverage, and finding errors as a search.

What is equally doubtful is in no order: it counts as a random order does on average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_numbers


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Mean risk of the cases that are kept, by their share, the surest first.

    Geifman and El-Yaniv, arXiv 1705.08500.

    Attributes
    ----------
    coverage
        1 / n, 2 / n, ... 1.
    risk
        Mean risk of so many of the surest cases.
    ideal
        The same in the order of the risks themselves.
    """

    coverage: np.ndarray
    risk: np.ndarray
    ideal: np.ndarray

    @property
    def area(self) -> float:
        """AURC: area under the curve from 1 / n to 1 (trapezoids); lower is better."""
        return float(np.trapezoid(self.risk, self.coverage))

    @property
    def excess(self) -> float:
        """E-AURC: that less the ideal order's area; 0 is best, never below.

        Both by trapezoids: where they are not alike, as in published code, it can go below 0.
        """
        return self.area - float(np.trapezoid(self.ideal, self.coverage))


def risk_coverage(uncertainty: np.ndarray, risk: np.ndarray) -> RiskCoverage:
    """How much is risked when the most doubtful cases are referred.

    Parameters
    ----------
    uncertainty, risk
        Of each case, shape (n,), finite; risk may be 1 - Dice.

    Raises
    ------
    InputError
        If there is no case, the shapes differ, or a value is not finite.
    """
    u, r = (as_numbers(x, "Uncertainty and risk").astype(float) for x in (uncertainty, risk))
    if u.ndim != 1 or u.shape != r.shape or not len(u):
        raise InputError(f"Uncertainty and risk need one value per case; they have {u.shape} and {r.shape}.")
    kept = np.arange(1, len(u) + 1)
    return RiskCoverage(kept / len(u), _running(u, r) / kept, np.cumsum(np.sort(r)) / kept)


def average_precision(uncertainty: np.ndarray, is_error: np.ndarray) -> float:
    """AUPR of finding errors by doubt: precision averaged over the errors as they are found.

    Unlike the AUROC it does not improve with more that is plainly right. A random order has the share
    of errors.

    Parameters
    ----------
    uncertainty
        Any shape, finite.
    is_error
        A mask, the same size.

    Returns
    -------
    NaN where there is no error.

    Raises
    ------
    InputError
        If the sizes differ, a value is not finite, or the errors are no mask.
    """
    u = as_numbers(uncertainty, "Uncertainty").ravel()
    e = as_mask(is_error, "What is an error").ravel()
    if u.shape != e.shape:
        raise InputError(f"There are {u.size} values of uncertainty and {e.size} of right or wrong.")
    errors = np.count_nonzero(e)
    if not errors:
        return math.nan
    order = np.argsort(-u, kind="stable")
    u, e = u[order], e[order]
    last = np.append(np.flatnonzero(np.diff(u)), len(u) - 1)  # equals are found together
    found = np.cumsum(e)[last]
    return float(np.sum(np.diff(found, prepend=0) * found / (last + 1)) / errors)


def discarded_area(uncertainty: np.ndarray, is_poor: np.ndarray) -> float:
    """d-AUC: how much longer poor cases stay when the most doubtful are discarded than if they went first.

    The share of poor cases that is left, against the share discarded, between the curve by doubt and
    the ideal one (after EDUE, arXiv 2403.16594, as we read it). 0 is best.

    Parameters
    ----------
    uncertainty
        Of each case, shape (n,), finite.
    is_poor
        A mask, shape (n,).

    Returns
    -------
    NaN where no case is poor.

    Raises
    ------
    InputError
        As `risk_coverage`.
    """
    poor = as_mask(is_poor, "What is poor")
    risk_coverage(uncertainty, poor)  # its checks
    if not poor.any():
        return math.nan

    def area(doubt: np.ndarray) -> float:
        left = poor.sum() - np.concatenate([[0], _running(-doubt, poor.astype(float))])
        return float(np.trapezoid(left / poor.sum(), np.linspace(0, 1, len(poor) + 1)))

    return area(as_numbers(uncertainty, "Uncertainty").astype(float)) - area(poor.astype(float))


def _running(key: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums of the first 1, 2, ... n values in the order of a key; equals come with their mean."""
    order = np.argsort(key, kind="stable")
    key, values = key[order], values[order]
    group = np.concatenate([[0], np.cumsum(np.diff(key) > 0)])
    means = np.bincount(group, values) / np.bincount(group)
    return np.cumsum(means[group])
