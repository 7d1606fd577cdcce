"""Holm's correction of p-values for their number."""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """p-values corrected for their number, along the first axis; NaN stays, and is not counted.

    They may be compared with one level, however many there are (Holm, Scand. J. Statist. 6:65, 1979).

    Parameters
    ----------
    p
        float64 (tests, ...).
    """
    order = np.argsort(p, axis=0, kind="stable")  # NaN last
    ascending = np.take_along_axis(p, order, axis=0)
    number = (~np.isnan(p)).sum(0)
    place = np.arange(len(p)).reshape(-1, *(1,) * (p.ndim - 1))
    steps = np.where(np.isnan(ascending), -np.inf, (number - place) * ascending)
    corrected = np.minimum(np.maximum.accumulate(steps, axis=0), 1.0)
    found = np.empty_like(corrected)
    np.put_along_axis(found, order, corrected, axis=0)
    return np.where(np.isnan(p), np.nan, found)
