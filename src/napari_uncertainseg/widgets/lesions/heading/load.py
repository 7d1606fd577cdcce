"""What a reader would outline in this scan, by the calibration cases: volume and number with an interval."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.patients.intervals import LoadIntervals, threshold_text
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.lesions.heading import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, plain_tooltip
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_Asked = tuple[Prediction, float]
"""A prediction, and the smallest volume of what counts as a lesion, mm3."""


class LoadLine(PlainLabel):
    """A line about the scan as the model sees it: it stays while the threshold moves and the reader paints.

    Where the list beside it is of another threshold or smallest volume, it says of which its numbers are. It
    follows the smallest volume of a lesion, where no calibration cases say what that is.

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
        self._asked: _Asked | None = None
        self._known: _Asked | None = None
        self._found: LoadIntervals | None = None
        self.setWordWrap(True)
        self._jobs.finished.connect(self._on_found)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.cancelled.connect(self._look)
        case.prediction_changed.connect(self._look)
        case.lesions_changed.connect(self._look)
        self._look()

    def cleanup(self) -> None:
        """Disconnect from the case, and stop measuring. May be called twice."""
        self._case.prediction_changed.disconnect(self._look, missing_ok=True)
        self._case.lesions_changed.disconnect(self._look, missing_ok=True)
        self._jobs.cleanup()

    def _wanted(self) -> _Asked | None:
        """What the line should be about; None without a prediction."""
        prediction, record = self._case.original, self._case.record
        least = self._case.min_volume if record is None else record.min_volume
        return None if prediction is None else (prediction, least)

    def _look(self) -> None:
        """Measure the prediction in the background, unless that is done or being done."""
        wanted, busy = self._wanted(), self._jobs.state is not JobState.IDLE
        if wanted is not None and wanted == (self._asked if busy else self._known):
            self._say()
            return
        self._known = self._found = None
        self.setVisible(False)
        if busy:
            self._jobs.cancel()  # its end comes back here
            return
        if wanted is None:
            self._asked = None  # a case that is closed is not kept
            return
        record, problem = self._case.record, self._case.record_problem
        self._asked = prediction, least = wanted

        def work(progress: object) -> LoadIntervals:
            from napari_uncertainseg.evaluate.patients.intervals import load_intervals

            return load_intervals(prediction, record, problem, least)

        self._jobs.start(work)

    def _on_found(self, found: LoadIntervals) -> None:
        if self._asked != self._wanted():
            self._look()
            return
        self._known, self._found = self._asked, found
        self._say()
        self.setVisible(True)

    def _say(self) -> None:
        """Write what was found, with what sets it apart from the list as it is now."""
        found, prediction = self._found, self._case.original
        if found is None or prediction is None:
            return
        counted = "" if found.min_volume == self._case.min_volume else found.counted
        numbers = (*found.numbers, found.noun.many, counted)
        if found.intervals:
            self.set_html(texts.interval(*numbers))
        else:
            self.set_html(texts.members(*numbers, where=self._where(prediction.threshold)))
        self.setToolTip(plain_tooltip(f"{found.sentence} {texts.WHAT_HOLDS if found.intervals else ''}"))

    def _where(self, threshold: float) -> list[str]:
        """In what the model's own result differs from the one that the list is of."""
        own = threshold_text(threshold)
        moved = own != threshold_text(self._case.threshold)
        parts = [f"at {own}"] if moved else []
        return parts if self._case.recalibration is None else [*parts, texts.BEFORE_RECALIBRATION]

    def _on_failed(self, sentence: str) -> None:
        self._known = self._asked
        self.setText(sentence)
        self.setVisible(True)
