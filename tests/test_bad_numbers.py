"""What is no probability, lies on another grid, or is nothing: one sentence, or a value that is defined."""

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.conformal import control_mean
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.risks import Losses
from napari_uncertainseg.calibration.scores import brier, nll
from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.matching import detections, dice, match_lesions
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.raters.agreement import SurfaceDistances, fleiss_kappa
from napari_uncertainseg.raters.consensus import majority, staple
from napari_uncertainseg.raters.curvas import consensus_dice, thresholded_soft_dice
from napari_uncertainseg.uncertainty.classes import ClassAccumulator
from napari_uncertainseg.uncertainty.lesion import (
    lesion_mean,
    lesion_structural_uncertainty,
    member_overlaps,
)
from napari_uncertainseg.uncertainty.lesion_agreement import lesion_agreement
from napari_uncertainseg.uncertainty.lesion_ranking import Ranker
from napari_uncertainseg.uncertainty.patient import (
    patient_average,
    patient_structural_uncertainty,
    patient_uncertainty,
)
from napari_uncertainseg.uncertainty.referral import average_precision
from napari_uncertainseg.uncertainty.retention import auroc, voxel_retention
from napari_uncertainseg.uncertainty.voxel import MapAccumulator, divergence_maps

from .builders import make_prediction

LABELS = np.zeros((4, 5, 6), np.uint16)
LABELS[1:3, 1:3, 1:3] = 1
MASK, NOTHING = LABELS > 0, LABELS > 9
P = (LABELS * 0.5).astype(np.float32)
LARGE = P * 4
UNKNOWN = P.copy()
UNKNOWN[0, 0, 0] = np.nan
GRID = Grid(P.shape, np.eye(4))
NOBODY = Members((slice(0, 0),) * 3, np.zeros((0, 0, 0, 0), np.float16))


def accumulated(*members, kind=MapAccumulator):
    maps = kind()
    for member in members:
        maps.add(member)
    return maps.result()


def classes(p):
    return np.stack([1 - p, p])


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (lambda: lesion_structural_uncertainty(LABELS, [], 0.5), "no member"),
        (lambda: lesion_structural_uncertainty(LABELS, [P, P[1:]], 0.5), r"Member 2 has shape \(3, 5, 6\)"),
        (lambda: lesion_structural_uncertainty(LABELS, [P], [0.5, 0.4]), "one for each of 1 members"),
        (lambda: lesion_agreement(LABELS, [], 0.5), "no member"),
        (lambda: lesion_agreement(LABELS, [P[1:]], 0.5), "Member 1"),
        (lambda: patient_structural_uncertainty(MASK, []), "no member"),
        (lambda: patient_structural_uncertainty(MASK, [MASK[1:]]), "A member has shape"),
        (lambda: patient_uncertainty(P, NOBODY, 0.5), "no member"),
        (lambda: accumulated(), "no member"),
        (lambda: accumulated(P, P[1:]), "A member has shape"),
        (lambda: accumulated(kind=ClassAccumulator), "no member"),
        (lambda: accumulated(classes(P), classes(P)[:, 1:], kind=ClassAccumulator), "A member has shape"),
        (lambda: accumulated(np.stack([P, P]), kind=ClassAccumulator), "sum to 1"),
        (lambda: divergence_maps([], accumulated(P)), "no member"),
        (lambda: divergence_maps([P[1:]], accumulated(P)), "A member has shape"),
        (lambda: lesion_mean(LABELS, P[1:]), "voxel map has shape"),
        (lambda: detections(MASK, MASK[1:]), "same grid"),
        (lambda: dice(MASK, MASK[1:]), "same grid"),
        (lambda: match_lesions(MASK, MASK[1:]), "same grid"),
        (lambda: Losses.from_case(P, MASK[1:]), "same grid"),
        (lambda: best_dice(P, NOTHING), "no voxel"),
        (lambda: patient_average(P, MASK, mode="refernce"), "not 'refernce'"),
        (lambda: majority([MASK, MASK[1:]]), "Rater 2 has a mask of shape"),
        (lambda: thresholded_soft_dice(P[1:], [MASK, MASK]), "raters' masks"),
    ],
)
def test_one_sentence(call, wrong):
    with pytest.raises(InputError, match=wrong):
        call()


@pytest.mark.parametrize("p", [UNKNOWN, LARGE, -P], ids=["NaN", "above 1", "below 0"])
@pytest.mark.parametrize(
    "call",
    [
        lambda p: lesion_structural_uncertainty(LABELS, [p], 0.5),
        lambda p: lesion_agreement(LABELS, [p], 0.5),
        lambda p: accumulated(p),
        lambda p: accumulated(classes(p), kind=ClassAccumulator),
        lambda p: Ranker(make_prediction(p, NOBODY, grid=GRID, entropy=P)),
        lambda p: reliability(p, MASK),
        lambda p: nll(p, MASK),
        lambda p: brier(p, MASK),
        lambda p: best_dice(p, MASK),
        lambda p: Losses.from_case(p, MASK),
        lambda p: thresholded_soft_dice(p, [MASK, MASK]),
    ],
)
def test_no_probability(call, p):
    with pytest.raises(InputError, match="numbers from 0 to 1"):
        call(p)


def test_rounding_is_no_error():
    mean = np.full(P.shape, np.nextafter(np.float32(1), np.float32(2)))
    maps = accumulated(mean)
    Ranker(make_prediction(maps.mean, NOBODY, grid=GRID, entropy=maps.entropy))
    assert accumulated(classes(P).astype(np.float16), kind=ClassAccumulator).mean.shape == (2, *P.shape)


def test_nothing_to_measure_is_defined():
    empty = reliability(P, MASK, region=NOTHING)
    assert np.isnan([empty.ece, empty.ace, empty.mce]).all()
    assert np.isnan(brier(P, MASK, region=NOTHING)) and np.isnan(auroc(np.zeros(3), np.zeros(3, bool)))
    assert np.isnan(average_precision(np.zeros(3), np.zeros(3, bool)))
    found = detections(MASK, NOTHING)
    assert (found.tp, found.fp, found.fn) == (0, 1, 0) and np.isnan(found.recall)
    assert not Losses.from_case(P, NOTHING).missed_volume.any()
    curve = voxel_retention(MASK.ravel(), NOTHING.ravel(), P.ravel())
    assert np.isfinite(curve.dice.values).all() and curve.dice.values[0] == 1
    one = control_mean(np.array([[0, 0.1, 0.2]]), np.array([0.1, 0.2, 0.3]), 0.1)
    assert one.threshold is None and "1 case cannot support" in one.reason and one.needed == 9
    assert not staple([NOTHING, NOTHING]).mask.any() and fleiss_kappa([NOTHING, NOTHING]) == 1
    assert SurfaceDistances.between([MASK, NOTHING], (1, 1, 1)).hausdorff()[0, 1] == np.inf
    assert np.isnan(consensus_dice(NOTHING, [NOTHING, NOTHING]))  # as in the challenge
    sizes = np.zeros(1, int)
    assert member_overlaps(np.zeros(0, int), np.zeros(0, int), sizes, [MASK]).shape == (1, 0)
