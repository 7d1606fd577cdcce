"""The case in the bar: name, menu, drops, the hint, masks beside it, and a restart. By real events."""

from __future__ import annotations

import shutil
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.settings import get_settings
from napari.utils.notifications import show_info as napari_show_info
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QDialog, QFileDialog

from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.worklist import WorkCase
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_image, write_volume
from napari_uncertainseg.images.identity import case_sha256, scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.widgets import case_desk, menu, window
from napari_uncertainseg.widgets.reading_bar.case_menu import notices, opening, part, texts
from napari_uncertainseg.widgets.reading_bar.case_menu.drops import drop_target
from napari_uncertainseg.widgets.scans import beneath, loaded_case
from napari_uncertainseg.widgets.scans.patient import path_of
from napari_uncertainseg.widgets.scans.top_scan import top_scan
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.kept_review import resume
from napari_uncertainseg.widgets.window import open_review, review_of

from .actions import click
from .fake_window import docks_with
from .fakes import FakeSegmenter


@pytest.fixture
def told(monkeypatch):
    """What the user was told."""
    said = []
    monkeypatch.setattr(opening, "show_warning", said.append)
    monkeypatch.setattr(part, "show_info", said.append)
    return said


@pytest.fixture
def folders(flair, mask, grid, tmp_path):
    """Scans of Ann and Bob, each with a mask of lesions and one of the brain."""
    for name, shift in (("Ann", 0), ("Bob", 3)):
        folder = tmp_path / name
        folder.mkdir()
        for kind, factor in (("FLAIR", 1.0), ("T1", 0.5)):
            data = (np.roll(flair.data, shift, 2) * factor).astype(np.float32)
            write_volume(folder / f"{kind}.nii.gz", data, grid)
        write_volume(folder / "lesions_gt.nii.gz", mask.astype(np.uint8), grid)
        write_volume(folder / "brain_mask.nii.gz", np.ones(grid.shape, np.uint8), grid)
    return tmp_path


@pytest.fixture
def fill():
    """The docks, and no scan."""

    def filled(viewer, file):
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(window, "default_file", lambda: file)
            patches.setattr(part, "recent_file", lambda: file.with_name("recent.json"))
            open_review(viewer, docks_with(make_segmenter=FakeSegmenter))

    return filled


@pytest.fixture
def own(make_viewer, fill, tmp_path):
    """A window of its own, for docks that are closed."""
    viewer = make_viewer()
    fill(viewer, tmp_path / "sessions.db")
    return weakref.proxy(review_of(viewer))  # a fixture's value outlives the window


@pytest.fixture
def review(kept_viewer, monkeypatch, tmp_path, told, quiet):
    """The empty window that tests share."""
    monkeypatch.setattr(window, "default_file", lambda: tmp_path / "sessions.db")
    monkeypatch.setattr(part, "recent_file", lambda: tmp_path / "recent.json")
    return weakref.proxy(review_of(kept_viewer))


def case_of(review):
    return review._bar.parts["case"]


def names(review):
    return sorted(layer.name for layer in review._viewer.layers)


def settle(review, qtbot):
    loader = case_of(review)._loader
    qtbot.waitUntil(lambda: not loader.busy, timeout=10_000)
    qtbot.wait(30)


def drop(review, qtbot, *paths, modifiers=Qt.KeyboardModifier.NoModifier):
    """Drop files on the canvas, as a file manager does."""
    drop_now(review, *paths, modifiers=modifiers)
    settle(review, qtbot)


def drop_now(review, *paths, modifiers=Qt.KeyboardModifier.NoModifier):
    """The same, without waiting for what comes of it."""
    target = drop_target(napari_internals.drawing_canvas(review._viewer).native)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(50, 50), copy, mime, left, modifiers)
    QApplication.sendEvent(target, enter)
    event = QDropEvent(QPointF(50, 50), copy, mime, left, modifiers)
    QApplication.sendEvent(target, event)


def choose(review, qtbot, action):
    """Open the menu with the mouse and press one of its entries."""
    own = case_of(review).menu
    own.aboutToShow.emit()
    entry = next(each for each in own.actions() if each.text() == action)
    assert entry.isEnabled()
    entry.trigger()
    settle(review, qtbot)


