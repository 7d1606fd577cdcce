"""Retention curves and what is made of them, as published and mended.

arXiv 2311.08931; d-AUC after 2203.08878 and 2403.16594. The published code sorts by doubt, so that what is
equally doubtful keeps an order that it has in memory. Here that is the order of the voxels, of the lesions'
numbers or of the table's rows; NumPy's default sort, which the authors call, leaves equals in an order that
can differ between machines. Mended: the mean of all orders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_number, as_numbers
from napari_uncertainseg.uncertainty.retention import (
    FRACTIONS,
    RetentionCurve,
    lesion_retention,
    patient_retention,
    voxel_retention,
)

POOR_PUBLISHED = 0.90
"""Dice below which a segmentation is poor in the paper on layer ensembles; not verified in its code."""


def in_memory_order(uncertainty: np.ndarray) -> np.ndarray:
    """Places 0, 1, ... of values in ascending order; equal ones in the order that they have in memory.

    Parameters
    ----------
    uncertainty
        Any shape, finite.

    Returns
    -------
    float64, flat: in place of the uncertainty it leaves no two equal.
    """
    u = as_numbers(uncertainty, "The uncertainty").ravel()
    places = np.empty(len(u))
    places[np.argsort(u, kind="stable")] = np.arange(len(u))
    return places


@dataclass(frozen=True, eq=False)
class Compared:
    """A curve beside those of other orders.

    Attributes
    ----------
    curve
        By the doubt; equals as a random order on average.
    published
        By the doubt; equals in the order in memory.
    ideal, random
        By the errors themselves; in a random order, on average.
    """

    curve: RetentionCurve
    published: RetentionCurve
    ideal: RetentionCurve
    random: RetentionCurve


def voxels_retained(
    predicted: np.ndarray, reference: np.ndarray, uncertainty: np.ndarray, *, points: int = FRACTIONS
) -> tuple[Compared, Compared]:
    """Curves of Dice and of nDSC as the most doubtful voxels are replaced by the reference.

    Parameters
    ----------
    predicted, reference, uncertainty
        Of the voxels that count, (n,), n at least 1.
    points
        Of a curve.

    Returns
    -------
    dice, ndsc

    Raises
    ------
    InputError
        As `voxel_retention`.
    """
    p, r = as_mask(predicted, "The prediction"), as_mask(reference, "The reference")
    orders = (uncertainty, in_memory_order(uncertainty), p != r, np.zeros(p.shape))
    found = [voxel_retention(p, r, u, points=points) for u in orders]
    return Compared(*(one.dice for one in found)), Compared(*(one.ndsc for one in found))


def lesions_retained(uncertainty: np.ndarray, is_true: np.ndarray, *, points: int = FRACTIONS) -> Compared:
    """Curve of the share of true lesions (LPPV) as the most doubtful false ones are taken away.

    Parameters
    ----------
    uncertainty
        Of each predicted lesion, (n,), n at least 1.
    is_true
        Mask, (n,).
    points
        Of a curve.
    """
    true = as_mask(is_true, "What is true")
    orders = (uncertainty, in_memory_order(uncertainty), ~true, np.zeros(len(true)))
    return Compared(*(lesion_retention(u, true, points=points) for u in orders))


def lesion_f1_retained(
    uncertainty: np.ndarray, is_true: np.ndarray, missed: int, *, points: int = FRACTIONS
) -> Compared:
    """Curve of F1 = 2 TP / (2 TP + FP + FN) over lesions as the most doubtful false ones are taken away.

    A missed lesion stays missed: nobody can be sent to look at what is not on the list.

    Parameters
    ----------
    uncertainty, is_true
        As for `lesions_retained`.
    missed
        Reference lesions that are not found, at least 0.
    points
        Of a curve.
    """
    true = as_mask(is_true, "What is true")
    if missed < 0:
        raise InputError(f"There cannot be {missed} missed lesions.")
    hits, n = int(np.count_nonzero(true)), len(true)

    def f1(lppv: RetentionCurve) -> RetentionCurve:
        # At the shares k / n the false ones that are left follow from LPPV = TP / (TP + FP).
        false = hits / lppv.values - hits if hits else np.zeros(n + 1)
        values = 2 * hits / (2 * hits + false + missed) if hits else np.zeros(n + 1)
        at = np.linspace(0, 1, points)
        return RetentionCurve(at, np.interp(at, lppv.fractions, values))

    found = lesions_retained(uncertainty, true, points=n + 1)
    return Compared(f1(found.curve), f1(found.published), f1(found.ideal), f1(found.random))


def cases_retained(uncertainty: np.ndarray, quality: np.ndarray) -> Compared:
    """Curve of the mean quality as the most doubtful cases are segmented perfectly.

    Parameters
    ----------
    uncertainty, quality
        Of each case, (n,), n at least 1; quality finite and at most 1.
    """
    q = as_numbers(quality, "The quality")
    orders = (uncertainty, in_memory_order(uncertainty), -q, np.zeros(len(q)))
    return Compared(*(patient_retention(u, q) for u in orders))


def poor_left(uncertainty: np.ndarray, is_poor: np.ndarray) -> Compared | None:
    """The share of the poor cases that is left, by the share of cases that is *kept*.

    Parameters
    ----------
    uncertainty
        Of each case, (n,).
    is_poor
        Mask, (n,).

    Returns
    -------
    None where no case is poor.
    """
    poor = as_mask(is_poor, "What is poor")
    number = int(np.count_nonzero(poor))
    if not number:
        return None
    kept = cases_retained(uncertainty, 1.0 - poor)

    def left(curve: RetentionCurve) -> RetentionCurve:
        return RetentionCurve(curve.fractions, (1 - curve.values) * len(poor) / number)

    return Compared(left(kept.curve), left(kept.published), left(kept.ideal), left(kept.random))


def d_auc(uncertainty: np.ndarray, is_poor: np.ndarray, *, published: bool = False) -> float:
    """Area under the share of poor cases that is left, less that of the ideal order; 0 is best.

    Parameters
    ----------
    uncertainty, is_poor
        As for `poor_left`.
    published
        Equals in the order in memory, and 0 where all are poor: any order is then the ideal one.

    Returns
    -------
    NaN where no case is poor, or, mended, where all are.
    """
    poor = as_mask(is_poor, "What is poor")
    number = int(np.count_nonzero(poor))
    if not number or (number == len(poor) and not published):
        return math.nan
    u = in_memory_order(uncertainty) if published else uncertainty
    area = (1 - patient_retention(u, 1.0 - poor).area) * len(poor) / number
    return area - ideal_left(number, len(poor))


def ideal_left(poor: int, cases: int) -> float:
    """Area under the share of poor cases that is left if the poor ones go first: poor / (2 cases)."""
    return poor / (2 * cases)


def r_auc(uncertainty: np.ndarray, quality: np.ndarray, *, published: bool = False) -> float:
    """Area under the retention curve of cases; high is good.

    Parameters
    ----------
    uncertainty, quality
        As for `cases_retained`.
    published
        Equals in the order in memory.
    """
    return patient_retention(in_memory_order(uncertainty) if published else uncertainty, quality).area


def check_poor(value: float) -> float:
    """A Dice below which a segmentation is poor, above 0 and at most 1."""
    poor = as_number(value, "The Dice below which a segmentation is poor")
    if not 0 < poor <= 1:
        raise InputError(
            f"The Dice below which a segmentation is poor lies above 0 and at most at 1, not at {poor}."
        )
    return poor
