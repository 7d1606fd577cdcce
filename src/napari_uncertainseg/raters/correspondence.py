"""Whether the model doubts where raters differ: over voxels, over lesions, over images.

A rank correlation asks no more than that more doubt goes with more disagreement; a linear one also that
they grow alike. Voxels and lesions of one image are not independent, so no p-value is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_numbers, numbered
from napari_uncertainseg.raters.consensus import combined_sources


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
    a, b = (as_numbers(x, "Doubt and disagreement").astype(float).ravel() for x in (doubt, disagreement))
    if np.shape(doubt) != np.shape(disagreement):
        raise InputError(
            f"The doubt has the shape {np.shape(doubt)}, the disagreement {np.shape(disagreement)}."
        )
    from scipy.stats import rankdata  # here: it takes half a second, and a run does without it

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
        A mask of the same shape: the voxels that count; all if None. Over a whole brain nearly all voxels
        have neither, which makes the correlation look better than it is: take the surroundings of what
        anybody marked.

    Raises
    ------
    InputError
        As `correspondence`, or if the region has another shape.
    """
    if region is None:
        return correspondence(doubt, disagreement)
    doubt, disagreement = (as_numbers(x, "Doubt and disagreement") for x in (doubt, disagreement))
    region = as_mask(region, "The region")
    if doubt.shape != region.shape or disagreement.shape != region.shape:
        raise InputError(
            f"The region has the shape {region.shape}, the doubt {doubt.shape}, "
            f"the disagreement {disagreement.shape}."
        )
    return correspondence(doubt[region], disagreement[region])


def lesion_uncertainty_sources(
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
        n lesions, whatever their numbers.
    doubt
        Of each lesion in the order of the labels, shape (n,).
    raters
        Masks of the labels' shape.
    limit
        Doubt above it counts as doubt.

    Raises
    ------
    InputError
        If a shape differs, or these are no labels, masks and finite numbers.
    """
    (labels, used), doubt = numbered(labels), as_numbers(doubt, "The doubt")
    masks = [as_mask(mask, f"The mask of rater {number}") for number, mask in enumerate(raters, start=1)]
    n = len(used)
    if any(mask.shape != labels.shape for mask in masks):
        raise InputError(f"Every rater's mask should have the lesions' shape, {labels.shape}.")
    if doubt.shape != (n,):
        raise InputError(f"There are {n} lesions and {doubt.size} values of doubt.")
    seen = np.array([np.isin(np.arange(1, n + 1), labels[mask]) for mask in masks]).reshape(len(masks), n)
    split, unsure = np.asarray(seen.any(0) & ~seen.all(0)), doubt > limit
    return combined_sources(split, unsure)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return math.nan
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(np.clip(float(a @ b) / scale, -1, 1)) if scale > 0 else math.nan
