"""NIfTI and mgz, read by nibabel."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.fileholders import FileHolder
from nibabel.freesurfer.mghformat import MGHError
from nibabel.spatialimages import HeaderDataError

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.formats.formats import suffix_of
from napari_uncertainseg.images.formats.nifti_headers import (
    check_header,
    check_whole,
    first_bytes,
    image_class,
    orientation_notes,
    quiet,
)
from napari_uncertainseg.images.formats.raw_image import Place, RawImage, choose_volume, first_line

_DEFLATE_LIMIT = 1100  # deflate cannot pack more than about 1032 bytes into one


_BROKEN = (
    *(OSError, EOFError, zlib.error, ValueError, ArithmeticError, LookupError, TypeError),
    *(ImageFileError, HeaderDataError, MGHError),
)
"""What the library raises for a header or voxels that cannot be."""


def load_nibabel(path: Path, index: int | None) -> RawImage:
    """Read a NIfTI or mgz file.

    Parameters
    ----------
    path
        The file.
    index
        Which volume of a 4-D file.

    Raises
    ------
    InputError
        If it is damaged, not an image, or not three-dimensional.
    """
    image, choice, end = _checked(path, index)
    try:
        more = check_whole(path, image.header, end)
        with np.errstate(over="ignore", invalid="ignore"):
            array = _voxels(image.dataobj, choice)
    except (*_BROKEN, MemoryError) as error:
        raise _cut_off(path, error) from error
    header = image.header
    description = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1") if "descrip" in header else ""
    notes = (*orientation_notes(path, header), *more)
    return RawImage(array.reshape(array.shape[:3]), image.affine, description, notes)


def place_by_nibabel(path: Path, index: int | None, whole: bool) -> Place:
    """As `load_nibabel`, by the header alone; with `whole`, after a look at whether the file ends early.

    Raises
    ------
    InputError
        As `load_nibabel`, but for damaged voxels.
    """
    image, _, end = _checked(path, index)
    if whole:
        try:
            check_whole(path, image.header, end)
        except _BROKEN as error:
            raise _cut_off(path, error) from error
    first, second, third = (int(n) for n in image.shape[:3])
    return Place((first, second, third), image.affine)


def _cut_off(path: Path, error: BaseException) -> InputError:
    return InputError(f"{path}: the file ends early or is damaged ({first_line(error)}); copy it again.")


def _checked(path: Path, index: int | None) -> tuple[Any, int | None, int]:
    """An image whose header can be used, which of its volumes is meant, and the byte where it ends."""
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
    return image, choice, start + declared


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
