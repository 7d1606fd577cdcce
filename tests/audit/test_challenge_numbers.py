"""The challenge measures of single cases: the authors' constants, other libraries, and loops over voxels."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.challenge.against_raters import (
    box_of_marks,
    consensus_dice_by_rows,
    consensus_dice_of_all,
    dissensus_between,
    dissensus_dice,
    ece_in_box,
    ece_near_marks,
)
from napari_uncertainseg.audit.challenge.calibrated import in_region, of_whole_image
from napari_uncertainseg.audit.challenge.detection import Detected, detected
from napari_uncertainseg.audit.challenge.retained import (
    cases_retained,
    d_auc,
    ideal_left,
    in_memory_order,
    lesion_f1_retained,
    lesions_retained,
    poor_left,
    r_auc,
    voxels_retained,
)
from napari_uncertainseg.raters.curvas import top_label_ece
from napari_uncertainseg.uncertainty.referral import discarded_area

U4 = np.array([0.1, 0.4, 0.2, 0.9])


# Constants ------------------------------------------------------------------------------------------------


def test_constants_of_retention():
    predicted, truth = np.array([1, 1, 0, 1, 0, 0, 1, 0]), np.array([1, 0, 0, 1, 1, 0, 1, 0])
    u = np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.05, 0.4, 0.15])
    for one in voxels_retained(predicted, truth, u, points=5):
        np.testing.assert_allclose(one.curve.values, one.published.values)  # no two are equal
    plain, normalised = voxels_retained(predicted, truth, u, points=5)
    assert plain.curve.above == pytest.approx(0.03125)
    assert normalised.curve.above == pytest.approx(0.124254, abs=1e-6)
    lesions = lesions_retained(U4, np.array([True, False, True, False]), points=5)
    assert lesions.curve.above == lesions.published.above == pytest.approx(0.145833, abs=1e-6)
    dice = np.array([0.8, 0.6, 0.7, 0.3])
    assert r_auc(U4, dice) == r_auc(U4, dice, published=True) == pytest.approx(0.85)


def test_constant_of_d_auc():
    doubt, poor = np.array([5.0, 4, 3, 2, 1]), np.array([1, 0, 1, 0, 0])
    left = poor_left(doubt, poor)
    np.testing.assert_allclose(left.curve.values[::-1], [1, 0.5, 0.5, 0, 0, 0])
    assert left.curve.area == pytest.approx(0.30) and left.ideal.area == pytest.approx(0.20)
    assert d_auc(doubt, poor) == pytest.approx(0.10) == d_auc(doubt, poor, published=True)
    assert ideal_left(2, 5) == pytest.approx(0.2)


def test_constant_of_adjusted_overlap():
    truth, predicted = np.zeros((1, 1, 10), bool), np.zeros((1, 1, 10), bool)
    truth[..., 2:8], predicted[..., 2:5], predicted[..., 6:9] = True, True, True
    # The first prediction has a plain IoU of 0.5 and an adjusted one of 0.75; the second 2 / 4.
    assert detected(predicted, truth, least=0.75).tpl == 1
    assert detected(predicted, truth, least=0.51).tpl == 1 and detected(predicted, truth, least=0.5).tpl == 2
    found = detected(predicted, truth)
    assert found == Detected(tpl=2, usl=0, fpl=0, fnl=0, found=1, reference=1)
    assert found.published.f1 == found.mended.f1 == 1


# Against raters -------------------------------------------------------------------------------------------


def raters_and_prediction(seed, shape=(5, 7, 9), number=3):
    rng = np.random.default_rng(seed)
    p = ndimage.gaussian_filter(rng.random(shape), 1.0)
    p = (p - p.min()) / np.ptp(p)
    noise = np.stack([ndimage.gaussian_filter(rng.random(shape), 1.0) for _ in range(number)])
    return p, p > 0.55, (p + 2 * (noise - noise.mean())) > 0.5


@pytest.mark.parametrize("seed", range(6))
def test_published_consensus_dice_is_monais_of_slices_and_rows(seed):
    torch = pytest.importorskip("torch")
    from monai.metrics import DiceMetric

    _, predicted, raters = raters_and_prediction(seed)
    if seed == 5:
        raters[0] = False  # no consensus: MONAI has no value, and the mean of none is 0
    agree = raters.all(0)
    outside = ~(raters.any(0) & ~agree)
    metric = DiceMetric(include_background=False, reduction="mean", get_not_nans=False, ignore_empty=True)
    metric(torch.tensor((predicted & outside).astype(np.uint8)), torch.tensor(agree.astype(np.uint8)))
    assert consensus_dice_by_rows(predicted, raters) == pytest.approx(metric.aggregate().item(), abs=1e-6)


def test_what_the_published_consensus_dice_does_not_see():
    truth = np.zeros((4, 6, 8), bool)
    truth[1, 2, 2:6] = True
    raters = np.stack([truth] * 3)
    predicted = truth.copy()
    predicted[3] = True  # a whole slice is invented
    assert consensus_dice_by_rows(predicted, raters) == 1
    assert consensus_dice_of_all(predicted, raters) == pytest.approx(2 * 4 / (4 + 4 + 48))
    nobody = np.zeros((3, 4, 6, 8), bool)
    assert consensus_dice_by_rows(predicted, nobody) == 0 == consensus_dice_by_rows(nobody[0], nobody)
    assert consensus_dice_of_all(predicted, nobody) == 0 and consensus_dice_of_all(nobody[0], nobody) == 1
    with pytest.raises(InputError, match="shape"):
        consensus_dice_of_all(predicted[1:], raters)


@pytest.mark.parametrize("seed", range(4))
def test_dice_in_consensus_and_dissensus_voxel_by_voxel(seed):
    _, predicted, raters = raters_and_prediction(seed)
    both = pred = fore = 0
    inside = [[0, 0, 0] for _ in raters]
    for at in np.ndindex(predicted.shape):
        marks = [bool(r[at]) for r in raters]
        if len(set(marks)) == 1:
            both += predicted[at] and marks[0]
            pred += predicted[at]
            fore += marks[0]
        else:
            for counts, mark in zip(inside, marks, strict=True):
                counts[0] += predicted[at] and mark
                counts[1] += predicted[at]
                counts[2] += mark
    assert consensus_dice_of_all(predicted, raters) == pytest.approx(2 * both / (pred + fore))
    assert dissensus_dice(predicted, raters) == pytest.approx(
        np.mean([2 * b / (p + r) for b, p, r in inside])
    )


def test_identical_raters_and_one_rater():
    p, predicted, raters = raters_and_prediction(0)
    for alike in (raters[[0, 0, 0]], raters[:1]):
        assert math.isnan(dissensus_dice(predicted, alike))
        both, total = (predicted & alike[0]).sum(), predicted.sum() + alike[0].sum()
        assert consensus_dice_of_all(predicted, alike) == pytest.approx(2 * both / total)
        errors = ece_near_marks(p, predicted, alike, (1, 1, 1))
        assert len(errors) == len(alike) and np.ptp(errors) == 0


def test_box_of_the_challenge_counts_from_the_end_and_ours_does_not():
    raters = np.zeros((2, 60, 50, 45), bool)
    raters[0, 30, 25, 22], raters[1, 31, 26, 23] = True, True
    p = np.random.default_rng(0).random((60, 50, 45))
    inner = box_of_marks(raters, clipped=False)
    assert inner == box_of_marks(raters, clipped=True) == (slice(10, 51), slice(5, 46), slice(2, 43))
    whole = top_label_ece(p[10:51, 5:46, 2:43], raters[:, 10:51, 5:46, 2:43])
    np.testing.assert_allclose(ece_in_box(p, raters, clipped=False), whole)
    raters[1, 19, 26, 23] = True  # 19 - 20 = -1: Python begins at the last slice
    assert box_of_marks(raters, clipped=True)[0] == slice(0, 51)
    assert box_of_marks(raters, clipped=False) is None
    assert np.isnan(ece_in_box(p, raters, clipped=False)).all()
    assert np.isfinite(ece_in_box(p, raters, clipped=True)).all()
    raters[:] = False
    assert box_of_marks(raters, clipped=True) is None
    assert np.isnan(ece_near_marks(p, raters[0], raters, (1, 1, 1))).all()


def test_ece_near_marks_is_of_voxels_within_five_millimetres():
    raters, p = np.zeros((1, 21, 21, 21), bool), np.random.default_rng(3).random((21, 21, 21))
    raters[0, 10, 10, 10] = True
    away = np.linalg.norm(np.stack(np.indices(p.shape)) - 10, axis=0)
    wanted = top_label_ece(p, raters, region=away * 2.0 <= 5)
    np.testing.assert_allclose(ece_near_marks(p, raters[0], raters, (2.0, 2.0, 2.0)), wanted)


# Detection and calibration --------------------------------------------------------------------------------


def loop_over_lesions(predicted, truth, least=0.25):
    """Types of lesions as the benchmark's paper defines them, one mask at a time."""
    every = np.ones((3, 3, 3))
    (p, n), (r, m) = ndimage.label(predicted, every), ndimage.label(truth, every)
    types, found = [], set()
    for i in range(1, n + 1):
        one = p == i
        touched = [k for k in np.unique(r[one]) if k]
        counterpart = np.isin(r, touched)
        free = counterpart & ~(predicted & ~one)
        score = (one & counterpart).sum() / (one | free).sum() if touched else 0.0
        types.append("TPL" if score >= least else "USL" if touched else "FPL")
        found |= set(touched) if score >= least else set()
    missed = sum(not predicted[r == k].any() for k in range(1, m + 1))
    return types, missed, len(found), m


