"""nrrd files and DICOM series, read by SimpleITK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.stored import Stored, choose_volume, first_line

if TYPE_CHECKING:
    import SimpleITK as sitk

_NO_SCANS = ("SEG", "SR", "PR", "KO", "RT")
"""DICOM modalities, or their beginnings, that lie beside a scan: segmentations, reports, marks, treatment."""
_UIDS = {"patient": "0010|0020", "study": "0020|000d", "series": "0020|000e", "frame": "0020|0052"}
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, or a folder holds a DICOM file."""
    if path.is_dir():
        return any(is_dicom(p) for p in sorted(path.iterdir())[:50] if p.is_file())
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _from_itk(path: Path, image: sitk.Image, description: str = "") -> Stored:
    import SimpleITK as sitk

    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{path}: every voxel holds several values (RGB or vectors); a scan has one value.")
    dimension = image.GetDimension()
    array = sitk.GetArrayFromImage(image).transpose()
    if dimension < 3:
        choose_volume(path, array.shape, None)
    direction = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return Stored(array, _LPS_TO_RAS @ affine, description)


def dicom_series(path: Path) -> tuple[str, ...]:
    """Files of the image series in a folder, or of the series that a file belongs to, in order.

    Raises
    ------
    InputError
        If there is no image series, or several to choose from.
    """
    import SimpleITK as sitk

    folder = path if path.is_dir() else path.parent
    names = {uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
             for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))}  # fmt: skip
    if not path.is_dir():
        own = _dicom_tag(str(path), "0020|000e")
        names = {uid: files for uid, files in names.items() if uid == own}
    images = {uid: files for uid, files in names.items() if _is_scan(files[0])}
    if not images:
        raise InputError(f"{path}: no DICOM image series was found there.")
    if len(images) > 1:
        found = "; ".join(
            f"{_dicom_tag(files[0], '0008|103e') or 'unnamed'} ({len(files)} files, {Path(files[0]).name})"
            for files in images.values()
        )
        raise InputError(
            f"{path}: {len(images)} image series were found: {found}. Open one file of one of them."
        )
    return tuple(next(iter(images.values())))


def _dicom_header(file: str) -> sitk.ImageFileReader:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return reader


def _dicom_tag(file: str, key: str) -> str:
    try:
        reader = _dicom_header(file)
    except RuntimeError:
        return ""
    return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""


def _is_scan(file: str) -> bool:
    return bool(_dicom_tag(file, "0028|0010")) and not _dicom_tag(file, "0008|0060").startswith(_NO_SCANS)


def load_dicom(path: Path) -> Stored:
    """Read the series in a folder, or the one that a file belongs to."""
    import SimpleITK as sitk

    files = dicom_series(path)
    if not _dicom_tag(files[0], "0028|0030") and not _dicom_tag(files[0], "5200|9229"):
        raise InputError(f"{path}: the DICOM files give no pixel spacing; a scan needs its voxel size in mm.")
    if len(files) > 1:
        _check_slices(path, files)
    try:
        image = sitk.ReadImage(files if len(files) > 1 else files[0])
    except RuntimeError as error:
        raise InputError(f"{path}: the DICOM series cannot be read: {first_line(error)}.") from error
    uids = {name: uid for name, key in _UIDS.items() if (uid := _dicom_tag(files[0], key))}
    return replace(_from_itk(path, image, _dicom_tag(files[0], "0008|103e")), uids=uids)


def _check_slices(path: Path, files: Sequence[str]) -> None:
    """Refuse a series with missing slices: lesion volumes would be wrong."""
    positions = [_dicom_tag(f, "0020|0032").split("\\") for f in files]
    if any(len(p) != 3 for p in positions):
        return
    steps = np.linalg.norm(np.diff(np.array(positions, dtype=float), axis=0), axis=1)
    usual = float(np.median(steps))
    if usual == 0 or steps.max() > 1.5 * usual or steps.min() < 0.5 * usual:
        raise InputError(
            f"{path}: the slices are not evenly spaced ({steps.min():.2f} to {steps.max():.2f} mm); "
            "some are missing or doubled, export the series again."
        )
