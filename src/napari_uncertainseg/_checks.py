"""What arrays must be, said in one way: the gate that probabilities, masks, labels and numbers come in by.

Each gate takes whatever a caller has (any type of numbers, lists too) and gives an array that the rest can
count with, or raises one sentence. Nothing is guessed: what is no probability is never scaled to be one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from napari_uncertainseg._base import InputError

Array = Any
"""A numpy or torch array."""

ROUNDING = 1e-6
"""By how much rounding may have led a probability beyond 0 or 1: it counts as 0 or 1 then."""

SUM_ROUNDING = 1e-3
"""Probabilities of several classes may miss a sum of 1 by this: half floats do."""

_LARGEST = 2**53
"""Whole numbers up to it are exact in double precision."""


def as_probabilities(values: Array, what: str = "Probabilities") -> Array:
    """Probabilities of any type, as floating numbers from 0 to 1.

    Parameters
    ----------
    values
        Any shape, empty too; numpy, torch, or what numpy makes an array of. bool and whole numbers count
        where they are all 0 or 1; a picture of 0 to 255 is refused.
    what
        What they are, for the sentence.

    Returns
    -------
    The input itself where it is right already; float32 of bool and whole numbers. What is beyond 0 or 1
    by at most `ROUNDING` is put back.

    Raises
    ------
    InputError
        If one lies further beyond, or is NaN; or they are no numbers.
    """
    p = _numbers(values, what)
    xp = array_namespace(p)
    floating = xp.isdtype(p.dtype, "real floating")
    if not floating and not xp.isdtype(p.dtype, "bool") and 0 not in p.shape:
        _check_zeros_and_ones(p, what)
    if not floating:
        return xp.astype(p, xp.float32)
    if 0 in p.shape or _plainly_half(p):
        return p
    seen = p.detach() if is_torch_array(p) else p
    low, high = float(xp.min(seen)), float(xp.max(seen))
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        raise InputError(f"{what} must be numbers from 0 to 1; these hold others, or NaN.")
    return p if low >= 0 and high <= 1 else xp.clip(p, 0, 1)


def as_exact(values: Array, what: str = "Probabilities") -> Array:
    """As `as_probabilities`, but half floats as float32: to count with, half precision is too coarse."""
    p = as_probabilities(values, what)
    xp = array_namespace(p)
    return xp.astype(p, xp.float32) if xp.finfo(p.dtype).bits < 32 else p


def as_classes(values: Array, what: str = "Probabilities") -> Array:
    """Probabilities of several classes, (C, ...), as `as_exact`, that sum to 1.

    Raises
    ------
    InputError
        As `as_probabilities`; or if there are fewer than two classes, or a sum misses 1 by more than
        `SUM_ROUNDING`.
    """
    p = as_exact(values, what)
    if p.ndim < 1 or p.shape[0] < 2:
        raise InputError(f"{what} need two classes or more along their first axis, not {tuple(p.shape)}.")
    xp = array_namespace(p)
    if 0 not in p.shape:
        total = xp.sum(xp.astype(p, xp.float32), axis=0)
        if float(xp.max(xp.abs(total - 1))) > SUM_ROUNDING:
            raise InputError("The probabilities of the classes must sum to 1 in every voxel; these do not.")
    return p


def as_mask(values: Any, what: str = "The mask") -> np.ndarray:
    """A mask of any type as bool: what is not 0 is marked, so 1, 255 and labels all count.

    Raises
    ------
    InputError
        If it holds NaN, fractions or numbers below 0, which no mask does; or is no array of numbers.
    """
    mask = _numpy(values, what)
    if mask.dtype == bool:
        return mask
    _check_whole(mask, what)
    return mask != 0


def as_labels(values: Any, what: str = "The label image") -> np.ndarray:
    """Labels of any type as whole numbers from 0 up; bool as 0 and 1.

    Raises
    ------
    InputError
        If they hold NaN, fractions or numbers below 0; or are no array of numbers.
    """
    labels = _numpy(values, what)
    if labels.dtype == bool:
        return labels.astype(np.uint8)
    _check_whole(labels, what)
    return labels if labels.dtype.kind in "iu" else labels.astype(np.int64)


def numbered(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels as `as_labels`, numbered 1 to n without gaps in their order; and what they were, shape (n,)."""
    labels = as_labels(values)
    where = np.flatnonzero(labels != 0)
    used, number = np.unique(labels.ravel()[where], return_inverse=True)
    if len(used) == used.max(initial=0):
        return labels, used
    found = np.zeros(labels.size, np.int64)
    found[where] = number + 1
    return found.reshape(labels.shape), used


