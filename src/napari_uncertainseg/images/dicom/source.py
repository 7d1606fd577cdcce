"""The DICOM series that a scan was read from, as what a DICOM SEG refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.formats.dicom import dicom_series, is_dicom
from napari_uncertainseg.images.formats.formats import load
from napari_uncertainseg.images.formats.raw_image import first_line
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import main_of

if TYPE_CHECKING:
    from pydicom import Dataset

_UIDS = {
    "SOPClassUID": "SOP Class UID",
    "SOPInstanceUID": "SOP Instance UID",
    "StudyInstanceUID": "Study Instance UID",
    "SeriesInstanceUID": "Series Instance UID",
    "FrameOfReferenceUID": "Frame of Reference UID",
}
_TIMES = {"PatientBirthDate": "DA", "StudyDate": "DA", "StudyTime": "TM"}
_REPEATED = (
    *("PatientName", "PatientID", "PatientSex", *_TIMES),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""What every object of a study must repeat (types 1 and 2), empty where it is unknown."""

_PASSED_ON = (
    *("IssuerOfPatientID", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "DeidentificationMethodCodeSequence"),
)
"""Optional, and repeated all the same: whose number the patient's is, and that names were removed."""

_GEOMETRY = (
    *("Rows", "Columns", "PixelSpacing", "SliceThickness"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PositionReferenceIndicator"),
)
_READ = [*_UIDS, *_REPEATED, *_PASSED_ON, *_GEOMETRY, "SpecificCharacterSet", "Modality", "NumberOfFrames"]
"""Nothing else is read, so nothing else of the patient can get into what is made of it."""

_DATES = ("AcquisitionDate", "SeriesDate", "StudyDate")
"""What may say when a scan was acquired, the surest first."""


@dataclass(frozen=True, eq=False)
class Series:
    """A DICOM series, one file a slice.

    Attributes
    ----------
    path
        What the user named.
    grid
        The scan's, as the reader makes it of the series.
    slices
        Headers in the order in which the reader stacks them, without pixels, with what the
        standard requires and nothing else of the patient.
    """

    path: Path
    grid: Grid
    slices: tuple[Dataset, ...]

    def planes(self, mask: np.ndarray) -> np.ndarray:
        """Bring a mask from canonical (s, a, r) order into (slice, row, column), one plane for each slice.

        Each voxel comes onto the pixel that it was read from: the reader's file axes are
        column, row and slice.

        Parameters
        ----------
        mask
            bool or labels, shape (s, a, r) of the grid.
        """
        return self.grid.to_file(mask)[0].transpose(2, 1, 0)

    @property
    def spacing(self) -> tuple[float, float]:
        """Pixel spacing between rows and between columns, mm."""
        between_rows, between_columns = (float(size) for size in self.slices[0].PixelSpacing)
        return between_rows, between_columns

    @property
    def step(self) -> float:
        """Distance from slice to slice, mm, along their normal."""
        first, last = (np.array(self.slices[k].ImagePositionPatient, dtype=float) for k in (0, -1))
        along_row, along_column = np.array(self.slices[0].ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(along_row, along_column)
        return float(abs((last - first) @ normal) / np.linalg.norm(normal)) / (len(self.slices) - 1)

    @property
    def thickness(self) -> float:
        """Slice thickness, mm; the distance of the slices where the headers do not say."""
        return float(self.slices[0].get("SliceThickness") or 0) or self.step


def read_series(source: Path, grid: Grid) -> Series:
    """Read the series that a scan came from.

    Parameters
    ----------
    source
        Its folder, or one file of it.
    grid
        The scan's.

    Raises
    ------
    InputError
        If it is another series, several, an enhanced one, or lacks what must be referred to.
    """
    if not source.exists():
        raise InputError(f"{source}: there is no such folder; name that of the scan's DICOM series.")
    if source.is_file() and not is_dicom(source):
        raise InputError(f"{source}: this is not a DICOM file; name the folder of the scan's DICOM series.")
    files = dicom_series(source)
    if len(files) < 2:
        raise _unsupported(source)
    stored = load(source)
    found = Grid.from_file(stored.array.shape, stored.affine)
    if not found.same_as(grid, tolerance=1e-2):
        raise InputError(
            f"{source}: this DICOM series does not lie on the grid of the lesions ({_size(found)} here, "
            f"{_size(grid)} there); name the folder of the series that was segmented."
        )
    slices = tuple(_header(source, file) for file in files)
    _check(source, slices)
    return Series(source, found, slices)


def _header(source: Path, file: str) -> Dataset:
    """What is needed of a slice's header; empty is what must be there and is not, or cannot be read."""
    import pydicom
    from pydicom.valuerep import DA, TM

    try:
        with Path(file).open("rb") as opened:
            found = pydicom.dcmread(opened, stop_before_pixels=True, force=True, specific_tags=[*_READ])
    except (OSError, ValueError, AttributeError, KeyError, NotImplementedError) as error:
        raise InputError(
            f"{source}: the header of {Path(file).name} cannot be read ({first_line(error)})."
        ) from error
    for keyword in _REPEATED:
        if keyword not in found:
            setattr(found, keyword, None)
    if found.PatientSex not in ("M", "F", "O"):
        found.PatientSex = None
    for keyword, kind in _TIMES.items():
        try:
            (DA if kind == "DA" else TM)(found.get(keyword))
        except ValueError:  # such as "ANON"
            setattr(found, keyword, None)
    return found


def _check(source: Path, slices: tuple[Dataset, ...]) -> None:
    for keyword, name in _UIDS.items():
        if any(not one.get(keyword) for one in slices):
            raise InputError(
                f"{source}: a file has no {name}, which a DICOM SEG must refer to; export the series again."
            )
    if any(int(one.get("NumberOfFrames") or 1) > 1 for one in slices):
        raise _unsupported(source)


def _unsupported(source: Path) -> InputError:
    return InputError(
        f"{source}: a DICOM SEG is written for a series with one file for each slice, not for an enhanced "
        "(multi-frame) one; export the series as classic DICOM."
    )


def _size(grid: Grid) -> str:
    shape = " x ".join(str(n) for n in grid.shape)
    return f"{shape} voxels of {' x '.join(f'{step:.2f}' for step in grid.spacing)} mm"


def scan_date(information: Mapping[str, Any]) -> str:
    """The date of the scan that a prediction was made of, ``2024-03-01``; empty where nobody knows.

    Only DICOM says it: a NIfTI file has no date.

    Parameters
    ----------
    information
        What the prediction says of itself; its ``inputs`` hold the paths.
    """
    inputs = information.get("inputs")
    about = inputs.get(main_of(inputs)) if isinstance(inputs, Mapping) else None
    path = about.get("path") if isinstance(about, Mapping) else None
    try:
        return _date_in(Path(path)) if isinstance(path, str) and path else ""
    except (OSError, ValueError, AttributeError, KeyError, NotImplementedError, TypeError):
        return ""  # the file has gone, or is odd: then nobody knows


def _date_in(path: Path) -> str:
    import pydicom

    if not path.exists() or not is_dicom(path):
        return ""
    with Path(dicom_series(path)[0]).open("rb") as file:
        head = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*_DATES])
    for name in _DATES:
        text = str(head.get(name) or "").strip()
        if len(text) == 8 and text.isdigit():
            return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return ""
