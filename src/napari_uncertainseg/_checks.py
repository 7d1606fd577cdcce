"""What arrays must be, said in one way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_uncertainseg._base import InputError

Array = Any
"""A numpy or torch array."""


def check_probabilities(p: Array, *, slack: float = 0.0) -> None:
    """See that all values lie from 0 to 1.

    Parameters
    ----------
    p
        Any shape, empty too.
    slack
        By how much rounding may have led beyond.

    Raises
    ------
    InputError
        If one does not, or is NaN.
    """
    if 0 in p.shape or (float(p.min()) >= -slack and float(p.max()) <= 1 + slack):
        return
    raise InputError("Probabilities must be numbers from 0 to 1; these hold others, or NaN.")


def check_same_shape(what: str, shape: Sequence[int], than: str, expected: Sequence[int]) -> None:
    """See that two arrays have one shape.

    Raises
    ------
    InputError
        If they have not; ``what`` and ``than`` name them.
    """
    if tuple(shape) != tuple(expected):
        raise InputError(
            f"{what} has shape {tuple(shape)}, {than} {tuple(expected)}: both must lie on the same grid."
        )


def check_members(number: int) -> None:
    """See that there is a member.

    Raises
    ------
    InputError
        If there is none.
    """
    if number < 1:
        raise InputError("There is no member: doubt is measured over at least one.")