def as_numbers(values: Any, what: str, *, unknown: bool = False) -> np.ndarray:
    """Real numbers of any type, such as a map of doubt, as float32 or float64.

    Parameters
    ----------
    values
        Any shape. float32 stays, everything else becomes float64.
    what
        What they are, for the sentence.
    unknown
        Whether NaN and infinity are let through, to be NaN or infinite in what comes of them.

    Raises
    ------
    InputError
        If one is NaN or infinite, unless these may be; too large a whole number to be exact; or they are
        no numbers.
    """
    found = _numpy(values, what)
    if found.dtype.kind in "iu" and found.size and max(int(found.max()), -int(found.min())) > _LARGEST:
        raise InputError(f"{what} holds whole numbers too large to be told apart: divide them first.")
    found = found if found.dtype == np.float32 else found.astype(np.float64, copy=False)
    if not (unknown or not found.size or (np.isfinite(found.min()) and np.isfinite(found.max()))):
        raise InputError(f"{what} must be finite numbers: there is NaN or infinity.")
    return found


def as_number(value: Any, what: str, low: float = -math.inf, high: float = math.inf) -> float:
    """One finite number within bounds, or raise InputError."""
    found = _numpy(value, what)
    if found.ndim or not low <= float(found) <= high or not math.isfinite(found):
        bounds = "" if math.isinf(low) and math.isinf(high) else f" from {low:g} to {high:g}"
        raise InputError(f"{what} must be a number{bounds}, not {value!r}.")
    return float(found)


def check_dimensions(what: str, array: np.ndarray, dimensions: int = 3) -> None:
    """See that an array has so many axes, or raise InputError."""
    if array.ndim != dimensions:
        raise InputError(f"{what} must have {dimensions} axes, not the shape {array.shape}.")


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


def _numbers(values: Array, what: str) -> Array:
    """A torch tensor as it is, everything else as `_numpy`; neither complex."""
    if not is_torch_array(values):
        return _numpy(values, what)
    if array_namespace(values).isdtype(values.dtype, "complex floating"):
        raise InputError(f"{what} must be real numbers, not {values.dtype}.")
    return values


def _numpy(values: Any, what: str) -> np.ndarray:
    """An array of bool, whole or floating numbers in the machine's own byte order, at most 8 bytes each."""
    parts = values if isinstance(values, list | tuple) else (values,)
    if any(np.ma.is_masked(part) for part in parts):
        raise InputError(f"{what} has values that are masked out: fill them, or leave them out by a region.")
    try:
        found = np.asarray(values)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(f"{what} must be an array of numbers.") from error
    if found.dtype.kind not in "biuf":
        raise InputError(f"{what} must be real numbers, not of the type {found.dtype}.")
    if found.dtype.kind == "f" and found.dtype.itemsize > 8:
        return found.astype(np.float64)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _check_zeros_and_ones(p: Array, what: str) -> None:
    low, high = int(p.min()), int(p.max())
    if low < 0 or high > 1:
        raise InputError(
            f"{what} must be numbers from 0 to 1; these are whole numbers from {low} to {high}: divide "
            "them by the number that stands for 1."
        )


def _plainly_half(p: Array) -> bool:
    """Whether these are half floats of which all are from 0 to 1: told by their bits, many times faster."""
    if is_torch_array(p) or p.dtype != np.float16:
        return False
    return int(p.view(np.uint16).max()) <= 0x3C00


def _check_whole(values: np.ndarray, what: str) -> None:
    """See that none is NaN, infinite, a fraction, below 0 or too large to count with."""
    if not values.size or (values.dtype.kind == "u" and values.dtype.itemsize < 8):
        return
    low, high = float(values.min()), float(values.max())  # NaN where there is one
    holds = ""
    if np.isnan(low):
        holds = "NaN"
    elif low < 0:
        holds = "numbers below 0"
    elif high > _LARGEST:
        holds = "numbers that are too large"
    elif values.dtype.kind == "f" and (values != np.floor(values)).any():
        holds = "fractions"
    if holds:
        raise InputError(f"{what} holds {holds}: it should be whole numbers, 0 where nothing is marked.")
