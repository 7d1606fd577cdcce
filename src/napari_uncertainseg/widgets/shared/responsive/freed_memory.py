"""What a closed case has held goes back to the system.

Scans, maps and members are hundreds of megabytes. glibc keeps what is freed for whoever asks next, where
something small lies behind it for as long as the window is open: 400 MB after a case of 1 mm.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel

_AFTER_MS = 2500
"""After the last layer went: cycles are collected a second later, see `spared_objects`."""


class FreedMemory:
    """Gives freed memory back to the system a moment after the last layer was removed.

    Parameters
    ----------
    viewer
        Of the window.
    give_back
        Does it, in a thread of its own: it takes a tenth of a second, in which Python goes on.
    """

    def __init__(self, viewer: ViewerModel, give_back: Callable[[], object] | None = None) -> None:
        self._viewer = viewer
        self._give_back = give_back or _give_back
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AFTER_MS)
        self._timer.timeout.connect(self._start)
        self._connections = Connections((viewer.layers.events.removed, self._on_removed))

    def _on_removed(self, event: Any = None) -> None:
        if not self._viewer.layers:
            self._timer.start()

    def _start(self) -> None:
        if not self._viewer.layers:  # else another case came in, which wants the memory
            Thread(target=self._give_back, name="freed memory", daemon=True).start()

    def cleanup(self) -> None:
        """Stop. May be called twice."""
        self._timer.stop()
        self._connections.disconnect_all()


def _give_back() -> None:
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """glibc's; None where the system has another library."""
    if sys.platform != "linux":
        return None
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    return found  # type: ignore[no-any-return]
