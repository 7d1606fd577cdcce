"""What is printed steers no terminal: names of files, headers and comments may hold anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from napari_uncertainseg._base import visible


class PlainStream:
    """A stream that writes out control characters in place of sending them.

    Attributes
    ----------
    beneath
        The stream itself, for those who mean to steer it.
    """

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        """Write text, made visible, in what the stream can encode."""
        encoding = self.beneath.encoding or "utf-8"
        self.beneath.write(visible(text).encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


@contextmanager
def plain_streams() -> Iterator[None]:
    """Let all that is printed meanwhile pass through a `PlainStream`."""
    out: Any = PlainStream(sys.stdout)
    error: Any = PlainStream(sys.stderr)
    with redirect_stdout(out), redirect_stderr(error):
        yield
