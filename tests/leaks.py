"""What a test leaves behind: widgets and threads."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any


def new_widgets(app: Any, before: set[Any]) -> list[Any]:
    """Top-level widgets that were not there before."""
    app.processEvents()
    # vispy keeps a few canvases of its own, with or without this plugin.
    return [
        widget
        for widget in app.topLevelWidgets()
        if widget not in before
        and type(widget).__name__ != "CanvasBackendDesktop"
        and widget.objectName() != "handled_widget"
    ]


def new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads that run and did not before."""
    # Qt's own threads show up as dummies for as long as the process lives.
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and thread.is_alive() and not isinstance(thread, threading._DummyThread)
    ]


def wait_until_empty(remaining: Callable[[], list[Any]], seconds: float = 30.0) -> list[Any]:
    """What still remains when time is up; deleteLater and finishing threads need a moment."""
    if not remaining():
        return []
    gc.collect()
    end = time.monotonic() + seconds
    while (left := remaining()) and time.monotonic() < end:
        time.sleep(0.02)
    return left
