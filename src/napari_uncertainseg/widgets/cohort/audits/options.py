"""What the descriptions of several audits share: options of a table, what it lacks, and cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import Progress
from napari_uncertainseg.audit.table_glance import ColumnGlance, TableGlance
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audits.description import Option, Options

if TYPE_CHECKING:
    from pathlib import Path

    from napari_uncertainseg.audit.challenge.case import ChallengeCase
    from napari_uncertainseg.audit.cohort import AuditCase

_OF_CASES = ("folder", "patient", "reference", "name", "case", "acquisition", "flair", "t1", "t2")
"""Columns that say which case it is, and make no groups."""
_FIRST = ("sex", "age_band", "site", "source", "scanner")
"""Columns that are ticked where they are there."""
_MOST_GROUPS = 20


def fixed(options: Sequence[Option]) -> Options:
    """The same for every table."""

    def offered(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
        return options

    return offered


def values_tip(column: ColumnGlance) -> str:
    """What stands in a column."""
    return texts.option_values(dict(column.values), column.different, column.missing)


def group_columns(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
    """Columns whose values part the cases into groups: not each case a group of its own."""
    return [
        Option(name, name, values_tip(column), name.lower() in _FIRST)
        for name, column in _others(glance).items()
        if 2 <= column.different <= min(_MOST_GROUPS, _most_different(column, glance.rows))
    ]


def _most_different(column: ColumnGlance, rows: int) -> int:
    """Of numbers only those are groups that are there twice on average, such as years of a scan."""
    known = rows - column.missing
    return known // 2 if column.numbers else known - 1


def not_offered(glance: TableGlance) -> str:
    """Which columns make no groups, and why; empty where all do."""
    offered = {option.value for option in group_columns(glance, {})}
    others = {name: column for name, column in _others(glance).items() if name not in offered}
    return texts.not_offered({name: _why_no_groups(column) for name, column in others.items()})


def _why_no_groups(column: ColumnGlance) -> str:
    if column.different < 2:
        return "one value only" if column.different else "no values"
    if column.numbers:
        return "numbers of which too few are alike"
    many = f"more than {_MOST_GROUPS} values" if column.different > _MOST_GROUPS else "values do not repeat"
    return f"not all are numbers, {many}" if any(map(_is_number, column.values)) else many


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def number_columns(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
    """Columns of numbers, and of words that part the cases; none is ticked."""
    parted = {option.value for option in group_columns(glance, values)}
    return [
        Option(name, name, values_tip(column))
        for name, column in _others(glance).items()
        if name in parted or (column.numbers and column.different > 1)
    ]


def _others(glance: TableGlance) -> dict[str, ColumnGlance]:
    """Columns that say something of the cases beside which they are."""
    if glance.of_run:
        return {}
    return {
        name: column
        for name, column in glance.columns.items()
        if name.lower() not in _OF_CASES and not name.lower().startswith("rater")
    }


def lacks_results(glance: TableGlance) -> str:
    """Why a table lists no results; empty where it does."""
    if "folder" not in glance.columns:
        return (
            "This table has no column 'folder' with folders of results: add it (Segment or Run all… in Cases "
            "writes them), or choose the folder of a run."
        )
    return "" if glance.rows else "This table lists no case: it needs a row for each."


def lacks_groups(glance: TableGlance) -> str:
    """Why a table makes no groups; empty where it does."""
    if lacking := lacks_results(glance):
        return lacking
    if glance.of_run:
        return (
            "The folder of a run says nothing of sexes or sites: choose a table with the column folder, and "
            "one for each attribute, such as sex or site."
        )
    if not group_columns(glance, {}):
        return (
            "This table has no column with sexes or sites that parts the cases into groups: add one, such as "
            f"sex, to {glance.path}. {not_offered(glance)}".rstrip()
        )
    return ""


def places_of(cases: Iterable[AuditCase | ChallengeCase]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Where the results of the cases lie, by name; and the references of those that have one."""
    found = list(cases)
    references = {case.name: case.reference for case in found if case.reference is not None}
    return {case.name: case.folder for case in found}, references


def with_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval, where it has one."""
    if value is None or math.isnan(value):
        return "-"
    if math.isnan(low) or math.isnan(high):
        return f"{value + 0.0:.{digits}f}"
    return f"{value + 0.0:.{digits}f} ({low + 0.0:.{digits}f} to {high + 0.0:.{digits}f})"


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """Progress of a part of the work, which begins and ends at shares of the whole."""

    def report(stage: str, fraction: float) -> None:
        progress(stage, start + (stop - start) * fraction)

    return report
