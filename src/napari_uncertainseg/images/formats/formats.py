"""Which format a file has, and NIfTI and mgz, read by nibabel."""

from __future__ import annotations

import os
import stat
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.fileholders import FileHolder
from nibabel.freesurfer.mghformat import MGHError
from nibabel.spatialimages import HeaderDataError

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.formats.dicom import is_dicom, load_dicom
from napari_uncertainseg.images.formats.nifti_headers import (
    check_header,
    check_whole,
    first_bytes,
    image_class,
    orientation_notes,
    quiet,
)
from napari_uncertainseg.images.formats.nrrd import load_nrrd
from napari_uncertainseg.images.formats.raw_image import RawImage, choose_volume, first_line

NIBABEL_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh")
NRRD_SUFFIXES = (".nrrd", ".nhdr")
DICOM_SUFFIXES = (".dcm", ".ima")

_DEFLATE_LIMIT = 1100  # deflate cannot pack more than about 1032 bytes into one


_BROKEN = (
    *(OSError, EOFError, zlib.error, ValueError, ArithmeticError, LookupError, TypeError),
    *(ImageFileError, HeaderDataError, MGHError),
)
"""What the library raises for a header or voxels that cannot be."""


def suffix_of(path: Path) -> str:
    """Lower-case suffix, ``.nii.gz`` as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def load(path: Path, *, index: int | None = None) -> RawImage:
    """Read any supported file or DICOM folder.

    Parameters
    ----------
    path
        NIfTI, mgz, nrrd, a DICOM folder or one file of a DICOM series, whatever its name.
    index
        Which volume of a 4-D file.

    Raises
    ------
    InputError
        If it is missing, broken, not an image, or not three-dimensional.
    """
    check_kind(path)
    suffix = "" if path.is_dir() else suffix_of(path)
    if suffix in NIBABEL_SUFFIXES:
        return _load_nibabel(path, index)
    if suffix in NRRD_SUFFIXES:
        stored = load_nrrd(path)
    elif path.is_dir() or suffix in DICOM_SUFFIXES or is_dicom(path):
        stored = load_dicom(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; NIfTI (.nii, .nii.gz), .mgz, .nrrd or a DICOM folder can be read."
        )
    choice = choose_volume(path, stored.array.shape, index)
    array = stored.array if choice is None else stored.array[..., choice]
    return replace(stored, array=array.reshape(array.shape[:3]))


def check_kind(path: Path) -> None:
    """Refuse what is no file or folder, before anything waits for it: a pipe or a device never ends."""
    try:
        about = path.stat()
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no name that a file can have ({error}).") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: there is no such file or folder.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
        raise InputError(f"{path}: this is a device, a pipe or a socket; a file or a folder is needed.")
    if stat.S_ISREG(about.st_mode) and about.st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again from its source.")


def _load_nibabel(path: Path, index: int | None) -> RawImage:
    try:
        image, start = _open_nibabel(path)
        shape = tuple(int(n) for n in image.shape)
    except InputError:  # it names the file already
        raise
    except _BROKEN as error:
        raise InputError(
            f"{path}: the file cannot be read as {suffix_of(path)}: {first_line(error)}."
        ) from error
    dtype = image.get_data_dtype()
    if dtype.fields is not None:
        raise InputError(f"{path}: this is a colour (RGB) image; a scan has one value per voxel.")
    choice = choose_volume(path, shape, index)
    declared = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    _check_size(path, declared)
    try:
        more = check_whole(path, image.header, start + declared)
        with np.errstate(over="ignore", invalid="ignore"):
            array = _voxels(image.dataobj, choice)
    except (*_BROKEN, MemoryError) as error:
        raise InputError(
            f"{path}: the file ends early or is damaged ({first_line(error)}); copy it again."
        ) from error
    header = image.header
    description = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1") if "descrip" in header else ""
    notes = (*orientation_notes(path, header), *more)
    return RawImage(array.reshape(array.shape[:3]), image.affine, description, notes)


def _open_nibabel(path: Path) -> tuple[Any, int]:
    """Open an image, its voxels still in the file; and the byte where they begin."""
    head = first_bytes(path)
    kind = image_class(path, head)
    if kind is None:
        raise ValueError("there is no header of that kind in it")
    start = check_header(path, kind, head)
    with quiet():
        return kind.from_file_map({"image": FileHolder(os.fspath(path))}), start


def _voxels(stored: Any, choice: int | None) -> np.ndarray:
    """Voxels with scale factors applied: as float32 where the integers fit, the library takes float64."""
    if choice is not None:
        return np.asanyarray(stored[..., choice])
    slope, inter = float(getattr(stored, "slope", 1)), float(getattr(stored, "inter", 0))
    if (slope, inter) != (1, 0) and stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        largest = abs(slope) * np.iinfo(stored.dtype).max + abs(slope) + abs(inter)
        if largest < np.finfo(np.float32).max:
            array = np.asarray(stored.get_unscaled(), np.float32)
            array *= np.float32(slope)
            array += np.float32(inter)
            return array
    return np.asanyarray(stored)


def _check_size(path: Path, declared: int) -> None:
    packed = suffix_of(path) in (".nii.gz", ".mgz")
    if declared > path.stat().st_size * (_DEFLATE_LIMIT if packed else 1):
        raise InputError(
            f"{path}: the header declares {declared / 1e6:.1f} MB of voxels and the file is shorter: "
            "it was cut off; copy it again from its source."
        )
