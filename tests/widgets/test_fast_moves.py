"""What makes moves of the threshold fast is made when somebody first moves it, and not before."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg.uncertainty.lesion_ranking import Ranker, ranker_of
from napari_uncertainseg.widgets.shared.responsive.fast_moves import FastMoves


@pytest.fixture
def fast_moves(case, qapp):
    moves = FastMoves(case)
    yield moves
    moves.cleanup()


def opened(case):
    """The same prediction, of which nothing is known yet."""
    case.open_prediction(replace(case.prediction))
    assert case.lesions is not None
    return ranker_of(case.prediction)


def test_a_scan_that_is_read_at_one_threshold_is_not_prepared(case, fast_moves):
    ranker = opened(case)
    case.lesions_changed.emit()
    case.selection_changed.emit()
    assert not fast_moves.busy and not ranker.is_prepared


def test_the_first_move_prepares_it_once_with_the_same_lesions(case, fast_moves, qtbot, monkeypatch):
    ranker, calls = opened(case), []
    prepare = Ranker.prepare
    monkeypatch.setattr(Ranker, "prepare", lambda self: calls.append(self) or prepare(self))
    case.threshold = 0.3
    before = case.lesions
    qtbot.waitUntil(lambda: ranker.is_prepared and not fast_moves.busy, timeout=20000)
    case.threshold = 0.35
    case.threshold = 0.3
    assert calls == [ranker]
    assert before.table.equals(case.lesions.table) and np.array_equal(before.labels, case.lesions.labels)


@pytest.mark.parametrize("what", ["volume", "painting"])
def test_so_do_another_smallest_volume_and_painting(case, fast_moves, qtbot, what):
    ranker = opened(case)
    if what == "volume":
        case.min_volume += 5
    else:
        case.review.set_edit(np.ones(case.prediction.grid.shape, np.int8))
    qtbot.waitUntil(lambda: ranker.is_prepared, timeout=20000)


def test_another_prediction_waits_for_its_own_first_move(case, fast_moves, qtbot):
    first = opened(case)
    case.threshold = 0.3
    qtbot.waitUntil(lambda: first.is_prepared and not fast_moves.busy, timeout=20000)
    second = opened(case)
    assert second is not first and not second.is_prepared and not fast_moves.busy
    case.threshold = 0.4
    qtbot.waitUntil(lambda: second.is_prepared, timeout=20000)


def test_a_prediction_that_was_closed_is_not_kept(case, fast_moves, qtbot):
    opened(case)
    gone = weakref.ref(case.prediction)
    case.threshold = 0.3
    qtbot.waitUntil(lambda: not fast_moves.busy, timeout=20000)
    case.close_prediction()
    qtbot.waitUntil(lambda: gone() is None, timeout=5000)


def test_a_panel_that_is_closed_prepares_nothing(case, fast_moves):
    ranker = opened(case)
    fast_moves.cleanup()
    fast_moves.cleanup()
    case.threshold = 0.3
    assert not ranker.is_prepared