def run(review, qtbot):
    qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
    with qtbot.waitSignal(review.segment.done, timeout=5000):
        click(qtbot, review.segment.run)


def offered(review, qtbot):
    line = case_of(review).offer
    qtbot.waitUntil(line.isVisible, timeout=5000)
    return line


# -- name and hint --------------------------------------------------------------------------------


def test_the_hint_goes_with_the_first_layer_and_comes_back_with_none(own, qtbot, folders):
    hint, qt_viewer = case_of(own).hint, own._viewer.window._qt_viewer
    assert hint.isVisible() and not qt_viewer._welcome_widget.isVisible()
    canvas = qt_viewer.canvas.native
    assert canvas.rect().contains(hint.geometry())
    layer = own._viewer.add_points([[0, 0, 0]])
    assert not hint.isVisible()
    own._viewer.layers.remove(layer)
    assert hint.isVisible()
    for dock in list(own.opened):
        own._viewer.window.remove_dock_widget(dock.area)
    qtbot.waitUntil(lambda: own._bar is None, timeout=3000)
    qtbot.wait(30)
    assert qt_viewer.show_welcome_screen == own._viewer.window._qt_viewer._welcome_widget.isVisible()


def test_the_hint_gives_way_in_a_small_canvas(review, qtbot):
    hint = case_of(review).hint
    canvas = review._viewer.window._qt_viewer.canvas.native
    review._window.resize(1280, 800)
    qtbot.wait(30)
    assert hint.isVisible()
    canvas.resize(120, 60)
    assert not hint.isVisible()
    canvas.resize(500, 400)
    assert hint.isVisible() and canvas.rect().contains(hint.geometry())


def test_buttons_of_the_hint_open_things(review, qtbot, folders, monkeypatch):
    files = [str(folders / "Ann" / name) for name in ("T1.nii.gz", "FLAIR.nii.gz")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (files, ""))
    click(qtbot, case_of(review).hint.scan)
    settle(review, qtbot)
    assert names(review) == ["FLAIR", "T1"]
    assert [layer.name for layer in review._viewer.layers if layer.visible] == ["FLAIR"]
    assert get_settings().application.open_history[0] == str(folders / "Ann")


def test_the_name_stands_first_elided_with_the_whole_in_the_tooltip(review, qtbot, folders):
    button = case_of(review).button
    assert button.text().startswith(texts.NO_CASE)
    long = folders / ("A" * 80 + "_<b>the end")
    shutil.copytree(folders / "Ann", long)
    drop(review, qtbot, long / "FLAIR.nii.gz")
    assert "…" in button.text() and button.width() < 300
    assert f"{'A' * 80}_&lt;b&gt;the end/FLAIR" in button.toolTip()


# -- new, close, recent ---------------------------------------------------------------------------


def test_close_takes_the_case_and_leaves_what_is_the_users(review, qtbot, folders, told):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz", folders / "Ann" / "T1.nii.gz")
    run(review, qtbot)
    own = review._viewer.add_labels(np.zeros((24, 40, 32), np.uint8), name="my notes")
    points = review._viewer.add_points([[1, 2, 3]], name="marks")
    choose(review, qtbot, texts.CLOSE)
    assert names(review) == ["marks", "my notes"]
    assert review.case.prediction is None and case_of(review).button.text().startswith(texts.NO_CASE)
    assert own in review._viewer.layers and points in review._viewer.layers
    case_of(review).menu.aboutToShow.emit()
    close = next(each for each in case_of(review).menu.actions() if each.text() == texts.CLOSE)
    assert not close.isEnabled() and told == []


def test_close_asks_only_where_something_would_be_lost(review, qtbot, folders, answer_questions, monkeypatch):
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    monkeypatch.setattr(type(review.case.review), "unsaved", property(lambda _: True))
    answer.says = None
    choose(review, qtbot, texts.CLOSE)
    assert review.case.prediction is not None and len(answer.questions) == 1
    answer.says = True
    choose(review, qtbot, texts.CLOSE)
    assert review.case.prediction is None and names(review) == []


