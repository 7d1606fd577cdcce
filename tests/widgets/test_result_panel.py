"""The result of a review in the real window: it follows the case, hides in an exercise, and is exported."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel

from napari_uncertainseg.images.measures.records import Measurement
from napari_uncertainseg.images.measures.shapes import Slice
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.rereading import open_next_reading
from napari_uncertainseg.widgets import case_desk, closing
from napari_uncertainseg.widgets.case_opener import question_before_results
from napari_uncertainseg.widgets.reading_bar.result import adjudication, exports, texts
from napari_uncertainseg.widgets.reading_bar.result import adjudication_texts as words
from napari_uncertainseg.widgets.segment import leaving_case
from napari_uncertainseg.widgets.segment.leaving_case import leave_for_another
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.shared.kept_review import resume
from napari_uncertainseg.widgets.window import review_of

from .actions import click, focus

pytestmark = pytest.mark.viewer


@pytest.fixture
def review(kept_viewer):
    return weakref.proxy(review_of(kept_viewer))


@pytest.fixture
def opened(review, qtbot):
    """The panel, opened with its button, once it shows a result."""
    part = review.opened.parts["result"]
    click(qtbot, part.button)
    wait_for(qtbot, part, lambda lines: "Lesions" in lines)
    return weakref.proxy(part)


def wait_for(qtbot, part, holds):
    qtbot.waitUntil(lambda: part.panel is not None and holds(part.panel.lines), timeout=10_000)
    return part.panel.lines


def select(review, number):
    table = review.case.lesions.table
    row = table[table["label"] == number].iloc[0]
    return tuple(int(row[f"slice_{axis}"]) for axis in "sar")


def test_it_follows_verdicts_threshold_and_reference(review, opened, qtbot):
    lines = opened.panel.lines
    assert lines["Lesions"].startswith("3, ") and "nothing was reviewed" in lines["Counted"]
    assert "Reference" not in lines and list(lines)[-1] == "Reader"
    review.case.review.judge(select(review, 1), "rejected")
    review.case.review.judge(select(review, 2), "accepted")
    lines = wait_for(qtbot, opened, lambda lines: lines["Lesions"].startswith("2, "))
    assert lines["Counted"].startswith("1 (") and "1 (" in lines["Counted"].split("Not counted:")[1]
    assert lines["Time"].startswith("0 s from the first") or " s from the first" in lines["Time"]
    review.case.comparison.reference = review.case.lesions.labels > 1
    lines = wait_for(qtbot, opened, lambda lines: "Reference" in lines)
    assert lines["Reference"].startswith("Dice 1.00, lesion F1 1.00: 2 found, 0 missed, 0 false")
    assert list(lines)[-3:] == ["Reference", "Made with", "Reader"]
    review.case.threshold = 0.6
    wait_for(qtbot, opened, lambda lines: "threshold 0.60" in lines["Made with"])
    lines = wait_for(qtbot, opened, lambda lines: lines["By place"].startswith("unknown"))
    assert len(lines["By place"]) > len("unknown. "), "the reason is there, too"
    review.case.comparison.reference = None
    wait_for(qtbot, opened, lambda lines: "Reference" not in lines)


def test_the_key_shows_it_and_takes_it_away_and_so_does_the_cross(review, qtbot):
    part, window = review.opened.parts["result"], review._window
    focus(qtbot, window)

    def press():
        qtbot.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ShiftModifier)

    press()
    assert part.panel is not None and part.button.isChecked() and "Shift+O" in part.button.toolTip()
    dock = part._dock()
    assert isinstance(dock, QDockWidget) and dock.isVisible()
    review.show_dock("lesions")
    qtbot.waitUntil(lambda: part.panel.visibleRegion().isEmpty(), timeout=3000)
    press()
    qtbot.waitUntil(lambda: not part.panel.visibleRegion().isEmpty(), timeout=3000)
    press()
    assert part.panel is None and not part.button.isChecked()
    press()
    part._dock().destroyOnClose()  # what its cross does
    qtbot.waitUntil(lambda: part.panel is None, timeout=3000)
    assert not part.button.isChecked()


def test_in_an_exercise_without_a_case_and_without_a_lesion_it_says_so(review, opened, qtbot):
    prediction = review.case.prediction
    review.layers.blind()
    assert not opened.panel.lines and opened.panel.status.text() == texts.EXERCISE, "at once"
    assert not opened.panel.exports.isVisible()
    qtbot.wait(400)
    assert not opened.panel.lines
    review.layers.unblind()
    wait_for(qtbot, opened, lambda lines: "Lesions" in lines)
    review.case.close_prediction()
    assert not opened.panel.lines and opened.panel.status.text() == texts.NO_CASE
    nothing = {name: np.zeros_like(array) for name, array in prediction.maps.items()}
    review.case.open_prediction(replace(prediction, maps=nothing))
    lines = wait_for(qtbot, opened, lambda lines: lines.get("Lesions") == "none")
    assert "every lesion is decided" in lines["Doubt left"]


def test_the_text_is_copied_and_the_pages_are_written(review, opened, qtbot, tmp_path, monkeypatch):
    panel, clipboard = opened.panel, QApplication.clipboard()
    click(qtbot, panel.exports.copy_button)
    text = clipboard.text()
    assert text.startswith("WHITE MATTER LESIONS, NOT REVIEWED (For research only.") and "\t" not in text
    assert f"Lesions: {panel.lines['Lesions']}" in text and panel.message.text() == texts.COPIED
    assert not panel.exports.dicom_button.isEnabled()
    assert "no file of its own; a DICOM report needs" in panel.exports.dicom_button.toolTip()

    asked = []
    monkeypatch.setattr(exports, "ask_file", lambda parent, title, name, kinds: asked.append(name))
    click(qtbot, panel.exports.pdf_button)
    assert asked[0].endswith("-result.pdf") and len(asked[0]) > len("-result.pdf"), "whose it is"
    assert panel.message.text() == texts.COPIED, "given up"
    path = tmp_path / "result.pdf"
    monkeypatch.setattr(exports, "ask_file", lambda *_: path)
    click(qtbot, panel.exports.pdf_button)
    qtbot.waitUntil(lambda: str(path) in panel.message.text() and path.exists(), timeout=10_000)
    qtbot.waitUntil(lambda: panel.exports.pdf_button.isEnabled(), timeout=3000)
    assert path.read_bytes().startswith(b"%PDF")
    monkeypatch.setattr(exports, "ask_file", lambda *_: tmp_path / "no" / "result.pdf")
    click(qtbot, panel.exports.pdf_button)
    qtbot.waitUntil(lambda: panel.message.text().startswith("Not saved"), timeout=10_000)


def test_the_panel_goes_with_the_bar(review, opened, qtbot):
    window = review._window

    def docks():
        return [dock for dock in window.findChildren(QDockWidget) if dock.windowTitle() == texts.TITLE]

    assert len(docks()) == 1
    for one in list(review.opened):
        review._viewer.window.remove_dock_widget(one.area)
    qtbot.waitUntil(lambda: not docks(), timeout=3000)
    assert not review.opened.parts


def read_case(review, annotator, verdicts):
    """A closed review of the case by somebody, in the window's file."""
    store, case = review.sessions.store(), review.case
    session = open_reading(store, case.original, case.lesions, annotator, "doubt")
    recorder = Recorder(store, session)
    for number, verdict in verdicts.items():
        voxel = select(review, number)
        recorder.judge(voxel, verdict, lambda v, n=number: case.lesions.component_at(v) == n, {})
    recorder.close()
    return session


