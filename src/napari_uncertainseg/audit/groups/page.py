"""The page of groups: HTML that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from napari_uncertainseg.audit.groups.audit import GroupsAudit
from napari_uncertainseg.audit.groups.charts import KINDS, MOST_GROUPS, dots, gap_lines
from napari_uncertainseg.audit.groups.gaps import FEWEST, Gap
from napari_uncertainseg.audit.groups.measures import MEASURES
from napari_uncertainseg.audit.groups.sentences import number, of_attribute, sentences
from napari_uncertainseg.audit.groups.tables import group_rows
from napari_uncertainseg.audit.pages.parts import head, paragraphs, picture
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    table,
    whole_page,
)

_TITLE = "Groups of patients compared"
_NOTICE = "A gap between groups says nothing about why it is there, and nothing about a patient."


def groups_page(audit: GroupsAudit, source: str, notes: Sequence[str], to_see: float) -> str:
    """The page.

    Parameters
    ----------
    audit
        What was found.
    source
        What was read.
    notes
        What the user should know of the cohort.
    to_see
        Doubt from which on a reader has to see a lesion or candidate.
    """
    setting = audit.setting
    covariates = ", ".join(one.name for one in audit.patients.covariates)
    rows = [
        ("cohort", name_span(source)),
        ("groups by", name_span(", ".join(audit.groups))),
        ("covariates", name_span(covariates) if covariates else "none given"),
        ("lesions to see", f"lesions and candidates of a doubt of {to_see:g} or more"),
        (
            "tests",
            f"permutations of the gap in standard errors, all or {setting.draws} (seed {setting.seed}), "
            f"and Student's t: the larger p, two-sided; Holm over all {audit.tests} tests of this page",
        ),
        ("intervals", "95 %, bootstrap-t over patients; not corrected for their number"),
    ]
    content = [*head(_TITLE, rows, _NOTICE), *paragraphs(sentences(audit))]
    for attribute in audit.groups:
        content += _attribute(audit, attribute)
    if notes:
        content += [element("h2", "Notes on the cohort"), *paragraphs(notes)]
    return whole_page(_TITLE, content)


def _attribute(audit: GroupsAudit, attribute: str) -> list[Markup]:
    content = [element("h2", name_span(attribute)), *paragraphs(of_attribute(audit, attribute))]
    if not audit.groups[attribute]:
        return content
    about = "A dot is a patient (mean of the visits), a bar the mean of the group."
    if len(audit.groups[attribute]) > MOST_GROUPS:
        about += f" The first {MOST_GROUPS} groups."
    content += picture("Patients", about, dots(audit, attribute))
    content.append(_groups_table(audit, attribute))
    large = audit.tested_groups(attribute)
    own = [g for g in audit.gaps if g.attribute == attribute and g.first in large and g.second in large]
    for pair, gaps in groupby(sorted(own, key=_pair), key=_pair):
        content += _of_pair(pair, list(gaps))
    return content


def _pair(gap: Gap) -> tuple[str, str]:
    return gap.first, gap.second


def _groups_table(audit: GroupsAudit, attribute: str) -> Markup:
    names = list(audit.groups[attribute])[:MOST_GROUPS]
    rows = [row for row in group_rows(audit) if row["attribute"] == attribute]
    cells = {(row["measure"], row["group"]): row for row in rows}
    lines = []
    for measure in audit.setting.measures:
        values = [cells[measure, group] for group in names]
        shown = [f"{format_number(one['mean'], 3)} ({one['patients']})" for one in values]
        lines.append((MEASURES[measure].titled, *shown))
    titles = ("mean (patients)", *names)
    return table(titles, lines, right=set(range(1, len(titles))))


def _of_pair(pair: tuple[str, str], gaps: Sequence[Gap]) -> list[Markup]:
    about = (
        f"Gaps of the means, {pair[1]} minus {pair[0]}, with 95 % intervals. Each row has its own scale; a "
        "ring is round a gap that is shown after correction."
    )
    kinds = [kind for kind in KINDS if any(gap.kind == kind and gap.value == gap.value for gap in gaps)]
    cells: dict[tuple[str, str], Gap] = {(gap.measure, gap.kind): gap for gap in gaps}
    rows = []
    for measure in dict.fromkeys(gap.measure for gap in gaps):
        row: list[object] = [MEASURES[measure].titled]
        for kind in kinds:
            gap = cells.get((measure, kind))
            row += ["", ""] if gap is None else [_value(gap), _p_of(gap)]
        rows.append(row)
    titles = ["gap (95 %)", *(title for kind in kinds for title in (_title(kind), "p (after Holm)"))]
    few = f"Fewer than {FEWEST} are not tested."
    return [
        *picture(f"{pair[0]} and {pair[1]}", about, gap_lines(gaps)),
        table(titles, rows, right=set(range(1, len(titles)))),
        element("p", f"n: patients of each group, or pairs. A dash: not tested, or not defined. {few}"),
    ]


def _title(kind: str) -> str:
    return f"{KINDS[kind]} (95 %; n)"


def _value(gap: Gap) -> str:
    if gap.value != gap.value:
        return format_number(None)
    n = f"{gap.first_n}" if gap.kind == "matched" else f"{gap.first_n} and {gap.second_n}"
    bounds = f"{number(gap, gap.low)} to {number(gap, gap.high)}; " if gap.low <= gap.high else ""
    return f"{number(gap, gap.value)} ({bounds}{n})"


def _p_of(gap: Gap) -> str:
    if not gap.tested:
        return format_number(None)
    return f"{format_number(gap.p, 4)} ({format_number(gap.p_holm, 3)})"
