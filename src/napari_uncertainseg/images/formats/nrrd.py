"""nrrd files, read here: what a header leaves out or points to is seen, and no decimal depends on the locale.

Format: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.formats.checked_stream import read_exactly
from napari_uncertainseg.images.formats.raw_image import LARGEST, RawImage, choose_volume, first_line

_MOST_HEADER = 1 << 20
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int",
           "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}  # fmt: skip
_TO_RAS = {"RAS": (1, 1, 1), "LAS": (-1, 1, 1), "LPS": (-1, -1, 1)}
_LONG = {"right": "R", "left": "L", "anterior": "A", "posterior": "P", "superior": "S", "time": "T"}
_OF_SPACE = {"space", "domain", "none", "???"}
"""Kinds of an axis along which the patient lies, or of which nothing is known."""
_MM = {"", "mm", "millimeter", "millimeters", "millimetre", "millimetres"}
_SEVERAL = {"vector", "list", "rgb-color", "rgba-color", "hsv-color", "xyz-color", "complex", "quaternion"}
_DAMAGED = (OSError, EOFError, ValueError, zlib.error)


@dataclass(frozen=True)
class _Header:
    path: Path
    fields: Mapping[str, str]

    def get(self, *names: str) -> str:
        return next((self.fields[name] for name in names if name in self.fields), "")

    def refuse(self, what: str) -> InputError:
        return InputError(f"{self.path}: {what}")

    def numbers(self, name: str, text: str) -> list[float]:
        try:
            return [float(part) for part in text.split()]
        except ValueError as error:
            raise self.refuse(f"the header's {name} cannot be read.") from error

    def whole(self, name: str, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text or "0"):
            raise self.refuse(f"the header's {name} cannot be read.")
        return int(text or 0)


def load_nrrd(path: Path) -> RawImage:
    """Read a nrrd file, or a header (``.nhdr``) whose voxels lie in another file of the same folder.

    Raises
    ------
    InputError
        If it is damaged, leaves out the voxel size, gives it in another unit than mm, or points elsewhere.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(path, file)
            shape = _shape(header)
            affine, notes = _affine(header, shape)
            array, more = _voxels(header, file, shape)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    return RawImage(array, affine, header.get("content"), (*notes, *more))


def _read_header(path: Path, file: BinaryIO) -> _Header:
    """Fields up to the first empty line, or to the end of a detached header."""
    if not file.readline(80).startswith(b"NRRD"):
        raise InputError(f"{path}: the file is not a nrrd image.")
    fields: dict[str, str] = {}
    while line := file.readline(_MOST_HEADER):
        text = line.decode("latin-1").strip()
        if not text:
            break
        if file.tell() > _MOST_HEADER:
            raise InputError(f"{path}: the header is too long; the file is damaged.")
        name, colon, value = text.partition(":")
        if colon and not text.startswith("#") and not value.startswith("="):
            field = " ".join(name.lower().split())
            if field in fields:
                raise InputError(f"{path}: the header gives {field!r} twice; give it once.")
            fields[field] = value.strip()
    return _Header(path, fields)


def _shape(header: _Header) -> tuple[int, ...]:
    sizes = header.get("sizes").split()
    if not sizes or not all(n.isascii() and n.isdigit() and len(n) < 19 for n in sizes):
        raise header.refuse("the header's sizes cannot be read.")
    shape = tuple(int(n) for n in sizes)
    if header.whole("dimension", header.get("dimension")) != len(shape):
        raise header.refuse("the header's dimension does not fit its sizes.")
    kinds = header.get("kinds").lower().split()
    directions = _directions(header)
    if shape[0] > 1 and (
        (kinds and (kinds[0] in _SEVERAL or re.match(r"\d", kinds[0])))
        or (directions and directions[0] is None)
    ):
        raise header.refuse("every voxel holds several values (RGB or vectors); a scan has one value.")
    if not _OF_SPACE.issuperset(kinds[:3]):
        raise header.refuse(
            f"the first three axes should be those of space, and are of the kinds {' '.join(kinds[:3])}; "
            "put the others last."
        )
    if int(np.prod(shape[:3], dtype=object)) > LARGEST:
        raise header.refuse(f"{' x '.join(sizes)} voxels are too many; at most 1024 x 1024 x 1024.")
    if len(shape) < 3:
        choose_volume(header.path, shape, None)
    return shape


def _directions(header: _Header) -> list[list[float] | None]:
    """One vector an axis, None for an axis that is none of space."""
    found = re.findall(r"none|\(([^()]*)\)", header.get("space directions"), re.IGNORECASE)
    return [header.numbers("space directions", text.replace(",", " ")) if text else None for text in found]


