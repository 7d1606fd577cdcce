"""What a file of sessions may hold: all that is read from one is looked at here first.

Such a file may come from elsewhere. Whatever is in it, it is either of the kind that this program writes, or
`Unreadable` says of which session it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import parse_json

_LARGEST = 1e15
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")
Fits = Callable[[Any], bool]
"""Whether a value is of a kind."""


class Unreadable(InputError):
    """Something in a file is not as this program writes it; other sessions in it may be."""


def is_plain(text: object) -> bool:
    """Whether it is text that can be printed and written: no half of a surrogate pair, no bytes."""
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def made_plain(text: str) -> str:
    """The same text with a question mark for what is none, such as odd bytes in the name of a file."""
    return text if is_plain(text) else text.encode(errors="replace").decode()


def is_number(value: object) -> bool:
    """Whether it is a finite number of a size that can be computed with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def is_count(value: object) -> bool:
    """Whether it is a whole number from 0 up."""
    return isinstance(value, int) and is_number(value) and value >= 0


def is_whole(value: object) -> bool:
    """Whether it is a whole number: below 0 it is a candidate's."""
    return isinstance(value, int) and is_number(value)


def is_share(value: object) -> bool:
    """Whether it lies from 0 to 1, but for rounding."""
    return is_number(value) and -1e-3 <= value <= 1.001  # type: ignore[operator]


def is_amount(value: object) -> bool:
    """Whether it is 0 or more."""
    return is_number(value) and value >= 0  # type: ignore[operator]


def is_sha256(value: object) -> bool:
    """Whether it is a SHA-256, hexadecimal."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def is_id(value: object) -> bool:
    """Whether it is the id of a session."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def shown_id(value: object) -> str:
    """An id as it is told to the user, whatever stands in its place."""
    return value if is_id(value) else ascii(value)[:40]  # type: ignore[return-value]


def or_none(fits: Fits) -> Fits:
    """The same, or nothing."""
    return lambda value: value is None or fits(value)


def list_of(fits: Fits, length: int | None = None) -> Fits:
    """Whether it is a list of such, of a length where one is given."""
    return lambda value: (
        isinstance(value, list) and length in (None, len(value)) and all(fits(one) for one in value)
    )


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_score(value: object) -> bool:
    return isinstance(value, dict) and all(or_none(is_number)(x) for x in value.values())


_ENTRY: Mapping[str, Fits] = {
    "session": is_plain,
    "tasks": is_count,
    "covers": is_count,
    "row": is_plain,
    "target": is_plain,
    "label": is_whole,
    "number": is_whole,
    "voxel": list_of(is_count, 3),
    "visible": list_of(is_plain),
    "decision": is_plain,
    "comment": is_plain,
    "confidence": or_none(is_share),
    "seconds": or_none(is_amount),
    "threshold": is_number,
    "min_volume": is_number,
    "mask": or_none(is_sha256),
    "painted": _is_bool,
    "moved_to": is_plain,
    "added_mm3": is_amount,
    "removed_mm3": is_amount,
    "drawn_lesions": is_count,
    "start": list_of(is_count, 3),
    "shape": list_of(is_count, 3),
    "of": is_count,
    "is_lesion": _is_bool,
    "score": _is_score,
}
"""What an entry says, by name; what else stands in one is of no account."""
_SETTINGS: Mapping[str, Fits] = {
    "threshold": is_number,
    "min_volume": is_number,
    "ranks": list_of(is_count),
    "drawn": list_of(is_count),
    "exists": list_of(_is_bool),
    "arms": list_of(is_plain),
    "depth_mm": list_of(is_number),
    "of": is_plain,
    "reading": is_count,
    "flair": or_none(is_sha256),
}
"""The same for the settings of a session."""


def from_json(text: object) -> dict[str, Any]:
    """What a JSON object of this program says.

    Raises
    ------
    ValueError
        If it is none: not JSON, or with numbers or text in it that nothing can be done with.
    """
    if not is_plain(text):
        raise ValueError("no text")
    try:
        return parse_json(str(text), "it")
    except InputError as error:
        raise ValueError(str(error)) from None


def entry_content(text: object) -> dict[str, Any]:
    """What an entry says, from its JSON.

    Raises
    ------
    ValueError
        If it is not as this program writes it; the message names the first value that is not.
    """
    found = from_json(text)
    for name, value in found.items():
        if name in _ENTRY and not _ENTRY[name](value):
            raise ValueError(name)
    return found


def settings_of(said: object) -> dict[str, Any]:
    """The settings of a session, without those that are not as this program writes them.

    Parameters
    ----------
    said
        JSON, or what a server has made of it.
    """
    try:
        found = from_json(said if isinstance(said, str) else json.dumps(said))
    except (ValueError, TypeError):
        return {}
    return {name: value for name, value in found.items() if name not in _SETTINGS or _SETTINGS[name](value)}


def settings_to_keep(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a new session, as they will come back from JSON.

    Raises
    ------
    InputError
        If JSON cannot hold them.
    """
    try:
        found: dict[str, Any] = from_json(json.dumps(dict(settings), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"Settings of a session are what JSON can hold; these are not: {error}.") from error
    return found
