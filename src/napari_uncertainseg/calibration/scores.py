"""Proper scores of probabilities, and calibration errors of several classes.

The Brier score (Brier 1950) and the negative log-likelihood reward both calibration and telling
lesion from background; a calibration error alone is blind to the latter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_classes, as_exact, as_labels, as_mask
from napari_uncertainseg.calibration.reliability import Binned, Reliability, Scheme

EPSILON = 2.0**-24
"""Probabilities count as at least this far from 0 and 1 under a logarithm: half the step of float32 below 1.

A voxel that is sure and wrong costs 16.6 nats, not infinity.
"""


@dataclass(frozen=True)
class BrierParts:
    """The Brier score and what it is made of, after Stephenson, Coelho, Jolliffe 2008.

    ``score = reliability - resolution + uncertainty + within_variance - within_covariance``,
    exactly. The last two vanish where all probabilities of a bin are equal; without them
    (Murphy 1973) the parts do not add up. All are NaN where the region has no voxel.

    Attributes
    ----------
    score
        Mean squared difference of probability and reference.
    reliability
        Squared gap of the bins, weighted by count: 0 is calibrated.
    resolution
        Spread of the bins' fractions of lesion around that of the region: more is better.
    uncertainty
        Variance of the reference in the region: no prediction changes it.
    within_variance
        Mean squared spread of the probabilities inside of their bins.
    within_covariance
        Twice their covariance with the reference inside of the bins.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float

    @property
    def generalised_resolution(self) -> float:
        """Resolution that hardly depends on the number of bins: with both terms within them."""
        return self.resolution - self.within_variance + self.within_covariance


def brier(probability: np.ndarray, reference: np.ndarray, *, region: np.ndarray | None = None) -> float:
    """Brier score: the mean squared difference of probability and reference.

    Parameters
    ----------
    probability
        0 to 1, any shape; or of C classes, shape (C, ...), where the squared differences are
        summed over the classes (so that two classes score twice what one probability does).
    reference
        Shape (...): nonzero is lesion; for classes, integers from 0 to C - 1.
    region
        bool, the reference's shape: where to score; everywhere if None.

    Returns
    -------
    float
        0 (perfect) to 1, for classes to 2; NaN if the region has no voxel.

    Raises
    ------
    InputError
        If shapes differ, or probabilities are not numbers from 0 to 1, or do not sum to 1.
    """
    if np.shape(probability) == np.shape(reference):
        p, y = paired(probability, reference, region)
        return float(np.mean((p.astype(float) - y) ** 2)) if p.size else np.nan
    classes, labels = stacked(probability, reference, region)
    parts = ((p.astype(float) - (labels == c)) ** 2 for c, p in enumerate(classes))
    return float(np.mean(sum(parts))) if labels.size else np.nan


def brier_parts(
    probability: np.ndarray,
    reference: np.ndarray,
    *,
    region: np.ndarray | None = None,
    bins: int = 20,
    scheme: Scheme = "width",
) -> BrierParts:
    """Split the Brier score into reliability, resolution, uncertainty and the terms within bins.

    Parameters as for `napari_uncertainseg.calibration.reliability.reliability`; for several
    classes, call it with ``probability[c]`` and ``labels == c``.

    Raises
    ------
    InputError
        As `reliability` does.
    """
    p, y = paired(probability, reference, region)
    if not p.size:
        return BrierParts(*[np.nan] * 6)
    binned = Binned.from_probability(p, bins=bins, scheme=scheme)
    filled, k = binned.count > 0, binned.index
    count = binned.count[filled]
    mean = binned.total / np.maximum(binned.count, 1)
    hits = np.bincount(k[y], minlength=len(mean))
    hit_total = np.bincount(k[y], weights=p[y], minlength=len(mean))
    fraction, base = hits[filled] / count, y.mean()
    spread = np.bincount(k, weights=(p - mean[k]) ** 2, minlength=len(mean))
    return BrierParts(
        score=brier(p, y),
        reliability=float(np.average((fraction - mean[filled]) ** 2, weights=count)),
        resolution=float(np.average((fraction - base) ** 2, weights=count)),
        uncertainty=float(base * (1 - base)),
        within_variance=float(spread.sum() / p.size),
        within_covariance=float(2 * (hit_total - mean * hits).sum() / p.size),
    )


def nll(
    probability: np.ndarray,
    reference: np.ndarray,
    *,
    region: np.ndarray | None = None,
    epsilon: float = EPSILON,
) -> float:
    """Negative log-likelihood: the mean of ``-log`` of the probability given to what is true, in nats.

    Parameters
    ----------
    probability, reference, region
        As for `brier`.
    epsilon
        Probabilities below count as ``epsilon``, those above ``1 - epsilon`` as that; above 0, below 0.5.

    Returns
    -------
    float
        NaN if the region has no voxel.

    Raises
    ------
    InputError
        As `brier`, and if ``epsilon`` is not between 0 and 0.5.
    """
    if not 0 < epsilon < 0.5:
        raise InputError(f"The smallest probability must lie between 0 and 0.5, not at {epsilon}.")
    if np.shape(probability) == np.shape(reference):
        p, y = paired(probability, reference, region)
        # Where 1 - p is taken in the map's own precision it is exact above 0.5.
        of_truth = np.where(y, p, 1 - p)
    else:
        classes, labels = stacked(probability, reference, region)
        of_truth = np.take_along_axis(classes, labels[None], axis=0)[0]
    if not of_truth.size:
        return np.nan
    return float(-np.log(np.clip(of_truth.astype(float), epsilon, 1 - epsilon)).mean())


