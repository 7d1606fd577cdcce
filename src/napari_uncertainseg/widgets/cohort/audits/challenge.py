"""The tab *Challenge*: the measures of challenges and benchmarks on a cohort."""

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
    Choice,
    Count,
    Findings,
    FoundTable,
    Option,
    Ticks,
)
from napari_uncertainseg.widgets.cohort.audits.options import (
    group_columns,
    lacks_results,
    places_of,
    with_interval,
)

if TYPE_CHECKING:
    from napari_uncertainseg.audit.challenge.sheet import Sheet

_NONE = Option("", "none", "All cases are taken together.", True)


def _domains(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
    return [_NONE, *(Option(one.value, one.title, one.tip) for one in group_columns(glance, values))]


def _inside(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
    column = glance.columns.get(values.get("domain") or "")
    return (
        [] if column is None else [Option(value, value, f"{n} cases") for value, n in column.values.items()]
    )


def _problem(glance: TableGlance, values: Mapping[str, Any]) -> str:
    if values["simulated"] == 1:
        return "One simulated rater cannot differ from another: take none, or two or more."
    if not values["domain"]:
        return ""
    there = len(_inside(glance, values))
    if not values["inside"]:
        return f"Tick the values of {values['domain']} that are in the domain, such as those learnt from."
    return (
        "Leave a value unticked: nothing would be out of the domain."
        if len(values["inside"]) == there
        else ""
    )


def _compute(request: AuditRequest, progress: Progress) -> Findings:
    from napari_uncertainseg.audit.challenge.cohort import measure_cohort
    from napari_uncertainseg.audit.challenge.files import NAME, write_sheet
    from napari_uncertainseg.audit.challenge.sentences import sentences
    from napari_uncertainseg.audit.challenge.sheet import SheetSetting
    from napari_uncertainseg.audit.challenge.tables import cases_table

    values = request.values
    setting = SheetSetting(
        domain=values["domain"],
        inside=tuple(values["inside"]) if values["domain"] else (),
        simulated=values["simulated"],
    )
    sheet = measure_cohort(request.table, setting, (), progress)
    progress("writing", 1.0)
    write_sheet(request.out, sheet, str(request.table))
    rows, tips = _sheet(sheet)
    cases = cases_table(sheet).drop(columns="folder")
    tables = (FoundTable("Measures", rows, tips), FoundTable("Cases", cases, case="case"))
    places = places_of(one.case for one in sheet.cases)
    return Findings(tuple(sentences(sheet)), tables, f"{NAME}.html", *places)


def _sheet(sheet: Sheet) -> tuple[pd.DataFrame, Mapping[str, str]]:
    """Each measure as published and mended side by side, and over the domains where there are some."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in sheet.rows:
        if row.rater:
            continue
        own = rows.setdefault(
            (row.measure.title, row.cases),
            {"measure": row.measure.title, "cases": row.cases, "good": "high" if row.measure.high else "low"},
        )
        found = row.estimate
        own[_VERSIONS.get(row.measure.version, row.measure.version)] = with_interval(
            found.value, found.low, found.high
        )
    table = pd.DataFrame(list(rows.values())).fillna("-")
    if not sheet.groups:
        table = table.drop(columns="cases")
    return table, _TIPS


_VERSIONS = {"reference": "as published"}
_TIPS = {
    "measure": "Definitions stand on the page.",
    "cases": "All cases, those in and out of the domain, and the gap: in minus out.",
    "as published": "As the published code computes it, with its faults; 95 % interval in brackets.",
    "mended": "Without these faults; 95 % interval from draws of the patients in brackets.",
    "good": "Whether high or low values are good.",
}

CHALLENGE = Audit(
    key="challenge",
    title="Challenge",
    question="How does the model do by the measures of challenges and benchmarks, as published and mended?",
    table=COHORT,
    inputs=(
        Choice(
            "domain",
            "Domain by",
            "A column that tells what is like the training data, such as source or site: then the measures "
            "are compared in and out of the domain.",
            _domains,
        ),
        Ticks(
            "inside",
            "In the domain",
            "Values that are in the domain, such as what the model learnt from.",
            _inside,
        ),
        Count(
            "simulated",
            "Simulated raters",
            "Raters to simulate on the reference of each case that has only one mask; 0 for none. The page "
            "says so: what is said of them is not about people.",
            0,
            20,
            0,
        ),
    ),
    compute=_compute,
    lacks=lacks_results,
    problem=_problem,
)
