"""A prediction against several raters: its doubt where they differ, its errors where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_labels, as_numbers, as_probabilities, check_same_shape
from napari_uncertainseg.lesions.components import neighbourhood
from napari_uncertainseg.raters.consensus import (
    Raters,
    UncertaintySource,
    as_masks,
    disagreement,
    uncertainty_sources,
)
from napari_uncertainseg.raters.correspondence import (
    Correspondence,
    correspondence,
    lesion_uncertainty_sources,
    voxel_correspondence,
)
from napari_uncertainseg.raters.curvas import CurvasScores, score
from napari_uncertainseg.uncertainty.lesion import lesion_mean

UNSURE_ENTROPY = 0.5
"""Entropy, nats, above which a voxel counts as doubtful: probabilities from 0.2 to 0.8."""
UNSURE_LSU = 0.5
"""Structural uncertainty above which a lesion counts as doubtful."""
DISTANCE = 5.0
"""Voxels at most this far (mm) from what a rater or the model marked are compared."""


@dataclass(frozen=True, eq=False)
class AgainstRaters:
    """A prediction and its doubt against raters.

    Attributes
    ----------
    voxels
        Entropy against the variance of the raters' marks, within `DISTANCE` of any mark.
    lesions
        Structural uncertainty of the model's lesions against the raters' mean variance in them.
    lesion_doubt, lesion_disagreement
        These two, one value per lesion.
    lesion_kinds
        Who doubts each lesion, values of `UncertaintySource`.
    kinds
        Who doubts each voxel, uint8, values of `UncertaintySource`, of a mask's shape.
    volumes_mm3
        Volume of each value of `UncertaintySource`; in that of `NEITHER` only voxels within `DISTANCE` count.
    curvas
        Scores of the CURVAS challenges, calibration within `DISTANCE`.
    """

    voxels: Correspondence
    lesions: Correspondence
    lesion_doubt: np.ndarray
    lesion_disagreement: np.ndarray
    lesion_kinds: np.ndarray
    kinds: np.ndarray
    volumes_mm3: dict[UncertaintySource, float]
    curvas: CurvasScores


def against_raters(
    probability: np.ndarray,
    entropy: np.ndarray,
    labels: np.ndarray,
    doubt: np.ndarray,
    raters: Raters,
    spacing: Sequence[float],
    *,
    threshold: float,
) -> AgainstRaters:
    """Compare a prediction with several raters.

    Parameters
    ----------
    probability, entropy
        Maps of the prediction, 3-D.
    labels
        Its lesions, 1 to n.
    doubt
        Structural uncertainty of each, shape (n,).
    raters
        Shape (r, ...), masks of the maps' shape, at least two; nonzero is lesion.
    spacing
        Voxel size along each axis, mm.
    threshold
        At which the lesions were found.

    Raises
    ------
    InputError
        If the shapes differ, an array is not of its kind, or there are fewer than two raters.
    """
    probability, labels = as_probabilities(probability), as_labels(labels)
    entropy, doubt = as_numbers(entropy, "The entropy"), as_numbers(doubt, "The doubt")
    masks = as_masks(raters, least=2)
    if masks.shape[1:] != probability.shape:
        raise InputError(
            f"The raters' masks have the shape {masks.shape[1:]}, the prediction {probability.shape}: "
            "they should lie on the scan's grid."
        )
    check_same_shape("The entropy", entropy.shape, "the prediction", probability.shape)
    check_same_shape("The labels", labels.shape, "the prediction", probability.shape)
    step = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    near = neighbourhood(masks.any(axis=0) | (labels > 0), step, distance=DISTANCE)
    variance = disagreement(masks).variance
    inside = lesion_mean(labels, variance)
    kinds = uncertainty_sources(variance, entropy, uncertainty_above=UNSURE_ENTROPY)
    counts = np.bincount(kinds[near], minlength=len(UncertaintySource)) * float(np.prod(step))
    region = near if near.any() else None
    return AgainstRaters(
        voxels=voxel_correspondence(entropy, variance, near),
        lesions=correspondence(doubt, inside),
        lesion_doubt=np.asarray(doubt, float),
        lesion_disagreement=inside,
        lesion_kinds=lesion_uncertainty_sources(labels, doubt, masks, UNSURE_LSU),
        kinds=kinds,
        volumes_mm3={kind: float(counts[kind]) for kind in UncertaintySource},
        curvas=score(probability, masks, step, threshold=threshold, region=region),
    )
