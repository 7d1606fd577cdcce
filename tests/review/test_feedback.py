"""What a reader ticks beside a verdict: kept as shown, taken back, replayed, exported, and safe to read."""

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.tables import as_tsv
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.feedback import LONGEST_NOTE, NO_FEEDBACK, REASONS, Feedback
from napari_uncertainseg.review.reports.verdict_table import verdict_table
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.store.entry_details import FeedbackDetails, entry_details
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction
from .conftest import fill

HARD = Feedback(("size", "border"), 2)


def nowhere(voxel):
    return False


def test_ticks_are_toggled_and_the_note_belongs_to_the_other_reason() -> None:
    feedback = NO_FEEDBACK.toggle_reason("border").toggle_reason("size").toggle_sureness(3).toggle_sureness(2)
    assert feedback == HARD and feedback and not NO_FEEDBACK
    assert feedback.toggle_sureness(2).sureness is None
    noted = feedback.noted("  two\nlesions\u202e in one " + "x" * LONGEST_NOTE)
    assert noted.reasons == ("size", "border", "other") and len(noted.note) == LONGEST_NOTE
    assert noted.note.startswith("two lesions<U+202E> in one xx")
    assert noted.toggle_reason("other") == HARD and noted.noted("").reasons == noted.reasons
    assert HARD.noted("a flow").in_words() == "size, border, other (a flow); fairly sure"
    assert NO_FEEDBACK.in_words() == "nothing ticked"


def test_each_tick_is_an_entry_that_undo_takes_back_and_a_new_verdict_starts_without(store) -> None:
    session = fill(store)
    recorder = Recorder(store, session)
    first, second = (0, 2, 3), (1, 2, 3)
    recorder.judge(first, "accepted", nowhere, {})
    recorder.give_feedback(first, Feedback(("size",)), nowhere)
    recorder.give_feedback(first, HARD, nowhere)
    recorder.judge(second, "rejected", nowhere, {})
    assert recorder.verdicts == (Verdict(first, "accepted", HARD), Verdict(second, "rejected"))
    assert recorder.undo() and recorder.undo()
    assert recorder.verdicts == (Verdict(first, "accepted", Feedback(("size",))),)
    assert recorder.redo() and Recorder(store, session).verdicts == (Verdict(first, "accepted", HARD),)
    assert [e.kind for e in store.entries(session)][1:4] == ["verdict", "feedback", "feedback"]
    assert store.verify(session) == {session: ""}  # the table of verdicts says the same
    recorder.judge(first, "unsure", nowhere, {})
    assert recorder.verdicts == (Verdict(first, "unsure"),)
    assert recorder.undo() and recorder.verdicts == (Verdict(first, "accepted", HARD),)
    replay = Replay(store, session)
    said = [step.what for step in replay.steps]
    assert said[2:4] == ["ticked: size", "ticked: size, border; fairly sure"]
    assert said[5:8] == ["verdict undone", "ticks undone", "ticks redone"]
    assert replay.verdicts(2) == (Verdict(first, "accepted", Feedback(("size",))),)
    assert replay.steps[3].voxel == first


def test_the_next_lesion_is_read_from_when_the_ticks_are_done(store, monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    recorder = Recorder(store, fill(store))
    first, second = (0, 2, 3), (1, 2, 3)
    recorder.show(first)
    recorder.judge(first, "accepted", nowhere, {})
    recorder.show(second)
    now[0] += 4
    recorder.give_feedback(first, HARD, nowhere)
    now[0] += 3
    recorder.judge(second, "accepted", nowhere, {})
    assert [v.seconds for v in recorder.current_verdicts.values()] == [0.0, 3.0]


def test_the_table_has_it_notes_only_with_names_and_no_cell_is_a_formula(store) -> None:
    recorder = Recorder(store, fill(store))
    recorder.judge((0, 2, 3), "accepted", nowhere, {})
    recorder.give_feedback((0, 2, 3), HARD.noted("=1+2"), nowhere)
    named, unnamed = verdict_table(store), verdict_table(store, named=False)
    assert named.loc[0, ["reasons", "sureness", "note"]].tolist() == ["size, border, other", 2, "=1+2"]
    assert unnamed.loc[0, "note"] == "" and unnamed.loc[0, "sureness"] == 2
    assert np.isnan(named.loc[1, "sureness"]) and named.loc[1, "reasons"] == ""
    assert "\t'=1+2" in as_tsv(named) and "\t=1+2" not in as_tsv(named)


def test_results_that_are_exported_keep_the_ticks(tmp_path) -> None:
    """An export counts as saved: what is not in it would be lost with the window."""
    p = np.zeros((3, 6, 6), np.float32)
    p[1, 2:4, 2:4] = 0.9
    prediction = make_prediction(p, grid=Grid(p.shape, AFFINE))
    given = (Verdict((1, 2, 2), "accepted", HARD.noted("a flow")), Verdict((1, 3, 3), "rejected"))
    write_results(tmp_path / "out", prediction, rank_lesions(prediction, 0.5, 0.0), given=given)
    assert read_saved_results(tmp_path / "out").verdicts == given


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "'of' is missing"),
        ({"of": 2, "reasons": ["<b>"]}, f"'reasons' should be a list of {', '.join(REASONS)}, not \"<b>\""),
        ({"of": 2, "sureness": True}, "'sureness' should be 1, 2 or 3, not true"),
        ({"of": 2, "sureness": 4}, "'sureness' should be 1, 2 or 3, not 4"),
        ({"of": 2, "note": "x" * 201}, "'note' should be text of at most 200 characters"),
    ],
)
def test_a_wrong_value_is_refused(store, content, said) -> None:
    with pytest.raises(InputError) as error:
        entry_details("feedback", content, "It")
    assert said in str(error.value)
    session = fill(store)
    with pytest.raises(InputError):
        store.record(session, "feedback", store.tasks(session)[0].id, content)
    assert len(store.entries(session)) == 1


def test_ticks_without_their_verdict_say_nothing(store) -> None:
    session = fill(store)
    task = store.tasks(session)[0].id
    store.record(session, "feedback", task, {"of": 99, "reasons": ["size"]})
    assert store.verdicts(session) == {} and store.verify(session) == {session: ""}
    twice = entry_details("feedback", {"of": 1, "reasons": ["border", "size", "size"], "note": "lost"}, "It")
    assert isinstance(twice, FeedbackDetails) and twice.feedback == Feedback(("size", "border"))
