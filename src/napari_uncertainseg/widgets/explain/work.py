"""Explaining in the background, and all that was found about one case so far."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_uncertainseg.explain.kept import Kept, prediction_sha256
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.widgets.explain.request import Answer, ExplainRequest, OpenedCase
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

if TYPE_CHECKING:
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.progress.times import TimeLeft


class ExplainWork(QObject):
    """Answers one request at a time, and keeps the answers while the case is the same.

    Parameters
    ----------
    prediction
        Of which case all that is kept here is.
    zones
        Of the brain, shared with other docks.
    parent
        Qt parent.
    """

    found = Signal(object)
    """An answer to the request, so far or whole."""
    failed = Signal(object, str)
    """The request, None where another case has come, and why."""
    cancelled = Signal(object, bool)
    """The request, and whether something was found before; not where another case has come."""

    def __init__(
        self, prediction: Prediction | None, zones: KnownZones, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.jobs = JobRunner(self)
        self.kept = Kept[Answer]()
        self.prediction = prediction
        self.request: ExplainRequest | None = None
        """What is being answered."""
        self.told: list[Answer] = []
        """What the last job has told so far, the newest last; its thread puts it there."""
        self._zones, self._opened = zones, OpenedCase(zones)
        self._heard: Answer | None = None
        self._hash = ""
        """Of the prediction; empty until it is needed."""
        self.jobs.progressed.connect(self._on_progress)
        self.jobs.finished.connect(self._on_finished)
        self.jobs.failed.connect(self._on_failed)
        self.jobs.cancelled.connect(self._on_cancelled)

    def cleanup(self) -> None:
        """Stop, and let go of the case. May be called twice."""
        self.jobs.cleanup()
        self._opened, self.request = OpenedCase(self._zones), None
        self.kept.clear()

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered, not even until it has stopped."""
        return self.jobs.state is JobState.IDLE

    @property
    def running(self) -> bool:
        """Whether a request is being answered, and nobody has cancelled it."""
        return self.jobs.state is JobState.RUNNING

    def start(self, request: ExplainRequest) -> None:
        """Begin to answer a request."""
        self.request, self.told = request, []
        self.jobs.start(partial(request.run, self._opened, self.told.append))

    def known(self, request: ExplainRequest) -> Answer | None:
        """What was found before, or so far."""
        kept = self.kept.find((self._prediction_hash, request.key)) if self.kept else None
        return kept or next((each for each in reversed(self.told) if request.answered_by(each)), None)

    def turn_to(self, prediction: Prediction | None) -> None:
        """Drop all that is of another case."""
        self.prediction = prediction
        self.jobs.cancel()
        self._opened = OpenedCase(self._zones)
        self.request, self.told = None, []  # a job that ends keeps its own
        self.kept.clear()
        self._hash = ""

    @property
    def _prediction_hash(self) -> str:
        if not self._hash and self.prediction is not None:
            self._hash = prediction_sha256(self.prediction)
        return self._hash

    def _on_progress(self, text: str, fraction: float, left: TimeLeft | None) -> None:
        del self.told[:-1]
        if self.told and self.told[-1] is not self._heard:
            self._heard = self.told[-1]
            self.found.emit(self._heard)

    def _on_finished(self, answer: Answer) -> None:
        if self.request is not None and answer.prediction is self.prediction:
            self.kept.keep((self._prediction_hash, answer.key), answer)
            self.found.emit(answer)
        self.request, self.told = None, []

    def _on_failed(self, text: str) -> None:
        request, self.request = self.request, None
        self.failed.emit(request, text)

    def _on_cancelled(self) -> None:
        request, self.request = self.request, None
        if request is not None:  # not by another case
            self.cancelled.emit(request, bool(self.told))
