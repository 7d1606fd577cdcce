"""One line on standard error that tells the stage and the time left."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

from napari_uncertainseg._base import TimeLeft, format_time_left, one_line, visible


class ProgressLine:
    """A progress callback that keeps one line of a terminal up to date.

    Says nothing where the stream is not a terminal: logs stay clean. Use it as a
    context manager; the line is cleared at the end.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._steered = getattr(self._stream, "beneath", self._stream)
        self._shown = self._stream.isatty()
        self._start = time.monotonic()
        self._last = ("", -1.0)
        self._left = TimeLeft()

    def __call__(self, stage: str, fraction: float) -> None:
        """Show a stage and the share of the whole that is done, ten times a second at most."""
        now = time.monotonic()
        if not self._shown or (stage == self._last[0] and now - self._last[1] < 0.1):
            return
        self._last = (stage, now)
        left = format_time_left(self._left.update(now - self._start, fraction, stage))
        text = f"{100 * fraction:3.0f} %  {one_line(stage)} · {left}"
        self._write(text[: shutil.get_terminal_size().columns - 1])

    def say(self, sentence: str) -> None:
        """Write a warning on a line of its own, also where the stream is no terminal."""
        if self._shown:
            self._write("")
        self._stream.write(f"warning: {one_line(sentence)}\n")
        self._stream.flush()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._write("")

    def _write(self, text: str) -> None:
        self._steered.write(f"\r\x1b[K{visible(text)}")
        self._steered.flush()
