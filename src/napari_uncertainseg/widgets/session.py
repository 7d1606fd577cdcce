"""The Session dock: a review of which every verdict is on disk before the next lesion is shown."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.inference.prediction import Prediction
from napari_uncertainseg.review.outlook import Outlook
from napari_uncertainseg.review.queue import ORDERS, queue_of
from napari_uncertainseg.review.recorder import Recorder
from napari_uncertainseg.review.rereading import reread, rereading
from napari_uncertainseg.review.rows import Session
from napari_uncertainseg.review.store import DATABASE, Store
from napari_uncertainseg.widgets.numbers import NumberTable, Table, number
from napari_uncertainseg.widgets.saving import ask_file

PROJECT = "review"
_COLUMNS = ("case", "annotator", "judged", "state", "opened")
_JUDGED = _COLUMNS.index("judged")


def default_file() -> Path:
    """Where sessions are kept unless the user says otherwise."""
    return Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False)) / DATABASE


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
        self._file = default_file() if file is None else file
        self._store: Store | None = None
        self._listed: list[Session] = []
        self._make_controls()
        self._lay_out()
        case.prediction_changed.connect(self._show)
        case.verdicts_changed.connect(self._show_progress)
        case.not_recorded.connect(self._warn)
        self.start_button.clicked.connect(self.start)
        self.resume_button.clicked.connect(self.resume)
        self.close_button.clicked.connect(self.close_session)
        self.again_button.clicked.connect(self.read_again)
        self.verify_button.clicked.connect(self.verify)
        self.export_button.clicked.connect(self.export)
        self.file_button.clicked.connect(self.choose_file)
        self.table.itemSelectionChanged.connect(self._show)
        self.annotator.textChanged.connect(self._show)
        if self._file.exists():
            self._list()
        self._show()

    def cleanup(self) -> None:
        """Disconnect from the case, and let the database go. May be called twice."""
        self._case.prediction_changed.disconnect(self._show, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._show_progress, missing_ok=True)
        self._case.not_recorded.disconnect(self._warn, missing_ok=True)
        if self._case.recorder is not None:
            self._case.record_with(None)
        if self._store is not None:
            self._store.close()
            self._store = None

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.file_button = QPushButton()
        self.file_button.setToolTip("The file that holds the sessions. Click to choose another.")
        self.annotator = QLineEdit()
        self.annotator.setMaxLength(200)
        self.annotator.setPlaceholderText("name or pseudonym")
        self.annotator.setToolTip("Who judges: stands in the record and in exports.")
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
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.outlook = QLabel()
        self.outlook.setWordWrap(True)
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
        self.agreement = QLabel()
        self.agreement.setWordWrap(True)
        self.agreement.setToolTip("Of the verdicts that both gave. Kappa: 0 is chance, 1 full agreement.")
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("file", self.file_button)
        form.addRow("annotator", self.annotator)
        form.addRow("order", self.order)
        begin, below = QHBoxLayout(), QHBoxLayout()
        begin.addWidget(self.start_button)
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
        prediction, lesions = self._case.prediction, self._case.lesions
        if prediction is None or lesions is None:
            return
        try:
            store = self._open()
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
        except InputError as error:
            self._say(f"⚠ {error}")
        else:
            self._say("")
        self._list()
        self._show()

    def resume(self) -> None:
        """Go on with the selected session, if it is of the prediction at hand."""
        session = self._selected()
        if session is not None:
            self._go_on_with(session)

    def read_again(self) -> None:
        """Begin the second or third reading of the selected session."""
        session = self._selected()
        if session is None or self._case.prediction is None:
            return
        try:
            store = self._open()
            tasks, (_, output) = store.tasks(session.id), keep_prediction(store, self._case.prediction)
            if tasks[0].output != output:
                raise InputError("This session is of another prediction: segment its scans as it was, first.")
            id = reread(store, session.id, self.annotator.text(), seed=secrets.randbits(31))
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._list()
        self._case.prediction = self._case.prediction  # verdicts that were given here are the first reader's
        self._go_on_with(store.session(id))

    def _go_on_with(self, session: Session) -> None:
        prediction = self._case.prediction
        if prediction is None:
            return
        try:
            recorder = Recorder(self._open(), session.id, self._visible)
            _, output = keep_prediction(self._open(), prediction)
            if recorder.tasks[0].output != output:
                raise InputError("This session is of another prediction: segment its scans as it was, first.")
            self._case.threshold = float(session.settings.get("threshold", self._case.threshold))
            self._case.min_volume = float(session.settings.get("min_volume", self._case.min_volume))
            self._case.record_with(recorder)
        except InputError as error:
            self._say(f"⚠ {error}")
        else:
            self._say("")
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
        self._say(f"Closed. Its last hash is {self._open().head(recorder.session.id)}")
        self._list()
        self._show()

    def verify(self) -> None:
        """Check the journals of all sessions, and say what is wrong."""
        try:
            found = self._open().verify()
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
            table = verdict_table(self._open())
            write_table(path, table)
        except InputError as error:
            self._say(f"⚠ {error}")
        else:
            self._say(f"Saved {len(table)} tasks to {path}")

    def choose_file(self) -> None:
        """Ask for another file of sessions."""
        path = ask_file(self, "Sessions", DATABASE, "Sessions (*.db)")
        if path is None:
            return
        if self._store is not None:
            self._store.close()
        self._store, self._file = None, path
        self._list()
        self._show()

    # -- from the store to the screen ---------------------------------------------------------

    def _open(self) -> Store:
        if self._store is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._store = Store(self._file)
        return self._store

    def _list(self) -> None:
        rows: list[tuple[str, ...]] = []
        self._listed = []
        try:
            store = self._open()
            self._listed = store.sessions()
            for s in self._listed:
                tasks = store.tasks(s.id)
                judged = f"{len(store.verdicts(s.id))} of {len(tasks)}"
                opened = s.opened[:16].replace("T", " ") + " UTC"
                name = "/".join(Path(store.folder(tasks[0].case)).parts[-2:])
                rows.append((name, s.annotator, judged, "open" if s.closed is None else "closed", opened))
        except InputError as error:
            self._say(f"⚠ {error}")
        numbers = tuple(str(i) for i in range(1, len(rows) + 1))
        self.table.show_table(Table(numbers, _COLUMNS, tuple(rows)))

    def _selected(self) -> Session | None:
        rows = {index.row() for index in self.table.selectedIndexes()}
        return self._listed[rows.pop()] if len(rows) == 1 else None

    def _show(self) -> None:
        recorder, ready = self._case.recorder, self._case.prediction is not None
        selected = self._selected()
        self.file_button.setText(self._file.name)
        self.file_button.setEnabled(recorder is None)
        for widget in (self.annotator, self.order):
            widget.setEnabled(recorder is None)
        self.start_button.setEnabled(ready and recorder is None and bool(self.annotator.text().strip()))
        self.close_button.setEnabled(recorder is not None)
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
            found = rereading(self._open(), session.id)
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
            pace = recorder.seconds_each
            each = "" if pace is None else f", {pace:.1f} s each (median)"
            for row, session in enumerate(self._listed):
                cell = self.table.item(row, _JUDGED)
                if session.id == recorder.session.id and cell is not None:
                    cell.setText(f"{len(recorder.standing)} of {len(recorder.tasks)}")
            self.state.setText(
                f"<b>{recorder.session.annotator}</b>: {len(recorder.standing)} of {len(recorder.tasks)} "
                f"judged{each}. All of it is on disk."
            )
            self.outlook.setText(_in_words(recorder.outlook()))
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


def _in_words(found: Outlook) -> str:
    """When to stop, for the eye."""
    if not found.unseen:
        return "Nothing is left unseen."
    expected = f"Of {found.unseen} unseen, {found.expected:.1f} are expected to be wrong"
    if not found.checks:
        return f"{expected}; how many at most cannot be said before more random checks are judged."
    return f"{expected}; <b>at most {found.most}</b> (95 % sure, by {found.checks} random checks)."


def keep_prediction(store: Store, prediction: Prediction) -> tuple[int, int]:
    """Numbers of the case and of the prediction in the store, made where they are not there."""
    about: Mapping[str, Any] = prediction.information
    inputs = about.get("inputs", {})
    flair = inputs.get("flair", {})
    scans = [str(inputs[role].get("sha256")) for role in sorted(inputs)]
    name = f"{flair.get('name') or 'scan'} {hashlib.sha256(''.join(scans).encode()).hexdigest()[:8]}"
    case = store.case(store.project(PROJECT), name, str(flair.get("path") or flair.get("name") or "scan"))
    output = store.output(
        case,
        hashlib.sha256(prediction.probability.tobytes()).hexdigest(),
        model=str(about.get("model", "")),
        model_sha256=str(about.get("model_sha256", "")),
        method=str(about.get("method", "")),
        threshold=prediction.threshold,
    )
    return case, output
