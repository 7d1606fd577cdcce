"""What reaches a threshold: one rule for every map, member and type of numbers.

A probability reaches a threshold where it is at least as large, both taken in single precision. So a float32
map, its copy in double precision and a threshold typed as 0.7 agree on every voxel; a half float is compared
as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CANDIDATE_THRESHOLD = 0.1
"""Probability at and above which a voxel can belong to a candidate, unless a recalibration moves it."""
LOWEST_CANDIDATES = 0.05
"""It is never moved below this: members are kept from here on."""


def at_least(values: np.ndarray | np.floating, threshold: float) -> np.ndarray:
    """Where values reach a threshold: bool, of their shape.

    Half floats of one sign order as their bits do, and processors compare 16-bit integers many at a time.

    Parameters
    ----------
    values
        Floating, any shape; of half floats none is NaN, see `_checks.as_probabilities`.
    threshold
        The threshold.
    """
    least = limit(threshold, values.dtype)
    if values.dtype == np.float16 and least > 0:
        return np.asarray(values.view(np.int16) >= least.view(np.int16))
    return np.asarray(values >= least)


def limit(threshold: Any, dtype: np.dtype) -> Any:
    """The least value of a type that reaches a threshold: what ``map >= limit`` is compared with.

    Parameters
    ----------
    threshold
        A number, or an array of them.
    dtype
        float16, float32 or float64.

    Returns
    -------
    Of that type and the threshold's shape.
    """
    single = np.float32(threshold) if np.ndim(threshold) == 0 else np.asarray(threshold, np.float32)
    if dtype == np.float16:
        found = single.astype(np.float16)
        return np.where(found < single, np.nextafter(found, np.float16(np.inf)), found)[()]
    if dtype == np.float32:
        return single
    # Doubles from half a step below are rounded up to it; the middle itself is, where that is even.
    middle = (single.astype(np.float64) + np.nextafter(single, np.float32(-np.inf))) / 2
    odd = (single.view(np.int32) & 1).astype(bool)
    return np.where(odd, np.nextafter(middle, np.inf), middle)[()]
