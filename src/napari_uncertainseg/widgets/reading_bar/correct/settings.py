"""How each tool is set: the controls of the row."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from napari_uncertainseg.lesions.editing.brush import Brightness
from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.reading_bar.correct.hands import BrushSettings

_STEPS = 400
"""Of the level's slider."""
_LARGEST_MM = 60.0
_EVERY = 7
"""Of the brain's voxels one in so many is enough for where a slider begins and ends."""


def millimetres(tip: str, value: float, least: float) -> QDoubleSpinBox:
    """A field for a length in mm; it gives the keyboard back when it is done with."""
    field = QDoubleSpinBox()
    field.setRange(least, _LARGEST_MM)
    field.setDecimals(1 if value == round(value, 1) else 2)
    field.setSingleStep(0.5)
    field.setValue(value)
    field.setSuffix(" mm")
    field.setToolTip(tip)
    field.setKeyboardTracking(False)
    field.editingFinished.connect(field.clearFocus)
    return field


def choice(tip: str, choices: tuple[str, ...]) -> QComboBox:
    """A box of a few choices that leaves the keys to the window."""
    box = QComboBox()
    box.addItems(choices)
    box.setToolTip(tip)
    box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return box


def in_a_row(*widgets: QWidget) -> QWidget:
    """Controls side by side."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    return row


class BrushControls(QWidget):
    """Size, shape, what it does, and where on the scan it works."""

    level_moved = Signal()
    """Another brightness, or another side of it."""

    def __init__(self) -> None:
        super().__init__()
        self.size_field = millimetres(texts.SIZE_TIP, 4.0, 0.1)
        self.shape = choice(texts.SHAPE_TIP, (texts.DISC, texts.BALL))
        self.does = choice(texts.DOES_TIP, (texts.PAINT, texts.ERASE))
        self.limit = choice(texts.LIMIT_TIP, (texts.ANYWHERE, texts.ABOVE, texts.BELOW))
        self.level = QSlider(Qt.Orientation.Horizontal)
        self.level.setRange(0, _STEPS)
        self.level.setFixedWidth(120)
        self.level.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.level.setToolTip(texts.LEVEL_TIP)
        self.value = QLabel()
        self.value.setMinimumWidth(48)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (
            QLabel(texts.SIZE),
            self.size_field,
            self.shape,
            self.does,
            self.limit,
            self.level,
            self.value,
        ):
            layout.addWidget(widget)
        self._range = (0.0, 1.0)
        self.limit.currentIndexChanged.connect(self._moved)
        self.level.valueChanged.connect(self._moved)
        self._moved()

    def begin(self, low: float, high: float, level: float) -> None:
        """Begin with the brightness of another scan."""
        self._range = (low, high if high > low else low + 1)
        blocked = self.level.blockSignals(True)
        self.level.setValue(round((level - low) / (self._range[1] - low) * _STEPS))
        self.level.blockSignals(blocked)
        self._show_value()

    def allow_level(self, there_is_a_scan: bool) -> None:
        """Let the brush be bound to the scan's brightness, or not where no scan is open."""
        if not there_is_a_scan:
            self.limit.setCurrentIndex(0)
        self.limit.setEnabled(there_is_a_scan)
        self.limit.setToolTip(texts.LIMIT_TIP if there_is_a_scan else texts.NO_SCAN)

    @property
    def chosen(self) -> BrushSettings:
        """As it is set now."""
        limit = self.limit.currentText()
        bound = None if limit == texts.ANYWHERE else Brightness(self._level, limit == texts.BELOW)
        return BrushSettings(
            self.size_field.value(),
            ball=self.shape.currentText() == texts.BALL,
            erase=self.does.currentText() == texts.ERASE,
            brightness=bound,
        )

    @property
    def _level(self) -> float:
        low, high = self._range
        return low + (high - low) * self.level.value() / _STEPS

    def _moved(self) -> None:
        bound = self.limit.currentText() != texts.ANYWHERE
        self.level.setVisible(bound)
        self.value.setVisible(bound)
        self._show_value()
        self.level_moved.emit()

    def _show_value(self) -> None:
        self.value.setText(f"{self._level:.4g}")


def scan_range(scan: np.ndarray, brain: np.ndarray) -> tuple[float, float]:
    """The range of brightness that a slider runs over: of the brain, without its extremes."""
    values = scan[brain > 0][::_EVERY]
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, (0.5, 99.95))
    return float(low), float(high)


class ClickControls(QWidget):
    """What is shown, and buttons for those who have no wheel."""

    turned = Signal(float)
    """As if the wheel were turned by so many notches."""
    taken = Signal()
    """The outline is to be taken."""

    def __init__(self) -> None:
        super().__init__()
        self.said = QLabel(texts.NO_PLACE)
        self.said.setMinimumWidth(170)
        self.smaller, self.larger, self.take = QPushButton(), QPushButton(), QPushButton()
        for button, text, tip, act in (
            (self.smaller, texts.SMALLER, texts.SMALLER_TIP, self._turn_down),
            (self.larger, texts.LARGER, texts.LARGER_TIP, self._turn_up),
            (self.take, texts.TAKE, texts.TAKE_TIP, self.taken),
        ):
            button.setText(text)
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(act)
        self.smaller.setAutoRepeat(True)
        self.larger.setAutoRepeat(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.said, self.smaller, self.larger, self.take):
            layout.addWidget(widget)

    def _turn_down(self) -> None:
        self.turned.emit(-1.0)

    def _turn_up(self) -> None:
        self.turned.emit(1.0)
