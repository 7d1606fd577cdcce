"""The Session dock: a recorded review. Each verdict is on disk before the next lesion is shown."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.queue import ORDERS
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.session.agreement import AgreementLine
from napari_uncertainseg.widgets.session.file_buttons import FileButtons
from napari_uncertainseg.widgets.session.listed import continue_listed, open_reading_again, replay_listed
from napari_uncertainseg.widgets.session.location import SessionLocation
from napari_uncertainseg.widgets.session.previous import PreviousReview, question_before_recording
from napari_uncertainseg.widgets.session.progress import SessionProgress
from napari_uncertainseg.widgets.session.replay import ReplayPanel, Shows
from napari_uncertainseg.widgets.session.session_list import SessionList
from napari_uncertainseg.widgets.shared.dialogs import DiscardQuestion, ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, notice, yielding_label
from napari_uncertainseg.widgets.shared.kept_review import open_session
from napari_uncertainseg.widgets.shared.responsive.turns import Soon
from napari_uncertainseg.widgets.shared.session_file import AnnotatorField, SessionFile


class SessionDock(DockWidget):
    """Start a session, resume one, or close it; and the list of all sessions.

    Parameters
    ----------
    case
        The case under review.
    layers
        The visible layers, and the label layers.
    file
        The sessions; the file is made when the first one starts.
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
        self._case, self._layers, self._file, self._soon = case, layers, file, Soon()
        self._unfinished: Session | None = None
        self._previous: PreviousReview | None = None
        self._shown_recorder: Recorder | None = None
        self._make_controls()
        self._lay_out()
        case.prediction_changed.connect(self._select_unfinished)
        case.verdicts_changed.connect(self._show_progress)
        case.not_recorded.connect(self._warn)
        self.start_button.clicked.connect(self.start)
        self.resume_button.clicked.connect(self.resume)
        self.leave_button.clicked.connect(self.leave)
        self.close_button.clicked.connect(self.close_session)
        self.again_button.clicked.connect(self.read_again)
        self.replay_button.clicked.connect(self.play_back)
        self.replay.ended.connect(self._show)
        self.tools.message_changed.connect(self._show_message)
        file.changed.connect(self._on_file)
        layers.blinding_changed.connect(self._on_blinding)  # type: ignore[attr-defined]
        self.table.itemSelectionChanged.connect(self._show)
        self.annotator.textChanged.connect(self._on_name)
        self._show()
        self._soon.add(self._on_file)  # in a turn of its own: the dock is there first

    @property
    def in_exercise(self) -> bool:
        """Whether a session is being replayed."""
        return self.replay.active

    def cleanup(self) -> None:
        """Disconnect from the case, and close the database. May be called twice."""
        self._soon.drop()
        self._case.prediction_changed.disconnect(self._select_unfinished, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._show_progress, missing_ok=True)
        self._case.not_recorded.disconnect(self._warn, missing_ok=True)
        self._file.changed.disconnect(self._on_file, missing_ok=True)
        self._layers.blinding_changed.disconnect(self._on_blinding, missing_ok=True)  # type: ignore[attr-defined]
        self.replay.cleanup()
        self.tools.cleanup()
        self.agreement.cleanup()
        self.progress.cleanup()
        self.location.cleanup()
        self.annotator.cleanup()
        if self._case.review.recorder is not None and not self._case.review.recorder.by_default:
            self._case.review.set_recorder(None)

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.location = SessionLocation(self._file)
        self.annotator = AnnotatorField(self._file)
        self.order = QComboBox()
        for name in ORDERS:
            title, meaning = texts.ORDERS[name]
            self.order.addItem(title, name)
            self.order.setItemData(self.order.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.order.setToolTip(texts.ORDER_TIP)
        self.start_button = button_with_tip(texts.START, texts.START_TIP)
        self.close_button = button_with_tip(texts.CLOSE, texts.CLOSE_TIP)
        self.leave_button = button_with_tip(texts.LEAVE, texts.LEAVE_TIP)
        self.progress = SessionProgress()
        self.table = SessionList(self._file)
        self.resume_button = button_with_tip(texts.RESUME, texts.RESUME_TIP)
        self.again_button = button_with_tip(texts.READ_AGAIN, texts.READ_AGAIN_TIP)
        self.replay_button = button_with_tip(texts.REPLAY, texts.REPLAY_TIP)
        self.replay = ReplayPanel(self._case, self._layers)
        self.tools = FileButtons(self._file)
        self.agreement = AgreementLine(self._file)
        self.message = yielding_label(selectable=True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.FILE, self.location)
        form.addRow(texts.ANNOTATOR, self.annotator)
        form.addRow(texts.ORDER, self.order)
        recording, selected = QHBoxLayout(), QHBoxLayout()
        for button in (self.start_button, self.leave_button, self.close_button):
            recording.addWidget(button)
        for button in (self.resume_button, self.again_button, self.replay_button):
            selected.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addLayout(recording)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, stretch=1)
        layout.addLayout(selected)
        layout.addWidget(self.tools)
        layout.addWidget(self.replay)
        layout.addWidget(self.agreement)
        layout.addWidget(self.message)

    # -- what the user does -------------------------------------------------------------------

    def start(self) -> None:
        """Start a session on the current case."""
        before = self._case.review.recorder  # of the review that was saved automatically, if there is one
        is_own = before is not None and before.session.annotator == self.annotator.name
        if not is_own and (self._case.review.verdicts or self._case.review.edit is not None):
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
            self._case.review.set_recorder(Recorder(store, session, self._layers.visible))
            if before is not None:
                before.hand_over(session)
            self._show_message("")
            self.table.setFocus()  # off text fields, so that the keys of verdicts work
        except InputError as error:
            self._show_message(as_warning(error))
        self._list()
        self._show()

    def _may_record(self) -> bool | None:
        """Whether to record the review on screen as the annotator's own; None where the user cancels."""
        question = question_before_recording(self._previous, self._case, self.annotator.name)
        if question is None:
            return False
        return ask_yes_no_cancel(self, texts.START, question, texts.RECORD, texts.WITHOUT_THEM)

    def resume(self) -> None:
        """Resume the selected session, if it belongs to the current prediction."""
        session = self.table.session
        if session is None:
            return
        before = self._file.annotator
        try:
            self._file.resume_as(session.annotator)
        except InputError as error:
            self._show_message(as_warning(error))
            return
        if not self._resume(session):
            self._file.annotator = before  # or the next review would be saved under another reader's name

    def _resume(self, session: Session) -> bool:
        """Resume a session, and record in it what was done since it was left, where the reader wants it."""
        if self._previous is None or not self._previous.goes_on_from(session, self._case):
            return self._may_discard(texts.RESUME) and self._continue_session(session)
        answer = ask_yes_no_cancel(self, texts.RESUME, texts.KEEP, texts.RECORD, texts.DISCARD)
        return answer is not None and self._continue_session(session, self._previous if answer else None)

    def read_again(self) -> None:
        """Start the second or third reading of the selected session."""
        session = self.table.session
        if session is None or self._case.prediction is None or not self._may_discard(texts.READ_AGAIN):
            return
        try:
            store = self._file.store()
            id = open_reading_again(self._case, store, session, self.annotator.text())
        except InputError as error:
            self._show_message(as_warning(error))
            return
        self._list()
        self._continue_session(store.session(id))

    def _continue_session(self, session: Session, left: PreviousReview | None = None) -> bool:
        """Go on with a session, also with what was done after it was `left`; False where that fails."""
        if self._case.prediction is None:
            return False
        try:
            after = None if left is None else left.last_entry
            continue_listed(self._case, self._file.store(), session, self._layers.visible, after)
            self._show_message("")
            self.table.setFocus()
            done = True
        except InputError as error:
            self._show_message(as_warning(error))
            done = False
        self._show()
        return done

    def play_back(self) -> None:
        """Play back the selected session, if it belongs to the current prediction."""
        session, prediction = self.table.session, self._case.prediction
        if session is None or prediction is None or not self._may_discard(texts.REPLAY):
            return
        try:
            replay = replay_listed(self._case, self._file.store(), session, prediction.grid.shape)
        except InputError as error:
            self._show_message(as_warning(error))
            return
        self._show_message("")
        self.replay.start(replay)
        self._show()

    def _may_discard(self, action: str) -> bool:
        """Ask before an action by which verdicts or painting would be lost."""
        return DiscardQuestion(self, self._case, action, texts.LOST, texts.DISCARD, ends_case=False).allows()

    def leave(self) -> None:
        """Stop recording without closing."""
        if self._case.review.recorder is not None:
            self._stop_recording(self._case.review.recorder)
        self._on_file()

    def _stop_recording(self, recorder: Recorder) -> None:
        review = self._case.review
        self._previous = PreviousReview(recorder.session, review.verdicts, review.edit, recorder.last_entry)
        self._case.review.set_recorder(None)

    def close_session(self) -> None:
        """End the current session permanently."""
        recorder = self._case.review.recorder
        if recorder is None:
            return
        tasks = len(recorder.tasks)
        without_verdict = tasks - len(recorder.current_verdicts)
        question = texts.ask_to_close(without_verdict, tasks)
        if without_verdict and not ask_yes_no_cancel(self, texts.CLOSE, question, texts.CLOSE_IT, None):
            return
        try:
            recorder.close()
        except InputError as error:
            self._show_message(as_warning(error))
            return
        self._stop_recording(recorder)
        head = self._file.store().head(recorder.session.id)
        self._on_file()
        self._show_message(texts.closed(head))

    def _on_blinding(self) -> None:
        if self.replay.active:  # it moves the viewer, and shows verdicts
            self.replay.end()
        self._show()

    def _on_file(self) -> None:
        self._show_message("")
        self._list()
        self._shown_recorder = self._case.review.recorder  # it is listed
        self._select_unfinished()

    def _on_name(self) -> None:
        """Keep the session that the user has selected while a name is typed."""
        if self.table.session in (None, self._unfinished):
            self._select_unfinished()
        else:
            self._unfinished = None
            self._show_controls()

    def _select_unfinished(self) -> None:
        """Select the annotator's open session of this case, after the case, the name or the file changed."""
        self._unfinished = None
        if self._own_recorder() is None:
            self._unfinished = self.table.select_unfinished(self.annotator.name, self._case.original)
        self._show()

    # -- from the store to the screen ---------------------------------------------------------

    def _list(self) -> None:
        try:
            self.table.refresh()
        except InputError as error:
            self._show_message(as_warning(error))

    def _show(self) -> None:
        self._show_controls()
        recorder = self._own_recorder()
        self.agreement.show_readings(self.table.session if recorder is None else None)

    def _show_controls(self) -> None:
        """Everything but what needs the database: this runs at each key in the name."""
        current, recorder, selected = self._case.review.recorder, self._own_recorder(), self.table.session
        quiet = not self.replay.active and not self._layers.blinded  # the own review is to come back
        ready = self._case.prediction is not None and quiet
        self.location.setEnabled(current is None and quiet)
        for widget in (self.annotator, self.order):
            widget.setEnabled(recorder is None and not self._layers.blinded)
        self.start_button.setEnabled(ready and recorder is None and bool(self.annotator.name))
        for button in (self.leave_button, self.close_button):
            button.setEnabled(current is not None)
        is_reading = selected is not None and selected.kind in READINGS
        is_open = selected is not None and selected.closed is None
        self.resume_button.setEnabled(ready and recorder is None and is_reading and is_open)
        self.again_button.setEnabled(ready and recorder is None and is_reading and bool(self.annotator.name))
        blinded = self._layers.blinded or (recorder is not None and recorder.session.kind == "qc")
        self.tools.setEnabled(not blinded)
        self.replay_button.setEnabled(ready and recorder is None and selected is not None)
        self.replay.setVisible(self.replay.active)
        self._show_progress()

    def _show_progress(self) -> None:
        self.progress.show_recorder(self._own_recorder(), self._next_step())
        recorder = self._case.review.recorder
        if recorder is not self._shown_recorder:  # a review is saved automatically from its first verdict
            self._shown_recorder = recorder
            self._list()
            self._show()
        elif recorder is not None:
            self.table.show_reviewed(recorder)

    def _own_recorder(self) -> Recorder | None:
        """The recorder of a session that the reader has started."""
        recorder = self._case.review.recorder
        return None if recorder is None or recorder.by_default else recorder

    def _next_step(self) -> str:
        if self._case.prediction is None:
            return texts.NO_PREDICTION
        if self.replay.active:
            return texts.REPLAYING
        if (recorder := self._case.review.recorder) is not None:
            return texts.saved_automatically(recorder.session.annotator)
        if not self.annotator.name:
            return texts.NO_NAME
        if self._unfinished is not None and self._unfinished == self.table.session:
            return texts.UNFINISHED
        return texts.not_recording(self._file.reader if self._case.review.begins_by_itself else "")

    def _warn(self, problem: str) -> None:
        from napari.utils.notifications import show_warning

        warning = texts.painting_not_recorded(problem)
        self._show_message(as_warning(warning))
        show_warning(notice(warning))  # this dock may be hidden

    def _show_message(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))


DOCK = Dock("session", "Session", lambda context: SessionDock(context.case, context.layers, context.sessions))
