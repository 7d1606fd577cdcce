"""Retention curves and AUROC against the paper's constants, the authors' answers and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.uncertainty.retention import (
    RetentionCurve,
    auroc,
    lesion_retention,
    patient_retention,
    voxel_retention,
)


def test_voxel_constants_of_the_paper() -> None:
    predicted, reference = np.array([1, 1, 0, 1, 0, 0, 1, 0]), np.array([1, 0, 0, 1, 1, 0, 1, 0])
    u = np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.05, 0.4, 0.15])
    found = voxel_retention(predicted, reference, u, points=5)
    assert found.dice.above == pytest.approx(0.03125)
    assert found.ndsc.above == pytest.approx(0.124254, abs=1e-6)
    assert found.dice.values[-1] == pytest.approx(0.75)
    assert found.ndsc.values[-1] == pytest.approx(0.005964, abs=1e-6)


def test_lesion_constants_of_the_paper() -> None:
    found = lesion_retention(np.array([0.1, 0.4, 0.2, 0.9]), np.array([True, False, True, False]), points=5)
    np.testing.assert_allclose(found.values, [1, 1, 1, 2 / 3, 0.5])
    assert found.above == pytest.approx(0.145833, abs=1e-6)


def test_patient_constants_of_the_paper() -> None:
    found = patient_retention(np.array([0.1, 0.4, 0.2, 0.9]), np.array([0.8, 0.6, 0.7, 0.3]))
    np.testing.assert_allclose(found.values, [1, 0.95, 0.875, 0.775, 0.6])
    assert found.area == pytest.approx(0.85)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_cases(reference_case, case) -> None:
    data = reference_case(case)
    brain = data["brain"]
    predicted = (data["lesion_labels"] > 0)[brain]
    found = voxel_retention(predicted, data["truth"][brain], data["voxel_entropy_of_expected"][brain])
    for name, curve in (("dsc", found.dice), ("ndsc", found.ndsc)):
        np.testing.assert_allclose(curve.values, data[f"voxel_retention_{name}_curve"], atol=1e-9)
        assert curve.above == pytest.approx(float(data[f"voxel_retention_{name}_aac"]), abs=1e-9)
    lesions = lesion_retention(data["lesion_LSU"], data["lesion_is_tp"])
    np.testing.assert_allclose(lesions.values, data["lesion_lppv_curve"], atol=1e-9)
    assert lesions.above == pytest.approx(float(data["lesion_lppv_aac"]), abs=1e-9)


masks = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
        st.permutations(range(n)),
    )
)


def replaced_dice(predicted: np.ndarray, reference: np.ndarray, order: np.ndarray, kept: int) -> float:
    mixed = reference.copy()
    mixed[order[:kept]] = predicted[order[:kept]]
    total = mixed.sum() + reference.sum()
    return 2 * (mixed & reference).sum() / total if total else 1.0


@given(masks)
@settings(max_examples=80, deadline=None)
def test_voxels_as_by_replacing_them(drawn) -> None:
    predicted, reference, ranks = (np.array(x) for x in drawn)
    curve = voxel_retention(predicted, reference, ranks, points=len(ranks) + 1).dice
    order = np.argsort(ranks)
    for fraction, value in zip(curve.fractions, curve.values, strict=True):
        kept = int(len(ranks) * fraction)
        assert value == pytest.approx(replaced_dice(predicted, reference, order, kept))
    assert curve.values[0] == 1


@given(masks, st.randoms())
@settings(max_examples=60, deadline=None)
def test_ideal_beats_no_doubt_at_all_and_order_in_memory_does_not_matter(drawn, random) -> None:
    predicted, reference, u = (np.array(x) for x in drawn)
    u = u // 3  # equal doubt now and then
    found = voxel_retention(predicted, reference, u)
    ideal = voxel_retention(predicted, reference, predicted != reference)
    # A doubt that also knows which errors cost Dice more, missed or false ones, may do better than "ideal".
    assert ideal.dice.above <= voxel_retention(predicted, reference, 0 * u).dice.above + 1e-9
    shuffled = np.array(random.sample(range(len(u)), len(u)))
    again = voxel_retention(predicted[shuffled], reference[shuffled], u[shuffled])
    np.testing.assert_allclose(again.ndsc.values, found.ndsc.values, atol=1e-12)
    lesions = lesion_retention(u, reference)
    assert lesion_retention(~reference, reference).above <= lesions.above + 1e-9
    np.testing.assert_allclose(lesion_retention(u[shuffled], reference[shuffled]).values, lesions.values)


def test_equal_doubt_keeps_errors_as_a_random_order_does_on_average() -> None:
    true = np.array([True] * 6 + [False] * 4)
    rng = np.random.default_rng(0)
    drawn = [np.cumsum(rng.permutation(~true)) for _ in range(4000)]
    expected = 6 / (6 + np.mean(drawn, 0))
    flat = lesion_retention(np.zeros(10), true, points=11)
    np.testing.assert_allclose(flat.values[1:], expected, atol=5e-3)


def test_ideal_patient_order_is_by_quality() -> None:
    quality = np.array([0.9, 0.2, 0.7, 0.5])
    ideal = patient_retention(-quality, quality)
    np.testing.assert_allclose(ideal.values[::-1], [0.575, 0.775, 0.9, 0.975, 1])
    assert (
        patient_retention(quality, quality).area < patient_retention(np.zeros(4), quality).area < ideal.area
    )
    assert len(patient_retention(quality, quality, points=9).values) == 9


def test_nothing_to_find() -> None:
    nothing = np.zeros(5, bool)
    assert voxel_retention(nothing, nothing, np.arange(5)).dice.above == pytest.approx(0)
    assert voxel_retention(~nothing, ~nothing, np.arange(5)).ndsc.above == pytest.approx(0)
    assert lesion_retention(np.arange(5), nothing).above == 1
    assert lesion_retention(np.arange(5), ~nothing).above == pytest.approx(0)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
def test_auroc_as_by_counting_pairs(drawn) -> None:
    u, error = np.array([x for x, _ in drawn]), np.array([e for _, e in drawn])
    wrong, right = u[error], u[~error]
    found = auroc(u, error)
    if not len(wrong) or not len(right):
        assert math.isnan(found)
        return
    larger = wrong[:, None] > right
    assert found == pytest.approx(np.mean(larger + 0.5 * (wrong[:, None] == right)))
    assert auroc(-u, error) == pytest.approx(1 - found)


def test_area() -> None:
    curve = RetentionCurve(np.array([0, 0.5, 1]), np.array([1, 1, 0.0]))
    assert curve.area == 0.75 and curve.above == 0.25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: voxel_retention(np.ones(3), np.ones(3), np.ones(2)), "2 uncertainties for 3"),
        (lambda: voxel_retention(np.ones(3), np.ones(4), np.ones(3)), "reference has 4"),
        (lambda: voxel_retention(np.ones(0), np.ones(0), np.ones(0)), "nothing to keep"),
        (lambda: lesion_retention(np.array([np.nan]), np.ones(1)), "NaN"),
        (lambda: lesion_retention(np.ones(1), np.ones(1), points=1), "at least 2 points"),
        (lambda: patient_retention(np.ones(2), np.ones(1)), "2 uncertainties for 1"),
        (lambda: auroc(np.ones(2), np.ones(1)), "2 uncertainties for 1"),
    ],
)
def test_bad_input_is_refused(call, message) -> None:
    with pytest.raises(InputError, match=message):
        call()


def ndsc(predicted, reference, rate=0.001):
    """The authors' formula, voxel by voxel; false positives are not scaled where nothing is lesion."""
    pairs = list(zip(predicted, reference, strict=True))
    tp, fp, fn = (sum(pair == kind for pair in pairs) for kind in ((1, 1), (1, 0), (0, 1)))
    positives = sum(reference)
    if sum(predicted) + positives == 0:
        return 1.0
    scale = 1.0
    if positives and positives < len(reference):
        scale = (1 - rate) * positives / (rate * (len(reference) - positives))
    return 2 * tp / (scale * fp + 2 * tp + fn)


