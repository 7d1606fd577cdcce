"""Thresholds that keep a promise, in the window: a choice, a button, and whether it holds for this case."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg.calibration.conformal import Guarantee
from napari_uncertainseg.calibration.record import (
    LOSSES,
    MEASURES,
    CalibrationRecord,
    OutOfRangeMeasure,
    measures_of,
)
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

ShowBand = Callable[[float | None, float | None], None]
_SURE = 0.9
_FEWEST = 5
"""Cases whose range says something."""


class GuaranteeRow(QWidget):
    """At most so much missed, or false: the threshold for it, where the model's calibration cases allow one.

    Parameters
    ----------
    case
        Whose threshold it sets.
    show_band
        Outlines what lies above two thresholds, the core's and the envelope's; None hides a contour.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, show_band: ShowBand, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._show_band = show_band
        self._record: CalibrationRecord | None = None
        self._problem = ""
        self._promise: Guarantee | None = None
        self._unlike: list[OutOfRangeMeasure] = []
        self._same = False
        self._shown: tuple[float | None, float | None] = (None, None)
        self._make_controls()
        self._case.prediction_changed.connect(self._read)
        self._case.lesions_changed.connect(self._show)
        self.limit.valueChanged.connect(self._show)
        self.loss.currentIndexChanged.connect(self._show)
        self.kind.currentIndexChanged.connect(self._show)
        self.button.clicked.connect(self.use)
        self.band.toggled.connect(self._outline)
        self._read()

    def cleanup(self) -> None:
        """Disconnect from the case, and hide the outlines. May be called twice."""
        self._case.prediction_changed.disconnect(self._read, missing_ok=True)
        self._case.lesions_changed.disconnect(self._show, missing_ok=True)
        self.band.setChecked(False)

    def use(self) -> None:
        """Take the threshold of the promise."""
        if self._promise is not None and self._promise.threshold is not None:
            self._case.threshold = self._promise.threshold

    def _make_controls(self) -> None:
        self.limit = QSpinBox()
        self.limit.setRange(1, 99)
        self.limit.setValue(10)
        self.limit.setSuffix(" %")
        self.loss, self.kind = QComboBox(), QComboBox()
        self.loss.setToolTip("\n".join(loss.title for loss in LOSSES.values()))
        for name, loss in LOSSES.items():
            self.loss.addItem(name.replace("_", " "), name)
            self.loss.setItemData(self.loss.count() - 1, loss.title, Qt.ItemDataRole.ToolTipRole)
        self.kind.addItem("on average", None)
        self.kind.addItem(f"{100 * _SURE:.0f} % sure", _SURE)
        self.kind.setToolTip(
            "On average: what a further case loses, on average, is at most this (conformal risk control).\n"
            f"{100 * _SURE:.0f} % sure: with this confidence the mean over such cases is (learn then test).\n"
            "Both only for cases like the calibration cases."
        )
        self.button = QPushButton()
        self.band = QCheckBox("core, envelope")
        self.band.setToolTip(
            "Two outlines for the promise, over cases like these and not for this one alone:\n"
            "of the core (white) at most so much is false, outside of the envelope (yellow)\n"
            "at most so much of the volume is missed. What so few cases cannot promise is left out."
        )
        self.light = PlainLabel()
        self.light.setWordWrap(True)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(PlainLabel("at most"))
        row.addWidget(self.limit)
        row.addWidget(self.loss, stretch=1)
        row.addWidget(self.button)
        below = QHBoxLayout()
        below.addWidget(self.kind)
        below.addWidget(self.band)
        below.addWidget(self.light, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addLayout(below)

    def _read(self) -> None:
        prediction, self._record = self._case.prediction, self._case.record
        self._problem = self._case.record_problem
        if self._case.recalibration is not None:
            self._record = None
            self._problem = "Promises are about the probabilities as the model says them: see Calibration."
        for widget in (self.limit, self.loss):
            widget.setEnabled(self._record is not None)
        self.kind.setVisible(self._record is not None)
        self.band.setVisible(self._record is not None)
        if self._record is None:
            self.band.setChecked(False)
        self._show_light(prediction)
        self._show()

    def _show(self) -> None:
        if self._record is None:
            self._promise = None
            self.button.setText("Use")
            self.button.setEnabled(False)
            self.button.setToolTip(
                self._problem
                or "Needs cases with a reference, segmented by this model and method:\n"
                "uncertainseg calibrate cases.tsv"
            )
            return
        self._promise = self._record.promise(
            self.loss.currentData(), self.limit.value() / 100, confidence=self.kind.currentData()
        )
        threshold, n = self._promise.threshold, self._promise.cases
        broken = self._broken()
        self.button.setEnabled(threshold is not None and not broken)
        self.button.setText("Cannot" if threshold is None else f"Use {threshold:.2f}")
        self.button.setToolTip(
            self._promise.reason
            or broken
            or f"At {threshold:.2f} the {n} calibration cases lost {self._promise.loss:.1%} on average."
        )

        if self.band.isChecked():
            self._outline(True)

    def _broken(self) -> str:
        """Why no promise holds for this case; empty where it does."""
        assert self._record is not None
        if self._same:
            return "This is one of the calibration cases: the promise is about further cases, not about it."
        if self._unlike:
            return "This case is of another kind than the calibration cases: no promise holds."
        least = self._record.min_volume
        if abs(self._case.min_volume - least) > 1e-6:
            return f"The promise is for lesions of at least {least:g} mm³: set that first."
        return ""

    def _outline(self, wanted: bool) -> None:
        """Show or hide the two contours of the present promise."""
        core = envelope = None
        if wanted and self._record is not None and not self._broken():
            limit, sure = self.limit.value() / 100, self.kind.currentData()
            core, envelope = (
                self._record.promise(loss, limit, confidence=sure).threshold
                for loss in ("false_volume", "missed_volume")
            )
        if core is not None and envelope is not None:  # both stay on the safe side of their thresholds
            core, envelope = max(core, envelope), min(core, envelope)
        if wanted or self._shown != (None, None):
            self._shown = (core, envelope)
            self._show_band(core, envelope)

    def _show_light(self, prediction: Prediction | None) -> None:
        self.light.setVisible(self._record is not None)
        self._unlike, self._same = [], False
        if self._record is None or prediction is None:
            return
        measures = measures_of(
            prediction.probability, prediction.entropy, prediction.brain, prediction.grid.voxel_volume
        )
        self._unlike, n = self._record.unlike(measures), len(self._record.cases)
        self._same = self._record.holds(prediction.information, measures)
        if self._same:
            self.light.setText("<b>○ no promise holds here</b>: this is one of the calibration cases")
        elif n < _FEWEST:
            cases = "calibration case" if n == 1 else "calibration cases"
            self.light.setText(f"○ {n} {cases}: too few to say whether this one is like them")
        elif not self._unlike:
            self.light.set_html(f"<span style='color:#00b578'>●</span> like the {n} calibration cases")
        else:
            named = ", ".join(MEASURES[u.measure].split(",")[0] for u in self._unlike)
            self.light.set_html(f"<b>○ no promise holds here</b>: unlike the calibration cases in {named}")
        self.light.setToolTip(
            "Only these numbers are compared; whether scanner, patients and readers are alike\n"
            "is yours to judge.\n"
            + "\n".join(
                f"{meaning}: {measures[name]:.3g}, calibration cases {min(self._record.measures[name]):.3g} "
                f"to {max(self._record.measures[name]):.3g}"
                for name, meaning in MEASURES.items()
            )
        )
