"""How far a session is, how many errors may remain, when to stop, and how well the model is calibrated."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.remaining_errors import RemainingErrors
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label
from napari_uncertainseg.widgets.shared.plots import ReliabilityView


class SessionProgress(QWidget):
    """Numbers of the session that is being recorded.

    Parameters
    ----------
    parent
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._remaining: RemainingErrors | None = None
        self.state, self.remaining, self.stop, self.caution = (
            wrapping_label(),
            wrapping_label(),
            wrapping_label(),
            wrapping_label(),
        )
        self.remaining.setToolTip(texts.REMAINING_TIP)
        self.target = QSpinBox()
        self.target.setRange(0, 999)
        self.target.setValue(2)
        self.target.setMaximumWidth(90)
        # Focus only on a click, and only until Enter: letters are the keys of verdicts.
        self.target.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.target.editingFinished.connect(self.target.clearFocus)
        self.target.setToolTip(texts.TARGET_TIP)
        self.target.setAccessibleName(texts.TARGET_NAME)
        self.diagram: ReliabilityView | None = None
        self._stopping = QWidget()
        row = QHBoxLayout(self._stopping)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(PlainLabel(texts.TARGET))
        row.addWidget(self.target)
        row.addWidget(self.stop, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.state, self.remaining, self._stopping, self.caution):
            layout.addWidget(widget)
        self.target.valueChanged.connect(self._show_stop)

    def cleanup(self) -> None:
        """Release the diagram. May be called twice."""
        if self.diagram is not None:
            self.diagram.cleanup()

    def _diagram(self) -> ReliabilityView:
        """Made with the first session: a plot takes as long as the rest of the dock."""
        if self.diagram is None:
            self.diagram = ReliabilityView(compact=True, across=texts.PROBABILITY)
            self.diagram.set_unit(texts.LESIONS)
            self.diagram.setFixedHeight(130)
            self.diagram.setToolTip(texts.DIAGRAM_TIP)
            layout = self.layout()
            assert isinstance(layout, QVBoxLayout)
            layout.insertWidget(layout.indexOf(self.caution), self.diagram)
        return self.diagram

    def show_recorder(self, recorder: Recorder | None, otherwise: str) -> None:
        """Show how far a session is, or, without one, the next step (``otherwise``)."""
        self._remaining = None if recorder is None else recorder.outlook()
        recording = recorder is not None
        for widget in (self.remaining, self._stopping):
            widget.setVisible(recording)
        drawn = recorder is not None and bool(recorder.current_verdicts)
        if recording or self.diagram is not None:
            self._diagram().setVisible(drawn)
        self.caution.hide()
        if recorder is None or self._remaining is None:
            self.state.setText(otherwise)
            return
        self.state.set_html(texts.describe_progress(recorder))
        self.remaining.set_html(texts.describe_remaining_errors(self._remaining))
        self._diagram().show_reliability(recorder.calibration())
        self.caution.setText(texts.describe_calibration(self._remaining))
        self.caution.setVisible(drawn and bool(self.caution.text()))
        self._show_stop()

    def _show_stop(self) -> None:
        if self._remaining is not None:
            self.stop.set_html(texts.describe_stopping(self._remaining, self.target.value()))
