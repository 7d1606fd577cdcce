"""The order of rows in a table of findings, by a column of numbers, of numbers with more, or of words."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd

from napari_uncertainseg.widgets.cohort.audits.description import FoundTable

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?(?![\w.,:/-])", re.IGNORECASE)
"""At the start of a cell, such as "0.71 (0.60 to 0.80)"; no date, no name."""
_UNKNOWN = ("", "-")


def in_order(found: FoundTable, column: int, *, falling: bool) -> FoundTable:
    """The table with its rows in the order of a column; what is not known comes last either way.

    Parameters
    ----------
    found
        The table.
    column
        Number of the column; as it is where there is no such.
    falling
        Largest first.
    """
    if not 0 <= column < found.frame.shape[1]:
        return found
    keys = _keys(found.frame.iloc[:, column]).reset_index(drop=True)
    order = keys.sort_values(ascending=not falling, kind="stable", na_position="last").index
    return replace(found, frame=found.frame.iloc[order])


def _keys(cells: pd.Series) -> pd.Series:
    """What is compared: numbers where all that is known begins with one, else words in small letters."""
    if pd.api.types.is_numeric_dtype(cells):
        return cells
    texts = cells.astype(object).where(cells.notna(), "").map(str).str.strip()
    known = ~texts.isin(_UNKNOWN)
    found = texts.map(_NUMBER.match)
    if known.any() and found[known].notna().all():
        return pd.Series([float(one.group()) if one else float("nan") for one in found], cells.index)
    return texts.str.lower().where(known, None)
