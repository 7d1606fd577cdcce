"""What a file holds, checked by pydantic and answered in one sentence.

A field says beside its rule what would be right, as its ``description``; the sentence is made of it:
file, key, what would be right, what was there. So a rule and its words cannot part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

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
        raise InputError(f"{file}: {first_fault(error, kind, key=key)}.") from None


def validated_json(
    kind: TypeAdapter[T], text: str, file: str, *, key: Callable[[Sequence[str]], str] = key_in_json
) -> T:
    """JSON as what a type adapter makes of it, such as a dataclass; otherwise like `validated`."""
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        raise InputError(f"{file}: {first_fault(error, key=key)}.") from None


def first_fault(
    error: ValidationError,
    kind: type[BaseModel] | None = None,
    *,
    key: Callable[[Sequence[str]], str] = key_in_json,
) -> str:
    """Which value is wrong, what would be right, and what was there, as the end of a sentence.

    Parameters
    ----------
    error
        Of pydantic; its first fault is described.
    kind
        The model that was asked for, whose descriptions say what would be right.
    key
        Writes the keys that lead to a value.
    """
    first = error.errors(include_url=False)[0]
    known, path, right = _described(kind, first["loc"])
    is_field = len(path) == len(first["loc"])  # and no element of a list
    right = right or _RIGHT.get(first["type"], "")
    if not path:  # a rule about several values at once says all itself
        return _without_end(first["msg"])
    if first["type"].startswith(("extra_forbidden", "unexpected_keyword")):
        return f"{key(path)} is an unknown key{known}"
    if is_field and (first["type"] == "missing" or first["input"] is None):
        return f"{key(path)} is missing{right and f', it should be {right}'}"
    if first["type"] == "value_error":  # a validator's own sentence says more
        return f"{key(path)} {_without_end(str(first['ctx']['error']))}"
    right = right or first["msg"].removeprefix("Input should be ")
    return f"{key(path)} should be {right}, not {shown(first['input'])}"


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
        table, kind, right = kind, None, ""
        field = None if table is None else _field(table, step)
        if field is not None:
            right = field.description or _description_in(field.annotation)
            inner = (field.annotation, *get_args(field.annotation))
            models = [m for m in inner if isinstance(m, type) and issubclass(m, BaseModel)]
            kind = models[0] if models else None
    known = "" if table is None else f"; known are {', '.join(table.model_fields)}"
    return known, path, right


def _field(table: type[BaseModel], name: str) -> FieldInfo | None:
    """A field by the name that files have for it."""
    fields = table.model_fields
    return fields.get(name) or next((field for field in fields.values() if field.alias == name), None)


def _description_in(annotation: Any) -> str:
    """The description of a type that is annotated with one, such as that in ``Number | None``."""
    for part in get_args(annotation):
        for about in getattr(part, "__metadata__", ()):
            if isinstance(about, FieldInfo) and about.description:
                return about.description
    return ""


def shown(value: Any) -> str:
    """A value as the user wrote it, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _without_end(text: str) -> str:
    return text.removeprefix("Value error, ").rstrip(".")
