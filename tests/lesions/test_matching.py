"""Found, invented and missed lesions, counted by hand and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.lesions.matching import detections, dice, match_lesions


def row(text: str) -> np.ndarray:
    return np.array([[[c == "#" for c in text]]])


def test_counted_by_hand() -> None:
    predicted = row("##..#.#..#..##")
    reference = row(".#..###....#..")
    found = detections(predicted, reference)
    # two predicted touch one reference lesion; (9), (12, 13) touch nothing, (11) is missed
    assert (found.tp, found.fp, found.fn, found.predicted) == (2, 2, 1, 5)
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(2 * 0.6 * (2 / 3) / (0.6 + 2 / 3))
    assert dice(predicted, reference) == pytest.approx(2 * 3 / (7 + 5))


def test_nothing_predicted_nothing_there() -> None:
    none, some = row("....."), row("..#..")
    assert dice(none, none) == 1.0 and dice(none, some) == 0.0
    both = detections(none, none)
    assert math.isnan(both.precision) and math.isnan(both.recall) and math.isnan(both.f1)
    missed, invented = detections(none, some), detections(some, none)
    assert missed.recall == 0 and math.isnan(missed.precision) and missed.f1 == 0
    assert invented.precision == 0 and math.isnan(invented.recall) and invented.f1 == 0
    beside = detections(row("#...."), row("..#.."))
    assert beside.f1 == 0 and beside.fp == beside.fn == 1


def test_labels_are_kept_as_they_are() -> None:
    labels = np.array([[[1, 1, 7, 0, 7]]], np.uint16)  # touching lesions, a number left out
    found = detections(labels, row("#...."))
    assert (found.predicted, found.tp, found.fp) == (2, 1, 1)


@given(st.integers(0, 9999))
@settings(max_examples=40, deadline=None)
def test_against_a_loop(seed) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 7, 8, 9)) < 0.06
    la, na = ndimage.label(a, np.ones((3, 3, 3)))
    lb, nb = ndimage.label(b, np.ones((3, 3, 3)))
    tp = sum(bool(a[lb == i].any()) for i in range(1, nb + 1))
    fp = sum(not b[la == i].any() for i in range(1, na + 1))
    found = detections(a, b)
    assert (found.tp, found.fp, found.fn, found.predicted) == (tp, fp, nb - tp, na)
    swapped = detections(b, a)
    assert found.f1 == pytest.approx(swapped.f1, nan_ok=True)
    assert dice(a, b) == dice(b, a) and 0 <= dice(a, b) <= 1


def test_small_reference_lesions_are_neither_found_nor_missed():
    predicted, reference = row("##......"), row("#...##.#")
    every, large = detections(predicted, reference), detections(predicted, reference, min_voxels=2)
    assert (every.tp, every.fp, every.fn) == (1, 0, 2)
    assert (large.tp, large.fp, large.fn) == (0, 0, 1)


def test_adjusted_overlap_is_that_of_the_paper() -> None:
    reference, predicted = row("..######."), row("..###.###")
    plain = match_lesions(predicted, reference, rule="iou")
    np.testing.assert_allclose(plain.overlap, [0.5, 2 / 7])
    adjusted = match_lesions(predicted, reference)
    # of 2 to 7 the other lesion covers 6 and 7; for the second 2, 3 and 4 are covered
    np.testing.assert_allclose(adjusted.overlap, [0.75, 2 / 4])
    # its precision, recall and F1 in the paper: TPL, USL, FPL, FNL
    found = match_lesions(row("#.####.#..."), row("#.#......##"), least=0.5)
    assert (found.tp, found.under, found.fp, found.fn) == (1, 1, 1, 1)
    assert (found.precision, found.recall, found.f1) == (1 / 3, 1 / 2, 2 / 5)


@given(st.integers(0, 9999), st.sampled_from(["iou", "adjusted_iou"]))
@settings(max_examples=40, deadline=None)
def test_matches_against_a_loop(seed, rule) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 7, 8, 9)) < 0.06
    la, na = ndimage.label(a, np.ones((3, 3, 3)))
    lb, nb = ndimage.label(b, np.ones((3, 3, 3)))
    expected = []
    for i in range(1, na + 1):
        lesion = la == i
        touches = [lb == j for j in range(1, nb + 1) if (lesion & (lb == j)).any()]
        if rule == "iou":
            expected.append(max(((lesion & r).sum() / (lesion | r).sum() for r in touches), default=0))
        else:
            together = np.any(touches, axis=0) if touches else np.zeros_like(a)
            union = lesion | (together & ~(a & ~lesion))
            expected.append((lesion & together).sum() / union.sum())
    found = match_lesions(a, b, rule=rule)
    np.testing.assert_allclose(found.overlap, expected)
    assert found.tp + found.under + found.fp == na
    assert found.fn == sum(not a[lb == j].any() for j in range(1, nb + 1))
    if na + nb:
        assert 0 <= found.f1 <= 1
    same = match_lesions(a, a, rule=rule)
    assert (same.overlap == 1).all() and same.fn == 0


def test_labels_match_as_they_are_and_bad_input_is_named() -> None:
    labels = np.array([[[3, 3, 7, 0, 7]]], np.uint16)
    found = match_lesions(labels, row("#...."), rule="iou")
    np.testing.assert_allclose(found.overlap, [0.5, 0])
    every = np.array([[[2, 2, 9, 9]]])  # no background at all
    assert match_lesions(every, every).tp == 2
    with pytest.raises(InputError, match="below 0"):
        match_lesions(np.array([[[0, 0, 1, 1, -1]]]), row("..##."), rule="iou")
    none = match_lesions(row("...."), row("...."))
    assert math.isnan(none.precision) and math.isnan(none.recall) and math.isnan(none.f1)
    assert match_lesions(row("##......"), row("#...##.#"), min_voxels=2).fn == 1
    with pytest.raises(InputError, match="shape"):
        match_lesions(row("..."), row(".."))
    with pytest.raises(InputError, match="least overlap"):
        match_lesions(row("..."), row("..."), least=0)
    with pytest.raises(InputError, match="adjusted_iou"):
        match_lesions(row("..."), row("..."), rule="overlap")
