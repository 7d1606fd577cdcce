"""How well doubt finds errors: error retention curves, and the AUROC of telling errors from what is right.

A retention curve keeps the least doubtful predictions and lets an oracle correct the rest; the
better the doubt finds the errors, the sooner the curve rises to 1. After Molchanova et al.,
arXiv 2311.08931; nDSC after Raina et al., arXiv 2302.05216.

Predictions that are equally doubtful are in no order: what is kept of them is what a random order
keeps on average. So nothing depends on the order in memory, and equal doubt everywhere is the random curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_number, as_numbers

FRACTIONS = 400
"""Points of a curve, from nothing kept to all kept."""


@dataclass(frozen=True, eq=False)
class RetentionCurve:
    """Quality by the share of predictions that are kept.

    Attributes
    ----------
    fractions
        Share kept, 0 to 1, increasing.
    values
        Quality there, 0 to 1.
    """

    fractions: np.ndarray
    values: np.ndarray

    @property
    def area(self) -> float:
        """Area under the curve (trapezoids)."""
        return float(np.trapezoid(self.values, self.fractions))

    @property
    def above(self) -> float:
        """Area above the curve ("AAC"): lower is better."""
        return 1 - self.area


@dataclass(frozen=True, eq=False)
class VoxelRetention:
    """Retention curves over voxels.

    Attributes
    ----------
    dice
        Of the Dice coefficient.
    ndsc
        Of the normalised Dice coefficient, which depends less on how much lesion there is.
    """

    dice: RetentionCurve
    ndsc: RetentionCurve


def voxel_retention(
    predicted: np.ndarray,
    reference: np.ndarray,
    uncertainty: np.ndarray,
    *,
    points: int = FRACTIONS,
    rate: float = 0.001,
) -> VoxelRetention:
    """Curves of DSC and nDSC as the most doubtful voxels are replaced by the reference.

    One sort and two cumulative sums, whatever the number of points.

    Parameters
    ----------
    predicted, reference
        Masks of one shape: the voxels of the brain, or any others.
    uncertainty
        Same shape, higher is more doubtful. ``predicted != reference`` gives the ideal curve, a constant the
        random one.
    points
        Number of fractions, 0 and 1 included.
    rate
        nDSC: share of lesion that false positives are scaled to, above 0 and below 1. Where the reference
        has no lesion there is nothing to scale by: they count as they are, as in the authors' code.

    Raises
    ------
    InputError
        If the shapes differ, there is no voxel, a value is not finite, a mask is none, or there are fewer
        than two points.
    """
    p, r = as_mask(predicted, "The prediction").ravel(), as_mask(reference, "The reference").ravel()
    u = _doubt(uncertainty, len(p), points)
    if p.shape != r.shape:
        raise InputError(f"The reference has {r.size} voxels and the prediction {p.size}.")
    if not 0 < as_number(rate, "The rate of nDSC") < 1:
        raise InputError(f"The rate of nDSC lies above 0 and below 1, not at {rate}.")
    fractions = np.linspace(0, 1, points)
    false, missed = _kept(u, (p & ~r, ~p & r), np.floor(len(u) * fractions))
    positives = int(np.count_nonzero(r))
    # What is not kept is as the reference: there all lesion is found.
    hits = positives - missed
    negatives = len(r) - positives
    # nDSC counts each false positive as if the share of lesion were `rate` (Raina et al., arXiv 2302.05216).
    scale = (1 - rate) * positives / (rate * negatives) if positives and negatives else 1.0
    return VoxelRetention(
        RetentionCurve(fractions, _dice(hits, false, missed)),
        RetentionCurve(fractions, _dice(hits, scale * false, missed)),
    )


def lesion_retention(
    uncertainty: np.ndarray, is_true: np.ndarray, *, points: int = FRACTIONS
) -> RetentionCurve:
    """Curve of the share of true lesions (LPPV) as the most doubtful false ones are taken away.

    Parameters
    ----------
    uncertainty
        Of each predicted lesion, shape (n,).
    is_true
        A mask, shape (n,). ``~is_true`` as uncertainty gives the ideal curve, a constant the random one.
    points
        The curve runs straight between the shares k / n and is read at so many fractions.

    Returns
    -------
    RetentionCurve
        0 throughout if no lesion is true.

    Raises
    ------
    InputError
        As for `voxel_retention`.
    """
    true = as_mask(is_true, "What is true").ravel()
    u = _doubt(uncertainty, len(true), points)
    (false,) = _kept(u, (~true,), np.arange(len(u) + 1))
    hits = np.count_nonzero(true)
    values = hits / (hits + false) if hits else np.zeros(len(u) + 1)
    return _resampled(values, points)


def patient_retention(
    uncertainty: np.ndarray, quality: np.ndarray, *, points: int | None = None
) -> RetentionCurve:
    """Curve of mean quality as the most doubtful patients are segmented perfectly.

    Parameters
    ----------
    uncertainty
        Of each patient, shape (n,).
    quality
        Of each patient, finite and at most 1, such as Dice. ``-quality`` as uncertainty gives the ideal
        curve, a constant the random one.
    points
        Fractions at which the curve is read; the shares k / n themselves if None.

    Raises
    ------
    InputError
        As for `voxel_retention`, or if a quality is above 1 or not finite.
    """
    q = as_numbers(quality, "The quality").ravel().astype(float)
    if (q > 1).any():
        raise InputError("A quality is at most 1, which is perfect, such as Dice; here is one above.")
    u = _doubt(uncertainty, len(q), 2 if points is None else points)
    (lost,) = _kept(u, (1 - q,), np.arange(len(q) + 1))
    return _resampled(1 - lost / len(q), len(q) + 1 if points is None else points)


def auroc(uncertainty: np.ndarray, is_error: np.ndarray) -> float:
    """Probability that an error is more doubtful than what is right; equal doubt counts one half.

    Parameters
    ----------
    uncertainty
        Any shape, finite.
    is_error
        A mask, same size.

    Returns
    -------
    NaN where all are errors or none is.

    Raises
    ------
    InputError
        If the sizes differ, a value is not finite, or the errors are no mask.
    """
    from scipy.stats import rankdata  # here: it takes half a second, and a run does without it

    error = as_mask(is_error, "What is an error").ravel()
    u = _of_each(uncertainty, len(error))
    wrong = np.count_nonzero(error)
    right = len(error) - wrong
    if not wrong or not right:
        return float("nan")
    # Mann and Whitney, Ann Math Stat 18:50, 1947.
    return float((rankdata(u)[error].sum() - wrong * (wrong + 1) / 2) / (wrong * right))


def _kept(u: np.ndarray, what: tuple[np.ndarray, ...], at: np.ndarray) -> list[np.ndarray]:
    """Sum of each quantity over the least doubtful elements, for each number of them in `at`."""
    ordered = np.sort(u)  # several times faster than an order, and few elements count
    return [_kept_of(ordered, u, w, at) for w in what]


def _kept_of(ordered: np.ndarray, u: np.ndarray, weight: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The sum of one quantity (`weight`, shape (n,)), of which most elements are 0.

    Elements of equal uncertainty have no order of their own. The mean over all orders is a sum that grows
    evenly over their run in the sorted row. So the result is a line with two knots for each uncertainty at
    which the quantity is not 0, at the beginning and the end of its run, and is flat in between.
    """
    counts = np.flatnonzero(weight)
    if not len(counts):
        return np.zeros(len(at))
    level, which = np.unique(u[counts], return_inverse=True)
    total = np.cumsum(np.bincount(which, weight[counts], minlength=len(level)))
    start, end = (np.searchsorted(ordered, level, side=side) for side in ("left", "right"))
    before = np.concatenate([[0.0], total[:-1]])
    knots, sums = np.column_stack([start, end]).ravel(), np.column_stack([before, total]).ravel()
    return np.interp(at, knots, sums)


def _dice(hits: np.ndarray, false: np.ndarray, missed: np.ndarray) -> np.ndarray:
    total = 2 * hits + false + missed
    return np.divide(2 * hits, total, out=np.ones(len(total)), where=total > 0)


def _resampled(values: np.ndarray, points: int) -> RetentionCurve:
    """A curve over the shares k / n, read at evenly spaced fractions."""
    fractions = np.linspace(0, 1, points)
    return RetentionCurve(fractions, np.interp(fractions, np.linspace(0, 1, len(values)), values))


def _doubt(uncertainty: np.ndarray, size: int, points: int) -> np.ndarray:
    u = _of_each(uncertainty, size)
    if not size:
        raise InputError("There is nothing to keep: the retention curve needs at least one element.")
    if points < 2:
        raise InputError(f"A retention curve needs at least 2 points, not {points}.")
    return u


def _of_each(uncertainty: np.ndarray, size: int) -> np.ndarray:
    u = as_numbers(uncertainty, "The uncertainty").ravel()
    if len(u) != size:
        raise InputError(f"There are {len(u)} uncertainties for {size} predictions.")
    return u
