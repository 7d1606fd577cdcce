"""The table of patients that attention is learned from, read without torch: what is wrong is said at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.tables import Row, Rows, read_rows
from napari_uncertainseg.evaluate.worklist import RESULTS, VISITS
from napari_uncertainseg.training.mil.table_rules import SIZE, labels_of_patients, numbers_of_cells

LABEL, PATIENT, SOURCE, NO_TASK = "label", "patient", "source", "none"
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
    table = read_rows(path)
    to_do = scans and RESULTS not in table and "flair" in table
    if RESULTS not in table and not to_do:
        raise InputError(
            f"{path} lacks the column '{RESULTS}' with folders of results, or 'flair' with scans: add the "
            "label to the table referral.tsv that `uncertainseg run` writes."
        )
    column = auxiliary if auxiliary not in (SIZE, NO_TASK) else ""
    if missing := [name for name in (label, column) if name and name not in table]:
        raise InputError(
            f"{path} lacks the column '{missing[0]}'; it has {', '.join(filter(None, table.columns))}."
        )
    if not table.rows:
        raise InputError(f"{path} lists no visit; it needs a row for each.")
    lines = tuple(row.line for row in table.rows)
    found = LabelledVisits(
        () if to_do else tuple(_folder(path, row) for row in table.rows),
        np.array([_label(path, label, row) for row in table.rows]),
        tuple(name or f"row {n}" for name, n in zip(_cells(table, PATIENT), lines, strict=True)),
        _cells(table, SOURCE),
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
    cell = row[RESULTS]
    if not cell:
        raise InputError(f"{path}, row {row.line}: the column {RESULTS} is empty; segment this visit first.")
    named = path.parent / cell
    moved = path.parent / VISITS / named.name
    return moved if moved.is_dir() and not named.is_dir() else named


def _label(path: Path, name: str, row: Row) -> bool:
    cell = row[name]
    if cell.lower() not in (*_YES, *_NO):
        said = f"'{cell}'" if cell else "empty"
        raise InputError(
            f"{path}, row {row.line}: the column {name} is {said}; it should be 1 or 0, yes or no."
        )
    return cell.lower() in _YES
