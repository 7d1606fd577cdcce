"""The Cohort dock starts, shows and stops a run over all cases, and makes its list into sessions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.disk.folder_lock import claimed
from napari_uncertainseg.evaluate.worklist import UnusableCase
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.runs.progress_file import STOP, ProgressFile, mark_ended
from napari_uncertainseg.widgets.cohort import run_panel as module
from napari_uncertainseg.widgets.cohort.cases import CasesPanel
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.preferences import Preferences, PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile

pytestmark = pytest.mark.usefixtures("quiet")
LEFT = Qt.MouseButton.LeftButton


class Process:
    """Stands for the process of a run."""

    def __init__(self, request):
        self.out, self.request = request.out, request
        self.lives, self.refused, self.ended, self.left = True, "", False, False

    def end(self):
        self.ended, self.lives, self.refused = True, False, "interrupted"

    def leave(self):
        self.left = True


@pytest.fixture
def started():
    return []


@pytest.fixture
def run(started):
    def start(request):
        started.append(Process(request))
        return started[-1]

    return CurrentRun(start)


@pytest.fixture
def dock(shown, tmp_path, run):
    sessions = SessionFile(tmp_path / "kept" / "sessions.db")
    preferences = PreferenceStore()
    preferences.announce(Preferences())  # whatever other tests saved
    yield shown(CasesPanel(Case(), lambda loaded: None, sessions, preferences=preferences, run=run))
    sessions.close()


@pytest.fixture
def cohort(tmp_path) -> Path:
    for name in ("p1", "p2"):
        (tmp_path / "study" / name).mkdir(parents=True)
        (tmp_path / "study" / name / "FLAIR.nii.gz").touch()
    return tmp_path / "study"


@pytest.fixture
def out(tmp_path, monkeypatch) -> Path:
    """The folder that the user chooses."""
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(module, "ask_folder", lambda *_: folder)
    monkeypatch.setattr(module, "ask_dataset", lambda *_: folder)
    return folder


def read(dock, qtbot, path):
    dock.read(path)
    qtbot.waitUntil(lambda: dock._jobs.state is JobState.IDLE, timeout=5000)


def click(qtbot, button):
    assert button.isVisible() and button.isEnabled()
    qtbot.mouseClick(button, LEFT)


def test_it_says_what_to_do_first(dock):
    panel = dock.run_panel
    assert panel.state.text().startswith("No run yet. Choose cases above")
    assert not panel.start_button.isEnabled() and panel.show_button.isEnabled()
    hidden = (panel.stop_button, panel.bar, panel.failures, panel.report_button, panel.review_button)
    assert not any(widget.isVisible() for widget in hidden)


def test_a_run_is_started_shown_and_ends(qtbot, dock, cohort, out, started):
    panel = dock.run_panel
    read(dock, qtbot, cohort)
    click(qtbot, panel.start_button)
    (process,) = started
    assert (process.request.cohort, process.request.out, process.request.model) == (cohort, out, "bundled")
    assert (
        panel.state.text().startswith("Starting")
        and "goes on when you close this window" in panel.state.text()
    )
    assert panel.stop_button.isVisible() and not panel.start_button.isVisible() and panel.bar.maximum() == 0
    with claimed(out), ProgressFile(out, 4, 1, [UnusableCase("p9", "There is no <b>flair</b>.")]) as kept:
        panel.look()
        assert panel.state.text().startswith("1 of 4 cases done, 1 failed") and panel.bar.value() == 333
        assert panel.failures.text() == "p9: There is no <b>flair</b>."
        for i in range(7):
            kept.add(UnusableCase(f"x{i}", "No."))
        panel.look()
        assert panel.failures.text().endswith("… and 3 more; the report names all.")
    panel.look()
    assert "writing the report" in panel.state.text() and not panel.stop_button.isEnabled()
    (out / "report.html").touch()
    (out / "referral.tsv").touch()
    mark_ended(out)
    process.lives = False
    panel.look()
    assert panel.state.text().startswith("Ended: 1 of 4 cases done, 8 failed.")
    assert panel.report_button.isVisible() and panel.review_button.isVisible() and not panel._timer.isActive()
    assert panel.start_button.isVisible()


def test_the_ticked_classes_are_segmented_in_every_case(qtbot, dock, cohort, out, started):
    read(dock, qtbot, cohort)
    chosen = Preferences("mine", "flips", 1, target=("oedema", "tumour core"))
    dock._preferences.announce(chosen)
    assert "mine, flips, 1 member, target oedema + tumour core" in dock.runs_with.text()
    click(qtbot, dock.run_panel.start_button)
    assert started[0].request.target == ("oedema", "tumour core")


def test_a_run_that_is_refused_says_why(qtbot, dock, cohort, out, started):
    read(dock, qtbot, cohort)
    click(qtbot, dock.run_panel.start_button)
    started[0].lives, started[0].refused = False, "There is no model of this name."
    dock.run_panel.look()
    assert "could not begin: There is no model of this name." in dock.run_panel.state.text()
    assert dock.run_panel.start_button.isVisible()


def test_stopping_before_it_writes_ends_it_and_later_asks_it(qtbot, dock, cohort, out, started):
    panel = dock.run_panel
    read(dock, qtbot, cohort)
    click(qtbot, panel.start_button)
    click(qtbot, panel.stop_button)
    assert started[0].ended and panel.start_button.isVisible()
    click(qtbot, panel.start_button)
    with claimed(out), pytest.raises(KeyboardInterrupt), ProgressFile(out, 4, 0, []):
        panel.look()
        click(qtbot, panel.stop_button)
        assert (out / STOP).exists() and "stopping" in panel.state.text() and not started[1].ended
        assert not panel.stop_button.isEnabled()
        raise KeyboardInterrupt
    started[1].lives = False
    panel.look()
    assert panel.state.text().startswith("Stopped: 0 of 4") and "goes on from here" in panel.state.text()


def test_runs_that_were_started_elsewhere(qtbot, dock, out):
    panel = dock.run_panel
    click(qtbot, panel.show_button)
    assert "is not the folder of a run" in panel.state.text()
    (out / "cohort.json").write_text("{}")
    click(qtbot, panel.show_button)
    assert panel.state.text().startswith("Ended")  # of an older version
    with claimed(out):
        with ProgressFile(out, 2, 0, []):
            click(qtbot, panel.show_button)
            assert panel.state.text().startswith("0 of 2 cases done") and panel.stop_button.isEnabled()
        state = json.loads((out / "progress.json").read_text()) | {"state": "running"}
    (out / "progress.json").write_text(json.dumps(state))
    panel.look()
    assert panel.state.text().startswith("The run was killed")
    (out / "progress.json").write_text("{")
    panel.look()
    assert panel.state.text().startswith("⚠ The run broke off.") and "progress.json" in panel.state.text()


def test_a_run_that_broke_off_says_why(qtbot, dock, out):
    with pytest.raises(InputError), claimed(out), ProgressFile(out, 2, 0, []):
        raise InputError("The scheduler went away.")
    click(qtbot, dock.run_panel.show_button)
    assert "The scheduler went away." in dock.run_panel.state.text()


def test_a_run_that_cannot_be_started(qtbot, dock, cohort, out, run):
    def refuse(request):
        raise InputError("The run cannot be started (No such file).")

    run._start = refuse
    read(dock, qtbot, cohort)
    click(qtbot, dock.run_panel.start_button)
    assert dock.run_panel.state.text() == "⚠ The run cannot be started (No such file)."


def test_the_run_outlives_the_dock_and_the_window_lets_it_go(qtbot, dock, cohort, out, run, started, shown):
    read(dock, qtbot, cohort)
    click(qtbot, dock.run_panel.start_button)
    dock.cleanup()
    again = shown(CasesPanel(Case(), lambda loaded: None, dock._sessions, run=run))
    assert again.run_panel.state.text().startswith("Starting") and not started[0].left
    run.leave()
    assert started[0].left and not started[0].ended


def test_it_is_no_wider_than_a_narrow_dock(dock):
    assert dock.minimumSizeHint().width() <= 330
