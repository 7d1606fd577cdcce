"""DICOM series: found by what the files hold, whatever their names, and read slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.formats.dicom_frames import Frame, frames_of, stacked
from napari_uncertainseg.images.formats.dicom_pixels import lenient, stored_pixels
from napari_uncertainseg.images.formats.raw_image import RawImage, choose_volume, first_line

_NO_SCANS = ("SEG", "SR", "PR", "KO", "RT")
"""DICOM modalities, or their beginnings, that lie beside a scan: segmentations, reports, marks, treatment."""
_UIDS = {
    "patient": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "frame": "FrameOfReferenceUID",
}
_FOUND_BY = (
    *("SeriesInstanceUID", "SeriesDescription", "Modality", "Rows", "InstanceNumber", "SpecificCharacterSet"),
    *("ImagePositionPatient", "ImageOrientationPatient"),
)
_DIRECTORY = "1.2.840.10008.1.3.10"
"""Class of a DICOMDIR, which lists files and is no scan."""
_BARE = tuple(b"\x08\x00" + bytes([low]) + b"\x00" for low in (0x00, 0x01, 0x05, 0x08, 0x12, 0x14, 0x16))
"""How a DICOM file begins that lacks the usual 128 bytes and `DICM`: with its group 0008."""
_BROKEN = Exception
"""pydicom looks at values late and raises almost anything for a damaged file, errors of its own among it."""


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, or a folder holds a DICOM file."""
    try:
        if path.is_dir():
            return any(is_dicom(p) for p in sorted(path.iterdir())[:50] if p.is_file())
        if not path.is_file():  # a pipe would keep us waiting
            return False
        with path.open("rb") as file:
            head = file.read(132)
    except (OSError, ValueError):
        return False
    return head[128:] == b"DICM" or head.startswith(_BARE)


def dicom_series(path: Path) -> tuple[str, ...]:
    """Files of the image series in a folder, or of the series that a file belongs to, in order.

    Raises
    ------
    InputError
        If there is no image series, or several to choose from.
    """
    return _series(path)[0]


def dicom_date(path: Path) -> str:
    """The date of the scan in a file or folder as DICOM writes it (20260301); empty where it has none."""
    import pydicom

    tags = ["AcquisitionDate", "SeriesDate", "StudyDate"]
    try:
        first = dicom_series(path)[0]
        header = pydicom.dcmread(first, stop_before_pixels=True, force=True, specific_tags=[*tags])
        dates = [str(header.get(tag) or "") for tag in tags]
    except _BROKEN:
        return ""
    return next((text for text in dates if text), "")


def _series(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Files of the one image series, in order; and what a reader should know of the others there."""
    with lenient():
        found = _found(path if path.is_dir() else path.parent)
    damaged = [Path(file).name for file, one in found if one == "damaged"]
    series: dict[str, list[_Slice]] = {}
    for one in (one for _, one in found if isinstance(one, _Slice)):
        series.setdefault(one.series, []).append(one)
    if not path.is_dir():
        series = {uid: them for uid, them in series.items() if str(path) in {one.file for one in them}}
    if not series:
        raise InputError(f"{path}: no DICOM image series was found there.")
    if len(series) > 1:
        names = "; ".join(
            f"{them[0].description or 'unnamed'} ({len(them)} files, {Path(them[0].file).name})"
            for them in series.values()
        )
        raise InputError(
            f"{path}: {len(series)} image series were found: {names}. Open one file of one of them."
        )
    (them,) = series.values()
    files = tuple(one.file for one in sorted(them, key=lambda one: (one.along, one.number, one.file)))
    return files, _damaged_note(damaged)


def _damaged_note(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return (f"{names[0]}{more} is a damaged DICOM file and was left out: slices of the scan may be missing.",)


@dataclass(frozen=True)
class _Slice:
    """What a file is found by: its series, and its place in it."""

    file: str
    series: str
    description: str
    along: float
    number: float


def _found(folder: Path) -> list[tuple[str, _Slice | Literal["damaged", "no scan"]]]:
    """The DICOM files of a folder, and what each of them is."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error}).") from error
    return [(str(path), _slice(path)) for path in paths if is_dicom(path)]


