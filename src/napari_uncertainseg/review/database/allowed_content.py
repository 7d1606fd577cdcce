"""What a file of sessions may hold: every value that is read from one is checked first.

Such a file may come from elsewhere. Whatever it holds is either what this program writes, or `Unreadable`
says where it is not. Columns of the tables are checked by the functions here, settings and journal entries,
which are JSON, by the pydantic models of `store.session_settings` and `store.entry_details`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import parse_json

_LARGEST = 1e15
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")
Fits = Callable[[Any], bool]
"""Whether a value is of a kind."""

Text = Annotated[str, Field(strict=True, description="text")]
"""Text; `from_json` has seen to it that it can be printed and written."""
Number = Annotated[float, Field(strict=True, gt=-_LARGEST, lt=_LARGEST, description="a number")]
"""A finite number that can be computed with."""
Whole = Annotated[int, Field(strict=True, gt=-_LARGEST, lt=_LARGEST, description="a whole number")]
"""A whole number; numbers of candidates are below 0."""
Count = Annotated[int, Field(strict=True, ge=0, lt=_LARGEST, description="a whole number of 0 or more")]
"""A whole number from 0 up."""
Amount = Annotated[float, Field(strict=True, ge=0, lt=_LARGEST, description="a number of 0 or more")]
"""0 or more, such as seconds or mm3."""
Share = Annotated[float, Field(strict=True, ge=-1e-3, le=1.001, description="a number from 0 to 1")]
"""From 0 to 1, but for rounding."""
YesNo = Annotated[bool, Field(strict=True, description="true or false")]
"""True or false, and no number."""
Sha256 = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$", description="a SHA-256 (64 digits)")]
"""A SHA-256, hexadecimal."""
Index = Annotated[tuple[Count, Count, Count], Field(description="three whole numbers of 0 or more (s, a, r)")]
"""Three whole numbers from 0 up, such as a voxel."""
Texts = Annotated[tuple[Text, ...], Field(description="a list of texts")]
Numbers = Annotated[tuple[Number, ...], Field(description="a list of numbers")]
Counts = Annotated[tuple[Count, ...], Field(description="a list of whole numbers of 0 or more")]
Answers = Annotated[tuple[YesNo, ...], Field(description="a list of true or false")]


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
    """An id for display, whatever the file holds instead of one."""
    return value if is_id(value) else ascii(value)[:40]  # type: ignore[return-value]


def or_none(fits: Fits) -> Fits:
    """The same, or nothing."""
    return lambda value: value is None or fits(value)


def from_json(text: object, name: str) -> dict[str, Any]:
    """The content of a JSON object that this program wrote.

    Parameters
    ----------
    text
        As it was read.
    name
        What the message calls it.

    Raises
    ------
    Unreadable
        If it is not a JSON object, or holds numbers or text that this program does not write.
    """
    if not is_plain(text):
        raise Unreadable(f"{name} is not text: somebody has changed the file.")
    try:
        return parse_json(str(text), name)
    except InputError as error:
        raise Unreadable(str(error)) from None


def to_json(content: Mapping[str, Any], name: str) -> str:
    """JSON in one form only: sorted keys, no spaces, no NaN.

    Raises
    ------
    InputError
        If JSON cannot hold the content.
    """
    try:
        text = canonical(dict(content))
        text.encode()
    except (
        TypeError,
        ValueError,
    ) as error:  # what `json.dumps` and `str.encode` raise, and nothing else runs
        raise InputError(f"{name} holds what JSON can; this does not: {error}.") from error
    return text


def canonical(content: Any) -> str:
    """JSON in one form only: sorted keys, no spaces, no NaN. What hashes are made of."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
