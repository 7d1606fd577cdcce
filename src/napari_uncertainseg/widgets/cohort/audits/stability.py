"""The tab *Stability*: what another acquisition of the same person does to the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from napari_uncertainseg._base import Progress
from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.widgets.cohort.audits.description import (
    ACQUISITIONS,
    Audit,
    AuditRequest,
    Findings,
    FoundTable,
)
from napari_uncertainseg.widgets.cohort.audits.options import with_interval

if TYPE_CHECKING:
    from napari_uncertainseg.audit.stability.analysis import MeasuredStability, Stability
    from napari_uncertainseg.audit.stability.cases import Acquisition

_NEEDED = ("folder", "patient", "acquisition")


def _lacks(glance: TableGlance) -> str:
    lacking = [name for name in _NEEDED if name not in glance.columns]
    if lacking:
        return (
            f"This table has no column {lacking[0]!r}: stability needs people who were acquired several "
            "times, with the columns folder (results), patient and acquisition. Imitated acquisitions of any "
            "scan are made by `uncertainseg audit stability --imitate`; its table can be chosen here."
        )
    if glance.columns["acquisition"].different < 2:
        return "This table has only one acquisition in its column 'acquisition': at least two are compared."
    return ""


def _compute(request: AuditRequest, progress: Progress) -> Findings:
    from napari_uncertainseg.audit.stability.analysis import LESIONS, PERSONS, stability_of
    from napari_uncertainseg.audit.stability.cases import read_acquisitions
    from napari_uncertainseg.audit.stability.files import PAGE, write_stability
    from napari_uncertainseg.audit.stability.sentences import all_sentences

    acquisitions, notes = read_acquisitions(request.table)
    sets = stability_of(acquisitions, progress)
    progress("writing", 1.0)
    write_stability(request.out, sets, str(request.table), list(notes))
    tables = [
        FoundTable(title, _agreement(sets, level), _TIPS)
        for level, title in ((PERSONS, "Agreement, of people"), (LESIONS, "Agreement, of single lesions"))
    ]
    tables.append(FoundTable("What moves what", _moves(sets), _TIPS))
    tables.append(_acquired(acquisitions))
    folders = {_name(one): one.folder for one in acquisitions}
    references = {_name(one): one.reference for one in acquisitions if one.reference is not None}
    return Findings((*all_sentences(sets), *notes), tuple(tables), PAGE, folders, references)


def _agreement(sets: Sequence[Stability], level: str) -> pd.DataFrame:
    rows = [_row(found, one) for found in sets for one in found.measured if one.level == level]
    table = pd.DataFrame(rows, columns=["harmonised", *_COLUMNS])
    return table if len(sets) > 1 else table.drop(columns="harmonised")


_COLUMNS = ("measure", "ICC(2,1)", "ICC(3,1)", "mean", "detectable change", "targets")


def _row(found: Stability, one: MeasuredStability) -> Mapping[str, object]:
    row: dict[str, object] = {"harmonised": found.harmonised or "no", "measure": one.measure.title}
    own = one.agreement
    if own is None:
        return row
    return row | {
        "ICC(2,1)": with_interval(own.icc2.value, own.icc2.low, own.icc2.high, 2),
        "ICC(3,1)": with_interval(own.icc3.value, own.icc3.low, own.icc3.high, 2),
        "mean": own.mean,
        "detectable change": own.detectable.value,
        "targets": own.targets,
    }


def _moves(sets: Sequence[Stability]) -> pd.DataFrame:
    rows = [
        {
            "harmonised": found.harmonised or "no",
            "acquisition": one.acquisition,
            "measure": one.measure.title,
            "change, %": with_interval(
                100 * one.relative.value, 100 * one.relative.low, 100 * one.relative.high, 0
            ),
            "people": one.people,
        }
        for found in sets
        for one in found.changes
    ]
    table = pd.DataFrame(rows, columns=["harmonised", "acquisition", "measure", "change, %", "people"])
    return table if len(sets) > 1 else table.drop(columns="harmonised")


def _name(one: Acquisition) -> str:
    harmonised = f", {one.harmonised}" if one.harmonised else ""
    return f"{one.patient}, {one.name}{harmonised}"


def _acquired(acquisitions: Sequence[Acquisition]) -> FoundTable:
    rows = [{"case": _name(one), "patient": one.patient, "acquisition": one.name} for one in acquisitions]
    return FoundTable("Acquisitions", pd.DataFrame(rows), case="case")


_TIPS = {
    "ICC(2,1)": "Agreement of single acquisitions, with its 95 % interval: 1 is the same; from 0.75 on it is "
    "usually called good.",
    "ICC(3,1)": "The same where a constant shift of an acquisition does not count.",
    "mean": "Over all targets and acquisitions.",
    "detectable change": "A change below this cannot be told from another acquisition.",
    "targets": "People or lesions that are compared.",
    "change, %": "Mean change against the first acquisition; 95 % interval where there are several people.",
}

STABILITY = Audit(
    key="stability",
    title="Stability",
    question="What does another scanner, dose or visit of the same person do to volumes, counts and doubt?",
    table=ACQUISITIONS,
    inputs=(),
    compute=_compute,
    lacks=_lacks,
)
