"""The Cohort dock: many cases, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.readings import (
    CaseReading,
    CaseReadings,
    is_closed,
    latest_annotator,
    next_to_read,
)
from napari_uncertainseg.evaluate.worklist import Worklist, read_worklist
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.widgets.cohort.case_opener import LoadedCase, ask_dataset, ask_table, load_case
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip, wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table
from napari_uncertainseg.widgets.shared.session_file import SessionFile, shortened

_COLUMNS = ("case", "scans", "state")
_STATE = _COLUMNS.index("state")
_DEFINITIONS = {
    "case": "Its name; the place of its FLAIR shows where the mouse rests.",
    "scans": "What there is of it: FLAIR, T1, T2, and a reference mask.",
    "state": "How many lesions and candidates of its furthest session are judged; closed is for good.",
}
_FORMS = (
    "A folder or BIDS dataset with FLAIR scans (T1 and T2 where there are any), or a table with the column "
    "flair, and perhaps t1, t2, name and reference."
)
_NOTES = 5
_PAUSE_MS = 300
"""After which a name has been typed."""
_LOST = (
    "Verdicts or painting on this case are in no session and were not exported, and would be dropped. "
    "Open the other case all the same?"
)

OpenCase = Callable[[LoadedCase], None]
"""Shows a case instead of the one before; raises InputError where that cannot be now."""


class CohortDock(QWidget):
    """A list of cases, how far each is read, and the way to the next one.

    Parameters
    ----------
    case
        The case under review.
    open_case
        Shows a case whose files have been read, and segments it.
    sessions
        Where the docks of the window keep sessions; never made here.
    parent
        Qt parent.
    """

    def __init__(
        self, case: Case, open_case: OpenCase, sessions: SessionFile, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._case, self._open_case = case, open_case
        self._sessions = sessions
        self._readings: CaseReadings | None = None
        self._worklist: Worklist | None = None
        self._found: tuple[CaseReading | None, ...] = ()
        self._at: int | None = None
        self._opening: int | None = None
        self._agreed: tuple[Any, ...] = ()
        self._counted = False
        self._jobs = JobRunner(self)
        self._make_controls()
        self._lay_out()
        self._connect()
        self._prefill()
        self._show_sessions()

    def cleanup(self) -> None:
        """Stop reading, and disconnect from case and sessions. May be called twice."""
        self._jobs.cleanup()
        self._typing.stop()
        self._case.verdicts_changed.disconnect(self._on_verdicts, missing_ok=True)
        self._sessions.changed.disconnect(self._on_other_sessions, missing_ok=True)
        self._sessions.annotator_changed.disconnect(self._on_annotator, missing_ok=True)

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.choose_button = QPushButton("Choose…")
        self.choose_button.setToolTip(_FORMS)
        menu = QMenu(self.choose_button)
        self.folder_action = QAction("Folder or BIDS dataset…", menu)
        self.table_action = QAction("Table (TSV)…", menu)
        menu.addActions([self.folder_action, self.table_action])
        self.choose_button.setMenu(menu)
        self.annotator = QLineEdit(self._sessions.annotator)
        self.annotator.setPlaceholderText("everybody")
        self.annotator.setToolTip(
            "Whose sessions count, of those in the file chosen in Session; everybody's where this is empty."
        )
        self.runs_with = wrapping_label()
        self.runs_with.setTextFormat(Qt.TextFormat.PlainText)
        self.runs_with.setToolTip(
            "Model, method and members that each case is segmented with: as Segment has them."
        )
        self.table = NumberTable()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.next_button = QPushButton("Open next")
        self.next_button.setToolTip(
            "The first case after this one that is not closed: its scans take the place of this one's, and "
            "are segmented.\nYour own layers stay."
        )
        self.open_button = QPushButton("Open")
        self.open_button.setToolTip("The selected case, instead of the one at hand.")
        self.progress, self.notes, self.message = (
            wrapping_label(),
            wrapping_label(selectable=True),
            wrapping_label(selectable=True),
        )
        for label in (self.progress, self.notes, self.message):
            label.setTextFormat(Qt.TextFormat.PlainText)  # they quote files

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("cases", self.choose_button)
        form.addRow("annotator", self.annotator)
        buttons = QHBoxLayout()
        buttons.addWidget(self.next_button)
        buttons.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addWidget(self.runs_with)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, stretch=1)
        layout.addLayout(buttons)
        layout.addWidget(self.notes)
        layout.addWidget(self.message)

    def _connect(self) -> None:
        self._case.verdicts_changed.connect(self._on_verdicts)
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
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.state_changed.connect(self._show)

    def _prefill(self) -> None:
        if self._sessions.exists and not self.annotator.text():
            try:
                self.annotator.setText(latest_annotator(self._sessions.store()))
            except InputError as error:
                self._say(f"⚠ {error}")

    def show_setting(self, setting: str) -> None:
        """Say what the cases are segmented with."""
        self.runs_with.setText(f"Runs with: {setting} (from Segment)")

    # -- what the user does -------------------------------------------------------------------

    def choose_folder(self) -> None:
        """Ask for a folder or a BIDS dataset."""
        self.read(ask_dataset(self, "Cases to read"))

    def choose_table(self) -> None:
        """Ask for a table of cases."""
        self.read(ask_table(self, "Cases to read"))

    def read(self, path: Path | None) -> None:
        """List the cases of a folder, a BIDS dataset or a table, in the background; nothing for None."""
        if path is None:
            return
        self._say(f"Looking into {path} …")
        self._jobs.start(partial(read_worklist, path))

    def open_next(self) -> None:
        """Open the first case after this one that is not closed."""
        self._read_states()
        row = next_to_read(self._found, self._at)
        if row is None:
            self._say("All other cases are closed.")
        else:
            self._open(row)
        self._show()

    def open_selected(self) -> None:
        """Open the selected case."""
        row = self.table.selected_row
        if row is not None:
            self._open(row)

    def _open(self, row: int, column: int = 0) -> None:
        """Read the files of a case; it is shown when that is done."""
        if self._worklist is None or self._jobs.state is not JobState.IDLE or not self._may_drop():
            return
        self._agreed = self._at_stake()
        self._opening = row
        chosen = self._worklist.cases[row]
        self._say(f"Reading {chosen.name} …")
        self._jobs.start(partial(load_case, chosen))

    def _at_stake(self) -> tuple[Any, ...]:
        """What would be dropped: verdicts, and the painting by identity."""
        return self._case.verdicts, id(self._case.edit), self._case.recorder

    def _may_drop(self) -> bool:
        return not self._case.unsaved or bool(
            ask_yes_no_cancel(self, "Open another case", _LOST, "Drop them", None)
        )

    # -- what has been read -------------------------------------------------------------------

    def _on_finished(self, result: Worklist | LoadedCase) -> None:
        if isinstance(result, Worklist):
            self._take(result)
        else:
            self._show_case(result)

    def _on_failed(self, text: str) -> None:
        self._say(f"⚠ {text}")

    def _take(self, worklist: Worklist) -> None:
        """Take another list; a case of it that is open already stays so."""
        self._worklist, self._at = worklist, None
        rest = len(worklist.notes) - _NOTES
        more = [f"… and {rest} more."] if rest > 0 else []
        self.notes.setText("\n".join([*worklist.notes[:_NOTES], *more]))
        rows, tips = [], {}
        for i, case in enumerate(worklist.cases, start=1):
            scans = [each.title for name, each in MODALITIES.items() if name in case.images]
            scans += ["reference"] if case.reference is not None else []
            rows.append((shortened(case.name, ends=True), " ".join(scans), ""))
            tips[str(i)] = plain_tooltip(
                "\n".join(map(str, [case.name, *case.images.values(), *filter(None, [case.reference])]))
            )
        self.table.show_table(Table(tuple(tips), _COLUMNS, tuple(rows), _DEFINITIONS | tips))
        self._say("")
        self._show_sessions()
        following = next_to_read(self._found)
        self.table.selectRow(0 if following is None else following)

    def _show_case(self, loaded: LoadedCase) -> None:
        if self._at_stake() != self._agreed and not self._may_drop():  # judged while the files were read
            self._say("")
            return
        recorder = self._case.recorder
        try:
            self._open_case(loaded)
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._at = self._opening
        said = [f"⚠ There is no reference: {loaded.problem}"] if loaded.problem else []
        if recorder is not None:
            said.append(
                f"The session of {recorder.session.annotator} was left. It is still open: go on with it in "
                "Session once its case is open again."
            )
        self._show_sessions()
        reading = self._found[self._at] if self._at is not None else None
        if reading is not None and not reading.closed:
            said.append("A session of this case is open: go on with it in Session after the run.")
        self._say("\n".join(said))
        if self._at is not None:
            self.table.selectRow(self._at)

    # -- from the store to the screen ---------------------------------------------------------

    def _on_verdicts(self) -> None:
        """Count along while a session of the case at hand is recorded, and read the file when it ends."""
        recorder = self._case.recorder
        if recorder is not None and self._at is not None and self._is_at_hand(self._at):
            if self.annotator.text().strip() in ("", recorder.session.annotator):
                self._counted = True
                self._set_state(self._at, CaseReading(len(recorder.standing), len(recorder.tasks), False))
        elif self._counted:
            self._counted = False
            self._show_sessions()

    def _is_at_hand(self, row: int) -> bool:
        """Whether the prediction is of a case of the list: the user may open other scans by hand."""
        flair = self._case.images.get("flair")
        return (
            self._worklist is not None and flair is not None and flair.path == self._worklist.cases[row].flair
        )

    def _on_other_sessions(self) -> None:
        self._readings = None
        self._say("")
        self._show_sessions()

    def _on_annotator(self, name: str) -> None:
        """Follow who judges, when the name has been typed."""
        self.annotator.setText(name)
        self._typing.start()

    def _read_states(self) -> None:
        """Read anew how far each case is; nobody has read anything where there is no file."""
        cases = () if self._worklist is None else self._worklist.cases
        self._found = (None,) * len(cases)
        if not self._sessions.exists:
            return
        try:
            if self._readings is None:
                self._readings = CaseReadings(self._sessions.store())
            self._found = self._readings.furthest(cases, self.annotator.text())
        except InputError as error:
            self._say(f"⚠ {error}")

    def _show_sessions(self) -> None:
        self._read_states()
        for row, reading in enumerate(self._found):
            self._set_state(row, reading)
        self._show()

    def _set_state(self, row: int, reading: CaseReading | None) -> None:
        cell = self.table.item(row, _STATE)
        if isinstance(cell, QTableWidgetItem):
            cell.setText(_in_words(reading))

    def _show(self, state: object = None) -> None:
        idle = self._jobs.state is JobState.IDLE
        self.choose_button.setEnabled(idle)
        self.next_button.setEnabled(idle and self._worklist is not None)
        self.open_button.setEnabled(idle and self.table.selected_row is not None)
        self.notes.setVisible(bool(self.notes.text()))
        if self._worklist is None:
            self.progress.setText(f"No cases yet: choose. {_FORMS}")
            return
        n, closed = len(self._found), sum(map(is_closed, self._found))
        here = f"{n} case{'s' if n != 1 else ''}" if self._at is None else f"Case {self._at + 1} of {n}"
        what = self._worklist.source.name if self._at is None else self._worklist.cases[self._at].name
        self.progress.setText(f"{here}, {closed} closed: {what}")

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))


def _in_words(reading: CaseReading | None) -> str:
    if reading is None:
        return "not read"
    judged = f"{reading.judged} of {reading.tasks}"
    return f"closed ({judged})" if reading.closed else f"{judged} judged"
