"""Values of a configuration with their references followed; see `expressions` for what ``$`` may say."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.configuration import MAX_PARTS, Content
from napari_uncertainseg.networks.formats.monai.expressions import value_of

_KEY = r"[A-Za-z_]\w*(?:(?:::|#)\w+)*"
_REFERENCE = re.compile(f"@({_KEY})")
_MERE = re.compile(rf"\s*(?:@|\$\s*@|%)({_KEY})((?:\.(?:to|cuda|cpu|eval)\([^()]*\))*)\s*")
"""A value that is nothing but a reference; what moves a network to a device changes nothing here."""
_INDEX = re.compile(r"[0-9]{1,9}")
_DEEPEST = 64


class Resolver:
    """Follows references within one configuration.

    Parameters
    ----------
    content
        The configuration.
    name
        What messages call it.
    elsewhere
        Files that hold keys which are not in it, by these keys: a message about a missing one names the file.
    """

    def __init__(self, content: Content, name: str, elsewhere: Mapping[str, str] | None = None) -> None:
        self._content, self.name = content, name
        self._elsewhere = elsewhere or {}
        self._open: list[str] = []
        self._steps = 0

    def at(self, key: str) -> Any:
        """The value of a key, such as ``"inferer"`` or ``"preprocessing::transforms"``, all plain.

        Raises
        ------
        InputError
            If it is not there, refers to itself, or says what is not arithmetic.
        """
        if key in self._open:
            raise InputError(f"{self.name}: '{key}' refers to itself.")
        self._open.append(key)
        try:
            return self._plain(self._raw(key), key)
        finally:
            self._open.pop()

    def has(self, key: str) -> bool:
        """Whether a key is there, whatever it holds."""
        return self._find(key)[0]

    def first(self, keys: Sequence[str]) -> str:
        """The first of some keys that is there; the first of all where none is."""
        return next((key for key in keys if self.has(key)), keys[0])

    def followed(self, key: str) -> tuple[str, Any]:
        """The key that a key leads to where its value is a mere reference, and its value as it stands."""
        for _ in range(_DEEPEST):
            value = self._raw(key)
            whole = _MERE.fullmatch(value) if isinstance(value, str) else None
            if whole is None:
                return key, value
            key = _plain_key(whole[1])
        raise InputError(f"{self.name}: '{key}' refers to itself.")

    def parts(self, key: str) -> list[str] | None:
        """Keys of what an expression adds up, ``$@a + [@b]``; None where it is no such sum."""
        text = self._raw(key)
        if not isinstance(text, str) or not text.startswith("$"):
            return None
        named, known = _with_names(text[1:])
        try:
            return _summed(ast.parse(named.strip(), mode="eval").body, known)
        except (SyntaxError, ValueError, KeyError, RecursionError, MemoryError):
            return None

    def count(self, key: str) -> None:
        """Count one more value that is looked at.

        Raises
        ------
        InputError
            If there are too many, or they are nested too deep.
        """
        self._steps += 1
        if self._steps > MAX_PARTS or len(self._open) > _DEEPEST:
            raise InputError(f"{self.name}: '{key}' refers to too many other values.")

    def _find(self, key: str) -> tuple[bool, Any]:
        found: Any = self._content
        for part in key.split("::"):
            if isinstance(found, Mapping) and part in found:
                found = found[part]
            elif isinstance(found, list) and _INDEX.fullmatch(part) and int(part) < len(found):
                found = found[int(part)]
            else:
                return False, None
        return True, found

    def _raw(self, key: str) -> Any:
        there, found = self._find(key)
        if there:
            return found
        other = self._elsewhere.get(key.split("::")[0])
        more = f" It stands in {other}: add the model with --merge {other}." if other else ""
        raise InputError(f"{self.name}: '{key[-60:]}' is missing.{more}")

    def _plain(self, value: Any, key: str) -> Any:
        self.count(key)
        if isinstance(value, Mapping):
            return {name: self._plain(inner, f"{key}::{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self._plain(inner, f"{key}::{number}") for number, inner in enumerate(value)]
        return self._of_text(value, key) if isinstance(value, str) else value

    def _of_text(self, text: str, key: str) -> Any:
        if text.startswith("%"):
            wanted = _plain_key(text[1:])
            if not _REFERENCE.fullmatch(f"@{wanted}"):
                raise InputError(
                    f"{self.name}: '{key}' takes '{text[:60]}' from another file, which is not done."
                )
            return self.at(wanted)
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return self.at(_plain_key(whole[1]))
        return self._evaluated(text[1:], key) if text.startswith("$") else text

    def _evaluated(self, expression: str, key: str) -> Any:
        named, known = _with_names(expression)
        try:
            return value_of(named, lambda name: self.at(known[name]))
        except InputError:
            raise
        except (
            SyntaxError,
            ValueError,
            TypeError,
            ArithmeticError,
            LookupError,
            RecursionError,
            MemoryError,
        ):
            raise InputError(
                f"{self.name}: '{key}' is Python code ('${expression[:60]}'), which is not run: only "
                "references and arithmetic are understood."
            ) from None


def _plain_key(text: str) -> str:
    return text.replace("#", "::")


def _with_names(expression: str) -> tuple[str, dict[str, str]]:
    """An expression with a name in the place of each reference, and the keys of these names."""
    known: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        name = f"_reference_{len(known)}"
        known[name] = _plain_key(found[1])
        return name

    return _REFERENCE.sub(named, expression), known


def _summed(node: ast.AST, known: Mapping[str, str]) -> list[str]:
    if isinstance(node, ast.Name):
        return [known[node.id]]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_summed(node.left, known), *_summed(node.right, known)]
    if isinstance(node, ast.List):
        return [key for part in node.elts for key in _summed(part, known)]
    raise ValueError
