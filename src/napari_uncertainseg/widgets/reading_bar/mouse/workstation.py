"""The mouse as on a workstation: in one window's canvas, or in any other one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.images.grey_windows import GreyWindow
from napari_uncertainseg.widgets.reading_bar.mouse.moves import (
    cell_at,
    layers_in,
    pan,
    scroll,
    scrolled_axis,
    shown_slice,
    zoom_at,
)
from napari_uncertainseg.widgets.reading_bar.mouse.window_level import (
    dragged,
    range_of,
    set_window,
    window_of,
)
from napari_uncertainseg.widgets.scans.top_scan import top_scan

if TYPE_CHECKING:
    from napari.components import ViewerModel

_NOTCH = 120.0
"""Of a wheel, in eighths of a degree; touchpads and fine wheels tell of less, which is added up."""
FAST = 10
"""Slices for a notch with Shift."""
_LEFT, _MIDDLE, _RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
_CONTROL, _SHIFT, _ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
_MOUSE = {
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonDblClick,
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonRelease,
}


@dataclass
class _Drag:
    """A button that is held: where it was pressed, where it is, and what is changed."""

    button: Qt.MouseButton
    start: QPointF
    last: QPointF
    scan: Image | None = None
    window: GreyWindow | None = None
    there: GreyWindow | None = None


class WorkstationMouse(QObject):
    """Wheel: slices; Ctrl and wheel: zoom; middle button: pan; right button: window and level.

    It hears of the canvas' events before napari does, and takes those that are its own. napari's public
    lists of callbacks do not do: whatever they say, the active layer's brush paints with any button, and
    the camera's own answer to the wheel can be switched off only for as long as the active layer stays. So
    nothing of napari's is changed, and nothing is left to undo. In three dimensions, and with Alt or Shift
    held while a button is pressed, all is napari's own.

    Parameters
    ----------
    viewer
        Whose slices, camera and scans.
    canvas
        The widget that draws it, such as ``qt_viewer.canvas.native``.
    wanted
        Whether the mouse is to work so now, asked at each press and turn: a preference may have changed.
    """

    other_cell = Signal()
    """The mouse has come to another cell of napari's grid."""

    def __init__(self, viewer: ViewerModel, canvas: QWidget, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._viewer, self._canvas, self._wanted = viewer, canvas, wanted
        self._drag: _Drag | None = None
        self._pressed: object = None
        """The slice in which the left button was pressed."""
        self._ranges: WeakKeyDictionary[Image, GreyWindow] = WeakKeyDictionary()
        self._cell = (0, 0)
        self._turned = 0.0
        self._due = 0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._scroll)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take the events that are meant for this; let napari have all others."""
        if event is None or watched is not self._canvas:
            return False
        kind = event.type()
        if kind == QEvent.Type.Wheel:
            return self._applies() and self._on_wheel(cast(QWheelEvent, event))
        if kind in _MOUSE:
            self._point(cast(QMouseEvent, event).position())
            return self._on_button(kind, cast(QMouseEvent, event))
        return kind == QEvent.Type.ContextMenu and self._drag is not None

    def scan(self) -> Image | None:
        """The scan on top: in a grid, of the cell in which the mouse was last."""
        return top_scan(self._viewer, layers_in(self._viewer, self._cell))

    def _point(self, at: QPointF) -> None:
        if self._drag is not None:  # what is dragged stays the same
            return
        cell = cell_at(self._viewer, at.x(), at.y())
        if cell != self._cell:
            self._cell = cell
            self.other_cell.emit()

    def _applies(self) -> bool:
        return self._viewer.dims.ndisplay == 2 and self._wanted()

    # -- the wheel ----------------------------------------------------------------------------

    def _on_wheel(self, event: QWheelEvent) -> bool:
        held, active = event.modifiers(), self._viewer.layers.selection.active
        if held & _ALT:
            return False
        turned = event.angleDelta()
        if held & _CONTROL:
            zoom_at(self._viewer, turned.y() / _NOTCH, event.position().x(), event.position().y())
            return True
        tool = active is not None and bool(active.mouse_wheel_callbacks)
        if tool or scrolled_axis(self._viewer) is None:
            return False
        notches = (turned.y() or (turned.x() if held & _SHIFT else 0)) / _NOTCH
        self._turn(-notches if event.inverted() else notches, FAST if held & _SHIFT else 1)
        return True

    def _turn(self, notches: float, slices: int) -> None:
        """Add up what is less than a notch; up goes to the viewer's earlier slices, as with napari's keys."""
        if notches * self._turned < 0:
            self._turned = 0.0
        self._turned += notches
        whole = int(self._turned)
        self._turned -= whole
        if whole:
            self._due -= whole * slices
            self._later.start()  # together with what is waiting: drawing a slice may take longer than a notch

    def _scroll(self) -> None:
        due, self._due = self._due, 0
        if due:
            scroll(self._viewer, due)

    # -- buttons ------------------------------------------------------------------------------

    def _on_button(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            self._later.stop()
            self._scroll()  # what was turned before the press is shown before it
            if event.button() == _LEFT:
                self._pressed = shown_slice(self._viewer)
            return self._on_press(event)
        if self._drag is None:
            # napari's brush would paint a line from the slice before to this one
            paints = kind == QEvent.Type.MouseMove and event.buttons() & _LEFT and _paints(self._viewer)
            return bool(paints) and shown_slice(self._viewer) != self._pressed
        if kind == QEvent.Type.MouseMove:
            return self._on_move(event)
        if event.button() != self._drag.button:
            return False
        self._drag = None
        return True

    def _on_press(self, event: QMouseEvent) -> bool:
        button = event.button()
        if button not in (_MIDDLE, _RIGHT) or not self._applies() or event.modifiers() & (_ALT | _SHIFT):
            return False
        if button == _RIGHT and _draws_with_right(self._viewer):
            return False
        if not event.buttons() & _LEFT:  # else a stroke is under way
            self._drag = self._begun(button, event.position())
        return True

    def _begun(self, button: Qt.MouseButton, at: QPointF) -> _Drag:
        scan = self.scan() if button == _RIGHT else None
        if scan is None:
            return _Drag(button, at, at)
        return _Drag(button, at, at, scan, window_of(scan), self._ranges.setdefault(scan, range_of(scan)))

    def _on_move(self, event: QMouseEvent) -> bool:
        drag, at = self._drag, event.position()
        assert drag is not None
        if not event.buttons() & drag.button:  # released where nobody heard of it
            self._drag = None
            return False
        if drag.button == _MIDDLE:
            pan(self._viewer, at.x() - drag.last.x(), at.y() - drag.last.y())
        elif drag.scan in self._viewer.layers and drag.scan is not None and drag.window and drag.there:
            moved = at - drag.start
            set_window(drag.scan, dragged(drag.window, moved.x(), moved.y()), drag.there)
        drag.last = at
        return True

    def cleanup(self) -> None:
        """Give the mouse back to napari, and sliders their range where it still does. May be called twice."""
        for layer, there in self._ranges.items():
            now = window_of(layer)
            if there.low <= now.low and now.high <= there.high:
                layer.contrast_limits_range = (there.low, there.high)
        self._ranges.clear()
        self._later.stop()
        self._drag, self._due = None, 0
        self._canvas.removeEventFilter(self)


def _draws_with_right(viewer: ViewerModel) -> bool:
    """Whether the right button takes back the last corner of a polygon of labels, which needs that."""
    active = viewer.layers.selection.active
    return isinstance(active, Labels) and active.visible and str(active.mode) == "polygon"


def _paints(viewer: ViewerModel) -> bool:
    """Whether napari's own brush or eraser is in hand."""
    active = viewer.layers.selection.active
    return isinstance(active, Labels) and str(active.mode) in ("paint", "erase")
