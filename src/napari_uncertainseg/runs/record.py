"""What a run keeps of a visit: ``visit.json`` beside its results, written last.

A visit that has it is finished. It says of what scans and with what setting the results were made, so that
the next run can tell whether they still hold, and what the report shows, so that no map is read again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import PROGRAM, SUMMARY, load_summary
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.runs.setting import Setting

RECORD = "visit.json"
_MOST_BYTES = 5_000_000
_OF_REVIEWS = frozenset({"verdicts", "given", "painted"})
"""Keys that a summary has where a review was exported."""
_Number = float | int | None


class FileState(Strict):
    """A file, or a folder with a DICOM series, as it was.

    Attributes
    ----------
    path
        Where it lay.
    looks
        Of its sizes and times: while they stay, nothing is read again.
    sha256
        Of what it holds.
    """

    path: str = Field(description="text")
    looks: str = Field(description="text")
    sha256: str = Field(description="text")


class DoubtfulLesion(Strict):
    """One of the most doubtful lesions of a visit: number, measures, and its voxel (s, a, r)."""

    label: int = Field(description="a whole number")
    doubt: float = Field(description="a number")
    lsu: float | None = Field(description="a number, or null")
    probability: float = Field(description="a number")
    volume_mm3: float = Field(description="a number")
    voxel: tuple[int, int, int] = Field(strict=False, description="three whole numbers")


class Compared(Strict):
    """A visit against its reference.

    Attributes
    ----------
    measures
        By the names of `ReferenceAgreement`.
    count, mean_probability, fraction
        Of the bins of its reliability, of equal width; None where a bin is empty.
    retention
        nDSC by the share of voxels that are kept, at equal steps from 0 to 1; none without a brain.
    """

    measures: dict[str, _Number] = Field(description="an object")
    count: list[int] = Field(description="a list")
    mean_probability: list[_Number] = Field(description="a list")
    fraction: list[_Number] = Field(description="a list")
    retention: list[float] = Field(description="a list")


class VisitRecord(Strict):
    """What is known of a finished visit.

    Attributes
    ----------
    name
        Of the visit.
    software
        What made it, with its version.
    setting
        What it was made with.
    scans
        What it was made of, by modality.
    summary_sha256
        Of the summary that was written with the results: another one says that somebody has changed them.
    lesions, candidates, volume_ml
        What was found.
    uncertainty
        The measures of the patient's uncertainty in the summary.
    unlike
        In what the scan is unlike all that the model has seen.
    notes
        For the user.
    doubtful
        The most doubtful lesions, the first the most doubtful.
    seconds
        That it took.
    interval
        Where a reader's volume (ml) and number of lesions lie in 9 of 10 such patients; None if not known.
    reference
        What it was compared with, and what came of it; both None where it was not.
    compared
        As for `reference`.
    """

    name: str = Field(description="text")
    software: str = Field(default=f"{PROGRAM} {__version__}", description="text")
    setting: Setting = Field(description="an object")
    scans: dict[str, FileState] = Field(description="an object")
    summary_sha256: str = Field(description="text")
    lesions: int = Field(description="a whole number")
    candidates: int = Field(description="a whole number")
    volume_ml: float = Field(description="a number")
    uncertainty: dict[str, _Number] = Field(description="an object")
    unlike: list[str] = Field(description="a list")
    notes: list[str] = Field(description="a list")
    doubtful: list[DoubtfulLesion] = Field(description="a list")
    seconds: float = Field(description="a number")
    interval: dict[str, list[float]] | None = Field(default=None, description="an object, or null")
    reference: FileState | None = Field(default=None, description="an object, or null")
    compared: Compared | None = Field(default=None, description="an object, or null")


def read_record(folder: Path) -> VisitRecord | None:
    """The record of a folder; None where there is none, or it is not what this program wrote."""
    try:
        return validated(VisitRecord, read_json(folder / RECORD, most_bytes=_MOST_BYTES), RECORD)
    except InputError:
        return None


def write_record(folder: Path, record: VisitRecord) -> None:
    """Write a record, whole or not at all."""
    with replaced_file(folder / RECORD) as file:
        file.write(record.model_dump_json(indent=1).encode("utf-8", "replace"))


def was_changed(folder: Path, record: VisitRecord) -> bool:
    """Whether somebody wrote other results over those that a run made, such as those of a review."""
    summary = folder / SUMMARY
    return summary.is_file() and sha256_of(summary) != record.summary_sha256


def was_reviewed(folder: Path) -> bool:
    """Whether a folder holds the results of a review, which only people can make again."""
    try:
        return not _OF_REVIEWS.isdisjoint(load_summary(folder))
    except InputError:
        return False


def looks_of(path: Path) -> str:
    """Names, sizes and times of a file, or of the files of a folder, as a hash.

    Raises
    ------
    InputError
        If it is not there.
    """
    digest = hashlib.sha256()
    try:
        for file in _files(path):
            state = file.stat()
            digest.update(f"{file.name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="replace"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    return digest.hexdigest()


def state_of(path: Path) -> FileState:
    """What a file or folder is now; reads all of it.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    looks = looks_of(path)
    files = _files(path)
    if files == [path]:
        content = sha256_of(path)
    else:
        content = hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
    return FileState(path=str(path), looks=looks, sha256=content)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(Path(entry.path) for entry in os.scandir(path) if entry.is_file())


def look_same(known: Mapping[str, FileState], paths: Mapping[str, Path]) -> bool:
    """Whether files are those that are known, as far as their places, sizes and times say."""
    try:
        return set(known) == set(paths) and all(
            known[name].path == str(path) and known[name].looks == looks_of(path)
            for name, path in paths.items()
        )
    except InputError:
        return False


def hold_same(known: Mapping[str, FileState], now: Mapping[str, FileState]) -> bool:
    """Whether files hold what is known."""
    return {name: one.sha256 for name, one in known.items()} == {n: one.sha256 for n, one in now.items()}
