"""What lies around each dock: whose case it is, a cover, and bars that scroll it in a low window."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QFontMetrics, QKeyEvent, QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QSlider,
    QTabBar,
    QWidget,
)

from napari_uncertainseg._base import is_warning
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, plain_tooltip
from napari_uncertainseg.widgets.shared.napari_canvas import give_keyboard_back

_LOWEST = 100
"""Pixels that a dock needs: docks lie below each other for a moment, before they are tabbed."""
_MOST_LINES = 4
"""Of a warning above the content: so many hold the names of two scans."""
_TURNED = (QAbstractSpinBox, QComboBox, QSlider, QTabBar)
"""What a wheel turns."""
FOCUS_COLOUR = "#4080d8"
"""Around what has the keyboard: seen on both themes."""
_FOCUSED = (
    "QPushButton",
    "QToolButton",
    "QCheckBox",
    "QRadioButton",
    "QComboBox",
    "QLineEdit",
    "QAbstractSpinBox",
    "QSlider",
    "QAbstractItemView",
    "QPlainTextEdit",
    "QTextEdit",
)
FOCUS_STYLE = ", ".join(f"{kind}:focus" for kind in _FOCUSED) + f" {{ border: 1px solid {FOCUS_COLOUR}; }}"
"""napari's own style draws nothing around what has the focus, so that Tab seems to do nothing."""


