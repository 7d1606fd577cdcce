"""How far a session is, what is still to be expected, when to stop, what the verdicts say of the model."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.remaining_errors import RemainingErrors
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label
from napari_uncertainseg.widgets.shared.plots import ReliabilityView
from napari_uncertainseg.widgets.shared.session_file import (
    describe_calibration,
    describe_progress,
    describe_remaining_errors,
    describe_stopping,
)


class SessionProgress(QWidget):
    """Follows a session's recorder.

    Parameters
    ----------
    parent
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ahead: RemainingErrors | None = None
        self.state, self.outlook, self.stop, self.trust = (
            wrapping_label(),
            wrapping_label(),
            wrapping_label(),
            wrapping_label(),
        )
        self.outlook.setToolTip(
            "Wrong is a lesion that you do not accept as it is, and a candidate that you do not reject.\n"
            "Guess: by what you judged so far of lesions with like probability and doubt. It may be off.\n"
            "At most, 95 % sure: by the lesions that were drawn at random and mixed into the order.\n"
            "It trusts nothing else, and holds in whatever order you judge and whenever you stop.\n"
            "Lesions that you skip may all be wrong."
        )
        self.target = QSpinBox()
        self.target.setRange(0, 999)
        self.target.setValue(2)
        self.target.setMaximumWidth(90)
        # It takes the keyboard only when it is clicked, and gives it back: letters are verdicts.
        self.target.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.target.editingFinished.connect(self.target.clearFocus)
        self.target.setToolTip(
            "So many lesions or candidates may still be wrong among the unseen when you stop, 95 % sure."
        )
        self.diagram = ReliabilityView(compact=True, across="largest probability")
        self.diagram.set_unit("lesions")
        self.diagram.setFixedHeight(130)
        self.diagram.setToolTip(
            "How often what the model gives some largest probability is a lesion, by your verdicts.\n"
            "It speaks of all lesions and candidates of this case, judged or not.\n"
            "Points: your verdicts, and a guess of the rest. The lesions that come first are not like the\n"
            "others, so a point can be off until most of its lesions are judged.\n"
            "Bars: the true share lies within, 95 % sure, in whatever order lesions come. They trust only\n"
            "your verdicts and the random checks, so they are long at first."
        )
        self._stopping = QWidget()
        row = QHBoxLayout(self._stopping)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(PlainLabel("may be wrong, at most"))
        row.addWidget(self.target)
        row.addWidget(self.stop, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.state, self.outlook, self._stopping, self.diagram, self.trust):
            layout.addWidget(widget)
        self.target.valueChanged.connect(self._show_stop)

    def cleanup(self) -> None:
        """Let go of the drawing. May be called twice."""
        self.diagram.cleanup()

    def show_recorder(self, recorder: Recorder | None, otherwise: str) -> None:
        """Show how far a session is, or, without one, what to do next."""
        self._ahead = None if recorder is None else recorder.outlook()
        going_on = recorder is not None
        for widget in (self.outlook, self._stopping):
            widget.setVisible(going_on)
        self.diagram.setVisible(recorder is not None and bool(recorder.current_verdicts))
        self.trust.hide()
        if recorder is None or self._ahead is None:
            self.state.setText(otherwise)
            return
        self.state.set_html(describe_progress(recorder))
        self.outlook.set_html(describe_remaining_errors(self._ahead))
        self.diagram.show_reliability(recorder.calibration())
        self.trust.setText(describe_calibration(self._ahead))
        self.trust.setVisible(bool(recorder.current_verdicts) and bool(self.trust.text()))
        self._show_stop()

    def _show_stop(self) -> None:
        if self._ahead is not None:
            self.stop.set_html(describe_stopping(self._ahead, self.target.value()))
