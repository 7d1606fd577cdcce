"""Which format a file has, and NIfTI and mgz, read by nibabel."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.itk import is_dicom, load_dicom, load_nrrd
from napari_uncertainseg.images.stored import Stored, choose_volume, first_line

NIBABEL_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh")
NRRD_SUFFIXES = (".nrrd", ".nhdr")
DICOM_SUFFIXES = (".dcm", ".ima")

_DEFLATE_LIMIT = 1100  # deflate cannot pack more than about 1032 bytes into one


def suffix_of(path: Path) -> str:
    """Lower-case suffix, ``.nii.gz`` as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def load(path: Path, *, index: int | None = None) -> Stored:
    """Read any supported file or DICOM folder.

    Parameters
    ----------
    path
        NIfTI, mgz, nrrd, a DICOM folder or one file of a DICOM series.
    index
        Which volume of a 4-D file.

    Raises
    ------
    InputError
        If it is missing, broken, not an image, or not three-dimensional.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder.")
    if path.is_dir() or suffix_of(path) in DICOM_SUFFIXES or (not suffix_of(path) and is_dicom(path)):
        stored = load_dicom(path)
    elif suffix_of(path) in NIBABEL_SUFFIXES:
        return _load_nibabel(path, index)
    elif suffix_of(path) in NRRD_SUFFIXES:
        stored = load_nrrd(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; NIfTI (.nii, .nii.gz), .mgz, .nrrd or a DICOM folder can be read."
        )
    choice = choose_volume(path, stored.array.shape, index)
    array = stored.array if choice is None else stored.array[..., choice]
    return replace(stored, array=array.reshape(array.shape[:3]))


def _load_nibabel(path: Path, index: int | None) -> Stored:
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.imageglobals import LoggingOutputSuppressor
    from nibabel.spatialimages import HeaderDataError

    broken = (OSError, EOFError, zlib.error, gzip.BadGzipFile, ImageFileError, HeaderDataError, ValueError)
    try:
        # Silent: what the library mends in a header and matters is refused or noted here.
        with LoggingOutputSuppressor():
            image: Any = nib.load(path)
        shape = tuple(int(n) for n in image.shape)
    except broken as error:
        raise InputError(
            f"{path}: the file cannot be read as {suffix_of(path)}: {first_line(error)}."
        ) from error
    dtype = image.get_data_dtype()
    if dtype.fields is not None:
        raise InputError(f"{path}: this is a colour (RGB) image; a scan has one value per voxel.")
    choice = choose_volume(path, shape, index)
    _check_size(path, shape, dtype.itemsize)
    _check_stored_spacing(path, image)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            array = _voxels(image.dataobj, choice)
    except (*broken, MemoryError) as error:
        raise InputError(
            f"{path}: the file ends early or is damaged ({first_line(error)}); copy it again."
        ) from error
    header = image.header
    description = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1") if "descrip" in header else ""
    return Stored(array.reshape(array.shape[:3]), image.affine, description, _affine_notes(path, header))


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


def _check_stored_spacing(path: Path, image: Any) -> None:
    """Refuse a NIfTI whose affine comes from voxel sizes of 0, which the library silently makes 1 mm."""
    if "pixdim" not in image.header or image.header["sform_code"] > 0:
        return
    with image.file_map["image"].get_prepare_fileobj("rb") as file:
        sizes = type(image.header).from_fileobj(file, check=False)["pixdim"][1:4]
    if not (np.abs(sizes) > 0).all():
        raise InputError(
            f"{path}: the header gives no voxel size ({', '.join(f'{s:g}' for s in sizes)} mm); "
            "a correct header is needed."
        )


def _check_size(path: Path, shape: Sequence[int], itemsize: int) -> None:
    declared = int(np.prod([int(n) for n in shape], dtype=object)) * itemsize
    packed = suffix_of(path) in (".nii.gz", ".mgz")
    if declared > path.stat().st_size * (_DEFLATE_LIMIT if packed else 1):
        raise InputError(
            f"{path}: the header declares {declared / 1e6:.1f} MB of voxels and the file is shorter: "
            "it was cut off; copy it again from its source."
        )


def _affine_notes(path: Path, header: Any) -> tuple[str, ...]:
    """Say when a NIfTI header has no affine, or two that contradict each other."""
    if "sform_code" not in header:
        return ()
    known = int(header["sform_code"] > 0) + int(header["qform_code"] > 0)
    if known == 0:
        return (
            f"{path.name}: the header does not say how the patient lies; left and right, and all "
            "directions, are a guess.",
        )
    if known == 1:
        return ()
    try:
        sform, qform = header.get_sform(), header.get_qform()
    except ValueError:
        return ()
    far = np.array([*(np.array(header.get_data_shape()[:3]) - 1), 1])
    apart = max(np.linalg.norm((sform - qform)[:3, 3]), np.linalg.norm(((sform - qform) @ far)[:3]))
    if not apart > 1:
        return ()
    return (f"{path.name}: sform and qform disagree by up to {apart:.1f} mm; the sform is used.",)