def test_a_review_that_waits_is_told_of_as_soon_as_its_scan_is_opened_again(review, qtbot, folders, told):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    flair, shown = review.case.images["flair"], review.case.original
    sha256 = scan_sha256(flair)
    about = {"inputs": {"flair": {"scan_sha256": sha256}}, "case": {"sha256": case_sha256({"flair": sha256})}}
    review.case.open_prediction(replace(shown, information=about))  # as a real run tells it
    voxel = tuple(int(i) for i in np.argwhere(review.case.lesions.labels > 0)[0])
    review.case.review.judge(voxel, "accepted")
    assert not any("waits" in said for said in told), "it is on the screen"
    choose(review, qtbot, texts.CLOSE)
    del told[:]
    drop(review, qtbot, folders / "Bob" / "FLAIR.nii.gz")
    qtbot.waitUntil(lambda: not case_of(review)._lookout.busy, timeout=5000)
    assert not any("waits" in said for said in told), "that was another patient's"
    choose(review, qtbot, texts.CLOSE)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    qtbot.waitUntil(lambda: not case_of(review)._lookout.busy, timeout=5000)
    (said,) = [said for said in told if "waits" in said]
    assert "1 verdict." in said and " by " not in said and "Press Run" in said
    review.case.open_prediction(replace(shown, information=about))
    qtbot.waitUntil(lambda: review.keeper.offer is not None, timeout=3000)  # and after Run it is offered


def test_reviews_that_cannot_be_reached_keep_nothing_beside_the_scan_back(
    review, qtbot, folders, told, monkeypatch
):
    answer, lookout = threading.Event(), case_of(review)._lookout
    monkeypatch.setattr(part, "_waiting", lambda sessions, flair: (answer.wait(20), "a review waits")[1])
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    assert "mask" in offered(review, qtbot).label.text()
    assert lookout.busy
    choose(review, qtbot, texts.CLOSE)
    answer.set()
    qtbot.waitUntil(lambda: not lookout.busy, timeout=5000)
    qtbot.wait(20)
    assert not any("waits" in said for said in told), "the scan is closed"


def test_a_notice_that_comes_from_another_thread_is_heard_of(review, qtbot):
    notices = case_of(review)._notices
    thread = threading.Thread(target=notices._on_ready)
    with qtbot.waitSignal(notices._soon.timeout, timeout=5000):
        thread.start()
    thread.join()


def test_notices_go_one_by_one_and_with_their_case(review, qtbot, folders, monkeypatch):
    window = review._viewer.window._qt_window
    monkeypatch.setattr(notices, "_OWN_S", 0.1)

    def shown():
        found = window.findChildren(QDialog)
        return [x for x in found if type(x).__name__ == notices._KIND and x.isVisible()]

    def stay(seconds):
        monkeypatch.setattr(notices, "_STAY_S", seconds)
        monkeypatch.setattr(notices, "_UNSEEN_S", seconds)

    def say(*said):
        for text in said:
            before = len(shown())
            napari_show_info(text)
            qtbot.waitUntil(lambda before=before: len(shown()) == before + 1, timeout=3000)

    stay(60.0)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    say("first", "second")
    qtbot.waitUntil(case_of(review)._notices._clock.isActive, timeout=3000)
    stay(0.2)
    qtbot.waitUntil(lambda: not shown(), timeout=3000)  # bare napari never lets go of the first one
    qtbot.waitUntil(lambda: not case_of(review)._notices._clock.isActive(), timeout=3000)
    stay(60.0)
    say("said of Ann")
    qtbot.wait(200)
    choose(review, qtbot, texts.CLOSE)
    assert not [x for x in shown() if "Ann" in x.message.text()]


def test_painting_on_a_mask_of_the_case_is_asked_about(review, qtbot, folders, answer_questions):
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    line = offered(review, qtbot)
    click(qtbot, line.load)
    layer = review._viewer.layers["lesions_gt"]
    layer.paint((5, 5, 5), 1)
    qtbot.wait(30)
    answer.says = None
    choose(review, qtbot, texts.CLOSE)
    assert "lesions_gt" in answer.questions[0] and "FLAIR" in names(review)


