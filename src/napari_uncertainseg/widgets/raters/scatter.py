"""Lesions as points: the model's uncertainty against the raters' disagreement."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.widgets.raters import texts
from napari_uncertainseg.widgets.shared.plots import Frame, Plot, accent, theme_of

_UNIT = [(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1)]
_VARIANCE = [(v, f"{v:g}") for v in (0, 0.1, 0.2)]


class UncertaintyScatter(Plot):
    """A point per lesion.

    Parameters
    ----------
    parent
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setMinimumHeight(190)
        self._frame = Frame(self._canvas, row=0)
        self._frame.view.setRange(xRange=(0, 1), yRange=(0, 0.26), padding=0.03)
        self._frame.set_ticks(_VARIANCE, _UNIT)
        self._frame.view.setToolTip(texts.SCATTER_TIP)
        self._points = pg.PlotDataItem(pen=None, symbol="o", symbolSize=7)
        self._frame.view.addItem(self._points)
        self._note_made()

    def show_points(self, lsu: np.ndarray, disagreement: np.ndarray) -> None:
        """Show lesions.

        Parameters
        ----------
        lsu
            Structural uncertainty of each lesion, 0 to 1, shape (lesions,).
        disagreement
            Mean variance of the raters' marks in each, 0 to 0.25, same shape.
        """
        self._points.setData(lsu, disagreement)

    def _apply_theme(self) -> None:
        theme = theme_of(self)
        text, data = QColor(theme.text.as_hex()), accent(theme)
        self._canvas.setBackground(theme.background.as_hex())
        data.setAlpha(170)
        self._points.setSymbolPen(pg.mkPen(None))
        self._points.setSymbolBrush(pg.mkBrush(data))
        for axis in (self._frame.left, self._frame.bottom):
            axis.setPen(text)
            axis.setTextPen(text)
            axis.enableAutoSIPrefix(False)
        style = {"color": text.name(), "font-size": "9pt"}
        self._frame.left.setLabel(texts.SCATTER_UP, **style)
        self._frame.bottom.setLabel(texts.SCATTER_ACROSS, **style)
        self._frame.left.setWidth(48)
        self._frame.bottom.setHeight(40)
