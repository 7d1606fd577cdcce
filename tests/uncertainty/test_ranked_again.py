"""A ranker that keeps what it found before gives what one gives that knows nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg._boxes import bounding_box, painted_box
from napari_uncertainseg.review.open_case.undo_history import changed
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, Ranker

from .test_ranking import fields, prepared


def paintings(seed: int, shape: tuple[int, ...], count: int) -> list[np.ndarray | None]:
    """Paintings one after the other, each with a box more; one of them is all taken back."""
    rng = np.random.default_rng(seed)
    found: list[np.ndarray | None] = [None]
    for _ in range(count):
        before = found[-1]
        edit = np.zeros(shape, np.int8) if before is None else before.copy()
        start = rng.integers(0, np.array(shape) - 3)
        box = tuple(slice(i, i + n) for i, n in zip(start, rng.integers(1, 5, 3), strict=True))
        edit[box] = rng.choice([-1, 1])
        found.append(edit if rng.random() > 0.2 else None)
    return found


def same(one: Lesions, other: Lesions) -> None:
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.candidate_table, other.candidate_table)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.candidates, other.candidates)
    assert one.models_volume == other.models_volume


@given(st.integers(0, 9999), st.booleans(), st.booleans())
@settings(max_examples=15, deadline=None)
def test_painting_and_thresholds_in_any_order(seed, ready, numbered) -> None:
    prediction, rng = prepared(fields(seed)), np.random.default_rng(seed)
    kept, shape = Ranker(prediction), prediction.grid.shape
    if ready:
        kept.prepare()
    numbers = [LesionNumbers(shape) if numbered else None for _ in range(2)]
    before: list[tuple[Lesions, np.ndarray, np.ndarray]] = []
    for edit in paintings(seed, shape, 5):
        threshold = float(rng.choice([0.3, 0.5]))
        one = kept.rank(threshold, 0, edit=edit, numbers=numbers[0])
        two = Ranker(prediction).rank(threshold, 0, edit=edit, numbers=numbers[1])
        same(one, two)
        before.append((one, one.labels.copy(), one.candidates.copy()))
    for lesions, labels, candidates in before:  # nothing that was given before is written over
        np.testing.assert_array_equal(lesions.labels, labels)
        np.testing.assert_array_equal(lesions.candidates, candidates)


def test_of_equal_parts_of_two_lesions_the_more_doubtful_one_speaks_whatever_the_numbers() -> None:
    members = np.zeros((2, 4, 4, 12), np.float16)
    members[:, 1:3, 1:3, 1:4], members[:, 1:3, 1:3, 6:9] = 0.9, 0.7
    edit = np.zeros((4, 4, 12), np.int8)
    edit[1:3, 1:3, 4:6] = 1
    spoken = []
    for first in ((1, 1, 1), (1, 1, 6)):  # which of them has number 1
        ranker, numbers = Ranker(prepared(members)), LesionNumbers((4, 4, 12))
        numbers.know([(first, 1)])
        assert ranker.rank(0.5, 0, numbers=numbers).labels[first] == 1
        spoken.append(ranker.rank(0.5, 0, edit=edit, numbers=numbers).table["max_probability"].tolist())
    assert spoken[0] == spoken[1] == pytest.approx([0.7], abs=1e-3)


def test_an_image_in_which_nothing_changed_is_the_same_one() -> None:
    """Who has drawn it need not draw it again."""
    members = np.zeros((2, 4, 4, 12), np.float16)
    members[:, 1:3, 1:3, 1:4], members[:, 1:3, 1:3, 6:9] = 0.9, 0.3
    ranker = Ranker(prepared(members))
    before = ranker.rank(0.5, 0)
    assert len(before.candidate_table) == 1
    edit = np.zeros(before.labels.shape, np.int8)
    edit[1, 1, 1] = -1
    after = ranker.rank(0.5, 0, edit=edit)
    assert after.candidates is before.candidates and after.labels is not before.labels


@given(st.integers(0, 9999))
@settings(max_examples=40, deadline=None)
def test_a_painting_is_looked_at_where_it_is(seed) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(4, 10, 3))
    before, after = (None if edit is None else edit for edit in paintings(seed, shape, 2)[1:])
    for edit in (before, after):
        if edit is not None:
            assert painted_box(edit) == bounding_box(edit != 0) == painted_box(edit.astype(np.int16))
    empty = np.zeros(shape, np.int8)
    differs = (empty if before is None else before) != (empty if after is None else after)
    where = changed(before, after)
    np.testing.assert_array_equal(where, np.flatnonzero(differs))
    np.testing.assert_array_equal(changed(before, after, bounding_box(differs)), where)
    np.testing.assert_array_equal(changed(after, before, bounding_box(differs)), where)


@given(st.integers(0, 9999))
@settings(max_examples=15, deadline=None)
def test_volumes_painted_are_those_of_all_voxels(seed) -> None:
    probability = fields(seed)[0].astype(np.float32)
    *_, edit = paintings(seed, probability.shape, 3)
    found = PaintedVolumes.from_edit(edit, probability, 0.5, 2.0, 1)
    painted = np.zeros(probability.shape) if edit is None else edit
    model = probability >= 0.5
    assert found.added_mm3 == 2 * ((painted > 0) & ~model).sum()
    assert found.removed_mm3 == 2 * ((painted < 0) & model).sum()
