"""What can be said of a cohort's patients, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.patients.analysis import FEWEST_OTHERS, Coverage, PatientAudit, PatientResult
from napari_uncertainseg.calibration.patients.intervals import LEVEL, QUANTITIES, patients_needed

_MOST_NAMES = 8


def sentences(found: PatientAudit) -> list[str]:
    """Whether intervals hold, and which scans are unlike the others."""
    said = [_promise(found), *(_coverage(name, found.coverage[name]) for name in QUANTITIES)]
    said += [_no_test(found), _other_visits(found), *_without(found)]
    known = [one for one in found.results if one.measured.unlike is not None]
    if known:
        strange = [one for one in known if one.measured.unlike]
        said.append(f"{_are(strange, known)} unlike all that the model has seen{_named(strange)}.")
    odd = [one for one in found.results if one.measured.unusual]
    if odd:
        said.append(f"The result is unusual by itself in {_scans(odd, found.results)}{_named(odd)}.")
    said.append(_unlike_others(found))
    return [one for one in said if one]


def _unlike_others(found: PatientAudit) -> str:
    compared = [one for one in found.results if one.unlike_others is not None]
    if not compared:
        return (
            "Whether scans are unlike the other patients of this cohort cannot be said: each needs "
            f"{FEWEST_OTHERS} other patients."
        )
    others = [one for one in compared if one.unlike_others]
    return f"{_are(others, compared)} unlike the other patients of this cohort{_named(others)}."


def _are(some: Sequence[PatientResult], every: Sequence[PatientResult]) -> str:
    scans = _scans(some, every)
    return f"{scans}{',' if ',' in scans else ''} {'is' if len(some) == 1 else 'are'}"


def _scans(some: Sequence[PatientResult], every: Sequence[PatientResult]) -> str:
    """How many scans of how many; and of how many patients, where the scans alone would seem to be more."""
    said = f"{len(some)} of {_count(len(every))}"
    patients = len({one.measured.case.patient for one in some})
    return f"{said}, of {pluralised(patients, 'patient')}" if patients < len(some) else said


def _named(some: Sequence[PatientResult]) -> str:
    """The names after a colon; nothing for none."""
    names = [one.measured.case.name for one in some]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f": {', '.join(names[:_MOST_NAMES])}{more}" if names else ""


def _promise(found: PatientAudit) -> str:
    if not any(one.said.intervals for one in found.results):
        return ""
    whose = (
        "For each patient it is made of the references of all others"
        if found.own
        else "It is made of the calibration record"
    )
    return (
        f"An interval holds what a reader outlines in {100 * LEVEL:.0f} of 100 patients, if they are like "
        f"those who gave it. {whose}."
    )


def _coverage(name: str, found: Coverage) -> str:
    if not found.patients:
        return ""
    title = QUANTITIES[name].title
    held = f"The {title} by the reference lies in the interval in {found.held:.3g} of "
    held += pluralised(found.patients, "patient")
    if math.isnan(found.low):
        return f"{held}."
    return (
        f"{held} ({100 * found.share:.0f} %; 95 % interval {100 * found.low:.0f} to "
        f"{100 * found.high:.0f} %). {_verdict(found)}"
    )


def _no_test(found: PatientAudit) -> str:
    """That a cohort's own intervals are no test of themselves."""
    if not (found.own and any(one.patients for one in found.coverage.values())):
        return ""
    return (
        f"These shares test nothing: as errors of the same patients make the intervals, about "
        f"{100 * LEVEL:.0f} in 100 lie inside whatever the model is. Whether the intervals hold is tested by "
        "a calibration record of other patients."
    )


def _other_visits(found: PatientAudit) -> str:
    """That a record knows scans, and not patients: it holds no names."""
    if found.own:
        return ""
    return (
        "The record knows only its very same scans. Another visit of a calibration patient counts here as a "
        "further patient, and is no test: leave such visits out."
    )


def _verdict(found: Coverage) -> str:
    if found.high < LEVEL:
        return f"That is less than the {100 * LEVEL:.0f} % promised: these patients are not alike."
    width = 100 * (found.high - found.low)
    return f"That agrees with the {100 * LEVEL:.0f} % promised, but tells it to {width:.0f} points only."


def _without(found: PatientAudit) -> list[str]:
    """Why there are no intervals, each reason once."""
    reasons: dict[str, int] = {}
    for one in found.results:
        if one.said.why_not:
            reasons[one.said.why_not] = reasons.get(one.said.why_not, 0) + 1
    needed = patients_needed(LEVEL)
    said = [f"No interval for {_count(n)}: {why}" for why, n in reasons.items()]
    if reasons and found.own:
        said.append(
            "The patient whom an interval is for is always left out, and does not count: give references of "
            f"{needed + 1} patients or more, or a calibration record of other patients."
        )
    return said


def _count(n: int) -> str:
    return pluralised(n, "scan")
