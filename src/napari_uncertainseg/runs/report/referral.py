"""Which visits and lesions of a run a reader should see first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_uncertainseg.runs.record import DoubtfulLesion, VisitRecord

PSU, ENTROPY = "psu", "mean_entropy_brain_nats"
MEASURES = {
    PSU: "structural uncertainty of the patient (PSU)",
    ENTROPY: "mean entropy over the brain (nats)",
}
"""What visits are ordered by; the second where there is one member, which cannot disagree with itself."""


@dataclass(frozen=True)
class ReferredVisit:
    """A visit of the list, with its uncertainty (NaN where none is known) and why it stands where it does."""

    record: VisitRecord
    uncertainty: float
    why: str


@dataclass(frozen=True)
class ReferredLesion:
    """A lesion of the list, and the visit that it is of."""

    record: VisitRecord
    lesion: DoubtfulLesion


def measure_of(records: Sequence[VisitRecord]) -> str:
    """The measure that visits are ordered by, a key of `MEASURES`: one for all visits of a run."""
    several = all(record.setting.members > 1 for record in records)
    return PSU if several and records else ENTROPY


def referred_visits(records: Sequence[VisitRecord]) -> list[ReferredVisit]:
    """All visits, in the order in which they should be read.

    Scans unlike those that the model has seen come first, because its uncertainty says least about them; then
    the most uncertain. Equals stay in the order of the cohort.

    Parameters
    ----------
    records
        Of the finished visits.
    """
    measure = measure_of(records)
    found = [ReferredVisit(one, _uncertainty(one, measure), _why(one, measure)) for one in records]
    return sorted(found, key=lambda one: (not one.record.unlike, -_known(one.uncertainty)))


def referred_lesions(records: Sequence[VisitRecord], most: int) -> list[ReferredLesion]:
    """The most doubtful lesions of all visits, at most so many."""
    found = [ReferredLesion(record, lesion) for record in records for lesion in record.doubtful]
    return sorted(found, key=lambda one: -one.lesion.doubt)[:most]


def _why(record: VisitRecord, measure: str) -> str:
    said = [f"unlike: {one}" for one in record.unlike]
    return "; ".join([*said, f"{MEASURES[measure]} {_uncertainty(record, measure):.4g}"])


def _uncertainty(record: VisitRecord, measure: str) -> float:
    value = record.uncertainty.get(measure)
    return math.nan if value is None else float(value)


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else value
