"""The Session dock: a review of which every verdict is on disk before the next lesion is shown."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.queue import ORDERS, queue_of
from napari_uncertainseg.review.recorder import Recorder
from napari_uncertainseg.review.rereading import reread, rereading
from napari_uncertainseg.review.rows import Session
from napari_uncertainseg.review.store import DATABASE
from napari_uncertainseg.widgets.fields import annotator_field, wrapped
from napari_uncertainseg.widgets.numbers import NumberTable, Table, number
from napari_uncertainseg.widgets.saving import ask_file, ask_which
from napari_uncertainseg.widgets.session_file import (
    COLUMNS,
    JUDGED,
    PROJECT,
    SessionFile,
    default_file,
    keep_prediction,
    outlook_in_words,
    progress_in_words,
)


class SessionDock(QWidget):
    """Begin a session, go on with one, close it; and what there is.

    Parameters
    ----------
    case
        The case under review.
    visible
        Names of the layers that are seen.
    file
        The database of sessions; made when the first one begins.
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        visible: Callable[[], Sequence[str]] = lambda: (),
        file: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._case = case
        self._visible = visible
        self._file = SessionFile(default_file() if file is None else file)
        self._listed: list[Session] = []
        self._make_controls()
        self._lay_out()
        case.prediction_changed.connect(self._show)
        case.verdicts_changed.connect(self._show_progress)
        case.not_recorded.connect(self._warn)
        self.start_button.clicked.connect(self.start)
        self.resume_button.clicked.connect(self.resume)
        self.leave_button.clicked.connect(self.leave)
        self.close_button.clicked.connect(self.close_session)
        self.again_button.clicked.connect(self.read_again)
        self.verify_button.clicked.connect(self.verify)
        self.export_button.clicked.connect(self.export)
        self.file_button.clicked.connect(self.choose_file)
        self.table.itemSelectionChanged.connect(self._show)
        self.annotator.textChanged.connect(self._show)
        self._list()
        self._show()

    def cleanup(self) -> None:
        """Disconnect from the case, and let the database go. May be called twice."""
        self._case.prediction_changed.disconnect(self._show, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._show_progress, missing_ok=True)
        self._case.not_recorded.disconnect(self._warn, missing_ok=True)
        if self._case.recorder is not None:
            self._case.record_with(None)
        self._file.close()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.file_button = QPushButton()
        self.file_button.setToolTip("The file that holds the sessions. Click to choose another.")
        self.annotator = annotator_field()
        self.order = QComboBox()
        for name, meaning in ORDERS.items():
            self.order.addItem(name, name)
            self.order.setItemData(self.order.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.order.setToolTip("In which order lesions and candidates are shown.")
        self.start_button = QPushButton("Start session")
        self.start_button.setToolTip(
            "Record this review. Each verdict and each stroke is on disk before the next lesion is shown;\n"
            "verdicts that you have given already are recorded first."
        )
        self.close_button = QPushButton("Close session")
        self.close_button.setToolTip("End the session for good: nothing can be added to it afterwards.")
        self.leave_button = QPushButton("Leave")
        self.leave_button.setToolTip("Stop recording; the session stays open, and can be gone on with.")
        self.state = wrapped()
        self.outlook = wrapped()
        self.outlook.setToolTip(
            "Wrong is a lesion that you do not accept as it is, and a candidate that you do not reject.\n"
            "Expected: by what you judged so far of lesions with like probability and doubt.\n"
            "At most, 95 % sure: by the tasks that were drawn at random and mixed into the order; it trusts\n"
            "nothing else, and holds whenever you stop."
        )
        self.table = NumberTable()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.resume_button = QPushButton("Go on with it")
        self.resume_button.setToolTip("Take over the verdicts and the painting of the selected session.")
        self.again_button = QPushButton("Read again")
        self.again_button.setToolTip(
            "Quality control of the selected session by somebody else, who does not see its verdicts:\n"
            "a second reading of all of it, or a third of what first and second differ in."
        )
        self.verify_button = QPushButton("Verify")
        self.verify_button.setToolTip("Check that nothing in the sessions was changed after it was written.")
        self.export_button = QPushButton("Export…")
        self.export_button.setToolTip("Write a row for each task of all sessions, with its verdict, as TSV.")
        self.agreement = wrapped()
        self.agreement.setToolTip("Of the verdicts that both gave. Kappa: 0 is chance, 1 full agreement.")
        self.message = wrapped(selectable=True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("file", self.file_button)
        form.addRow("annotator", self.annotator)
        form.addRow("order", self.order)
        begin, below = QHBoxLayout(), QHBoxLayout()
        begin.addWidget(self.start_button)
        begin.addWidget(self.leave_button)
        begin.addWidget(self.close_button)
        below.addWidget(self.resume_button)
        below.addWidget(self.again_button)
        below.addWidget(self.verify_button)
        below.addWidget(self.export_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addLayout(begin)
        layout.addWidget(self.state)
        layout.addWidget(self.outlook)
        layout.addWidget(self.table, stretch=1)
        layout.addLayout(below)
        layout.addWidget(self.agreement)
        layout.addWidget(self.message)

    # -- what the user does -------------------------------------------------------------------

    def start(self) -> None:
        """Begin a session on the case at hand."""
        if self._case.verdicts or self._case.edit is not None:
            question = "Record the verdicts and the painting that are on screen, as the annotator's own?"
            answer = ask_which(self, "Start session", question, "Record them", "Begin without them")
            if answer is None:
                return
            if not answer:
                self._case.begin_anew()
        prediction, lesions = self._case.prediction, self._case.lesions
        if prediction is None or lesions is None:
            return
        try:
            store = self._file.store()
            case, output = keep_prediction(store, prediction)
            order = self.order.currentData()
            pace = store.pace(self.annotator.text())
            queue = queue_of(lesions, case, output, order, pace=pace, seed=secrets.randbits(31))
            session = store.open_session(
                store.project(PROJECT),
                store.annotator(self.annotator.text()),
                "review",
                queue.tasks,
                {
                    "order": order,
                    "threshold": lesions.threshold,
                    "min_volume": lesions.min_volume,
                    "ranks": queue.ranks,
                    "drawn": queue.drawn,
                },
            )
            self._case.record_with(Recorder(store, session, self._visible))
            self._say("")
        except InputError as error:
            self._say(f"⚠ {error}")
        self._list()
        self._show()

    def resume(self) -> None:
        """Go on with the selected session, if it is of the prediction at hand."""
        session = self._selected()
        lost = "Verdicts or painting on screen are in no session, and would be dropped. Go on all the same?"
        if session is None or (
            self._case.unsaved and not ask_which(self, "Go on with it", lost, "Drop them", None)
        ):
            return
        self._go_on_with(session)

    def read_again(self) -> None:
        """Begin the second or third reading of the selected session."""
        session = self._selected()
        if session is None or self._case.prediction is None:
            return
        try:
            store = self._file.store()
            tasks, (_, output) = store.tasks(session.id), keep_prediction(store, self._case.prediction)
            if tasks[0].output != output:
                raise InputError("This session is of another prediction: segment its scans as it was, first.")
            id = reread(store, session.id, self.annotator.text(), seed=secrets.randbits(31))
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._list()
        self._case.begin_anew()  # verdicts that were given here are the first reader's
        self._go_on_with(store.session(id))

    def _go_on_with(self, session: Session) -> None:
        prediction = self._case.prediction
        if prediction is None:
            return
        try:
            recorder = Recorder(self._file.store(), session.id, self._visible)
            _, output = keep_prediction(self._file.store(), prediction)
            if recorder.tasks[0].output != output:
                raise InputError("This session is of another prediction: segment its scans as it was, first.")
            self._case.threshold, self._case.min_volume = recorder.last_seen_at(
                self._case.threshold, self._case.min_volume
            )
            self._case.record_with(recorder)
            self._say("")
        except InputError as error:
            self._say(f"⚠ {error}")
        self._show()

    def leave(self) -> None:
        """Stop recording without closing."""
        self._case.record_with(None)
        self._say("")
        self._list()
        self._show()

    def close_session(self) -> None:
        """End the session at hand for good."""
        recorder = self._case.recorder
        if recorder is None:
            return
        try:
            recorder.close()
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._case.record_with(None)
        self._case.mark_saved()
        head = self._file.store().head(recorder.session.id)
        parts = " ".join(head[i : i + 16] for i in range(0, len(head), 16))
        self._say(f"Closed. Its last hash, to keep elsewhere: {parts}")
        self._list()
        self._show()

    def verify(self) -> None:
        """Check the journals of all sessions, and say what is wrong."""
        if not self._file.path.exists():
            self._say("There is no session yet.")
            return
        try:
            found = self._file.store().verify()
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        faults = [fault for fault in found.values() if fault]
        sound = f"{len(found) - len(faults)} of {len(found)} sessions are as they were written."
        self._say("\n".join([sound, *(f"⚠ {fault}" for fault in faults)]))

    def export(self) -> None:
        """Ask for a file, and write all verdicts there."""
        from napari_uncertainseg.export import write_table
        from napari_uncertainseg.review.sharing import verdict_table

        path = ask_file(self, "Export the verdicts", "verdicts.tsv", "Table (*.tsv)")
        if path is None:
            return
        try:
            table = verdict_table(self._file.store())
            write_table(path, table)
        except InputError as error:
            self._say(f"⚠ {error}")
        else:
            self._say(f"Saved {len(table)} tasks to {path}")

    def choose_file(self) -> None:
        """Ask for another file of sessions, or a new one."""
        path = ask_file(self, "Sessions", DATABASE, "Sessions (*.db)", may_exist=True)
        if path is not None:
            self._file.close()
            self._file = SessionFile(path)
            self._say("")
            self._list()
            self._show()

    # -- from the store to the screen ---------------------------------------------------------

    def _list(self) -> None:
        try:
            self._listed, rows = self._file.listed()
        except InputError as error:
            self._listed, rows = [], []
            self._say(f"⚠ {error}")
        numbers = tuple(str(i) for i in range(1, len(rows) + 1))
        self.table.show_table(Table(numbers, COLUMNS, tuple(rows)))

    def _selected(self) -> Session | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._listed[rows.pop()] if len(rows) == 1 else None

    def _show(self) -> None:
        recorder, ready = self._case.recorder, self._case.prediction is not None
        selected = self._selected()
        self.file_button.setText(self._file.path.name)
        self.file_button.setEnabled(recorder is None)
        for widget in (self.annotator, self.order):
            widget.setEnabled(recorder is None)
        self.start_button.setEnabled(ready and recorder is None and bool(self.annotator.text().strip()))
        for button in (self.leave_button, self.close_button):
            button.setEnabled(recorder is not None)
        may_go_on = selected is not None and selected.closed is None
        self.resume_button.setEnabled(ready and recorder is None and may_go_on)
        named, fit = bool(self.annotator.text().strip()), selected is not None and selected.kind == "review"
        self.again_button.setEnabled(ready and recorder is None and named and fit)
        self._show_agreement(selected)
        self._show_progress()

    def _show_agreement(self, session: Session | None) -> None:
        """What a second reader made of the selected session; not while somebody reads, who could see it."""
        self.agreement.setVisible(False)
        if session is None or session.kind != "review" or self._case.recorder is not None:
            return
        try:
            found = rereading(self._file.store(), session.id)
        except InputError:
            return
        if found.second is not None and found.both:
            self.agreement.setText(
                f"{found.first.annotator} and {found.second.annotator} agree on {found.same} of {found.both} "
                f"(kappa {number(found.kappa)}); {len(found.differing)} for a third reader."
            )
            self.agreement.setVisible(True)

    def _show_progress(self) -> None:
        recorder = self._case.recorder
        self.outlook.setVisible(recorder is not None)
        if recorder is not None:
            for row, session in enumerate(self._listed):
                cell = self.table.item(row, JUDGED)
                if session.id == recorder.session.id and cell is not None:
                    cell.setText(f"{len(recorder.standing)} of {len(recorder.tasks)}")
            self.state.setText(progress_in_words(recorder))
            self.outlook.setText(outlook_in_words(recorder.outlook()))
        elif self._case.prediction is None:
            self.state.setText("No prediction yet: press Run in Segment.")
        elif not self.annotator.text().strip():
            self.state.setText("Say who judges, then start. Without a session nothing is recorded.")
        else:
            self.state.setText("Not recording.")

    def _warn(self, problem: str) -> None:
        from napari.utils.notifications import show_warning

        self._say(f"⚠ The painting is not recorded: {problem}")
        show_warning(f"The painting is not recorded: {problem}")  # this dock may be hidden

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))
