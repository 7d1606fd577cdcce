"""Tables of scores: one long table of all models, or a table or a cohort's folder for each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.metrics import directions, impossible
from napari_uncertainseg.audit.ranking.scores import Scores
from napari_uncertainseg.disk.columns import (
    Column,
    Holds,
    Layout,
    a_name,
    a_number,
    read_table,
    unfit,
)
from napari_uncertainseg.disk.tables import NO_VALUE, Rows
from napari_uncertainseg.runs.places import TABLE

if TYPE_CHECKING:
    import pandas as pd

CASE, MODEL, PATIENT, TASK = "case", "model", "patient", "task"
_LINE = "line of the file"
_TABLE = Layout(
    "a table of scores",
    "score",
    (
        Column(CASE, a_name("what the case is called"), also="visit"),
        Column(MODEL, a_name("what the model is called")),
        Column(PATIENT, a_name("the patient's name")),
        Column(TASK, a_name("what the task is called")),
    ),
    further="a column for each metric",
)
_SCORE = Holds(
    "a number, such as 0.5, or n/a",
    lambda cell: a_number().fits(cell) or cell.casefold().lstrip("+-") in ("inf", "infinity"),
)
"""A distance to nothing is infinite."""
_BIDS = re.compile(r"(sub-[A-Za-z0-9]+)_ses-")


def score_rows(path: Path, needed: Sequence[str]) -> Rows:
    """A table of scores as texts, with a case where the table of a run says a visit. Without pandas.

    Raises
    ------
    InputError
        If it is none, or a cell is empty that must not be.
    """
    return read_table(path, replace(_TABLE, columns=tuple(_needed_of(one, needed) for one in _TABLE.columns)))


def _needed_of(column: Column, needed: Sequence[str]) -> Column:
    return replace(column, needed=column.name in needed)


class RankedScores(NamedTuple):
    """What will be ranked: a metric, of a task where there are several."""

    task: str
    metric: str


def check_scores(results: Sequence[tuple[str, Path]], metrics: Sequence[str] = ()) -> list[RankedScores]:
    """See that tables can be ranked, but for what only all of them together say, and how. Without pandas.

    Parameters
    ----------
    results, metrics
        As for `read_scores`.

    Raises
    ------
    InputError
        As `read_scores`.
    """
    named = _named(results)
    needed = (CASE,) if named else (CASE, MODEL)
    tables = {path: score_rows(_table_of(path), needed) for _, path in results}
    shared = [
        name for name in next(iter(tables.values())).columns if all(name in one for one in tables.values())
    ]
    wanted = directions(metrics, _plain(shared), ", ".join(map(str, tables)))
    for path, table in tables.items():
        for row in table.rows:
            for metric in wanted:
                _number(row[metric], metric, f"{_table_of(path)}, row {row.line}")
    rows = [row for table in tables.values() for row in table.rows]
    tasks = list(dict.fromkeys(row[TASK] for row in rows)) if TASK in shared else [""]
    return [RankedScores(task if len(tasks) > 1 else "", metric) for task in tasks for metric in wanted]


def _plain(columns: Iterable[str]) -> list[str]:
    """Columns that may be metrics."""
    return [name for name in columns if name not in (CASE, MODEL, PATIENT, TASK, _LINE)]


def _table_of(path: Path) -> Path:
    return path / TABLE if path.is_dir() else path


def read_results(path: Path, said: Sequence[str] = ()) -> tuple[Scores, ...]:
    """Read a long table: a row for each case and model.

    Parameters
    ----------
    path
        Tab-separated, with the columns ``case`` and ``model``, perhaps ``patient`` and ``task``, and metrics.
    said
        Metrics, see `metrics.directions`.

    Returns
    -------
    tuple of Scores
        For each task and metric, in the order of the table and as said.

    Raises
    ------
    InputError
        If it cannot be read or ranked; the message names the row.
    """
    return _all_scores(_rows_of(path, (CASE, MODEL)), said, str(path))


def read_models(sources: Mapping[str, Path], said: Sequence[str] = ()) -> tuple[Scores, ...]:
    """Read a table for each model: what ``evaluate --tsv`` wrote, or the folder of a ``run`` with references.

    Parameters
    ----------
    sources
        Files or folders, by what the models are to be called.
    said
        As for `read_results`.

    Raises
    ------
    InputError
        Likewise, or if some tables say whose the cases are, and none of them of a case of the others.
    """
    import pandas as pd

    parts = []
    for model, path in sources.items():
        rows = _rows_of(_table_of(path), (CASE,))
        parts.append(rows.assign(**{MODEL: model}))
    told = {case: who for part in parts if PATIENT in part for case, who in part[[CASE, PATIENT]].to_numpy()}
    parts = [_told(part, told) if told and PATIENT not in part else part for part in parts]
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    table = pd.concat([part[shared] for part in parts], ignore_index=True)
    return _all_scores(table, said, ", ".join(str(path) for path in sources.values()))


def read_scores(results: Sequence[tuple[str, Path]], metrics: Sequence[str] = ()) -> tuple[Scores, ...]:
    """Read one long table, or a table or folder for each model.

    Parameters
    ----------
    results
        Names of models with their tables; one table of all models has no name.
    metrics
        As for `read_results`.

    Raises
    ------
    InputError
        If a name is missing or there twice, or a table cannot be read or ranked.
    """
    named = _named(results)
    return read_models(named, metrics) if named else read_results(results[0][1], metrics)


def _named(results: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    """Tables by the names of models; empty where one table has all models."""
    if len(results) == 1 and not results[0][0]:
        return {}
    unnamed = [path for name, path in results if not name]
    if unnamed:
        raise InputError(
            f"{unnamed[0]}: of several tables each needs its model's name, as in MODEL={unnamed[0]}."
        )
    names = [name for name, _ in results]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"The model {twice!r} is named twice; give each model one name and one table.")
    return dict(results)


def _told(rows: pd.DataFrame, patients: Mapping[str, str]) -> pd.DataFrame:
    """Rows with the patients that other models' tables tell, so that visits are not taken as patients."""
    found = rows[CASE].map(patients)
    if found.isna().any():
        row = rows[found.isna()].iloc[0]
        raise InputError(
            f"{row[_LINE]}: no table says whose the case {row[CASE]!r} is, and of others one does: give each "
            "table the column patient, or none."
        )
    return rows.assign(**{PATIENT: found})