def test_ndsc_without_a_lesion_is_the_authors() -> None:
    curve = voxel_retention([1, 0, 0, 0], [0, 0, 0, 0], [0.1, 0.2, 0.3, 0.4], points=5)
    assert curve.ndsc.values.tolist() == [1, 0, 0, 0, 0] == curve.dice.values.tolist()


@pytest.mark.parametrize("reference", ["0000", "1111", "0110", "1000"])
@pytest.mark.parametrize("predicted", ["0000", "1111", "0110", "0001"])
def test_voxel_curves_are_the_formula_at_each_point(predicted, reference) -> None:
    p, r = [int(c) for c in predicted], [int(c) for c in reference]
    doubt = [0.3, 0.1, 0.4, 0.2]
    curve = voxel_retention(p, r, doubt, points=5)
    order = np.argsort(doubt)
    for kept, (soft, hard) in enumerate(zip(curve.ndsc.values, curve.dice.values, strict=True)):
        now = list(r)
        for i in order[:kept]:
            now[i] = p[i]
        assert soft == pytest.approx(ndsc(now, r)), kept
        total = sum(now) + sum(r)
        both = sum(a and b for a, b in zip(now, r, strict=True))
        assert hard == pytest.approx(2 * both / total if total else 1), kept


def test_lesions_that_are_all_true_or_all_false() -> None:
    assert lesion_retention([0.1, 0.5], [True, True], points=3).values.tolist() == [1, 1, 1]
    assert lesion_retention([0.1, 0.5], [False, False], points=3).values.tolist() == [0, 0, 0]


@pytest.mark.parametrize("rate", [0, 1, -1, np.nan])
def test_a_rate_is_a_share(rate) -> None:
    with pytest.raises(InputError, match="rate"):
        voxel_retention([1, 0], [0, 1], [0, 1], rate=rate)
