"""Cases to read one after the other: from a table, a BIDS dataset or a folder of folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.columns import (
    FILE,
    Column,
    Layout,
    a_name,
    any_text,
    check_row,
    open_table,
    perhaps,
)
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.disk.tables import MOST_BYTES, Row
from napari_uncertainseg.evaluate.scan_folders import MOST, Budget, bids_cases, folder_cases, is_bids
from napari_uncertainseg.images.files import stem
from napari_uncertainseg.modalities import OWN_SCANS, WantedScans, described, main_of

RESULTS = "folder"
"""Column of a table with folders of results, as in the referral list of a run."""
VISITS = "visits"
"""Folder of a run that holds the results of its visits."""
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
    layout = _layout(wanted)
    for row in open_table(path, layout, max(MOST_BYTES, most * _BYTES_A_ROW)).rows:
        if len(cases) == most:
            notes = (f"Stopped after {most:,} cases: {path.name} lists more.",)
            break
        try:
            check_row(path, layout, row)
            case = _case_of(path, row, rows, wanted)
        except InputError as error:
            if not lenient:
                raise
            unusable.append(UnusableCase(row.name("name") or f"row {row.line}", str(error)))
            continue
        if case.name in rows:
            raise InputError(
                f"{path}, row {row.line}: the name {case.name!r} is that of row {rows[case.name]} too; "
                "give each case a name of its own."
            )
        rows[case.name] = row.line
        cases.append(case)
    return Worklist(path, tuple(cases), notes, tuple(unusable))


def _layout(wanted: WantedScans) -> Layout:
    """What a table of scans holds."""
    return Layout(
        "a table of scans",
        "case",
        (
            Column(wanted.main, FILE),
            *(perhaps(name, FILE) for name in wanted.others),
            perhaps("name", a_name("what the case is called")),
            perhaps("reference", FILE),
            perhaps(RESULTS, any_text("a folder of results")),
        ),
    )


def _case_of(path: Path, row: Row, taken: Mapping[str, int], wanted: WantedScans) -> WorkCase:
    files = {name: path.parent / cell for name in (*wanted.names, "reference") if (cell := row.known(name))}
    names = {os.path.realpath(file): column for column, file in files.items()}
    if len(names) < len(files):
        raise InputError(f"{path}, row {row.line}: one file has two roles; each needs a file of its own.")
    reference = files.pop("reference", None)
    name = row.name("name") or _name_of(row[wanted.main], files[wanted.main], taken)
    return WorkCase(name, files, reference, _results(path, row.known(RESULTS)))


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