def test_a_folder_is_a_new_case_in_place_of_the_one_before(review, qtbot, folders, monkeypatch, told):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folders / "Bob"))
    choose(review, qtbot, texts.NEW_FROM_FOLDER)
    assert names(review) == ["FLAIR", "T1"]  # and no mask is taken for a scan
    assert review.case.prediction is None and "Bob" in case_of(review).button.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folders))
    choose(review, qtbot, texts.NEW_FROM_FOLDER)
    assert "2 visits" in told[-1] and "Bob" in case_of(review).button.text()


def test_recent_cases_open_again_and_those_that_have_gone_are_greyed(review, qtbot, folders):
    for name in ("Ann", "Bob"):
        case_of(review)._loader.open_path(folders / name)
        settle(review, qtbot)
    shutil.rmtree(folders / "Ann")
    recent = case_of(review).menu.recent
    case_of(review).menu.aboutToShow.emit()
    qtbot.waitUntil(lambda: not recent.actions()[1].isEnabled(), timeout=3000)
    bob, ann = recent.actions()[:2]
    assert bob.text().startswith("Bob/FLAIR") and str(folders / "Bob") in bob.text() and bob.isEnabled()
    assert "not there any more" in ann.text()
    choose(review, qtbot, texts.CLOSE)
    case_of(review).menu.aboutToShow.emit()
    recent.actions()[0].trigger()
    settle(review, qtbot)
    assert names(review) == ["FLAIR", "T1"]
    case_of(review).menu.aboutToShow.emit()
    assert recent.actions()[-1].text() == texts.CLEAR_RECENT
    recent.actions()[-1].trigger()
    case_of(review).menu.aboutToShow.emit()
    assert [action.text() for action in recent.actions() if action.text()] == [texts.NO_RECENT]


def write_case(folder, review):
    case = review.case
    given = {"verdicts": case.review.decisions(), "given": case.review.verdicts}
    write_results(folder, case.prediction, case.lesions, **given)
    return folder


def test_results_open_from_the_menu_the_list_and_by_a_drop(review, qtbot, folders, monkeypatch):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    choose(review, qtbot, texts.CLOSE)
    assert review.case.prediction is None
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(results))
    choose(review, qtbot, texts.OPEN_RESULTS)
    assert review.case.prediction is not None and review.cases.results == results
    choose(review, qtbot, texts.CLOSE)
    case_of(review).menu.aboutToShow.emit()
    case_of(review).menu.recent.actions()[0].trigger()
    settle(review, qtbot)
    assert review.case.prediction is not None
    choose(review, qtbot, texts.CLOSE)
    drop(review, qtbot, results)
    assert review.case.prediction is not None
    choose(review, qtbot, texts.CLOSE)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)  # results without their scan leave the choice of the FLAIR to the program
    assert review.case.prediction is not None


def test_what_is_dropped_while_results_are_read_is_opened_after_them(
    review, qtbot, folders, monkeypatch, told, answer_questions
):
    """Nobody has to drop it again; results, scans and folders alike, and also where reading failed."""
    monkeypatch.setattr(opening, "show_info", told.append)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    choose(review, qtbot, texts.CLOSE)
    may_end, read = threading.Event(), opening.read_saved_results

    def slowly(folder):
        assert may_end.wait(20)
        return read(folder)

    monkeypatch.setattr(opening, "read_saved_results", slowly)
    loader = case_of(review)._loader
    loader.open_results(results)
    assert loader.busy
    drop_now(review, folders / "Ann" / "T1.nii.gz")
    drop_now(review, folders / "Ann" / "lesions_gt.nii.gz")
    assert len(told) == 2 and all("what you dropped is opened after it" in text for text in told)
    may_end.set()
    qtbot.waitUntil(lambda: {"T1", "lesions_gt"} <= set(names(review)), timeout=15_000)
    assert review.case.prediction is not None and review.cases.results == results

    choose(review, qtbot, texts.CLOSE)
    may_end.clear()
    monkeypatch.setattr(opening, "read_saved_results", lambda folder: slowly(folder / "none"))
    loader.open_results(results)
    drop_now(review, folders / "Bob")
    may_end.set()
    qtbot.waitUntil(lambda: from_folder(review, folders / "Bob") >= {"FLAIR.nii.gz", "T1.nii.gz"})


