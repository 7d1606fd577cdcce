"""Reviews that are kept by default, in the real window: begun, found again, named, closed, and never lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QPushButton
from scipy.ndimage import binary_dilation

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.identity import case_sha256, scan_sha256
from napari_uncertainseg.review.session.opening import UNNAMED
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets import closing as closing_module
from napari_uncertainseg.widgets import window as module
from napari_uncertainseg.widgets.lesions import resume_offer as offer_module
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.session import dock as session_module
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.shared.kept_review import waiting_review
from napari_uncertainseg.widgets.window import open_review, review_of

from .actions import areas_of, focus
from .fake_window import docks_with
from .fakes import FakeSegmenter, fake_prediction

FIRST, SECOND = (5, 10, 8), (12, 21, 18)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "kept" / "sessions.db"
    monkeypatch.setattr(module, "default_file", lambda: path)
    return path


@pytest.fixture(autouse=True)
def asked(answer_questions):
    return answer_questions(session_module, closing_module, offer_module, dialogs)


@pytest.fixture
def told(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(module, "show_info", said.append)
    return said


def with_scan(viewer, flair):
    """Open the docks beside a scan."""
    review = open_review(viewer, docks_with(make_segmenter=FakeSegmenter))
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    return review


@pytest.fixture
def windows(make_viewer, flair, file, told):
    """Open windows of their own with a scan, for tests that close them, or that open docks beside."""

    def open_window():
        review = with_scan(make_viewer(), flair)
        review.case.set_images({"flair": flair})
        return review

    return open_window


@pytest.fixture
def fill(flair):
    """What the shared window is opened with."""

    def filled(viewer, store):
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(module, "default_file", lambda: store)
            with_scan(viewer, flair)

    return filled


@pytest.fixture
def window(kept_viewer, flair, file, told):
    """The window that tests share, with a scan."""

    def shared_window():
        review = review_of(kept_viewer)
        review.sessions.choose(file)
        review.keeper.message.connect(told.append)  # the window was opened before the test
        review.case.set_images({"flair": flair})
        return review

    yield shared_window
    review_of(kept_viewer).keeper.message.disconnect(told.append)


def known(prediction, flair, **changes):
    """A prediction that says of which scan it is."""
    sha256 = case_sha256({"flair": scan_sha256(flair)})
    about = {"case": {"sha256": sha256, "name": "one"}, "model": "bundled", "method": "one-pass"}
    return replace(prediction, information={**about, **changes})


def sessions(file):
    with Store(file) as store:
        return [
            (s.annotator, s.closed is not None, [v.decision for v in store.verdicts(s.id).values()])
            for s in store.sessions()
        ]


def test_the_first_verdict_begins_a_session_that_is_offered_again(
    windows, prediction, flair, file, told, asked
):
    review = windows()
    case = review.case
    case.open_prediction(known(prediction, flair))
    assert not file.exists() and review.keeper.offer is None
    case.review.judge(FIRST, "rejected")
    assert sessions(file) == [(UNNAMED, False, ["rejected"])] and not case.review.unsaved
    assert UNNAMED in review.lesions.recorded.text()
    edit = np.zeros(case.grid.shape, np.int8)
    edit[20:22, 2:8, 2:8] = 1
    case.review.set_edit(edit)
    case.review.judge((21, 4, 4), "accepted")
    numbers = case.review.decisions()
    case.threshold = 0.6
    case.review.judge(SECOND, "unsure")
    seen = case.review.decisions(), case.lesions.labels.copy()
    review.layers.viewer.close()

    again = windows()
    again.case.open_prediction(known(prediction, flair))
    offer = again.keeper.offer
    assert again.lesions.resume.isVisibleTo(again.lesions) and offer.same
    for word in ("3 verdicts and painting", UNNAMED, "bundled, one-pass"):
        assert word in again.lesions.resume.text.text()
    again.lesions.resume.accept_button.click()
    assert again.case.review.decisions() == seen[0] and again.case.threshold == 0.6
    np.testing.assert_array_equal(again.case.lesions.labels, seen[1])
    assert numbers.items() <= again.case.review.decisions().items()
    assert not again.lesions.resume.isVisibleTo(again.lesions) and "Resumed" in again.lesions.message.text()
    again.case.review.judge(FIRST, "accepted")
    assert len(sessions(file)) == 1


def test_another_patients_scan_is_offered_nothing(window, prediction, flair, file, told):
    review = window()
    review.case.open_prediction(known(prediction, flair))
    review.case.review.judge(FIRST, "accepted")
    other = known(prediction, flair, case={"sha256": "ab" * 32, "name": "two"})
    review.case.open_prediction(
        replace(other, maps={**prediction.maps, "probability": prediction.probability * 0.99})
    )
    assert review.keeper.offer is None
    assert str(file) in told[-1] and "1 verdict," in told[-1] and UNNAMED in told[-1]


def test_verdicts_of_another_segmentation_are_brought_over_by_voxel(
    window, prediction, mask, grid, flair, file
):
    review = window()
    case = review.case
    case.open_prediction(known(prediction, flair))
    case.review.judge(FIRST, "rejected")
    case.review.judge(SECOND, "accepted")
    fewer = mask.copy()
    fewer[11:14] = False
    case.open_prediction(known(fake_prediction(fewer, grid), flair, method="flips"))
    offer = review.keeper.offer
    assert not offer.same and "another segmentation" in offer.text
    assert review.lesions.resume.accept_button.text() == "Copy its verdicts"
    review.lesions.resume.accept()
    assert [v.decision for v in case.review.verdicts] == [
        "rejected"
    ] and "1 of 2" in review.lesions.message.text()
    assert "1 left out: no lesion" in review.lesions.message.text()
    assert sessions(file) == [(UNNAMED, False, ["rejected"]), (UNNAMED, False, ["rejected", "accepted"])]


def test_a_name_given_later_takes_the_review_over_when_it_is_started(windows, prediction, flair, file, asked):
    review = windows()
    review.open_dock("session")
    dock, case = review.session, review.case
    case.open_prediction(known(prediction, flair))
    case.review.judge(FIRST, "rejected")
    assert dock.table.rowCount() == 1 and "saved automatically" in dock.progress.state.text()
    assert dock.annotator.isEnabled() and not dock.start_button.isEnabled()
    dock.annotator.setText("Ada")
    dock.start_button.click()
    assert "work of Ada" in asked.questions[-1]
    assert sessions(file) == [("Ada", False, ["rejected"]), (UNNAMED, True, [])]
    with Store(file) as store:
        assert not any(store.verify().values())
    case.open_prediction(replace(known(prediction, flair), information={"case": {"sha256": "cd" * 32}}))
    case.review.judge(SECOND, "accepted")
    assert sessions(file)[0] == ("Ada", False, ["accepted"])  # the next is hers from the first verdict


def test_closing_says_what_is_kept_and_asks_about_what_is_not(window, prediction, flair, file, asked):
    review = window()
    window_ = review._window
    review.case.open_prediction(known(prediction, flair))
    assert not review._closing.refuses(Spontaneous())
    review.case.review.judge(FIRST, "rejected")
    asked.says = None
    assert review._closing.refuses(Spontaneous()) and str(file) in asked.questions[-1]
    assert "1 verdict" in asked.questions[-1] and UNNAMED in asked.questions[-1]
    window_.close(confirm_need=True)  # Ctrl+W
    assert len(asked.questions) == 2 and window_.isVisible()
    review.case.review.set_recorder(None)  # Leave
    review.case.review.judge(SECOND, "accepted")
    assert review.case.review.unsaved and review.case.review.recorder is None
    assert review._closing.refuses(Spontaneous()) and "not saved in a session" in asked.questions[-1]
    asked.says, closed = True, []
    close = review._closing._close
    review._closing._close = lambda *how: closed.append(how)
    assert review._closing.refuses(Spontaneous())
    QApplication.processEvents()
    window_.close(quit_app=True, confirm_need=True)
    review._closing._close = close
    assert closed == [(), (True, False)]  # and napari asks no second time


class Spontaneous(QEvent):
    """As the window's cross sends it."""

    def __init__(self):
        super().__init__(QEvent.Type.Close)

    def spontaneous(self):
        return True


