"""What makes moves of the threshold fast, made in the background when somebody first moves it.

The structures of all members at all thresholds take up to a second of processor time, and most scans are read
at one threshold. Until they are there, a move asks the members themselves: a few hundredths of a second more.
"""

from __future__ import annotations

import weakref

from qtpy.QtCore import QObject

from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_State = tuple[float, float, bool]
"""Threshold, smallest volume, and whether anything is painted."""


class FastMoves(QObject):
    """Prepares a prediction for moves at the first one, and again for another prediction.

    Parameters
    ----------
    case
        The case under review.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._seen: weakref.ref[Prediction] | None = None
        self._first: _State | None = None
        self._asked: weakref.ref[Prediction] | None = None
        self._jobs.finished.connect(self._look)
        self._case.lesions_changed.connect(self._look)
        self._look()

    @property
    def busy(self) -> bool:
        """Whether a prediction is being prepared."""
        return self._jobs.state is not JobState.IDLE

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        self._case.lesions_changed.disconnect(self._look, missing_ok=True)
        self._jobs.cleanup()

    def _look(self, _: object = None) -> None:
        prediction = self._case.prediction
        if prediction is None:
            return
        now = self._case.threshold, self._case.min_volume, self._case.review.edit is not None
        if not _points_to(self._seen, prediction):
            self._seen, self._first = weakref.ref(prediction), now
        if now == self._first or self.busy or _points_to(self._asked, prediction):
            return
        self._asked = weakref.ref(prediction)
        ranker = ranker_of(prediction)
        if not ranker.is_prepared:
            self._jobs.start(lambda progress: ranker.prepare())


def _points_to(reference: weakref.ref[Prediction] | None, prediction: Prediction) -> bool:
    return reference is not None and reference() is prediction
