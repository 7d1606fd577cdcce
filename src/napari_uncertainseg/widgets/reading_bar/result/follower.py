"""Measures the result of the review in the background, and again whenever something changes."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import QObject, QTimer, Signal

from napari_uncertainseg._base import Progress
from napari_uncertainseg.evaluate.result.measuring import MeasuredResult, ReviewState
from napari_uncertainseg.explain.place.column import PlaceColumns, find_places
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.session.opening import UNNAMED
from napari_uncertainseg.widgets.dock_description import ReviewContext
from napari_uncertainseg.widgets.reading_bar.measure.measured import Measured
from napari_uncertainseg.widgets.reading_bar.measure.texts import in_result
from napari_uncertainseg.widgets.reading_bar.result import texts
from napari_uncertainseg.widgets.scans.segmented_scan import name_of
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_REST_MS = 200
"""After the last change: a slider that is dragged, or a stroke, is waited for."""


class ResultFollower(QObject):
    """Knows the result as it is now, or why there is none. Finds the places of the lesions, too.

    Parameters
    ----------
    context
        What docks and bar share.
    measured
        Rulers and regions of the scan under review.
    parent
        Qt parent.

    Attributes
    ----------
    measured
        None while there is none.
    why_not
        Why there is none, in a sentence; empty where there is one.
    prediction
        That the result is of.
    """

    changed = Signal()
    """Another result, or another reason why there is none."""

    def __init__(self, context: ReviewContext, measured: Measured, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._case = context, context.case
        self._measured_by_hand = measured
        self.measured: MeasuredResult | None = None
        self.why_not = texts.MEASURING
        self.prediction: Prediction | None = None
        self._place_problem = ""
        self._searched: Prediction | None = None
        self._dated: tuple[Prediction | None, str] = (None, "")
        self._again = False
        self._jobs, self._places = JobRunner(self), JobRunner(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        case = context.case
        self._connections = Connections(
            (case.prediction_changed, self.refresh),
            (case.lesions_changed, self.refresh),
            (case.verdicts_changed, self.refresh),
            (case.reliability_changed, self.refresh),
            (context.layers.blinding_changed, self.refresh),
            (measured.changed, self.refresh),
            (self._rest.timeout, self._measure),
            (self._jobs.finished, self._on_measured),
            (self._jobs.failed, self._on_failed),
            (self._places.finished, self._on_places),
            (self._places.failed, self._on_no_places),
        )
        self.refresh()

    def cleanup(self) -> None:
        """Stop measuring, and disconnect. May be called twice."""
        self._rest.stop()
        self._connections.disconnect_all()
        self._jobs.cleanup()
        self._places.cleanup()

    def refresh(self) -> None:
        """Measure anew once nothing has changed for a moment; what may not be seen goes at once."""
        if self._case.original is None:  # a case that is closed is not kept
            self._dated, self._searched, self.prediction = (None, ""), None, None
        if hidden := self._hidden():
            self._say(hidden)
        elif self.measured is not None and self.prediction is not self._case.original:
            self._say(texts.MEASURING)  # what is there is of another case, and could be exported as of this
        self._rest.start()

    def _hidden(self) -> str:
        """Why there is nothing to show; empty where there is."""
        if self._context.layers.blinded:
            return texts.EXERCISE
        if self._case.review.locked:
            return self._case.review.locked
        return texts.NO_CASE if self._case.original is None else ""

    def _say(self, why: str) -> None:
        self.measured, self.why_not = None, why
        self.changed.emit()

    def _measure(self) -> None:
        if hidden := self._hidden():
            self._say(hidden)
            return
        if self._jobs.state is not JobState.IDLE:
            self._again = True
            return
        state = self._state()
        if state is None:
            return
        self._search_places(state.original)
        session, sessions = self._session(), self._context.sessions
        known = self._dated[1] if self._dated[0] is state.original else None

        def work(progress: Progress) -> tuple[Prediction, MeasuredResult]:
            from napari_uncertainseg.evaluate.result.measuring import measure_result
            from napari_uncertainseg.images.dicom.source import scan_date

            entries = None if session is None else sessions.store().entries(session)
            date = scan_date(state.original.information) if known is None else known
            return state.original, measure_result(replace(state, entries=entries, scan_date=date))

        self._jobs.start(work)

    def _state(self) -> ReviewState | None:
        case = self._case
        lesions, prediction, original = case.lesions, case.prediction, case.original
        if lesions is None or prediction is None or original is None:
            return None
        return ReviewState(
            original=original,
            lesions=lesions,
            decisions=dict(case.review.decisions()),
            edit=case.review.edit,
            probability=prediction.probability,
            reference=None if self._context.layers.errors.hidden else case.comparison.reference,
            case=name_of(case),
            annotator=self._annotator(),
            measurements=[in_result(*each) for each in enumerate(self._measured_by_hand.items, start=1)],
            place_problem=self._place_problem if self._searched is original else "",
        )

    def _session(self) -> str | None:
        recorder = self._case.review.recorder
        return None if recorder is None else recorder.session.id

    def _annotator(self) -> str:
        recorder = self._case.review.recorder
        typed = self._context.sessions.reader
        name = typed if recorder is None else recorder.session.annotator
        return "" if name == UNNAMED else name

    def _on_measured(self, found: tuple[Prediction, MeasuredResult]) -> None:
        prediction, measured = found
        now = prediction is self._case.original
        if now:
            self._dated = prediction, measured.result.made.scan_date
        if self._again:
            self._again = False
            self._rest.start()
        if now and not self._hidden():
            self.measured, self.why_not, self.prediction = measured, "", prediction
            self.changed.emit()

    def _on_failed(self, sentence: str) -> None:
        self._again = False
        self._say(sentence)

    # -- places -------------------------------------------------------------------------------

    def _search_places(self, original: Prediction) -> None:
        """Find the places in the background, once for each prediction."""
        lesions, prediction = self._case.lesions, self._case.prediction
        known = lesions is not None and "place" in lesions.table
        if known or prediction is None or self._searched is original:
            return
        if self._places.state is not JobState.IDLE:
            self._places.cancel()
            self._rest.start()  # asked again when that has ended
            return
        self._searched, self._place_problem = original, ""
        scans, zones = self._case.images, self._context.zones

        def work(progress: Progress) -> tuple[Prediction, PlaceColumns]:
            return original, find_places(prediction, scans, progress, zones.find)

        self._places.start(work)

    def _on_places(self, found: tuple[Prediction, PlaceColumns]) -> None:
        original, columns = found
        if original is self._searched:
            self._place_problem = columns.zones.problem
            self._case.add_columns(columns, original)  # its signal measures anew

    def _on_no_places(self, sentence: str) -> None:
        self._place_problem = sentence
        self.refresh()
