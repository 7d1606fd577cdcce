"""Inputs that gave another number without a word, each with the number that is right."""

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.real_by_cases import RealByCases
from napari_uncertainseg.calibration.record import GRID, LOSSES, MEASURES, CalibrationRecord
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.risks import Losses
from napari_uncertainseg.calibration.scores import brier, nll
from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.inference.real_by_cases import with_real_by_cases
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.training.average_calibration import AverageCalibrationLoss, calibration_error
from napari_uncertainseg.training.losses import dice_cross_entropy, multi_head_loss
from napari_uncertainseg.training.maximum_entropy import MaximumEntropyLoss
from napari_uncertainseg.uncertainty.classes import ClassAccumulator
from napari_uncertainseg.uncertainty.lesion import lesion_mean, lesion_structural_uncertainty
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.uncertainty.patient import patient_average
from napari_uncertainseg.uncertainty.referral import average_precision
from napari_uncertainseg.uncertainty.retention import patient_retention
from napari_uncertainseg.uncertainty.voxel import MapAccumulator, binary_entropy, divergence_maps

from .builders import make_prediction

NAN = np.array([0, np.nan, 1, 0])
P = np.array([0.9, 0.1, 0.2, 0.3])


def test_a_dice_is_at_most_one():
    assert best_dice(P, np.array([1, 0, 0, 0], np.uint8)).dice == 1
    assert best_dice(P, np.array([255, 0, 0, 0])).dice == 1
    with pytest.raises(InputError, match="divide"):
        best_dice((P * 255).astype(np.uint8), np.array([1, 0, 0, 0]))


def test_a_bool_map_is_zeros_and_ones():
    assert reliability(np.array([True, False]), np.array([0, 1]), bins=5).ece == 1


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("lesion", [1, 255])
def test_losses_of_any_mask(kind, lesion):
    rng = np.random.default_rng(2)
    p, truth = rng.random((3, 4, 5)), rng.random((3, 4, 5)) < 0.3
    found, right = Losses.from_case(p, (truth * lesion).astype(kind), GRID), Losses.from_case(p, truth, GRID)
    for name in LOSSES:
        np.testing.assert_array_equal(getattr(found, name), getattr(right, name))
    missed = [np.count_nonzero(truth & (p < t)) / truth.sum() for t in GRID]
    np.testing.assert_allclose(found.missed_volume, missed)


@pytest.mark.parametrize(
    "call", [reliability, brier, nll, dice, ProbabilityHistogram.from_probability, best_dice]
)
def test_nan_is_no_lesion(call):
    with pytest.raises(InputError, match="reference holds NaN"):
        call(np.array([0.0, 1, 1, 0]), NAN)


def test_classes_have_the_bounds_and_floor_of_one_probability():
    with pytest.raises(InputError, match="from 0 to 1"):
        ClassAccumulator().add(np.array([[1.0005], [-0.0005]]))
    members = [np.array([0.0, 1e-11, 0.3, 1.0]), np.array([1.0, 0.9, 0.6, 1.0])]
    maps, several = MapAccumulator(), ClassAccumulator()
    for p in members:
        maps.add(p)
        several.add(np.stack([1 - p, p]))
    one, two = divergence_maps(members, maps.result()), several.result()
    np.testing.assert_allclose(two.pairwise, one.pairwise, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        two.reverse_mutual_information, one.reverse_mutual_information, rtol=1e-5, atol=1e-6
    )
    assert one.pairwise[0] == pytest.approx(-np.log(1e-10) / 2, rel=1e-5)  # the authors' 1e-10


def test_half_floats_are_counted_in_single_precision():
    p = np.linspace(0, 1, 2001).astype(np.float16)
    np.testing.assert_array_equal(reliability(p, p > 2).count, reliability(p.astype(float), p > 2).count)
    small = np.array([3e-5], np.float16)
    assert binary_entropy(small) == pytest.approx(binary_entropy(small.astype(float)), rel=1e-5)
    assert nll(np.array([1e-4], np.float16), np.array([0])) == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("logit", [np.nan, -np.nan])
@pytest.mark.parametrize("binning", ["soft", "hard"])
def test_a_network_that_answers_nan(logit, binning):
    for channels in (1, 2):
        logits = torch.zeros(1, channels, 2, 2, 2)
        logits[0, 0, 0, 0, 0] = logit
        for loss in (AverageCalibrationLoss(binning=binning), MaximumEntropyLoss("ce")):
            with pytest.raises(InputError, match="NaN"):
                loss(logits, torch.zeros(1, 2, 2, 2, dtype=torch.long))
    with pytest.raises(InputError, match="NaN"):
        calibration_error(torch.tensor([logit]), torch.tensor([1.0]), binning=binning)
    heads, mask = torch.full((1, 2, 2, 2, 2), logit), torch.zeros(1, 1, 2, 2, 2)
    with pytest.raises(InputError, match="NaN"):
        multi_head_loss(heads, [], mask, mask, torch.ones_like(mask), torch.tensor([0, 0]), binning=binning)


