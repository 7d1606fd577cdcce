"""95 % intervals from drawing patients anew, with lesions that belong together kept together."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, t

DRAWN = 500
"""How often patients are drawn."""
Interval = tuple[float, float, float]
"""A value and the bounds of its 95 % interval."""


def draw_patients(patients: int, seed: int = 0) -> np.ndarray:
    """How often each patient is in each draw, float64 (draws, patients)."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.multinomial(patients, np.full(patients, 1 / patients), DRAWN), float)


def bounds(drawn: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds from the values of draws; NaN where fewer than half of the draws have one.

    Of few patients plain percentiles are too narrow. They are taken further out, as a t-quantile lies
    further out than a normal one (Hesterberg, The American Statistician 69:371, 2015). Patients count by
    how evenly lesions are spread over them: where one has nearly all, it is as if there were one or two.

    Parameters
    ----------
    drawn
        float64 (draws, ...).
    sizes
        Lesions of each patient.
    """
    evenly = max(2.0, float(sizes.sum() ** 2 / (sizes**2).sum()))
    outer = norm.cdf(t.ppf(0.025, evenly - 1) * np.sqrt(evenly / (evenly - 1)))
    known = np.isfinite(drawn)
    enough = known.mean(0) >= 0.5
    filled = np.where(known | ~enough, drawn, np.nan)
    filled = np.where(enough, filled, 0.0)
    low, high = np.nanquantile(filled, [outer, 1 - outer], axis=0)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
