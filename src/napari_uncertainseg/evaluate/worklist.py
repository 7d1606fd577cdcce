"""Cases to read one after the other: from a table, a BIDS dataset or a folder of folders."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.disk.tables import as_read
from napari_uncertainseg.evaluate.scan_folders import MOST, Budget, bids_cases, folder_cases, is_bids
from napari_uncertainseg.images.files import stem
from napari_uncertainseg.modalities import OWN_SCANS, WantedScans, described, main_of, title_of

RESULTS = "folder"
"""Column of a table with folders of results, as in the referral list of a run."""
VISITS = "visits"
"""Folder of a run that holds the results of its visits."""
_MOST_BYTES = 16_000_000
_BYTES_A_ROW = 1000


@dataclass(frozen=True)
class WorkCase:
    """One case of a worklist.

    Attributes
    ----------
    name
        Differs from that of every other case of the list.
    images
        Files, or folders with a DICOM series, by modality: the main one is always there, the others may be.
    reference
        A mask to compare with, if there is one.
    results
        A folder of results of these scans, if there is one: then nothing need be segmented.
    """

    name: str
    images: Mapping[str, Path]
    reference: Path | None = None
    results: Path | None = None

    @property
    def main(self) -> Path:
        """The scan to segment."""
        return self.images[main_of(self.images)]


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
    path: str | Path,
    progress: Progress = silent,
    *,
    wanted: WantedScans = OWN_SCANS,
    most: int | None = None,
    lenient: bool = False,
) -> Worklist:
    """List the cases of a table, a BIDS dataset or a folder. No scan is opened.

    Parameters
    ----------
    path
        One of three. A tab-separated table with a column for the main scan, such as ``flair``, and perhaps
        for the others, ``name``, ``reference`` and ``folder`` (of results); relative paths count from the
        table's folder. A BIDS
        dataset: each main scan (``*_FLAIR``) of ``sub-*/[ses-*/]anat`` is a case, derivatives are left out.
        Any other folder: in it and below it, each folder in which exactly one name says the main scan.
    progress
        Told which folder is looked at; may raise `Cancelled`.
    wanted
        Which scans are looked for.
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
        return _read_table(path, most or MOST, lenient, wanted)
    budget = Budget(progress, most or MOST)
    bids = is_bids(path, wanted)
    found = bids_cases(path, budget, wanted) if bids else folder_cases(path, budget, wanted)
    if not found:
        why = f" ({budget.notes[0]})" if budget.notes else ""
        raise InputError(
            f"{path}: there is {_missing(wanted, bids)}{why}; choose another folder, or a table of cases."
        )
    return Worklist(path, tuple(WorkCase(one.name, one.images) for one in found), tuple(budget.notes))


def read_worklist_for(model: str, path: str | Path, progress: Progress = silent) -> Worklist:
    """As `read_worklist`, for the scans that a model reads; for what ours read where it is not there.

    Rows of a table that cannot be used are left out, and the notes name them.

    Raises
    ------
    InputError
        As for `read_worklist`, or if no row of the table can be used.
    """
    wanted = OWN_SCANS
    if model != "bundled":  # the others are looked up, which imports torch
        from napari_uncertainseg.inference.scans_of_model import scans_wanted

        with suppress(InputError):
            wanted = scans_wanted(model)
    return _without_unusable(read_worklist(path, progress, wanted=wanted, lenient=True))


def _without_unusable(found: Worklist) -> Worklist:
    """The cases that can be opened; what was left out is noted first."""
    if not found.cases:
        raise InputError(found.unusable[0].why)
    left_out = tuple(f"Left out: {one.name}. {one.why}" for one in found.unusable)
    return replace(found, notes=(*left_out, *found.notes), unusable=())


def _missing(wanted: WantedScans, bids: bool) -> str:
    main = described(wanted.main)
    if bids:
        return f"no *_{main.bids_suffix}.nii.gz under sub-*/[ses-*/]{main.bids_folder}"
    return f"no folder with one {main.title} scan"


def _read_table(path: Path, most: int, lenient: bool, wanted: WantedScans) -> Worklist:
    cases: list[WorkCase] = []
    unusable: list[UnusableCase] = []
    notes: tuple[str, ...] = ()
    rows: dict[str, int] = {}
    for number, row in _rows(path, most, wanted):
        if len(cases) == most:
            notes = (f"Stopped after {most:,} cases: {path.name} lists more.",)
            break
        try:
            case = _case_of(path, number, row, rows, wanted)
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
        raise InputError(f"{path} lists no case: {_needs(wanted)}, and a row for each case.")
    return Worklist(path, tuple(cases), notes, tuple(unusable))


def _needs(wanted: WantedScans) -> str:
    """Which columns a table has, for the user."""
    others = ", ".join([*wanted.others, "name"])
    return f"it needs the column {wanted.main}, and may have {others} and reference, with tabs between them"


def _rows(path: Path, most: int, wanted: WantedScans) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows that are not empty, with the number of their line."""
    try:
        if path.stat().st_size > max(_MOST_BYTES, most * _BYTES_A_ROW):
            raise InputError(f"{path} is too large for a table of cases: {_needs(wanted)}.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t")
            titles = [title.strip().lower() for title in next(reader, [])]
            _check_titles(path, titles, wanted)
            for cells in reader:
                row = {title: as_read(cell.strip()) for title, cell in zip(titles, cells, strict=False)}
                if any(row.values()):
                    yield reader.line_num, row
    except OSError as error:
        raise InputError(f"Cannot read the table {path}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} is not a tab-separated table of cases ({error}): {_needs(wanted)}."
        ) from error


def _check_titles(path: Path, titles: list[str], wanted: WantedScans) -> None:
    if wanted.main not in titles:
        raise InputError(f"{path} lacks the column '{wanted.main}': {_needs(wanted)}.")
    columns = (*wanted.names, "name", "reference", RESULTS)
    doubled = next((title for title in columns if titles.count(title) > 1), None)
    if doubled is not None:
        raise InputError(f"{path} has the column {doubled!r} twice; leave one of them.")


def _case_of(
    path: Path, number: int, row: Mapping[str, str], taken: Mapping[str, int], wanted: WantedScans
) -> WorkCase:
    main = wanted.main
    files: dict[str, Path] = {}
    for column in (*wanted.names, "reference"):
        if text := row.get(column, ""):
            file = path.parent / text
            if not os.path.exists(file):  # noqa: PTH110 - Path.exists raises where a name is too long
                raise InputError(f"{path}, row {number}: there is no {column} {file}; correct the path.")
            files[column] = file
    if main not in files:
        title = title_of(main)
        raise InputError(f"{path}, row {number}: the column {main} is empty; each case needs its {title}.")
    names = {os.path.realpath(file): column for column, file in files.items()}
    if len(names) < len(files):
        raise InputError(f"{path}, row {number}: one file has two roles; each needs a file of its own.")
    reference = files.pop("reference", None)
    name = row.get("name", "") or _name_of(row[main], files[main], taken)
    return WorkCase(name, files, reference, _results(path, row.get(RESULTS, "")))


def _results(table: Path, text: str) -> Path | None:
    """A folder of results that a table names, or that lies beside it where the whole run was moved."""
    if not text:
        return None
    named = table.parent / text
    return next((one for one in (named, table.parent / VISITS / named.name) if is_results(one)), None)


def _name_of(text: str, scan: Path, taken: Mapping[str, int]) -> str:
    """The last folder and the file's name, or where that is taken, the path as it is written."""
    name = f"{Path(os.path.normpath(scan)).parent.name}/{stem(scan)}"
    return text if name in taken else name
