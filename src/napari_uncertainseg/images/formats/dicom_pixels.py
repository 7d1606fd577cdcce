"""Pixels of a DICOM file as they are stored, before any scale is applied."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_PIXELS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "PixelData"),
)


@contextmanager
def lenient() -> Iterator[None]:
    """Take what scanners write, a number that is too long among it, without a warning."""
    from pydicom.config import disable_value_validation

    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def stored_pixels(dataset: Any) -> np.ndarray:
    """Pixels as stored, shape (frames, rows, columns).

    pydicom reads what is not packed; what is packed as JPEG is unpacked by ITK, from a copy that holds
    nothing but the pixels: its name is plain, and there is no number in it whose decimals could be misread.

    Raises
    ------
    ValueError, RuntimeError, ...
        What the libraries raise for pixels that cannot be read.
    """
    from pydicom.pixels import get_decoder

    _complete_meta(dataset)
    try:
        known = get_decoder(dataset.file_meta.TransferSyntaxUID).is_available
    except NotImplementedError:
        known = False
    array = dataset.pixel_array if known else _unpacked(dataset)
    return array.reshape(-1, int(dataset.Rows), int(dataset.Columns))


def _complete_meta(dataset: Any) -> None:
    """A file without a preamble does not say how it is written; it was found out in reading it."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _unpacked(dataset: Any) -> np.ndarray:
    import SimpleITK as sitk
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import MultiFrameGrayscaleWordSecondaryCaptureImageStorage, generate_uid

    bare = Dataset()
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    bare.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    bare.SOPInstanceUID = generate_uid()
    for keyword in _PIXELS:
        if keyword in dataset:
            bare[keyword] = dataset[keyword]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pixels.dcm")
        bare.save_as(path, enforce_file_format=True)
        return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
