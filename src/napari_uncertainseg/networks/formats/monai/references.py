"""Values of a configuration with their references followed; of expressions only arithmetic is done.

MONAI evaluates what begins with ``$`` as Python. Here it is a syntax of its own, of references, literals and
arithmetic with small results: whatever else an expression says is refused, and nothing is ever run.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.configuration import MAX_PARTS, Content

_REFERENCE = re.compile(r"@([A-Za-z_]\w*(?:(?:::|#)\w+)*)")
_INDEX = re.compile(r"[0-9]{1,9}")
_LONGEST_EXPRESSION = 500
_LARGEST = 1e12
_LONGEST = 10_000
"""Characters of a text, and items of a list."""
_DEEPEST = 64

_TWO: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ONE: Mapping[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}


class Resolver:
    """Follows references within one configuration.

    Parameters
    ----------
    content
        The configuration.
    name
        What messages call it.
    """

    def __init__(self, content: Content, name: str) -> None:
        self._content, self.name = content, name
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
        """Whether a key of the outermost object is there."""
        return key in self._content

    def followed(self, key: str) -> tuple[str, Any]:
        """The key that a key leads to where its value is a mere reference, and its value as it stands."""
        for _ in range(_DEEPEST):
            value = self._raw(key)
            whole = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
            if whole is None:
                return key, value
            key = whole[1].replace("#", "::")
        raise InputError(f"{self.name}: '{key}' refers to itself.")

    def _raw(self, key: str) -> Any:
        found: Any = self._content
        for part in key.split("::"):
            if isinstance(found, Mapping) and part in found:
                found = found[part]
            elif isinstance(found, list) and _INDEX.fullmatch(part) and int(part) < len(found):
                found = found[int(part)]
            else:
                raise InputError(f"{self.name}: '{key[-60:]}' is missing.")
        return found

    def _plain(self, value: Any, key: str) -> Any:
        self._steps += 1
        if self._steps > MAX_PARTS or len(self._open) > _DEEPEST:
            raise InputError(f"{self.name}: '{key}' refers to too many other values.")
        if isinstance(value, Mapping):
            return {name: self._plain(inner, f"{key}::{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [self._plain(inner, f"{key}::{number}") for number, inner in enumerate(value)]
        return self._of_text(value, key) if isinstance(value, str) else value

    def _of_text(self, text: str, key: str) -> Any:
        if text.startswith("%"):
            wanted = text[1:].replace("#", "::")
            if not _REFERENCE.fullmatch(f"@{wanted}"):
                raise InputError(
                    f"{self.name}: '{key}' takes '{text[:60]}' from another file, which is not done."
                )
            return self.at(wanted)
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return self.at(whole[1].replace("#", "::"))
        return self._evaluated(text[1:], key) if text.startswith("$") else text

    def _evaluated(self, expression: str, key: str) -> Any:
        known: dict[str, str] = {}

        def named(found: re.Match[str]) -> str:
            name = f"_reference_{len(known)}"
            known[name] = found[1].replace("#", "::")
            return name

        refused = InputError(
            f"{self.name}: '{key}' is Python code ('${expression[:60]}'), which is not run: only references "
            "and arithmetic are understood."
        )
        if len(expression) > _LONGEST_EXPRESSION:
            raise refused
        try:
            tree = ast.parse(_REFERENCE.sub(named, expression).strip(), mode="eval")
            return self._value(tree.body, known)
        except InputError:
            raise
        except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
            raise refused from None

    def _value(self, node: ast.AST, known: Mapping[str, str]) -> Any:
        """What a part of an expression is; ValueError where it is nothing that is understood."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
            return _bounded(node.value)
        if isinstance(node, ast.Name) and node.id in known:
            return self.at(known[node.id])
        if isinstance(node, ast.List | ast.Tuple):
            return [self._value(part, known) for part in node.elts]
        if isinstance(node, ast.UnaryOp) and type(node.op) in _ONE:
            return _ONE[type(node.op)](self._value(node.operand, known))
        if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
            left, right = self._value(node.left, known), self._value(node.right, known)
            return _bounded(_arithmetic(node.op, left, right))
        raise ValueError


def _arithmetic(what: ast.operator, left: Any, right: Any) -> Any:
    """Two values put together; of texts and lists only sums, and repeated lists of a bounded length."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if isinstance(what, ast.Pow) and not (numbers and abs(left) <= 1e6 and abs(right) <= 8):
        raise ValueError
    if isinstance(what, ast.Mult) and not numbers:
        rows = isinstance(left, list) and isinstance(right, int) and len(left) * right <= _LONGEST
        if not rows:
            raise ValueError
    if not numbers and not isinstance(what, ast.Add | ast.Mult):
        raise ValueError
    return _TWO[type(what)](left, right)


def _bounded(value: Any) -> Any:
    """A value of a usual size; ValueError otherwise."""
    if isinstance(value, complex) or (isinstance(value, str | list) and len(value) > _LONGEST):
        raise ValueError
    if isinstance(value, int | float) and not abs(value) <= _LARGEST:
        raise ValueError
    return value
