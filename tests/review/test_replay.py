"""A session played back is what happened, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.lessons.lesson import earlier_scores
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay, read_painting
from napari_uncertainseg.review.store.entry_details import entry_details

from .conftest import fill


@pytest.fixture
def played(store):
    """Five lesions: two judged, one taken back and given again, painting, one undecided."""
    id = fill(store)
    recorder = Recorder(store, id)
    recorder.show((0, 2, 3))
    edit = np.zeros((6, 5, 5), np.int8)
    edit[1, 2, 3], edit[2, 2, 2] = 1, -1
    seen = []

    def after(act):
        act()
        seen.append((recorder.verdicts, recorder.painted()))

    judge = lambda i, what: lambda: recorder.judge((i, 2, 3), what, lambda v: False, {})  # noqa: E731
    acts = [judge(0, "accepted"), judge(1, "rejected"), recorder.undo, recorder.redo]
    for act in (*acts, lambda: recorder.paint(edit), judge(1, "accepted"), judge(2, "unsure")):
        after(act)
    recorder.close()
    return id, seen


def test_every_step_is_what_stood_then(store, played):
    id, seen = played
    replay = Replay(store, id)
    assert [s.what.split(" after")[0] for s in replay.steps] == [
        "session opened",
        "accepted",
        "rejected",
        "verdict undone",
        "verdict redone",
        "painted",
        "accepted",
        "unsure",
        "session closed",
    ]
    assert replay.steps[1].voxel == (0, 2, 3) and replay.steps[3].voxel == (1, 2, 3)
    assert replay.steps[0].voxel is None and "after" in replay.steps[1].what
    assert replay.verdicts(0) == () and replay.painting(0) is None
    for i, (verdicts, edit) in enumerate(seen, start=1):
        assert replay.verdicts(i) == verdicts
        np.testing.assert_array_equal(replay.painting(i), edit)


def test_it_is_scored_again_with_another_consensus(store, played):
    replay = Replay(store, played[0])
    consensus = np.zeros((6, 5, 5), bool)
    consensus[0, 2, 3] = True
    found = replay.score(consensus)
    assert (found.hits, found.false_alarms, found.answers) == (1, 1, 2)  # undecided does not count
    consensus[1, 2, 3] = True
    assert replay.score(consensus).accuracy == 1
    with pytest.raises(InputError, match="another scan"):
        replay.score(consensus[:1])


def test_a_session_without_a_verdict(store):
    replay = Replay(store, fill(store))
    assert len(replay.steps) == 1 and replay.verdicts(0) == ()
    assert replay.score(np.zeros((6, 5, 5), bool)).answers == 0
    with pytest.raises(InputError, match="no session"):
        Replay(store, "0" * 32)


def test_a_painting_that_was_taken_away_is_said(store, played):
    replay = Replay(store, played[0])
    for path in store.masks.path("0" * 64).parent.parent.rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        replay.painting(len(replay.steps) - 1)


@pytest.mark.parametrize(
    "said",
    [
        {"shape": [100_000] * 3, "start": [0, 0, 0]},
        {"shape": [2, 2], "start": [0, 0]},
        {"start": [0, 0, 0]},
        {"shape": "x", "start": [0, 0, 0]},
        {"shape": [6, 5, 5], "start": [-3, 0, 0]},
        {"shape": [6, 5, 5], "start": [5, 4, 4]},
    ],
)
def test_a_painting_that_does_not_fit_is_said(store, said):
    name = store.masks.keep(np.ones((2, 2, 2), np.int8))
    with pytest.raises(InputError):
        read_painting(entry_details("painted", {"mask": name, **said}, "It"), store.masks)


def test_lessons_that_somebody_changed_are_left_out(store):
    session = fill(store)
    for settings in ({"exists": [1]}, {"exists": [1] * 5, "arms": ["first"]}, {"exists": 3}):
        tasks = store.tasks(session)
        store.open_session(store.project("t"), store.annotator("reader"), "training", tasks, settings)
    assert earlier_scores(store, "reader") == []
