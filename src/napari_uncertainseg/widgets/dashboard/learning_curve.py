"""Learning curves: share of right answers to new locations per exercise, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import renderSymbol
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QFont, QIcon, QPixmap
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.review.reports.learning_curves import LearningPoint
from napari_uncertainseg.widgets.dashboard import texts
from napari_uncertainseg.widgets.shared.plots import Frame, Plot, theme_of

# Okabe and Ito's palette, darker where the background is light.
_ON_DARK = ("#56b4e9", "#e69f00", "#2fc296", "#f0e442", "#e08bc0", "#ff7f50")
_ON_LIGHT = ("#0072b2", "#b35900", "#00694b", "#7a6a00", "#a03c7a", "#333333")
_SYMBOLS = ("o", "s", "t", "d", "t1", "p", "star")
"""One more than colours, so that a colour is repeated with another symbol."""
_TICKS = 10
_APART = 0.6
"""Share of an exercise's width over which the points of the annotators are spread."""


class LearningCurveView(Plot):
    """A curve per annotator.

    Parameters
    ----------
    parent
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__((0, 4, 4, 6), parent)
        self._curves: list[tuple[int, Sequence[LearningPoint]]] = []
        self._items: list[pg.GraphicsObject] = []
        self._frame = Frame(self._canvas, row=0)
        self._chance = pg.InfiniteLine(pos=0.5, angle=0)
        self._frame.view.addItem(self._chance)
        self._frame.view.setToolTip(texts.CURVES_TIP)
        self._note_made()

    def show_curves(self, curves: Sequence[tuple[int, Sequence[LearningPoint]]]) -> None:
        """Show curves, each with a number that chooses its colour and symbol."""
        self._curves = list(curves)
        self._draw()

    def icon(self, number: int) -> QIcon:
        """The symbol of a curve in its colour, for a table."""
        colour = self._colour(number)
        image = renderSymbol(_SYMBOLS[number % len(_SYMBOLS)], 9, pg.mkPen(colour), pg.mkBrush(colour))
        return QIcon(QPixmap.fromImage(image))

    def _colour(self, number: int) -> QColor:
        palette = _ON_DARK if theme_of(self).type == "dark" else _ON_LIGHT
        return QColor(palette[number % len(palette)])

    def _draw(self) -> None:
        while self._items:
            self._frame.view.removeItem(self._items.pop())
        for position, (number, points) in enumerate(self._curves):
            self._add(number, position, points)
        longest = max((len(points) for _, points in self._curves), default=1)
        self._frame.view.setRange(xRange=(0.5, longest + 0.5), yRange=(0, 1), padding=0.02)
        step = -(-longest // _TICKS)
        lessons = [(float(i), str(i)) for i in range(1, longest + 1, step)]
        self._frame.set_ticks([(v, f"{v:.0%}") for v in (0, 0.25, 0.5, 0.75, 1)], lessons)

    def _add(self, number: int, position: int, points: Sequence[LearningPoint]) -> None:
        """Draw a curve, shifted a little; an exercise without a new location has no point."""
        apart = _APART / max(len(self._curves), 1)
        shift = (position - (len(self._curves) - 1) / 2) * apart
        some = [(i + shift, p) for i, p in enumerate(points, start=1) if p.first]
        if not some:
            return
        x = np.array([at for at, _ in some])
        y = np.array([p.accuracy for _, p in some])
        low, high = np.array([(p.low, p.high) for _, p in some]).T
        colour = self._colour(number)
        bands = pg.ErrorBarItem(
            x=x, y=y, top=high - y, bottom=y - low, beam=0.06, pen=pg.mkPen(colour, width=1)
        )
        line = pg.PlotDataItem(
            x,
            y,
            pen=pg.mkPen(colour, width=1.5),
            symbol=_SYMBOLS[number % len(_SYMBOLS)],
            symbolSize=8,
            symbolPen=pg.mkPen(colour),
            symbolBrush=pg.mkBrush(colour),
        )
        for item in (bands, line):
            self._frame.view.addItem(item)
            self._items.append(item)

    def _apply_theme(self) -> None:
        theme = theme_of(self)
        text = QColor(theme.text.as_hex())
        faint = QColor(text)
        faint.setAlpha(140)
        self._canvas.setBackground(theme.background.as_hex())
        self._chance.setPen(pg.mkPen(faint, width=1, style=Qt.PenStyle.DashLine))
        font = QFont(self.font())
        font.setPointSizeF(8)
        for axis in (self._frame.left, self._frame.bottom):
            axis.setPen(faint)
            axis.setTextPen(text)
            axis.setStyle(tickFont=font, tickTextOffset=3)
            axis.enableAutoSIPrefix(False)
        style = {"color": text.name(), "font-size": "9pt"}
        self._frame.left.setLabel(texts.RIGHT_AXIS, **style)
        self._frame.bottom.setLabel(texts.EXERCISE_AXIS, **style)
        self._frame.left.setWidth(54)
        self._frame.bottom.setHeight(38)
        self._draw()
