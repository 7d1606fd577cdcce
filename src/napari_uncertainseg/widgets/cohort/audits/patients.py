"""The tab *Patients*: volume and number of lesions with an interval, and scans unlike the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from napari_uncertainseg._base import Progress
from napari_uncertainseg.widgets.cohort.audits.description import (
    COHORT,
    Audit,
    AuditRequest,
    Findings,
    FoundTable,
    PathInput,
)
from napari_uncertainseg.widgets.cohort.audits.options import lacks_results, places_of

if TYPE_CHECKING:
    from napari_uncertainseg.audit.patients.analysis import PatientResult


def _compute(request: AuditRequest, progress: Progress) -> Findings:
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.audit.patients.analysis import audit_patients
    from napari_uncertainseg.audit.patients.files import NAME, write_patients
    from napari_uncertainseg.audit.patients.record_file import record_of_file
    from napari_uncertainseg.audit.patients.sentences import sentences

    path = request.values["record"]
    record = None if path is None else record_of_file(path)
    found = audit_patients(read_audit_cohort(request.table), progress, record)
    progress("writing", 1.0)
    write_patients(request.out, found, str(request.table))
    tables = (
        FoundTable("Volumes and numbers", _loads(found.results), _TIPS, "case"),
        FoundTable("Unlike the others", _unlike(found.results), _TIPS, "case"),
    )
    places = places_of(one.measured.case for one in found.results)
    return Findings((*sentences(found), *found.notes), tables, f"{NAME}.html", *places)


def _loads(results: Sequence[PatientResult]) -> pd.DataFrame:
    from napari_uncertainseg.audit.patients.files import row_of
    from napari_uncertainseg.calibration.patients.intervals import QUANTITIES

    rows = []
    for one in results:
        known = row_of(one)
        row = {"case": known["name"], "volume, ml": known["volume_ml"], "lesions": known["lesions"]}
        for name in QUANTITIES:
            title = _SHORT.get(name, name)
            low, high = known[f"{name}_low"], known[f"{name}_high"]
            row[f"{title}, 90 %"] = "-" if low != low else f"{low:.3g} to {high:.3g}"
            row[f"{title}, reference"] = known[f"{name}_reference"]
            row[f"{title} held"] = {"true": "yes", "false": "no"}.get(known[f"{name}_holds"], "-")
        rows.append(row)
    return pd.DataFrame(rows)


def _unlike(results: Sequence[PatientResult]) -> pd.DataFrame:
    rows = [
        {
            "case": one.measured.case.name,
            "unlike all that the model has seen": "; ".join(one.measured.unlike or ()) or "-",
            "unlike the other patients": _unlike_others(one),
        }
        for one in results
    ]
    return pd.DataFrame(rows)


def _unlike_others(one: PatientResult) -> str:
    if one.unlike_others is None:
        return "too few"
    return "; ".join(each.measure for each in one.unlike_others) or "-"


_SHORT = {"volume_ml": "volume", "lesions": "number"}
_TIPS = {
    **{
        f"{title}, 90 %": "Where a reader's lies in 90 of 100 patients, if they are like those who gave it."
        for title in _SHORT.values()
    },
    **{f"{title}, reference": "By the reader." for title in _SHORT.values()},
    **{f"{title} held": "Whether the reader's lies in the interval." for title in _SHORT.values()},
    "volume, ml": "By the model, at its own threshold.",
    "lesions": "Number of lesions by the model.",
}

PATIENTS = Audit(
    key="patients",
    title="Patients",
    question="How much has each patient, within which interval, and which scans are unlike the others?",
    table=COHORT,
    inputs=(
        PathInput(
            "record",
            "Record",
            "A calibration record (JSON) of other patients, which `uncertainseg calibrate` wrote, to take "
            "the intervals from. Without it each patient's come from the references of all others.",
            "record",
        ),
    ),
    compute=_compute,
    lacks=lacks_results,
)
