"""How long each handler holds the window's thread, and what ran meanwhile; painting is set aside.

Every event that Qt delivers goes through one application's ``notify``. What the outermost one takes is one
hold: until it returns, the window answers to nothing. Painting (``Paint``, ``UpdateRequest`` and what exposes
a window) is timed within, and taken off: with software OpenGL it is mostly the machine's own work.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

_PAINTING = frozenset(
    {QEvent.Type.Paint, QEvent.Type.UpdateRequest, QEvent.Type.UpdateLater, QEvent.Type.Expose}
)
_LOOK_EVERY = 0.01
_WORTH_KEEPING = 0.005
_OURS = "napari_uncertainseg"


@dataclass(frozen=True)
class Hold:
    """One handler, from the moment it got the thread until it gave it back.

    Attributes
    ----------
    row, step
        Of the path that was driven.
    what
        Who got which event.
    cpu, clock
        Seconds of the thread's own processor time, and on the clock; without painting.
    painting
        Seconds on the clock that painting took within.
    collecting
        Seconds on the clock that Python's garbage collector took within.
    where
        The functions of ours that were seen to run, the most often seen first.
    """

    row: str
    step: str
    what: str
    cpu: float
    clock: float
    painting: float
    collecting: float
    where: tuple[str, ...] = ()


class Heartbeat:
    """Times what holds the window's thread, by the steps of a path.

    Parameters
    ----------
    look
        Whether a thread looks what runs, a hundred times a second. It slows the window a little.
    """

    def __init__(self, *, look: bool = False) -> None:
        self.holds: list[Hold] = []
        self.row = self.step = ""
        self._depth = 0
        self._painting = [0.0, 0.0]
        self._in_paint = False
        self._collecting, self._collection_began = 0.0, 0.0
        self._seen: Counter[str] = Counter()
        self._thread, self._ended = threading.get_ident(), threading.Event()
        self._looker = threading.Thread(target=self._look, name="heartbeat-look", daemon=True)
        gc.callbacks.append(self._on_collection)
        if look:
            self._looker.start()

    def close(self) -> None:
        """Look no more. May be called twice."""
        self._ended.set()
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Time one hold; within another it is part of that one."""
        if self._depth:
            yield
            return
        self._painting, self._collecting = [0.0, 0.0], 0.0
        self._seen.clear()
        cpu, clock = time.thread_time(), time.perf_counter()
        self._depth = 1
        try:
            yield
        finally:
            self._depth = 0
            self._keep(what, time.thread_time() - cpu, time.perf_counter() - clock)

    @contextmanager
    def painting(self) -> Iterator[None]:
        """What runs within is painting; the outermost counts."""
        if self._in_paint:
            yield
            return
        cpu, clock = time.thread_time(), time.perf_counter()
        self._in_paint = True
        try:
            yield
        finally:
            self._in_paint = False
            self._painting[0] += time.thread_time() - cpu
            self._painting[1] += time.perf_counter() - clock

    def _keep(self, what: str, cpu: float, clock: float) -> None:
        if clock >= _WORTH_KEEPING:
            cpu, own = cpu - self._painting[0], clock - self._painting[1]
            where = tuple(f"{name} ({n})" for name, n in self._seen.most_common(6))
            self.holds.append(
                Hold(self.row, self.step, what, cpu, own, self._painting[1], self._collecting, where)
            )

    def _on_collection(self, phase: str, about: dict[str, Any]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collection_began = time.perf_counter()
        else:
            self._collecting += time.perf_counter() - self._collection_began

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            frame = sys._current_frames().get(self._thread) if self._depth and not self._in_paint else None
            while frame is not None and _OURS not in frame.f_code.co_filename:
                frame = frame.f_back
            if frame is not None and "bench" not in frame.f_code.co_filename:
                file = frame.f_code.co_filename.rpartition(_OURS + "/")[2]
                self._seen[f"{file}:{frame.f_lineno} {frame.f_code.co_name}"] += 1


class TimedApplication(QApplication):
    """Qt's application, all of whose events are timed; it must be made before any other."""

    heartbeat: Heartbeat | None = None

    def notify(self, receiver: QObject | None, event: QEvent | None) -> bool:
        """Deliver an event, and note how long it took."""
        beat = self.heartbeat
        if beat is None or event is None:
            return super().notify(receiver, event)
        kind = event.type()
        if kind in _PAINTING:
            with beat.during("painting"), beat.painting():
                return super().notify(receiver, event)
        if beat._depth:
            return super().notify(receiver, event)
        with beat.during(f"{type(receiver).__name__}: {kind.name}"):
            return super().notify(receiver, event)
