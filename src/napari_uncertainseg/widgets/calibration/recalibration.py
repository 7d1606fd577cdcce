"""Recalibration in the window: a choice that applies at once, and what it changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.recalibration import Kind, Recalibration, Temperature
from napari_uncertainseg.calibration.recalibration_preview import fixed_temperature, reliability_after
from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.case import Case
from napari_uncertainseg.inference.recalibrated import Recalibrated
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.calibration.temperature import TemperatureSlider
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_KINDS: dict[Kind, str] = {
    "temperature": "one number: the logit is divided by it; what is above 0.5 stays above",
    "platt": "a slope and a shift of the logit",
    "beta": "two slopes and a shift",
    "isotonic": "steps, within which all voxels become equal; the most supple, and the first to fit noise",
}
_KEPT, _BY_HAND = "record", "by hand"


_FittedFor = tuple[np.ndarray | None, Region] | None
"""Reference and region of a fit on this very case."""


class _Asked(NamedTuple):
    """What a running job is about."""

    original: Prediction | None
    fitted_for: _FittedFor


_NOTHING = _Asked(None, None)


class RecalibrationRow(QWidget):
    """Which recalibration the prediction is shown with, and its calibration before and after.

    Parameters
    ----------
    case
        Whose prediction it changes.
    parent
        Qt parent.
    """

    tried = Signal(object)
    """The reliability that a temperature would have, while it is being chosen."""

    def __init__(self, case: Case, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._jobs = JobRunner(self)
        self._fitted_for: _FittedFor = None
        self._asked = _NOTHING
        self.choice = QComboBox()
        self.choice.setToolTip(
            "Make the probabilities mean what they say; verdicts, painting and threshold stay.\n"
            "Fitted on this very case it shows what is possible, not what to expect on another.\n"
            "Each lesion as a whole has no fit of its own: there it is fitted on the brain's voxels."
        )
        self.temperature = TemperatureSlider()
        self.result = PlainLabel()
        self.result.setWordWrap(True)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("recalibrate", self.choice)
        form.addRow("temperature", self.temperature)
        self._form = form
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(self.result)
        case.prediction_changed.connect(self._list)
        case.reliability_changed.connect(self._show)
        case.lesions_changed.connect(self._show)
        self.choice.currentIndexChanged.connect(self._apply)
        self.temperature.tried.connect(self._try)
        self.temperature.settled.connect(self._settle)
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
        """Offer what there is for the prediction's model, and show what is in use."""
        record = self._case.record
        blocked = self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItem("as the model says", None)
        if record is not None and record.recalibration is not None:
            n = len(record.cases)
            self.choice.addItem(f"{record.recalibration.kind}, of {n} calibration cases", _KEPT)
        for kind, meaning in _KINDS.items():
            self.choice.addItem(f"{kind}, fitted here", kind)
            self.choice.setItemData(self.choice.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.choice.addItem("temperature, by hand", _BY_HAND)
        now = self._case.recalibration
        self.choice.setCurrentIndex(self.choice.findData(None if now is None else self._name_of(now)))
        if isinstance(now, Temperature):
            self.temperature.set_value(now.temperature)
        self.choice.blockSignals(blocked)
        self._form.setRowVisible(self.temperature, self.choice.currentData() == _BY_HAND)
        self._enable()
        self._show()

    def _name_of(self, now: Recalibration) -> str:
        """Which of the choices led to what is in use."""
        record = self._case.record
        if record is not None and record.recalibration == now:
            return _KEPT
        return _BY_HAND if isinstance(now, Temperature) and self._fitted_for is None else now.kind

    def _enable(self) -> None:
        self.choice.setEnabled(self._case.original is not None and self._jobs.state is JobState.IDLE)

    def _apply(self) -> None:
        chosen, record = self.choice.currentData(), self._case.record
        self._say("")
        self._form.setRowVisible(self.temperature, chosen == _BY_HAND)
        if chosen is None:
            self._fitted_for = None
            self._case.recalibrate(None)
            return
        if chosen == _BY_HAND:
            self._settle(self.temperature.value)
            return
        kept = record.recalibration if chosen == _KEPT and record is not None else None
        self._asked = _Asked(
            self._case.original, None if kept is not None else (self._case.reference, self._case.region)
        )
        self._start(kept or chosen)

    def _start(self, how: Kind | Recalibration) -> None:
        try:
            work = self._case.plan_recalibration(how)
        except InputError as error:
            self._on_failed(str(error))
            return
        self._say("Recalibrating …")
        self._jobs.start(lambda progress: work())

    def _try(self, temperature: float) -> None:
        """Show at once what a temperature would do."""
        evidence = self._case.evidence
        if evidence is not None:
            self._say("Tried in the diagram; maps and list follow when you rest.")
            self.tried.emit(reliability_after(evidence, Temperature(0.0, 0.0, temperature)))

    def _settle(self, temperature: float) -> None:
        """Recalibrate by a temperature chosen by hand, unless another choice was made meanwhile."""
        if self.choice.currentData() != _BY_HAND or self._jobs.state is not JobState.IDLE:
            return  # what is running is followed by this one, see `_on_finished`
        evidence = self._case.evidence
        self._asked = _Asked(self._case.original, None)
        if evidence is None:
            self._on_failed(
                "A temperature is tried against a reference, on voxels; choose both above and below."
            )
            return
        try:
            self._start(fixed_temperature(evidence, temperature))
        except InputError as error:
            self._on_failed(str(error))

    def _on_finished(self, found: Recalibrated) -> None:
        asked, self._asked = self._asked, _NOTHING
        self._say("")
        if self._changed(asked.fitted_for):
            self._give_up()
            return
        by_hand_now, wanted = self.choice.currentData() == _BY_HAND, self.temperature.value
        self._fitted_for = asked.fitted_for
        self._case.apply_recalibrated(found)
        self._list()
        if by_hand_now and isinstance(found.by, Temperature) and found.by.temperature != wanted:
            self.temperature.set_value(wanted)
            self._settle(wanted)

    def _on_failed(self, problem: str) -> None:
        asked, self._asked = self._asked, _NOTHING
        if asked.original is not self._case.original:
            return  # it was about a prediction that is no longer there
        self._fitted_for = None
        self._case.recalibrate(None)
        self._list()
        self._say(f"⚠ {problem}")

    def _changed(self, fitted_for: _FittedFor) -> bool:
        """Whether a fit on this very case is of another reference or region than the present ones."""
        if fitted_for is None:
            return False
        reference, region = fitted_for
        return not _same(self._case.reference, reference) or self._case.region != region

    def _give_up(self) -> None:
        """What was fitted is of another reference or region."""
        self._fitted_for = None
        self._case.recalibrate(None)
        self._list()
        self._say("Reference or region changed: back to the model's own probabilities.")

    def _say(self, sentence: str) -> None:
        self.result.setText(sentence)
        self.result.setVisible(bool(sentence))

    def _show(self) -> None:
        if self._jobs.state is not JobState.IDLE:
            return
        fitted_here = self._fitted_for is not None and self._case.recalibration is not None
        if fitted_here and self._changed(self._fitted_for):
            self._give_up()
            return
        before, after = self._case.reliability_before(), self._case.reliability
        self.result.setVisible(before is not None)
        if before is None or after is None:
            return
        lines = [f"before and after: ACE {before.ace:.3f}, <b>{after.ace:.3f}</b>"]
        lines.append(f"MCE {before.mce:.3f}, <b>{after.mce:.3f}</b>")
        reference, original, now = self._case.reference, self._case.original, self._case.prediction
        if reference is not None and original is not None and now is not None:
            t = self._case.threshold
            old, new = (dice(p.probability >= t, reference) for p in (original, now))
            lines.append(f"Dice at {t:.2f} {old:.3f}, <b>{new:.3f}</b>")
        if after.ace > before.ace:
            lines.append("⚠ no better here")
        self.result.set_html(" · ".join(lines))


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether two masks are alike: layers are read anew."""
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