def from_folder(review, folder):
    """Names of the files of a folder that are open."""
    paths = [path_of(layer) for layer in review._viewer.layers]
    return {path.name for path in paths if path is not None and path.parent == folder}


def test_results_of_another_patient_come_in_place_of_the_case_after_a_question(
    review, qtbot, folders, answer_questions
):
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz", folders / "Ann" / "T1.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    review._viewer.add_points([[1, 2, 3]], name="marks")
    restored = replace(
        read_saved_results(results), scans={"flair": read_image(folders / "Bob" / "FLAIR.nii.gz")}
    )
    review.lesions.next_lesion()
    place, answer.says = review.case.selected, None
    assert not review.cases.show_results(restored, results)  # the reader goes on where they were
    assert review.case.selected == place is not None and "T1" in names(review)
    (question,) = answer.questions
    assert "Ann" in question and "Bob" in question and "stays saved" in question
    answer.says = True
    for _ in range(2):  # once more: the scans that were read anew stay
        assert review.cases.show_results(restored, results)
        assert len(answer.questions) == 2 and "FLAIR [1]" not in names(review)
        paths = {layer.metadata.get("uncertainseg", {}).get("path") for layer in review._viewer.layers}
        assert {path.parent.name for path in paths - {None}} == {"Bob"}
        assert "marks" in names(review) and "T1" not in names(review)
        assert review.case.scan is not None
    scans = [
        layer for layer in review._viewer.layers if isinstance(layer, Image) and layer.name[:5] == "FLAIR"
    ]
    assert len(scans) == 1
    drop(review, qtbot, results)  # the scans of which are not found
    assert len(answer.questions) == 2, "nothing says whose these are"


def test_a_case_of_a_list_asks_once_where_another_patient_is_open(
    review, qtbot, folders, answer_questions, monkeypatch
):
    """The list of cohorts opened results past the question, and left the scans of the patient before."""
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz", folders / "Ann" / "T1.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    review.open_dock("cohort")
    cases = review.cohort.cases

    def open_listed(name, work_case):
        """As a double click on a row; results are of this person, whoever they were made of."""
        scan = read_image(folders / name / "FLAIR.nii.gz")
        monkeypatch.setattr(
            loaded_case, "read_saved_results", lambda folder: replace(saved, scans={"flair": scan})
        )
        cases._begin(work_case, None)
        qtbot.waitUntil(lambda: cases._jobs.state is JobState.IDLE, timeout=15_000)

    def people():
        paths = [path_of(layer) for layer in review._viewer.layers]
        return {path.parent.name for path in paths if path is not None}

    saved = read_saved_results(results)
    of_bob = WorkCase("Bob", {}, None, results)
    answer.says = None
    open_listed("Bob", of_bob)
    assert len(answer.questions) == 1 and people() == {"Ann"}, "the reader goes on where they were"
    answer.says = True
    open_listed("Bob", of_bob)
    assert len(answer.questions) == 2 and people() == {"Bob"} and "T1" not in names(review)
    open_listed("Ann", WorkCase("Ann", {}, None, results))
    assert len(answer.questions) == 2, "from one case of the list to the next, which was chosen by its name"
    assert people() == {"Ann"}
    answer.says = None
    segmented = WorkCase("Bob", {"flair": folders / "Bob" / "FLAIR.nii.gz"})
    open_listed("Ann", segmented)
    qtbot.waitUntil(lambda: people() == {"Bob"}, timeout=15_000)
    assert len(answer.questions) == 2
    choose(review, qtbot, texts.CLOSE)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    open_listed("Ann", segmented)
    assert len(answer.questions) == 3 and people() == {"Ann"}


