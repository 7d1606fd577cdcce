"""The tab *Cases* of the Cohort dock: a list of cases, opened and segmented one after the other."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.readings import CaseReading, latest_annotator
from napari_uncertainseg.evaluate.worklist import WorkCase, Worklist
from napari_uncertainseg.runs.current_run import CurrentRun
from napari_uncertainseg.runs.review_sessions import ReviewOfRun, review_of_run
from napari_uncertainseg.widgets.cohort import texts
from napari_uncertainseg.widgets.cohort.case_table import case_table, read_cases
from napari_uncertainseg.widgets.cohort.listed_cases import ListedCases
from napari_uncertainseg.widgets.cohort.run_panel import RunPanel
from napari_uncertainseg.widgets.scans.loaded_case import (
    LoadedCase,
    LoadedResults,
    OpenCase,
    OpenResults,
    load_case,
    load_results,
)
from napari_uncertainseg.widgets.shared.dialogs import DiscardQuestion, ask_dataset, ask_table
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper
from napari_uncertainseg.widgets.shared.number_table import NumberTable
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_STATE = texts.COLUMNS.index("state")
_TABLE_HEIGHT = 130
"""Pixels of the list in a small window: its head and four cases."""
_PAUSE_MS = 300
"""Milliseconds without a key after which a name has been typed."""


class CasesPanel(QWidget):
    """A list of cases with the state of each, and buttons to open them.

    Parameters
    ----------
    case
        The case under review.
    open_case
        Shows a case whose files have been read, and segments it.
    sessions
        The sessions that the docks of the window share; the file is never made here.
    parent
        Qt parent.
    preferences
        Names what the cases are segmented with.
    open_results
        Shows results that a run wrote; without it, cases are segmented again.
    keeper
        Resumes a session that was opened for a case before.
    run
        The run over all cases that the window shows.
    """

    said = Signal(str)
    """The message is another one; empty for none."""

    def __init__(
        self,
        case: Case,
        open_case: OpenCase,
        sessions: SessionFile,
        parent: QWidget | None = None,
        *,
        preferences: PreferenceStore | None = None,
        open_results: OpenResults | None = None,
        keeper: ReviewKeeper | None = None,
        run: CurrentRun | None = None,
    ) -> None:
        super().__init__(parent)
        self._case, self._open_case, self._open_results = case, open_case, open_results
        self._keeper, self._sessions = keeper, sessions
        self._listed = ListedCases(sessions)
        self._preferences = preferences or PreferenceStore()
        self._opening: int | None = None
        self._discard = self._new_discard_question()
        self._is_counting = False
        self._jobs = JobRunner(self)
        self.run_panel = RunPanel(run or CurrentRun(), self._preferences)
        self._make_controls()
        self._lay_out()
        self._connect()
        self._show_message("")
        self._prefill()
        self._show_sessions()

    def cleanup(self) -> None:
        """Stop reading, and disconnect from case and sessions. May be called twice."""
        self._jobs.cleanup()
        self.run_panel.cleanup()
        self._typing.stop()
        self._case.verdicts_changed.disconnect(self._on_verdicts, missing_ok=True)
        self._preferences.setting_changed.disconnect(self._show_setting, missing_ok=True)
        self._sessions.changed.disconnect(self._on_other_sessions, missing_ok=True)
        self._sessions.annotator_changed.disconnect(self._on_annotator, missing_ok=True)

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.choose_button = button_with_tip(texts.CHOOSE, texts.SOURCES)
        menu = QMenu(self.choose_button)
        self.folder_action = QAction(texts.FOLDER, menu)
        self.table_action = QAction(texts.TABLE, menu)
        menu.addActions([self.folder_action, self.table_action])
        self.choose_button.setMenu(menu)
        self.annotator = QLineEdit(self._sessions.annotator)
        self.annotator.setPlaceholderText(texts.EVERYBODY)
        self.annotator.setToolTip(texts.ANNOTATOR_TIP)
        self.runs_with = wrapping_label()
        self.runs_with.setToolTip(texts.RUNS_WITH_TIP)
        self.table = NumberTable(name=texts.TABLE_NAME)
        self.table.setMinimumHeight(_TABLE_HEIGHT)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.next_button = button_with_tip(texts.OPEN_NEXT, texts.OPEN_NEXT_TIP)
        self.open_button = button_with_tip(texts.OPEN, texts.OPEN_TIP)
        self.progress = wrapping_label()
        self.notes, self.message = wrapping_label(selectable=True), wrapping_label(selectable=True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.CASES, self.choose_button)
        form.addRow(texts.ANNOTATOR, self.annotator)
        buttons = QHBoxLayout()
        buttons.addWidget(self.next_button)
        buttons.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.runs_with)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, stretch=1)
        layout.addLayout(buttons)
        for widget in (self.notes, self.message, self.run_panel):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self._case.verdicts_changed.connect(self._on_verdicts)
        self._preferences.setting_changed.connect(self._show_setting)
        self._show_setting()
        self.folder_action.triggered.connect(self.choose_folder)
        self.table_action.triggered.connect(self.choose_table)
        self._sessions.changed.connect(self._on_other_sessions)
        self._sessions.annotator_changed.connect(self._on_annotator)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_PAUSE_MS)
        self._typing.timeout.connect(self._show_sessions)
        self.annotator.editingFinished.connect(self._show_sessions)
        self.next_button.clicked.connect(self.open_next)
        self.open_button.clicked.connect(self.open_selected)
        self.table.itemSelectionChanged.connect(self._show)
        self.table.cellDoubleClicked.connect(self._open)
        self.run_panel.review_wanted.connect(self.review_run)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.state_changed.connect(self._show)

    def _prefill(self) -> None:
        if self._sessions.exists and not self.annotator.text():
            try:
                self.annotator.setText(latest_annotator(self._sessions.store()))
            except InputError as error:
                self._show_message(as_warning(error))

    def _show_setting(self) -> None:
        self.runs_with.setText(texts.runs_with(self._preferences.setting))

    # -- what the user does -------------------------------------------------------------------

    def choose_folder(self) -> None:
        """Ask for a folder or a BIDS dataset."""
        self.read(ask_dataset(self, texts.SOURCE_DIALOG))

    def choose_table(self) -> None:
        """Ask for a table of cases."""
        self.read(ask_table(self, texts.SOURCE_DIALOG))

    def read(self, path: Path | None) -> None:
        """List the cases of a folder, a BIDS dataset or a table, in the background; nothing for None."""
        if path is None:
            return
        self._show_message(texts.searching(path))
        self._jobs.start(partial(read_cases, self._preferences.chosen.model, path))

    def review_run(self, folder: Path) -> None:
        """Open sessions for the cases that a run says to read first, and list them in its order."""
        if self._jobs.state is JobState.IDLE:
            self._show_message(texts.PREPARING)
            model, name = self._preferences.chosen.model, self.annotator.text()
            self._jobs.start(partial(review_of_run, folder, self._sessions.another_store, name, model))

    def open_next(self) -> None:
        """Open the first case after this one that is not closed."""
        self._read_states()
        row = self._listed.following
        if row is None:
            self._show_message(texts.ALL_CLOSED)
        else:
            self._open(row)
        self._show()

    def open_selected(self) -> None:
        """Open the selected case."""
        if (row := self.table.selected_row) is not None:
            self._open(row)

    def open_elsewhere(self, name: str, folder: Path | None, reference: Path | None = None) -> bool:
        """Open a folder of results, or the case of the list with a name; False where there is neither."""
        if folder is not None:
            self._begin(WorkCase(name, {}, reference, folder), None)
            return True
        row = self._listed.row_of(name)
        if row is not None:
            self._open(row)
        return row is not None

    def _open(self, row: int, column: int = 0) -> None:
        if self._listed.worklist is not None:
            self._begin(self._listed.cases[row], row)

    def _begin(self, chosen: WorkCase, row: int | None) -> None:
        """Read the files of a case; it is shown when that is done."""
        if self._jobs.state is not JobState.IDLE:
            self.said.emit(texts.BUSY)
            return
        self._discard = self._new_discard_question()
        if not self._discard.allows():
            return
        self._opening = row
        self._show_message(texts.reading(chosen.name))
        if chosen.results is not None and self._open_results is not None:
            self._jobs.start(partial(load_results, chosen, chosen.results))
        else:
            self._jobs.start(partial(load_case, chosen))

    def _new_discard_question(self) -> DiscardQuestion:
        return DiscardQuestion(self, self._case, texts.OPEN_ANOTHER, texts.LOST, texts.DISCARD)

    # -- what has been read -------------------------------------------------------------------

    def _on_finished(self, result: Worklist | ReviewOfRun | LoadedCase | LoadedResults) -> None:
        if isinstance(result, Worklist):
            self._show_worklist(result)
        elif isinstance(result, ReviewOfRun):
            self._listed.forget_sessions()
            self._show_worklist(result.worklist)
            self._show_message(texts.sessions_made(result.said))
        else:
            self._show_case(result)

    def _on_failed(self, text: str) -> None:
        self._show_message(as_warning(text))

    def _show_worklist(self, worklist: Worklist) -> None:
        """Show another list; a case of it that is already open stays open."""
        self._listed.take(worklist)
        self.notes.setText(texts.describe_notes(worklist.notes))
        self.table.show_table(case_table(worklist))
        self._show_message("")
        self._show_sessions()
        following = self._listed.following
        self.table.selectRow(0 if following is None else following)

    def _show_case(self, loaded: LoadedCase | LoadedResults) -> None:
        recorder, messages = self._case.review.recorder, []
        try:
            if not self._shows(loaded):
                self._show_message("")
                return
            self._listed.row = self._opening
            messages += [as_warning(texts.no_reference(loaded.problem))] if loaded.problem else []
            if isinstance(loaded, LoadedResults) and self._keeper is not None:
                messages += filter(None, [self._keeper.resume_prepared(self.annotator.text())])
        except InputError as error:
            self._show_message(as_warning(error))
            return
        if recorder is not None:
            messages.append(texts.session_left(recorder.session.annotator))
        self._show_sessions()
        if self._listed.is_unfinished and self._case.review.recorder is None:
            messages.append(texts.OPEN_SESSION)
        self._show_message("\n".join(messages))
        if self._listed.row is not None:
            self.table.selectRow(self._listed.row)

    def _shows(self, loaded: LoadedCase | LoadedResults) -> bool:
        """Show a case; False where the reader wants to keep what is open."""
        if isinstance(loaded, LoadedResults):
            show = self._open_results
            return show is not None and show(loaded.results, loaded.folder, loaded.reference)
        if not self._discard.allows():  # reviewed while the files were read
            return False
        return self._open_case(loaded)

    # -- from the store to the screen ---------------------------------------------------------

    def _on_verdicts(self) -> None:
        """Update the count while the current case is recorded, and read the file again when that ends."""
        recorder, row = self._case.review.recorder, self._listed.row
        if recorder is not None and row is not None and self._listed.shows_opened(self._case):
            if self.annotator.text().strip() in ("", recorder.session.annotator):
                self._is_counting = True
                state = CaseReading(len(recorder.current_verdicts), len(recorder.tasks), False)
                self._set_state(row, state)
        elif self._is_counting:
            self._is_counting = False
            self._show_sessions()

    def _on_other_sessions(self) -> None:
        self._listed.forget_sessions()
        self._show_message("")
        self._show_sessions()

    def _on_annotator(self, name: str) -> None:
        """Take over the annotator of the other docks, when the name has been typed."""
        self.annotator.setText(name)
        self._typing.start()

    def _read_states(self) -> None:
        try:
            self._listed.read_states(self.annotator.text())
        except InputError as error:
            self._show_message(as_warning(error))

    def _show_sessions(self) -> None:
        self._read_states()
        for row, reading in enumerate(self._listed.states):
            self._set_state(row, reading)
        self._show()

    def _set_state(self, row: int, reading: CaseReading | None) -> None:
        cell = self.table.item(row, _STATE)
        if isinstance(cell, QTableWidgetItem):
            cell.setText(texts.describe_state(reading))

    def _show(self, state: object = None) -> None:
        idle = self._jobs.state is JobState.IDLE
        self.choose_button.setEnabled(idle)
        self.next_button.setEnabled(idle and self._listed.worklist is not None)
        self.open_button.setEnabled(idle and self.table.selected_row is not None)
        self.notes.setVisible(bool(self.notes.text()))
        listed = self._listed
        self.run_panel.offer(None if listed.worklist is None else listed.worklist.source, free=idle)
        if listed.worklist is None:
            self.progress.setText(texts.NO_CASES)
            return
        count, closed = len(listed.states), listed.closed
        self.progress.setText(texts.describe_progress(count, closed, listed.row, listed.heading))

    def _show_message(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))
        self.said.emit(sentence)
