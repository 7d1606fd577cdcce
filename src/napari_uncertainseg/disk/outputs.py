"""Where a file may be written: never over what is read, never over a file of another kind."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.result_folder import SUMMARY, known_files, lists

_MOST_IN_FOLDER = 100_000
_MOST_TABLE_BYTES = 20_000_000
_TEXT = (".tsv", ".json", ".html", ".htm", ".svg")
_BEGINS = {
    (0, b"SQLite format 3"): (".db",),
    (0, b"\x1f\x8b"): (".gz", ".mgz"),
    (0, b"PK\x03\x04"): (".pt", ".pth"),
    (0, b"%PDF"): (".pdf",),
    (0, b"\x89PNG"): (".png",),
    (128, b"DICM"): (".dcm",),
}
"""What files of some endings begin with, and where."""


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    Attributes
    ----------
    what
        For the user, such as ``"a table"``.
    endings
        Of its files' names; none for a folder of results.
    """

    what: str
    endings: tuple[str, ...] = ()


TABLE = Kind("a table", (".tsv",))
NUMBERS = Kind("a file of numbers", (".json",))
PAGE = Kind("a report", (".html", ".htm"))
SHEET = Kind("a sheet", (".pdf", ".svg", ".png"))
SEG = Kind("a DICOM SEG", (".dcm",))
FOLDER = Kind("a folder of results")


def check_output(path: Path, kind: Kind, inputs: Iterable[Path] = (), tables: Iterable[Path] = ()) -> None:
    """See, before any work, that a command may write there.

    Parameters
    ----------
    path
        Where to.
    kind
        What will be written.
    inputs
        Files and folders that the command reads; some may not be there.
    tables
        Inputs that list further inputs in their cells.

    Raises
    ------
    InputError
        If it is one of the inputs by whatever name or link, if its ending is of another kind, or if there is
        a file that is of another kind or belongs to a folder of results.
    """
    read = _identities([*inputs, *tables, *(named for table in tables for named in _named_in(table))])
    targets = [path] if kind.endings else [path, *(path / name for name in known_files())]
    for target in targets:
        if (found := _identity(target)) is not None and found in read:
            raise InputError(f"{target} is read by this very command, and is never replaced; name another.")
    if not kind.endings:
        return
    if not path.name.lower().endswith(kind.endings):
        endings = " or ".join(kind.endings)
        raise InputError(f"{path}: {kind.what} is written as {endings}; end its name in {kind.endings[0]}.")
    check_replaceable(path)


def check_replaceable(path: Path) -> None:
    """See that what is at a path, if anything, may be replaced by a file of this ending.

    Raises
    ------
    InputError
        If it is a folder or a device, holds something else than its ending says, or is one of the files of a
        folder of results.
    """
    try:
        if not path.exists():
            return
        if not path.is_file():
            raise InputError(f"{path} is {'a folder' if path.is_dir() else 'no plain file'}; name a file.")
        if not _looks_right(path):
            raise InputError(f"{path}: the file that is there is of another kind; name a new file.")
    except OSError as error:
        raise InputError(f"{path}: cannot be looked at ({error.strerror or error}).") from error
    if lists(path.parent, path.name):
        raise InputError(f"{path} belongs to the results in {path.parent}; name another file.")


def _looks_right(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(1024)
    suffix = path.suffix.lower()
    if suffix in _TEXT and b"\0" in head:
        return False
    known = (endings for (at, begin), endings in _BEGINS.items() if head[at : at + len(begin)] == begin)
    return all(suffix in endings for endings in known)


def _identities(paths: Iterable[Path]) -> set[tuple[int, int]]:
    """Of files and folders, and of all that a command would read with them."""
    found = set()
    for path in paths:
        for one in (path, *_within(path)):
            if (identity := _identity(one)) is not None:
                found.add(identity)
    return found


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of a file, the same by whatever link it is reached; None if it is not there."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def _within(path: Path) -> Sequence[Path]:
    """What is read with a path: of results, these; of a DICOM series, every file of the folder."""
    try:
        if (path / SUMMARY).is_file():
            return [path / name for name in known_files()]
        folder = path if path.is_dir() else path.parent if _is_dicom(path) else None
        return [] if folder is None else list(islice(folder.iterdir(), _MOST_IN_FOLDER))
    except OSError:
        return ()


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(132)
    return head[128:] == b"DICM" or head.startswith(b"\x08\x00")


def _named_in(table: Path) -> Iterator[Path]:
    """Files and folders that the cells of a table may name; relative ones count from its folder."""
    try:
        if not table.is_file() or table.stat().st_size > _MOST_TABLE_BYTES:
            return
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.reader(file, delimiter="\t"):
                yield from (table.parent / part.strip() for cell in row for part in cell.split(";") if part)
    except (OSError, csv.Error):  # the command itself says what is wrong with it
        return
