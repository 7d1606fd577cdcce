"""A session while it goes on: written before it counts, gone on with as it was left."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.queue import ORDERS, queue_of
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.remaining_errors import is_wrong
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.journal_writer import JournalWriter
from napari_uncertainseg.review.store.reading_speed import ReadingSpeed
from napari_uncertainseg.review.store.records import NewTask, Task
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import make_prediction
from .conftest import fill


def nothing_else(voxel):
    return False


@pytest.fixture
def recorder(store):
    return Recorder(store, fill(store), lambda: ["FLAIR"])


def test_verdicts_are_written_and_gone_on_with(store, recorder, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    assert recorder.is_new and recorder.seconds_each is None
    first, second = (task.voxel for task in recorder.tasks[:2])
    recorder.show(first)
    now[0] += 2.5
    recorder.judge(first, "accepted", nothing_else, {"threshold": 0.4})
    recorder.judge(second, "rejected", nothing_else, {})
    again = Recorder(store, recorder.session.id)
    assert not again.is_new and again.current_verdicts == recorder.current_verdicts
    assert again.verdicts == (Verdict(first, "accepted"), Verdict(second, "rejected"))
    said = store.entries(recorder.session.id)[1].details
    assert said.visible == ("FLAIR",) and said.seconds == 2.5 and said.voxel == first
    assert store.entries(recorder.session.id)[2].details.seconds is None  # it was never shown
    assert again.seconds_each == said.seconds


def test_the_first_entry_after_a_session_is_opened_again_says_for_how_long_it_was_open(store, recorder):
    first, second, third = (task.voxel for task in recorder.tasks[:3])
    recorder.judge(first, "accepted", nothing_else, {})
    again = Recorder(store, recorder.session.id)
    again.judge(second, "accepted", nothing_else, {})
    again.judge(third, "accepted", nothing_else, {})
    since = [
        (each.details.model_extra or {}).get("since_opened") for each in store.entries(recorder.session.id)
    ]
    assert since[:2] == [None, None] and 0 <= since[2] < 60 and since[3] is None
    assert store.verify() == {recorder.session.id: ""}


def test_undo_redo_and_withdrawal(store, recorder):
    voxel = recorder.tasks[0].voxel
    assert not recorder.undo()
    recorder.judge(voxel, "accepted", nothing_else, {})
    recorder.judge(voxel, "unsure", nothing_else, {})
    assert recorder.undo() and recorder.verdicts == (Verdict(voxel, "accepted"),)
    assert recorder.undo() and recorder.verdicts == ()
    assert recorder.redo() and recorder.redo() and not recorder.redo()
    assert recorder.verdicts == (Verdict(voxel, "unsure"),)
    recorder.judge(voxel, None, nothing_else, {})
    assert recorder.verdicts == () and store.verify() == {recorder.session.id: ""}
    assert recorder.undo() and recorder.verdicts == (Verdict(voxel, "unsure"),)


def test_lesions_that_grew_together_are_judged_together(store, recorder):
    a, b = recorder.tasks[1], recorder.tasks[3]
    recorder.judge(a.voxel, "accepted", lambda voxel: voxel in (a.voxel, b.voxel), {})
    assert set(recorder.current_verdicts) == {a.id, b.id}
    recorder.undo()
    assert not recorder.current_verdicts and store.verify() == {recorder.session.id: ""}


@pytest.mark.parametrize("what", ["judge", "undo", "redo"])
def test_of_lesions_that_grew_together_all_are_written_or_none(store, recorder, monkeypatch, what):
    """The disk is full after the first of two entries."""
    first, second = (task.voxel for task in recorder.tasks[:2])

    def judge():
        recorder.judge(first, "accepted", lambda other: other in (first, second), {})

    if what != "judge":
        judge()
    if what == "redo":
        recorder.undo()
    act = judge if what == "judge" else getattr(recorder, what)
    before, entries = dict(recorder.current_verdicts), store.entries(recorder.session.id)
    append, done = JournalWriter.append, []

    def full(*given):
        if done:
            raise InputError("The disk is full.")
        done.append(append(*given))
        return done[0]

    with monkeypatch.context() as patch:
        patch.setattr(JournalWriter, "append", full)
        with pytest.raises(InputError, match="full"):
            act()
    assert done and store.entries(recorder.session.id) == entries and recorder.current_verdicts == before
    act()
    assert len(store.entries(recorder.session.id)) == len(entries) + 2
    assert Recorder(store, recorder.session.id).current_verdicts == recorder.current_verdicts
    assert len(recorder.current_verdicts) == (0 if what == "undo" else 2)


def test_what_comes_up_later_is_added(store, recorder):
    recorder.judge((9, 9, 9), "accepted", nothing_else, {})
    added = store.tasks(recorder.session.id)[-1]
    assert added.voxel == (9, 9, 9) and added.position == len(recorder.tasks) - 1
    assert [e.kind for e in store.entries(recorder.session.id)] == ["opened", "added", "verdict"]
    assert Recorder(store, recorder.session.id).verdicts == (Verdict((9, 9, 9), "accepted"),)


def test_a_candidate_that_comes_up_later_is_one(store, recorder):
    """The model did not take it for a lesion: who rejects it says that the model was right."""
    recorder.judge((9, 9, 9), "rejected", nothing_else, {"number": -4})
    added = store.tasks(recorder.session.id)[-1]
    assert (added.target, added.label) == ("candidate", 4)
    assert not is_wrong(added, store.verdicts(recorder.session.id)[added.id])
    assert ((9, 9, 9), -4) in Recorder(store, recorder.session.id).numbers()
    assert store.verify() == {recorder.session.id: ""}


def test_the_next_is_the_first_without_a_verdict(recorder):
    voxels = [task.voxel for task in recorder.tasks]
    assert recorder.next_task(nothing_else) == voxels[0]
    assert recorder.next_task(lambda v: v == voxels[0]) == voxels[1]
    for voxel in voxels:
        recorder.judge(voxel, "accepted", nothing_else, {})
    assert recorder.next_task(nothing_else) is None


def test_strokes_are_kept_as_differences(store, recorder):
    assert recorder.painted() is None
    edit = np.zeros((30, 40, 50), np.int8)
    edit[4:6, 7:9, 11:20], edit[10, 3, 3] = 1, -1
    recorder.paint(edit)
    np.testing.assert_array_equal(Recorder(store, recorder.session.id).painted(), edit)
    name = store.entries(recorder.session.id)[-1].details.mask
    assert store.masks.read(name).shape == (7, 6, 17)  # the box around them
    recorder.paint(None)
    assert recorder.painted() is None and store.verify() == {recorder.session.id: ""}


def test_another_window_is_noticed_and_nothing_counts_twice(store, path, recorder):
    with Store(path) as window:
        other = Recorder(window, recorder.session.id)
        other.judge(other.tasks[0].voxel, "accepted", nothing_else, {})
        with pytest.raises(InputError, match="another window"):
            recorder.judge(recorder.tasks[1].voxel, "accepted", nothing_else, {})
        assert not recorder.current_verdicts and len(other.current_verdicts) == 1
    recorder = Recorder(store, recorder.session.id)
    recorder.close()
    with pytest.raises(InputError, match="closed"):
        recorder.judge(recorder.tasks[1].voxel, "accepted", nothing_else, {})


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order):

    rng = np.random.default_rng(2)
    p = np.zeros((20, 20, 20), np.float32)
    for i, size in enumerate((2, 4, 3, 5)):
        p[4 * i + 1 : 4 * i + 3, 2 : 2 + size, 3:9] = 0.55 + 0.1 * i
    p[18, 15:18, 15:18] = 0.3
    members = np.stack([p, p * rng.uniform(0.7, 1, p.shape)]).astype(np.float16)
    lesions = rank_lesions(make_prediction(p, members))
    queue = queue_of(lesions, 1, 2, order, seed=3)
    by_rank = [task for _, task in sorted(zip(queue.ranks, queue.tasks, strict=True), key=lambda x: x[0])]
    assert sorted(t.target for t in by_rank) == ["candidate"] + ["lesion"] * 4
    assert len(queue.drawn) == (5 if order == "random" else 4)
    if order != "random":
        assert queue.ranks[3] == next(rank for rank in queue.drawn if rank not in queue.ranks[:3])
    if order == "doubt":
        assert [t.label for t in by_rank] == [1, 2, 3, 4, 1] and by_rank[-1].target == "candidate"
        doubts = [t.uncertainty for t in by_rank[:4]]
        assert doubts == sorted(doubts, reverse=True)
    elif order == "gain":
        wrong = [t.probability if t.target == "candidate" else 1 - t.probability for t in by_rank]
        gains = [p / ReadingSpeed().seconds_for(t.volume_mm3) for p, t in zip(wrong, by_rank, strict=True)]
        assert gains == sorted(gains, reverse=True)
    elif order == "size":
        sizes = [t.volume_mm3 for t in by_rank]
        assert sizes == sorted(sizes, reverse=True)
    else:
        assert queue_of(lesions, 1, 2, order, seed=3) == queue != queue_of(lesions, 1, 2, order, seed=4)
    with pytest.raises(InputError, match="by 'name'"):
        queue_of(lesions, 1, 2, "name")


def test_the_outlook_follows_the_verdicts(store, path):
    from napari_uncertainseg.review.session.stopping import draw_checks, mixed

    n = 80
    case = store.case(store.project("study"), "c", "c")
    drawn = draw_checks(n, 0.5, 1)
    shown = mixed(n, drawn, 2)
    tasks = [NewTask(case, None, "lesion", r + 1, (r, 0, 0), 1 - r / n, 0.5 + r / 200, 9.0) for r in shown]
    settings = {"ranks": shown, "drawn": drawn.tolist()}
    session = store.open_session(store.project("study"), store.annotator("a"), "review", tasks, settings)
    recorder = Recorder(store, session)
    first = recorder.outlook()
    assert (first.unseen, first.most, first.checks) == (n, n, 0)
    expected = []
    for task in recorder.tasks[:60]:
        rank = task.voxel[0]
        recorder.judge(task.voxel, "rejected" if rank < 8 else "accepted", nothing_else, {})
        expected.append(recorder.outlook().expected)
    found = recorder.outlook()
    assert found.unseen == 20 and found.checks > 0 and found.most < 20
    assert expected[-1] < 1.5 < expected[8]  # the wrong ones came first
    assert Recorder(store, session).outlook() == found
    assert is_wrong(recorder.tasks[0], recorder.current_verdicts[recorder.tasks[0].id])


@pytest.mark.slow
def test_a_verdict_among_ten_thousand_lesions_asks_no_more_of_the_database(tmp_path):
    """From a verdict to the next lesion, with what is left in numbers."""
    asked = []
    for lesions in (100, 10_000):
        with Store(tmp_path / f"{lesions}.db") as store:
            recorder = Recorder(store, fill(store, lesions=lesions))
            statements: list[str] = []
            sa.event.listen(
                store._engine, "before_cursor_execute", lambda *told, to=statements: to.append(told[2])
            )
            for task in recorder.tasks[:20]:
                recorder.judge(task.voxel, "accepted", nothing_else, {})
                recorder.outlook()
                recorder.next_task(nothing_else)
            asked.append(len(statements))
    assert asked[0] == asked[1] < 20 * 12


def test_a_candidate_is_wrong_when_it_is_a_lesion():
    lesion, candidate = (Task(1, None, target, 1, (0, 0, 0)) for target in ("lesion", "candidate"))
    for decision, wrong in (
        ("accepted", (False, True)),
        ("rejected", (True, False)),
        ("unsure", (True, True)),
    ):
        assert (
            is_wrong(lesion, CurrentVerdict(1, decision)),
            is_wrong(candidate, CurrentVerdict(1, decision)),
        ) == wrong
    assert is_wrong(lesion, CurrentVerdict(1, "accepted", painted=True))  # not as the model outlined it


def test_what_an_earlier_version_calls_edited_is_shown_as_accepted(store):
    session = fill(store)
    task = store.tasks(session)[0]
    store.record(session, "verdict", task.id, {"decision": "edited"})
    assert [v.decision for v in Recorder(store, session).verdicts] == ["accepted"]
    replay = Replay(store, session)
    assert [v.decision for v in replay.verdicts(len(replay.steps) - 1)] == ["accepted"]
