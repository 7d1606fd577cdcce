"""Gaps of one measure between two groups: as they are, adjusted for covariates, and of matched pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from napari_uncertainseg.audit.groups.adjusting import design_of, matched_pairs
from napari_uncertainseg.audit.groups.intervals import (
    NONE,
    Bounds,
    adjusted_interval,
    paired_interval,
    raw_interval,
)
from napari_uncertainseg.audit.groups.patients import Covariate
from napari_uncertainseg.audit.groups.permutation import (
    AdjustedGap,
    Tested,
    adjusted_test,
    paired_test,
    raw_test,
)

FEWEST = 5
"""Patients of a group, or pairs, below which it is shown, and not tested; nor has it an interval."""
Kind = Literal["raw", "same patients", "adjusted", "matched"]
NO_VALUE = "one of the groups has no value"
ALIKE = "all patients have the same value"


@dataclass(frozen=True)
class Gap:
    """A gap of one measure between two groups.

    Attributes
    ----------
    attribute, measure, first, second
        What is compared: the second group minus the first.
    kind
        ``"raw"``; ``"same patients"``: raw, of those whose covariates are known, where that is not all of
        them; ``"adjusted"`` and ``"matched"`` for covariates.
    value, low, high
        The gap with its 95 % interval; NaN where it is not defined, cannot be said, or patients are too few.
    p, floor, p_holm
        Of the test, the smallest that it can give, and corrected for all tests of the page; NaN without one.
    exact
        Whether the test looked at all permutations.
    first_n, second_n
        Patients of whom the measure is defined; of matched ones, the pairs.
    why_not
        Why there is no test; empty where there is one.
    """

    attribute: str
    measure: str
    first: str
    second: str
    kind: Kind
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    floor: float = math.nan
    exact: bool = False
    first_n: int = 0
    second_n: int = 0
    why_not: str = ""
    p_holm: float = math.nan

    @property
    def tested(self) -> bool:
        """Whether there is a test."""
        return not math.isnan(self.p)


def compare(
    about: Gap,
    values: np.ndarray,
    second: np.ndarray,
    covariates: Sequence[Covariate],
    who: np.ndarray,
    *,
    draws: int,
    seed: int,
) -> list[Gap]:
    """All gaps of one measure between two groups.

    Parameters
    ----------
    about
        Says what is compared.
    values
        Of the patients of both groups, NaN where not defined, float64 (patients,).
    second
        Who is in the second group, bool (patients,).
    covariates
        Of all patients; none for the raw gap alone.
    who
        Which patients these are, indices.
    draws, seed
        Permutations where not all are looked at, and the seed of these and of the intervals.
    """
    rng = np.random.default_rng(seed)
    defined = np.isfinite(values)
    found = [raw_gap(replace(about, kind="raw"), values[defined], second[defined], draws, rng)]
    if not covariates:
        return found
    known = defined & np.all([one.known[who] for one in covariates], axis=0)
    own, group, patients = values[known], second[known], who[known]
    if not np.array_equal(known, defined):
        same = replace(about, kind="same patients")
        found.append(untested(raw_gap(same, own, group, draws, rng)))
    found.append(_adjusted(replace(about, kind="adjusted"), own, group, covariates, patients, draws, rng))
    found.append(_matched(replace(about, kind="matched"), own, group, covariates, patients, draws, rng))
    return found


def untested(gap: Gap, why_not: str = "shown for comparison") -> Gap:
    """The same gap without its test."""
    return replace(gap, p=math.nan, floor=math.nan, exact=False, why_not=gap.why_not or why_not)


def raw_gap(about: Gap, values: np.ndarray, second: np.ndarray, draws: int, rng: np.random.Generator) -> Gap:
    """The gap of the means, of patients of whom the measure is defined."""
    n, m = int((~second).sum()), int(second.sum())
    about = replace(about, first_n=n, second_n=m)
    if not n or not m:
        return replace(about, why_not=NO_VALUE)
    value = float(values[second].mean() - values[~second].mean())
    bounds = raw_interval(values, second, rng) if min(n, m) >= FEWEST else NONE
    return _tested(about, value, bounds, _few(n, m), values, lambda: raw_test(values, second, draws, rng))


def _few(n: int, m: int) -> str:
    return f"fewer than {FEWEST} patients in a group" if min(n, m) < FEWEST else ""


def _tested(
    about: Gap, value: float, bounds: Bounds, why_not: str, values: np.ndarray, test: Callable[[], Tested]
) -> Gap:
    """A gap with its test, unless there is a reason not to; equal values are no reason, but are said."""
    alike = np.ptp(values) == 0 if len(values) else True
    about = replace(about, value=value + 0.0, low=bounds[0], high=bounds[1])
    if why_not or alike:
        return replace(about, why_not=why_not or ALIKE)
    found = test()
    return replace(about, p=found.p, floor=found.floor, exact=found.exact)


def _adjusted(
    about: Gap,
    values: np.ndarray,
    second: np.ndarray,
    covariates: Sequence[Covariate],
    who: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> Gap:
    n, m = int((~second).sum()), int(second.sum())
    about = replace(about, first_n=n, second_n=m)
    if why_not := _few(n, m):
        return replace(about, why_not=why_not)
    design = design_of(covariates, who, second)
    if design.why_not:
        return replace(about, why_not=design.why_not)
    model = AdjustedGap(second, design.columns)
    bounds = adjusted_interval(values, second, design.columns, rng)
    value = float(model.of(values)[0])
    return _tested(about, value, bounds, "", values, lambda: adjusted_test(values, model, draws, rng))


def _matched(
    about: Gap,
    values: np.ndarray,
    second: np.ndarray,
    covariates: Sequence[Covariate],
    who: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> Gap:
    few = "no patient of one group is like one of the other"
    if not second.any() or second.all():
        return replace(about, why_not=few)
    pairs = matched_pairs(covariates, who, second)
    number = len(pairs)
    about = replace(about, first_n=number, second_n=number)
    if not number:
        return replace(about, why_not=few)
    differences = values[pairs[:, 1]] - values[pairs[:, 0]]
    bounds = paired_interval(differences, rng) if number >= FEWEST else NONE
    why_not = f"fewer than {FEWEST} pairs" if number < FEWEST else ""
    return _tested(
        about,
        float(differences.mean()),
        bounds,
        why_not,
        values[pairs],
        lambda: paired_test(differences, draws, rng),
    )
