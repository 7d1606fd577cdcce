"""The table of patients that attention is learned from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.worklist import RESULTS, VISITS
from napari_uncertainseg.explain.attention.case_bags import BagSetting, CaseBag, kept_bag
from napari_uncertainseg.progress.parts import part_of
from napari_uncertainseg.training.mil.auxiliary import SIZE, AuxiliaryTask, column_task, size_task
from napari_uncertainseg.training.mil.left_out import patient_folds

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
    table = read_tsv(path, texts=True).apply(lambda column: column.str.strip())
    table = table[(table != "").any(axis=1)]
    to_do = scans and RESULTS not in table and "flair" in table
    if RESULTS not in table and not to_do:
        raise InputError(
            f"{path} lacks the column '{RESULTS}' with folders of results, or 'flair' with scans: add the "
            "label to the table referral.tsv that `uncertainseg run` writes."
        )
    column = auxiliary if auxiliary not in (SIZE, NO_TASK) else ""
    if missing := [name for name in (label, column) if name and name not in table]:
        raise InputError(f"{path} lacks the column '{missing[0]}'; it has {', '.join(map(str, table))}.")
    if table.empty:
        raise InputError(f"{path} lists no visit; it needs a row for each.")
    lines = tuple(int(str(number)) + 2 for number in table.index)
    found = LabelledVisits(
        () if to_do else tuple(map(partial(_folder, path), table[RESULTS], lines)),
        np.array(list(map(partial(_label, path, label), table[label], lines))),
        tuple(name or f"row {n}" for name, n in zip(_cells(table, PATIENT), lines, strict=True)),
        _cells(table, SOURCE),
        tuple(table[column]) if column else (),
        lines,
    )
    patient_folds(found.labels, found.patients)  # refuses too few before any work
    if column:
        column_task(column, found.auxiliary)
    return found


def _cells(table: pd.DataFrame, name: str) -> tuple[str, ...]:
    return tuple(table[name]) if name in table else ("",) * len(table)


def _folder(path: Path, cell: str, line: int) -> Path:
    if not cell:
        raise InputError(f"{path}, row {line}: the column {RESULTS} is empty; segment this visit first.")
    named = path.parent / cell
    moved = path.parent / VISITS / named.name
    return moved if moved.is_dir() and not named.is_dir() else named


def _label(path: Path, name: str, cell: str, line: int) -> bool:
    if cell.lower() not in (*_YES, *_NO):
        said = f"'{cell}'" if cell else "empty"
        raise InputError(f"{path}, row {line}: the column {name} is {said}; it should be 1 or 0, yes or no.")
    return cell.lower() in _YES


def make_bags(
    path: Path,
    visits: LabelledVisits,
    setting: BagSetting,
    kept: Path,
    *,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> list[CaseBag]:
    """The bags of all visits, made by one network.

    Parameters
    ----------
    path
        Of the table, for messages.
    visits
        Its rows.
    setting, kept, model, device
        As for `kept_bag`.
    progress
        Told which visit; what it raises ends the work, and the bags that are made stay.

    Raises
    ------
    InputError
        If a visit cannot be used, or was segmented by another network than the first; with the row.
    """
    made: list[CaseBag] = []
    for number, (folder, line) in enumerate(zip(visits.folders, visits.lines, strict=True)):
        count = len(visits.folders)
        what = f"visit {number + 1} of {count}"
        progress(what, number / count)
        part = part_of(progress, number / count, (number + 1) / count, what)
        try:
            one = kept_bag(folder, setting, kept=kept, model=model, device=device, progress=part)
            if made and one.encoder != made[0].encoder:
                raise InputError(
                    f"its results are of the model '{one.encoder.model}', those of row {visits.lines[0]} of "
                    f"'{made[0].encoder.model}' with other weights: all must be of one network."
                )
        except InputError as error:
            raise InputError(f"{path}, row {line}: {error}") from error
        made.append(one)
    return made


def task_of(visits: LabelledVisits, bags: list[CaseBag], auxiliary: str) -> AuxiliaryTask | None:
    """The auxiliary task by its name; None for ``"none"``."""
    if auxiliary == NO_TASK:
        return None
    if auxiliary == SIZE:
        return size_task([one.bag for one in bags])
    return column_task(auxiliary, visits.auxiliary)
