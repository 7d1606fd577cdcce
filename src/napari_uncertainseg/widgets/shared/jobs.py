"""Background work: one job at a time, with progress, a Cancel that works, and errors in one sentence."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Literal

from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_uncertainseg._base import Cancelled, InputError, Progress
from napari_uncertainseg.progress.course import Outlook, course_of_user

logger = logging.getLogger(__name__)

Work = Callable[[Progress], Any]

_PATIENCE_MS = 800
"""After this long, Cancel gives the window back even if a library call has not returned."""

_REPORT_EVERY = 0.05
"""Seconds between two reports of one stage: more would only keep the window busy."""

_TICK_MS = 500
"""So often the time left is told anew, also while the work reports nothing."""


class JobState(Enum):
    """What a runner is doing; a button's words for it belong to the dock."""

    IDLE = auto()
    RUNNING = auto()
    CANCELLING = auto()


@dataclass(frozen=True)
class _News:
    generation: int
    kind: Literal["progress", "finished", "failed", "cancelled"]
    payload: Any = None


def sentence(error: BaseException) -> str:
    """One sentence for the user about an error."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other scans or choose fewer members."
    return f"Internal error ({type(error).__name__}); the log has the details."


class _Mailbox:
    """Takes news to a runner until it is closed: a job that outlasts its window must not touch it.

    Qt frees the runner with the window. To emit its signal from a thread at that moment ends the program.
    """

    def __init__(self, post: Callable[[_News], None]) -> None:
        self._post: Callable[[_News], None] | None = post
        self._lock = threading.Lock()

    def put(self, news: _News) -> None:
        with self._lock:
            if self._post is not None:
                self._post(news)

    def close(self) -> None:
        with self._lock:
            self._post = None


class _Worker:
    """Runs one piece of work in a thread of its own, and keeps nothing of it afterwards."""

    def __init__(self, work: Work, generation: int, mailbox: _Mailbox) -> None:
        self.generation = generation
        self._work: Work | None = work
        self._mailbox = mailbox
        self._cancel = threading.Event()
        self.course = course_of_user(self._progress)
        self._reported = ("", 0.0)
        self._thread = threading.Thread(target=self._run, name="uncertainseg-job", daemon=True)
        self._before: _Worker | None = None

    def start(self, before: _Worker | None) -> None:
        self._before = before
        self._thread.start()

    def cancel(self) -> None:
        self._cancel.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end; False when it is still running."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            if self._before is not None:  # an abandoned job must not compete for memory and cores
                self._wait_for(self._before)
            assert self._work is not None
            result = self._work(self.course)
            self.course.finish()
            self.course.keep()
            news = _News(self.generation, "finished", result)
        except Cancelled:
            news = _News(self.generation, "cancelled")
        except Exception as error:
            if not isinstance(error, InputError):
                # As text: a log record that held the traceback would keep the scan alive with its frames.
                logger.error("A background job failed\n%s", traceback.format_exc())
            news = _News(self.generation, "failed", sentence(error))
        finally:
            self._work = self._before = None
        self._tell(news)

    def _wait_for(self, before: _Worker) -> None:
        while not before.join(0.1):
            self.course("waiting for the cancelled run to stop", 0.0)

    def _progress(self, now: Outlook) -> None:
        if self._cancel.is_set():
            raise Cancelled
        told, when = self._reported
        clock = time.monotonic()
        if now.stage == told and clock - when < _REPORT_EVERY:
            return
        self._reported = (now.stage, clock)
        self._tell(_News(self.generation, "progress", now))

    def _tell(self, news: _News) -> None:
        try:
            self._mailbox.put(news)
        except RuntimeError:  # the window has gone
            self._cancel.set()


class JobRunner(QObject):
    """Owns one job at a time.

    All signals arrive on the thread that made the runner. A result that comes after
    its job was given up is dropped.
    """

    progressed = Signal(str, float, object)
    """Stage, share of the work done, `TimeLeft` (None while unknown). Comes at least twice a second."""
    finished = Signal(object)
    failed = Signal(str)
    cancelled = Signal()
    state_changed = Signal(object)
    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = JobState.IDLE
        self._generation = 0
        self._worker: _Worker | None = None
        self._mailbox = _Mailbox(self._posted.emit)
        self._started, self._told = 0.0, False
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._on_tick)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._give_up)
        self._posted.connect(self._on_news, Qt.ConnectionType.QueuedConnection)

    @property
    def state(self) -> JobState:
        """What the runner is doing."""
        return self._state

    @property
    def elapsed(self) -> float:
        """Seconds since the job was started."""
        return time.monotonic() - self._started

    def start(self, work: Work) -> None:
        """Run ``work(progress)`` in the background.

        Raises
        ------
        RuntimeError
            If a job is running: the button should not have offered it.
        """
        if self._state is not JobState.IDLE:
            raise RuntimeError("a job is already running")
        self._generation += 1
        before, self._worker = self._worker, _Worker(work, self._generation, self._mailbox)
        self._started, self._told = time.monotonic(), False
        self._set_state(JobState.RUNNING)
        self._worker.start(before)

    def cancel(self) -> None:
        """Ask the job to stop; the window is given back within a second."""
        if self._state is JobState.RUNNING and self._worker is not None:
            self._worker.cancel()
            self._patience.start()
            self._set_state(JobState.CANCELLING)

    def cleanup(self, seconds: float = 2.0) -> None:
        """Cancel, wait a moment for the thread, and hear nothing of it any more. May be called twice."""
        self._generation += 1
        self._patience.stop()
        self._tick.stop()
        worker, self._worker = self._worker, None
        self._state = JobState.IDLE
        self._mailbox.close()
        self._mailbox = _Mailbox(self._posted.emit)
        if worker is not None:
            worker.cancel()
            if not worker.join(seconds):
                logger.warning("A cancelled job is still inside a library call; its result will be dropped")

    def _set_state(self, state: JobState) -> None:
        self._state = state
        if state is JobState.RUNNING:
            self._tick.start()
        else:
            self._tick.stop()
        self.state_changed.emit(state)

    def _give_up(self) -> None:
        # The worker is kept: the next job waits for it.
        self._generation += 1
        self._set_state(JobState.IDLE)
        self.cancelled.emit()

    def _on_news(self, news: _News) -> None:
        if news.generation != self._generation:
            return
        if news.kind == "progress":
            self._on_progress(news.payload)
            return
        self._patience.stop()
        self._generation += 1
        self._worker = None
        asked_to_stop = self._state is JobState.CANCELLING
        self._set_state(JobState.IDLE)
        if news.kind == "cancelled" or asked_to_stop:
            self.cancelled.emit()
        elif news.kind == "failed":
            self.failed.emit(news.payload)
        else:
            self.finished.emit(news.payload)

    def _on_progress(self, now: Outlook) -> None:
        if self._state is JobState.RUNNING:
            self._told = True
            self.progressed.emit(now.stage, now.share, now.left)

    def _on_tick(self) -> None:
        """Count the time left down while a library call reports nothing."""
        if self._told and self._worker is not None:
            self._on_progress(self._worker.course.outlook())
