"""The one gate for JSON that this program did not just make itself."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError

_LONGEST_NUMBER = 40
"""Characters; what Python writes of a float has 24 at most."""
_DEEPEST = 32
"""Lists and objects in each other."""


def read_json(path: Path, *, most_bytes: int) -> dict[str, Any]:
    """Read a JSON object from a file, see `parse_json`.

    Parameters
    ----------
    path
        A file.
    most_bytes
        Larger files are refused unread.

    Raises
    ------
    InputError
        If it cannot be read or is refused; the message names the file.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path} is not there, or is no file.")
        if path.stat().st_size > most_bytes:
            raise InputError(
                f"{path} is larger than {most_bytes / 1e6:.0f} MB, too large for what it should be."
            )
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not valid JSON: it is no text in UTF-8.") from error
    return parse_json(text, str(path))


def read_json_if_there(path: Path, *, most_bytes: int) -> dict[str, Any] | None:
    """As `read_json`; None where there is nothing of that name, not even a link that leads nowhere."""
    return read_json(path, most_bytes=most_bytes) if path.exists() or path.is_symlink() else None


def parse_json(text: str, name: str) -> dict[str, Any]:
    """A JSON object from text, with numbers that fit and nothing that is no JSON.

    Parameters
    ----------
    text
        Of JSON.
    name
        What the message calls it.

    Raises
    ------
    InputError
        If it is no JSON object, holds NaN or infinity, a number too long or too large, text with half a
        character, or is nested too deep.
    """
    try:
        content = json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_constant)
        _check(content, _DEEPEST)
    except RecursionError:
        raise InputError(f"{name} is not valid JSON: it is nested too deep.") from None
    except ValueError as error:
        raise InputError(f"{name} is not valid JSON ({error}).") from None
    if not isinstance(content, dict):
        raise InputError(f"{name} should hold a JSON object, not {_KINDS[type(content)]}.")
    return content


_KINDS = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a truth",
    type(None): "null",
}


def _whole(digits: str) -> int:
    value = int(digits) if len(digits) <= _LONGEST_NUMBER else 1 << 64
    if not -(1 << 63) <= value < 1 << 64:
        raise ValueError(f"a number is too large: {digits[:12]}… has {len(digits)} digits")
    return value


def _decimal(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"a number is too large: {digits[:20]}")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _check(content: Any, left: int) -> None:
    """Refuse nesting deeper than so many levels, and lone surrogates."""
    if left < 0:
        raise ValueError("it is nested too deep")
    if isinstance(content, str):
        _check_text(content)
    elif isinstance(content, dict):
        for key, value in content.items():
            _check_text(key)
            _check(value, left - 1)
    elif isinstance(content, list):
        for value in content:
            if isinstance(value, str | dict | list):
                _check(value, left - 1)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half a character") from None