def test_scans_of_the_patient_who_is_closed_go_also_where_results_come_without_theirs(
    review, qtbot, folders, answer_questions
):
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Bob" / "FLAIR.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    choose(review, qtbot, texts.CLOSE)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz", folders / "Ann" / "T1.nii.gz")
    marks = review._viewer.add_labels(np.zeros((4, 4, 4), np.uint8), name="marks")
    answer.questions.clear()
    answer.says = True
    restored = read_saved_results(results)
    about = {"inputs": {"flair": {"path": str(folders / "Bob" / "FLAIR.nii.gz")}}}
    prediction = replace(restored.prediction, information=restored.prediction.information | about)
    assert review.cases.show_results(replace(restored, prediction=prediction, scans={}), results)
    (question,) = answer.questions
    assert "Ann" in question and "Bob" in question
    assert marks in review._viewer.layers and not {"FLAIR", "T1"} & set(names(review))


def test_who_keeps_results_without_their_scan_is_asked_again_from_a_list(
    review, qtbot, folders, answer_questions
):
    """To have kept them does not make them one of the list."""
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    choose(review, qtbot, texts.CLOSE)
    restored = read_saved_results(results)

    def of(person, sha256):
        about = {"inputs": {"flair": {"path": str(folders / person / "FLAIR.nii.gz"), "scan_sha256": sha256}}}
        prediction = replace(restored.prediction, information=restored.prediction.information | about)
        return replace(restored, prediction=prediction, scans={})

    assert review.cases.show_results(of("Ann", "a"), results)
    answer.questions.clear()
    answer.says = None
    for times in (1, 2):
        assert not review.cases.show_listed(of("Bob", "b"), results)
        assert len(answer.questions) == times
    answer.says = True
    assert review.cases.show_listed(of("Bob", "b"), results) and len(answer.questions) == 3
    assert review.cases.show_listed(of("Ann", "a"), results) and len(answer.questions) == 3


def test_results_of_the_very_scan_in_another_folder_are_no_other_patients(
    review, qtbot, folders, answer_questions
):
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    restored = read_saved_results(results)
    path, own = folders / "Ann" / "FLAIR.nii.gz", restored.prediction.information
    for sha256, asked in (("of another scan", 1), (scan_sha256(read_image(path)), 1)):
        about = {"path": str(folders / "Bob" / "FLAIR.nii.gz"), "scan_sha256": sha256}
        prediction = replace(restored.prediction, information=own | {"inputs": {"flair": about}})
        answer.says = None
        shown = review.cases.show_results(replace(restored, prediction=prediction, scans={}), results)
        assert shown == (sha256 != "of another scan")
        assert len(answer.questions) == asked and "FLAIR" in names(review)


def test_results_of_the_scan_that_is_open_take_its_place_and_its_name(review, qtbot, folders):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    results = write_case(folders / "results", review)
    for _ in range(2):
        drop(review, qtbot, results)
        scans = [layer.name for layer in review._viewer.layers if isinstance(layer, Image)]
        assert [name for name in scans if "FLAIR" in name] == ["FLAIR"]


@pytest.mark.parametrize("first", ["T1", "FLAIR"])
def test_of_scans_dropped_together_the_flair_is_seen_and_selected(review, qtbot, folders, first):
    files = sorted((folders / "Ann").glob("[FT]*.nii.gz"), key=lambda path: not path.name.startswith(first))
    drop(review, qtbot, *files, folders / "Ann" / "lesions_gt.nii.gz")
    layers = review._viewer.layers
    assert [layer.name for layer in layers] == ["T1", "FLAIR", "lesions_gt"]
    assert top_scan(review._viewer).name == layers.selection.active.name == "FLAIR"
    drop(review, qtbot, folders / "Ann" / "lesions_gt.nii.gz")
    assert isinstance(layers.selection.active, Labels)


# -- one patient at a time ------------------------------------------------------------------------


