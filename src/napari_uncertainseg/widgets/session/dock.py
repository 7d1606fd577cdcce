"""The Session dock: a review of which every verdict is on disk before the next lesion is shown."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.queue import ORDERS
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.session.rereading import (
    first_reading_id,
    open_next_reading,
    sessions_being_reread,
)
from napari_uncertainseg.review.store.records import Session, Task
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.session.agreement import AgreementLine
from napari_uncertainseg.widgets.session.location import SessionLocation
from napari_uncertainseg.widgets.session.previous import PreviousReview, question_of
from napari_uncertainseg.widgets.session.progress import SessionProgress
from napari_uncertainseg.widgets.session.replay import ReplayPanel, Shows
from napari_uncertainseg.widgets.session.session_list import SessionList
from napari_uncertainseg.widgets.session.tools import SessionTools
from napari_uncertainseg.widgets.shared.annotator_field import AnnotatorField
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import notice, wrapping_label
from napari_uncertainseg.widgets.shared.kept_review import open_session, resume
from napari_uncertainseg.widgets.shared.session_file import SessionFile, how_made, shortened


class SessionDock(DockWidget):
    """Begin a session, go on with one, close it; and what there is.

    Parameters
    ----------
    case
        The case under review.
    layers
        What is seen, and the label layers.
    file
        The sessions; the file is made when the first one begins.
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        layers: Shows,
        file: SessionFile,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._case = case
        self._layers = layers
        self._file = file
        self._unfinished: Session | None = None
        self._kept: PreviousReview | None = None
        self._going: Recorder | None = None
        self._make_controls()
        self._lay_out()
        case.prediction_changed.connect(self._on_other_work)
        case.verdicts_changed.connect(self._show_progress)
        case.not_recorded.connect(self._warn)
        self.start_button.clicked.connect(self.start)
        self.resume_button.clicked.connect(self.resume)
        self.leave_button.clicked.connect(self.leave)
        self.close_button.clicked.connect(self.close_session)
        self.again_button.clicked.connect(self.read_again)
        self.replay_button.clicked.connect(self.play_back)
        self.replay.ended.connect(self._show)
        self.tools.said.connect(self._say)
        file.changed.connect(self._on_file)
        layers.blinding_changed.connect(self._on_blinding)  # type: ignore[attr-defined]
        self.table.itemSelectionChanged.connect(self._show)
        self.annotator.textChanged.connect(self._on_name)
        self._on_file()

    @property
    def in_exercise(self) -> bool:
        """Whether a session is being replayed."""
        return self.replay.active

    def cleanup(self) -> None:
        """Disconnect from the case, and let the database go. May be called twice."""
        self._case.prediction_changed.disconnect(self._on_other_work, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._show_progress, missing_ok=True)
        self._case.not_recorded.disconnect(self._warn, missing_ok=True)
        self._file.changed.disconnect(self._on_file, missing_ok=True)
        self._layers.blinding_changed.disconnect(self._on_blinding, missing_ok=True)  # type: ignore[attr-defined]
        self.replay.cleanup()
        self.tools.cleanup()
        self.progress.cleanup()
        self.place.cleanup()
        self.annotator.cleanup()
        if self._case.recorder is not None and not self._case.recorder.by_default:
            self._case.set_recorder(None)

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.place = SessionLocation(self._file)
        self.annotator = AnnotatorField(self._file)
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
        self.progress = SessionProgress()
        self.table = SessionList(self._file)
        self.resume_button = QPushButton("Go on with it")
        self.resume_button.setToolTip("Take over the verdicts and the painting of the selected session.")
        self.again_button = QPushButton("Read again")
        self.again_button.setToolTip(
            "Quality control of the selected session by somebody else, who does not see its verdicts:\n"
            "a second reading of all of it, or a third of what first and second differ in.\n"
            "Change the annotator's name first."
        )
        self.replay_button = QPushButton("Replay")
        self.replay_button.setToolTip(
            "Play the selected session back, step by step, and score it against another consensus."
        )
        self.replay = ReplayPanel(self._case, self._layers)
        self.tools = SessionTools(self._file)
        self.agreement = AgreementLine(self._file)
        self.message = wrapping_label(selectable=True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("file", self.place)
        form.addRow("annotator", self.annotator)
        form.addRow("order", self.order)
        begin, below = QHBoxLayout(), QHBoxLayout()
        begin.addWidget(self.start_button)
        begin.addWidget(self.leave_button)
        begin.addWidget(self.close_button)
        below.addWidget(self.resume_button)
        below.addWidget(self.again_button)
        below.addWidget(self.replay_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addLayout(begin)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, stretch=1)
        layout.addLayout(below)
        layout.addWidget(self.tools)
        layout.addWidget(self.replay)
        layout.addWidget(self.agreement)
        layout.addWidget(self.message)

    # -- what the user does -------------------------------------------------------------------

    def start(self) -> None:
        """Begin a session on the case at hand."""
        before = self._case.recorder  # what kept the review so far, if anything did
        own = before is not None and before.session.annotator == self.annotator.name
        if not own and (self._case.verdicts or self._case.edit is not None):
            answer = self._may_record()
            if answer is None:
                return
            if not answer:
                self._case.reset_review()
                before = None
        if self._case.prediction is None:
            return
        try:
            store = self._file.store()
            session = open_session(store, self._case, self.annotator.text(), self.order.currentData())
            self._case.set_recorder(Recorder(store, session, self._layers.visible))
            if before is not None:
                before.hand_over(session)
            self._say("")
            self.table.setFocus()  # no field is left that would take the keys of verdicts
        except InputError as error:
            self._say(f"⚠ {error}")
        self._list()
        self._show()

    def _may_record(self) -> bool | None:
        """Whether what is on screen is the annotator's own, to be recorded; None to give up."""
        question = question_of(self._kept, self._case, self.annotator.name)
        if question is None:
            return False
        return ask_yes_no_cancel(self, "Start session", question, "Record them", "Begin without them")

    def resume(self) -> None:
        """Go on with the selected session, if it is of the prediction at hand."""
        session = self.table.session
        if session is None or not self._is_theirs(session) or not self._may_drop("Go on with it"):
            return
        self._go_on_with(session)

    def read_again(self) -> None:
        """Begin the second or third reading of the selected session."""
        session = self.table.session
        if session is None or self._case.prediction is None or not self._may_drop("Read again"):
            return
        try:
            store = self._file.store()
            self._check_output(store.tasks(session.id), session)
            id = open_next_reading(
                store, first_reading_id(session), self.annotator.text(), seed=secrets.randbits(31)
            )
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._list()
        self._go_on_with(store.session(id))

    def _go_on_with(self, session: Session) -> None:
        prediction = self._case.prediction
        if prediction is None:
            return
        try:
            recorder = Recorder(self._file.store(), session.id, self._layers.visible)
            self._check_output(recorder.tasks, session)
            resume(self._case, recorder)
            self._say("")
            self.table.setFocus()
        except InputError as error:
            self._say(f"⚠ {error}")
        self._show()

    def play_back(self) -> None:
        """Play the selected session back, if it is of the prediction at hand."""
        session, prediction = self.table.session, self._case.prediction
        if session is None or prediction is None:
            return
        if not self._may_drop("Replay"):
            return
        try:
            store = self._file.store()
            if first_reading_id(session) in sessions_being_reread(store):
                raise InputError("Somebody is reading this again: it is played back when they have done.")
            replay = Replay(store, session.id)
            self._check_output(replay.tasks, session)
            replay.check_fits(prediction.grid.shape)
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._say("")
        self.replay.begin(replay)
        self._show()

    def _is_theirs(self, session: Session) -> bool:
        """Whether the named annotator may go on with a session; where nobody is named, its own is."""
        name = self.annotator.name
        if name in ("", session.annotator):
            self.annotator.setText(session.annotator)
            return True
        self._say(f"⚠ This session is {session.annotator}'s: change the annotator's name, or start your own.")
        return False

    def _may_drop(self, what: str) -> bool:
        """Whether verdicts and painting that would be lost may be."""
        lost = f"Verdicts or painting on screen are in no session, and would be dropped. {what} all the same?"
        return not self._case.unsaved or bool(ask_yes_no_cancel(self, what, lost, "Drop them", None))

    def _check_output(self, tasks: Sequence[Task], session: Session) -> None:
        """Raise InputError if a session is of another prediction than the one at hand."""
        store, output = self._file.store(), next((task.output for task in tasks), None)
        known = {p.sha256 for p in (self._case.original, self._case.prediction) if p is not None}
        if not any(output in store.outputs(sha256) for sha256 in known):
            raise InputError(f"This session is of another prediction: {how_made(store, output, session)}")

    def leave(self) -> None:
        """Stop recording without closing."""
        if self._case.recorder is not None:
            self._stop_recording(self._case.recorder)
        self._on_file()

    def _stop_recording(self, recorder: Recorder) -> None:
        self._kept = PreviousReview(recorder.session, self._case.verdicts, self._case.edit)
        self._case.set_recorder(None)

    def close_session(self) -> None:
        """End the session at hand for good."""
        recorder = self._case.recorder
        if recorder is None:
            return
        left = len(recorder.tasks) - len(recorder.current_verdicts)
        unread = f"{left} of {len(recorder.tasks)} have no verdict yet. Close the session for good?"
        if left and not ask_yes_no_cancel(self, "Close session", unread, "Close it", None):
            return
        try:
            recorder.close()
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._stop_recording(recorder)
        head = self._file.store().head(recorder.session.id)
        parts = " ".join(head[i : i + 16] for i in range(0, len(head), 16))
        self._on_file()
        self._say(f"Closed. Its last hash, to keep elsewhere: {parts}")

    def _on_blinding(self) -> None:
        if self.replay.active:  # it would lead the trainee away, and tell
            self.replay.end()
        self._show()

    def _on_file(self) -> None:
        self._say("")
        self._list()
        self._on_other_work()

    def _on_name(self) -> None:
        """A session that the user has selected stays selected while a name is typed."""
        if self.table.session in (None, self._unfinished):
            self._on_other_work()
        else:
            self._unfinished = None
            self._show()

    def _on_other_work(self) -> None:
        """Find what the annotator left unfinished, when there is another case, name or file."""
        self._unfinished = None
        if self._own() is None:
            self._unfinished = self.table.select_unfinished(self.annotator.name, self._case.original)
        self._show()

    # -- from the store to the screen ---------------------------------------------------------

    def _list(self) -> None:
        try:
            self.table.refresh()
        except InputError as error:
            self._say(f"⚠ {error}")

    def _show(self) -> None:
        going, recorder, selected = self._case.recorder, self._own(), self.table.session
        ready = self._case.prediction is not None and not self.replay.active and not self._layers.blinded
        self.place.setEnabled(going is None and not self._layers.blinded)
        for widget in (self.annotator, self.order):
            widget.setEnabled(recorder is None and not self._layers.blinded)
        self.start_button.setEnabled(ready and recorder is None and bool(self.annotator.name))
        for button in (self.leave_button, self.close_button):
            button.setEnabled(going is not None)
        may_go_on = selected is not None and selected.closed is None and selected.kind in READINGS
        self.resume_button.setEnabled(ready and recorder is None and may_go_on)
        named, fit = bool(self.annotator.name), selected is not None and selected.kind in READINGS
        self.again_button.setEnabled(ready and recorder is None and named and fit)
        blinded = self._layers.blinded or (recorder is not None and recorder.session.kind == "qc")
        self.tools.setEnabled(not blinded)
        self.replay_button.setEnabled(ready and recorder is None and selected is not None)
        self.replay.setVisible(self.replay.active)
        self.agreement.show_readings(selected if recorder is None else None)
        self._show_progress()

    def _show_progress(self) -> None:
        self.progress.show_recorder(self._own(), self._next_step())
        going = self._case.recorder
        if going is not self._going:  # a review is kept by default from its first verdict on
            self._going = going
            self._list()
            self._show()
        elif going is not None:
            self.table.show_judged(going)

    def _own(self) -> Recorder | None:
        """What records a session that the reader began."""
        recorder = self._case.recorder
        return None if recorder is None or recorder.by_default else recorder

    def _next_step(self) -> str:
        if self._case.prediction is None:
            return "No prediction yet: press Run in Segment."
        if self.replay.active:
            return "Playing back: nothing is recorded."
        if (going := self._case.recorder) is not None:
            return (
                "This review is kept by default as that of "
                f"<b>{escape(shortened(going.session.annotator))}</b>. "
                "Say who judges and press Start session to record it as yours."
            )
        if not self.annotator.name:
            return "Say who judges, then start. A review is kept by default from its first verdict on."
        if self._unfinished is not None and self._unfinished == self.table.session:
            return "Not recording. Your open session of this case is selected: go on with it."
        return "Not recording."

    def _warn(self, problem: str) -> None:
        from napari.utils.notifications import show_warning

        self._say(f"⚠ The painting is not recorded: {problem}")
        show_warning(notice(f"The painting is not recorded: {problem}"))  # this dock may be hidden

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))


DOCK = Dock("session", "Session", lambda context: SessionDock(context.case, context.layers, context.sessions))
