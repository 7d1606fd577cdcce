"""A temperature set by hand: previewed while the slider moves, applied when it stops."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QSlider, QWidget
from superqt.utils import qdebounced

from napari_uncertainseg.widgets.calibration import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

_STEPS = 100
"""Steps of the slider to each side of 1; the last is a factor of `_MOST`."""
_MOST = 4.0
_STOP_MS = 400
"""The slider counts as stopped after this long."""


class TemperatureSlider(QWidget):
    """A slider for temperatures from 1/4 to 4, in equal ratios.

    Parameters
    ----------
    parent
        Qt parent.
    """

    moved = Signal(float)
    """The slider is moving; the current temperature."""
    stopped = Signal(float)
    """The slider stopped; the temperature to apply."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-_STEPS, _STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.slider.setToolTip(texts.TEMPERATURE_TIP)
        self.slider.setAccessibleName(texts.TEMPERATURE_NAME)
        self.label = PlainLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, stretch=1)
        row.addWidget(self.label)
        self._emit_stopped_later = qdebounced(self._emit_stopped, timeout=_STOP_MS)
        self.slider.valueChanged.connect(self._on_moved)
        self._show()

    @property
    def value(self) -> float:
        """The temperature."""
        return float(_MOST ** (self.slider.value() / _STEPS))

    def set_value(self, temperature: float) -> None:
        """Move the slider to the nearest step, without a signal."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(_STEPS * np.log(temperature) / np.log(_MOST)))
        self.slider.blockSignals(blocked)
        self._show()

    def cleanup(self) -> None:
        """Cancel a signal that is due. May be called twice."""
        self._emit_stopped_later.cancel()

    def _on_moved(self) -> None:
        self._show()
        self.moved.emit(self.value)
        self._emit_stopped_later()

    def _emit_stopped(self) -> None:
        self.stopped.emit(self.value)

    def _show(self) -> None:
        self.label.setText(f"{self.value:.2f}")
