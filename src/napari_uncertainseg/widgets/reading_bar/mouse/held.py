"""While a mouse button is held on a picture, keys and the wheel wait: what is drawn stays in its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

LET_GO = "Let go of the mouse button first."
SAID_MS = 4000
"""So long a sentence stands in the status bar."""
_PRESSES = {QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick}
_KEYS = {QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress}
_PASS = {
    Qt.Key.Key_Escape,  # drops what is being drawn
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Meta,
}
_NONE = Qt.MouseButton.NoButton


def say(window: QMainWindow, sentence: str) -> None:
    """Say a sentence in the status bar, alone: what napari says there of the mouse would cover it at once."""
    bar = window.statusBar()
    if bar is not None:
        bar.showMessage(sentence, SAID_MS)


class HeldMouse(QObject):
    """The one place that decides what may happen during a drag: the mouse moves, Escape drops, no more.

    Another key could show another slice, lesion or case, take another tool or give a verdict, and the drag
    would go on there: a stroke would be painted across the brain, and a ruler would measure from one slice
    to another. A key may be the window's, napari's, a menu's or a list's; so this hears of all events of the
    program while a button is held, and of none at other times.

    Parameters
    ----------
    window
        Whose status bar says why nothing happens.
    pictures
        Widgets on which a drag begins.
    """

    def __init__(self, window: QMainWindow, pictures: Iterable[QWidget]) -> None:
        super().__init__()
        self._window, self._pictures = window, tuple(pictures)
        self._held = False
        for picture in self._pictures:
            picture.installEventFilter(self)

    @property
    def held(self) -> bool:
        """Whether a button that was pressed on a picture is held."""
        return self._held

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep keys and the wheel from everybody while a button is held."""
        if event is None:
            return False
        kind = event.type()
        if kind in _PRESSES and watched in self._pictures:
            self._begin()
        elif not self._held:
            return False
        elif kind == QEvent.Type.MouseButtonRelease:
            if cast(QMouseEvent, event).buttons() == _NONE:
                self._end()
        elif kind in _KEYS:
            return self._keeps_key(cast(QKeyEvent, event))
        elif kind == QEvent.Type.Wheel:
            return self._keeps_wheel(cast(QWheelEvent, event))
        return False

    def _begin(self) -> None:
        app = QApplication.instance()
        if not self._held and app is not None:
            self._held = True
            app.installEventFilter(self)

    def _end(self) -> None:
        app = QApplication.instance()
        if self._held and app is not None:
            app.removeEventFilter(self)
        self._held = False

    def _keeps_key(self, event: QKeyEvent) -> bool:
        if QApplication.mouseButtons() == _NONE:  # released where nobody heard of it, such as over a dialog
            self._end()
            return False
        if event.key() in _PASS:
            return False
        event.accept()  # else the shortcut would still be looked for
        if event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat():
            say(self._window, LET_GO)
        return True

    def _keeps_wheel(self, event: QWheelEvent) -> bool:
        if event.buttons() == QApplication.mouseButtons() == _NONE:
            self._end()
            return False
        event.accept()
        say(self._window, LET_GO)
        return True

    def cleanup(self) -> None:
        """Hear of nothing any more. May be called twice."""
        self._end()
        for picture in self._pictures:
            picture.removeEventFilter(self)
        self._pictures = ()
