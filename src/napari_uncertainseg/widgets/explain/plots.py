"""Two small plots: probability against surroundings, and against changes of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QFont
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.shared.plots import Frame, Plot, Ticks, accent, marker, theme_of

if TYPE_CHECKING:
    import pandas as pd

    from napari_uncertainseg.explain.context import ContextNeed

_HEIGHT = 150
_Y_TICKS: Ticks = [(0, "0"), (0.5, "0.5"), (1, "1")]
_APART = 17.0
"""Between the places of changes that are no fainter lesion, in percent."""


class SmallPlot(Plot):
    """Probability, 0 to 1, against something, in napari's colours.

    Parameters
    ----------
    across
        What lies along the horizontal axis.
    tip
        What is seen.
    """

    def __init__(self, across: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__((0, 4, 6, 2), parent)
        self._across = across
        self._canvas.ci.layout.setSpacing(0)
        self.setFixedHeight(_HEIGHT)
        self._frame = Frame(self._canvas, row=0)
        self._frame.view.setToolTip(tip)
        self.setToolTip(tip)

    def _add(self, *items: pg.GraphicsObject) -> None:
        for item in items:
            self._frame.view.addItem(item)
        self._note_made()

    def _range(self, largest: float, ticks: Ticks) -> None:
        self._frame.view.setRange(xRange=(0, largest), yRange=(0, 1), padding=0.03)
        self._frame.set_ticks(_Y_TICKS, ticks)

    def _apply_theme(self) -> None:
        theme = theme_of(self)
        text = QColor(theme.text.as_hex())
        faint = QColor(text)
        faint.setAlpha(150)
        self._canvas.setBackground(theme.background.as_hex())
        font = QFont(self.font())
        font.setPointSizeF(8)
        for axis in (self._frame.left, self._frame.bottom):
            axis.setPen(faint)
            axis.setTextPen(text)
            axis.setStyle(tickFont=font, tickTextOffset=3)
        style = {"color": text.name(), "font-size": "8pt"}
        self._frame.left.setLabel(self._up(accent(theme), marker(theme)), **style)
        self._frame.bottom.setLabel(self._across, **style)
        self._frame.bottom.setHeight(36)
        self._colour(accent(theme), marker(theme), faint)

    def _up(self, data: QColor, mark: QColor) -> str:
        """What lies along the vertical axis, as rich text."""
        return texts.PROBABILITY

    def _colour(self, data: QColor, mark: QColor, faint: QColor) -> None:
        """Colour what is drawn."""


class ContextPlot(SmallPlot):
    """The probability of a lesion as the input grows around it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(texts.AROUND, texts.CONTEXT_TIP, parent)
        self._curve = pg.PlotDataItem()
        self._whole = pg.InfiniteLine(angle=0)
        self._marks = {
            name: pg.InfiniteLine(angle=90, label=name, labelOpts={"position": place, "movable": False})
            for name, place in (("detected", 0.9), ("settled", 0.72))
        }
        self._add(self._whole, *self._marks.values(), self._curve)

    def show_curve(self, curve: pd.DataFrame, need: ContextNeed) -> None:
        """Show a curve of `context_curve`, whose last row is all of the field."""
        radius = curve["radius_mm"].to_numpy(float)[:-1]
        self._curve.setData(radius, curve["mean_probability"].to_numpy(float)[:-1])
        largest = float(radius[-1]) if len(radius) else 1.0
        step = 5 if largest > 12 else 2
        self._range(largest, [(float(mm), f"{mm:g}") for mm in np.arange(0, largest + 0.1, step)])
        self._whole.setValue(need.whole)
        for name, at in (("detected", need.detected_mm), ("settled", need.settled_mm)):
            line = self._marks[name]
            line.setVisible(bool(np.isfinite(at)))
            if np.isfinite(at):
                line.setValue(at)

    def _colour(self, data: QColor, mark: QColor, faint: QColor) -> None:
        self._curve.setPen(pg.mkPen(data, width=2))
        self._whole.setPen(pg.mkPen(faint, width=1, style=Qt.PenStyle.DashLine))
        for line in self._marks.values():
            line.setPen(pg.mkPen(mark, width=1.5))
            line.label.setColor(mark)


class ChangesPlot(SmallPlot):
    """What the model says of a lesion when the scans are changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(texts.FAINTER, texts.CHANGES_TIP, parent)
        self._line, self._doubt_line = pg.PlotDataItem(), pg.PlotDataItem()
        self._found = pg.ScatterPlotItem(symbol="o", size=8)
        self._missed = pg.ScatterPlotItem(symbol="o", size=8)
        self._doubt = pg.ScatterPlotItem(symbol="s", size=6)
        self._add(self._doubt_line, self._line, self._doubt, self._missed, self._found)

    def show_changes(self, table: pd.DataFrame) -> None:
        """Show a table of `counterfactuals`."""
        fainter = table["fainter"].to_numpy(float)
        steps = np.isfinite(fainter)
        other = np.flatnonzero(~steps)
        at = 100 * fainter
        at[other] = 100 + _APART * (1 + np.arange(len(other)))
        p, doubt = table["mean_probability"].to_numpy(float), table["doubt"].to_numpy(float)
        found = table["found"].to_numpy(bool)
        self._line.setData(at[steps], p[steps])
        self._found.setData(at[found], p[found])
        self._missed.setData(at[~found], p[~found])
        known = np.isfinite(doubt)
        self._doubt.setData(at[known], doubt[known])
        self._doubt_line.setData(at[steps & known], doubt[steps & known])
        names = [texts.SHORT.get(name, name) for name in table["change"].to_numpy()[other]]
        ticks: Ticks = [(0, "0"), (50, "50"), (100, "100")]
        self._range(float(at.max()) + _APART / 2, ticks + list(zip(at[other].tolist(), names, strict=True)))

    def _up(self, data: QColor, mark: QColor) -> str:
        def sign(shape: str, colour: QColor) -> str:
            return f'<span style="color: {colour.name()}">{shape}</span>'

        return f"{sign('●', data)} {texts.SHORT_P}, {sign('■', mark)} {texts.DOUBT}"

    def _colour(self, data: QColor, mark: QColor, faint: QColor) -> None:
        self._line.setPen(pg.mkPen(data, width=1.5))
        self._doubt_line.setPen(pg.mkPen(mark, width=1, style=Qt.PenStyle.DotLine))
        for item, brush in ((self._found, data), (self._missed, None)):
            item.setPen(pg.mkPen(data, width=1.5))
            item.setBrush(pg.mkBrush(brush))
        self._doubt.setPen(pg.mkPen(mark))
        self._doubt.setBrush(pg.mkBrush(mark))
