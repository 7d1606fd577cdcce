"""napari's notices in the corner of the window: none outlives its case, and none stays for ever.

When a notice comes, napari 0.9 stops the clocks of those that are there, and starts none of them again; in a
window that is not the active one it starts none at all.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QDialog

from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from qtpy.QtWidgets import QMainWindow

_KIND = "NapariQtNotification"
_CAME = "uncertainseg_came"
"""Property of a notice: when it came, in seconds of the monotonic clock."""
_OWN_S = 1.0
"""What came so shortly before the case went may be about the case that comes."""
_STAY_S, _UNSEEN_S = 4.0, 60.0
"""How long a notice stays; and where somebody works in another window."""
_LOOK_MS = 500


class PassingNotices(QObject):
    """Lets the notices of a window go.

    Parameters
    ----------
    window
        Whose.
    """

    _ready = Signal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._soon, self._clock = QTimer(self), QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._look)
        self._clock.setInterval(_LOOK_MS)
        self._clock.timeout.connect(self._look)
        self._ready.connect(self._start)
        ready = notification_manager.notification_ready
        self._connections = Connections((ready, self._on_ready))

    def _on_ready(self, notification: object = None) -> None:
        self._ready.emit()  # perhaps in the thread that warns, where no clock of ours can be started

    def _start(self) -> None:
        self._soon.start(0)  # the notice is made in between

    def _shown(self) -> list[QDialog]:
        return [x for x in self._window.findChildren(QDialog) if type(x).__name__ == _KIND and x.isVisible()]

    def _look(self) -> None:
        """Close what has stayed long enough, but for what is being read: under the mouse, or opened out."""
        now, shown = time.monotonic(), self._shown()
        longest = _STAY_S if self._window.isActiveWindow() else _UNSEEN_S
        for each in shown:
            came = each.property(_CAME)
            if came is None or each.underMouse() or each.property("expanded"):
                each.setProperty(_CAME, now)
            elif now - came > longest:
                each.close()
        if shown and not self._clock.isActive():
            self._clock.start()
        elif not shown:
            self._clock.stop()

    def end_case(self) -> None:
        """Close what was said of the case that goes."""
        now = time.monotonic()
        for shown in self._shown():
            came = shown.property(_CAME)
            if came is not None and now - came > _OWN_S:
                shown.close()

    def cleanup(self) -> None:
        """Let napari's notices be. May be called twice."""
        self._connections.disconnect_all()
        self._soon.stop()
        self._clock.stop()
        self.deleteLater()
