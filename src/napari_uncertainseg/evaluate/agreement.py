"""A segmentation against one mask, and whether its doubt finds its errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.scores import brier, nll
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import voxels_of
from napari_uncertainseg.lesions.matching import detections, dice, lesions_touching, match_lesions
from napari_uncertainseg.raters.agreement import SurfaceDistances
from napari_uncertainseg.uncertainty.referral import average_precision
from napari_uncertainseg.uncertainty.retention import RetentionCurve, auroc, lesion_retention

_TOLERANCE = 1.0
"""Of the surface Dice, mm."""


@dataclass(frozen=True)
class ReferenceAgreement:
    """A segmentation and its probabilities against one mask.

    Attributes
    ----------
    dice
        Dice coefficient of the lesion masks, 0 to 1; 1 where both are empty.
    lesion_f1, lesion_precision, lesion_recall
        Over lesions (26-connected, at least 3 mm3); one voxel in common counts as found. NaN where nothing
        is there to be counted.
    lesions_found, lesions_missed, lesions_invented
        The counts behind them.
    lesion_f1_adjusted, lesions_under_segmented
        F1 where a true lesion reaches an adjusted intersection over union of 0.25, and the lesions that touch
        the mask and do not reach it.
    volume_ml, reference_ml
        Volume of the segmentation and of the mask.
    volume_difference_ml
        Segmentation minus mask.
    ece, ace, mce
        Calibration errors of the lesion probability over the brain's voxels, 20 bins: expected
        (weighted by voxels), average (each bin alike) and maximal.
    brier, nll
        Mean squared difference and mean negative log-likelihood (nats) over the brain's voxels.
    hd95_mm, surface_dice
        95th percentile of the distances between the boundaries, mm, and share of both boundaries
        within 1 mm; infinite and 0 where one of the masks is empty.
    """

    dice: float
    lesion_f1: float
    lesion_precision: float
    lesion_recall: float
    lesions_found: int
    lesions_missed: int
    lesions_invented: int
    lesion_f1_adjusted: float
    lesions_under_segmented: int
    volume_ml: float
    reference_ml: float
    volume_difference_ml: float
    ece: float
    ace: float
    mce: float
    brier: float
    nll: float
    hd95_mm: float
    surface_dice: float


@dataclass(frozen=True)
class ErrorsFound:
    """Whether doubt finds the errors of a segmentation; NaN where there is none to find, or nothing else.

    Attributes
    ----------
    lesion_auroc
        Of the lesions' doubt (`lesion_columns` says what it is), for lesions that touch no reference
        lesion against those that do.
    voxel_auroc
        Of entropy, for voxels of the brain that are wrong against those that are right.
    lesion_aupr, voxel_aupr
        Likewise the area under precision and recall, which a random order has at the share of errors.
    ndsc_above
        Area above the retention curve of nDSC, by entropy, over the brain's voxels: 0 is best.
    true_lesions_above
        Area above the lesion retention curve, by the lesions' doubt.
    """

    lesion_auroc: float
    voxel_auroc: float
    lesion_aupr: float
    voxel_aupr: float
    ndsc_above: float
    true_lesions_above: float


def reference_agreement(
    probability: np.ndarray,
    lesions: np.ndarray,
    mask: np.ndarray,
    *,
    brain: np.ndarray,
    grid: Grid,
    min_volume: float = 3.0,
) -> ReferenceAgreement:
    """Compare a segmentation with a mask.

    Parameters
    ----------
    probability
        Lesion probability, shape ``grid.shape``.
    lesions
        Labels of the segmentation's lesions, 0 elsewhere.
    mask
        Label image, nonzero is lesion.
    brain
        Calibration is judged where this is true.
    grid
        On which all of them lie.
    min_volume
        Smaller lesions of the mask are neither found nor missed, mm3.
    """
    truth = mask != 0
    found = detections(lesions, truth, min_voxels=voxels_of(min_volume, grid.voxel_volume))
    matched = match_lesions(lesions, truth, min_voxels=voxels_of(min_volume, grid.voxel_volume))
    curve = reliability(probability, truth, region=brain)
    surfaces = SurfaceDistances.between(np.stack([lesions != 0, truth]), grid.spacing)
    ml = grid.voxel_volume / 1000
    volume, reference_ml = np.count_nonzero(lesions) * ml, np.count_nonzero(truth) * ml
    return ReferenceAgreement(
        dice=dice(lesions, truth),
        lesion_f1=found.f1,
        lesion_precision=found.precision,
        lesion_recall=found.recall,
        lesions_found=found.tp,
        lesions_missed=found.fn,
        lesions_invented=found.fp,
        lesion_f1_adjusted=matched.f1,
        lesions_under_segmented=matched.under,
        volume_ml=volume,
        reference_ml=reference_ml,
        volume_difference_ml=volume - reference_ml,
        ece=curve.ece,
        ace=curve.ace,
        mce=curve.mce,
        brier=brier(probability, truth, region=brain),
        nll=nll(probability, truth, region=brain),
        hd95_mm=float(surfaces.hausdorff()[0, 1]),
        surface_dice=float(surfaces.surface_dice(_TOLERANCE)[0, 1]),
    )


def errors_found(
    entropy: np.ndarray,
    lesions: np.ndarray,
    doubt: np.ndarray,
    mask: np.ndarray,
    *,
    brain: np.ndarray,
    curve: RetentionCurve | None,
) -> ErrorsFound:
    """Judge a prediction's doubt by a mask.

    Parameters
    ----------
    entropy
        Map, nats.
    lesions
        Labels 1 to n, of the map's shape.
    doubt
        Of each lesion, shape (n,).
    mask
        Label image, nonzero is lesion.
    brain
        bool: the voxels that count.
    curve
        Retention curve of nDSC over them, by entropy; None where there is none.
    """
    truth = mask != 0
    is_true = lesions_touching(lesions, truth, len(doubt))
    wrong = (lesions[brain] > 0) != truth[brain]
    return ErrorsFound(
        lesion_auroc=auroc(doubt, ~is_true) if len(doubt) else math.nan,
        voxel_auroc=auroc(entropy[brain], wrong) if brain.any() else math.nan,
        lesion_aupr=average_precision(doubt, ~is_true),
        voxel_aupr=average_precision(entropy[brain], wrong),
        ndsc_above=math.nan if curve is None else curve.above,
        true_lesions_above=lesion_retention(doubt, is_true).above if len(doubt) else math.nan,
    )
