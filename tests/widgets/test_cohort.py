"""The Cohort dock, driven as a reader drives it; and the cases it opens in a real viewer."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets import window as window_module
from napari_uncertainseg.widgets.cohort.cases import CasesPanel
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data
from napari_uncertainseg.widgets.session import dock as session_module
from napari_uncertainseg.widgets.session.dock import SessionDock
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.session_file import SessionFile
from napari_uncertainseg.widgets.window import open_review, review_of

from ..random_models import write_model
from .fake_layers import FakeLayers
from .fake_window import docks_with
from .fakes import FakeSegmenter, fake_prediction

pytestmark = pytest.mark.usefixtures("quiet")
LEFT = Qt.MouseButton.LeftButton
STATE = 2


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "kept" / "sessions.db"
    monkeypatch.setattr(window_module, "default_file", lambda: path)
    return path


@pytest.fixture(autouse=True)
def asked(answer_questions):
    return answer_questions(dialogs, session_module)


@pytest.fixture
def folder(tmp_path, flair, mask, grid):
    """Three patients; the second has a T1 and a reference, which only a table names."""
    for i in (1, 2, 3):
        home = tmp_path / "study" / f"p{i}"
        home.mkdir(parents=True)
        write_volume(home / "FLAIR.nii.gz", flair.data + np.float32(i / 100), grid)
    home = tmp_path / "study" / "p2"
    write_volume(home / "T1.nii.gz", 1 - flair.data, grid)
    write_volume(home / "expert.nii.gz", mask.astype(np.uint8), grid)
    return tmp_path / "study"


@pytest.fixture
def table(folder):
    path = folder / "cases.tsv"
    path.write_text(
        "flair\tt1\treference\tname\n"
        "p1/FLAIR.nii.gz\t\t\tone\n"
        "p2/FLAIR.nii.gz\tp2/T1.nii.gz\tp2/expert.nii.gz\ttwo\n"
        "p3/FLAIR.nii.gz\t\t\t<b>three</b>\n"
    )
    return path


class Window:
    """Stands for the viewer: takes a case, and predicts it at once from its FLAIR."""

    def __init__(self, case):
        self.case, self.opened, self.refuses = case, [], ""

    def __call__(self, loaded):
        if self.refuses:
            raise InputError(self.refuses)
        self.opened.append(loaded)
        self.case.review.set_recorder(None)
        data, options, _ = loaded.layers["flair"]
        about = options["metadata"]["uncertainseg"]
        self.case.set_images({"flair": Volume(data, about["grid"], "FLAIR", "flair", about["path"])})
        found = fake_prediction(data > 0.9, about["grid"])
        information = {
            "case": {"sha256": hashlib.sha256(str(about["path"]).encode()).hexdigest(), "name": "case"},
            "inputs": {"flair": {"name": "FLAIR", "path": str(about["path"]), "sha256": loaded.case.name}},
        }
        self.case.open_prediction(dataclasses.replace(found, information=information))
        return True


@pytest.fixture
def window():
    return Window(Case())


@pytest.fixture
def sessions(file):
    """What the docks share."""
    shared = SessionFile(file)
    yield shared
    shared.close()


@pytest.fixture
def make(shown, window, sessions):
    def build(kind, *args):
        return shown(kind(window.case, *args, sessions))

    return build


@pytest.fixture
def dock(make, window):
    return make(CasesPanel, window)


def idle(dock, qtbot):
    qtbot.waitUntil(lambda: dock._jobs.state is JobState.IDLE, timeout=5000)


def read(dock, qtbot, path):
    dock.read(path)
    idle(dock, qtbot)


def click(dock, qtbot, button):
    qtbot.mouseClick(button, LEFT)
    idle(dock, qtbot)


def column(dock, at):
    return [dock.table.item(row, at).text() for row in range(dock.table.rowCount())]


# -- the dock -------------------------------------------------------------------------------------


def test_it_says_what_to_do_next_and_makes_no_file(qtbot, dock, file):
    assert dock.progress.text().startswith("No cases yet: press Choose")
    assert not dock.next_button.isEnabled() and not dock.open_button.isEnabled()
    assert not file.parent.exists() and dock.annotator.text() == ""


def test_it_follows_who_judges(qtbot, dock):
    dock._sessions.annotator = "anna"
    assert dock.annotator.text() == "anna"
    dock.annotator.setText("")
    assert dock._sessions.annotator == "anna"  # whose sessions count here is another question


def test_a_table_is_chosen_and_its_cases_are_listed(qtbot, dock, table, monkeypatch, file):
    monkeypatch.setattr(dialogs.QFileDialog, "getOpenFileName", lambda *a, **k: (str(table), ""))
    dock.table_action.trigger()
    idle(dock, qtbot)
    assert column(dock, 0) == ["one", "two", "<b>three</b>"]
    assert column(dock, 1) == ["FLAIR", "FLAIR T1 reference", "FLAIR"]
    assert column(dock, STATE) == ["not reviewed"] * 3
    assert "&lt;b&gt;three" in dock.table.item(2, 0).toolTip()
    assert dock.progress.text() == "3 cases, 0 closed: cases.tsv"
    assert dock.table.selectedIndexes()[0].row() == 0 and not file.parent.exists()


def test_a_folder_is_chosen_and_what_is_left_out_is_said(qtbot, dock, folder, monkeypatch):
    (folder / "p3" / "FLAIR_2.nii.gz").touch()
    monkeypatch.setattr(dialogs.QFileDialog, "getExistingDirectory", lambda *a, **k: str(folder))
    dock.folder_action.trigger()
    idle(dock, qtbot)
    assert column(dock, 0) == ["p1", "p2"]
    assert dock.notes.text() == "p3: left out, 2 names of scans say FLAIR; one is needed."
    starts = []
    monkeypatch.setattr(
        dialogs.QFileDialog, "getExistingDirectory", lambda parent, title, start: starts.append(start) or ""
    )
    dock.folder_action.trigger()  # given up: the list stays, and the dialog began where it was last
    assert starts == [str(folder)] and column(dock, 0) == ["p1", "p2"]


def test_a_bad_table_leaves_the_list_before(qtbot, dock, table):
    read(dock, qtbot, table)
    bad = table.with_name("bad.tsv")
    bad.write_text("flair\ngone.nii\n")
    read(dock, qtbot, bad)
    assert dock.message.text().startswith("⚠") and "row 2: there is no flair" in dock.message.text()
    assert column(dock, 0) == ["one", "two", "<b>three</b>"]


def test_a_row_that_cannot_be_used_is_left_out_alone(qtbot, dock, table):
    with table.open("a") as file:
        file.write("gone.nii\t\t\tfour\n")
    read(dock, qtbot, table)
    assert column(dock, 0) == ["one", "two", "<b>three</b>"]
    assert dock.notes.text().startswith("Left out: four. ") and "there is no flair" in dock.notes.text()


def test_one_case_after_the_other(qtbot, dock, window, table):
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    assert dock.progress.text() == "Case 1 of 3, 0 closed: one"
    click(dock, qtbot, dock.next_button)
    two = window.opened[-1]
    assert [loaded.case.name for loaded in window.opened] == ["one", "two"]
    assert list(two.layers) == ["flair", "t1", "reference"]
    assert [two.layers[role][1]["visible"] for role in two.layers] == [True, False, False]
    assert two.layers["t1"][1]["metadata"]["uncertainseg"]["modality"] == "t1"
    dock.table.selectRow(2)
    click(dock, qtbot, dock.open_button)
    assert dock.progress.text().startswith("Case 3 of 3")
    click(dock, qtbot, dock.next_button)  # from the beginning again
    assert dock.progress.text().startswith("Case 1 of 3")


def test_the_states_follow_the_session(qtbot, make, dock, window, table):
    session = make(SessionDock, FakeLayers())
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    session.annotator.setText("anna")
    session.start()
    n = len(window.case.review.recorder.tasks)
    assert column(dock, STATE)[0] == f"0 of {n} reviewed"
    window.case.review.judge(window.case.next_task(), "accepted")
    assert column(dock, STATE) == [f"1 of {n} reviewed", "not reviewed", "not reviewed"]
    session.close_session()
    assert column(dock, STATE)[0] == f"closed (1 of {n})"
    assert dock.progress.text().startswith("Case 1 of 3, 1 closed")
    for annotator, first in (("bert", "not reviewed"), ("anna", f"closed (1 of {n})")):
        dock.annotator.setText(annotator)
        dock.annotator.editingFinished.emit()
        assert column(dock, STATE)[0] == first
    later = make(CasesPanel, window)
    assert later.annotator.text() == "anna"
    read(later, qtbot, table)
    assert later.table.selectedIndexes()[0].row() == 1


def test_all_cases_closed(qtbot, make, dock, window, table):
    session = make(SessionDock, FakeLayers())
    session.annotator.setText("anna")
    read(dock, qtbot, table)
    for _ in range(3):
        click(dock, qtbot, dock.next_button)
        session.start()
        session.close_session()
    opened = len(window.opened)
    click(dock, qtbot, dock.next_button)
    assert dock.message.text() == "All other cases are closed." and len(window.opened) == opened == 3
    assert dock.progress.text() == "Case 3 of 3, 3 closed: <b>three</b>"


def test_a_session_is_left_open_and_that_is_said(qtbot, make, dock, window, table, file, asked):
    session = make(SessionDock, FakeLayers())
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    session.annotator.setText("anna")
    session.start()
    window.case.review.judge(window.case.next_task(), "accepted")
    click(dock, qtbot, dock.next_button)
    assert asked.questions == []  # a session keeps them
    assert (
        "session of anna is no longer recorded" in dock.message.text() and window.case.review.recorder is None
    )
    with Store(file) as store:
        (kept,) = store.sessions()
        assert kept.closed is None and len(store.verdicts(kept.id)) == 1
    dock.table.selectRow(0)
    click(dock, qtbot, dock.open_button)
    assert "an open session of this case" in dock.message.text()


def test_another_scan_opened_by_hand_is_not_counted_as_the_case(qtbot, make, dock, window, table, flair):
    session = make(SessionDock, FakeLayers())
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    window.case.set_images({"flair": flair})
    window.case.open_prediction(fake_prediction(flair.data > 0.9, flair.grid))
    session.annotator.setText("anna")
    session.start()
    assert window.case.review.recorder is not None and column(dock, STATE) == ["not reviewed"] * 3


def test_what_no_session_keeps_is_asked_about(qtbot, dock, window, table, asked):
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    window.case.review.judge((5, 10, 8), "accepted")
    asked.says = None
    click(dock, qtbot, dock.next_button)
    assert len(asked.questions) == 1 and "will be lost" in asked.questions[0]
    assert len(window.opened) == 1 and len(window.case.review.verdicts) == 1
    asked.says = True
    click(dock, qtbot, dock.next_button)
    assert len(window.opened) == 2 and window.case.review.verdicts == ()


def test_what_is_judged_while_the_files_are_read_is_asked_about(qtbot, dock, window, table, asked):
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    qtbot.mouseClick(dock.next_button, LEFT)
    window.case.review.judge((5, 10, 8), "accepted")
    asked.says = None
    idle(dock, qtbot)
    assert len(asked.questions) == 1 and len(window.opened) == 1 and len(window.case.review.verdicts) == 1
    assert dock.progress.text().startswith("Case 1 of 3")


@pytest.mark.parametrize("broken", ["gone", "cut off", "a mask"])
def test_a_scan_that_cannot_be_read_changes_nothing(qtbot, dock, window, table, folder, broken):
    read(dock, qtbot, table)
    click(dock, qtbot, dock.next_button)
    scan = folder / "p2" / "T1.nii.gz"
    if broken == "gone":
        scan.unlink()
    elif broken == "cut off":
        scan.write_bytes(scan.read_bytes()[:400])
    else:
        scan.write_bytes((folder / "p2" / "expert.nii.gz").read_bytes())
    before = window.case.prediction
    click(dock, qtbot, dock.next_button)
    assert dock.message.text().startswith("⚠") and "T1.nii.gz" in dock.message.text()
    assert window.case.prediction is before and dock.progress.text().startswith("Case 1 of 3")


def test_a_reference_that_cannot_be_read_is_left_out(qtbot, dock, window, table, folder):
    (folder / "p2" / "expert.nii.gz").write_bytes((folder / "p2" / "FLAIR.nii.gz").read_bytes())
    read(dock, qtbot, table)
    dock.table.selectRow(1)
    click(dock, qtbot, dock.open_button)
    assert (
        "The reference mask cannot be used" in dock.message.text() and "expert.nii.gz" in dock.message.text()
    )
    assert list(window.opened[0].layers) == ["flair", "t1"]


def test_a_window_that_refuses_says_why(qtbot, dock, window, table):
    read(dock, qtbot, table)
    window.refuses = "An exercise goes on."
    click(dock, qtbot, dock.next_button)
    assert dock.message.text() == "⚠ An exercise goes on." and dock.progress.text().startswith("3 cases")


def test_sessions_that_are_none_and_others(qtbot, make, window, file, sessions, table, tmp_path):
    file.parent.mkdir()
    file.write_bytes(b"no database" * 1000)
    dock = make(CasesPanel, window)
    assert "is not a database of sessions" in dock.message.text()
    read(dock, qtbot, table)
    assert column(dock, STATE) == ["not reviewed"] * 3
    other = tmp_path / "other.db"
    with Store(other) as store:
        case = store.case(store.project("review"), "one", str(table.parent / "p1" / "FLAIR.nii.gz"))
        tasks = [NewTask(case, None, "lesion", 1, (1, 1, 1))]
        store.open_session(store.project("review"), store.annotator("anna"), "review", tasks, {})
    sessions.choose(other)
    assert dock.message.text() == "" and column(dock, STATE)[0] == "0 of 1 reviewed"


def test_closing_the_dock_while_it_reads(qtbot, dock, window, table):
    read(dock, qtbot, table)
    qtbot.mouseClick(dock.next_button, LEFT)
    dock.cleanup()
    qtbot.wait(300)
    assert window.opened == []


# -- the real window ------------------------------------------------------------------------------


@pytest.fixture
def viewer(make_viewer, file):
    made = make_viewer()
    review_of(made, docks_with(make_segmenter=FakeSegmenter))
    return made


def _open_next(review, qtbot, timeout=10_000, small=False):
    """Open and segment the next case; of a small brain it is asked first."""
    before = review.case.prediction
    qtbot.mouseClick(review.cohort.cases.next_button, LEFT)
    if small:
        go_on = review.segment.brain.go_on
        qtbot.waitUntil(lambda: not go_on.isHidden() and go_on.isEnabled(), timeout=timeout)
        go_on.click()

    def predicted():
        said = review.segment.message.text(), review.cohort.cases.message.text(), review.segment.run.text()
        assert review.case.prediction not in (None, before), said

    try:
        qtbot.waitUntil(predicted, timeout=timeout)
    except TimeoutError:
        predicted()  # says what the docks say
        raise
    qtbot.waitUntil(lambda: review.lesions.isVisible(), timeout=2000)


def names(viewer, results=False):
    return [layer.name for layer in viewer.layers if is_result(layer) == results]


def test_cases_are_swapped_and_the_users_own_layers_stay(viewer, qtbot, table, flair, mask):
    review = open_review(viewer)
    data, options, _ = layer_data(dataclasses.replace(flair, name="my FLAIR"))
    own = viewer.add_layer(Image(data, **options))
    mine = viewer.add_layer(
        Labels(mask.astype(np.uint8), name="mine", scale=own.scale, translate=own.translate)
    )
    t1 = viewer.add_layer(Image(data, **options | {"name": "my T1", "metadata": {}}))
    review.open_dock("cohort")
    read(review.cohort.cases, qtbot, table)
    _open_next(review, qtbot)
    assert names(viewer) == ["my FLAIR", "mine", "my T1", "FLAIR"]
    first = viewer.layers["FLAIR"]
    assert set(review.case.images) == {"flair"}  # the T1 may be of somebody else
    assert review.case.images["flair"].path == table.parent / "p1" / "FLAIR.nii.gz"
    results = names(viewer, results=True)
    assert "lesions" in results
    review.calibration.reference.setCurrentIndex(review.calibration.reference.findData("mine"))
    review.case.comparison.reference = mask
    review.show_dock("cohort")
    _open_next(review, qtbot)
    assert (
        first not in viewer.layers and own in viewer.layers and mine in viewer.layers and t1 in viewer.layers
    )
    assert names(viewer) == ["my FLAIR", "mine", "my T1", "T1", "FLAIR", "reference"]
    assert names(viewer, results=True) == results
    assert review.case.images["flair"].path == table.parent / "p2" / "FLAIR.nii.gz"
    assert review.case.images["t1"].path == table.parent / "p2" / "T1.nii.gz"
    assert not viewer.layers["reference"].visible and viewer.layers["FLAIR"].visible
    np.testing.assert_array_equal(viewer.layers["reference"].data, mask)
    viewer.layers.remove("reference")  # the user may take ours away
    review.show_dock("cohort")
    _open_next(review, qtbot)
    assert names(viewer) == ["my FLAIR", "mine", "my T1", "FLAIR"]


def test_it_says_what_its_cases_are_run_with(viewer, qtbot):
    review = open_review(viewer)
    review.open_dock("cohort")
    review.open()
    qtbot.waitUntil(lambda: bool(review.segment.setting), timeout=20_000)
    members = review.segment.settings.members
    for count in (members.minimum(), members.maximum()):
        members.setValue(count)
        assert review.cohort.cases.runs_with.text() == f"Runs with: {review.segment.setting} (from Segment)"
        assert f"{count} members" in review.cohort.cases.runs_with.text()


def test_a_reference_of_the_case_before_is_let_go(viewer, qtbot, table):
    review = open_review(viewer)
    review.open_dock("cohort")
    read(review.cohort.cases, qtbot, table)
    review.cohort.cases.table.selectRow(1)
    with qtbot.waitSignal(review.segment.done, timeout=10_000):
        qtbot.mouseClick(review.cohort.cases.open_button, LEFT)
    review.calibration.reference.setCurrentIndex(review.calibration.reference.findData("reference"))
    assert review.case.comparison.reference is not None and review.case.comparison.reliability is not None
    with qtbot.waitSignal(review.segment.done, timeout=10_000):
        review.cohort.cases.open_next()
    assert review.case.comparison.reference is None and review.case.comparison.reliability is None


def test_a_run_that_goes_on_is_cancelled_for_the_other_case(make_viewer, qtbot, monkeypatch, table, file):
    slow = lambda *a, **k: FakeSegmenter(*a, **k, steps=40, pause=0.02)  # noqa: E731
    review = open_review(make_viewer(), docks_with(make_segmenter=slow))
    review.open_dock("cohort")
    read(review.cohort.cases, qtbot, table)
    click(review.cohort.cases, qtbot, review.cohort.cases.next_button)
    qtbot.waitUntil(lambda: review.segment.run.text() == "Cancel", timeout=3000)
    review.cohort.cases.open_next()
    with qtbot.waitSignal(review.segment.done, timeout=10_000):
        pass
    assert review.case.images["flair"].path == table.parent / "p2" / "FLAIR.nii.gz"
    review.cohort.cases.open_next()
    idle(review.cohort.cases, qtbot)
    assert review.segment.isVisible()  # closed while it waits to press Run


def test_an_exercise_is_not_taken_away(viewer, qtbot, table, monkeypatch):
    review = open_review(viewer)
    review.open_dock("exercises")
    monkeypatch.setattr(type(review.exercises), "busy", True)
    review.open_dock("cohort")
    read(review.cohort.cases, qtbot, table)
    click(review.cohort.cases, qtbot, review.cohort.cases.next_button)
    said = review.cohort.cases.message.text()
    assert "press Stop and score in Exercises" in said and not len(viewer.layers)


def test_two_small_cases_and_a_network(make_viewer, qtbot, monkeypatch, tmp_path, file):
    model = str(write_model(tmp_path / "tiny", threshold=0.5))
    rng, shape = np.random.default_rng(2), (40, 48, 44)
    axes = np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in shape), indexing="ij")
    brain = sum(axis**2 for axis in axes) < 1
    for i in (1, 2):  # the second has another size
        part = (slice(0, 40 - 2 * i), slice(None), slice(None))
        affine = np.eye(4)[[2, 1, 0, 3]]
        affine[:3, 3] = -20, -24, -20
        data = ((100 + rng.normal(0, 8, shape)) * brain).astype(np.float32)[part]
        home = tmp_path / "study" / f"p{i}"
        home.mkdir(parents=True)
        write_volume(home / "FLAIR.nii.gz", data, Grid(data.shape, affine))
    viewer = make_viewer()
    review = open_review(viewer, docks_with(model, most=3))  # its heads
    review.open_dock("cohort")
    read(review.cohort.cases, qtbot, tmp_path / "study")
    for i in (1, 2):
        review.show_dock("cohort")
        _open_next(review, qtbot, timeout=120_000, small=True)
        assert names(viewer) == ["FLAIR"]
        assert viewer.layers["FLAIR"].data.shape == (40 - 2 * i, 48, 44)
        np.testing.assert_array_equal(viewer.layers["lesions"].data, review.case.lesions.labels)
        assert review.case.prediction.information["inputs"]["flair"]["path"] == str(
            tmp_path / "study" / f"p{i}" / "FLAIR.nii.gz"
        )
    # What the Session dock keeps is found again by the Cohort dock.
    review.open_dock("session")
    review.session.annotator.setText("anna")
    review.session.start_button.click()
    assert column(review.cohort.cases, STATE)[1].endswith("reviewed")
    review.session.close_session()
    assert (
        column(review.cohort.cases, STATE)[1].startswith("closed")
        and column(review.cohort.cases, STATE)[0] == "not reviewed"
    )