@pytest.mark.parametrize("says", [True, False, None])
def test_a_flair_of_another_patient_is_a_question(review, qtbot, folders, answer_questions, says):
    answer = answer_questions(case_desk)
    answer.says = says
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    drop(review, qtbot, folders / "Ann" / "T1.nii.gz")
    assert answer.questions == []  # T1 of the same patient
    run(review, qtbot)
    drop(review, qtbot, folders / "Bob" / "T1.nii.gz", folders / "Bob" / "FLAIR.nii.gz")
    assert len(answer.questions) == 1 and "Ann" in answer.questions[0] and "Bob" in answer.questions[0]
    paths = {layer.metadata["uncertainseg"].get("path") for layer in review._viewer.layers} - {None}
    whose = sorted({path.parent.name for path in paths})
    assert whose == {True: ["Bob"], False: ["Ann", "Bob"], None: ["Ann"]}[says]
    assert (review.case.prediction is None) == (says is True)


def test_by_napari_too_each_file_alone_is_one_question(review, qtbot, folders, answer_questions):
    answer = answer_questions(case_desk)
    answer.says = None
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    files = [str(folders / "Bob" / f"{name}.nii.gz") for name in ("FLAIR", "T1")]
    for file in files:
        review._viewer.open([file], plugin="napari-uncertainseg")
        qtbot.wait(30)  # napari lets events pass while it reads
    assert names(review) == ["FLAIR"] and len(answer.questions) == 1
    review.cases._same_drop.timeout.emit()  # some time later
    review._viewer.open(files[:1], plugin="napari-uncertainseg")
    assert len(answer.questions) == 2


@pytest.mark.parametrize("by_napari", [False, True])
def test_what_is_not_of_the_case_lies_hidden_below_it(
    review, qtbot, folders, answer_questions, monkeypatch, by_napari
):
    """Another patient who is added, and another visit, about which nothing is asked."""
    told = []
    monkeypatch.setattr(beneath, "show_info", told.append)
    answer = answer_questions(case_desk)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    run(review, qtbot)
    answer.says = False
    paths = [folders / "Bob" / "FLAIR.nii.gz", folders / "Ann_visit2" / "FLAIR.nii.gz"]
    paths[1].parent.mkdir()
    shutil.copy(folders / "Ann" / "FLAIR.nii.gz", paths[1])
    layers = review._viewer.layers
    own = review.layers.scan.layer()
    for path in paths:
        if by_napari:
            review._viewer.open([str(path)], plugin="napari-uncertainseg")
            qtbot.wait(50)
        else:
            drop(review, qtbot, path)
        (layer,) = [x for x in layers if x.metadata.get("uncertainseg", {}).get("path") == path]
        assert not layer.visible and layers.index(layer) < layers.index(own) and own.visible
        assert layer.name in told[-1] and "hidden below" in told[-1]
    drop(review, qtbot, folders / "Ann" / "T1.nii.gz")
    assert len(told) == 2 and next(x for x in layers if x.name == "T1").visible


# -- no question which reader ---------------------------------------------------------------------


def test_a_drop_is_read_by_us_also_where_others_claim_the_name(review, qtbot, folders, monkeypatch):
    opened = []
    monkeypatch.setattr(
        type(review._viewer.window._qt_viewer), "_qt_open", lambda _, files, **options: opened.append(files)
    )
    scan = folders / "Ann" / "FLAIR.nii.gz"
    drop(review, qtbot, scan)
    assert names(review) == ["FLAIR"] and opened == []
    drop(review, qtbot, scan, modifiers=Qt.KeyboardModifier.AltModifier)  # napari's way to choose a reader
    note = folders / "note.tif"
    note.write_bytes(b"")
    drop(review, qtbot, note)
    get_settings().plugins.extension2reader = {"*.nii.gz": "another-plugin"}  # the user's own wish
    drop(review, qtbot, scan)
    assert len(opened) == 3 and names(review) == ["FLAIR"]
    get_settings().plugins.extension2reader = {}


def test_a_folder_of_scans_may_be_dropped_too(review, qtbot, folders):
    drop(review, qtbot, folders / "Bob")
    assert names(review) == ["FLAIR", "T1"]


# -- a mask beside it -----------------------------------------------------------------------------


