"""Do readers and the model doubt for the same reasons? The numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.drivers.definitions import CONTRAST
from napari_uncertainseg.explain.drivers.statistics.holm import holm
from napari_uncertainseg.explain.feedback.agreement import reader_agreement
from napari_uncertainseg.explain.feedback.answers import ANY, VOLUME, Answers
from napari_uncertainseg.explain.feedback.within_readings import PERMUTATIONS, Readings, Relation
from napari_uncertainseg.review.feedback import REASONS

FEWEST_LESIONS = 10
"""A relation is tested where so many lesions have a tick, and so many have not."""
FEWEST_CASES = 5
"""... in at least so many cases in which there are both."""
LEVEL = 0.05
"""A relation is a finding where its p, times the number of tests by Holm's rule, is at most this."""
DOUBT, SURENESS = "doubt", "sureness"
EXPECTED = {
    "size": (VOLUME,),
    "place": ("to_ventricle_mm", "to_cortex_mm", "to_edge_mm"),
    "artefact": ("noise",),
    "border": ("sphericity",),
}
"""Drivers that a reason should go with; of the contrast, that on the first scan."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What readers ticked, beside the model's doubt and its drivers.

    Attributes
    ----------
    relations
        A row for each pair of what was ticked and a number: ``tick`` (`ANY`, a reason or `SURENESS`),
        ``measure`` (`DOUBT` or a driver), ``lesions``, ``ticked``, ``cases`` in which there are both,
        ``with_``, ``without`` (means of the doubt, medians of a driver), ``among_doubtful``,
        ``among_others`` (shares ticked), ``value``, ``low``, ``high``, ``p``, ``adjusted`` (Holm, over all
        that were tested here) and ``finding``; NaN where too little was ticked to test.
    model
        By driver, Spearman's correlation of the model's doubt: ``value``, ``low``, ``high``.
    agreement
        See `reader_agreement`.
    doubtful
        Lesions with more doubt than this, the median, count as doubtful.
    without_doubt
        Verdicts on lesions whose doubt is not known: they are left out.
    answers
        What it is all about.
    """

    relations: pd.DataFrame
    model: pd.DataFrame
    agreement: pd.DataFrame
    doubtful: float
    without_doubt: int
    answers: Answers

    @property
    def tests(self) -> int:
        """How many relations were tested."""
        return int(self.relations["p"].notna().sum())


def compare_with_doubt(
    answers: Answers, drivers: pd.DataFrame | None = None, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> Comparison:
    """Set what readers ticked beside the model's doubt, and beside its drivers where they are known.

    Parameters
    ----------
    answers
        Of the sessions.
    drivers
        A row for each row of ``answers.table``, columns as of `measure_drivers`; NaN where not known.
    permutations, seed
        Of the null.
    """
    known = np.isfinite(answers.table["doubt"].to_numpy(float))
    rows = answers.table[known].reset_index(drop=True)
    values = _numbers(rows, None if drivers is None else drivers[known].reset_index(drop=True))
    compared = _Compared(rows, values, permutations, seed)
    found = [compared.relation(tick, DOUBT) for tick in (ANY, *REASONS, SURENESS)]
    names = [str(name) for name in values.columns if name != DOUBT]
    found += [compared.relation(ANY, name) for name in names]
    found += [compared.relation(reason, name) for reason in REASONS for name in _expected(reason, names)]
    table = pd.DataFrame(found)
    table["adjusted"] = holm(table["p"].to_numpy(float))
    table["finding"] = table["adjusted"] <= LEVEL
    model = pd.DataFrame({name: compared.of_model(name) for name in names}, index=["value", "low", "high"]).T
    median = float(rows["doubt"].median()) if len(rows) else np.nan
    return Comparison(table, model, reader_agreement(answers.table), median, int((~known).sum()), answers)


def _numbers(rows: pd.DataFrame, drivers: pd.DataFrame | None) -> pd.DataFrame:
    """The doubt and all drivers that differ between lesions of a reading."""
    found = rows[[DOUBT, VOLUME]].astype(float)
    if drivers is not None:
        numbers = drivers.select_dtypes("number").astype(float)
        found = found.drop(columns=[name for name in numbers if name in found]).join(numbers)
        if VOLUME in numbers:
            found[VOLUME] = numbers[VOLUME].fillna(rows[VOLUME].astype(float))
    if found.empty:
        return found[[DOUBT]]
    spread = found.groupby(rows["reading"]).transform(lambda column: column.max() - column.min())
    return found[[name for name in found if name == DOUBT or bool((spread[name] > 0).any())]]


def _expected(reason: str, names: list[str]) -> list[str]:
    if reason == "contrast":
        return [name for name in names if name.startswith(CONTRAST)][:1]
    return [name for name in EXPECTED.get(reason, ()) if name in names]


class _Compared:
    """Rows, and the permutations of those of which something is known."""

    def __init__(self, rows: pd.DataFrame, values: pd.DataFrame, permutations: int, seed: int) -> None:
        self._rows, self._values = rows, values
        self._permutations, self._seed = permutations, seed
        self._readings: dict[bytes, Readings] = {}

    def relation(self, tick: str, measure: str) -> dict[str, object]:
        """One row of `Comparison.relations`."""
        own = self._values[measure].to_numpy(float)
        said = self._rows[tick].to_numpy(float)
        known = np.isfinite(own) & np.isfinite(said)
        ticked = (said == 3) if tick == SURENESS else said == 1  # of sureness: sure, or less
        cases = self._rows["case"].to_numpy()
        both = set(cases[known & ticked]) & set(cases[known & ~ticked])
        doubtful = own > np.median(own[known]) if known.any() else known
        enough = (
            min((known & ticked).sum(), (known & ~ticked).sum()) >= FEWEST_LESIONS
            and len(both) >= FEWEST_CASES
        )
        mean = np.mean if measure == DOUBT else np.median
        one = Relation()
        if enough:
            readings = self._of(known)
            compare = readings.of_numbers if tick == SURENESS else readings.of_tick
            one = compare(said[known] if tick == SURENESS else ticked[known], own[known])
        return {
            "tick": tick,
            "measure": measure,
            "lesions": int(known.sum()),
            "ticked": int((known & ticked).sum()),
            "cases": len(both),
            "with_": _or_nan(mean, own[known & ticked]),
            "without": _or_nan(mean, own[known & ~ticked]),
            "among_doubtful": _or_nan(np.mean, ticked[known & doubtful]),
            "among_others": _or_nan(np.mean, ticked[known & ~doubtful]),
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "p": one.p,
        }

    def of_model(self, measure: str) -> tuple[float, float, float]:
        """How the model's doubt goes with a driver."""
        own, doubt = self._values[measure].to_numpy(float), self._values[DOUBT].to_numpy(float)
        known = np.isfinite(own)
        if known.sum() < 2 * FEWEST_LESIONS or self._rows["case"][known].nunique() < FEWEST_CASES:
            return np.nan, np.nan, np.nan
        one = self._of(known).of_numbers(own[known], doubt[known])
        return one.value, one.low, one.high

    def _of(self, known: np.ndarray) -> Readings:
        key = known.tobytes()
        if key not in self._readings:
            rows = self._rows[known]
            self._readings[key] = Readings(rows, permutations=self._permutations, seed=self._seed)
        return self._readings[key]


def _or_nan(what: Callable[[np.ndarray], float | np.floating], values: np.ndarray) -> float:
    return float(what(values)) if len(values) else np.nan