def _rows_of(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """The cells as texts, with the file's own line, and a case where the table of a run says a visit."""
    import pandas as pd

    rows = score_rows(path, needed)
    return pd.DataFrame([{**row.cells, _LINE: f"{path}, row {row.line}"} for row in rows.rows], dtype=str)


def _all_scores(table: pd.DataFrame, said: Sequence[str], source: str) -> tuple[Scores, ...]:
    import pandas as pd

    wanted = directions(said, _plain(table), source)
    table = _with_patients(table)
    tasks = table[TASK] if TASK in table else pd.Series("", index=table.index)
    several = tasks.nunique() > 1
    found = []
    for task in dict.fromkeys(tasks):
        rows = table[tasks == task]
        _check_once(rows, f" in the task {task}" if several else "")
        for metric, high in wanted.items():
            found.append(_scores(rows, task if several else "", metric, high))
    return tuple(found)


def _with_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Whose the cases are: as told, as BIDS names visits, or each its own."""
    if PATIENT in table:
        tasks = [table[TASK]] if TASK in table else []
        several = table.groupby([table[CASE], *tasks])[PATIENT].nunique()
        if (several > 1).any():
            case = several.reset_index().loc[int(several.argmax()), CASE]
            raise InputError(f"The case {case!r} is of two patients; a case belongs to one. Mend the table.")
        return table
    subjects = table[CASE].str.extract(_BIDS, expand=False)
    return table.assign(**{PATIENT: table[CASE] if subjects.isna().any() else subjects})


def _check_once(rows: pd.DataFrame, where: str) -> None:
    twice = rows.duplicated([CASE, MODEL])
    if twice.any():
        row = rows[twice].iloc[0]
        raise InputError(
            f"{row[_LINE]}: the case {row[CASE]!r} is there twice for the model {row[MODEL]!r}{where}; which "
            "scores are meant cannot be told. Name visits apart, or say the task in a column 'task'."
        )


def _scores(rows: pd.DataFrame, task: str, metric: str, high: bool) -> Scores:
    models, cases = (tuple(dict.fromkeys(rows[name])) for name in (MODEL, CASE))
    values = np.full((len(models), len(cases)), np.nan)
    row_of, column_of = ({name: i for i, name in enumerate(names)} for names in (models, cases))
    for model, case, cell, line in zip(rows[MODEL], rows[CASE], rows[metric], rows[_LINE], strict=True):
        values[row_of[model], column_of[case]] = _number(cell, metric, line)
    patients = dict(zip(rows[CASE], rows[PATIENT], strict=True))
    return Scores(task, metric, high, models, cases, tuple(patients[case] for case in cases), values)


def _number(cell: str, metric: str, line: str) -> float:
    if cell.casefold() in NO_VALUE:
        return math.nan
    if not _SCORE.fits(cell):
        raise unfit(line, metric, cell, _SCORE)
    value = float(cell)
    if why := impossible(metric, value):
        raise InputError(f"{line}: {why}")
    return value
