"""Intervals of each scan of a cohort by the other patients or by a record, and whether they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.audit.patients.measure import MeasuredPatientCase, loads_of, measure_cases
from napari_uncertainseg.calibration.patients.intervals import QUANTITIES, PatientLoads
from napari_uncertainseg.calibration.record import (
    MEASURES,
    CalibrationRecord,
    OutOfRangeMeasure,
    out_of_range,
)
from napari_uncertainseg.evaluate.patients.intervals import LoadIntervals, from_record, why_invalid

FEWEST_OTHERS = 5
"""With fewer other patients their range says too little for a comparison."""

_MOST_NAMES = 5


@dataclass(frozen=True)
class Coverage:
    """How often a reader's value lies in the interval.

    Attributes
    ----------
    held
        Patients for whom it does; visits of a patient share its weight, so it need not be whole.
    patients
        With a reference and an interval.
    low, high
        95 % interval of the share (Clopper and Pearson); NaN where the same patients gave the intervals: the
        share is then no finding.
    """

    held: float
    patients: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Of the patients; NaN without any."""
        return self.held / self.patients if self.patients else float("nan")


@dataclass(frozen=True, eq=False)
class PatientResult:
    """One scan.

    Attributes
    ----------
    measured
        What is known of it.
    said
        Where a reader's volume and number lie.
    unlike_others
        In which of `calibration.record.MEASURES` it differs from all other patients; None where these are
        too few to say.
    """

    measured: MeasuredPatientCase
    said: LoadIntervals
    unlike_others: tuple[OutOfRangeMeasure, ...] | None = None

    def holds(self, quantity: str) -> bool | None:
        """Whether a reader's value lies in its interval; None without one or without a reference."""
        true = self.measured.load.true
        if true is None or quantity not in self.said.intervals:
            return None
        return self.said.intervals[quantity].holds(true[list(QUANTITIES).index(quantity)])


@dataclass(frozen=True, eq=False)
class PatientAudit:
    """A cohort's patients.

    Attributes
    ----------
    results
        A scan each, in the order of the cohort.
    coverage
        By the names of `QUANTITIES`.
    own
        Whether the cohort's own references gave the intervals, each patient left out for its own.
    notes
        What the user should know, a sentence each.
    """

    results: tuple[PatientResult, ...]
    coverage: dict[str, Coverage]
    own: bool
    notes: tuple[str, ...]


def audit_patients(
    cohort: AuditCohort, progress: Progress, record: CalibrationRecord | None = None
) -> PatientAudit:
    """Find intervals for all scans of a cohort.

    Parameters
    ----------
    cohort
        Its references calibrate, unless there is a record.
    progress
        Told before each case.
    record
        Of other patients.

    Raises
    ------
    InputError
        As `measure_cases`.
    """
    cases, notes = measure_cases(cohort, progress, None if record is None else record.min_volume)
    if record is None:
        known = loads_of(cases)
        said = [_left_out(one, cases, known) for one in cases]
    else:
        said = [_by_record(one, record) for one in cases]
    results = tuple(
        PatientResult(one, own, _unlike_others(one, cases)) for one, own in zip(cases, said, strict=True)
    )
    coverage = {name: coverage_of(results, name, of_others=record is not None) for name in QUANTITIES}
    return PatientAudit(results, coverage, record is None, (*cohort.notes, *notes, *_too_large(results)))


def _too_large(results: Sequence[PatientResult]) -> list[str]:
    """A note on intervals that hold more than the brain does, as wrong references make them."""
    beyond = [
        f"{one.measured.case.name} (up to {high:.0f} of {one.measured.measures['brain_ml']:.0f} ml)"
        for one in results
        if (high := _highest(one)) > one.measured.measures["brain_ml"]
    ]
    if not beyond:
        return []
    more = len(beyond) - _MOST_NAMES
    named = ", ".join(beyond[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return [
        f"The interval of the volume is larger than the brain in {named}: some references that gave it are "
        "far from what the model says. Are they the right references?"
    ]


def _highest(one: PatientResult) -> float:
    """The largest volume in its interval, ml; 0 where there is none."""
    found = one.said.intervals.get("volume_ml")
    return 0.0 if found is None or found.high is None else found.high


def _left_out(
    one: MeasuredPatientCase, cases: Sequence[MeasuredPatientCase], known: PatientLoads
) -> LoadIntervals:
    """By the references of all other patients."""
    names = [other.case.patient for other in cases if other.load.true is not None]
    if one.case.patient in names:
        known = known.without(int(known.patients[names.index(one.case.patient)]))
    return from_record(one.load.said, known)


def _unlike_others(
    one: MeasuredPatientCase, cases: Sequence[MeasuredPatientCase]
) -> tuple[OutOfRangeMeasure, ...] | None:
    """In what a scan differs from those of all other patients; None where they are too few to say."""
    others = [other for other in cases if other.case.patient != one.case.patient]
    if len({other.case.patient for other in others}) < FEWEST_OTHERS:
        return None
    known = {name: np.array([other.measures[name] for other in others]) for name in MEASURES}
    return tuple(out_of_range(known, one.measures))


def _by_record(one: MeasuredPatientCase, record: CalibrationRecord) -> LoadIntervals:
    made = one.information.get("model_sha256"), one.information.get("method")
    if made != (record.model_sha256, record.method):
        raise InputError(
            f"{one.case.folder} was segmented by another model or method than the cases of the calibration "
            "record, which says nothing about it; calibrate with results of the same model."
        )
    inputs = tuple(sorted(one.information.get("inputs", ())))
    why = why_invalid(record, one.information, one.measures)
    if inputs != record.inputs:
        why = f"the calibration cases had {' + '.join(record.inputs)}, this one has {' + '.join(inputs)}."
    if why or record.loads is None:
        return LoadIntervals(one.load.said, {}, why)
    return from_record(one.load.said, record.loads)


def coverage_of(results: Sequence[PatientResult], quantity: str, *, of_others: bool) -> Coverage:
    """How often the reader's value lies in its interval, over patients.

    Parameters
    ----------
    results
        A scan each.
    quantity
        One of `QUANTITIES`.
    of_others
        Whether other patients gave the intervals. If each patient is left out of the same cohort, the
        share is fixed beforehand: the errors are ranked, and all but the largest tenth lie inside.
    """
    own: dict[str, list[bool]] = {}
    for one in results:
        if (inside := one.holds(quantity)) is not None:
            own.setdefault(one.measured.case.patient, []).append(inside)
    n, held = len(own), float(sum(np.mean(values) for values in own.values()))
    if not of_others:
        return Coverage(held, n, float("nan"), float("nan"))
    low = float(beta.ppf(0.025, held, n - held + 1)) if held > 0 else 0.0
    high = float(beta.ppf(0.975, held + 1, n - held)) if held < n else 1.0
    return Coverage(held, n, low, high)