def top_label(
    probability: np.ndarray,
    labels: np.ndarray,
    *,
    region: np.ndarray | None = None,
    bins: int = 20,
    scheme: Scheme = "width",
) -> Reliability:
    """Reliability of the winning class: its probability against how often it is right.

    Its ``ece`` is the usual ECE of classifiers (Guo et al. 2017); for that of the CURVAS challenge, whose
    bins hold their left edge, see `raters.curvas.top_label_ece`. Background counts as a class, so where it
    is nearly everywhere the ECE is small.

    Parameters
    ----------
    probability
        Shape (C, ...) with a sum of 1 over the classes; or (...), the probability of lesion.
    labels
        Shape (...): integers from 0 to C - 1; or a mask, nonzero is lesion.
    region, bins, scheme
        As for `reliability`.

    Returns
    -------
    Reliability
        ``mean_probability`` is that of the winner, ``fraction`` the share of voxels where it is
        right. Of equally probable classes the first wins.

    Raises
    ------
    InputError
        If shapes differ, probabilities are not numbers from 0 to 1 or do not sum to 1, or a label
        is no class.
    """
    classes, truth = stacked(probability, labels, region)
    winner = classes.argmax(axis=0)
    confidence = np.take_along_axis(classes, winner[None], axis=0)[0]
    return Binned.from_probability(confidence, bins=bins, scheme=scheme).against(winner == truth)


def classwise(
    probability: np.ndarray,
    labels: np.ndarray,
    *,
    region: np.ndarray | None = None,
    bins: int = 20,
    scheme: Scheme = "width",
) -> tuple[Reliability, ...]:
    """Reliability of each class on its own; parameters and errors as for `top_label`.

    Returns
    -------
    tuple of Reliability
        One per class; of a lesion's probability two, background and lesion.
    """
    classes, truth = stacked(probability, labels, region)
    return tuple(
        Binned.from_probability(p, bins=bins, scheme=scheme).against(truth == c)
        for c, p in enumerate(classes)
    )


def static_ece(
    probability: np.ndarray,
    labels: np.ndarray,
    *,
    region: np.ndarray | None = None,
    bins: int = 20,
    scheme: Scheme = "width",
) -> float:
    """Static (class-wise) calibration error: the mean of the classes' ECE (Nixon et al. 2019).

    Parameters and errors as for `top_label`; NaN if the region has no voxel.
    """
    found = classwise(probability, labels, region=region, bins=bins, scheme=scheme)
    return float(np.mean([one.ece for one in found]))


def paired(
    probability: np.ndarray, reference: np.ndarray, region: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and reference (bool) of the voxels of a region, flat.

    Parameters
    ----------
    probability
        0 to 1, any shape.
    reference
        A mask of the same shape; nonzero is lesion.
    region
        A mask of the same shape; everywhere if None.

    Returns
    -------
    tuple
        Probabilities, floating, and reference, bool, (voxels,) each.

    Raises
    ------
    InputError
        If shapes differ, a probability is not a number from 0 to 1, or a mask is none.
    """
    p, y = as_exact(probability), as_mask(reference, "The reference")
    if y.shape != p.shape:
        raise InputError(
            f"The reference has shape {y.shape}, the prediction {p.shape}: both must lie on the same grid."
        )
    where = _where(region, y.shape)
    return p.reshape(-1)[where], y.reshape(-1)[where]


def stacked(
    probability: np.ndarray, labels: np.ndarray, region: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels of the voxels of a region, flat; errors as `top_label`.

    Parameters
    ----------
    probability, labels, region
        As for `top_label`.

    Returns
    -------
    tuple
        Probabilities (C, voxels), floating, and labels (voxels,), integers.
    """
    if np.shape(probability) == np.shape(labels):
        p, y = paired(probability, labels, region)
        p = p.astype(float)  # in which 1 - p is exact
        return np.stack([1 - p, p]), y.astype(np.intp)
    labels = as_labels(labels)
    if np.shape(probability)[1:] != labels.shape or len(probability) < 2:
        raise InputError(
            f"The labels have shape {labels.shape}, the probabilities {np.shape(probability)}: "
            f"expected the same shape, or classes (two or more) first."
        )
    probability = as_classes(probability)
    where = _where(region, labels.shape)
    classes = probability.reshape(len(probability), labels.size)[:, where]
    truth = labels.reshape(-1)[where].astype(np.intp)
    if truth.size and not (truth.min() >= 0 and truth.max() < len(classes)):
        raise InputError(
            f"Labels must be from 0 to {len(classes) - 1}, one for each class; these hold others."
        )
    return classes, truth


def _where(region: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | slice:
    if region is None:
        return slice(None)
    region = as_mask(region, "The region")
    if region.shape != shape:
        raise InputError(f"The region has shape {region.shape}, the reference {shape}.")
    return np.flatnonzero(region)
