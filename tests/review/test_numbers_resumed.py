"""Lesions have the same numbers when a review is resumed, also those that came up at other thresholds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.correcting.apply import apply, outlines_of
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.store import Store

from ..widgets.fakes import fake_prediction

SHAPE = (9, 30, 70)
PEAKS = {8: 0.9, 18: 0.8, 28: 0.34, 38: 0.46, 48: 0.36, 58: 0.43}
"""Position of each ball along the last axis, and its probability."""
FAINT = (4, 15, 58)


def opened(prediction) -> Case:
    case = Case()
    case.open_prediction(prediction)
    case.threshold = 0.5
    return case


@pytest.fixture
def prediction():
    index = np.indices(SHAPE)
    p = np.zeros(SHAPE, np.float32)
    for at, peak in PEAKS.items():
        p[sum((i - c) ** 2 for i, c in zip(index, (4, 15, at), strict=True)) <= 3**2] = peak
    made = fake_prediction(p > 0.5, Grid(SHAPE, np.eye(4)[[2, 1, 0, 3]]))
    return replace(made, maps={**made.maps, "probability": p})


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sessions.db") as made:
        yield made


def begin(store, case) -> str:
    session = open_reading(store, case.original, case.lesions, "Ada", "doubt")
    case.review.set_recorder(Recorder(store, session, list))
    return session


def resumed(store, session, prediction) -> Case:
    case, recorder = opened(prediction), Recorder(store, session, list)
    case.threshold, case.min_volume = recorder.last_seen_at(case.threshold, case.min_volume)
    case.review.set_recorder(recorder)
    return case


def rows(case):
    """Numbers of all lesions and candidates, by a voxel of each ball."""
    return {at: case.lesions.component_at((4, 15, at)) for at in PEAKS}


def grow(case, at) -> None:
    outlines = outlines_of(case)
    apply(case.review, outlines, outlines.grow(outlines.number_at(at), 1.0))


@pytest.mark.parametrize("last", ["stroke", "stroke taken back", "verdict on another", "verdict taken back"])
@pytest.mark.parametrize("thresholds", [(0.3, 0.5, 0.4), (0.35, 0.3), (0.4, 0.3, 0.35)])
def test_numbers_are_the_same_when_it_is_resumed(store, prediction, thresholds, last):
    case = opened(prediction)
    session = begin(store, case)
    for threshold in thresholds:
        case.threshold = threshold
        assert case.lesions is not None  # they are shown, and numbered
    if "stroke" in last:
        grow(case, FAINT)
    else:
        case.review.judge((4, 15, 8), "accepted")
    if "taken back" in last:
        case.review.undo()
    before = rows(case)
    assert before[58] > 0 and len(set(before.values())) == len(PEAKS)
    again = resumed(store, session, prediction)
    assert rows(again) == before and again.threshold == thresholds[-1]
    assert not any(store.verify().values())


def test_a_lesion_keeps_its_number_after_it_was_shrunk_from_its_voxel(store, prediction):
    case = opened(prediction)
    session = begin(store, case)
    case.threshold = 0.4
    edit = np.zeros(SHAPE, np.int8)
    edit[3:6, 14:17, 57:60] = -1  # its middle
    case.review.set_edit(edit)
    number = case.lesions.component_at((4, 15, 61))
    assert number > 0 == case.lesions.component_at(FAINT)
    assert resumed(store, session, prediction).lesions.component_at((4, 15, 61)) == number


def test_a_number_is_written_once(store, prediction):
    case = opened(prediction)
    session = begin(store, case)
    case.threshold = 0.4
    for decision in ("accepted", "rejected", "unsure"):
        case.review.judge((4, 15, 8), decision)
    written = [len(entry.details.numbered) for entry in store.entries(session)]
    assert written == [0, 2, 0, 0]
