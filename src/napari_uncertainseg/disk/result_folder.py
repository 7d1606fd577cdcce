"""A folder of results: which files are in it, by name and hash, and whether they are still those."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.voxel_maps import written_maps

MEMBERS = "members.npz"
SUMMARY = "summary.json"
"""Written last: a folder that has it is complete. It lists the others with their hashes."""
MAP_OF_ALL = "probability.nii.gz"
"""Every folder of results has it, complete or not."""
_MASKS = ("brain.nii.gz", "lesions.nii.gz", "reviewed.nii.gz", "painted.nii.gz")
CLASS_TABLE = "classes.tsv"
CLASS_ENTROPY, CLASS_MUTUAL_INFORMATION = "class_entropy.nii.gz", "class_mutual_information.nii.gz"
"""Only models of several classes have these, and a map of each class."""
MOST_CLASSES = 64
"""Of a model, for a map of each to be kept."""
PROGRAM = "napari-uncertainseg"
REPLACED = "replaced-summary.json"
"""In the hidden folder of a run: the summary of the results that it was about to replace."""
MOST_BYTES = 50_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


def result_files() -> tuple[str, ...]:
    """What this program writes into a folder of results of any model."""
    return (*written_maps().values(), *_MASKS, "lesions.tsv", MEMBERS, SUMMARY)


def class_map(number: int) -> str:
    """Name of the file with the probability of a class."""
    return f"class{number}_probability.nii.gz"


def known_files() -> tuple[str, ...]:
    """Everything that this program writes into a folder of results; other files there are never touched."""
    of_classes = (CLASS_TABLE, CLASS_ENTROPY, CLASS_MUTUAL_INFORMATION)
    return (*of_classes, *(class_map(number) for number in range(MOST_CLASSES)), *result_files())


def is_results(folder: Path) -> bool:
    """Whether a folder is one that `segment` or *Export all* wrote; no path that cannot be is."""
    try:
        return (folder / SUMMARY).is_file() and (folder / MAP_OF_ALL).is_file()
    except (OSError, ValueError):  # such as a name that is too long
        return False


def check_results(folder: Path) -> None:
    """See by names and the summary that a folder holds results that were written to their end.

    Raises
    ------
    InputError
        If it does not.
    """
    file_in(folder, MAP_OF_ALL)
    load_summary(folder)


def check_has_members(folder: Path) -> None:
    """See that results are not of an older version.

    Raises
    ------
    InputError
        If they are: they hold no members.
    """
    if not (folder / MEMBERS).is_file():
        raise InputError(
            f"{folder}: there is no {MEMBERS}, as in results of older versions, so that their doubt "
            "cannot be found again; segment the scans again."
        )


def check_has_classes(folder: Path) -> None:
    """See that results are of a model with several classes.

    Raises
    ------
    InputError
        If they are not.
    """
    if not (folder / CLASS_TABLE).is_file():
        raise InputError(
            f"{folder}: these results hold no classes; a label map is for those of a model with several."
        )


def load_summary(folder: Path) -> dict[str, Any]:
    """The summary of a folder of results.

    Raises
    ------
    InputError
        If there is none, or it is not what this program wrote.
    """
    path = folder / SUMMARY
    try:
        content = read_json(path, most_bytes=MOST_BYTES)
    except InputError as error:
        raise InputError(f"{path} is not the summary that `uncertainseg segment` wrote: {error}") from error
    listed = content.get("files", {})
    if not isinstance(listed, dict) or not all(map(_is_hash, listed.values())):
        raise InputError(f"{path}: 'files' should list the hash of each file; segment again.")
    return content


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and bool(_SHA256.fullmatch(value))


def check_written(folder: Path, name: str) -> None:
    """See that a file of a folder of results is the one that its summary lists.

    Results of version 0.1.0 list no hashes, and pass: `note_on` says so.

    Raises
    ------
    InputError
        If it is not listed or was changed, or the summary cannot be read.
    """
    listed: Mapping[str, str] | None = load_summary(folder).get("files")
    if listed is None:
        return
    if name not in listed:
        raise InputError(
            f"{folder / name} does not belong to the results in {folder}: {SUMMARY} does not list it."
        )
    if sha256_of(folder / name) != listed[name]:
        raise InputError(
            f"{folder / name} was changed after it was written: {SUMMARY} lists another hash; put it back, "
            "or segment again."
        )


def result_file(folder: Path, name: str) -> Path:
    """One of the files of a folder of results, as it was written.

    Parameters
    ----------
    folder
        Of results.
    name
        One of `result_files`.

    Raises
    ------
    InputError
        If it is not there, was not written with the others, or was changed.
    """
    path = file_in(folder, name)
    check_written(folder, name)
    return path


def file_in(folder: Path, name: str) -> Path:
    """As `result_file`, without a look at what is in it.

    Raises
    ------
    InputError
        If it is not there.
    """
    path = folder / name
    if (folder / MAP_OF_ALL).is_file() and not (folder / SUMMARY).is_file():
        raise InputError(
            f"{folder}: there is no {SUMMARY}, so writing these results was cut short; run "
            "`uncertainseg segment` with --overwrite again."
        )
    if not path.is_file():
        raise InputError(f"{folder}: there is no {name}; give a folder that `uncertainseg segment` wrote.")
    return path


def note_on(folder: Path) -> str:
    """What the user should know of a folder whose files cannot be checked; empty for all others."""
    if "files" in load_summary(folder):
        return ""
    return f"{folder} is of an older version that kept no hashes: its files are taken unchecked."


def lists(folder: Path, name: str) -> bool:
    """Whether a file is one of the results in its folder."""
    if name not in known_files() or not (folder / SUMMARY).is_file():
        return False
    try:
        return _is_ours(load_summary(folder))
    except InputError:
        return name == SUMMARY


def check_own(folder: Path) -> None:
    """See that all that writing results would replace was written by this program, and not changed since.

    Parameters
    ----------
    folder
        May hold other files, which do not count, and the hidden folders of runs that were killed.

    Raises
    ------
    InputError
        With the first file that was not.
    """
    known: dict[str, set[str]] = {}
    own = [folder / SUMMARY, *folder.glob(f".*.partial/{SUMMARY}"), *folder.glob(f".*.partial/{REPLACED}")]
    for summary in own:
        for name, sha256 in _own_files(summary).items():
            known.setdefault(name, set()).add(sha256)
    for name in (SUMMARY, *known_files()):
        path = folder / name
        if not (path.exists() or path.is_symlink()) or (name == SUMMARY and _own_files(path)):
            continue
        if path.is_symlink() or not path.is_file() or sha256_of(path) not in known.get(name, ()):
            raise InputError(
                f"{path} was not written by this program, or was changed since, and is not replaced; move it "
                "away or name another folder."
            )


def _own_files(summary: Path) -> Mapping[str, str]:
    """What a summary lists; nothing where there is none, or it is not ours or of an older version."""
    try:
        content = read_json(summary, most_bytes=MOST_BYTES)
    except InputError:
        return {}
    listed = content.get("files")
    return listed if _is_ours(content) and isinstance(listed, dict) else {}


def _is_ours(content: Mapping[str, Any]) -> bool:
    return str(content.get("software", "")).startswith(PROGRAM)


def with_hashes(folder: Path, summary: Mapping[str, Any]) -> str:
    """The text of a summary that lists the files which are in a folder.

    Parameters
    ----------
    folder
        With all files of the results but the summary.
    summary
        Ready for JSON.
    """
    files = {
        name: sha256_of(folder / name)
        for name in known_files()
        if (folder / name).is_file() and name != SUMMARY
    }
    return json.dumps({**summary, "files": files}, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
