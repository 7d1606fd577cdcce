"""A temperature chosen by hand: what it does is seen while the slider moves, and applied when it rests."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QSlider, QWidget
from superqt.utils import qdebounced

from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

_STEPS = 100
"""Of the slider to each side, for a factor of `_MOST`."""
_MOST = 4.0
_REST_MS = 400


class TemperatureSlider(QWidget):
    """From 1/4 to 4, in equal ratios.

    Parameters
    ----------
    parent
        Qt parent.
    """

    tried = Signal(float)
    """The slider is here at present."""
    settled = Signal(float)
    """It rests here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-_STEPS, _STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.slider.setToolTip(
            "Temperature: the logit is divided by it. Above 1 the probabilities move towards 0.5,\n"
            "below 1 away from it; what is above 0.5 stays above.\n"
            "The diagram follows at once, maps and list when you rest."
        )
        self.label = PlainLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, stretch=1)
        row.addWidget(self.label)
        self._settle = qdebounced(self._say_settled, timeout=_REST_MS)
        self.slider.valueChanged.connect(self._on_moved)
        self._show()

    @property
    def value(self) -> float:
        """The temperature."""
        return float(_MOST ** (self.slider.value() / _STEPS))

    def set_value(self, temperature: float) -> None:
        """Put the slider to the nearest step, without a signal."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(_STEPS * np.log(temperature) / np.log(_MOST)))
        self.slider.blockSignals(blocked)
        self._show()

    def cleanup(self) -> None:
        """Forget what is due. May be called twice."""
        self._settle.cancel()

    def _on_moved(self) -> None:
        self._show()
        self.tried.emit(self.value)
        self._settle()

    def _say_settled(self) -> None:
        self.settled.emit(self.value)

    def _show(self) -> None:
        self.label.setText(f"{self.value:.2f}")
