"""Lesions found, false and missed, and what a choice among those found makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError

DRAWN = 1000
"""How often patients are drawn anew for an interval."""


@dataclass(frozen=True)
class LesionCounts:
    """Counts of lesions, and the ratios made of them.

    Attributes
    ----------
    true, false, missed
        Lesions found that are real, lesions found that are not, real lesions that were not found.
    """

    true: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the lesions found that are real; NaN where none is found."""
        return _share(self.true, self.true + self.false)

    @property
    def recall(self) -> float:
        """Share of the real lesions that are found; NaN where there is none."""
        return _share(self.true, self.true + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN where there is neither a lesion nor one found."""
        return _share(2 * self.true, 2 * self.true + self.false + self.missed)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def count_lesions(rows: pd.DataFrame, missed: pd.Series, kept: np.ndarray | None = None) -> LesionCounts:
    """Counts after some of the lesions were taken away.

    A real lesion that is taken away is missed from then on: recall can only fall by a refinement.

    Parameters
    ----------
    rows
        A row for each lesion found, with ``true``.
    missed
        Number of real lesions of which nothing was found, by patient.
    kept
        Which are kept, bool (rows,); all if not given.
    """
    real = rows["true"].to_numpy(bool)
    stays = np.ones(len(rows), bool) if kept is None else np.asarray(kept, bool)
    gone = int((real & ~stays).sum())
    return LesionCounts(int((real & stays).sum()), int((~real & stays).sum()), int(missed.sum()) + gone)


Interval = tuple[float, float, float]
"""A value and the bounds of its 95 % interval."""


def intervals(
    rows: pd.DataFrame,
    missed: pd.Series,
    kept: np.ndarray,
    measure: Callable[[LesionCounts], float],
    *,
    kept_before: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[Interval, Interval, Interval]:
    """A measure before and after a refinement, and the difference, with intervals from drawing patients anew.

    Parameters
    ----------
    rows
        A row for each lesion found, with ``true`` and ``patient``.
    missed
        By patient; patients without any lesion found are named here too.
    kept
        Which are kept, bool (rows,).
    measure
        Such as ``lambda counts: counts.f1``.
    kept_before
        What that is compared with, such as the choice of another refinement; all lesions if not given.

    Raises
    ------
    InputError
        If a patient of the rows is not among those of `missed`.
    """
    patients = list(missed.index)
    if unknown := set(rows["patient"]) - set(patients):
        raise InputError(f"It is not said how many lesions of {min(map(str, unknown))} were missed.")
    before, after = (_by_patient(rows, missed, patients, choice) for choice in (kept_before, kept))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(patients), size=(DRAWN, len(patients)))
    values = [_measured(counts, drawn, measure) for counts in (before, after)]
    said = [measure(LesionCounts(*counts.sum(0).tolist())) for counts in (before, after)]
    differences = values[1] - values[0]
    return (
        _with_bounds(said[0], values[0]),
        _with_bounds(said[1], values[1]),
        _with_bounds(said[1] - said[0], differences),
    )


def _by_patient(
    rows: pd.DataFrame, missed: pd.Series, patients: list[object], kept: np.ndarray | None
) -> np.ndarray:
    """True, false and missed of each patient, int (patients, 3)."""
    found = []
    for patient in patients:
        own = (rows["patient"] == patient).to_numpy()
        one = count_lesions(rows[own], missed.loc[[patient]], None if kept is None else np.asarray(kept)[own])
        found.append((one.true, one.false, one.missed))
    return np.array(found, int).reshape(-1, 3)


def _measured(counts: np.ndarray, drawn: np.ndarray, measure: Callable[[LesionCounts], float]) -> np.ndarray:
    return np.array([measure(LesionCounts(*own)) for own in counts[drawn].sum(1).tolist()])


def _with_bounds(value: float, drawn: np.ndarray) -> Interval:
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return float(value), float(low), float(high)
