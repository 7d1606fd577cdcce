"""Below the verdicts: why the last one was hard and how sure it is, if the reader likes to say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.verdicts import Verdict, Voxel
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.feedback.row import FeedbackRow


class FeedbackPanel(QWidget):
    """Names a verdict, and shows what is ticked of it; hidden before the first verdict.

    It is about the selected lesion where that has a verdict, else about the latest verdict: after a verdict
    the next lesion is selected, and the reader need not go back.

    Parameters
    ----------
    case
        The case under review.
    parent
        Qt parent.
    not_now
        Why nothing is ticked now, in a sentence; empty where it is. A note is kept: it was begun before.

    Attributes
    ----------
    row
        The question, which names the lesion and its verdict, and the buttons.
    """

    failed = Signal(str)
    """What was ticked could not be written, and why; empty where it could."""

    def __init__(
        self, case: Case, parent: QWidget | None = None, *, not_now: Callable[[], str] = lambda: ""
    ) -> None:
        super().__init__(parent)
        self._case, self._not_now = case, not_now
        self._voxel: Voxel | None = None
        self.row = FeedbackRow()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.addWidget(self.row)
        self.row.changed.connect(self._give)
        self._connections = Connections(
            (case.leaving, self.finish_note),
            (case.verdicts_changed, self._show),
            (case.lesions_changed, self._show),
            (case.selection_changed, self._show),
        )
        self._show()

    def cleanup(self) -> None:
        """Keep a note that is being written, and disconnect from the case. May be called twice."""
        self.finish_note()
        self._connections.disconnect_all()

    def finish_note(self) -> None:
        """Keep a note that is being written. Call it before another verdict, which the note is not about."""
        self.row.finish_note()

    def act(self, action: str) -> None:
        """Tick what a key stands for, of the verdict that is named."""
        if self._voxel is not None:
            self.row.act(action)

    def why_not(self, action: str) -> str:
        """Why a key would tick nothing; empty where it ticks."""
        return texts.NO_VERDICT_YET if self._voxel is None else self.row.why_not(action)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys on the buttons."""
        self.row.show_keys(keys)

    def _verdict(self) -> Verdict | None:
        review, selected = self._case.review, self._case.selected
        if self._case.lesions is None or not review.verdicts:
            return None
        here = None if selected is None else review.verdict_on(selected)
        return here or review.verdict_on(review.verdicts[-1].voxel)

    def _show(self) -> None:
        self.finish_note()  # it is about the verdict that is still shown
        verdict = self._verdict()
        voxel = None if verdict is None else verdict.voxel
        self._voxel = voxel
        self.setVisible(verdict is not None)
        lesions = self._case.lesions
        if verdict is not None and lesions is not None:
            number = lesions.component_at(verdict.voxel)
            self.row.ask(texts.what_made_it_hard(number, verdict.decision))
            self.row.show_feedback(verdict.feedback, unsure=verdict.decision == "unsure")

    def _give(self, feedback: Feedback) -> None:
        verdict = None if self._voxel is None else self._case.review.verdict_on(self._voxel)
        if self._voxel is None or verdict is None:
            return
        if why := self._not_now():
            feedback = replace(verdict.feedback, note=feedback.note)
        refused = why
        try:
            self._case.review.give_feedback(self._voxel, feedback)
        except InputError as error:
            refused = self._case.review.locked or texts.not_recorded(error)
        self.failed.emit(refused)
        if refused:
            self._show()
