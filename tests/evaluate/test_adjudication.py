"""One mask of two or three readers: every combination of what they may say, and real sessions."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg import InputError
from napari_uncertainseg.evaluate.adjudication.combine import ReaderMasks, adjudicate
from napari_uncertainseg.evaluate.adjudication.files import (
    MASK,
    NUMBERS,
    TABLE,
    journal_adjudication,
    write_adjudication,
)
from napari_uncertainseg.evaluate.adjudication.reviews import finished_reviews, read_masks
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.rereading import open_next_reading
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction

SHAPE = (6, 8, 10)
GRID = Grid(SHAPE, AFFINE)
SAYS = ("accepted", "undecided", "no lesion")


def reader(name, says, where=(slice(1, 3), slice(1, 3), slice(1, 4))):
    accepted, undecided = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    if says == "accepted":
        accepted[where] = True
    elif says == "undecided":
        undecided[where] = True
    return ReaderMasks(name, f"session of {name}", accepted, undecided)


@pytest.mark.parametrize("says", [*product(SAYS, repeat=2), *product(SAYS, repeat=3)])
def test_more_than_half_decides_and_everything_else_is_open(says):
    found = adjudicate([reader(f"r{i}", each) for i, each in enumerate(says)], "lesions", GRID)
    counts = Counter(says)
    if set(says) == {"no lesion"}:
        assert not found.lesions and not found.mask.any()
        return
    (one,) = found.lesions
    expected = {
        counts["accepted"] * 2 > len(says): "kept",
        counts["no lesion"] * 2 > len(says): "dropped",
    }.get(True, "open")
    assert (one.outcome, one.says, one.by_readers) == (expected, says, expected != "open")
    assert found.mask.any() == (expected == "kept")
    assert one.volume_mm3 == 12 or expected == "dropped"


def test_what_is_open_is_decided_by_a_person_and_can_be_taken_back():
    found = adjudicate([reader("a", "accepted"), reader("b", "no lesion")], "lesions", GRID)
    (one,) = found.open
    kept = found.decide(one.number, "kept")
    assert np.count_nonzero(kept.mask) == 12 and not kept.open and not kept.lesions[0].by_readers
    assert kept.decide(1, "open").open and not kept.decide(1, "dropped").mask.any()
    sure = adjudicate([reader("a", "accepted"), reader("b", "accepted")], "lesions", GRID)
    with pytest.raises(InputError, match="decided by the readers"):
        sure.decide(1, "dropped")


def test_the_outline_is_what_more_than_half_outlined():
    wide, narrow = (slice(1, 3), slice(1, 3), slice(1, 6)), (slice(1, 3), slice(1, 3), slice(4, 8))
    pair = [reader("a", "accepted", wide), reader("b", "accepted", narrow)]
    assert np.count_nonzero(adjudicate(pair, "lesions", GRID).mask) == 2 * 2 * 2, "two of two"
    third = adjudicate([*pair, reader("c", "accepted", wide)], "lesions", GRID)
    assert np.count_nonzero(third.mask) == 2 * 2 * 5, "two of three"
    touching = [reader("a", "accepted", (1, 1, slice(1, 3))), reader("b", "accepted", (1, 1, slice(3, 5)))]
    (one,) = adjudicate(touching, "lesions", GRID).lesions
    assert one.outcome == "open" and one.volume_mm3 == 4, "no voxel is in both"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), readers=st.integers(2, 3))
def test_by_voxels_it_is_the_majority_and_nothing_is_open(seed, readers):
    rng = np.random.default_rng(seed)
    masks = rng.random((readers, *SHAPE)) < 0.15
    split = rng.random((readers, *SHAPE)) < 0.5
    them = [
        ReaderMasks(f"r{i}", f"s{i}", m & s, m & ~s)
        for i, (m, s) in enumerate(zip(masks, split, strict=True))
    ]
    found = adjudicate(them, "voxels", GRID)
    np.testing.assert_array_equal(found.mask > 0, 2 * masks.sum(0) > readers)
    assert not found.open
    again = adjudicate(them[::-1], "lesions", GRID)
    np.testing.assert_array_equal(again.mask > 0, adjudicate(them, "lesions", GRID).mask > 0)


def test_what_cannot_be_put_together_is_refused():
    a, b = reader("a", "accepted"), reader("b", "accepted")
    for chosen, words in (
        ([a], "two or three"),
        ([a, b, reader("c", "accepted"), reader("d", "accepted")], "two or three"),
        ([a, a], "chosen twice"),
        ([a, ReaderMasks("a", "other", b.accepted, b.undecided)], "same reader"),
        ([a, ReaderMasks("b", "other", b.accepted[1:], b.undecided[1:])], "grid"),
    ):
        with pytest.raises(InputError, match=words):
            adjudicate(chosen, "lesions", GRID)


# -- real sessions ------------------------------------------------------------------------------------


@pytest.fixture
def prediction():
    probability = np.zeros((12, 12, 12), np.float32)
    for start, value in ((1, 0.95), (5, 0.8), (9, 0.7)):
        probability[start : start + 2, 1:4, 1:4] = value
    probability[1, 9, 8:11] = 0.3
    return make_prediction(probability, information={"case": {"sha256": "a" * 64, "name": "p1"}})


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sessions.db") as opened:
        yield opened


def read_all(store, prediction, annotator, verdicts, edit=None, session=None, close=True):
    """A review in which the lesions at some voxels get verdicts."""
    lesions = rank_lesions(prediction, edit=edit)
    session = session or open_reading(store, prediction, lesions, annotator, "doubt")
    recorder = Recorder(store, session)
    if edit is not None:
        recorder.paint(edit)
    for voxel, verdict in verdicts.items():
        number = lesions.component_at(voxel)
        recorder.judge(voxel, verdict, lambda v, n=number: lesions.component_at(v) == n, {"threshold": 0.5})
    if close:
        recorder.close()
    return session


FIRST, SECOND, THIRD_ONE, BELOW = (1, 1, 1), (5, 1, 1), (9, 1, 1), (1, 9, 8)


def test_sessions_give_the_masks_that_their_readers_saw(store, prediction):
    edit = np.zeros(prediction.grid.shape, np.int8)
    edit[5:7, 8:10, 8:10] = 1
    said = {FIRST: "accepted", SECOND: "rejected", BELOW: "accepted"}
    session = read_all(store, prediction, "Ann", said, edit)
    found = read_masks(store, session, prediction)
    assert found.reader == "Ann"
    assert found.accepted[FIRST] and found.accepted[BELOW] and found.accepted[5, 8, 8], "drawn, too"
    assert not found.outlined[SECOND] and found.undecided[THIRD_ONE], "the last one was not judged"
    assert np.count_nonzero(found.outlined) == 18 + 3 + 8 + 18


def test_only_finished_reviews_of_this_prediction_that_nobody_rereads_are_offered(store, prediction):
    ann = read_all(store, prediction, "Ann", {FIRST: "accepted"})
    read_all(store, prediction, "Ben", {FIRST: "accepted"}, close=False)
    other = make_prediction(prediction.probability * 0.9, information=prediction.information)
    elsewhere = read_all(store, other, "Cem", {FIRST: "accepted"})
    found = finished_reviews(store, prediction)
    assert [one.id for one in found.sessions] == [ann]
    assert (found.unfinished, found.other_predictions, found.hidden) == (1, 1, 0)
    with pytest.raises(InputError, match="another segmentation"):
        read_masks(store, elsewhere, prediction)
    second = open_next_reading(store, ann, "Dora", seed=1)
    found = finished_reviews(store, prediction)
    assert not found.sessions and found.hidden == 2, "the second reader must not see the first"
    tasks = {task.voxel: "accepted" for task in store.tasks(second)}
    read_all(store, prediction, "Dora", tasks, session=second)
    assert [one.annotator for one in finished_reviews(store, prediction).sessions] == ["Ann", "Dora"]


def test_it_is_written_with_who_said_what_and_into_the_journal(store, prediction, tmp_path):
    ids = [
        read_all(store, prediction, "Ann", {FIRST: "accepted", SECOND: "accepted", THIRD_ONE: "rejected"}),
        read_all(store, prediction, "Ben", {FIRST: "accepted", SECOND: "rejected", THIRD_ONE: "rejected"}),
    ]
    before = {one: store.head(one) for one in ids}
    found = adjudicate([read_masks(store, one, prediction) for one in ids], "lesions", prediction.grid)
    (open_one,) = found.open
    assert found.places[SECOND] == open_one.number
    decided = found.decide(open_one.number, "kept")
    write_adjudication(tmp_path / "out", decided, prediction, "Cem")
    mask = read_labels(tmp_path / "out" / MASK).data
    expected = np.isin(prediction.probability, np.array([0.95, 0.8], np.float32))
    np.testing.assert_array_equal(mask > 0, expected)
    numbers = json.loads((tmp_path / "out" / NUMBERS).read_text(encoding="utf-8"))
    assert numbers["decided_by"] == "Cem" and numbers["rule"] == "lesions" and numbers["open"] == 0
    assert [one["reader"] for one in numbers["readers"]] == ["Ann", "Ben"]
    assert (numbers["kept"], numbers["dropped"], numbers["decided_by_a_person"]) == (2, 0, 1)
    assert numbers["volume_ml"] == 0.036
    table = pd.read_csv(tmp_path / "out" / TABLE, sep="\t")
    row = table[table["lesion"] == open_one.number].iloc[0]
    assert (row["reader_1"], row["reader_2"]) == ("accepted", "no lesion")
    assert (row["outcome"], row["decided_by"]) == ("kept", "person")
    with pytest.raises(InputError, match="not empty"):
        write_adjudication(tmp_path / "out", decided, prediction, "Cem")

    session = journal_adjudication(store, decided, prediction, "Cem")
    assert not store.verify(session)[session] and store.session(session).closed
    entry = next(one for one in store.entries(session) if one.kind == "adjudicated")
    said = json.loads(entry.content)
    kept = store.masks.read(said["mask"])
    box = tuple(slice(a, a + n) for a, n in zip(said["start"], kept.shape, strict=True))
    np.testing.assert_array_equal(kept, decided.mask[box])
    assert {one: store.head(one) for one in ids} == before, "the readers' own sessions are as they were"
    assert [one.id for one in finished_reviews(store, prediction).sessions] == ids, "it is no reading itself"
