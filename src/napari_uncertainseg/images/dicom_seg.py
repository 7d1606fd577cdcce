"""Lesions as a DICOM segmentation (SEG) of the series that they were found in, written by highdicom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.images.dicom_source import Series, read_series
from napari_uncertainseg.images.files import replaced_file
from napari_uncertainseg.images.formats.dicom import is_dicom
from napari_uncertainseg.images.formats.dicom_pixels import lenient
from napari_uncertainseg.images.formats.formats import suffix_of
from napari_uncertainseg.images.formats.raw_image import first_line
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import main_of

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription

_LABEL = "White matter lesion"

_SERIES_NUMBER = 9001  # beyond what scanners count to
_RED = (55.0, 75.0, 50.0)  # CIELab: what viewers draw the lesions in


@dataclass(frozen=True)
class Algorithm:
    """What found the lesions.

    Attributes
    ----------
    name, version
        Of the model; at most 64 characters are written.
    parameters
        What it was run with, such as its threshold.
    """

    name: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_information(cls, information: Mapping[str, Any], threshold: float | None = None) -> Algorithm:
        """Take it from what a prediction says of itself."""
        used = {"method": information.get("method"), "sha256": information.get("model_sha256")}
        used["threshold"] = None if threshold is None else f"{threshold:.4g}"
        return cls(
            str(information.get("model") or "unknown model"),
            str(information.get("model_version") or "unknown"),
            {key: str(value) for key, value in used.items() if value is not None},
        )


def source_of(information: Mapping[str, Any]) -> Path:
    """Folder (or one file) of the DICOM series that a prediction's FLAIR was read from.

    Raises
    ------
    InputError
        If it came from elsewhere, or if highdicom is not installed; the sentence does as a tooltip.
    """
    _check_installed()
    inputs = information.get("inputs", {})
    path = inputs.get(main_of(inputs), {}).get("path")
    if path is None:
        raise InputError("The FLAIR has no file of its own; DICOM SEG needs one read from a DICOM series.")
    try:
        there = Path(path).exists()
    except OSError:  # such as a share that does not answer any more
        there = False
    if not there:
        raise InputError(f"{path}: the FLAIR is no longer there; DICOM SEG needs its DICOM series.")
    if not is_dicom(Path(path)):
        raise InputError(f"{path}: the FLAIR is not a DICOM series; DICOM SEG needs one that is.")
    return Path(path)


def write_dicom_seg(
    path: str | Path,
    mask: np.ndarray,
    grid: Grid,
    source: str | Path,
    *,
    algorithm: Algorithm | None,
    reviewed: bool = False,
) -> Path:
    """Write lesions as one DICOM SEG object: binary, one segment, of the source's study and space.

    Each voxel goes onto the pixel of the slice that it was read from, and each frame takes over
    that slice's own position, so that oblique series keep their geometry. Slices
    without a lesion are left out. Of the patient only what every object of a study must repeat is copied.

    Parameters
    ----------
    path
        Ends in ``.dcm``; outside the folder of the series, which could not be read as one series then.
        An existing file is replaced whole or not at all.
    mask
        bool, or labels (nonzero is lesion), canonical (s, a, r) order, shape ``grid.shape``.
    grid
        The scan's.
    source
        Folder of the DICOM series that the scan was read from, or one file of it.
    algorithm
        What found the lesions; None for a mask that was drawn by hand (MANUAL).
    reviewed
        Whether a person had a hand in it, by the threshold, verdicts or painting: SEMIAUTOMATIC, not
        AUTOMATIC.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If highdicom is not installed, if the series is not that of the grid or cannot be used, if
        there is no lesion, or if the file cannot be written.

    Notes
    -----
    Codes are of DICOM PS3.16: category SCT 49755003 (CID 7150), type DCM 110702 "White Matter T2
    Hyperintensity" (CID 7140), region SCT 12738006 (CID 4), algorithm family DCM 123110 (CID 7162).
    """
    path, source = Path(path), Path(source)
    _check_installed()
    check_same_shape(f"{path}: the mask", mask.shape, "its grid", grid.shape)
    lesions = mask != 0
    if not lesions.any():
        raise InputError(
            f"{path}: there is no lesion to write; an empty DICOM SEG could not be told from a broken one."
        )
    _check_target(path, source)
    with lenient():
        seg = _segmentation(read_series(source, grid), lesions, _segment(algorithm, reviewed))
        with replaced_file(path) as file:
            seg.save_as(file)
    return path


def _check_installed() -> None:
    if find_spec("highdicom") is None:
        raise InputError('DICOM SEG needs highdicom: pip install "napari-uncertainseg[dicom]".')


def _check_target(path: Path, source: Path) -> None:
    if suffix_of(path) != ".dcm":
        raise InputError(f"{path}: a DICOM SEG is one DICOM file; end the name in .dcm.")
    folder = source.parent if source.is_file() else source
    if path.absolute().parent.resolve() == folder.resolve():
        raise InputError(
            f"{path}: this is the folder of the scan's own series, which must stay one series; "
            "choose another folder."
        )


def _segment(algorithm: Algorithm | None, reviewed: bool) -> SegmentDescription:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    identification, kind = None, "MANUAL"
    if algorithm is not None:
        kind = "SEMIAUTOMATIC" if reviewed else "AUTOMATIC"
        identification = hd.AlgorithmIdentificationSequence(
            name=_long_string(algorithm.name),
            family=codes.DCM.ArtificialIntelligence,
            version=_long_string(algorithm.version),
            source="napari-uncertainseg",
            parameters=dict(algorithm.parameters) or None,
        )
    return hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=_LABEL,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.DCM.WhiteMatterT2Hyperintensity,
        algorithm_type=kind,
        algorithm_identification=identification,
        anatomic_regions=[codes.SCT.Brain],
        display_color=hd.color.CIELabColor(*_RED),
    )


def _segmentation(series: Series, lesions: np.ndarray, segment: SegmentDescription) -> Segmentation:
    import highdicom as hd

    name = series.slices[0].PatientName
    try:
        thickness = series.thickness
        for one in series.slices:
            one.PatientName = None  # the library warns of names without a caret, "ANON" among them
            one.SliceThickness = thickness  # which it needs, though it may be missing
        seg = hd.seg.Segmentation(
            source_images=list(series.slices),
            pixel_array=np.ascontiguousarray(series.planes(lesions), np.uint8),
            segmentation_type="BINARY",
            segment_descriptions=[segment],
            series_instance_uid=hd.UID(),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="napari-uncertainseg developers",
            manufacturer_model_name="napari-uncertainseg",
            software_versions=version("napari-uncertainseg"),
            device_serial_number="none",
            content_label="LESIONS",
            content_description="White matter lesions; for research only",
            series_description="White matter lesions (napari-uncertainseg)",
            pixel_measures=hd.PixelMeasuresSequence(series.spacing, thickness, series.step),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(
            f"{series.path}: the headers of this series do not allow a DICOM SEG ({first_line(error)}); "
            "export the series again."
        ) from error
    seg.PatientName = name
    seg.ContentCreatorName = None  # must be there, may be empty
    return seg


def _long_string(text: str) -> str:
    return text.replace("\\", "/").strip()[:64]
