"""Whether the model doubts where raters differ: over voxels, over lesions, over images.

A rank correlation asks no more than that more doubt goes with more disagreement; a linear one also that
they grow alike. Voxels and lesions of one image are not independent, so no p-value is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from napari_uncertainseg._base import InputError
from napari_uncertainseg.raters.consensus import who_doubts


@dataclass(frozen=True)
class Correspondence:
    """Correlation of doubt with disagreement.

    Attributes
    ----------
    rank
        Spearman's, -1 to 1; NaN where there are fewer than two, or one of the two never varies.
    linear
        Pearson's, likewise.
    count
        Number of voxels, lesions or images.
    """

    rank: float
    linear: float
    count: int


def correspondence(doubt: np.ndarray, disagreement: np.ndarray) -> Correspondence:
    """Correlate two lists of numbers: of voxels, lesions or images.

    Parameters
    ----------
    doubt, disagreement
        One shape.

    Raises
    ------
    InputError
        If the shapes differ or a value is not finite.
    """
    a, b = np.asarray(doubt, float).ravel(), np.asarray(disagreement, float).ravel()
    if np.shape(doubt) != np.shape(disagreement):
        raise InputError(
            f"The doubt has the shape {np.shape(doubt)}, the disagreement {np.shape(disagreement)}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("Doubt and disagreement must be finite numbers.")
    return Correspondence(_pearson(rankdata(a), rankdata(b)), _pearson(a, b), len(a))


def voxel_correspondence(
    doubt: np.ndarray, disagreement: np.ndarray, region: np.ndarray | None = None
) -> Correspondence:
    """Correlate a map of the model's doubt with a map of the raters' disagreement.

    Parameters
    ----------
    doubt, disagreement
        Maps of one shape.
    region
        bool, the same shape: the voxels that count; all if None. Over a whole brain nearly all voxels
        have neither, which makes the correlation look better than it is: take the surroundings of what
        anybody marked.

    Raises
    ------
    InputError
        As `correspondence`, or if the region has another shape.
    """
    if region is None:
        return correspondence(doubt, disagreement)
    if doubt.shape != region.shape or disagreement.shape != region.shape:
        raise InputError(
            f"The region has the shape {region.shape}, the doubt {doubt.shape}, "
            f"the disagreement {disagreement.shape}."
        )
    return correspondence(doubt[region], disagreement[region])


def lesion_doubt_types(
    labels: np.ndarray,
    doubt: Sequence[float] | np.ndarray,
    raters: Sequence[np.ndarray] | np.ndarray,
    limit: float,
) -> np.ndarray:
    """Who doubts each of the model's lesions: uint8, values of `Doubt`, shape (n,).

    Raters differ about a lesion when some of them touch it and others do not.

    Parameters
    ----------
    labels
        Lesions 1 to n, every number in use.
    doubt
        Of each lesion, shape (n,).
    raters
        Masks of the labels' shape.
    limit
        Doubt above it counts as doubt.

    Raises
    ------
    InputError
        If a shape differs.
    """
    n = len(doubt)
    if any(np.shape(mask) != labels.shape for mask in raters):
        raise InputError(f"Every rater's mask should have the lesions' shape, {labels.shape}.")
    if int(labels.max(initial=0)) != n:
        raise InputError(f"There are {int(labels.max(initial=0))} lesions and {n} values of doubt.")
    seen = np.array([np.isin(np.arange(1, n + 1), labels[np.asarray(mask) != 0]) for mask in raters])
    seen = seen.reshape(len(seen), n)
    split, unsure = np.asarray(seen.any(0) & ~seen.all(0)), np.asarray(doubt, float) > limit
    return who_doubts(split, unsure)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return math.nan
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(np.clip(float(a @ b) / scale, -1, 1)) if scale > 0 else math.nan
