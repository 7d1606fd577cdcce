"""Which lesions are probably real by the user's own refinement: found in the background, and filtered by.

Nothing of it is seen where no refinement is kept for the model (`uncertainseg refine fit --with-model`).
"""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QWidget

from napari_uncertainseg._base import Progress
from napari_uncertainseg.case import Case
from napari_uncertainseg.explain.refinement.kept import refined_column
from napari_uncertainseg.explain.refinement.model import P_TRUE
from napari_uncertainseg.late_columns import KeptValues
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.lesions.refined import texts
from napari_uncertainseg.widgets.lesions.table_model import Range
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_LEAST = (0.0, 0.25, 0.5, 0.75)
_PATIENCE_MS = 400
"""The threshold must have rested for so long before lesions are measured anew."""


class RefinedPanel(QWidget):
    """A filter by the refined p; hidden while there is none.

    Parameters
    ----------
    case
        The case under review.
    parent
        Qt parent.
    """

    filtered = Signal()
    """Another limit was chosen."""

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._measured: tuple[Prediction, np.ndarray] | None = None
        """The prediction, as the model made it, and the labels that are being measured, or were."""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_PATIENCE_MS)
        self.filter = QComboBox()
        for least in _LEAST:
            self.filter.addItem(texts.at_least(least), least)
        self.filter.setToolTip(texts.FILTER_TIP)
        self.filter.setAccessibleName(texts.FILTER_NAME)
        self.message = PlainLabel()
        self.message.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.filter)
        row.addWidget(self.message, 1)
        self._connections = Connections(
            (case.prediction_changed, self._wait),
            (case.lesions_changed, self._wait),
            (self._rest.timeout, self._measure),
            (self.filter.currentIndexChanged, self._on_filter),
            (self._jobs.finished, self._on_found),
            (self._jobs.failed, self._say),
            (self._jobs.cancelled, self._measure),
        )
        self._say("")
        self._measure()

    def cleanup(self) -> None:
        """Disconnect from the case, and stop measuring. May be called twice."""
        self._connections.disconnect_all()
        self._rest.stop()
        self._jobs.cleanup()

    @property
    def chosen(self) -> tuple[Range, ...]:
        """What the filter asks of a lesion; one without a value is listed."""
        least = self.filter.currentData()
        return (Range(P_TRUE, least, 1.0, unknown=True),) if least else ()

    def _wait(self) -> None:
        self._rest.start()

    def _measure(self) -> None:
        """Measure the lesions as they are now, unless they were; work on older ones is given up."""
        original, prediction, lesions = self._case.original, self._case.prediction, self._case.lesions
        if original is None or prediction is None or lesions is None:
            self._measured = None
            self._jobs.cancel()
            self._say("")
            return
        before = self._measured
        if before is not None and before[0] is original and np.array_equal(before[1], lesions.labels):
            return
        if self._jobs.state is not JobState.IDLE:
            self._jobs.cancel()  # which comes back here
            return
        if before is None or before[0] is not original:
            self._say("")
        self._measured = original, lesions.labels
        scans, threshold = dict(self._case.images), self._case.threshold

        def work(progress: Progress) -> KeptValues | None:
            return refined_column(prediction, lesions.labels, threshold, scans, progress)

        self._jobs.start(work)

    def _on_filter(self) -> None:
        self.filtered.emit()

    def _on_found(self, found: KeptValues | None) -> None:
        if found is None or self._measured is None:
            self._say("")
            return
        self._case.add_columns(found, self._measured[0])
        self.filter.setVisible(True)
        self.message.setVisible(False)
        self.setVisible(True)

    def _say(self, reason: str) -> None:
        """Say why there is no refined p; nothing where none is kept. No filter hides lesions then."""
        self.filter.setCurrentIndex(0)
        self.filter.setVisible(False)
        self.message.setText(reason)
        self.message.setVisible(bool(reason))
        self.setVisible(bool(reason))
