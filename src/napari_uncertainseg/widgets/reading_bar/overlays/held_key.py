"""Tells a key that is pressed shortly from one that is held."""

from __future__ import annotations

import time
from typing import cast

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QApplication, QWidget

_HELD = 0.35
"""Seconds from which a key counts as held: a short press takes less than half of that."""
_AWAY = {QEvent.Type.WindowDeactivate, QEvent.Type.ApplicationDeactivate}


class HeldKey(QObject):
    """Hears of the release of a key that a shortcut has told the press of.

    While a key is held it listens to all events of the program; at other times to none. A window that loses
    the keyboard while the key is held will not hear of the release: that counts as one.

    Parameters
    ----------
    window
        Whose keyboard it is.
    """

    released = Signal()
    """The key was held, and is no more. Not for a short press."""

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = window
        self._keys: set[int] = set()
        self._since: float | None = None

    def listen_for(self, listed: str) -> None:
        """Take over which keys it may be, as the window lists them, such as ``"A / F8"``."""
        native = QKeySequence.SequenceFormat.NativeText
        sequences = [QKeySequence.fromString(text, native) for text in listed.split(" / ") if text]
        self._keys = {_number(sequence) for sequence in sequences if sequence.count()}

    def press(self) -> None:
        """Begin to wait for the release; anew where that of the last press was never heard of."""
        self._stop()
        app = QApplication.instance()
        if app is not None and self._keys:
            self._since = time.monotonic()
            app.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look for the end; every event goes on its way."""
        if event is None or self._since is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.KeyRelease:
            key = cast(QKeyEvent, event)
            if not key.isAutoRepeat() and int(key.key()) in self._keys:
                self._end(held=time.monotonic() - self._since >= _HELD)
        elif kind in _AWAY and watched in (self._window, QApplication.instance()):
            self._end(held=True)
        return False

    def _end(self, *, held: bool) -> None:
        self._stop()
        if held:
            self.released.emit()

    def _stop(self) -> None:
        app = QApplication.instance()
        if self._since is not None and app is not None:
            app.removeEventFilter(self)
        self._since = None

    def cleanup(self) -> None:
        """Wait for nothing any more. May be called twice."""
        self._stop()


def _number(sequence: QKeySequence) -> int:
    """Qt's number of the first key of a sequence, without what is held with it."""
    return int(sequence[0].key())