class DockArea(QScrollArea):
    """A dock that may be lower than what is in it, but not narrower.

    Where there is room the content fills it; where there is not it is as low as it can be, and scrolls.
    Qt's own resizable content would be as high as it likes to be. Above the content stands whose case it
    is, and a cover may lie over it.

    Parameters
    ----------
    content
        What is in the dock.
    parent
        Qt parent.
    """

    fronted = Signal()
    """The dock came out from behind its tab, which Qt does not count as being shown."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._behind = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._content = content
        self.setWidget(content)
        self._whose = ""
        self.banner, self.cover = PlainLabel("", self), PlainLabel("", self)
        self.banner.setObjectName("case-name")
        self.banner.setContentsMargins(6, 3, 6, 3)
        self.banner.setStyleSheet("font-weight: bold")
        self.cover.setWordWrap(True)
        self.cover.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.cover.setContentsMargins(20, 20, 20, 20)
        self.cover.hide()
        self._wheel = _Wheel(self)
        for turned in content.findChildren(QWidget):
            if isinstance(turned, _TURNED):
                self._wheel.guard(turned)
        self._typing = _Typing(self)
        for each in content.findChildren(QWidget):
            if isinstance(each, QAbstractSpinBox | QAbstractButton):
                each.installEventFilter(self._typing)
        self.setStyleSheet(FOCUS_STYLE)

    def say_whose(self, text: str, more: str = "") -> None:
        """Say above the content whose case it is about, in a few lines, and more in the tooltip."""
        self._whose = text
        self.banner.setText(text)
        self.banner.setToolTip(plain_tooltip(f"{text}\n{more}" if more else text))
        self._place_labels()

    def cover_with(self, sentence: str) -> None:
        """Hide the content and say why; show it again where there is no reason."""
        self.cover.setText(sentence)
        self.cover.setVisible(bool(sentence))
        self._content.setEnabled(not sentence)
        self._content.setVisible(not sentence)
        self._place_labels()

    def _place_labels(self) -> None:
        inside, metrics = self.maximumViewportSize().width() - 12, self.banner.fontMetrics()
        lines = (_fitted(line, metrics, inside) for line in self._whose.split("\n"))
        self.banner.setText("\n".join(lines))
        if self.viewportMargins().top() != self._above:  # other text, or another font
            self.setViewportMargins(0, self._above, 0, 0)
        self.banner.setGeometry(0, 0, self.width(), self._above)
        self.cover.setGeometry(0, self._above, self.width(), self.height() - self._above)
        self.cover.raise_()

    @property
    def _above(self) -> int:
        return self.banner.sizeHint().height() if self._whose else 0

    def minimumSizeHint(self) -> QSize:
        """As wide as the content and the scroll bar need, and low."""
        least = self._content.minimumSizeHint().expandedTo(self._content.minimumSize())
        return QSize(least.width() + self._beside, _LOWEST)

    def sizeHint(self) -> QSize:
        """As large as the content likes to be."""
        return self._content.sizeHint() + QSize(self._beside, self._above)

    def event(self, event: QEvent | None) -> bool:
        """Follow the content when it changes its mind about its size, and hear of being docked."""
        done = super().event(event)
        if event is None:
            return done
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.StyleChange):
            self._fit()
            self.updateGeometry()
        elif event.type() == QEvent.Type.ParentChange and isinstance(dock := self.parent(), QDockWidget):
            dock.visibilityChanged.connect(self._on_visibility)
        return done

    @property
    def in_front(self) -> bool:
        """Whether the dock is shown, and not behind the tab of another."""
        return not self._behind and self.isVisible()

    def _show_whole_titles(self) -> None:
        """Let tabs of docks keep their whole words where there are many; arrows lead to the others."""
        dock = self.parent()
        window = dock.parent() if isinstance(dock, QDockWidget) else None
        if isinstance(window, QMainWindow):
            for tabs in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
                tabs.setElideMode(Qt.TextElideMode.ElideNone)
                tabs.setUsesScrollButtons(True)

    def _on_visibility(self, visible: bool) -> None:
        self._show_whole_titles()
        if visible and self._behind:
            self.fronted.emit()
        dock = self.parent()
        self._behind = not visible and isinstance(dock, QDockWidget) and not dock.isHidden()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the dock's size."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Follow what changed while the dock was hidden: Qt does not tell."""
        super().showEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Leave all keys to the viewer, which moves through slices with arrows."""
        if event is not None:
            event.ignore()

    @property
    def scrolls(self) -> bool:
        """Whether there is more than can be seen."""
        bar = self.verticalScrollBar()
        return bar is not None and bar.maximum() > 0

    @property
    def _bar_width(self) -> int:
        bar = self.verticalScrollBar()
        return 0 if bar is None else bar.sizeHint().width()

    @property
    def _beside(self) -> int:
        """What is not the content's: the scroll bar, and the padding of napari's style."""
        return self._bar_width + self.width() - self.maximumViewportSize().width()

    def _fit(self) -> None:
        self._place_labels()
        room = self.maximumViewportSize()
        width, least = room.width(), self._least_height(room.width())
        if least > room.height():
            width -= self._bar_width
            least = self._least_height(width)
        self._content.resize(width, max(least, room.height()))

    def _least_height(self, width: int) -> int:
        content, layout = self._content, self._content.layout()
        if layout is not None and layout.hasHeightForWidth():
            return max(layout.minimumHeightForWidth(width), content.minimumHeight())
        return max(content.minimumSizeHint().height(), content.minimumHeight())


def _fitted(line: str, metrics: QFontMetrics, width: int) -> str:
    """A line of the banner: shortened in its middle; a warning, whose every word counts, is wrapped."""
    most, lines = _MOST_LINES if is_warning(line) else 1, [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if metrics.horizontalAdvance(longer) <= width or len(lines) == most or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(metrics.elidedText(each, Qt.TextElideMode.ElideMiddle, width) for each in lines)


class _Wheel(QObject):
    """Keeps a wheel that scrolls a dock from turning the controls that pass below it.

    One that has the focus is turned, as the user has chosen it.
    """

    def __init__(self, area: DockArea) -> None:
        super().__init__(area)
        self._area = area

    def guard(self, control: QWidget) -> None:
        """Guard a control, which the wheel alone gives no focus."""
        if control.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        control.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hand a wheel on to the dock."""
        if event is None or event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus() or not self._area.scrolls:
            return False
        event.ignore()
        return True


class _Typing(QObject):
    """Gives the keyboard back to the picture where a number has been typed: its field would keep all keys.

    That is so with Enter, and with a click on a button that takes no keyboard itself, such as *Reset*.
    """

    def __init__(self, area: DockArea) -> None:
        super().__init__(area)
        self._area = area
        self._soon = QTimer(self)  # once the field or the button has done its own
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._give_back)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hear of Enter and of clicks; every event goes on its way."""
        if isinstance(watched, QAbstractSpinBox):
            enter = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            done = enter and event is not None and event.type() == QEvent.Type.KeyPress
        else:
            done = event is not None and event.type() == QEvent.Type.MouseButtonRelease
        if done:
            self._soon.start()
        return False

    def _give_back(self) -> None:
        has, area = QApplication.focusWidget(), self._area
        # A click on what takes no keyboard gives it to the window, where napari's own keys are dead.
        if has is area.window() or (isinstance(has, QAbstractSpinBox) and area.isAncestorOf(has)):
            give_keyboard_back(area)
