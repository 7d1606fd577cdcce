"""A small view: one plane through all layers, drawn as napari draws them, with letters and the crosshair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtCore import QLineF, QPoint, QPointF, QSize, Qt, Signal
from qtpy.QtGui import (
    QBrush,
    QColor,
    QEnterEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_uncertainseg.widgets.layers.planes.plane import Plane
from napari_uncertainseg.widgets.layers.selection.edges import (
    BLACK,
    HALO_PX,
    LINE_PX,
    THIN_HALO_PX,
    THIN_PX,
    WHITE,
)
from napari_uncertainseg.widgets.layers.selection.thin_outlines import LARGE_PX
from napari_uncertainseg.widgets.reading_bar.mouse.workstation import FAST
from napari_uncertainseg.widgets.reading_bar.views import texts
from napari_uncertainseg.widgets.reading_bar.views.cross import TOP_LEFT, draw_cross, write
from napari_uncertainseg.widgets.reading_bar.views.marks import Mark
from napari_uncertainseg.widgets.reading_bar.views.slices import Picture

_MODES = {
    "additive": QPainter.CompositionMode.CompositionMode_Plus,
    "minimum": QPainter.CompositionMode.CompositionMode_Darken,
    "multiplicative": QPainter.CompositionMode.CompositionMode_Multiply,
}
_INNER = 0.7
"""Share of the view in which the crosshair may move before the picture follows it."""
_NOTCH = 120
"""What Qt says of one notch of the wheel."""
_EDGES = {
    "top": Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter,
    "bottom": Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter,
    "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
}


class SliceView(QWidget):
    """Draws slices and says what the mouse does; it knows neither layers nor viewer."""

    pointed = Signal(float, float)
    """The place under the mouse, along the plane's columns and rows, in the viewer's world."""
    clicked = Signal()
    """The same place was pressed on, not only dragged to."""
    entered = Signal()
    """The mouse has come in."""
    turned_right = Signal(float, float)
    """The right button is held: how far the mouse has come since, right and down; 0, 0 when pressed."""
    scrolled = Signal(int)
    """So many slices further."""
    chosen = Signal()
    """This plane is wanted in the large view."""

    def __init__(self) -> None:
        super().__init__()
        self.plane = Plane(0, 1, 2)
        self.cross: tuple[float, float] | None = None
        """The crosshair, along columns and rows; None hides it."""
        self._at = (0.0, 0.0)
        self._centre = (0.0, 0.0)
        self._field = 200.0
        self._own_zoom = 1.0
        self._images: list[tuple[QImage, Picture]] = []
        self._marks: list[Mark] = []
        self.selected = np.zeros((0, 2, 2))
        """Stretches around the selected lesion: both ends of each along columns and rows, (n, 2, 2)."""
        self._ground = QColor("black")
        self._dragged: QPoint | None = None
        self._right: QPointF | None = None
        self._turned = 0
        self.setMinimumSize(60, 60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def sizeHint(self) -> QSize:
        """As tall as wide."""
        return QSize(300, 300)

    # -- what is shown ------------------------------------------------------------------------

    def show_pictures(
        self, pictures: Sequence[Picture], ground: Sequence[float], marks: Sequence[Mark] = ()
    ) -> None:
        """Draw pictures over each other, the first the lowest.

        Parameters
        ----------
        marks
            What is drawn over all of them.
        ground
            Red, green and blue of what lies under them, 0 to 1.
        """
        self._images = [(_image(picture.colours), picture) for picture in pictures]
        self._marks = list(marks)
        self._ground = QColor.fromRgbF(*(float(share) for share in ground[:3]))
        self.update()

    def show_field(self, field: float) -> None:
        """Show so many units of the viewer's world along the shorter side."""
        self._field, self._own_zoom = max(field, 1e-6), 1.0
        self.update()

    def centre_on(self, column: float, row: float) -> None:
        """Move the picture."""
        self._centre = (column, row)
        self.update()

    def follow(self, column: float, row: float) -> None:
        """Move the picture where a place would be near the edge, or beyond it."""
        self._at = (column, row)
        shift = self.to_widget(column, row) - QPointF(self.width() / 2, self.height() / 2)
        if abs(shift.x()) > _INNER * self.width() / 2 or abs(shift.y()) > _INNER * self.height() / 2:
            self.centre_on(column, row)

    @property
    def zoom(self) -> float:
        """Pixels for each unit of the viewer's world."""
        return max(min(self.width(), self.height()), 1) / self._field * self._own_zoom

    def to_widget(self, column: float, row: float) -> QPointF:
        """Pixel of a place."""
        return self._transform().map(QPointF(column, row))

    def to_world(self, at: QPointF) -> tuple[float, float]:
        """Place along columns and rows of a pixel."""
        back, _ = self._transform().inverted()
        place = back.map(at)
        return place.x(), place.y()

    def _transform(self) -> QTransform:
        across = -self.zoom if self.plane.left else self.zoom
        down = -self.zoom if self.plane.up else self.zoom
        column, row = self._centre
        middle_x, middle_y = self.width() / 2, self.height() / 2
        return QTransform(across, 0, 0, down, middle_x - across * column, middle_y - down * row)

    # -- drawing ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw all."""
        ratio = self.devicePixelRatioF()
        size = QSize(max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1))
        canvas = QImage(size, QImage.Format.Format_RGB32)  # some blendings need an opaque ground
        canvas.setDevicePixelRatio(ratio)
        canvas.fill(self._ground)
        painter = QPainter(canvas)
        place = self._transform()
        for image, picture in self._images:
            if self._is_lines(picture):
                continue
            own = QTransform(picture.scale[0], 0, 0, picture.scale[1], *picture.offset)
            painter.setTransform(own * place)
            over = QPainter.CompositionMode.CompositionMode_SourceOver
            painter.setCompositionMode(_MODES.get(picture.blending, over))
            painter.setOpacity(picture.opacity)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, picture.smooth)
            painter.drawImage(0, 0, image)
        painter.resetTransform()
        painter.setOpacity(1.0)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        self._draw_over(painter)
        painter.end()
        on_screen = QPainter(self)
        on_screen.drawImage(0, 0, canvas)
        on_screen.end()

    def _is_lines(self, picture: Picture) -> bool:
        """Whether outlines are lines, as in the large view: in voxels they would cover a small lesion."""
        large = min(abs(side) for side in picture.scale) * self.zoom >= LARGE_PX
        return large and picture.lines is not None

    def _draw_outlines(self, painter: QPainter) -> None:
        """Outlines as in the large view, as thick at any zoom; the selected one is white between black."""
        for _, picture in self._images:
            if picture.lines is not None and self._is_lines(picture):
                for line in picture.lines():
                    self._draw_lines(painter, line.stretches, line.colour, THIN_PX, THIN_HALO_PX)
        self._draw_lines(painter, self.selected, WHITE, LINE_PX, HALO_PX)

    def _draw_lines(
        self, painter: QPainter, ends: np.ndarray, colour: Sequence[float], line_px: float, halo_px: float
    ) -> None:
        stretches = [QLineF(*(self.to_widget(*end) for end in pair)) for pair in ends.tolist()]
        for part, width in ((BLACK, line_px + 2 * halo_px), (colour, line_px)):
            pen = QPen(QColor.fromRgbF(*part), width)
            pen.setCapStyle(Qt.PenCapStyle.SquareCap)
            painter.setPen(pen)
            for stretch in stretches:
                painter.drawLine(stretch)

    def _draw_mark(self, painter: QPainter, mark: Mark) -> None:
        painter.setPen(QPen(QColor.fromRgbF(*mark.line), 2))
        painter.setBrush(QBrush(QColor.fromRgbF(*mark.fill)))
        places = [self.to_widget(*place) for place in mark.places]
        if len(places) == 1:
            painter.drawEllipse(places[0], mark.radius * self.zoom, mark.radius * self.zoom)
        elif mark.closed:
            painter.drawPolygon(QPolygonF(places))
        else:
            painter.drawPolyline(QPolygonF(places))

    def _draw_over(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for mark in self._marks:
            self._draw_mark(painter, mark)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._draw_outlines(painter)
        if self._images and self.cross is not None:
            draw_cross(painter, self.rect(), self.to_widget(*self.cross))
        if not self._images:
            self._write(painter, Qt.AlignmentFlag.AlignCenter, texts.NOTHING)
        for edge, letters in self.plane.letters.items():
            self._write(painter, _EDGES[edge], letters, size=15)
        self._write(painter, TOP_LEFT, self.plane.name)

    def _write(self, painter: QPainter, where: Qt.AlignmentFlag, text: str, size: int = 12) -> None:
        ground = self._ground.getRgbF()[:3]
        write(painter, self.rect(), where, text, [float(share or 0) for share in ground], size=size)

    # -- the mouse ----------------------------------------------------------------------------

    def enterEvent(self, event: QEnterEvent | None) -> None:
        """Say so."""
        self.entered.emit()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Move the crosshair, or begin to move the picture or to change window and level."""
        if event is None:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self.pointed.emit(*self.to_world(event.position()))
            self.clicked.emit()
        elif event.button() == Qt.MouseButton.MiddleButton:
            self._dragged = event.position().toPoint()
        elif event.button() == Qt.MouseButton.RightButton:
            self._right = event.position()
            self.turned_right.emit(0.0, 0.0)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move the crosshair or the picture with the mouse, or change window and level."""
        if event is None:
            return
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.pointed.emit(*self.to_world(event.position()))
        elif event.buttons() & Qt.MouseButton.RightButton and self._right is not None:
            moved = event.position() - self._right
            self.turned_right.emit(moved.x(), moved.y())
        elif event.buttons() & Qt.MouseButton.MiddleButton and self._dragged is not None:
            before, now = self.to_world(QPointF(self._dragged)), self.to_world(event.position())
            self._dragged = event.position().toPoint()
            self.centre_on(self._centre[0] + before[0] - now[0], self._centre[1] + before[1] - now[1])

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End what a button does."""
        self._dragged = self._right = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Ask for the large view."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Go through the slices, with Shift faster; zoom with Ctrl, with the place under the mouse kept."""
        if event is None:
            return
        event.accept()
        fast = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        turned = event.angleDelta().y() or (event.angleDelta().x() if fast else 0)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            before = self.to_world(event.position())
            self._own_zoom = float(np.clip(self._own_zoom * 1.15 ** (turned / _NOTCH), 0.2, 50))
            now = self.to_world(event.position())
            self.centre_on(self._centre[0] + before[0] - now[0], self._centre[1] + before[1] - now[1])
            return
        self._turned += turned
        notches = int(self._turned / _NOTCH)  # a touchpad turns by less
        self._turned -= notches * _NOTCH
        if notches:
            # up goes to the viewer's earlier slices, as with napari's keys
            self.scrolled.emit(-notches * (FAST if fast else 1))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the crosshair in view."""
        self.follow(*self._at)


def _image(colours: np.ndarray) -> QImage:
    colours = np.ascontiguousarray(colours)
    height, width = colours.shape[:2]
    made = QImage(colours.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return made.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)  # a copy: the array may go
