"""Cases to read one after the other: from a table, a BIDS dataset or a folder of folders."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.tables import as_read
from napari_uncertainseg.evaluate.scan_folders import MOST, Budget, bids_cases, folder_cases, is_bids
from napari_uncertainseg.images.files import stem
from napari_uncertainseg.modalities import MODALITIES, OPTIONAL, REFERENCE

_COLUMNS = (*MODALITIES, "name", "reference")
_MOST_BYTES = 16_000_000
_BYTES_A_ROW = 1000
_NEEDS = (
    f"it needs the column {REFERENCE}, and may have {', '.join(OPTIONAL)}, name and reference, "
    "with tabs between them"
)


@dataclass(frozen=True)
class WorkCase:
    """One case of a worklist.

    Attributes
    ----------
    name
        Differs from that of every other case of the list.
    images
        Files, or folders with a DICOM series, by modality: ``flair`` is always there, the others may be.
    reference
        A mask to compare with, if there is one.
    """

    name: str
    images: Mapping[str, Path]
    reference: Path | None = None

    @property
    def flair(self) -> Path:
        """The scan to segment."""
        return self.images["flair"]


@dataclass(frozen=True)
class UnusableCase:
    """A row of a table that cannot be used.

    Attributes
    ----------
    name
        As for `WorkCase`, or which row it is.
    why
        The sentence for the user.
    """

    name: str
    why: str


@dataclass(frozen=True)
class Worklist:
    """Cases in the order in which they are read, at least one.

    Attributes
    ----------
    source
        The table or folder that they come from.
    cases
        The cases.
    notes
        What was left out and why, a sentence each.
    unusable
        Rows that cannot be used, where they were asked for.
    """

    source: Path
    cases: tuple[WorkCase, ...]
    notes: tuple[str, ...] = ()
    unusable: tuple[UnusableCase, ...] = ()


def read_worklist(
    path: str | Path, progress: Progress = silent, *, most: int | None = None, lenient: bool = False
) -> Worklist:
    """List the cases of a table, a BIDS dataset or a folder. No scan is opened.

    Parameters
    ----------
    path
        One of three. A tab-separated table with the column ``flair``, and perhaps ``t1``, ``t2``, ``name``
        and ``reference``; relative paths count from the table's folder. A BIDS dataset: each ``*_FLAIR`` of
        ``sub-*/[ses-*/]anat`` is a case, derivatives are left out. Any other folder: in it and below it,
        each folder in which the name of exactly one scan says FLAIR.
    progress
        Told which folder is looked at; may raise `Cancelled`.
    most
        Cases of a table, or files and folders, after which the rest is left out; `MOST` if None.
    lenient
        List the rows whose files are not there as unusable.

    Raises
    ------
    InputError
        If it cannot be read, lists no case, or a row of the table cannot be used; the message names it.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        return _read_table(path, most or MOST, lenient)
    budget = Budget(progress, most or MOST)
    bids = is_bids(path)
    found = bids_cases(path, budget) if bids else folder_cases(path, budget)
    if not found:
        wanted = "no *_FLAIR.nii.gz under sub-*/[ses-*/]anat" if bids else "no folder with one FLAIR scan"
        why = f" ({budget.notes[0]})" if budget.notes else ""
        raise InputError(f"{path}: there is {wanted}{why}; choose another folder, or a table of cases.")
    return Worklist(path, tuple(WorkCase(one.name, one.images) for one in found), tuple(budget.notes))


def _read_table(path: Path, most: int, lenient: bool) -> Worklist:
    cases: list[WorkCase] = []
    unusable: list[UnusableCase] = []
    notes: tuple[str, ...] = ()
    rows: dict[str, int] = {}
    for number, row in _rows(path, most):
        if len(cases) == most:
            notes = (f"Stopped after {most:,} cases: {path.name} lists more.",)
            break
        try:
            case = _case_of(path, number, row, rows)
        except InputError as error:
            if not lenient:
                raise
            unusable.append(UnusableCase(row.get("name", "") or f"row {number}", str(error)))
            continue
        if case.name in rows:
            raise InputError(
                f"{path}, row {number}: the name {case.name!r} is that of row {rows[case.name]} too; "
                "give each case a name of its own."
            )
        rows[case.name] = number
        cases.append(case)
    if not cases and not unusable:
        raise InputError(f"{path} lists no case: {_NEEDS}, and a row for each case.")
    return Worklist(path, tuple(cases), notes, tuple(unusable))


def _rows(path: Path, most: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows that are not empty, with the number of their line."""
    try:
        if path.stat().st_size > max(_MOST_BYTES, most * _BYTES_A_ROW):
            raise InputError(f"{path} is too large for a table of cases: {_NEEDS}.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t")
            titles = [title.strip().lower() for title in next(reader, [])]
            _check_titles(path, titles)
            for cells in reader:
                row = {title: as_read(cell.strip()) for title, cell in zip(titles, cells, strict=False)}
                if any(row.values()):
                    yield reader.line_num, row
    except OSError as error:
        raise InputError(f"Cannot read the table {path}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a tab-separated table of cases ({error}): {_NEEDS}.") from error


def _check_titles(path: Path, titles: list[str]) -> None:
    if "flair" not in titles:
        raise InputError(f"{path} lacks the column 'flair': {_NEEDS}.")
    doubled = next((title for title in _COLUMNS if titles.count(title) > 1), None)
    if doubled is not None:
        raise InputError(f"{path} has the column {doubled!r} twice; leave one of them.")


def _case_of(path: Path, number: int, row: Mapping[str, str], taken: Mapping[str, int]) -> WorkCase:
    files: dict[str, Path] = {}
    for column in (*MODALITIES, "reference"):
        if text := row.get(column, ""):
            file = path.parent / text
            if not os.path.exists(file):  # noqa: PTH110 - Path.exists raises where a name is too long
                raise InputError(f"{path}, row {number}: there is no {column} {file}; correct the path.")
            files[column] = file
    if "flair" not in files:
        raise InputError(f"{path}, row {number}: the column flair is empty; each case needs a FLAIR.")
    names = {os.path.realpath(file): column for column, file in files.items()}
    if len(names) < len(files):
        raise InputError(f"{path}, row {number}: one file has two roles; each needs a file of its own.")
    reference = files.pop("reference", None)
    return WorkCase(row.get("name", "") or _name_of(row["flair"], files["flair"], taken), files, reference)


def _name_of(text: str, flair: Path, taken: Mapping[str, int]) -> str:
    """The last folder and the file's name, or where that is taken, the path as it is written."""
    name = f"{Path(os.path.normpath(flair)).parent.name}/{stem(flair)}"
    return text if name in taken else name
