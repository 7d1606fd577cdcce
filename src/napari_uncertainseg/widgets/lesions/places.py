"""Where in the brain the lesions lie: a panel that finds it in the background, and filters by it."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import Progress
from napari_uncertainseg.case import Case
from napari_uncertainseg.explain.place.column import PlaceColumns, find_places
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.explain.place.lesions import PLACES, count_places
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.lesions import place_texts as texts
from napari_uncertainseg.widgets.lesions.table_model import PLACE, Range
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState


class PlacesPanel(QWidget):
    """A line that folds out, with a filter, and below it how many lesions lie where.

    Places are looked for once it is folded out, and again for each further result while it stays so. To fold
    it in stops the search. What was found stays in the list.

    Parameters
    ----------
    case
        The case under review.
    zones
        Those that are known in this window, also by other docks.
    parent
        Qt parent.
    """

    filtered = Signal()
    """Another place was chosen."""

    def __init__(self, case: Case, zones: KnownZones, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._zones = case, zones
        self._jobs = JobRunner(self)
        self._searched: Prediction | None = None
        """The prediction, as the model made it, whose places are being found, or were, or could not be."""
        self._problem = ""
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setText(texts.PLACES)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setToolTip(texts.PLACES_TIP)
        self.filter = QComboBox()
        self.filter.addItem(texts.ALL_PLACES)
        self.filter.addItems([place.capitalize() for place in PLACES])
        self.filter.setToolTip(texts.FILTER_TIP)
        self.filter.setAccessibleName(texts.FILTER_NAME)
        self.counts = PlainLabel()
        self.counts.setWordWrap(True)
        self._lay_out()
        self._connections = Connections(
            (case.prediction_changed, self._on_prediction),
            (case.lesions_changed, self._show),
            (self.button.toggled, self._on_fold),
            (self.filter.currentIndexChanged, self._on_filter),
            (self._jobs.progressed, self._on_progress),
            (self._jobs.finished, self._on_found),
            (self._jobs.failed, self._on_failed),
            (self._jobs.cancelled, self._show),
        )
        self._show()

    def cleanup(self) -> None:
        """Disconnect from the case, and stop a search. May be called twice."""
        self._connections.disconnect_all()
        self._jobs.cleanup()

    @property
    def problem(self) -> str:
        """Why places are not known, a sentence; empty where they are, or nobody has looked."""
        return self._problem

    @property
    def chosen(self) -> tuple[Range, ...]:
        """What the filter asks of a lesion."""
        place = self.filter.currentIndex() - 1
        return () if place < 0 else (Range(PLACE, place, place),)

    @property
    def _known(self) -> bool:
        """Whether the list has places; *unknown* is one."""
        return self._case.lesions is not None and PLACE in self._case.lesions.table

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.addWidget(self.button)
        heading.addStretch(1)
        heading.addWidget(self.filter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(heading)
        column.addWidget(self.counts)

    def _on_prediction(self) -> None:
        """Forget what belonged to another prediction; one that was only recalibrated is no other."""
        if self._searched is self._case.original:
            return
        self._stop()
        self._show()

    def _on_fold(self, opened: bool) -> None:
        if not opened:
            self.filter.setCurrentIndex(0)  # a filter that nobody sees would hide lesions
            if not self._known:
                self._stop()
        self._show()

    def _stop(self) -> None:
        self._searched, self._problem = None, ""
        self.filter.setCurrentIndex(0)
        self._jobs.cancel()

    def _on_filter(self) -> None:
        self.filtered.emit()

    def _search(self) -> None:
        """Find the places in the background; a search that is being cancelled is waited for."""
        prediction, original, scans = self._case.prediction, self._case.original, self._case.images
        if prediction is None or original is None or self._jobs.state is not JobState.IDLE:
            return
        self._searched = original

        def work(progress: Progress) -> PlaceColumns:
            return find_places(prediction, scans, progress, self._zones.find)

        self._jobs.start(work)

    def _on_progress(self, _stage: str, share: float, _left: object) -> None:
        if self._searched is not None:
            self.counts.setText(texts.searching(share))

    def _on_found(self, found: PlaceColumns) -> None:
        if self._searched is None or self._searched is not self._case.original:
            self._show()
            return
        self._problem = found.zones.problem
        self._case.add_columns(found, self._searched)

    def _on_failed(self, reason: str) -> None:
        self._problem = reason if self._searched is not None else ""
        self._show()

    def _show(self) -> None:
        opened = self.button.isChecked()
        self.button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.filter.setVisible(opened)
        self.counts.setVisible(opened)
        if not opened:
            return
        lesions = self._case.lesions
        self.filter.setEnabled(self._known and not self._problem)
        if lesions is None:
            self.counts.setText(texts.NO_RESULT)
        elif self._problem:
            self.counts.setText(texts.unknown(self._problem))
        elif self._known:
            self.counts.setText(texts.counts(count_places(lesions.table)))
        elif self._searched is None:
            self.counts.setText(texts.searching(0.0))
            self._search()
