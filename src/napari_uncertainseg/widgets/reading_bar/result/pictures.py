"""Pictures of lesions for a page: an axial slice as radiologists see it, with outlines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from napari_uncertainseg.evaluate.place_pictures import grey_window
from napari_uncertainseg.evaluate.result.case_result import ResultLesion
from napari_uncertainseg.images.volume import Volume

MOST = 3
WIDTH_MM = 40.0
"""Of what a picture shows, both ways; more for a lesion that does not fit."""
_SIDE = 480
"""Pixels of a picture."""
_ROOM = 1.25
_CHOSEN, _OTHER = "#ffb000", "#56b4e9"
"""The lesion that the picture is about, and others: told apart by the colour-blind, too (Okabe and Ito)."""


def shown_lesions(lesions: Sequence[ResultLesion]) -> list[ResultLesion]:
    """Which lesions are drawn: the most doubtful that nobody decided, else the most doubtful of all."""
    undecided = [one for one in lesions if one.verdict != "accepted"]
    rest = [one for one in lesions if one.verdict == "accepted"]
    return [*undecided, *rest][:MOST]


def draw_lesions(
    scan: Volume, labels: np.ndarray, lesions: Sequence[ResultLesion]
) -> Iterator[tuple[ResultLesion, QImage]]:
    """Draw the lesions that deserve a look, see `shown_lesions`.

    Parameters
    ----------
    scan
        On whose grid the labels lie.
    labels
        `ResultLesion.index` of each lesion.
    lesions
        Of the result.
    """
    window = grey_window(scan.data)
    for one in shown_lesions(lesions):
        yield one, draw_lesion(scan, labels, one, window)


def draw_lesion(
    scan: Volume, labels: np.ndarray, lesion: ResultLesion, window: tuple[float, float]
) -> QImage:
    """Draw the axial slice with most of a lesion: anterior up, the patient's right on the left.

    Parameters
    ----------
    scan, labels, lesion
        As for `draw_lesions`.
    window
        Values that are black and white.
    """
    s, a, r = lesion.voxel
    _, tall, wide = scan.grid.spacing
    width = max(WIDTH_MM, _ROOM * min(lesion.diameter_mm, 200.0))
    scale = _SIDE / width  # pixels a mm
    picture = QImage(_SIDE, _SIDE, QImage.Format.Format_RGB32)
    picture.fill(QColor("black"))
    painter = QPainter(picture)
    try:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        grey = _grey(np.asarray(scan.data[s]), window)
        rows, columns = grey.shape
        # Index a grows upwards, r to the left; the voxel of the lesion is in the middle.
        left = _SIDE / 2 - (columns - r - 0.5) * wide * scale
        top = _SIDE / 2 - (rows - a - 0.5) * tall * scale
        painter.drawImage(QRectF(left, top, columns * wide * scale, rows * tall * scale), _image(grey))
        painter.translate(left, top)
        painter.scale(wide * scale, tall * scale)
        here = labels[s][::-1, ::-1]
        for mask, colour in ((here > 0) & (here != lesion.index), _OTHER), (here == lesion.index, _CHOSEN):
            for line, pixels in (("black", 4), (colour, 2)):
                pen = QPen(QColor(line), pixels)
                pen.setCosmetic(True)
                painter.setPen(pen)
                for edge in _edges(mask):
                    painter.drawPolyline(edge)
        painter.resetTransform()
        _write_sides(painter)
    finally:
        painter.end()
    return picture


def _grey(plane: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    low, high = window
    scaled = np.clip((np.nan_to_num(plane.astype(float)) - low) / (high - low), 0, 1)
    return np.ascontiguousarray((255 * scaled[::-1, ::-1]).astype(np.uint8))


def _image(grey: np.ndarray) -> QImage:
    rows, columns = grey.shape
    found = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
    return found.copy()  # its own pixels: those of the array go


def _edges(mask: np.ndarray) -> Iterator[QPolygonF]:
    """The sides between pixels of a mask and others, in pixels from the upper left corner."""
    padded = np.pad(mask, 1).astype(np.int8)
    for row, column in np.argwhere(np.diff(padded, axis=0)[:, 1:-1]).tolist():
        yield QPolygonF([QPointF(column, row), QPointF(column + 1, row)])
    for row, column in np.argwhere(np.diff(padded, axis=1)[1:-1]).tolist():
        yield QPolygonF([QPointF(column, row), QPointF(column, row + 1)])


def _write_sides(painter: QPainter) -> None:
    font = painter.font()
    font.setPixelSize(28)
    painter.setFont(font)
    painter.setPen(QColor("white"))
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(10, 0, 40, _SIDE), middle | Qt.AlignmentFlag.AlignLeft, "R")
    painter.drawText(QRectF(_SIDE - 50, 0, 40, _SIDE), middle | Qt.AlignmentFlag.AlignRight, "L")
