"""A line in the lower left of any cell of napari's grid: a text of the canvas has the lowest row only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.widgets.reading_bar.mouse.moves import cell_area
from napari_uncertainseg.widgets.reading_bar.views.cross import write
from napari_uncertainseg.widgets.shared import napari_canvas

if TYPE_CHECKING:
    from napari import Viewer

_SIZE = 15
"""Pixels of its letters, which are then as large as those of napari's text."""
_LOWER_LEFT = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft


class CellText(QWidget):
    """Lies over a cell, and lets the mouse through.

    A text of napari's that is `gridded` says the same in all cells, and that of a layer is always its name.

    Parameters
    ----------
    viewer
        Whose canvas.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(napari_canvas.canvas_widget(viewer))
        self._viewer, self.text = viewer, ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.hide()

    def show_in(self, cell: tuple[int, int], text: str) -> None:
        """Say something in a cell, by its row and column; nothing where the text is empty."""
        self.text = text
        if text:
            self.setGeometry(cell_area(self._viewer, cell))
        self.setVisible(bool(text))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Write it."""
        painter = QPainter(self)
        write(painter, self.rect(), _LOWER_LEFT, self.text, self._viewer.canvas.background_color, size=_SIZE)
        painter.end()

    def cleanup(self) -> None:
        """Take it away. May be called twice."""
        self.hide()
        self.setParent(None)
        self.deleteLater()