def _slice(path: Path) -> _Slice | Literal["damaged", "no scan"]:
    import pydicom

    try:
        with path.open("rb") as file:
            header = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*_FOUND_BY])
        listing = header.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY
        if not header.get("Rows"):
            return "no scan" if listing or header.get("Modality") else "damaged"
        if str(header.get("Modality", "")).startswith(_NO_SCANS):
            return "no scan"
        text = [str(header.get(name) or "") for name in ("SeriesInstanceUID", "SeriesDescription")]
    except _BROKEN:
        return "damaged"
    return _Slice(str(path), text[0], text[1], _along(header), _number(header))


def _along(header: Any) -> float:
    """Place along the normal, mm; a series that does not say so is refused when it is read."""
    try:
        directions = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
        return float(np.array(header.ImagePositionPatient, float) @ np.cross(*directions))
    except _BROKEN:
        return 0.0


def _number(header: Any) -> float:
    try:
        return float(header.InstanceNumber)
    except _BROKEN:
        return 0.0


def load_dicom(path: Path) -> RawImage:
    """Read the series in a folder, or the one that a file belongs to.

    Raises
    ------
    InputError
        If its slices are no even stack of one patient's, or cannot be read.
    """
    files, notes = _series(path)
    try:
        with lenient():
            return replace(_load(path, files), notes=notes)
    except (InputError, MemoryError):
        raise
    except _BROKEN as error:
        raise InputError(f"{path}: the DICOM series cannot be read: {first_line(error)}.") from error


def _load(path: Path, files: Sequence[str]) -> RawImage:
    import pydicom

    headers = {}
    for file in files:
        with Path(file).open("rb") as opened:
            headers[file] = pydicom.dcmread(opened, stop_before_pixels=True, force=True)
    first = headers[files[0]]
    _check_one(path, list(headers.values()))
    frames = [frame for file, header in headers.items() for frame in frames_of(path, file, header)]
    shape = (int(first.Columns), int(first.Rows), len(frames))
    choose_volume(path, shape, None)
    ordered, affine = stacked(path, frames)
    array = _voxels(path, ordered, shape)
    uids = {name: uid for name, key in _UIDS.items() if (uid := str(first.get(key) or "").strip())}
    return RawImage(array, affine, str(first.get("SeriesDescription") or ""), (), uids)


def _check_one(path: Path, headers: Sequence[Any]) -> None:
    """Refuse what one array cannot hold: colours, slices of several sizes, of several patients or spaces."""
    if any(int(one.get("SamplesPerPixel") or 1) != 1 for one in headers):
        raise InputError(f"{path}: every voxel holds several values (RGB); a scan has one value.")
    if any(str(one.get("PhotometricInterpretation")) == "MONOCHROME1" for one in headers):
        raise InputError(
            f"{path}: the scan is stored as a negative (MONOCHROME1: low values are bright); export it as "
            "MONOCHROME2."
        )
    sizes = {(int(one.Rows), int(one.Columns)) for one in headers}
    if len(sizes) > 1:
        (a, b), (c, d) = sorted(sizes)[:2]
        raise InputError(
            f"{path}: the slices differ in size ({a} x {b} and {c} x {d}); export the series again."
        )
    for name, keyword in _UIDS.items():
        if len({str(one.get(keyword)) for one in headers if one.get(keyword)}) > 1:
            what = {"patient": "patients", "study": "studies"}.get(name, "frames of reference")
            raise InputError(f"{path}: the slices are of several {what}; export the series again.")


def _voxels(path: Path, frames: Sequence[Frame], shape: tuple[int, ...]) -> np.ndarray:
    """Array in the order (column, row, slice), each slice with its own scale."""
    scaled = any((one.slope, one.intercept) != (1, 0) for one in frames)
    array: np.ndarray | None = None
    pixels, read = np.empty(0), ""
    for k, frame in enumerate(frames):
        if frame.file != read:
            pixels, read = _pixels(path, frame.file), frame.file
        plane = pixels[frame.index].T
        if scaled:
            plane = (plane * frame.slope + frame.intercept).astype(np.float32)
        if array is None or not np.can_cast(plane.dtype, array.dtype):
            dtype = plane.dtype if array is None else np.result_type(array, plane)
            array = np.empty(shape, dtype, order="F") if array is None else array.astype(dtype, order="F")
        array[..., k] = plane
    assert array is not None
    return array


def _pixels(path: Path, file: str) -> np.ndarray:
    import pydicom

    try:
        with Path(file).open("rb") as opened:
            dataset = pydicom.dcmread(opened, force=True)
        return stored_pixels(dataset)
    except _BROKEN as error:
        raise InputError(
            f"{path}: the pixels of {Path(file).name} cannot be read ({first_line(error)}); copy it again."
        ) from error