def tick(qtbot, box):
    """Tick all reviews with the space bar."""
    for row in range(box.reviews.count()):
        box.reviews.setFocus()
        box.reviews.setCurrentRow(row)
        qtbot.keyClick(box.reviews, Qt.Key.Key_Space)


def test_two_readers_become_one_mask_and_a_person_decides_where_they_differ(
    review, opened, qtbot, tmp_path, monkeypatch
):
    box, viewer = opened.panel.adjudication, review._viewer
    assert "there are none" in box.state.text() or not box.state.text()
    ann = read_case(review, "Ann", {1: "accepted", 2: "accepted", 3: "rejected"})
    ben = read_case(review, "Ben", {1: "accepted", 2: "rejected", 3: "rejected"})
    box.refresh()
    assert box.reviews.count() == 2 and not box.make_button.isEnabled()
    tick(qtbot, box)
    assert box.chosen == [ann, ben] and box.make_button.isEnabled()
    assert "more than half of the readers accepted" in box.meaning.text()
    click(qtbot, box.make_button)
    qtbot.waitUntil(lambda: box.found is not None, timeout=10_000)
    labels = review.case.lesions.labels
    layer = viewer.layers[words.LAYER]
    assert np.count_nonzero(layer.data) == np.count_nonzero(labels == 1)
    assert box.places.count() == 1 and "Ann: accepted; Ben: no lesion" in box.places.item(0).text()
    assert review.layers.current_slice()[1] == box.found.open[0].voxel[0], "it is in view"
    click(qtbot, box.keep_button)
    assert np.count_nonzero(layer.data) == np.count_nonzero((labels == 1) | (labels == 2))
    assert "Nothing is left" in box.summary.text()
    click(qtbot, box.reopen_button)
    assert "To be decided: 1" in box.summary.text()
    click(qtbot, box.keep_button)
    monkeypatch.setattr(adjudication, "ask_new_folder", lambda *_: tmp_path / "adjudicated")
    click(qtbot, box.save_button)
    qtbot.waitUntil(lambda: "noted it in the journal" in opened.panel.message.text(), timeout=10_000)
    assert sorted(one.name for one in (tmp_path / "adjudicated").iterdir()) == [
        "adjudicated.json", "adjudicated.nii.gz", "adjudicated.tsv"
    ]  # fmt: skip
    assert len(review.sessions.store().sessions()) == 3
    click(qtbot, box.remove_button)
    assert words.LAYER not in viewer.layers and box.found is None

    second = open_next_reading(review.sessions.store(), ann, "Cem", seed=1)
    resume(review.case, Recorder(review.sessions.store(), second))
    assert box.reviews.count() == 0 and box.hidden.text() == words.READING and not box.places.isVisible()
    seen = " ".join(label.text() for label in opened.panel.findChildren(QLabel) if label.isVisible())
    assert "Ann" not in seen and "Ben" not in seen


