"""A chart of a page, drawn in the window's colours."""

from __future__ import annotations

from qtpy.QtCore import QByteArray, QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QHelpEvent, QPainter, QPaintEvent, QPixmap
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.page_pictures import PagePicture
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip, yielding_label
from napari_uncertainseg.widgets.shared.plots import theme_of

_LEAST_SCALE = 0.7
"""A chart is not drawn smaller than this, so that its letters can be read: it scrolls sideways."""
_PNG_WIDTH = 700
"""Pixels that a picture is at most wide."""


class Chart(QWidget):
    """A chart at some scale. What a mark says is its tooltip.

    Parameters
    ----------
    picture
        What to draw.
    parent
        Qt parent.
    """

    def __init__(self, picture: PagePicture, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = picture
        self._renderer = QSvgRenderer(self) if picture.svg else None
        self._pixmap = QPixmap()
        self._scale = 1.0
        self._load()

    @property
    def valid(self) -> bool:
        """Whether it can be drawn."""
        return self._renderer.isValid() if self._renderer is not None else not self._pixmap.isNull()

    @property
    def natural(self) -> QSize:
        """Its own size."""
        if self._renderer is not None:
            return self._renderer.defaultSize()
        size = self._pixmap.size()
        return size if size.width() <= _PNG_WIDTH else size * (_PNG_WIDTH / size.width())

    def fit(self, width: int) -> None:
        """Be as wide as there is room, within what can be read."""
        self._scale = min(1.0, max(_LEAST_SCALE, width / max(self.natural.width(), 1)))
        self.setFixedSize(self.natural * self._scale)

    def _load(self) -> None:
        if self._renderer is None:
            self._pixmap.loadFromData(QByteArray(self._picture.png), "PNG")
        else:
            self._renderer.load(QByteArray(self._picture.coloured(theme_of(self).text.as_hex())))

    def said_at(self, x: float, y: float) -> str:
        """What the topmost mark at a place of the widget says; empty where there is none."""
        x, y = x / self._scale, y / self._scale
        for mark in reversed(self._picture.marks):
            if mark.x <= x <= mark.x + mark.width and mark.y <= y <= mark.y + mark.height:
                return mark.said
        return ""

    def event(self, event: QEvent | None) -> bool:
        """Say what is under the mouse."""
        if event is not None and event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            said = self.said_at(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), plain_tooltip(said) if said else "", self)
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and hasattr(self, "_scale"):
            self._load()
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole = QRectF(QPointF(0, 0), QRectF(self.rect()).size())
        if self._renderer is not None:
            self._renderer.render(painter, whole)
        else:
            painter.drawPixmap(self.rect(), self._pixmap)
        painter.end()


class ChartView(QWidget):
    """A chart with its title and a sentence about it; a wide one scrolls sideways.

    Parameters
    ----------
    picture
        What to draw.
    parent
        Qt parent.
    """

    def __init__(self, picture: PagePicture, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = Chart(picture)
        title = yielding_label()
        title.setText(picture.title)
        title.setStyleSheet("font-weight: bold")
        about = yielding_label()
        about.setText(picture.about)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(title)
        if picture.about:
            layout.addWidget(about)
        if self.chart.valid:
            layout.addWidget(_Sideways(self.chart))
        else:
            self.chart.setParent(self)
            self.chart.hide()
            sorry = yielding_label()
            sorry.setText(texts.NO_CHART)
            layout.addWidget(sorry)


class _Sideways(QScrollArea):
    """Holds a chart as high as it is; it scrolls sideways, and hands the wheel on."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self._chart = chart
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setWidget(chart)
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Follow the width."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._fit()

    def wheelEvent(self, event: object) -> None:
        """Leave the wheel to what scrolls up and down."""
        event.ignore()  # type: ignore[attr-defined]

    def _fit(self) -> None:
        self._chart.fit(self.maximumViewportSize().width())
        bar = self.horizontalScrollBar()
        too_wide = self._chart.width() > self.maximumViewportSize().width()
        below = bar.sizeHint().height() if bar is not None and too_wide else 0
        wanted = self._chart.height() + below
        if wanted != self.height() or self.minimumHeight() != wanted:
            self.setFixedHeight(wanted)

    def minimumSizeHint(self) -> QSize:
        """As narrow as can be."""
        return QSize(60, self._chart.height())
