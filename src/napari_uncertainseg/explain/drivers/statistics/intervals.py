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


class Draws:
    """Patients drawn anew, for intervals of ratios of sums over lesions.

    Parameters
    ----------
    patients
        Of each lesion, whole numbers from 0 up without gaps.
    seed
        Of the draws.
    """

    def __init__(self, patients: np.ndarray, seed: int) -> None:
        self._patients, self._sizes = patients, np.bincount(patients)
        self._often = draw_patients(len(self._sizes), seed)

    def __len__(self) -> int:
        return len(self._sizes)

    def ratio(self, part: np.ndarray, whole: np.ndarray) -> Interval:
        """Of the sum of `part` over that of `whole`, each float64 (lesions,); NaN where the whole is 0."""
        parts, wholes = (np.bincount(self._patients, one, len(self._sizes)) for one in (part, whole))
        below = self._often @ wholes
        drawn = np.where(below > 0, self._often @ parts / np.where(below > 0, below, 1), np.nan)
        low, high = bounds(drawn, self._sizes)
        value = float(parts.sum() / wholes.sum()) if wholes.sum() > 0 else float("nan")
        return value, float(low), float(high)
