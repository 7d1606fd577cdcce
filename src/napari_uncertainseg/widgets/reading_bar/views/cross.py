"""The crosshair: thin, seen on every ground, and open in the middle so that it hides no lesion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari.components.overlays import TextOverlay
from qtpy.QtCore import QPointF, QRect, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.widgets.shared import napari_canvas

if TYPE_CHECKING:
    from napari import Viewer

_TITLE = "uncertainseg_plane"
GAP = 14
"""Pixels that stay free on each side of the middle."""
_LINE, _SHADE = QColor(205, 235, 110, 190), QColor(0, 0, 0, 110)


def draw_cross(painter: QPainter, area: QRect, at: QPointF) -> None:
    """Draw two lines through a place."""
    x, y = round(at.x()), round(at.y())
    for colour, shift in ((_SHADE, 1), (_LINE, 0)):
        for left, right in ((area.left(), x - GAP), (x + GAP, area.right())):
            if right > left:
                painter.fillRect(left, y + shift, right - left, 1, colour)
        for top, bottom in ((area.top(), y - GAP), (y + GAP, area.bottom())):
            if bottom > top:
                painter.fillRect(x + shift, top, 1, bottom - top, colour)


TOP_LEFT = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft


def write(
    painter: QPainter,
    area: QRect,
    where: Qt.AlignmentFlag,
    text: str,
    ground: Sequence[float],
    *,
    size: int = 12,
) -> None:
    """Write at an edge of a view, on a ground of its own, as napari does.

    Parameters
    ----------
    ground
        Red, green and blue of the canvas, 0 to 1.
    size
        Pixels.
    """
    font = painter.font()
    font.setPixelSize(size)
    painter.setFont(font)
    inside = area.adjusted(4, 4, -4, -4)
    around = painter.boundingRect(inside, where, text).adjusted(-3, -1, 3, 1)
    red, green, blue = (float(share) for share in ground[:3])
    under = QColor.fromRgbF(red, green, blue, 0.75)
    painter.fillRect(around, under)
    painter.setPen(QColor("black" if under.lightness() > 127 else "white"))
    painter.drawText(inside, where, text)


class MainCross(QWidget):
    """The crosshair over napari's own canvas; clicks go through it.

    Parameters
    ----------
    viewer
        Whose canvas.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(napari_canvas.canvas_widget(viewer))
        self._viewer = viewer
        self._at: QPointF | None = None
        # napari puts the texts of a corner below each other: none lies over another.
        self._title = TextOverlay(position="top_left", font_size=9, gridded=False, visible=False)
        viewer.canvas.overlays[_TITLE] = self._title
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.hide()

    @property
    def at(self) -> QPointF | None:
        """Its middle on the canvas; None while it is hidden."""
        return self._at

    def place(self, *, wanted: bool, title: str) -> None:
        """Draw it where the viewer's point is, and what the plane is called; nothing in 3-D."""
        at = place_on_canvas(self._viewer)
        self._at = at if wanted else None
        if self._title.text != title:
            self._title.text = title
        if self._title.visible != (at is not None):
            self._title.visible = at is not None
        self.setVisible(at is not None)
        height, width = self._viewer.canvas.size
        self.setGeometry(0, 0, int(width), int(height))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it."""
        painter = QPainter(self)
        if self._at is not None:
            draw_cross(painter, self.rect(), self._at)
        painter.end()

    def cleanup(self) -> None:
        """Take it away. May be called twice."""
        self._at = None
        self._viewer.canvas.overlays.pop(_TITLE, None)
        self.hide()
        self.setParent(None)
        self.deleteLater()


def place_on_canvas(viewer: Viewer) -> QPointF | None:
    """Where the viewer's point is on its canvas; None in 3-D."""
    dims, camera = viewer.dims, viewer.scene.camera
    if dims.ndisplay != 2 or dims.ndim < 3:
        return None
    height, width = viewer.canvas.size
    vertical, horizontal = camera.orientation2d
    row, column = (
        dims.point[axis] - centre for axis, centre in zip(dims.displayed, camera.center[-2:], strict=True)
    )
    down = -1 if str(vertical) == "up" else 1
    right = -1 if str(horizontal) == "left" else 1
    return QPointF(width / 2 + right * column * camera.zoom, height / 2 + down * row * camera.zoom)