def _affine(header: _Header, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """4x4, index of the first three axes to RAS+ mm, and what the header leaves out."""
    _check_units(header)
    affine, name, notes = np.eye(4), header.path.name, []
    directions = _directions(header)
    wide = _space_dimension(header)
    if directions:
        vectors = directions[:3]
        if len(directions) != len(shape) or any(v is None or len(v) not in (3, wide) for v in vectors):
            raise header.refuse("the header's space directions do not fit its sizes and its space.")
        affine[:3, :3] = np.array([v[:3] for v in vectors if v is not None]).T
    elif header.get("spacings"):
        sizes = header.numbers("spacings", header.get("spacings"))
        if len(sizes) != len(shape):
            raise header.refuse("the header's spacings do not fit its sizes.")
        affine[:3, :3] = np.diag(sizes[:3])
    else:
        raise header.refuse("the header gives no voxel spacing; add `space directions` in mm.")
    origin = header.numbers("space origin", header.get("space origin").strip("()").replace(",", " "))
    if origin and len(origin) not in (3, wide):
        raise header.refuse(f"the header's space origin has {len(origin)} numbers; 3 are needed.")
    if origin:
        affine[:3, 3] = origin[:3]
    signs = _signs(header) if directions else None
    if signs is None:
        notes.append(
            f"{name}: the header does not say how the patient lies; left and right, and all directions, "
            "are a guess."
        )
    elif not origin:
        notes.append(f"{name}: the header does not say where the scan begins (space origin); 0 is taken.")
    return np.diag([*(signs or _TO_RAS["LPS"]), 1.0]) @ affine, tuple(notes)


def _space_dimension(header: _Header) -> int:
    """4 where the space has a time, else 3: a vector of more numbers may hold decimal commas."""
    space = header.get("space").lower()
    timed = space.endswith("-time") or (len(space) == 4 and space.endswith("t"))
    return 4 if timed or header.get("space dimension") == "4" else 3


def _signs(header: _Header) -> tuple[int, int, int] | None:
    """What turns the header's space into RAS+; None where it does not say which space that is."""
    words = header.get("space").lower().split("-")
    space = "".join(_LONG.get(word, "?") for word in words) if len(words) > 1 else words[0].upper()
    return _TO_RAS.get(space.removesuffix("T") if len(space) == 4 else space)


def _check_units(header: _Header) -> None:
    field = "space units" if header.get("space directions") else "units"
    text = header.get(field)
    for unit in (re.findall(r'"([^"]*)"', text) if '"' in text else text.split())[:3]:
        if unit.strip().lower() not in _MM:
            raise header.refuse(f"the header gives sizes in {unit!r}; a header in mm is needed.")


def _voxels(header: _Header, file: BinaryIO, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    dtype = _dtype(header)
    names = {name for name in ("data file", "datafile") if name in header.fields}
    if not names:
        return _decode(header, file, shape, dtype)
    with _beside(header, header.fields[names.pop()]).open("rb") as other:
        return _decode(header, other, shape, dtype)


def _beside(header: _Header, name: str) -> Path:
    """The voxels' file: a regular one in the header's own folder, wherever links lead."""
    if name.startswith("LIST") or "%" in name:
        raise header.refuse("the voxels are in several files; write them into one nrrd file.")
    try:
        folder, target = header.path.parent.resolve(), (header.path.parent / name).resolve()
        there = target.parent == folder and target.is_file()
    except (OSError, ValueError, RuntimeError):
        there = False
    if not there:
        raise header.refuse(
            f"the voxels should be in {name!r}, which is not a file of the header's own folder; "
            "put both into one folder."
        )
    return target


def _dtype(header: _Header) -> np.dtype:
    kind = " ".join(header.get("type").lower().split())
    code = next((code for code, names in _TYPES.items() if kind in names), None)
    if code is None:
        raise header.refuse(f"voxels of type {kind or 'unknown'!r} cannot be read; numbers are needed.")
    endian = header.get("endian").lower()
    text = header.get("encoding").lower() in ("txt", "text", "ascii")
    if code[1] != "1" and not text and endian not in ("little", "big"):
        raise header.refuse("the header does not say the order of bytes (endian).")
    return np.dtype({"little": "<", "big": ">"}.get(endian, "=") + code)


def _decode(
    header: _Header, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype
) -> tuple[np.ndarray, tuple[str, ...]]:
    encoding, name = header.get("encoding").lower(), header.path.name
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    for _ in range(min(header.whole("line skip", header.get("line skip", "lineskip")), 1 << 20)):
        file.readline()
    skip = header.whole("byte skip", header.get("byte skip", "byteskip"))
    if skip < (-1 if encoding == "raw" else 0):
        raise header.refuse(f"the header's byte skip is {skip}; it should be 0 or more.")
    try:
        if encoding == "raw":
            file.seek(-wanted, 2) if skip == -1 else file.seek(skip, 1)
            data, more = read_exactly(file, wanted)
        elif encoding in ("gz", "gzip", "bz2", "bzip2"):
            stream = gzip.GzipFile(fileobj=file) if encoding.startswith("g") else bz2.BZ2File(file)
            with stream:
                stream.seek(skip)
                data, more = read_exactly(stream, wanted)
        elif encoding in ("txt", "text", "ascii"):
            return _from_text(file, shape, dtype), ()
        elif encoding == "hex":
            data, more = bytearray.fromhex(file.read(2 * wanted + _MOST_HEADER).decode("ascii")), 0
        else:
            raise header.refuse(f"voxels in the encoding {encoding or 'unknown'!r} cannot be read.")
        array = np.frombuffer(data, dtype).reshape(shape, order="F")
    except InputError:
        raise
    except _DAMAGED as error:
        raise header.refuse(f"the file is damaged ({first_line(error)}); copy it again.") from error
    array = array if dtype.isnative else array.astype(dtype.newbyteorder("="))
    return array, (f"{name}: the file is longer than its header says; the end was left out.",) if more else ()


def _from_text(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    count = int(np.prod(shape, dtype=object))
    words = file.read(64 * count + _MOST_HEADER).replace(b",", b" ").split()
    if len(words) != count:
        raise ValueError(f"{len(words)} numbers for {count} voxels")
    with np.errstate(invalid="ignore"):
        numbers = np.array([float(word) for word in words]).astype(dtype.newbyteorder("="))
    return numbers.reshape(shape, order="F")
