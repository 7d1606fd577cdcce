"""The part of the Cohort dock that starts, shows and stops a run over all cases."""

from __future__ import annotations

import time
from pathlib import Path

from qtpy.QtCore import QTimer, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.progress.course import Course, Outlook
from napari_uncertainseg.runs.current_run import CurrentRun, RunView
from napari_uncertainseg.runs.places import REFERRAL, REPORT
from napari_uncertainseg.runs.progress_file import RunProgress
from napari_uncertainseg.runs.started import RunRequest
from napari_uncertainseg.widgets.cohort import texts
from napari_uncertainseg.widgets.shared.dialogs import ask_dataset, ask_folder
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, wrapping_label
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

_LOOK_MS = 1000
_FAILURES = 5
"""Failed visits that are named; the report has all."""


class RunPanel(QGroupBox):
    """Starts a run, shows how it goes, and stops it; the run is a process of its own.

    Parameters
    ----------
    run
        What the window shows; it outlives this.
    preferences
        With what the run segments.
    parent
        Qt parent.
    """

    review_wanted = Signal(object)
    """The user wants to read the visits of the run in this folder."""

    def __init__(self, run: CurrentRun, preferences: PreferenceStore, parent: QWidget | None = None) -> None:
        super().__init__(texts.RUN_TITLE, parent)
        self._run, self._preferences = run, preferences
        self._cohort: Path | None = None
        self._course: tuple[float, Course] | None = None
        self._free = True
        self._make_controls()
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self.look()

    def cleanup(self) -> None:
        """Look no more; the run goes on. May be called twice."""
        self._timer.stop()

    def _make_controls(self) -> None:
        self.start_button = button_with_tip(texts.RUN_ALL, texts.RUN_ALL_TIP)
        self.show_button = button_with_tip(texts.SHOW_RUN, texts.SHOW_RUN_TIP)
        self.stop_button = button_with_tip(texts.STOP_RUN, texts.STOP_RUN_TIP)
        self.report_button = button_with_tip(texts.OPEN_REPORT, texts.OPEN_REPORT_TIP)
        self.review_button = button_with_tip(texts.REVIEW_RUN, texts.REVIEW_RUN_TIP)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.state, self.failures = wrapping_label(selectable=True), wrapping_label(selectable=True)
        self.start_button.clicked.connect(self.start)
        self.show_button.clicked.connect(self.choose)
        self.stop_button.clicked.connect(self.stop)
        self.report_button.clicked.connect(self.open_report)
        self.review_button.clicked.connect(self._review)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for buttons in (
            (self.start_button, self.show_button),
            (self.stop_button,),
            (self.report_button, self.review_button),
        ):
            row = QHBoxLayout()
            for button in buttons:
                row.addWidget(button)
            layout.addLayout(row)
        layout.insertWidget(1, self.bar)
        layout.insertWidget(2, self.state)
        layout.insertWidget(3, self.failures)

    # -- what the user does -------------------------------------------------------------------

    def offer(self, cohort: Path | None, *, free: bool) -> None:
        """Take what could be run, and whether the dock has nothing else to do."""
        self._cohort, self._free = cohort, free
        self._show(self._run.look())

    def start(self) -> None:
        """Ask for a folder, and start a run over the cases of the list."""
        if self._cohort is None:
            return
        out = ask_folder(self, texts.RUN_DIALOG)
        if out is None:
            return
        chosen = self._preferences.chosen
        request = RunRequest(
            self._cohort,
            out,
            chosen.model,
            chosen.method,
            chosen.members,
            chosen.brightness,
            chosen.target,
        )
        self._try(lambda: self._run.start(request))

    def choose(self) -> None:
        """Ask for the folder of a run, and show it."""
        folder = ask_dataset(self, texts.SHOW_DIALOG)
        if folder is not None:
            self._try(lambda: self._run.show(folder))

    def stop(self) -> None:
        """Ask the run to stop."""
        self._try(self._run.stop)

    def open_report(self) -> None:
        """Show the report in the browser."""
        if self._run.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._run.folder / REPORT)))

    def _review(self) -> None:
        if self._run.folder is not None:
            self.review_wanted.emit(self._run.folder)

    def _try(self, act: object) -> None:
        try:
            act()  # type: ignore[operator]
        except InputError as error:
            self.look()
            self.state.setText(as_warning(error))
            self.state.show()
        else:
            self.look()

    # -- from the run to the screen -----------------------------------------------------------

    def look(self) -> None:
        """Show how the run is going, and look again while it does."""
        view = self._run.look()
        self._show(view)
        if view.active:
            self._timer.start()
        else:
            self._timer.stop()

    def _show(self, view: RunView) -> None:
        folder, progress = self._run.folder, view.progress
        self.start_button.setVisible(not view.active)
        self.show_button.setVisible(not view.active)
        self.start_button.setEnabled(self._cohort is not None and self._free)
        self.stop_button.setVisible(view.active)
        self.stop_button.setEnabled(view.phase in ("starting", "running"))
        self.bar.setVisible(view.active)
        self.bar.setRange(0, 0 if view.phase == "starting" else 1000)
        if progress is not None:
            self.bar.setValue(round(1000 * progress.share))
        now = None if progress is None or view.phase != "running" else self._outlook(progress)
        self.state.setText(texts.describe_run(view.phase, progress, view.why, now, folder))
        failed = [] if progress is None else progress.failures
        count = 0 if progress is None else progress.failed
        lines = [f"{one.name}: {one.why}" for one in failed[:_FAILURES]]
        self.failures.setText(texts.describe_failures(lines, count))
        self.failures.setVisible(bool(lines))
        for button, name in ((self.report_button, REPORT), (self.review_button, REFERRAL)):
            button.setVisible(not view.active and folder is not None and (folder / name).is_file())
        self.review_button.setEnabled(self._free)

    def _outlook(self, progress: RunProgress) -> Outlook:
        """How far a run is, which began before it was looked at."""
        if self._course is None or self._course[0] != progress.began:
            self._course = progress.began, Course(clock=time.time, began=progress.began)
        course = self._course[1]
        course("visits", progress.share)
        return course.outlook()
