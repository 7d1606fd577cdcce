"""What a table of a cohort holds, at a glance: which audits it can be used for, and what can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.tables import NO_VALUE, named, read_tsv
from napari_uncertainseg.runs.places import COHORT, REFERRAL

_MOST_VALUES = 20
_OF_READERS = frozenset(
    ("folder", "patient", "reference", "name", "case", "model", "task", "acquisition", "flair")
)
_NAMES = _OF_READERS - {"folder", "reference", "flair"} | {"source"}
"""Columns whose cells are names: a patient may be called NA."""


@dataclass(frozen=True)
class ColumnGlance:
    """A column.

    Attributes
    ----------
    values
        The first 20 different texts in it, with how often each is there; missing ones are left out.
    different
        How many different texts there are.
    missing
        Rows in which nothing is known.
    numbers
        Whether all that is known is a number, and something is.
    """

    values: Mapping[str, int]
    different: int
    missing: int
    numbers: bool


@dataclass(frozen=True)
class TableGlance:
    """A table.

    Attributes
    ----------
    path
        The table, or the folder of a run, as chosen.
    rows
        How many have something in them.
    columns
        By name.
    stamp
        When the file was changed, and its size: differs once it is another.
    of_run
        Whether it is the folder of a run, which says nothing of the cases but where their results lie.
    """

    path: Path
    rows: int
    columns: Mapping[str, ColumnGlance]
    stamp: tuple[int, int]
    of_run: bool = False


def stamp_of(path: Path) -> tuple[int, int]:
    """When a table or the list of a run's folder was changed, and its size; zeros where it has gone."""
    try:
        found = _table_of(path).stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


def look_at_table(path: Path, progress: Progress = silent) -> TableGlance:
    """Read a table's columns.

    Parameters
    ----------
    path
        Tab-separated, or the folder of a run.
    progress
        Told once.

    Raises
    ------
    InputError
        If it cannot be read, or a folder is not that of a run.
    """
    progress("reading the table", 0.0)
    stamp = stamp_of(path)
    if path.is_dir() and not (path / REFERRAL).is_file():
        unfinished = (path / COHORT).is_file()
        why = "its run has not ended yet" if unfinished else "it is not the folder of a run"
        raise InputError(f"{path} holds no {REFERRAL}: {why}. Choose a table, or another folder.")
    table = read_tsv(_table_of(path), texts=True).apply(lambda column: column.str.strip())
    table = table[(table != "").any(axis=1)]
    names = {name: _known_name(str(name)) for name in table}
    columns = {own: _glance(table[name], own) for name, own in names.items()}
    return TableGlance(path, len(table), columns, stamp, path.is_dir())


def _table_of(path: Path) -> Path:
    return path / REFERRAL if path.is_dir() else path


def _known_name(name: str) -> str:
    """A column's name as the readers of cohorts take it: theirs may be written in capital letters."""
    return name.casefold() if name.casefold() in _OF_READERS else name


def _glance(column: pd.Series, name: str) -> ColumnGlance:
    missing = column.map(named) == "" if name in _NAMES else column.str.lower().isin(NO_VALUE)
    known = column[~missing]
    counts = known.value_counts(sort=False)
    first = {str(value): int(count) for value, count in counts.head(_MOST_VALUES).items()}
    numbers = bool(len(known)) and bool(pd.to_numeric(known, errors="coerce").notna().all())
    return ColumnGlance(first, len(counts), len(column) - len(known), numbers)
