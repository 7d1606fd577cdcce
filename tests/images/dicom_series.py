"""DICOM series made up for tests: every voxel has a value of its own, and the files' names mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Sequence_
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

SHAPE = (7, 12, 10)
"""Slices, rows, columns."""

SECRETS = {
    "PatientComments": "SECRET-COMMENT",
    "PatientAddress": "SECRET-STREET",
    "OtherPatientIDs": "SECRET-OTHER",
    "Occupation": "SECRET-WORK",
    "StudyDescription": "SECRET-STUDY",
    "InstitutionName": "SECRET-HOSPITAL",
    "OperatorsName": "SECRET^OPERATOR",
    "RequestingPhysician": "SECRET^DOCTOR",
    "StationName": "SECRET-STATION",
    "ProtocolName": "SECRET-PROTOCOL",
}
"""What a scanner writes and nobody asked for."""

ORIENTATIONS = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "oblique": ((0.94, 0.3, 0.15), (-0.28, 0.93, -0.2)),
}


def make_series(
    folder: Path,
    orientation: str = "oblique",
    *,
    downwards: bool = False,
    tilt: float = 0.0,
    shape: tuple[int, int, int] = SHAPE,
    step: float = 3.3,
    seed: int = 0,
    edit: Callable[[int, Dataset], None] = lambda k, one: None,
    **changed: object,
) -> Path:
    """Write a series, one file a slice; `tilt` shifts each slice by so many mm along its columns.

    `edit` changes what is written of a slice, given its number from the first position on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    row, column = _perpendicular(*ORIENTATIONS[orientation])
    normal = np.cross(row, column) * (-1 if downwards else 1)
    rng = np.random.default_rng(seed)
    values = rng.permutation(int(np.prod(shape))).astype(np.uint16).reshape(shape)
    study, series, frame = (generate_uid() for _ in range(3))
    for k, name in enumerate(rng.permutation(shape[0])):
        one = _slice(values[k])
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        position = np.array([-20.5, 31.25, -12.0]) + k * (step * normal + tilt * column)
        one.ImagePositionPatient = [round(float(v), 8) for v in position]
        one.ImageOrientationPatient = [round(float(v), 10) for v in (*row, *column)]
        one.InstanceNumber = shape[0] - k
        for keyword, value in changed.items():
            if value is None:
                delattr(one, keyword)
            else:
                setattr(one, keyword, value)
        edit(k, one)
        one.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return folder


def make_enhanced(
    path: Path, values: np.ndarray, positions: Sequence[Sequence[float]], **shared: object
) -> Path:
    """Write one enhanced multi-frame MR file; each frame has a position and a slope of its own (k + 1)."""
    one = _slice(values[0])
    for keyword in ("PixelSpacing", "SliceThickness"):
        delattr(one, keyword)
    one.SOPClassUID = EnhancedMRImageStorage
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    one.NumberOfFrames, one.PixelData = len(values), values.astype("<u2").tobytes()
    measures, turned = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.9, 1.2], 3.0
    turned.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    groups = Dataset()
    groups.PixelMeasuresSequence, groups.PlaneOrientationSequence = Sequence_([measures]), Sequence_([turned])
    one.SharedFunctionalGroupsSequence = Sequence_([groups])
    frames = []
    for k, position in enumerate(positions):
        place, scale, frame = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [float(v) for v in position]
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = k + 1, 0, "US"
        frame.PlanePositionSequence = Sequence_([place])
        frame.PixelValueTransformationSequence = Sequence_([scale])
        frames.append(frame)
    one.PerFrameFunctionalGroupsSequence = Sequence_(frames)
    for keyword, value in shared.items():
        if value is None:
            delattr(one, keyword)
        else:
            setattr(one, keyword, value)
    one.save_as(path, enforce_file_format=True)
    return path


def _slice(values: np.ndarray) -> Dataset:
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID, one.SOPInstanceUID = MRImageStorage, generate_uid()
    one.SpecificCharacterSet = "ISO_IR 100"
    one.PatientName, one.PatientID, one.PatientSex = "Müller^Änne", "P-17", "F"
    one.PatientBirthDate, one.StudyDate, one.StudyTime = "19700102", "20240506", "101112"
    one.StudyID, one.AccessionNumber, one.ReferringPhysicianName = "S1", "A1", "Doe^Jo"
    one.Modality, one.SeriesNumber, one.SeriesDescription = "MR", 4, "FLAIR"
    one.Manufacturer, one.SliceThickness, one.PixelSpacing = "Maker", 3.0, [0.9, 1.2]
    one.Rows, one.Columns = values.shape
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated = one.BitsStored = 16
    one.HighBit, one.PixelRepresentation = 15, 0
    one.PixelData = values.astype("<u2").tobytes()
    for keyword, value in SECRETS.items():
        setattr(one, keyword, value)
    one.add_new(0x00091001, "LO", "SECRET-PRIVATE")
    one.add_new(0x00090010, "LO", "MAKER")
    return one


def _perpendicular(row: tuple[float, ...], column: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    along = np.array(row, float) / np.linalg.norm(row)
    down = np.array(column, float) - np.dot(column, along) * along
    return along, down / np.linalg.norm(down)


def frames_of(path: Path) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Frames of a SEG, taken apart by hand: bits, affine from (column, row, 0) to LPS mm, source instance."""
    seg = pydicom.dcmread(path)
    count, rows, columns = int(seg.NumberOfFrames), seg.Rows, seg.Columns
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    masks = bits[: count * rows * columns].reshape(count, rows, columns).astype(bool)
    shared = seg.SharedFunctionalGroupsSequence[0]
    turned = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    down, along = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    found = []
    for mask, groups in zip(masks, seg.PerFrameFunctionalGroupsSequence, strict=True):
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = turned[0] * along, turned[1] * down
        affine[:3, 3] = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        found.append((mask, affine, str(source)))
    return found