def test_a_store_that_cannot_be_written_is_told_of_and_nothing_is_lost(
    window, prediction, flair, file, told, monkeypatch
):
    review = window()
    case = review.case

    def fails(*args, **options):
        raise InputError("The disk is full.")

    for step, begun in (("open_session", False), ("record_all", True)):  # at once, or later
        case.open_prediction(known(prediction, flair))
        told.clear()
        if begun:
            case.review.judge(FIRST, "rejected")
            assert not told
        with monkeypatch.context() as full:
            full.setattr(Store, step, fails)
            case.review.judge(SECOND, "accepted")
            assert "The disk is full." in told[-1] and "no longer saved" in told[-1]
            assert case.review.verdicts[-1].decision == "accepted"
            assert case.review.unsaved and case.review.recorder is None
            case.review.set_edit(np.ones(case.grid.shape, np.int8))
            assert len(told) == 1 and case.review.undo() and case.review.undo()  # said once, and all goes on

    case.open_prediction(known(prediction, flair))
    case.review.judge(FIRST, "rejected")
    told.clear()
    edit = np.zeros(case.grid.shape, np.int8)
    edit[20:22, 2:8, 2:8] = 1
    monkeypatch.setattr(Store, "record_all", fails)
    case.review.set_edit(edit)  # a stroke is no more taken for saved than a verdict
    assert case.review.edit is edit and case.review.unsaved and "no longer saved" in told[-1]


