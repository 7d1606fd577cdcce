"""Numbers as groups: ages, volumes or slices in bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.cohort import AuditCohort

VOLUME = "volume"
"""The covariate that is the volume of the reference, where the table has no such column."""
_BELOW = "below"


def banded(cohort: AuditCohort, cuts: Mapping[str, Sequence[float]]) -> AuditCohort:
    """The same cohort, in which columns of numbers say the band.

    Parameters
    ----------
    cohort
        Read with these columns.
    cuts
        By column, ascending: a band begins at each and ends below the next. The mean of a patient's visits
        counts, so that all of them are in one band.

    Raises
    ------
    InputError
        If a value is no number.
    """
    cases = list(cohort.cases)
    for column, limits in cuts.items():
        numbers = np.array([_number(cohort, i, column) for i in range(len(cases))])
        for i, case in enumerate(cases):
            same = cohort.patient_of == cohort.patient_of[i]
            known = numbers[same & np.isfinite(numbers)]
            said = {k: v for k, v in case.attributes.items() if k != column}
            if len(known):
                said[column] = band_of(float(known.mean()), limits)
            cases[i] = replace(case, attributes=said)
    return replace(cohort, cases=tuple(cases))


def _number(cohort: AuditCohort, index: int, column: str) -> float:
    case = cohort.cases[index]
    text = case.attributes.get(column)
    if text is None:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"{cohort.source}, row {case.line}: {column} is '{text}'; bands are of numbers only."
        )
    return number


def band_of(number: float, cuts: Sequence[float]) -> str:
    """The name of the band that a number is in."""
    place = int(np.searchsorted(cuts, number, side="right"))
    if place == 0:
        return f"{_BELOW} {cuts[0]:g}"
    if place == len(cuts):
        return f"{cuts[-1]:g} and more"
    return f"{cuts[place - 1]:g} to {_BELOW} {cuts[place]:g}"


def in_order(group: str) -> tuple[float, int, str]:
    """What sorts groups: by the number that they begin with, as bands do, then by name."""
    word, _, rest = group.partition(" ")
    is_below = word == _BELOW
    first = (rest if is_below else word).split("-")[0]
    try:
        return float(first), int(not is_below), group
    except ValueError:
        return math.inf, 1, group
