"""Why a verdict was hard, ticked below the verdicts: in no one's way, kept as shown, undone."""

import pytest
from qtpy.QtCore import Qt

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.feedback import NO_FEEDBACK, Feedback
from napari_uncertainseg.widgets.layers.by_reader.painting import STILL_DRAWN
from napari_uncertainseg.widgets.lesions.actions import KEYS
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.shared.feedback import texts

from .actions import click, discard
from .fake_layers import FakeLayers


@pytest.fixture
def dock(qtbot, case):
    made = LesionsDock(case, FakeLayers())
    made.resize(300, 700)
    made.show()
    yield made
    made.cleanup()
    discard(qtbot, made)


def ticked(dock):
    return [action for action, button in dock.feedback.row.buttons.items() if button.isChecked()]


def test_the_row_comes_with_a_verdict_and_is_about_it_though_the_next_is_selected(qtbot, dock, case) -> None:
    row = dock.feedback.row
    assert not dock.feedback.isVisible()
    dock.act("hard_size")  # a key before any verdict
    dock.next_lesion()
    first = case.selected
    dock.act("accept")
    assert dock.feedback.isVisible() and case.selected != first
    assert dock.feedback.row.question.text().startswith("Lesion 1, accepted")
    click(qtbot, row.buttons["hard_size"])
    dock.act("hard_border")
    dock.act("sureness_2")
    click(qtbot, row.buttons["sureness_1"])
    click(qtbot, row.buttons["hard_border"])
    (verdict,) = case.review.verdicts
    assert verdict.voxel == first and verdict.feedback == Feedback(("size",), 1)
    assert ticked(dock) == ["hard_size", "sureness_1"]
    dock.act("undo")
    assert case.review.verdicts[0].feedback == Feedback(("size", "border"), 1)
    assert dock.message.text() == "Undone: ticks on lesion 1"
    dock.act("redo")
    dock.act("next_lesion")
    dock.act("unsure")
    assert ticked(dock) == [] and not row.buttons["sureness_3"].isEnabled()
    case.select(first)  # what was ticked of another verdict is shown again
    assert ticked(dock) == ["hard_size", "sureness_1"] and row.buttons["sureness_3"].isEnabled()
    dock.act("reject")
    assert case.review.verdict_on(first).feedback == NO_FEEDBACK


def test_a_note_is_kept_for_its_own_verdict_however_the_reader_leaves_it(qtbot, dock, case) -> None:
    row = dock.feedback.row
    dock.next_lesion()
    first = case.selected
    dock.act("accept")
    assert not row.note.isVisible()
    dock.act("hard_other")
    assert row.note.isVisible() and not row.note.hasFocus()  # keys still give verdicts
    qtbot.keyClicks(row.note, "a <b>vessel</b>")
    dock.act("hard_size")
    assert case.review.verdict_on(first).feedback == Feedback(("size", "other"), None, "a <b>vessel</b>")
    qtbot.keyClicks(row.note, "!")
    dock.act("reject")  # of the next lesion
    assert case.review.verdict_on(first).feedback.note == "a <b>vessel</b>!" and row.note.text() == ""
    qtbot.keyClicks(row.note, "x" * 300)
    assert len(row.note.text()) == 200
    qtbot.keyClick(row.note, Qt.Key.Key_Return)
    assert case.review.verdicts[-1].feedback.reasons == ("other",)


def test_while_lesions_are_drawn_a_tick_waits_and_the_note_beside_it_is_kept(qtbot, dock, case) -> None:
    row = dock.feedback.row
    dock.next_lesion()
    first = case.selected
    dock.act("accept")
    dock.act("hard_other")
    qtbot.keyClicks(row.note, "a vessel")
    dock._layers.unseen = True
    dock.act("hard_size")
    assert case.review.verdict_on(first).feedback == Feedback(("other",), None, "a vessel")
    assert ticked(dock) == ["hard_other"] and row.note.text() == "a vessel"
    assert dock.message.text() == STILL_DRAWN
    dock._layers.unseen = False
    case.review.locked = "A session is played back."
    qtbot.keyClicks(row.note, "!")
    dock.act("hard_size")
    assert case.review.verdict_on(first).feedback == Feedback(("other",), None, "a vessel")
    assert "A session is played back." in dock.message.text()
    case.review.locked = ""
    dock.act("hard_size")
    assert case.review.verdict_on(first).feedback.reasons == ("size", "other")


def test_a_click_on_the_other_reason_goes_on_in_its_field(qtbot, dock, case) -> None:
    row = dock.feedback.row
    dock.next_lesion()
    dock.act("accept")
    dock.show()
    qtbot.waitExposed(dock)
    dock.activateWindow()
    qtbot.mouseClick(row.buttons["hard_other"], Qt.MouseButton.LeftButton)
    assert row.note.isVisible() and dock.window().focusWidget() is row.note, "letters are verdicts elsewhere"
    qtbot.mouseClick(row.buttons["hard_other"], Qt.MouseButton.LeftButton)
    assert not row.note.isVisible()


def test_a_note_that_is_being_written_is_of_the_verdict_before_and_not_lost(qtbot, dock, case) -> None:
    row = dock.feedback.row
    dock.next_lesion()
    first = case.selected
    dock.act("accept")
    case.select(first)
    dock.act("hard_other")
    qtbot.keyClicks(row.note, "a vessel")
    dock.act("reject")  # of the same lesion
    assert case.review.verdict_on(first).feedback == NO_FEEDBACK
    dock.act("undo")
    verdict = case.review.verdict_on(first)
    assert (verdict.decision, verdict.feedback.note) == ("accepted", "a vessel")
    qtbot.keyClicks(row.note, "?")
    dock.cleanup()
    assert case.review.verdict_on(first).feedback.note == "a vessel?"


def test_a_note_is_kept_when_another_scan_is_opened(qtbot, dock, case) -> None:
    """A drop from another program takes no focus from the field."""
    said = []
    dock.next_lesion()
    first = case.selected
    dock.act("accept")
    dock.act("hard_other")
    qtbot.keyClicks(dock.feedback.row.note, "flow void")
    case.verdicts_changed.connect(lambda: said.append(case.review.verdict_on(first)))
    case.open_prediction(case.original)
    assert said[0].feedback.note == "flow void" and said[-1] is None


def test_what_cannot_be_written_is_said_and_not_shown(dock, case, monkeypatch) -> None:
    dock.next_lesion()
    dock.act("accept")

    def full(*args):
        raise InputError("the disk is full")

    monkeypatch.setattr(case.review, "_give_feedback", full)
    dock.act("hard_size")
    assert "the disk is full" in dock.message.text() and ticked(dock) == []


def test_keys_are_on_the_buttons_and_no_two_actions_share_one(dock) -> None:
    keys = [action.key for action in KEYS]
    assert len(set(keys)) == len(keys)
    row = dock.feedback.row
    dock.next_lesion()
    dock.act("accept")
    assert row.question.text() == "Lesion 1, accepted: what made it hard, if it was? (Alt+1 to 6)"
    assert row.how_sure.text() == "How sure? (Alt+7 to 9)"
    tip = row.buttons["hard_place"].toolTip()
    assert texts.OPTIONAL in tip and tip.endswith("Key: Alt+3")
    dock.show_keys({"sureness_3": "J", "sureness_2": "K", "sureness_1": "M"})
    assert row.question.text().endswith("if it was?") and row.how_sure.text() == "How sure? (J, K, M)"
    assert dock.minimumSizeHint().width() <= 420
