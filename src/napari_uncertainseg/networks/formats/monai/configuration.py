"""Files of a bundle, read as plain data with limits; nothing outside its folder is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.networks.foreign_settings import check_inside

MAX_JSON_BYTES = 1 << 20
MAX_YAML_BYTES = 1 << 18
MAX_PARTS = 20_000
"""Values, lists and objects in a configuration."""
_DEEPEST = 32
_MOST_BESIDE = 16
"""Further configurations that are looked at."""
EXTRA = "pip install 'napari-uncertainseg[bundle]'"

SUFFIXES = (".json", ".yaml", ".yml")
Content = Mapping[str, Any]


def read_configuration(path: Path, folder: Path) -> Content:
    """Read a configuration in JSON or YAML.

    Parameters
    ----------
    path
        Of the file; its suffix says which of the two it is.
    folder
        Of the bundle.

    Raises
    ------
    InputError
        If it lies elsewhere, is too large, or is no object of plain values.
    """
    check_inside(path, folder)
    content = read_json(path, most_bytes=MAX_JSON_BYTES) if path.suffix == ".json" else _read_yaml(path)
    _check_plain(content, path)
    return content


def merged(contents: Sequence[Content], names: Sequence[str]) -> Content:
    """Several configurations as one, as MONAI merges them: a later one counts before an earlier one.

    A key such as ``a::b`` is an inner one, and one that begins with ``+`` adds to what is there.

    Parameters
    ----------
    contents, names
        Of the files, in their order.

    Raises
    ------
    InputError
        If something is added to what is of another type.
    """
    whole: dict[str, Any] = {}
    for content, name in zip(contents, names, strict=True):
        for key, value in content.items():
            *outer, last = key.removeprefix("+").replace("#", "::").split("::")
            home: Any = whole
            for part in outer:
                home = home.setdefault(part, {}) if isinstance(home, dict) else None
            if not isinstance(home, dict):
                raise InputError(f"{name}: '{key}' lies within what is no object.")
            home[last] = _added(home.get(last), value, f"{name}: '{key}'") if key.startswith("+") else value
    return whole


def keys_elsewhere(folder: Path, read: Sequence[Path]) -> dict[str, str]:
    """Keys of other configurations beside those that are read, with the file that holds each.

    Only to say where a missing key may be; a file that cannot be read counts for nothing.
    """
    found: dict[str, str] = {}
    beside = sorted(path for path in read[0].parent.iterdir() if path.suffix in SUFFIXES)
    for path in beside[:_MOST_BESIDE]:
        if path not in read and path.stem != "metadata" and not path.name.startswith("."):
            try:
                content = read_configuration(path, folder)
            except InputError:
                continue
            found = {**dict.fromkeys(content, path.name), **found}
    return found


def _added(old: Any, new: Any, place: str) -> Any:
    if old is None:
        return new
    if isinstance(old, dict) and isinstance(new, dict):
        return old | new
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    raise InputError(f"{place} should be of the type of what it is added to.")


def _read_yaml(path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise InputError(f"{path} is YAML: to read it, install pyyaml ({EXTRA}).") from None
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise InputError(
                f"{path} is larger than {MAX_YAML_BYTES >> 10} kB, too large for what it should be."
            )
        text = path.read_text(encoding="utf-8")
        # Before anything is made of it: an alias may stand for millions of values.
        depth = 0  # the parser's time grows with the square of it
        for events, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise InputError(f"{path} is nested too deep for what it should be.")
            if isinstance(event, yaml.AliasEvent):
                raise InputError(f"{path}: '*{event.anchor}' is an alias, write its value out instead.")
            if events > 2 * MAX_PARTS:
                raise InputError(f"{path} holds too many values for what it should be.")
        return yaml.safe_load(text)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(getattr(error, "problem", None) or type(error).__name__)
        raise InputError(f"{path} is not valid YAML ({first}).") from None


def _check_plain(content: Any, path: Path) -> None:
    """Refuse what is no object, is too large or too deep, or holds anything but plain values."""
    if not isinstance(content, dict):
        raise InputError(f"{path} should hold an object with keys.")
    waiting, seen = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST or seen > MAX_PARTS:
            raise InputError(f"{path} is nested too deep or holds too many values for what it should be.")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise InputError(
                    f"{path}: a key is not text: {next(k for k in value if not isinstance(k, str))!r}."
                )
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
        elif not isinstance(value, str | int | float | bool | None):
            raise InputError(f"{path}: {str(value)[:40]!r} should be text in quotes.")


_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def plain_name(text: str, otherwise: str) -> str:
    """A name that a file may have, made of any text."""
    return _NOT_PLAIN.sub("-", text).strip("-._")[:64] or otherwise
