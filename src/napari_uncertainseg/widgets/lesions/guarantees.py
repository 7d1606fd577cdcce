"""Thresholds with a guarantee: the choice of one, a button, and whether it is valid for this case."""

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
from napari_uncertainseg.calibration.record import LOSSES, CalibrationRecord
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.lamp.lamp import Lamp
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

ShowContours = Callable[[float | None, float | None], None]
_CONFIDENCE = 0.9


class GuaranteeRow(QWidget):
    """The threshold at which at most a chosen share is missed or false, where the cases allow one.

    Parameters
    ----------
    case
        The case whose threshold it sets.
    show_contours
        Outlines the regions above two thresholds, the core's and the envelope's; None hides a contour.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, show_contours: ShowContours, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._show_contours = show_contours
        self._record: CalibrationRecord | None = None
        self._problem = ""
        self._guarantee: Guarantee | None = None
        self._shown_thresholds: tuple[float | None, float | None] = (None, None)
        self._make_controls()
        self._case.prediction_changed.connect(self._read)
        self._case.lesions_changed.connect(self._show)
        self.limit.valueChanged.connect(self._show)
        self.loss.currentIndexChanged.connect(self._show)
        self.kind.currentIndexChanged.connect(self._show)
        self.button.clicked.connect(self.use)
        self.contours.toggled.connect(self._outline)
        self._read()

    def cleanup(self) -> None:
        """Disconnect from the case, and hide the outlines. May be called twice."""
        self._case.prediction_changed.disconnect(self._read, missing_ok=True)
        self._case.lesions_changed.disconnect(self._show, missing_ok=True)
        self.contours.setChecked(False)

    def use(self) -> None:
        """Use the guaranteed threshold."""
        if self._guarantee is not None and self._guarantee.threshold is not None:
            self._case.threshold = self._guarantee.threshold

    def _make_controls(self) -> None:
        self.limit = QSpinBox()
        self.limit.setRange(1, 99)
        self.limit.setValue(10)
        self.limit.setSuffix(" %")
        self.limit.setToolTip(texts.LIMIT_TIP)
        self.limit.setAccessibleName(texts.LIMIT_NAME)
        self.loss, self.kind = QComboBox(), QComboBox()
        self.loss.setToolTip("\n".join(loss.title for loss in LOSSES.values()))
        for name, loss in LOSSES.items():
            self.loss.addItem(name.replace("_", " "), name)
            self.loss.setItemData(self.loss.count() - 1, loss.title, Qt.ItemDataRole.ToolTipRole)
        self.kind.addItem(texts.ON_AVERAGE, None)
        self.kind.addItem(texts.confident(_CONFIDENCE), _CONFIDENCE)
        self.kind.setToolTip(texts.guarantee_kind_tip(_CONFIDENCE))
        self.loss.setAccessibleName(texts.LOSS_NAME)
        self.kind.setAccessibleName(texts.KIND_NAME)
        self.button = QPushButton()
        self.contours = QCheckBox(texts.CONTOURS)
        self.contours.setToolTip(texts.CONTOURS_TIP)
        self.light = Lamp()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(PlainLabel(texts.AT_MOST))
        row.addWidget(self.limit)
        row.addWidget(self.loss, stretch=1)
        row.addWidget(self.button)
        below = QHBoxLayout()
        below.addWidget(self.kind)
        below.addWidget(self.contours, stretch=1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addLayout(below)
        column.addWidget(self.light)

    def _read(self) -> None:
        self._record = self._case.record
        self._problem = self._case.record_problem
        if self._case.recalibration is not None:
            self._record = None
            self._problem = texts.NOT_RECALIBRATED
        for widget in (self.limit, self.loss):
            widget.setEnabled(self._record is not None)
        self.kind.setVisible(self._record is not None)
        self.contours.setVisible(self._record is not None)
        if self._record is None:
            self.contours.setChecked(False)
        # Of the scan as the model sees it: what a recalibration says can be compared with nothing.
        self.light.show_scan(self._case.original, self._case.record)
        self._show()

    def _show(self) -> None:
        if self._record is None:
            self._guarantee = None
            self.button.setText(texts.USE)
            self.button.setEnabled(False)
            self.button.setToolTip(self._problem or texts.NEEDS_CASES)
            return
        self._guarantee = self._record.guarantee(
            self.loss.currentData(), self.limit.value() / 100, confidence=self.kind.currentData()
        )
        threshold, n = self._guarantee.threshold, self._guarantee.cases
        invalid = self._invalid_reason()
        self.button.setEnabled(threshold is not None and not invalid)
        self.button.setText(texts.use_threshold(threshold))
        tip = self._guarantee.reason or invalid
        if not tip and threshold is not None:
            tip = texts.guarantee_tip(threshold, n, self._guarantee.loss)
        self.button.setToolTip(tip)
        if self.contours.isChecked():
            self._outline(True)

    def _invalid_reason(self) -> str:
        """Why no guarantee is valid for this case; empty where it is."""
        assert self._record is not None
        if self.light.is_calibration_case:
            return texts.IS_CALIBRATION_CASE
        if self.light.out_of_range:
            return texts.OUT_OF_RANGE
        least = self._record.min_volume
        if abs(self._case.min_volume - least) > 1e-6:
            return texts.other_min_volume(least)
        return ""

    def _outline(self, visible: bool) -> None:
        """Show or hide the two contours of the current guarantee."""
        core = envelope = None
        if visible and self._record is not None and not self._invalid_reason():
            limit, confidence = self.limit.value() / 100, self.kind.currentData()
            core, envelope = (
                self._record.guarantee(loss, limit, confidence=confidence).threshold
                for loss in ("false_volume", "missed_volume")
            )
        # The core must lie inside the envelope; both stay on the safe side of their thresholds.
        if core is not None and envelope is not None:
            core, envelope = max(core, envelope), min(core, envelope)
        if visible or self._shown_thresholds != (None, None):
            self._shown_thresholds = (core, envelope)
            self._show_contours(core, envelope)