def test_nothing_of_the_case_before_can_be_exported_with_the_next_one(review, opened):
    prediction, exports = review.case.prediction, opened.panel.exports
    assert exports.copy_button.isEnabled()
    review.case.open_prediction(replace(prediction))
    assert not opened.panel.lines and opened.panel.status.text() == texts.MEASURING, "at once"
    assert not exports.copy_button.isEnabled() and not exports.pdf_button.isEnabled()


def test_in_a_second_reading_the_reference_is_not_told(review, opened, qtbot):
    first = read_case(review, "Ann", {1: "accepted"})
    review.case.comparison.reference = review.case.lesions.labels > 1
    wait_for(qtbot, opened, lambda lines: "Reference" in lines)
    second = open_next_reading(review.sessions.store(), first, "Cem", seed=1)
    resume(review.case, Recorder(review.sessions.store(), second))
    wait_for(qtbot, opened, lambda lines: "Reference" not in lines)


@pytest.fixture
def made(review, opened, qtbot):
    """An adjudicated mask in the window, and the first of the two reviews that it was made of."""
    ann = read_case(review, "Ann", {1: "accepted", 2: "accepted"})
    read_case(review, "Ben", {1: "accepted", 2: "rejected"})
    box = opened.panel.adjudication
    box.refresh()
    tick(qtbot, box)
    click(qtbot, box.make_button)
    qtbot.waitUntil(lambda: box.found is not None, timeout=10_000)
    return ann


def test_a_second_reader_does_not_see_the_adjudicated_mask(review, opened, made):
    layers = review._viewer.layers
    assert words.LAYER in layers and not layers[words.LAYER].editable
    second = open_next_reading(review.sessions.store(), made, "Cem", seed=1)
    resume(review.case, Recorder(review.sessions.store(), second))
    assert words.LAYER not in layers
    review.layers.blind()
    review.layers.unblind()
    assert words.LAYER not in layers
    review.case.review.set_recorder(None)
    assert words.LAYER in layers and opened.panel.adjudication.found is not None


@pytest.mark.parametrize("same", [True, False])
def test_the_adjudicated_mask_stays_with_its_scan_only(review, opened, made, same):
    prediction = review.case.original
    grid = prediction.grid if same else Grid(prediction.grid.shape, prediction.grid.affine + np.eye(4, k=3))
    review.case.close_prediction()
    review.case.open_prediction(replace(prediction, grid=grid))
    assert (words.LAYER in review._viewer.layers) == same and opened.panel.adjudication.found is None


def test_all_that_ends_the_case_asks_about_an_adjudicated_mask_in_no_file(
    review, opened, made, qtbot, tmp_path, monkeypatch, answer_questions
):
    asked = answer_questions(closing, case_desk, dialogs, leaving_case)
    asked.says = None  # cancel
    window = review._window
    ways = {
        "the window": lambda: review._closing.refuses(Spontaneous()),
        "the case": lambda: not review.cases.may_close(),
        "other results": lambda: not question_before_results(window, review.case).allows(),
        "another FLAIR": lambda: leave_for_another(window, review.case) is None,
    }

    def stopped():
        """Which ways ask about the mask, and do nothing where the user does not want to."""
        found = set()
        for way, stops in ways.items():
            asked.questions.clear()
            if stops() and dialogs.MASK_LOST in asked.questions[0]:
                found.add(way)
        return found

    assert not review.case.review.unsaved and stopped() == set(ways)
    assert session_dock_allows(review, window), "a session does not end the case"
    monkeypatch.setattr(adjudication, "ask_new_folder", lambda *_: tmp_path / "adjudicated")
    box = opened.panel.adjudication
    click(qtbot, box.save_button)
    qtbot.waitUntil(lambda: "noted it in the journal" in opened.panel.message.text(), timeout=10_000)
    assert not review.case.unsaved_mask and review.cases.may_close()
    click(qtbot, box.keep_button)
    assert stopped() == set(ways), "what was decided since is in no file"
    click(qtbot, box.remove_button)
    assert not review.case.unsaved_mask and review.cases.may_close()


def session_dock_allows(review, window):
    return dialogs.DiscardQuestion(window, review.case, "Start", "?", "Yes", ends_case=False).allows()


class Spontaneous(QCloseEvent):
    """As of the window's X."""

    def spontaneous(self):
        return True


def test_a_ruler_stands_in_the_panel_and_in_the_text(review, opened, qtbot):
    assert "Measured" not in opened.panel.lines
    measured = review.opened.parts["measure"].measured
    ends = ((10.0, 5.0, 8.0), (10.0, 5.0, 20.0))
    measured.add(Measurement("ruler", ends, Slice(0, 10), length_mm=12.3))
    assert wait_for(qtbot, opened, lambda lines: "Measured" in lines)["Measured"] == "1 ruler 12.3 mm."
    measured.undo()
    wait_for(qtbot, opened, lambda lines: "Measured" not in lines)
