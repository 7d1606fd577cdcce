"""The tab *Groups*: whether the model treats its groups of patients alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_uncertainseg._base import Progress
from napari_uncertainseg.audit.groups.measures import MEASURES, TO_SEE
from napari_uncertainseg.audit.groups.patients import VOLUME
from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.widgets.cohort.audits.description import (
    COHORT,
    Audit,
    AuditRequest,
    Findings,
    FoundTable,
    Option,
    Ticks,
)
from napari_uncertainseg.widgets.cohort.audits.options import (
    fixed,
    group_columns,
    lacks_groups,
    not_offered,
    number_columns,
    part_of,
    places_of,
    with_interval,
)

if TYPE_CHECKING:
    from napari_uncertainseg.audit.groups.audit import GroupsAudit

_USUAL = ("dice", "lesion_f1", "psu", "to_see")
_MEASURED = 0.7
"""Share of the work after which the cases are measured."""


def _covariates(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
    """What groups may differ in besides; a column that makes the groups is none."""
    reference = Option(VOLUME, "volume of the reference", "The volume that the reader outlined.")
    others = [one for one in number_columns(glance, values) if one.value not in (values.get("by") or ())]
    return others if VOLUME in glance.columns else [reference, *others]


def _problem(glance: TableGlance, values: Mapping[str, Any]) -> str:
    if not values["by"]:
        return "Tick at least one column that makes the groups."
    return "" if values["measures"] else "Tick at least one measure."


def _compute(request: AuditRequest, progress: Progress) -> Findings:
    from napari_uncertainseg.audit.cohort import read_audit_cohort
    from napari_uncertainseg.audit.groups.audit import GroupsSetting, audit_groups
    from napari_uncertainseg.audit.groups.files import PAGE, write_groups
    from napari_uncertainseg.audit.groups.measures import measure_cohort, with_notes
    from napari_uncertainseg.audit.groups.patients import covariates_of, patients_of
    from napari_uncertainseg.audit.groups.sentences import of_attribute, sentences
    from napari_uncertainseg.audit.groups.tables import cases_table

    by, covariates = request.values["by"], request.values["covariates"]
    setting = GroupsSetting(request.values["measures"])
    asked = [name for name in covariates if name != VOLUME and name not in by]
    cohort = read_audit_cohort(request.table, by, columns=asked)
    measured = measure_cohort(cohort, progress=part_of(progress, 0, _MEASURED))
    cohort = with_notes(cohort, measured)
    patients = patients_of(cohort, measured, by, covariates_of(cohort, measured, covariates))
    audit = audit_groups(patients, setting, part_of(progress, _MEASURED, 1))
    write_groups(request.out, cohort, measured, audit, TO_SEE)
    said = [*sentences(audit)]
    said += [f"{attribute}: {' '.join(of_attribute(audit, attribute))}" for attribute in audit.groups]
    cases = cases_table(cohort, measured, by).drop(columns="folder")
    tables = (
        FoundTable("Gaps between groups", _gaps(audit), _TIPS),
        FoundTable("Groups", _groups(audit), _TIPS),
        FoundTable("Cases", cases, case="case"),
    )
    return Findings((*said, *cohort.notes), tables, PAGE, *places_of(cohort.cases))


def _gaps(audit: GroupsAudit) -> pd.DataFrame:
    rows = [
        {
            "by": gap.attribute,
            "measure": MEASURES[gap.measure].titled,
            "groups": f"{gap.second} - {gap.first}",
            "kind": gap.kind,
            "gap": with_interval(gap.value, gap.low, gap.high),
            "p": gap.p_holm,
            "patients": f"{gap.second_n} / {gap.first_n}",
            "why not tested": gap.why_not,
        }
        for gap in audit.gaps
    ]
    columns = ["by", "measure", "groups", "kind", "gap", "p", "patients", "why not tested"]
    return pd.DataFrame(rows, columns=columns)


def _groups(audit: GroupsAudit) -> pd.DataFrame:
    from napari_uncertainseg.audit.groups.tables import group_rows

    table = pd.DataFrame(group_rows(audit))
    if len(table):
        table["measure"] = [MEASURES[name].titled for name in table["measure"]]
    return table


_TIPS = {
    "groups": "The gap is the mean of the first group minus that of the second.",
    "kind": "raw; adjusted: after regression on what groups may differ in besides; matched: on pairs of "
    "patients who are alike in that.",
    "gap": "Difference of the means, with its 95 % interval.",
    "p": "Of a permutation test, corrected for all tests of this page (Holm).",
    "patients": "How many in either group.",
}

GROUPS = Audit(
    key="groups",
    title="Groups",
    question="Does the model treat groups of patients alike, such as sexes, ages, sites and scanners?",
    table=COHORT,
    inputs=(
        Ticks(
            "by",
            "Groups by",
            "Columns whose values are the groups; visits of a patient count once.",
            group_columns,
            not_offered,
        ),
        Ticks(
            "covariates",
            "Adjust for",
            "What groups may differ in besides: gaps are adjusted for it, and measured on matched pairs.",
            _covariates,
        ),
        Ticks(
            "measures",
            "Measures",
            "What to compare. The fewer tests, the more each can show.",
            fixed([Option(name, one.titled, one.titled, name in _USUAL) for name, one in MEASURES.items()]),
        ),
    ),
    compute=_compute,
    lacks=lacks_groups,
    problem=_problem,
)
