"""Found, invented and missed lesions, counted by hand and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg.lesions.matching import detections, dice


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