@pytest.mark.parametrize("seed", range(12))
def test_detection_against_a_loop(seed):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal((2, 12, 13, 14)), (0, 1, 1, 1))
    truth = noise[0] > noise[0].std()
    predicted = noise[0] + 0.8 * noise[1] > 1.3 * noise[0].std()
    if seed == 0:
        truth[:] = False
    if seed == 1:
        predicted[:] = False
    types, missed, hit, number = loop_over_lesions(predicted, truth)
    found = detected(predicted, truth)
    counts = tuple(types.count(kind) for kind in ("TPL", "USL", "FPL"))
    assert (found.tpl, found.usl, found.fpl) == counts and found.predicted == len(types)
    assert (found.fnl, found.found, found.reference) == (missed, hit, number)
    t, u, f = counts
    if t + u + f and t + missed:
        assert found.published.precision == pytest.approx(t / (t + u + f))
        assert found.published.recall == pytest.approx(t / (t + missed))
        assert found.published.f1 == pytest.approx(2 * t / (2 * t + u + f + missed))
    if number and types:
        assert found.mended.recall == pytest.approx(hit / number)


def test_what_published_recall_does_not_see():
    # Each of two lesions is touched and under-segmented: published recall divides 0 by 0 and says 1.
    under = Detected(tpl=0, usl=2, fpl=0, fnl=0, found=0, reference=2)
    assert under.published.recall == 1 and under.mended.recall == 0
    # One lesion in three pieces, one missed: published recall is 3 / 4.
    pieces = Detected(tpl=3, usl=0, fpl=0, fnl=1, found=1, reference=2)
    assert pieces.published.recall == 0.75 and pieces.mended.recall == 0.5
    assert pieces.mended.f1 == pytest.approx(2 / 3)


