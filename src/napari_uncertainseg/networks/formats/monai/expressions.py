"""What an expression of a configuration says, as far as it is arithmetic on plain values.

MONAI evaluates what begins with ``$`` as Python. Here it is a syntax of its own, with small results:
literals, references, arithmetic, comparisons, ``a if b else c``, entries of lists and objects, and a few
functions of plain values, which are this module's own. Whatever else an expression says is refused; nothing
is ever run.
"""

from __future__ import annotations

import ast
import operator
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

LARGEST = 1e12
LONGEST = 10_000
"""Characters of a text, and items of a list."""
_LONGEST_TEXT = 500

Lookup = Callable[[str], Any]
"""Gives the value of a name; KeyError where it is none."""

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
_COMPARE: Mapping[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CONSTANTS = {f"CommonKeys.{name.upper()}": name for name in ("image", "label", "pred", "loss", "metadata")}
"""What MONAI has names for, and configurations use."""


def value_of(expression: str, lookup: Lookup) -> Any:
    """The value of an expression.

    Parameters
    ----------
    expression
        Without its ``$``, and with a name in the place of each reference.
    lookup
        Gives the values of these names.

    Raises
    ------
    ValueError, TypeError, ArithmeticError, SyntaxError, RecursionError, MemoryError, LookupError
        If it says what is not understood, or comes to nothing.
    """
    if len(expression) > _LONGEST_TEXT:
        raise ValueError
    return _value(ast.parse(expression.strip(), mode="eval").body, lookup)


def _value(node: ast.AST, lookup: Lookup) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        return _bounded(node.value)
    if isinstance(node, ast.Name):
        return lookup(node.id)
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(part, lookup) for part in node.elts]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _ONE:
        return _ONE[type(node.op)](_value(node.operand, lookup))
    if isinstance(node, ast.BinOp) and type(node.op) in _TWO:
        return _bounded(_arithmetic(node.op, _value(node.left, lookup), _value(node.right, lookup)))
    if isinstance(node, ast.IfExp):
        return _value(node.body if _value(node.test, lookup) else node.orelse, lookup)
    if isinstance(node, ast.BoolOp):
        values = [_value(part, lookup) for part in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        left, right = _value(node.left, lookup), _value(node.comparators[0], lookup)
        return _COMPARE[type(node.ops[0])](_scalar(left), _scalar(right))
    if isinstance(node, ast.Subscript):
        return _entry(_value(node.value, lookup), _value(node.slice, lookup))
    if isinstance(node, ast.Attribute):
        return _CONSTANTS[_dotted(node).removeprefix("monai.utils.")]
    if isinstance(node, ast.Call) and not node.keywords:
        function = _FUNCTIONS[_dotted(node.func)]
        return _bounded(function(*[_value(part, lookup) for part in node.args]))
    raise ValueError


def _dotted(node: ast.AST) -> str:
    """A name with its dots, as text: it is looked up in this module's own tables only."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError


def _entry(whole: Any, key: Any) -> Any:
    if isinstance(whole, Mapping) and isinstance(key, str):
        return whole[key]
    if isinstance(whole, list) and type(key) is int:
        return whole[key]
    raise ValueError


def _scalar(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | None):
        return value
    raise ValueError


def _arithmetic(what: ast.operator, left: Any, right: Any) -> Any:
    """Two values put together; of texts and lists only sums, and repeated lists of a bounded length."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if isinstance(what, ast.Pow) and not (numbers and abs(left) <= 1e6 and abs(right) <= 8):
        raise ValueError
    if isinstance(what, ast.Mult) and not numbers:
        rows = isinstance(left, list) and isinstance(right, int) and len(left) * right <= LONGEST
        if not rows:
            raise ValueError
    if not numbers and not isinstance(what, ast.Add | ast.Mult):
        raise ValueError
    return _TWO[type(what)](left, right)


def _bounded(value: Any) -> Any:
    """A value of a usual size; ValueError otherwise."""
    if isinstance(value, complex) or (isinstance(value, str | list) and len(value) > LONGEST):
        raise ValueError
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise ValueError
    return value


def _numbers(values: Any) -> list[int | float]:
    if isinstance(values, list) and all(isinstance(value, int | float) for value in values):
        return values
    raise ValueError


def _range(*ends: Any) -> list[int]:
    found = range(*ends)
    if len(found) > LONGEST:
        raise ValueError
    return list(found)


def _list(values: Any) -> list[Any]:
    if isinstance(values, list | Mapping):
        return list(values)
    raise ValueError


def _length(value: Any) -> int:
    if isinstance(value, str | list | Mapping):
        return len(value)
    raise ValueError


def _joined(*parts: Any) -> str:
    if not parts or not all(isinstance(part, str) for part in parts):
        raise ValueError
    return posixpath.join(*parts)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": _length,
    "list": _list,
    "tuple": _list,
    "range": _range,
    "str": lambda value: str(_scalar(value)),
    "int": lambda value: int(_scalar(value)),
    "float": lambda value: float(_scalar(value)),
    "bool": lambda value: bool(_scalar(value)),
    "sum": lambda values: sum(_numbers(values)),
    "min": lambda values: min(_numbers(values)),
    "max": lambda values: max(_numbers(values)),
    "os.path.join": _joined,
}
"""What a configuration may call, as functions of plain values that are written here."""
