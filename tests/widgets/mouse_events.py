"""Real events of the mouse over a canvas, as Qt sends them."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication

NONE = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)


def wheel(canvas, turned=120, at=(200, 150), held=NONE, *, inverted=False, buttons=Qt.MouseButton.NoButton):
    """Turn the wheel over a pixel: 120 is one notch upwards."""
    place = QPointF(*at)
    event = QWheelEvent(
        place,
        QPointF(canvas.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, turned),
        buttons,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        inverted,
    )
    QApplication.sendEvent(canvas, event)


def mouse(canvas, kind, at, button=Qt.MouseButton.NoButton, buttons=Qt.MouseButton.NoButton, held=NONE):
    """One event of a button, or of moving."""
    place = QPointF(*at)
    where = QPointF(canvas.mapToGlobal(place.toPoint()))
    QApplication.sendEvent(canvas, QMouseEvent(kind, place, where, button, buttons, held))


def drag(qtbot, canvas, button, start, stop, held=NONE, *, steps=4):
    """Press, move in some steps, and let go."""
    mouse(canvas, QEvent.Type.MouseButtonPress, start, button, button, held)
    for step in range(1, steps + 1):
        at = [a + (b - a) * step / steps for a, b in zip(start, stop, strict=True)]
        mouse(canvas, QEvent.Type.MouseMove, at, buttons=button, held=held)
        qtbot.wait(12)  # napari hears of moves every few milliseconds only
    mouse(canvas, QEvent.Type.MouseButtonRelease, stop, button, held=held)
    qtbot.wait(12)
