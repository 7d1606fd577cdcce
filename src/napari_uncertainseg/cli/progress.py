"""One line on standard error that tells the stage and the time left."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

from napari_uncertainseg._base import one_line, visible
from napari_uncertainseg.progress.course import Course, Outlook
from napari_uncertainseg.progress.usual_times import times_of_user
from napari_uncertainseg.progress.words import format_time_left


class ProgressLine(Course):
    """A progress callback that keeps one line of a terminal up to date.

    Says nothing where the stream is not a terminal: logs stay clean. Use it as a
    context manager; the line is cleared at the end.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._steered = getattr(self._stream, "beneath", self._stream)
        self._visible = self._stream.isatty()
        self._last = ("", -1.0)
        super().__init__(self._show, times_of_user)

    def _show(self, at: Outlook) -> None:
        """Show a stage and the share of the whole that is done, ten times a second at most."""
        now = time.monotonic()
        if not self._visible or (at.stage == self._last[0] and now - self._last[1] < 0.1):
            return
        self._last = (at.stage, now)
        left = format_time_left(at.left, at.spent)
        text = f"{100 * at.share:3.0f} %  {one_line(at.stage)} · {left}"
        self._write(text[: shutil.get_terminal_size().columns - 1])

    def say(self, sentence: str) -> None:
        """Write a warning on a line of its own, also where the stream is no terminal."""
        if self._visible:
            self._write("")
        self._stream.write(f"warning: {one_line(sentence)}\n")
        self._stream.flush()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._visible:
            self._write("")
        if kind is None:
            self.keep()

    def _write(self, text: str) -> None:
        self._steered.write(f"\r\x1b[K{visible(text)}")
        self._steered.flush()
