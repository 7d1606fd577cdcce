"""What a file holds, checked by pydantic and answered in one sentence.

A field says beside its rule what would be right, as its ``description``; the sentence is made of it:
file, key, what would be right, what was there. So a rule and its words cannot part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from napari_uncertainseg._base import InputError

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

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


def validated_json(
    kind: TypeAdapter[T], text: str, file: str, *, key: Callable[[Sequence[str]], str] = key_in_json
) -> T:
    """JSON as what a type adapter makes of it, such as a dataclass; otherwise like `validated`."""
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        raise InputError(_sentence(None, error, file, key)) from None


def _sentence(
    kind: type[BaseModel] | None, error: ValidationError, file: str, key: Callable[[Sequence[str]], str]
) -> str:
    first = error.errors(include_url=False)[0]
    known, path, right = _described(kind, first["loc"])
    right = right or _RIGHT.get(first["type"], "")
    if not path:  # a rule about several values at once says all itself
        return f"{file}: {_without_end(first['msg'])}."
    if first["type"].startswith(("extra_forbidden", "unexpected_keyword")):
        return f"{file}: {key(path)} is an unknown key{known}."
    if first["type"] == "missing" or first["input"] is None:
        return f"{file}: {key(path)} is missing{right and f', it should be {right}'}."
    if first["type"] == "value_error":  # a validator's own sentence says more
        return f"{file}: {key(path)} {_without_end(str(first['ctx']['error']))}."
    return f"{file}: {key(path)} should be {right or first['msg']}, not {shown(first['input'])}."


_RIGHT = {
    "float_type": "a number",
    "int_type": "a whole number",
    "finite_number": "a finite number",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
}
"""What would be right, where a field does not say it, by pydantic's name of what is wrong."""


def _described(kind: type[BaseModel] | None, place: tuple[int | str, ...]) -> tuple[str, list[str], str]:
    """The keys known where a value is wrong, the keys that lead there, and what would be right."""
    path: list[str] = []
    right = ""
    table = kind
    for step in place:
        if not isinstance(step, str):  # the number of an item in a list
            continue
        path.append(step)
        table, kind = kind, None
        field = table.model_fields.get(step) if table is not None else None
        if field is not None:
            right = field.description or ""
            inner = (field.annotation, *get_args(field.annotation))
            models = [m for m in inner if isinstance(m, type) and issubclass(m, BaseModel)]
            kind = models[0] if models else None
    known = "" if table is None else f"; known are {', '.join(table.model_fields)}"
    return known, path, right


def shown(value: Any) -> str:
    """A value as the user wrote it, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _without_end(text: str) -> str:
    return text.removeprefix("Value error, ").rstrip(".")
