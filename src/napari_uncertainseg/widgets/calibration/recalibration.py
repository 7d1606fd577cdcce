"""Recalibration in the window: a choice that applies at once, and its effect."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.calibration.recalibration import Kind, Recalibration, Temperature
from napari_uncertainseg.calibration.recalibration_preview import fixed_temperature, reliability_after
from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.case import Case
from napari_uncertainseg.inference.recalibrated import Recalibrated
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.calibration import texts
from napari_uncertainseg.widgets.calibration.temperature import TemperatureSlider
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_KINDS: tuple[Kind, ...] = ("temperature", "platt", "beta", "isotonic")
_RECORD, _BY_HAND = "record", "by hand"
"""Data of the choices: the calibration record's recalibration, and a temperature set by hand."""


_FittedFor = tuple[np.ndarray | None, Region] | None
"""Reference and region of a fit on this case."""


class _Request(NamedTuple):
    """Input of a running job."""

    original: Prediction | None
    fitted_for: _FittedFor


_NO_REQUEST = _Request(None, None)


class RecalibrationRow(QWidget):
    """The recalibration of the prediction, and its calibration before and after.

    Parameters
    ----------
    case
        The case whose prediction it changes.
    parent
        Qt parent.
    """

    previewed = Signal(object)
    """The reliability with a temperature while the slider moves."""

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._fitted_for: _FittedFor = None
        self._request = _NO_REQUEST
        self.choice = QComboBox()
        self.choice.setToolTip(texts.RECALIBRATION_TIP)
        self.temperature = TemperatureSlider()
        self.result = PlainLabel()
        self.result.setWordWrap(True)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.RECALIBRATION, self.choice)
        form.addRow(texts.TEMPERATURE, self.temperature)
        self._form = form
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self.result)
        case.prediction_changed.connect(self._list)
        case.reliability_changed.connect(self._show)
        case.lesions_changed.connect(self._show)
        self.choice.currentIndexChanged.connect(self._apply)
        self.temperature.moved.connect(self._preview)
        self.temperature.stopped.connect(self._apply_temperature)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.state_changed.connect(self._enable)
        self._list()

    def cleanup(self) -> None:
        """Disconnect from the case, and stop what is running. May be called twice."""
        self._jobs.cleanup()
        self.temperature.cleanup()
        self._case.prediction_changed.disconnect(self._list, missing_ok=True)
        self._case.reliability_changed.disconnect(self._show, missing_ok=True)
        self._case.lesions_changed.disconnect(self._show, missing_ok=True)

    def _list(self) -> None:
        """List the recalibrations for the prediction's model, and choose the current one."""
        record = self._case.record
        blocked = self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItem(texts.ORIGINAL, None)
        if record is not None and record.recalibration is not None:
            title = texts.fitted_on_cases(record.recalibration.kind, len(record.cases))
            self.choice.addItem(title, _RECORD)
        for kind in _KINDS:
            self.choice.addItem(texts.fitted_here(kind), kind)
            self.choice.setItemData(self.choice.count() - 1, texts.KINDS[kind], Qt.ItemDataRole.ToolTipRole)
        self.choice.addItem(texts.BY_HAND, _BY_HAND)
        current = self._case.recalibration
        self.choice.setCurrentIndex(
            self.choice.findData(None if current is None else self._choice_of(current))
        )
        if isinstance(current, Temperature):
            self.temperature.set_value(current.temperature)
        self.choice.blockSignals(blocked)
        self._form.setRowVisible(self.temperature, self.choice.currentData() == _BY_HAND)
        self._enable()
        self._show()

    def _choice_of(self, current: Recalibration) -> str:
        """The choice that the current recalibration comes from."""
        record = self._case.record
        if record is not None and record.recalibration == current:
            return _RECORD
        return _BY_HAND if isinstance(current, Temperature) and self._fitted_for is None else current.kind

    def _enable(self) -> None:
        self.choice.setEnabled(self._case.original is not None and self._jobs.state is JobState.IDLE)

    def _apply(self) -> None:
        chosen, record = self.choice.currentData(), self._case.record
        self._show_message("")
        self._form.setRowVisible(self.temperature, chosen == _BY_HAND)
        if chosen is None:
            self._fitted_for = None
            self._case.recalibrate(None)
            return
        if chosen == _BY_HAND:
            self._apply_temperature(self.temperature.value)
            return
        recorded = record.recalibration if chosen == _RECORD and record is not None else None
        self._request = _Request(
            self._case.original,
            None if recorded is not None else (self._case.comparison.reference, self._case.comparison.region),
        )
        self._start(recorded or chosen)

    def _start(self, recalibration: Kind | Recalibration) -> None:
        try:
            work = self._case.plan_recalibration(recalibration)
        except InputError as error:
            self._on_failed(str(error))
            return
        self._show_message(texts.RECALIBRATING)
        self._jobs.start(lambda progress: work())

    def _preview(self, temperature: float) -> None:
        """Show the effect of a temperature in the diagram at once."""
        evidence = self._case.comparison.evidence
        if evidence is not None:
            self._show_message(texts.PREVIEW)
            self.previewed.emit(reliability_after(evidence, Temperature(0.0, 0.0, temperature)))

    def _apply_temperature(self, temperature: float) -> None:
        """Recalibrate with a temperature set by hand, unless another choice was made since."""
        if self.choice.currentData() != _BY_HAND or self._jobs.state is not JobState.IDLE:
            return  # `_on_finished` applies the latest temperature
        evidence = self._case.comparison.evidence
        self._request = _Request(self._case.original, None)
        if evidence is None:
            self._on_failed(texts.NEEDS_VOXEL_REFERENCE)
            return
        try:
            self._start(fixed_temperature(evidence, temperature))
        except InputError as error:
            self._on_failed(str(error))

    def _on_finished(self, recalibrated: Recalibrated) -> None:
        request, self._request = self._request, _NO_REQUEST
        self._show_message("")
        if self._changed(request.fitted_for):
            self._reset()
            return
        by_hand, latest = self.choice.currentData() == _BY_HAND, self.temperature.value
        self._fitted_for = request.fitted_for
        self._case.apply_recalibrated(recalibrated)
        self._list()
        if by_hand and isinstance(recalibrated.by, Temperature) and recalibrated.by.temperature != latest:
            self.temperature.set_value(latest)
            self._apply_temperature(latest)

    def _on_failed(self, problem: str) -> None:
        request, self._request = self._request, _NO_REQUEST
        if request.original is not self._case.original:
            return  # it was about an earlier prediction
        self._fitted_for = None
        self._case.recalibrate(None)
        self._list()
        self._show_message(as_warning(problem) if problem else "")

    def _changed(self, fitted_for: _FittedFor) -> bool:
        """Whether a fit on this case used another reference or region than the current ones."""
        if fitted_for is None:
            return False
        reference, region = fitted_for
        return not _same(self._case.comparison.reference, reference) or self._case.comparison.region != region

    def _reset(self) -> None:
        """Show the original output again: the fit was for another reference or region."""
        self._fitted_for = None
        self._case.recalibrate(None)
        self._list()
        self._show_message(texts.FIT_OUTDATED)

    def _show_message(self, sentence: str) -> None:
        self.result.setText(sentence)
        self.result.setVisible(bool(sentence))

    def _show(self) -> None:
        if self._jobs.state is not JobState.IDLE:
            return
        fitted_here = self._fitted_for is not None and self._case.recalibration is not None
        if fitted_here and self._changed(self._fitted_for):
            self._reset()
            return
        before, after = self._case.comparison.reliability_before(), self._case.comparison.reliability
        self.result.setVisible(before is not None)
        if before is None or after is None:
            return
        lines = [
            texts.before_and_after("ACE", before.ace, after.ace),
            texts.before_and_after("MCE", before.mce, after.mce),
        ]
        reference = self._case.comparison.reference
        original, current = self._case.original, self._case.prediction
        if reference is not None and original is not None and current is not None:
            t = self._case.threshold
            old, new = (dice(p.probability >= t, reference) for p in (original, current))
            lines.append(texts.before_and_after(texts.dice_at(t), old, new))
        if after.ace > before.ace:
            lines.append(texts.NO_BETTER)
        self.result.set_html(" · ".join(lines))


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether two masks hold the same: layers are read again each time."""
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