def test_a_mask_beside_the_scan_is_offered_and_becomes_the_reference(review, qtbot, folders, mask, told):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    line = offered(review, qtbot)
    assert line.label.text() == texts.offer(["lesions_gt.nii.gz"])  # and no brain
    assert names(review) == ["FLAIR"]
    click(qtbot, line.load)
    assert not line.isVisible() and isinstance(review._viewer.layers["lesions_gt"], Labels)
    assert review.calibration.reference.currentData() == "lesions_gt"
    run(review, qtbot)
    np.testing.assert_array_equal(review.case.comparison.reference, mask)


def test_a_reference_tells_a_reader_whose_review_is_recorded_nothing_unasked(
    review, qtbot, folders, told, answer_questions
):
    answer = answer_questions(part)
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    line = offered(review, qtbot)
    run(review, qtbot)
    store, case = review.sessions.store(), review.case
    session = open_reading(store, case.original, case.lesions, "Ann", "doubt")
    resume(case, Recorder(store, session))
    answer.says = None
    before = names(review)
    click(qtbot, line.load)
    assert len(answer.questions) == 1 and "lesions_gt.nii.gz" in answer.questions[0]
    assert names(review) == before and review.layers.reference.name is None
    assert review.lesions.agreement.found is None and case.comparison.reference is None
    assert line.isVisible()  # it may still be loaded
    answer.says = True
    click(qtbot, line.load)
    assert review.lesions.agreement.found is not None and not line.isVisible()
    assert not review._viewer.layers["lesions_gt"].visible


def test_who_says_no_is_not_asked_again(review, qtbot, folders):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    line = offered(review, qtbot)
    click(qtbot, line.no)
    run(review, qtbot)
    qtbot.wait(100)
    assert not line.isVisible()
    choose(review, qtbot, texts.CLOSE)
    drop(review, qtbot, folders / "Bob" / "FLAIR.nii.gz")
    offered(review, qtbot)


def test_in_an_exercise_nothing_is_offered_and_no_case_is_left(review, qtbot, folders, grid, mask, told):
    drop(review, qtbot, folders / "Ann" / "FLAIR.nii.gz")
    line = offered(review, qtbot)
    run(review, qtbot)
    review.layers.add([window_labels(mask, grid)])
    review.layers.blind()
    assert not line.isVisible()
    own = case_of(review).menu
    own.aboutToShow.emit()
    assert not own.recent.menuAction().isVisible()
    assert not any(each.isEnabled() for each in own.actions() if each.text() and each.menu() is None)
    case_of(review)._loader.close()
    case_of(review)._loader.open_path(folders / "Bob")
    assert review.case.prediction is not None and len(told) == 2
    assert str(folders) not in case_of(review).button.toolTip()
    review.layers.unblind()
    assert line.isVisible()


def window_labels(mask, grid):
    from napari_uncertainseg.widgets.scans.volumes import layer_data

    return layer_data(Volume(mask.astype(np.uint8), grid, "experts"), "labels")


# -- a restart ------------------------------------------------------------------------------------


def test_after_a_restart_the_docks_are_as_they_were(make_viewer, qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(part, "recent_file", lambda: tmp_path / "recent.json")
    monkeypatch.setattr(window, "default_file", lambda: tmp_path / "sessions.db")
    first = make_viewer()
    made = open_review(first)
    made.open_dock("session")
    made.open_dock("raters")
    made.show_dock("lesions")
    qtbot.wait(50)
    del made
    first.close()
    qtbot.wait(50)
    again = make_viewer()
    entry = menu.segment_dock(again)
    again.window.add_dock_widget(entry, name="Review (UncertainSeg)", area="right")
    made = review_of(again)
    qtbot.waitUntil(lambda: len(list(made.opened)) == 5, timeout=3000)
    qtbot.wait(50)
    assert sorted(each.dock.key for each in made.opened) == [
        *("calibration", "lesions", "raters", "segment", "session")
    ]
    assert [each.dock.key for each in made.opened if each.area.in_front] == ["lesions"]


def test_unknown_docks_are_passed_over(make_viewer, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(part, "recent_file", lambda: tmp_path / "recent.json")
    made = review_of(make_viewer())
    made.preferences.save(open_docks="lesions gone raters", front_dock="gone")
    made.open(last=True)
    assert sorted(each.dock.key for each in made.opened) == ["calibration", "lesions", "raters", "segment"]
