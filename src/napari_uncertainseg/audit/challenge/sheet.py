"""The sheet: every measure over a cohort, over its domains, and the gap between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.challenge.case import REFERENCE, CaseScores, Judged
from napari_uncertainseg.audit.challenge.intervals import Estimate, PatientDraws, Statistic
from napari_uncertainseg.audit.challenge.measures.all_measures import measures
from napari_uncertainseg.audit.challenge.measures.measure import Measure
from napari_uncertainseg.audit.challenge.retained import (
    POOR_PUBLISHED,
    cases_retained,
    check_poor,
    d_auc,
    ideal_left,
    r_auc,
)

MOST_DRAWS = 100_000
NO_GAIN = Estimate(math.nan, math.nan, math.nan, 0, 0)
ALL, IN, OUT, GAP = "all", "in", "out", "gap"
"""Which cases a row is about; the gap is in minus out."""


@dataclass(frozen=True)
class SheetSetting:
    """How a sheet is made.

    Attributes
    ----------
    domain, inside
        Column of the cohort, and the values that are in the domain; empty where none was asked for.
    poor
        Dice below which a segmentation is poor, in the mended d-AUC.
    simulated
        Raters that are simulated where a case has none.
    draws, seed
        Of the patients, and of the simulated raters.
    """

    domain: str = ""
    inside: tuple[str, ...] = ()
    poor: float = 0.7
    simulated: int = 0
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        check_poor(self.poor)
        if not 2 <= self.draws <= MOST_DRAWS:
            raise InputError(f"Patients can be drawn 2 to {MOST_DRAWS} times, not {self.draws}.")
        if bool(self.domain) != bool(self.inside):
            raise InputError(
                "--domain names a column and --in the values of it that are in the domain: give both or none."
            )
        if self.simulated not in range(0, 21) or self.simulated == 1:
            raise InputError(f"Raters are simulated by 2 to 20, not by {self.simulated}.")


@dataclass(frozen=True)
class Row:
    """A measure over some cases.

    Attributes
    ----------
    measure
        Which one.
    cases
        `ALL`, `IN`, `OUT` or `GAP`.
    estimate
        Value and interval.
    ideal, random
        What an ideal and a random order have on these cases; of measures of no order the best value, and NaN.
    gain
        How much better the value is than that of a random order; NaN of measures of no order.
    rater
        Whose value it is; empty for the mean over the raters.
    """

    measure: Measure
    cases: str
    estimate: Estimate
    ideal: float
    random: float
    gain: Estimate
    rater: str = ""


@dataclass(frozen=True, eq=False)
class Sheet:
    """All measures of a cohort.

    Attributes
    ----------
    cases
        At least one.
    setting
        How it was made.
    rows
        In the order of `measures`, each over all cases, in, out and the gap where there are domains.
    notes
        What the user should know of the cohort.
    """

    cases: tuple[CaseScores, ...]
    setting: SheetSetting
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def row(self, key: str, cases: str = ALL) -> Row:
        """The row of a measure, by `Measure.key`, of the mean over raters."""
        return next(r for r in self.rows if r.measure.key == key and r.cases == cases and not r.rater)

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Which cases are in and out of the domain, bool (cases,); empty without a domain."""
        return _groups(self.cases, self.setting)

    @property
    def patients(self) -> int:
        """How many."""
        return len({one.case.patient for one in self.cases})


def make_sheet(cases: Sequence[CaseScores], setting: SheetSetting, notes: Sequence[str] = ()) -> Sheet:
    """Measure a cohort.

    Parameters
    ----------
    cases
        At least one.
    setting
        How.
    notes
        On the cohort.

    Raises
    ------
    InputError
        If there is no case, or none is in or none is out of the domain.
    """
    if not cases:
        raise InputError("No case is left to measure.")
    groups = _groups(cases, setting)
    for name, words in ((IN, "in"), (OUT, "out of")):
        if groups and not groups[name].any():
            values = ", ".join(sorted({one.case.group for one in cases}))
            raise InputError(
                f"No case is {words} the domain: {setting.domain} is {values}, and in the domain is "
                f"{', '.join(setting.inside)}."
            )
    draws = PatientDraws([one.case.patient for one in cases], setting.draws, setting.seed)
    rows = [row for m in measures(setting.poor) for row in _rows(m, cases, groups, draws, setting)]
    return Sheet(tuple(cases), setting, tuple(rows), tuple(notes))


