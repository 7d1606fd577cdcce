"""The tab *Attributes*: whether a sex or a scanner can be told from the images, and from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_uncertainseg._base import Progress
from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.widgets.cohort.audits.description import (
    COHORT,
    Audit,
    AuditRequest,
    Count,
    Findings,
    FoundTable,
    PathInput,
    Ticks,
)
from napari_uncertainseg.widgets.cohort.audits.options import (
    group_columns,
    lacks_groups,
    not_offered,
    part_of,
    places_of,
    with_interval,
)

if TYPE_CHECKING:
    from napari_uncertainseg.audit.attributes.audit import AttributeFound
    from napari_uncertainseg.audit.cohort import AuditCohort

_READING = 0.7
"""Share of the work after which the features are made."""


def _problem(glance: TableGlance, values: Mapping[str, Any]) -> str:
    return "" if values["by"] else "Tick at least one column with an attribute."


def _compute(request: AuditRequest, progress: Progress) -> Findings:
    from napari_uncertainseg.audit.attributes.audit import TellingSetting, audit_attributes, plane_of
    from napari_uncertainseg.audit.attributes.case_features import usual_place
    from napari_uncertainseg.audit.attributes.files import NAME, write_attributes
    from napari_uncertainseg.audit.attributes.inputs import cohort_features
    from napari_uncertainseg.audit.attributes.sentences import sentences
    from napari_uncertainseg.audit.cohort import read_audit_cohort

    by = request.values["by"]
    cohort = read_audit_cohort(request.table, by)
    setting = TellingSetting(request.values["permutations"])
    model = request.values["model"]
    features = cohort_features(
        cohort,
        usual_place(),
        model=None if model is None else str(model),
        progress=part_of(progress, 0, _READING),
    )
    found = audit_attributes(cohort, features, by, setting, part_of(progress, _READING, 1))
    write_attributes(request.out, cohort, features, found, plane_of(features), setting)
    said = [f"{one.attribute}: {' '.join(sentences(one))}" for one in found]
    tables = (FoundTable("How well each is told", _areas(found), _TIPS), _cases(cohort, by))
    notes = (*cohort.notes, *features.notes)
    return Findings((*said, *notes), tables, f"{NAME}.html", *places_of(cohort.cases))


def _areas(found: Sequence[AttributeFound]) -> pd.DataFrame:
    from napari_uncertainseg.audit.attributes.sentences import WORDS

    rows = [
        {
            "attribute": one.attribute,
            "from": WORDS[name],
            "area": with_interval(own.told.auc, *own.told.interval, 2),
            "p": own.told.p_holm,
            "patients": len(own.told.patients),
        }
        for one in found
        for name, own in one.inputs.items()
    ]
    return pd.DataFrame(rows, columns=["attribute", "from", "area", "p", "patients"])


def _cases(cohort: AuditCohort, by: Sequence[str]) -> FoundTable:
    rows = [
        {"case": case.name, "patient": case.patient} | {name: case.attributes.get(name, "") for name in by}
        for case in cohort.cases
    ]
    return FoundTable("Cases", pd.DataFrame(rows), case="case")


_TIPS = {
    "from": "The whole scan, the reference mask, both, the scan cut to the brain, or the bottleneck.",
    "area": "Under the ROC curve, of patients who were left out, with its 95 % interval: 0.5 is chance, 1 is "
    "always right.",
    "p": "Of a permutation test, corrected for all inputs (Holm).",
}

ATTRIBUTES = Audit(
    key="attributes",
    title="Attributes",
    question="Can the sex, the age or the scanner be told from the images, and from the brain or around it?",
    table=COHORT,
    inputs=(
        Ticks("by", "Attributes", "Columns to tell from the images.", group_columns, not_offered),
        Count(
            "permutations",
            "Permutations",
            "Of the labels, at most, for each input. More give finer p, and take longer.",
            19,
            9999,
            199,
        ),
        PathInput(
            "model",
            "Model",
            "Folder of the model that made the results, where it is not found by itself; for its bottleneck.",
            "folder",
            without="found by itself",
        ),
    ),
    compute=_compute,
    lacks=lacks_groups,
    problem=_problem,
)