def test_losses_take_masks_of_any_type_and_no_other_numbers():
    logits, hard = torch.randn(1, 1, 2, 2, 2), torch.tensor([0, 1] * 4).reshape(1, 1, 2, 2, 2)
    weight = torch.ones_like(logits)
    right = float(dice_cross_entropy(logits, hard.float(), weight))
    for kind in (torch.bool, torch.uint8, torch.int64, torch.float64):
        assert float(dice_cross_entropy(logits, hard.to(kind), weight)) == pytest.approx(right)
    for wrong in (hard * 255, hard.float() * float("nan"), -hard):
        with pytest.raises(InputError):
            dice_cross_entropy(logits, wrong, weight)
        with pytest.raises(InputError):
            AverageCalibrationLoss()(logits, wrong)


def test_one_value_per_lesion_as_a_list():
    assert patient_average([0.4], scaled=True, mode="reference") == 0
    assert patient_average([0.2, 0.4]) == pytest.approx(0.3)


@pytest.mark.parametrize("quality", [[0.5, np.nan], [0.5, 1.5], [0.5, -np.inf]])
def test_quality_is_a_number_up_to_one(quality):
    with pytest.raises(InputError):
        patient_retention([1, 2], quality)


def test_doubt_of_whole_numbers_is_ordered_as_it_is():
    error = [True, False, False]
    assert average_precision(np.array([3, 0, 1], np.uint8), error) == 1
    assert average_precision(np.array([0, 3, 1], np.uint8), error) == pytest.approx(1 / 3)


def test_labels_with_a_gap_have_no_phantom():
    labels = np.zeros((3, 3, 6), int)
    labels[..., 0], labels[..., 4] = 1, 7
    p = (labels > 0) * 0.9
    assert lesion_structural_uncertainty(labels, [p], 0.5).tolist() == [0, 0]
    assert lesion_mean(labels, p).tolist() == pytest.approx([0.9, 0.9])


def test_is_lesion_where_the_peak_is_the_threshold():
    p = np.zeros((4, 4, 4), np.float32)
    p[1:3, 1:3, 1:3] = 0.7
    found = rank_lesions(make_prediction(p), 0.7)
    fit = RealByCases(0, 1, 0, 0, 20, 10, 0.1, 0.2)
    losses, measures = dict.fromkeys(LOSSES, np.zeros((1, 99))), dict.fromkeys(MEASURES, np.ones(1))
    record = CalibrationRecord("m", "ab", "one-pass", (), 3.0, ("a",), losses, measures, None, fit, fit)
    assert with_real_by_cases(found, record).table["p_real"].notna().all()


def test_of_what_a_human_drew_calibration_cases_say_nothing():
    p = np.zeros((8, 8, 8), np.float32)
    p[1:3, 1:3, 1:3] = 0.7
    edit = np.zeros(p.shape, np.int8)
    edit[5:7, 5:7, 5:7] = 1
    found = rank_lesions(make_prediction(p), 0.5, edit=edit)
    fit = RealByCases(0, 1, 0, 0, 20, 10, 0.1, 0.2)
    losses, measures = dict.fromkeys(LOSSES, np.zeros((1, 99))), dict.fromkeys(MEASURES, np.ones(1))
    record = CalibrationRecord("m", "ab", "one-pass", (), 3.0, ("a",), losses, measures, None, fit, fit)
    real = with_real_by_cases(found, record).table.set_index("drawn")["p_real"]
    assert real[False] == pytest.approx(0.7) and np.isnan(real[True])


@pytest.mark.parametrize(
    ("threshold", "candidates", "known"),
    [
        (0.2, 0.1, (True, True)),
        (0.15, 0.1, (False, True)),
        (0.85, 0.1, (False, True)),
        (0.5, 0.2, (True, False)),
    ],
)
def test_of_other_thresholds_than_theirs_calibration_cases_say_nothing(threshold, candidates, known):
    p = np.zeros((8, 8, 8), np.float32)
    p[1:3, 1:3, 1:3], p[5:7, 5:7, 5:7] = 0.9, 0.14
    found = rank_lesions(make_prediction(p), threshold, candidate_threshold=candidates)
    fit = RealByCases(0, 1, 0, 0, 20, 10, 0.1, 0.2)
    losses, measures = dict.fromkeys(LOSSES, np.zeros((1, 99))), dict.fromkeys(MEASURES, np.ones(1))
    record = CalibrationRecord("m", "ab", "one-pass", (), 3.0, ("a",), losses, measures, None, fit, fit)
    said = with_real_by_cases(found, record)
    assert ("p_real" in said.table, "p_real" in said.candidate_table) == known
    only = CalibrationRecord("m", "ab", "one-pass", (), 3.0, ("a",), losses, measures, None, fit)
    assert (with_real_by_cases(found, only).real_by == "calibration") is known[0]


@pytest.mark.parametrize("threshold", [np.float64(0.7), 0.7, np.float32(0.7)])
def test_painted_counts_by_the_rule_of_all_thresholds(threshold):
    p = np.full((4, 4, 4), np.float32(0.7))
    edit = np.ones(p.shape, np.int8)  # on what is lesion already
    found = rank_lesions(make_prediction(p), threshold, edit=edit)
    assert found.drawn == 0
    assert PaintedVolumes.from_edit(edit, p.astype(float), threshold, 1.0, 0) == PaintedVolumes(0.0, 0.0, 0)