def test_a_review_that_could_not_be_kept_is_kept_when_there_is_room_again(
    window, prediction, flair, file, told, monkeypatch
):
    review = window()
    case, said = review.case, review.lesions.recorded
    case.open_prediction(known(prediction, flair))
    case.review.judge(FIRST, "rejected")

    def fails(*args, **options):
        raise InputError("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr(Store, "record_all", fails)
        for _ in range(3):
            case.review.judge(SECOND, "accepted")
            assert case.review.unsaved and said.isVisibleTo(review.lesions)
            assert said.text().startswith("⚠ In no session: The disk is full.")
        wide = areas_of(review)["lesions"].minimumSizeHint().width()
    assert len(told) == 1
    assert wide < 500  # the reason is longer than the dock is wide: buttons must not leave the screen
    case.review.judge((21, 4, 4), "unsure")
    assert not case.review.unsaved and UNNAMED in said.text() and not case.review.why_not_kept
    kept = ["rejected", "accepted", "unsure"]
    assert sorted(sessions(file), key=lambda s: len(s[2])) == [
        (UNNAMED, False, ["rejected"]),
        (UNNAMED, False, kept),
    ]  # no empty session for each try


def test_a_session_that_cannot_be_read_hides_no_other(window, prediction, flair, file, told):
    review = window()
    for decision in ("accepted", "rejected"):
        review.case.open_prediction(known(prediction, flair))
        review.case.review.judge(FIRST, decision)
        review.case.close_prediction()
    with Store(file) as store:
        broken, whole = (session.id for session in store.sessions())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE task SET probability = 'x' WHERE session_id = ?", (broken,))
    told.clear()
    review.case.open_prediction(known(prediction, flair))
    assert review.keeper.offer is not None and review.keeper.offer.session.id == whole
    assert "cannot be looked for" not in "".join(told)


def test_the_review_that_was_worked_on_last_is_offered(windows, prediction, flair, file, qtbot):
    review = windows()
    case = review.case
    case.open_prediction(known(prediction, flair))
    case.review.judge(FIRST, "rejected")
    case.open_prediction(known(prediction, flair, seconds=1))
    case.review.judge(SECOND, "accepted")  # instead of resuming it: a second review
    said = []
    case.stepped.connect(said.append)
    review.show_dock("lesions")
    focus(qtbot, review.lesions.resume.accept_button)
    review.lesions.resume.accept_button.click()
    assert not isinstance(QApplication.focusWidget(), QPushButton)  # Space would press it
    kept = "The review that was on screen is saved, too: see Session."
    assert said == [f"Resumed: 1 verdict by {UNNAMED}. {kept}"]
    assert review.opened.get("session") is None and ">see Session.</a>" in review.lesions.message.text()
    review.lesions.message.linkActivated.emit("session")
    assert review.opened.get("session") is not None
    case.review.judge((21, 4, 4), "unsure")  # in the one that was begun first

    case.open_prediction(known(prediction, flair, seconds=2))
    assert review.keeper.offer.verdicts == 2 and review.keeper.offer.others == 1
    text = review.keeper.offer.text
    assert "2 verdicts" in text and "Session lists 1 more review of these scans" in text


def test_painting_is_kept_where_the_model_finds_nothing_and_who_leaves_is_not_recorded_again(
    window, prediction, flair, grid, file
):
    review = window()
    nothing = fake_prediction(np.zeros(grid.shape, bool), grid)
    review.case.open_prediction(known(nothing, flair))
    edit = np.zeros(grid.shape, np.int8)
    edit[20:22, 2:8, 2:8] = 1
    review.case.review.set_edit(edit)
    assert not review.case.review.unsaved and review.case.lesions.drawn == 1
    with Store(file) as store:
        session = store.sessions()[0]
        assert [e.kind for e in store.entries(session.id)] == ["opened", "painted"]
        assert not any(store.verify().values())
    review.case.open_prediction(known(prediction, flair))
    review.case.review.judge(FIRST, "rejected")
    assert review.case.review.recorder is not None
    review.case.review.set_recorder(None)
    review.case.review.judge(SECOND, "accepted")
    assert review.case.review.recorder is None
    assert review.lesions.recorded.isVisibleTo(review.lesions)
    assert "In no session: you left or closed it" in review.lesions.recorded.text()


def test_an_exercise_a_replay_and_a_session_begun_by_hand_keep_nothing_of_their_own(
    windows, prediction, flair, file
):
    review = windows()
    review.open_dock("session")
    case, dock = review.case, review.session
    case.open_prediction(known(prediction, flair))
    dock.annotator.setText("Ada")
    dock.start_button.click()
    case.review.judge(FIRST, "rejected")
    assert sessions(file) == [("Ada", False, ["rejected"])]
    dock.leave_button.click()
    dock.table.selectRow(0)
    dock.replay_button.click()
    assert dock.replay.active
    with pytest.raises(InputError, match="press End replay in Session first"):
        case.review.judge(SECOND, "accepted")
    assert sessions(file) == [("Ada", False, ["rejected"])]


def test_a_replay_can_only_be_looked_at_until_it_ends(windows, prediction, flair, file, qtbot):
    """Keys, buttons, ticks, strokes and undo would be somebody else's review, and none of it recorded."""
    review = windows()
    review.open_dock("session")
    case, dock, lesions = review.case, review.session, review.lesions
    case.open_prediction(known(prediction, flair))
    dock.annotator.setText("Ada")
    dock.start_button.click()
    lesions.next_lesion()
    lesions.reject()
    dock.leave_button.click()
    dock.table.selectRow(0)
    dock.replay_button.click()
    dock.replay.slider.setValue(dock.replay.slider.maximum())
    (played,) = case.review.verdicts
    layer, drawn = review.layers.viewer.layers["lesions"], case.lesions.labels.copy()
    lesions.next_lesion()
    acts = (lesions.accept, lesions.unsure, lesions.undo, lesions.redo, layer.undo, layer.redo)
    for act in (*acts, *(review_key(review, name) for name in ("accept", "reject", "undo", "hard_size"))):
        lesions.message.clear()
        act()
        assert case.review.verdicts == (played,)
        assert lesions.message.text().endswith(texts.LOCKED) or act in (layer.undo, layer.redo)
    layer.data_setitem((np.array([20, 20]), np.array([2, 3]), np.array([2, 2])), 1)
    QApplication.processEvents()
    assert case.review.edit is None and np.array_equal(layer.data, drawn)  # the stroke has gone again
    assert sessions(file) == [("Ada", False, ["rejected"])]
    dock.replay.end_button.click()
    lesions.next_lesion()
    lesions.accept()
    assert [v.decision for v in case.review.verdicts] == ["rejected", "accepted"]


def test_what_docks_say_makes_none_wider_and_so_moves_no_canvas(windows, prediction, flair, file):
    review = windows()
    review.open_dock("session")
    case, lesions = review.case, review.lesions
    case.open_prediction(known(prediction, flair))
    lesions.next_lesion()

    def widths():
        QApplication.processEvents()
        return {opened.dock.key: opened.area.minimumSizeHint().width() for opened in review.opened}

    before, endless = widths(), f"Opened /data/{'a' * 200} with 0 verdicts."
    for dock in (lesions, review.segment, review.session):
        dock._show_message(endless)
        assert dock.message.text() == endless
    lesions.recorded.setText(endless)
    lesions.recorded.show()
    assert widths() == before
    edit = np.zeros(case.grid.shape, np.int8)
    edit[4:7, 8:15, 6:12] = 1
    case.review.set_edit(edit)  # now it is said whose outline the doubt is about
    assert widths() == before


def review_key(review, name):
    return lambda: review._keys.press(f"napari-uncertainseg:{name}")


def test_undo_shows_and_chooses_the_lesion_that_it_names(window, prediction, flair, file):
    """A growth that is undone after a verdict on another lesion, on which the next verdict would fall."""
    review = window()
    case, dock = review.case, review.lesions
    case.open_prediction(known(prediction, flair))
    one, other = (int(label) for label in case.lesions.table["label"][:2])
    inside = case.lesions.labels == one
    edit = (binary_dilation(inside) & ~inside & (case.lesions.candidates == 0)).astype(np.int8)
    case.review.set_edit(edit)
    dock._go_to(other)
    dock.reject()
    for step, numbers in ((dock.undo, (other, one)), (dock.redo, (one, other)), (dock.undo, (other, one))):
        for number in numbers:
            step()
            assert dock.message.text().endswith(f"lesion {number}")
            assert case.selected_number == number and dock.tables[0].selected == number
            at = review.layers.current_slice()
            assert (case.lesions.labels.take(at[1], at[0]) == number).any()
    edit = np.zeros(case.grid.shape, np.int8)
    edit[20, 2:4, 2:4] = 1
    case.review.set_edit(edit)
    dock.undo()  # of a lesion that is gone
    assert case.selected is None and dock.table.selected is None
    dock.accept()
    assert not case.review.verdicts and "choose" in dock.message.text().lower()


def test_what_was_undone_is_not_said_to_be_saved(window, prediction, flair, file, told):
    review = window()
    case = review.case
    for undone, said in (
        (0, ["The review is saved: 2 verdicts"]),
        (1, ["The review is saved: 1 verdict,"]),
        (2, []),
    ):
        case.open_prediction(known(prediction, flair))
        review.keeper.dismiss()
        case.review.judge(FIRST, "rejected")
        case.review.judge(SECOND, "accepted")
        for _ in range(undone):
            case.review.undo()
        told.clear()
        case.close_prediction()
        assert [each[: len(said[0])] for each in told] == said


def test_the_list_leads_on_and_undo_goes_across_both_kinds(window, prediction, flair, file, qtbot):
    review = window()
    case, dock = review.case, review.lesions
    case.open_prediction(known(prediction, flair))
    order = [int(label) for label in case.lesions.table["label"]]
    dock.next_lesion()
    dock.reject()
    assert dock.tables[0].selected == order[1]
    layer = review.layers.viewer.layers["lesions"]
    layer.data_setitem((np.array([20, 20]), np.array([2, 3]), np.array([2, 2])), 1)
    QApplication.processEvents()
    number = int(case.lesions.labels[20, 2, 2])
    dock.accept()
    for said in (
        f"accepted lesion {order[1]}",
        f"a stroke on lesion {number}",
        f"rejected lesion {order[0]}",
    ):
        layer.undo() if "stroke" in said else dock.undo()
        assert dock.message.text() == f"Undone: {said}"
    dock.redo()
    assert dock.message.text() == f"Done again: rejected lesion {order[0]}"
    with Store(file) as store:
        assert not any(store.verify().values())


def test_the_own_review_is_back_when_a_replay_ends(windows, prediction, flair, file):
    """Its verdicts, painting, session, undo and threshold: it looked lost, and the next key began another."""
    review = windows()
    review.open_dock("session")
    case, dock = review.case, review.session
    case.open_prediction(known(prediction, flair))
    case.threshold = 0.45
    case.review.judge(FIRST, "rejected")
    edit = np.zeros(case.grid.shape, np.int8)
    edit[20:22, 2:8, 2:8] = 1
    case.review.set_edit(edit)
    case.review.judge(SECOND, "accepted")
    own, session = case.review.verdicts, case.review.recorder.session.id
    case.threshold = 0.6
    numbers = case.review.decisions()
    dock.table.selectRow(0)
    dock.replay_button.click()
    assert dock.replay.active and case.review.verdicts == () and case.review.recorder is None
    for _ in range(2):
        dock.replay.forward_button.click()
    assert case.threshold == 0.45
    dock.replay.end_button.click()
    assert case.review.verdicts == own and np.array_equal(case.review.edit, edit) and case.threshold == 0.6
    assert case.review.decisions() == numbers and case.review.recorder.session.id == session
    assert UNNAMED in review.lesions.recorded.text() and "saved automatically" in dock.progress.state.text()
    for _ in range(2):  # the verdict, then the stroke
        case.review.undo()
    assert case.review.verdicts == own[:1] and case.review.edit is None
    case.review.redo()
    assert np.array_equal(case.review.edit, edit)
    case.review.judge(SECOND, "unsure")
    assert sessions(file) == [(UNNAMED, False, ["rejected", "unsure"])]  # in the same session


def test_a_window_closed_in_a_replay_keeps_the_own_review(windows, prediction, flair, file, told):
    review = windows()
    review.open_dock("session")
    review.case.open_prediction(known(prediction, flair))
    review.case.review.judge(FIRST, "rejected")
    review.session.table.selectRow(0)
    review.session.replay_button.click()
    review.case.close_prediction()
    assert not review.session.replay.active and not review.case.review.locked
    assert "The review is saved: 1 verdict" in told[-1]
    review.case.open_prediction(known(prediction, flair))
    assert review.case.review.verdicts == () and review.lesions.resume.isVisibleTo(review.lesions)


def test_nothing_is_exported_of_a_session_that_is_played_back(windows, prediction, flair, monkeypatch, qtbot):
    """Five of thirteen verdicts lay in a file with the name of the result; and nothing said that it plays."""
    review = windows()
    for key in ("session", "calibration", "raters", "classes", "explain"):
        review.open_dock(key)
    case, lesions, export = review.case, review.lesions, review.lesions.export
    case.open_prediction(known(prediction, flair))
    lesions.next_lesion()
    lesions.accept()
    own = lesions.recorded.text()
    review.session.table.selectRow(0)
    review.session.replay_button.click()
    review.session.replay.forward_button.click()
    steps = review.session.replay.slider.maximum() + 1
    assert lesions.recorded.text() == f"▶ Playback of a session: step 2 of {steps}"
    assert lesions.recorded.isVisibleTo(lesions)

    result = review.opened.parts["result"]
    result.button.click()
    buttons = (
        *(export.table_button, export.results_button, export.seg_button, review.raters.export),
        *(review.classes.export, review.calibration.figure_button, review.calibration.table_button),
        *(review.explain.results.export, result.panel.exports.copy_button, result.panel.exports.pdf_button),
        *(result.panel.exports.dicom_button, result.panel.adjudication.save_button),
    )
    assert {(button.isEnabled(), button.toolTip()) for button in buttons} == {(False, texts.LOCKED)}
    assert result.panel.follower.measured is None
    qtbot.waitUntil(lambda: result.panel.status.text() == texts.LOCKED, timeout=5000)
    correct = review.opened.parts["correct"]
    correct.act("tool_grow")
    assert correct.tools.row.said.text() == texts.LOCKED
    review.session.replay.end_button.click()
    assert lesions.recorded.text() == own and correct.tools.row.said.text() == ""
    assert [button.isEnabled() for button in (export.table_button, export.results_button)] == [True, True]
    assert all(button.toolTip() and button.toolTip() != texts.LOCKED for button in buttons)


def made_of(prediction, flair, *modalities, model="bundled"):
    """A prediction that says from which scans it was made, as a real run does; T1 is the FLAIR mirrored."""
    mirrored = replace(flair, data=flair.data[::-1].copy())
    hashes = {each: scan_sha256(flair if each == "flair" else mirrored) for each in modalities}
    about = {
        "case": {"sha256": case_sha256(hashes), "name": "one"},
        "inputs": {modality: {"scan_sha256": sha256} for modality, sha256 in hashes.items()},
    }
    whole = replace(prediction, information={**about, "model": model, "method": "one-pass"})
    more = 1.0 if len(modalities) == 1 else 0.99  # another input, another output
    return replace(whole, maps={**whole.maps, "probability": whole.probability * more})


def test_a_review_with_a_further_scan_is_not_lost_without_it(windows, prediction, flair, file, qtbot):
    """It was told of when the FLAIR was dropped, and after Run there was no word of it."""
    review = windows()
    review.open_dock("session")
    case, resume, dock = review.case, review.lesions.resume, review.session
    case.open_prediction(made_of(prediction, flair, "flair", "t1"))
    case.review.judge(FIRST, "rejected")
    case.close_prediction()
    told_before = waiting_review(review.sessions, scan_sha256(flair))
    assert (
        told_before == "A review of this scan waits: 1 verdict. Made with FLAIR and T1: press Run with both."
    )
    case.open_prediction(made_of(prediction, flair, "flair"))
    needed = "It was made with FLAIR and T1: add the T1 before Run."
    qtbot.waitUntil(lambda: resume.isVisibleTo(review.lesions), timeout=3000)
    assert resume.text.text().endswith(needed) and resume.accept_button.text() == "Copy its verdicts"
    dock.annotator.setText(UNNAMED)
    dock.table.selectRow(0)
    dock.resume_button.click()
    refused = dock.message.text()
    assert refused.endswith(f": i{needed[1:]}") and "bundled" not in refused and "one-pass" not in refused
    case.open_prediction(made_of(prediction, flair, "flair", model="other"))
    dock.table.selectRow(0)
    dock.resume_button.click()
    assert "add the T1 before Run. The model was 'bundled', the method one-pass." in dock.message.text()
    case.open_prediction(made_of(prediction, flair, "flair", "t1"))
    qtbot.waitUntil(lambda: review.keeper.offer is not None and review.keeper.offer.same, timeout=3000)
    assert not review.keeper.offer.needs


def test_the_bar_names_a_fuller_review_and_painting_alone_in_words(window, prediction, flair, file, qtbot):
    review = window()
    case = review.case
    case.open_prediction(known(prediction, flair))
    case.review.judge(FIRST, "rejected")
    case.review.judge(SECOND, "accepted")
    case.close_prediction()
    case.open_prediction(known(prediction, flair))
    edit = np.zeros(case.grid.shape, np.int8)
    edit[20, 2, 2] = 1
    case.review.set_edit(edit)
    case.close_prediction()
    case.open_prediction(known(prediction, flair))
    qtbot.waitUntil(lambda: review.keeper.offer is not None, timeout=3000)
    text = review.lesions.resume.text.text()
    assert f"painting, no verdict yet, by {UNNAMED}, started" in text
    assert "Session lists 1 more review of these scans, one with 2 verdicts." in text
    review.lesions.resume.accept_button.click()
    assert f"Resumed: painting, no verdict yet, by {UNNAMED}." in review.lesions.message.text()
