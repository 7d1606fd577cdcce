"""Live plots in pyqtgraph, in napari's colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from napari.settings import get_settings
from napari.utils.theme import Theme, get_theme
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QColor, QFont
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.widgets.shared.napari_internals import viewer_around

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.reliability import Reliability

Ticks = list[tuple[float, str]]

_UNIT_TICKS: Ticks = [(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1)]

_FLOOR = 0.5
"""Where the count's bars start, so that a bin with one voxel can be seen on the logarithmic scale."""


def theme_of(widget: QWidget) -> Theme:
    """The theme of the viewer in whose window a widget lies; that of napari's settings outside of one.

    Qt sends a ``StyleChange`` when the theme changes, and when the widget comes into a window.
    """
    viewer = viewer_around(widget)
    return get_theme(get_settings().appearance.theme if viewer is None else viewer.theme)


def accent(theme: Theme) -> QColor:
    """The colour of data: told apart from the background of its theme."""
    return QColor("#7fb2ff" if theme.type == "dark" else "#1f4fa8")


def marker(theme: Theme) -> QColor:
    """The colour of what the user has set, such as the threshold."""
    return QColor("#f0a868" if theme.type == "dark" else "#9a4a00")


class Plot(QWidget):
    """A canvas in napari's colours, also after a change of its theme.

    Parameters
    ----------
    margins
        Around all that is drawn, pixels: left, top, right, bottom; pyqtgraph's own if None.
    parent
        Qt parent.
    """

    _made = False
    """Qt sends events before all items are there."""

    def __init__(
        self, margins: tuple[int, int, int, int] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._canvas = pg.GraphicsLayoutWidget(parent=self)
        self._canvas.setFrameShape(self._canvas.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        if margins is not None:
            self._canvas.ci.layout.setContentsMargins(*margins)

    def _note_made(self) -> None:
        """All items are there: colour them now, and again with another theme."""
        self._made = True
        self._apply_theme()

    def _apply_theme(self) -> None:
        """Colour all items."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and self._made:
            self._apply_theme()

    def cleanup(self) -> None:
        """Let go of the drawing. May be called twice."""
        self._canvas.close()


class ReliabilityView(Plot):
    """Reliability diagram with its confidence bands, and the number of voxels of each bin below.

    The items are made once; a change sets their data.

    Parameters
    ----------
    compact
        Without the counts, for a small space.
    across
        What lies along the horizontal axis.
    parent
        Qt parent.
    """

    def __init__(
        self, *, compact: bool = False, across: str = "mean probability", parent: QWidget | None = None
    ) -> None:
        super().__init__((0, 4, 4, 6), parent)
        self._compact, self._across = compact, across
        self._unit, self._target = "voxels", "lesion"
        self._canvas.ci.layout.setSpacing(0)
        self._make_diagram()
        self._make_counts()
        self._diagram.view.setToolTip(
            "Each point is a bin of voxels with a similar probability.\n"
            "On the dashed line the model is right: of the voxels with probability 0.7, 70 % are lesion.\n"
            "Below it the model is overconfident, above it underconfident.\n"
            "Bars: 95 % Wilson intervals. They take voxels as independent, so they are too narrow."
        )
        self._note_made()
        self.show_reliability(None)

    def show_reliability(self, reliability: Reliability | None) -> None:
        """Show a reliability; None empties the plot."""
        if reliability is None:
            empty = np.empty(0)
            self._points.setData(empty, empty)
            self._bands.setData(x=empty, y=empty, top=empty, bottom=empty)
            self._bars.setOpts(x=empty, height=empty, width=0.04)
            return
        some = reliability.count > 0
        x, y = reliability.mean_probability[some], reliability.fraction[some]
        self._points.setData(x, y)
        self._bands.setData(x=x, y=y, top=reliability.high[some] - y, bottom=y - reliability.low[some])
        edges, count = reliability.edges, reliability.count
        self._bars.setOpts(
            x=(edges[:-1] + edges[1:]) / 2,
            width=np.diff(edges) * 0.9,
            height=np.log10(np.maximum(count, _FLOOR) / _FLOOR),
        )

    def set_unit(self, unit: str) -> None:
        """Name what is counted: voxels or lesions."""
        self._unit = unit
        if not self._compact:
            self._counts.left.setLabel(unit)

    @property
    def _fraction(self) -> str:
        return f"{self._target} fraction" if self._compact else f"fraction that is {self._target}"

    def set_target(self, target: str) -> None:
        """Name what is observed, in the singular: a lesion, or a class."""
        if target != self._target:
            self._target = target
            self._diagram.left.setLabel(self._fraction)

    def show_before(self, reliability: Reliability | None) -> None:
        """Show how it was before a recalibration, as hollow points; None hides them."""
        if reliability is None:
            self._before.setData(np.empty(0), np.empty(0))
            return
        some = reliability.count > 0
        self._before.setData(reliability.mean_probability[some], reliability.fraction[some])

    def set_threshold(self, threshold: float | None) -> None:
        """Mark the threshold on the probability axis; None hides the mark."""
        self._threshold.setVisible(threshold is not None)
        if threshold is not None:
            self._threshold.setValue(threshold)

    def _make_diagram(self) -> None:
        self._diagram = Frame(self._canvas, row=0)
        self._diagram.view.setRange(xRange=(0, 1), yRange=(0, 1), padding=0.02)
        self._diagram.set_ticks(_UNIT_TICKS, _UNIT_TICKS)
        self._diagonal = pg.PlotDataItem([0, 1], [0, 1])
        self._bands = pg.ErrorBarItem(x=np.empty(0), y=np.empty(0), beam=0.015)
        self._points = pg.PlotDataItem(symbol="o", symbolSize=5 if self._compact else 7)
        self._before = pg.PlotDataItem(symbol="o", symbolSize=7)
        name = {} if self._compact else {"label": "threshold {value:.2f}", "labelOpts": {"position": 0.04}}
        self._threshold = pg.InfiniteLine(angle=90, **name)
        self._threshold.setVisible(False)
        for item in (self._diagonal, self._before, self._bands, self._points, self._threshold):
            self._diagram.view.addItem(item)

    def _make_counts(self) -> None:
        self._bars = pg.BarGraphItem(x=np.empty(0), height=np.empty(0), width=0.04)
        if self._compact:
            return
        self._counts = Frame(self._canvas, row=2)
        self._counts.view.addItem(self._bars)
        self._counts.view.setRange(xRange=(0, 1), yRange=(0, 7), padding=0.02)
        powers = {0: "1", 2: "100", 4: "10k", 6: "1M"}
        self._counts.set_ticks([(p - np.log10(_FLOOR), t) for p, t in powers.items()], _UNIT_TICKS)
        self._counts.view.setToolTip("Number of voxels in each bin, on a logarithmic scale.")
        self._canvas.ci.layout.setRowStretchFactor(0, 4)
        self._canvas.ci.layout.setRowStretchFactor(2, 1)

    def _apply_theme(self) -> None:
        theme = theme_of(self)
        text, data = QColor(theme.text.as_hex()), accent(theme)
        faint = QColor(text)
        faint.setAlpha(140)
        self._canvas.setBackground(theme.background.as_hex())
        self._diagonal.setPen(pg.mkPen(faint, width=1.5, style=Qt.PenStyle.DashLine))
        self._points.setPen(pg.mkPen(data, width=1))
        self._points.setSymbolPen(pg.mkPen(data))
        self._points.setSymbolBrush(pg.mkBrush(data))
        self._before.setPen(pg.mkPen(faint, width=1, style=Qt.PenStyle.DotLine))
        self._before.setSymbolPen(pg.mkPen(faint))
        self._before.setSymbolBrush(pg.mkBrush(None))
        self._bands.setOpts(pen=pg.mkPen(data, width=1))
        self._bars.setOpts(brush=pg.mkBrush(data), pen=pg.mkPen(None))
        if not self._compact:
            self._threshold.label.setColor(marker(theme))
        self._threshold.setPen(pg.mkPen(marker(theme), width=1.5))
        self._name_axes(text, faint)

    def _name_axes(self, text: QColor, line: QColor) -> None:
        font = QFont(self.font())
        font.setPointSizeF(7.5 if self._compact else 8.5)
        frames = [self._diagram] if self._compact else [self._diagram, self._counts]
        style = {"color": text.name(), "font-size": "8pt" if self._compact else "9pt"}
        for frame in frames:
            for axis in (frame.left, frame.bottom):
                axis.setPen(line)
                axis.setTextPen(text)
                axis.setStyle(tickFont=font, tickTextOffset=3)
        self._diagram.left.setLabel(self._fraction, **style)
        frames[-1].bottom.setLabel(self._across, **style)
        frames[-1].bottom.setHeight(34 if self._compact else 40)
        if self._compact:
            return
        self._counts.left.setLabel(self._unit, **style)
        for frame in frames:  # so that the two lie exactly above each other
            frame.left.setWidth(48)


class Frame:
    """A view with two axes, which the mouse cannot move: there is nothing beyond 0 to 1.

    pyqtgraph's own PlotItem makes menus without a parent, which outlive the window.
    """

    def __init__(self, canvas: pg.GraphicsLayoutWidget, row: int) -> None:
        self.view = pg.ViewBox(enableMenu=False, enableMouse=False)
        self.left = pg.AxisItem("left", linkView=self.view)
        self.bottom = pg.AxisItem("bottom", linkView=self.view)
        canvas.addItem(self.left, row=row, col=0)
        canvas.addItem(self.view, row=row, col=1)
        canvas.addItem(self.bottom, row=row + 1, col=1)

    def set_ticks(self, left: Ticks, bottom: Ticks) -> None:
        """Fix the ticks: values and their labels."""
        self.left.setTicks([left])
        self.bottom.setTicks([bottom])
