"""The live threshold: lesions, counts and diagram follow the slider while it moves."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qthrottled

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.thresholds import BestThreshold, best_dice
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.guarantees import GuaranteeRow
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, plain_tooltip
from napari_uncertainseg.widgets.shared.plots import ReliabilityView
from napari_uncertainseg.widgets.shared.responsive.fast_moves import FastMoves
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

_STEPS = 1000
_FASTEST_MS = 30
_DRAGGED_MS = 250
"""Shortest time between updates of the list while the slider is dragged: drawing needs the rest."""


class Previews(Protocol):
    """Shows a threshold in the visible slice at once."""

    def preview(self, threshold: float) -> None:
        """Show the visible slice at a threshold."""

    def settle(self) -> None:
        """End the preview: show everything as the case has it."""

    def show_band(self, core: float | None, envelope: float | None) -> None:
        """Outline the regions above two thresholds; None hides a contour."""


class ThresholdPanel(QWidget):
    """Threshold, smallest volume and a small reliability diagram.

    While the slider is dragged, the visible slice follows at once, and the case as often as it can without
    using more than half of the time for computing.

    Parameters
    ----------
    case
        The case under review.
    previews
        Shows the visible slice while the slider moves.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, previews: Previews, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._previews = previews
        self._best: BestThreshold | None = None
        self._blinded = False
        self._soon = Soon()
        self.fast_moves = FastMoves(case, self)
        self._best_input: tuple[Prediction | None, np.ndarray | None] = (None, None)
        self._make_controls()
        self._lay_out()
        self._apply = qthrottled(self._set_threshold, timeout=_FASTEST_MS)
        self._apply_volume = qthrottled(self._set_min_volume, timeout=_FASTEST_MS)
        self._connect()
        self._show_case()
        self._show_reliability()

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        self._soon.drop()
        self.fast_moves.cleanup()
        self._apply.cancel()
        self._apply_volume.cancel()
        self._case.lesions_changed.disconnect(self._show_case, missing_ok=True)
        self._case.reliability_changed.disconnect(self._show_reliability, missing_ok=True)
        self.guarantee.cleanup()
        self._diagram.cleanup()

    @property
    def best(self) -> BestThreshold | None:
        """What *Best Dice* found against the reference; None where it found nothing."""
        return self._best

    # -- widgets ------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(_STEPS // 100, _STEPS * 99 // 100)
        self.slider.setSingleStep(_STEPS // 100)
        self.slider.setPageStep(_STEPS // 20)
        self.spin = QDoubleSpinBox()
        self.spin.setRange(0.01, 0.99)
        self.spin.setSingleStep(0.01)
        self.spin.setDecimals(3)
        for control in (self.slider, self.spin):
            control.setToolTip(texts.THRESHOLD_TIP)
            control.setAccessibleName(texts.THRESHOLD)
        self.reset_button = QToolButton()
        self.reset_button.setText(texts.RESET)
        self.reset_button.setAccessibleName(texts.RESET_THRESHOLD)
        self.volume = QDoubleSpinBox()
        self.volume.setRange(0, 10_000)
        self.volume.setDecimals(1)
        self.volume.setSuffix(" mm³")
        self.volume.setToolTip(texts.MIN_VOLUME_TIP)
        self.volume.setAccessibleName(texts.MIN_VOLUME)
        for field in (self.spin, self.volume):
            field.setKeyboardTracking(False)  # otherwise a half-typed number is applied and rewritten
        self.best_button = QPushButton(texts.BEST_DICE)
        self.guarantee = GuaranteeRow(self._case, self._previews.show_band)
        self._diagram = ReliabilityView(compact=True)
        self._numbers = PlainLabel()
        self._numbers.setWordWrap(True)
        self._numbers.setToolTip(texts.CALIBRATION_ERRORS_TIP)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(PlainLabel(texts.THRESHOLD), 0, 0)
        grid.addWidget(self.slider, 0, 1)
        grid.addWidget(self.spin, 0, 2)
        grid.addWidget(self.reset_button, 0, 3)
        second = QHBoxLayout()
        second.addWidget(self.volume)
        second.addStretch()
        second.addWidget(self.best_button)
        grid.addWidget(PlainLabel(texts.MIN_VOLUME), 1, 0)
        grid.addLayout(second, 1, 1, 1, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(grid)
        layout.addWidget(self.guarantee)
        self._diagram.setFixedHeight(140)
        below = QHBoxLayout()
        below.addWidget(self._diagram, stretch=3)
        below.addWidget(self._numbers, stretch=1)
        layout.addLayout(below)

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self._on_slider)
        self.slider.sliderReleased.connect(self._on_released)
        self.spin.valueChanged.connect(self._on_spin)
        self.volume.valueChanged.connect(self._on_volume)
        self.reset_button.clicked.connect(self.reset)
        self.best_button.clicked.connect(self.use_best_dice)
        self._case.lesions_changed.connect(self._show_case)
        self._case.reliability_changed.connect(self._show_reliability)

    # -- from the user to the case ------------------------------------------------------------

    def reset(self) -> None:
        """Use the model's own threshold again."""
        if self._case.prediction is not None:
            self._case.threshold = self._case.prediction.threshold

    def use_best_dice(self) -> None:
        """Use the threshold with the best Dice coefficient against the reference."""
        if self._best is not None:
            self._case.threshold = self._best.threshold

    def _on_slider(self, value: int) -> None:
        threshold = value / _STEPS
        _quietly(self.spin, threshold)
        self._diagram.set_threshold(threshold)
        if self.slider.isSliderDown():
            self._previews.preview(threshold)
        self._apply(threshold)

    def _on_released(self) -> None:
        self._apply.flush()
        self._previews.settle()

    def _on_spin(self, value: float) -> None:
        _quietly(self.slider, round(value * _STEPS))
        self._apply(value)

    def _on_volume(self, value: float) -> None:
        self._apply_volume(value)

    def _set_threshold(self, value: float) -> None:
        start = time.perf_counter()
        self._case.threshold = value
        took = 1000 * (time.perf_counter() - start)
        fastest = _DRAGGED_MS if self.slider.isSliderDown() else _FASTEST_MS
        self._apply.setTimeout(max(fastest, int(2 * took)))

    def _set_min_volume(self, value: float) -> None:
        self._case.min_volume = value

    # -- from the case to the user ------------------------------------------------------------

    def _show_case(self) -> None:
        prediction = self._case.prediction
        self.setEnabled(prediction is not None)
        if not self.slider.isSliderDown():
            _quietly(self.slider, round(self._case.threshold * _STEPS))
            _quietly(self.spin, self._case.threshold)
        _quietly(self.volume, self._case.min_volume)
        self._diagram.set_threshold(None if prediction is None else self.spin.value())
        default = 0.5 if prediction is None else prediction.threshold
        self.reset_button.setEnabled(prediction is not None and self._case.threshold != default)
        self.reset_button.setToolTip(texts.reset_tip(default))

    def hide_reference(self, hidden: bool) -> None:
        """Show nothing that the reference says: to a second or third reader, who must not know it."""
        if hidden != self._blinded:
            self._blinded = hidden
            self._show_reliability()

    def _show_reliability(self) -> None:
        """Where another mask or scan is compared, in the next turn: all voxels are gone through."""
        if self._compared is None or self._is_found:
            self._soon.drop()
            self._show_now()
            return
        self._best, self._best_input = None, (None, None)
        self._diagram.setVisible(False)  # nothing of what was compared before
        self._numbers.setText(texts.CHOOSE_REFERENCE)
        self.best_button.setEnabled(False)
        self._soon.add(self._show_now)

    @property
    def _compared(self) -> np.ndarray | None:
        """The reference, where it may be seen."""
        return None if self._blinded else self._case.comparison.reference

    @property
    def _is_found(self) -> bool:
        """Whether the best threshold is known for what is compared."""
        prediction, reference = self._best_input
        return prediction is self._case.prediction and reference is self._compared

    def _show_now(self) -> None:
        self._find_best()
        reliability = None if self._blinded else self._case.comparison.reliability
        self._diagram.setVisible(reliability is not None)
        self._diagram.show_reliability(reliability)
        if reliability is None:
            self._numbers.setText(texts.CHOOSE_REFERENCE)
        else:
            self._numbers.set_html(texts.calibration_errors(reliability.ace, reliability.mce))

    def _find_best(self) -> None:
        if self._is_found:
            return
        now = self._best_input = self._case.prediction, self._compared
        self._best = None
        self.best_button.setText(texts.BEST_DICE)
        self.best_button.setEnabled(False)
        if now[0] is None or now[1] is None:
            self.best_button.setToolTip(texts.NO_REFERENCE_TIP)
            return
        try:
            best = best_dice(now[0].probability, now[1])
        except InputError as error:
            self.best_button.setToolTip(plain_tooltip(str(error)))
            return
        self._best = best
        self.best_button.setEnabled(True)
        self.best_button.setText(texts.best_dice(best.threshold, best.dice))
        self.best_button.setToolTip(texts.best_dice_tip(best.threshold, best.dice))


def _quietly(control: QSlider | QDoubleSpinBox, value: float) -> None:
    """Set a control without its signal."""
    blocked = control.blockSignals(True)
    control.setValue(value)  # type: ignore[arg-type]
    control.blockSignals(blocked)
