"""What a file holds, checked by pydantic and answered in one sentence.

A field says beside its rule what would be right, as its ``description``; the sentence is made of it:
file, key, what would be right, what was there. So a rule and its words cannot part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_uncertainseg._base import InputError

M = TypeVar("M", bound=BaseModel)

_LONGEST = 60
"""Characters of a wrong value that are shown."""


class Strict(BaseModel):
    """Takes values of the right type only: no text for a number, no truth for a number, no NaN."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


def key_in_json(path: Sequence[str]) -> str:
    """``'heads' in 'architecture'``."""
    return " in ".join(f"'{key}'" for key in reversed(path))


def key_in_toml(path: Sequence[str]) -> str:
    """``[network] heads``; a key outside of all tables in quotes."""
    *tables, key = path
    return f"[{'.'.join(tables)}] {key}" if tables else f"'{key}'"


def validated(
    kind: type[M], content: object, file: str, *, key: Callable[[Sequence[str]], str] = key_in_json
) -> M:
    """Content as a pydantic model.

    Parameters
    ----------
    kind
        Its fields have a ``description``: what would be right, as in "a number from 0 to 1".
    content
        From a file.
    file
        What the sentence begins with.
    key
        Writes the keys that lead to a value.

    Raises
    ------
    InputError
        With the first wrong value, or what is missing or unknown.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(_sentence(kind, error, file, key)) from None


def _sentence(
    kind: type[BaseModel], error: ValidationError, file: str, key: Callable[[Sequence[str]], str]
) -> str:
    first = error.errors(include_url=False)[0]
    table, path, right = _described(kind, first["loc"])
    if not path:
        return f"{file}: {_without_end(first['msg'])}."
    if first["type"] == "extra_forbidden":
        return f"{file}: {key(path)} is an unknown key; known are {', '.join(table.model_fields)}."
    should = f", it should be {right}" if right else ""
    value = first["input"]
    if first["type"] == "missing" or value is None:
        return f"{file}: {key(path)} is missing{should}."
    if first["type"] == "value_error":  # a validator's own sentence says more
        return f"{file}: {key(path)} {_without_end(str(first['ctx']['error']))}."
    return f"{file}: {key(path)} should be {right or first['msg']}, not {shown(value)}."


def _described(kind: type[BaseModel], place: tuple[int | str, ...]) -> tuple[type[BaseModel], list[str], str]:
    """The table that a wrong value is in, the keys that lead there, and what would be right."""
    path: list[str] = []
    right = ""
    for step in place:
        if not isinstance(step, str):
            break
        path.append(step)
        field = kind.model_fields.get(step)
        if field is None:
            break
        right = field.description or ""
        inner = field.annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        if len(path) < len(place):
            kind = inner
    return kind, path, right


def shown(value: Any) -> str:
    """A value as the user wrote it, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _without_end(text: str) -> str:
    return text.removeprefix("Value error, ").rstrip(".")
