"""Ctrl+C during a training: the step in progress is finished first."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Stopped(KeyboardInterrupt):
    """Ctrl+C ended a training whose state was saved; the message says how to resume it."""


class Interruption:
    """Notes the first Ctrl+C while it is entered; the second one interrupts at once.

    An interruption within a step would leave weights and optimiser half updated, and nothing worth saving.

    Attributes
    ----------
    asked
        Whether Ctrl+C was pressed.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # others can have no handlers
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore_interruptions(worker: int) -> None:
    """Let a loader's worker live on: a terminal sends Ctrl+C to it too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
