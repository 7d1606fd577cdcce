"""What the descriptions of several audits share: options of a table, and cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_uncertainseg.audit.table_glance import ColumnGlance, TableGlance
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audits.description import Option, Options


def fixed(options: Sequence[Option]) -> Options:
    """The same for every table."""

    def offered(glance: TableGlance) -> Sequence[Option]:
        return options

    return offered


def values_tip(column: ColumnGlance) -> str:
    """What stands in a column."""
    return texts.option_values(dict(column.values), column.different, column.missing)


def with_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval, where it has one."""
    if value is None or math.isnan(value):
        return "-"
    if math.isnan(low) or math.isnan(high):
        return f"{value + 0.0:.{digits}f}"
    return f"{value + 0.0:.{digits}f} ({low + 0.0:.{digits}f} to {high + 0.0:.{digits}f})"
