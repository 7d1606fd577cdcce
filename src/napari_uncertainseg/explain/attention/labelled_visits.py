"""The table of patients that attention is learned from, read without torch: what is wrong is said at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_uncertainseg.disk.columns import Column, Layout, a_name, any_text, one_of, perhaps, read_table
from napari_uncertainseg.disk.tables import Row, Rows, read_rows
from napari_uncertainseg.evaluate.worklist import RESULTS, VISITS
from napari_uncertainseg.training.mil.table_rules import SIZE, labels_of_patients, numbers_of_cells

LABEL, PATIENT, SOURCE, NO_TASK = "label", "patient", "source", "none"
SCAN = "flair"
_NAME = "a table to learn from, such as the referral.tsv of `uncertainseg run` with a label,"
_YES, _NO = ("1", "1.0", "yes", "true"), ("0", "0.0", "no", "false")


@dataclass(frozen=True, eq=False)
class LabelledVisits:
    """Visits with a label, one row of a table each.

    Attributes
    ----------
    folders
        Of results.
    labels
        bool.
    patients, sources
        Of each; the sources are all empty where the table has no such column.
    auxiliary
        Cells of the column that the auxiliary task is about; empty where it is about no column.
    lines
        Of the table, for messages.
    """

    folders: tuple[Path, ...]
    labels: np.ndarray
    patients: tuple[str, ...]
    sources: tuple[str, ...]
    auxiliary: tuple[str, ...]
    lines: tuple[int, ...]


def read_labelled_visits(
    path: Path, label: str = LABEL, auxiliary: str = SIZE, *, scans: bool = False
) -> LabelledVisits:
    """Read a table of visits.

    Parameters
    ----------
    path
        Tab-separated, with the columns ``folder`` (of results, as in the tables of a run) and the label: 1 or
        0, yes or no, true or false. Perhaps ``patient`` (else each row is a patient) and ``source`` (such as
        the hospital). Relative paths count from the table's folder.
    label
        Name of the label's column.
    auxiliary
        ``"size"``, ``"none"``, or the name of a column.
    scans
        Take a table of scans that are still to be segmented too; there are no folders then.

    Raises
    ------
    InputError
        If the table or a row cannot be used, or there are too few patients of a label; no scan is opened.
    """
    column = auxiliary if auxiliary not in (SIZE, NO_TASK) else ""
    to_do = scans and has_scans_only(path)
    table = read_table(path, _layout(label, column, to_do))
    lines = tuple(row.line for row in table.rows)
    found = LabelledVisits(
        () if to_do else tuple(_folder(path, row) for row in table.rows),
        np.array([row[label].casefold() in _YES for row in table.rows]),
        tuple(row.name(PATIENT) or f"row {row.line}" for row in table.rows),
        tuple(row.name(SOURCE) for row in table.rows),
        _cells(table, column) if column else (),
        lines,
    )
    labels_of_patients(found.labels, found.patients)  # refuses too few before any work
    if column:
        numbers_of_cells(column, found.auxiliary)
    return found


def _cells(table: Rows, name: str) -> tuple[str, ...]:
    return tuple(row.get(name) for row in table.rows)


def _folder(path: Path, row: Row) -> Path:
    named = path.parent / row[RESULTS]
    moved = path.parent / VISITS / named.name
    return moved if moved.is_dir() and not named.is_dir() else named


def has_scans_only(path: Path) -> bool:
    """Whether a table names scans, which are still to be segmented, and no results.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    table = read_rows(path)
    return RESULTS not in table and SCAN in table


def _layout(label: str, column: str, to_do: bool) -> Layout:
    """What a table of visits holds."""
    visit = Column(SCAN, any_text("a scan")) if to_do else Column(RESULTS, any_text("a folder of results"))
    said = Column(label, one_of("1 or 0, yes or no", (*_YES, *_NO)))
    others = [Column(column, any_text("a number or a word"), filled=False)] if column else []
    names = [perhaps(PATIENT, a_name("the patient's name")), perhaps(SOURCE, a_name("the hospital"))]
    return Layout(_NAME, "visit", (visit, said, *others, *names))