def _groups(cases: Sequence[CaseScores], setting: SheetSetting) -> dict[str, np.ndarray]:
    if not setting.domain:
        return {}
    inside = np.array([one.case.group in setting.inside for one in cases])
    return {IN: inside, OUT: ~inside}


def _rows(
    measure: Measure,
    cases: Sequence[CaseScores],
    groups: Mapping[str, np.ndarray],
    draws: PatientDraws,
    setting: SheetSetting,
) -> list[Row]:
    if measure.of_cohort:
        return _of_cohort(measure, cases, groups, draws, setting)
    names = dict.fromkeys(name for one in cases for name in one.raters if name != REFERENCE)
    raters = ["", *names] if measure.per_rater else [""]
    return [row for rater in raters for row in _of_cases(measure, cases, groups, draws, rater)]


def _of_cases(
    measure: Measure,
    cases: Sequence[CaseScores],
    groups: Mapping[str, np.ndarray],
    draws: PatientDraws,
    rater: str,
) -> list[Row]:
    key = f"{measure.key}:{rater}" if rater else measure.key
    judged = [one.judged.get(key, Judged(math.nan)) for one in cases]
    value, ideal, random = (np.array([getattr(j, k) for j in judged]) for k in ("value", "ideal", "random"))
    rows = []
    for name, members in {ALL: np.ones(len(cases), bool), **groups}.items():
        known = members & np.isfinite(value)
        best = measure.ideal if np.isnan(ideal[known]).all() else _mean(ideal[known])
        gain = draws.mean((value - random) * _sign(measure), members)
        rows.append(Row(measure, name, draws.mean(value, members), best, _mean(random[known]), gain, rater))
    if groups:
        gap = draws.gap(value, groups[IN], groups[OUT])
        rows.append(Row(measure, GAP, gap, math.nan, math.nan, NO_GAIN, rater))
    return rows


def _sign(measure: Measure) -> int:
    return 1 if measure.high else -1


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _of_cohort(
    measure: Measure,
    cases: Sequence[CaseScores],
    groups: Mapping[str, np.ndarray],
    draws: PatientDraws,
    setting: SheetSetting,
) -> list[Row]:
    doubt = np.array([one.psu if measure.name.endswith("psu") else one.entropy for one in cases])
    quality, published = np.array([one.dice for one in cases]), measure.version == "reference"
    known = np.isfinite(doubt)
    limit = POOR_PUBLISHED if published else setting.poor
    is_d = measure.name.startswith("d_auc")
    poor = quality < limit
    judged, kinds = (poor, poor) if is_d else (quality, None)
    statistic: Statistic = partial(_d if is_d else _r, doubt, judged, published)
    gains: Statistic = partial(_d_gain if is_d else _r_gain, doubt, judged, published)
    rows = []
    for name, members in {ALL: known, **groups}.items():
        inside = members & known
        estimate = draws.statistic(statistic, inside, kinds)
        ideal, random = math.nan, math.nan
        if inside.any() and is_d and math.isfinite(estimate.value):
            ideal, random = 0.0, 0.5 - ideal_left(int(poor[inside].sum()), int(inside.sum()))
        elif inside.any() and not is_d:
            compared = cases_retained(doubt[inside], quality[inside])
            ideal, random = compared.ideal.area, compared.random.area
        gain = draws.statistic(gains, inside, kinds)
        rows.append(Row(measure, name, estimate, ideal, random, gain))
    if groups:
        gap = draws.statistic_gap(statistic, groups[IN] & known, groups[OUT] & known, kinds)
        rows.append(Row(measure, GAP, gap, math.nan, math.nan, NO_GAIN))
    return rows


def _d(doubt: np.ndarray, poor: np.ndarray, published: bool, cases: np.ndarray) -> float:
    return d_auc(doubt[cases], poor[cases], published=published)


def _r(doubt: np.ndarray, quality: np.ndarray, published: bool, cases: np.ndarray) -> float:
    return r_auc(doubt[cases], quality[cases], published=published)


def _d_gain(doubt: np.ndarray, poor: np.ndarray, published: bool, cases: np.ndarray) -> float:
    own = poor[cases]
    return 0.5 - ideal_left(int(own.sum()), len(own)) - d_auc(doubt[cases], own, published=published)


def _r_gain(doubt: np.ndarray, quality: np.ndarray, published: bool, cases: np.ndarray) -> float:
    own = quality[cases]
    return r_auc(doubt[cases], own, published=published) - (1 + float(own.mean())) / 2
