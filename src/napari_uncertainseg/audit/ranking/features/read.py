"""Features of the ranked cases from whatever holds them: tables, measured lesions, folders of results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.cohort import AuditCase, read_audit_cohort
from napari_uncertainseg.audit.ranking.features.kinds import CASE, FeatureTable, kind_of_features
from napari_uncertainseg.audit.ranking.features.measured import measure_cases
from napari_uncertainseg.audit.ranking.features.of_lesions import features_of_lesions
from napari_uncertainseg.disk.columns import Column, Layout, a_name, any_text, read_frame, read_table
from napari_uncertainseg.disk.tables import known
from napari_uncertainseg.evaluate.worklist import RESULTS
from napari_uncertainseg.explain.drivers.model import FILE as DRIVERS
from napari_uncertainseg.explain.drivers.written import LESIONS
from napari_uncertainseg.runs.record import read_record

_FEATURES = Layout(
    "a table of features",
    "case",
    (Column(CASE, a_name("what the case is called"), filled=False, unique=True),),
    further="a column for each feature",
)
_LESIONS = Layout(
    "a table of lesions",
    "lesion",
    (Column(RESULTS, any_text("the folder of results that has the lesion")),),
    further="a column for each feature",
)


@dataclass(frozen=True, eq=False)
class CaseFeatures:
    """What is known of the cases beside their scores.

    Attributes
    ----------
    table
        By case: columns of numbers, and of words.
    notes
        What the user should know, a sentence each.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_case_features(
    paths: Sequence[Path], cases: Iterable[str], progress: Progress = silent
) -> CaseFeatures:
    """Read features of the cases that are ranked.

    Parameters
    ----------
    paths
        Each one of: a table with the column ``case`` and one for each feature; the folder, or the table
        ``lesions.tsv`` in it, that `uncertainseg drivers` wrote; the folder of a run, a folder of results, or
        a table of a cohort (``folder``, perhaps ``name``): scans are read, of ranked cases only. A folder's
        case is what the table or the run called it, or the folder's own name.
    cases
        That are ranked.
    progress
        Told while scans are read; may raise ``Cancelled``.

    Raises
    ------
    InputError
        If one of them is none of these or has none of the cases, two have a feature of one name, or a case
        is there twice.
    """
    wanted, tables, notes = tuple(dict.fromkeys(cases)), [], []
    for path in paths:
        table, said = _read(path, wanted, progress)
        if not set(table.index) & set(wanted):
            raise InputError(_of_no_case(path, table.index, wanted))
        tables.append(table)
        notes += said
    for name in (names := [name for table in tables for name in table]):
        if names.count(name) > 1:
            raise InputError(f"The feature {name!r} is in two of the tables of features; leave out one.")
    return CaseFeatures(pd.concat(tables, axis=1).rename_axis(CASE), tuple(notes))


def _read(path: Path, wanted: Sequence[str], progress: Progress) -> tuple[pd.DataFrame, list[str]]:
    if path.is_dir():
        if (path / DRIVERS).is_file():
            return _of_drivers(path / LESIONS, wanted)
        return _of_cohort(path, wanted, progress)
    kind = kind_of_features(path)
    if kind is FeatureTable.LESIONS:
        return _of_drivers(path, wanted)
    return (read_features(path), []) if kind is FeatureTable.CASES else _of_cohort(path, wanted, progress)


def _of_no_case(path: Path, there: Iterable[object], wanted: Sequence[str]) -> str:
    first = next(iter(there), None)
    has = "it has no case" if first is None else f"it has {str(first)!r}"
    return f"{path} has none of the ranked cases: {has}, and ranked is {wanted[0]!r}. Name them alike."


def read_features(path: Path) -> pd.DataFrame:
    """Features of the cases, by case: columns of numbers, and of words.

    Raises
    ------
    InputError
        If it is no table, lacks the column ``case``, or has a case twice.
    """
    found = read_table(path, _FEATURES)
    if len(found.columns) < 2:
        raise InputError(f"{path} has the column {CASE} alone; it should have one for each feature, too.")
    rows = [row.cells for row in found.rows if row.name(CASE)]
    plain = (
        pd.DataFrame(rows, columns=list(found.columns))
        .set_index(CASE)
        .drop(columns=["patient"], errors="ignore")
    )
    plain = plain.mask(plain.map(known) == "")
    return plain.apply(_numbers_if_all_are)


def _numbers_if_all_are(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return column if (numbers.isna() & column.notna()).any() else numbers


def _of_drivers(path: Path, wanted: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    rows = read_frame(path, _LESIONS)
    if CASE in rows:
        case_of = rows[CASE].astype(str)
    else:
        folders = {str(folder): Path(str(folder)) for folder in rows[RESULTS].unique()}
        names = _named({key: _names(folder) for key, folder in folders.items()}, wanted, path)
        case_of = rows[RESULTS].astype(str).map(names)
    try:
        found = features_of_lesions(rows, case_of.rename(CASE))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    note = f"Features of {path} are of the lesions that a model found; what it missed is not in them."
    return found, [note]


def _of_cohort(path: Path, wanted: Sequence[str], progress: Progress) -> tuple[pd.DataFrame, list[str]]:
    cohort = read_audit_cohort(path)
    keys = {str(case.folder): (case.name, *_names(case.folder)) for case in cohort.cases}
    names = _named(keys, wanted, path)
    chosen: list[tuple[str, AuditCase]] = [
        (names[str(case.folder)], case) for case in cohort.cases if names[str(case.folder)] in wanted
    ]
    if not chosen:
        raise InputError(_of_no_case(path, names.values(), wanted))
    found, about = measure_cases(chosen, progress)
    return found, [about]


def _names(folder: Path) -> tuple[str, ...]:
    """What a case of these results may be called."""
    record = read_record(folder)
    return (*(() if record is None else (record.name,)), folder.name, str(folder))


def _named(keys: dict[str, tuple[str, ...]], wanted: Sequence[str], path: Path) -> dict[str, str]:
    """The ranked case of each folder; of others the first of their names."""
    ranked = set(wanted)
    found = {folder: next((n for n in names if n in ranked), names[0]) for folder, names in keys.items()}
    said: dict[str, str] = {}
    for folder, name in found.items():
        if name in said:
            raise InputError(f"{path}: both {said[name]} and {folder} are the case {name!r}; leave out one.")
        said[name] = folder
    return found