def test_nothing_on_one_side_or_on_both():
    nothing = Detected(0, 0, 0, 0, 0, 0)
    assert (nothing.published.f1, nothing.published.precision, nothing.published.recall) == (1, 1, 1)
    assert all(math.isnan(v) for v in (nothing.mended.f1, nothing.mended.precision, nothing.mended.recall))
    invented = Detected(0, 0, 2, 0, 0, 0)
    assert invented.published.recall == 1 and invented.published.f1 == 0 == invented.mended.f1
    assert math.isnan(invented.mended.recall) and invented.mended.precision == 0
    missed = Detected(0, 0, 0, 2, 0, 2)
    assert missed.published.precision == 0 == missed.mended.f1 and math.isnan(missed.mended.precision)
    with pytest.raises(InputError, match="shape"):
        detected(np.zeros((2, 2, 2), bool), np.zeros((2, 2, 3), bool))


@pytest.mark.parametrize("seed", range(4))
def test_calibration_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    p = np.where(rng.random((8, 9, 10)) < 0.6, 0.0, rng.random((8, 9, 10))).astype(np.float32)
    y = rng.random(p.shape) < p
    found = of_whole_image(p, y)
    observed, mean = calibration_curve(y.ravel(), p.ravel(), n_bins=30)
    assert found.ace == pytest.approx(np.abs(observed - mean).mean(), rel=1e-5)
    assert found.mce == pytest.approx(np.abs(observed - mean).max(), rel=1e-5)
    assert found.brier == pytest.approx(brier_score_loss(y.ravel(), p.ravel()), rel=1e-5)
    everywhere, bins = in_region(p, y, np.ones(p.shape, bool))
    assert everywhere.ece == pytest.approx(found.ece, rel=1e-4) and len(bins.count) == 30


def test_background_drives_the_published_ece_down():
    rng = np.random.default_rng(0)
    p = rng.random((10, 10, 10)).astype(np.float32)
    y = rng.random(p.shape) < p**2
    wide, far = np.zeros((40, 40, 40), np.float32), np.zeros((40, 40, 40), bool)
    brain = np.zeros(wide.shape, bool)
    wide[:10, :10, :10], far[:10, :10, :10], brain[:10, :10, :10] = p, y, True
    assert of_whole_image(wide, far).ece < 0.05 * of_whole_image(p, y).ece
    assert in_region(wide, far, brain)[0].ece == pytest.approx(of_whole_image(p, y).ece, rel=1e-4)


