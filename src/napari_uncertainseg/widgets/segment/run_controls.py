"""The button that runs and cancels, and how far a run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, let_yield
from napari_uncertainseg.widgets.shared.jobs import JobState

if TYPE_CHECKING:
    from napari_uncertainseg.progress.times import TimeLeft


class RunControls(QWidget):
    """A button, and below it a bar and a line while something runs or its layers still come.

    Attributes
    ----------
    run
        The button.
    progress, stage
        The bar, and what is done just now, with the time that is left.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run = QPushButton()
        self.run.setObjectName("run")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.stage = PlainLabel()
        let_yield(self.stage)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.run, self.progress, self.stage):
            column.addWidget(widget)

    def show_state(self, state: JobState, *, ready: bool, coming: bool) -> None:
        """Show what can be pressed now.

        Parameters
        ----------
        state
            Of what runs.
        ready
            Whether there is something to run.
        coming
            Whether layers of the last run are still to come.
        """
        idle = state is JobState.IDLE
        self.run.setText(texts.RUN_LABELS[state.name])
        self.run.setEnabled(ready if idle else state is JobState.RUNNING)
        self.run.setToolTip(texts.RUN_TIP if idle else texts.CANCEL_TIP)
        for widget in (self.progress, self.stage):
            widget.setVisible(coming or not idle)
        if idle:
            self.progress.setValue(self.progress.maximum() if coming else 0)
            self.stage.setText(texts.SHOWING if coming else "")

    def show_progress(self, stage: str, fraction: float, left: TimeLeft | None, elapsed: float) -> None:
        """Show how far it is: a share from 0 to 1, and seconds since it began."""
        self.progress.setValue(round(1000 * fraction))
        self.stage.setText(texts.stage(stage, left, elapsed))
