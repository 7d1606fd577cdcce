"""What is printed steers no terminal and tells no password: names and arguments may hold anything."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from napari_uncertainseg._base import visible

_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]+:/{1,2}[^\s:/@]*):[^\s@]+(?:@[^\s@/]+)*@", re.I)
_QUOTED = r"""'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?"""
_OPTION = re.compile(rf"(\b\w*pass(?:word|wd)\w*\s*=\s*)(?:{_QUOTED}|[^\s&;,]+)", re.I)


def without_passwords(text: str) -> str:
    """A text without the passwords of URLs and connections: an argument may stand in any message."""
    return _OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


class PlainStream:
    """A stream that writes out control characters in place of sending them, and masks passwords.

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
        self.beneath.write(
            visible(without_passwords(text)).encode(encoding, "backslashreplace").decode(encoding)
        )
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