# Retention ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [0, 1, 2])
def test_authors_answers_on_random_cases(shared_data, case):
    path = shared_data.parent / "reference" / f"structural_uncertainty_{case}.npz"
    if not path.exists():
        pytest.skip(f"the reference case {path} is not there")
    with np.load(path) as data:
        brain = data["brain"]
        predicted, truth = (data["lesion_labels"] > 0)[brain], data["truth"][brain]
        found = voxels_retained(predicted, truth, data["voxel_entropy_of_expected"][brain])
        for name, one in zip(("dsc", "ndsc"), found, strict=True):
            np.testing.assert_allclose(one.published.values, data[f"voxel_retention_{name}_curve"], atol=1e-9)
            assert one.published.above == pytest.approx(float(data[f"voxel_retention_{name}_aac"]), abs=1e-9)
        lesions = lesions_retained(data["lesion_LSU"], data["lesion_is_tp"])
        np.testing.assert_allclose(lesions.published.values, data["lesion_lppv_curve"], atol=1e-9)


cases = st.integers(1, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


@given(cases)
@settings(max_examples=80)
def test_patients_one_by_one(drawn):
    doubt, dice, poor = (np.array(one) for one in drawn)
    kept, values = sorted(range(len(doubt)), key=lambda i: doubt[i]), [1.0]
    for k in range(1, len(kept) + 1):
        values.append((sum(dice[i] for i in kept[:k]) + len(kept) - k) / len(kept))
    area = sum((a + b) / 2 for a, b in pairwise(values)) / len(kept)
    assert r_auc(doubt, dice, published=True) == pytest.approx(area)
    found = cases_retained(doubt, dice)
    assert found.ideal.area >= found.curve.area - 1e-12 and found.ideal.area >= found.random.area - 1e-12
    assert found.random.area == pytest.approx((1 + dice.mean()) / 2)
    if poor.any():
        left = [sum(poor[i] for i in kept[:k]) / poor.sum() for k in range(len(kept) + 1)]
        area = sum((a + b) / 2 for a, b in pairwise(left)) / len(kept)
        ideal = poor.sum() / (2 * len(poor))
        assert d_auc(doubt, poor, published=True) == pytest.approx(area - ideal)
        assert poor_left(doubt, poor).ideal.area == pytest.approx(ideal)
    if poor.any() and not poor.all():
        assert d_auc(doubt, poor) == pytest.approx(discarded_area(doubt, poor))


def test_all_or_none_poor():
    doubt = np.array([3.0, 1, 2])
    assert d_auc(doubt, np.ones(3, bool), published=True) == pytest.approx(0, abs=1e-12)
    assert math.isnan(d_auc(doubt, np.ones(3, bool))) and math.isnan(d_auc(doubt, np.zeros(3, bool)))
    assert math.isnan(d_auc(doubt, np.zeros(3, bool), published=True))
    assert poor_left(doubt, np.zeros(3, bool)) is None


def test_ties_hang_on_memory_as_published_and_not_as_mended():
    dice = np.array([0.2, 0.9, 0.4, 0.7])
    same = np.zeros(4)
    assert in_memory_order(np.array([2, 1, 2, 1])).tolist() == [2, 0, 3, 1]
    there, back = (r_auc(same, one, published=True) for one in (dice, dice[::-1]))
    assert there != back and r_auc(same, dice) == r_auc(same, dice[::-1]) == pytest.approx((there + back) / 2)
    assert r_auc(same, dice) == pytest.approx(cases_retained(same, dice).random.area)


@given(cases, st.integers(0, 4))
@settings(max_examples=60)
def test_f1_of_lesions_one_by_one(drawn, missed):
    doubt, _, true = (np.array(one) for one in drawn)
    order = sorted(range(len(doubt)), key=lambda i: doubt[i])
    hits = int(true.sum())
    values = []
    for k in range(len(order) + 1):
        false = sum(not true[i] for i in order[:k])
        values.append(2 * hits / (2 * hits + false + missed) if hits else 0.0)
    found = lesion_f1_retained(doubt, true, missed, points=len(order) + 1)
    np.testing.assert_allclose(found.published.values, values, atol=1e-12)
    assert found.ideal.above <= found.curve.above + 1e-12


def test_bad_numbers_are_refused():
    with pytest.raises(InputError, match="finite"):
        r_auc(np.array([1.0, np.nan]), np.array([0.5, 0.5]))
    with pytest.raises(InputError, match="missed"):
        lesion_f1_retained(np.array([1.0]), np.array([True]), -1)
    with pytest.raises(InputError):
        of_whole_image(np.array([0.2, np.nan]), np.array([0, 1]))
    with pytest.raises(InputError):
        cases_retained(np.empty(0), np.empty(0))


def test_dissensus_of_a_rater_with_the_others_pair_by_pair():
    _, _, raters = raters_and_prediction(1)
    differ = raters.any(0) & ~raters.all(0)
    pairs = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = (raters[a] & raters[b] & differ).sum()
        pairs.append(2 * both / ((raters[a] & differ).sum() + (raters[b] & differ).sum()))
    assert dissensus_between(raters) == pytest.approx(np.mean(pairs))
    assert dissensus_between(raters[:2]) == 0  # where two differ, only one has marked
    assert math.isnan(dissensus_between(raters[:1]))
