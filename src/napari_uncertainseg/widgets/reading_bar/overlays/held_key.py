"""Tells a key that is pressed shortly from one that is held."""

from __future__ import annotations

import time
from typing import cast

from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QApplication, QWidget

_HELD = 0.35
"""Seconds from which a key counts as held: a short press takes less than half of that."""
_SETTLES_MS = 80
"""So long a release is waited for to be a true one."""
_PRESSES = {QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress}
_AWAY = {QEvent.Type.WindowDeactivate, QEvent.Type.ApplicationDeactivate}


class HeldKey(QObject):
    """Hears of the release of a key that a shortcut has told the press of.

    While a key is held it listens to all events of the program; at other times to none. A window that loses
    the keyboard while the key is held will not hear of the release: that counts as one. A key that repeats is
    told by X11 as released and pressed at the same moment, and Qt, on a busy machine, takes that for true:
    such a pair is passed over.

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
        self._let_go: float | None = None
        self._pressed_at = self._released_at = 0
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(_SETTLES_MS)
        self._settling.timeout.connect(self._end)

    def listen_for(self, listed: str) -> None:
        """Take over which keys it may be, as the window lists them, such as ``"A / F8"``."""
        native = QKeySequence.SequenceFormat.NativeText
        sequences = [QKeySequence.fromString(text, native) for text in listed.split(" / ") if text]
        self._keys = {_number(sequence) for sequence in sequences if sequence.count()}

    def press(self) -> bool:
        """Begin to wait for the release; False where this is no new press, but the key that repeats.

        Begins anew where the release of the last press was never heard of.
        """
        if self._settling.isActive() and 0 < self._pressed_at <= self._released_at + 1:
            self._settling.stop()
            self._let_go = None
            return False
        if self._settling.isActive():
            self._end()
        self._stop()
        app = QApplication.instance()
        if app is not None and self._keys:
            self._since = time.monotonic()
            app.installEventFilter(self)
        return True

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look for the end; every event goes on its way."""
        if event is None or self._since is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.KeyRelease or kind in _PRESSES:
            self._on_key(cast(QKeyEvent, event))
        elif kind in _AWAY and watched in (self._window, QApplication.instance()):
            self._since = float("-inf")  # whoever looks at another window does not hold the key for this one
            self._let_go = 0.0
            self._end()
        return False

    def _on_key(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat() or int(event.key()) not in self._keys:
            return
        if event.type() != QEvent.Type.KeyRelease:
            self._pressed_at = event.timestamp()
        elif not self._settling.isActive():
            self._released_at, self._let_go = event.timestamp(), time.monotonic()
            self._settling.start()

    def _end(self) -> None:
        since, let_go = self._since, self._let_go
        self._stop()
        if since is not None and let_go is not None and let_go - since >= _HELD:
            self.released.emit()

    def _stop(self) -> None:
        app = QApplication.instance()
        if self._since is not None and app is not None:
            app.removeEventFilter(self)
        self._settling.stop()
        self._since = self._let_go = None

    def cleanup(self) -> None:
        """Wait for nothing any more. May be called twice."""
        self._stop()


def _number(sequence: QKeySequence) -> int:
    """Qt's number of the first key of a sequence, without what is held with it."""
    return int(sequence[0].key())
