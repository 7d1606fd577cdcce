"""Numbers of lesions through a review, what is drawn by hand, and one undo for verdicts and strokes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.session.queue import ORDERS, queue_of
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.store import Store

from .widgets.fakes import fake_prediction

SHAPE = (12, 30, 30)
CENTRES = ((3, 6, 6), (3, 22, 6), (8, 6, 22), (8, 22, 22))


@pytest.fixture
def case() -> Case:
    mask = np.zeros(SHAPE, bool)
    for size, (s, a, r) in enumerate(CENTRES, 3):
        mask[s - 1 : s + 2, a - size : a + size, r - size : r + size] = True
    made = Case()
    made.open_prediction(fake_prediction(mask, Grid(SHAPE, np.eye(4)[[2, 1, 0, 3]]), sigma=0.7))
    return made


def numbers(case: Case) -> list[int]:
    return [int(case.lesions.labels[at]) for at in CENTRES]


def paint(case: Case, where, value: int) -> None:
    edit = np.zeros(SHAPE, np.int8) if case.review.edit is None else case.review.edit.copy()
    edit[where] = value
    case.review.set_edit(edit)


def test_numbers_outlive_threshold_volume_and_painting(case):
    before = numbers(case)
    assert sorted(before) == [1, 2, 3, 4]
    for threshold in (0.8, 0.2, 0.65):
        case.threshold = threshold
        assert [new for new, old in zip(numbers(case), before, strict=True) if new] == [
            old for new, old in zip(numbers(case), before, strict=True) if new
        ]
    case.min_volume = 50.0
    case.min_volume = 3.0
    paint(case, np.s_[2:5, 5:8, 12:15], 1)  # near the first, and large enough
    assert numbers(case) == [
        n if case.lesions.labels[at] else 0 for n, at in zip(before, CENTRES, strict=True)
    ]
    drawn = case.lesions.table[case.lesions.table["drawn"]]
    assert drawn["label"].tolist() == [max(before) + 1]
    assert case.lesions.table["drawn"].iloc[-1] and np.isnan(drawn["lsu"].iloc[0])
    assert set(np.unique(case.lesions.labels)) - {0} == set(case.lesions.table["label"])


def test_a_number_is_not_given_to_another_lesion(case):
    first = numbers(case)[0]
    paint(case, case.lesions.labels == first, -1)
    assert first not in case.lesions.table["label"].to_numpy()
    paint(case, np.s_[0:2, 13:16, 13:16], 1)
    assert first not in case.lesions.table["label"].to_numpy()
    case.review.undo()
    case.review.undo()
    assert numbers(case)[0] == first


def test_lesions_that_grew_together_part_with_their_own_numbers(case):
    before = numbers(case)
    paint(case, np.s_[3, 6, 8:12], 1)
    paint(case, np.s_[3, 6:22, 6], 1)  # the first and the second are one
    assert numbers(case)[0] == numbers(case)[1] in before
    case.review.undo()
    assert numbers(case) == before


def test_one_undo_takes_back_verdicts_and_strokes_in_order_and_says_what(case):
    said: list[str] = []
    case.stepped.connect(said.append)
    first, second, *_ = numbers(case)
    case.review.judge(CENTRES[0], "rejected")
    paint(case, np.s_[2, 20:22, 1:3], 1)
    case.review.judge(CENTRES[1], "accepted")
    states = [(case.review.verdicts, case.review.edit is not None)]
    while case.review.undo() is not None:
        states.append((case.review.verdicts, case.review.edit is not None))
    assert [(len(v), e) for v, e in states] == [(2, True), (1, True), (1, False), (0, False)]
    assert said[0] == f"Undone: accepted lesion {second}"
    assert said[1] == f"Undone: a stroke on lesion {second}"
    assert said[2] == f"Undone: rejected lesion {first}"
    assert case.review.redo() and case.review.redo() and case.review.redo() and not case.review.redo()
    assert (case.review.verdicts, case.review.edit is not None) == states[0]
    assert said[-1] == f"Done again: accepted lesion {second}"
    case.review.undo()
    paint(case, np.s_[0, 0, 0], 1)
    assert not case.review.redo()


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sessions.db") as made:
        yield made


def begin(case: Case, store: Store) -> None:
    one = store.case(store.project("p"), "one", "somewhere")
    queue = queue_of(case.lesions, one, None)
    settings = {"threshold": 0.5, "min_volume": 3.0, "ranks": queue.ranks, "drawn": queue.drawn}
    session = store.open_session(store.project("p"), store.annotator("ann"), "review", queue.tasks, settings)
    case.review.set_recorder(Recorder(store, session))


def test_the_journal_keeps_all_that_was_done_and_undone_with_volumes_and_numbers(case, store):
    begin(case, store)
    session = case.review.recorder.session.id
    paint(case, np.s_[0:2, 13:17, 13:17], 1)
    case.review.judge((0, 14, 14), "accepted")
    case.review.undo()
    case.review.undo()
    case.review.redo()
    kinds = [e.kind for e in store.entries(session)]
    assert kinds == ["opened", "painted", "added", "verdict", "undo", "painted", "painted"]
    painted = [e.details for e in store.entries(session) if e.kind == "painted"]
    free = int((case.prediction.probability[0:2, 13:17, 13:17] < 0.5).sum())
    assert painted[0].added_mm3 == free == case.review.painted.added_mm3 and painted[0].removed_mm3 == 0
    assert painted[0].drawn_lesions == 1 and painted[1].mask is None
    assert store.verify(session)[session] == ""
    number = next(e.details.number for e in store.entries(session) if e.kind == "verdict")
    again = Case()
    again.open_prediction(case.prediction)
    again.threshold = 0.4  # others would be numbered first
    again.review.set_recorder(Recorder(store, session))
    again.threshold = 0.5
    assert again.lesions.labels[0, 14, 14] == number and numbers(again) == numbers(case)


def test_an_undo_that_cannot_be_recorded_changes_nothing(case, store, monkeypatch):
    begin(case, store)
    paint(case, np.s_[0:2, 13:17, 13:17], 1)
    edit = case.review.edit.copy()

    def fails(*args, **options):
        raise InputError("The disk is full.")

    monkeypatch.setattr(case.review.recorder, "paint", fails)
    with pytest.raises(InputError):
        case.review.undo()
    np.testing.assert_array_equal(case.review.edit, edit)
    monkeypatch.undo()
    assert case.review.undo() is not None and case.review.edit is None


@pytest.mark.parametrize("order", ORDERS)
def test_a_session_takes_what_was_drawn_without_doubt_and_after_the_model(case, store, order):
    paint(case, np.s_[0:2, 13:17, 13:17], 1)
    queue = queue_of(case.lesions, 1, None, order)
    drawn = [t for t in queue.tasks if case.lesions.labels[t.voxel] == case.lesions.table["label"].iloc[-1]]
    assert [t.uncertainty for t in drawn] == [None] and drawn[0].probability is None
    begin(case, store)
    assert case.review.recorder.outlook().unseen == len(queue.tasks) - 1


def test_a_folder_says_what_was_drawn(case, tmp_path):
    import json

    import pandas as pd

    paint(case, np.s_[0:2, 13:17, 13:17], 1)
    case.threshold = 0.6
    decisions = {int(case.lesions.table["label"].iloc[-1]): "accepted"}
    write_results(tmp_path / "out", case.prediction, case.lesions, verdicts=decisions, edit=case.review.edit)
    table = pd.read_csv(tmp_path / "out" / "lesions.tsv", sep="\t")
    assert table["label"].tolist() == case.lesions.table["label"].tolist()
    assert table["drawn"].tolist() == case.lesions.table["drawn"].tolist() and table["lsu"].isna().sum() == 1
    said = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert said["painted"] == case.review.painted.as_json() and said["painted"]["drawn_lesions"] == 1
    assert said["verdicts"][0]["label"] == max(decisions)


def test_parts_of_a_lesion_that_was_cut_keep_their_numbers(case):
    before, (s, a, r) = numbers(case), CENTRES[3]
    whole = int(case.lesions.labels[s, a, r])
    paint(case, np.s_[:, a + 1, :], -1)
    parts = [int(case.lesions.labels[s, a + side, r]) for side in (-3, 4)]
    assert parts[0] == whole and parts[1] > max(before)
    small = (s, a + 4, r)
    case.review.judge(small, "rejected")
    for threshold in (0.45, 0.55, 0.5):
        case.threshold = threshold
        assert [int(case.lesions.labels[s, a + side, r]) for side in (-3, 4)] == parts
    assert case.review.decisions() == {parts[1]: "rejected"}
    case.review.undo()
    case.review.undo()
    assert numbers(case) == before
    case.review.redo()
    assert [int(case.lesions.labels[s, a + side, r]) for side in (-3, 4)] == parts
