"""Zip files from elsewhere, unpacked without trusting what they say of themselves."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from napari_uncertainseg._base import InputError

MAX_FILES = 5_000
MAX_BYTES = 16 << 30
MAX_RATIO = 100
"""What is larger than a megabyte and was packed tighter than this is no model: weights hardly pack at all."""
_NO_BOMB = 1 << 20
_BLOCK = 1 << 20
_MAX_NAME, _MAX_PATH = 200, 1_000
_OF_SYSTEMS = ("__MACOSX/", ".DS_Store")
_WHY_NOT_READ = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


def unpack(path: Path, target: Path) -> None:
    """Unpack a zip file into an empty folder.

    What files say of their size is checked before anything is written, and again while they are read. Only
    plain files are taken; modes, times and owners are not.

    Parameters
    ----------
    path
        The zip file.
    target
        The folder, which must be there; what was written there before an error stays.

    Raises
    ------
    InputError
        If the file is no zip file, is damaged or locked with a password; holds links, names that lead out of
        the folder or that are there twice, too many files, or files that are too large or packed too tightly.
        If it does not fit on the disk.
    OSError
        If the folder cannot be written.
    """
    try:
        packed = zipfile.ZipFile(path)
    except _WHY_NOT_READ as error:
        raise InputError(f"{path} is not a zip file, is damaged, or cannot be read.") from error
    with packed:
        files = [one for one in packed.infolist() if not _left_out(one)]
        _check(path, files, target)
        for one in files:
            _write(path, packed, one, target / one.filename)


def _left_out(one: zipfile.ZipInfo) -> bool:
    name = one.filename
    return one.is_dir() or name.startswith(_OF_SYSTEMS[0]) or PurePosixPath(name).name == _OF_SYSTEMS[1]


def _check(path: Path, files: list[zipfile.ZipInfo], target: Path) -> None:
    if not files:
        raise InputError(f"{path} holds no files.")
    if len(files) > MAX_FILES:
        raise InputError(f"{path} holds {len(files)} files: a model has at most {MAX_FILES}.")
    size = sum(one.file_size for one in files)
    if size > MAX_BYTES:
        raise InputError(f"{path} would take {size / 2**30:.0f} GB: a model has at most {MAX_BYTES >> 30}.")
    free = shutil.disk_usage(target).free
    if size > free:
        raise InputError(
            f"{path} would take {size / 2**20:.0f} MB, and {free / 2**20:.0f} MB are free at {target.parent}."
        )
    taken = set[str]()
    for one in files:
        why = _why_not(one, taken)
        if why:
            raise InputError(f"{path}: {one.filename[:_MAX_NAME]!r} {why}.")
        taken.add(one.filename.casefold())


def _why_not(one: zipfile.ZipInfo, taken: set[str]) -> str:
    """Why an entry is not unpacked; empty where it is."""
    kind = stat.S_IFMT(one.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device: put the file itself there"
    if _leads_out(one.filename):
        return "is no plain name in a folder: pack the model's folder anew"
    if one.filename.casefold() in taken:
        return "is there twice"
    if one.flag_bits & 0x1:
        return "is locked with a password: pack it without one"
    if one.file_size > _NO_BOMB and one.file_size > MAX_RATIO * max(1, one.compress_size):
        return f"is packed more than {MAX_RATIO} times: this is no model"
    return ""


def _leads_out(name: str) -> bool:
    """Whether a name is other than plain names between slashes, on any system."""
    parts = name.split("/")
    odd = any(c in '\\:*?"<>|' or ord(c) < 32 for c in name)
    return (
        odd
        or len(name) > _MAX_PATH
        or any(part in ("", ".", "..") or part != part.strip(" ") or len(part) > _MAX_NAME for part in parts)
    )


def _write(path: Path, packed: zipfile.ZipFile, one: zipfile.ZipInfo, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in _content(path, packed, one):
                file.write(block)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path}: {one.filename!r} is a file and a folder at once.") from error


def _content(path: Path, packed: zipfile.ZipFile, one: zipfile.ZipInfo) -> Iterator[bytes]:
    """Blocks of a file, exactly as many bytes as it says to have."""
    left = one.file_size
    try:
        with packed.open(one) as source:
            while block := source.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise EOFError("larger than it says")
                yield block
        if left:
            raise EOFError("shorter than it says")
    except _WHY_NOT_READ as error:
        raise InputError(
            f"{path}: {one.filename!r} is damaged, or packed in a way not known here."
        ) from error
