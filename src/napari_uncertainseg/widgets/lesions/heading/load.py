"""What a reader would outline in this scan, by the calibration cases: volume and number with an interval."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.patients.intervals import LoadIntervals
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.lesions.heading import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, plain_tooltip
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState


class LoadLine(PlainLabel):
    """A line about the scan as the model sees it: it stays while the threshold moves and the reader paints.

    Parameters
    ----------
    case
        The case under review.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._asked: Prediction | None = None
        self._known: Prediction | None = None
        self.setWordWrap(True)
        self._jobs.finished.connect(self._on_found)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.cancelled.connect(self._look)
        case.prediction_changed.connect(self._look)
        self._look()

    def cleanup(self) -> None:
        """Disconnect from the case, and stop measuring. May be called twice."""
        self._case.prediction_changed.disconnect(self._look, missing_ok=True)
        self._jobs.cleanup()

    def _look(self) -> None:
        """Measure the prediction in the background, unless it is the one that is shown."""
        prediction = self._case.original
        if prediction is not None and prediction is self._known:
            return
        self._known = None
        self.setVisible(False)
        if self._jobs.state is not JobState.IDLE:
            self._jobs.cancel()  # its end comes back here
            return
        if prediction is None:
            return
        record, problem, least = self._case.record, self._case.record_problem, self._case.min_volume
        self._asked = prediction

        def work(progress: object) -> LoadIntervals:
            from napari_uncertainseg.evaluate.patients.intervals import load_intervals

            return load_intervals(prediction, record, problem, least)

        self._jobs.start(work)

    def _on_found(self, found: LoadIntervals) -> None:
        if self._asked is not self._case.original:
            self._look()
            return
        self._known = self._asked
        self.set_html(texts.interval(*found.numbers) if found.intervals else texts.members(*found.numbers))
        self.setToolTip(plain_tooltip(f"{found.sentence} {texts.WHAT_HOLDS if found.intervals else ''}"))
        self.setVisible(True)

    def _on_failed(self, sentence: str) -> None:
        self._known = self._asked
        self.setText(sentence)
        self.setVisible(True)
