"""Lesions as a DICOM segmentation (SEG) of the series that they were found in, written by highdicom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.images.dicom.source import Series, read_series
from napari_uncertainseg.images.formats.dicom import is_dicom
from napari_uncertainseg.images.formats.dicom_pixels import lenient
from napari_uncertainseg.images.formats.formats import suffix_of
from napari_uncertainseg.images.formats.raw_image import first_line
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import main_of

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom import Dataset

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


def source_of(information: Mapping[str, Any], what: str = "DICOM SEG") -> Path:
    """Folder (or one file) of the DICOM series that a prediction's FLAIR was read from.

    Parameters
    ----------
    information
        What the prediction says of itself.
    what
        What is to be written.

    Raises
    ------
    InputError
        If it came from elsewhere, or if highdicom is not installed; the sentence does as a tooltip.
    """
    check_installed(what)
    inputs = information.get("inputs", {})
    path = inputs.get(main_of(inputs), {}).get("path")
    if path is None:
        raise InputError(f"The FLAIR has no file of its own; {what} needs one read from a DICOM series.")
    try:
        there = Path(path).exists()
    except OSError:  # such as a share that does not answer any more
        there = False
    if not there:
        raise InputError(f"{path}: the FLAIR is no longer there; {what} needs its DICOM series.")
    if not is_dicom(Path(path)):
        raise InputError(f"{path}: the FLAIR is not a DICOM series; {what} needs one that is.")
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
    check_installed("DICOM SEG")
    lesions = _lesions_of(mask, grid, path)
    check_target(path, source, "DICOM SEG")
    with lenient():
        series = read_series(source, grid)
        segment = make_segment(_LABEL, algorithm, reviewed=reviewed)
        seg = make_segmentation(series, lesions, [segment])
        with replaced_file(path) as file:
            seg.save_as(file)
    return path


def _lesions_of(mask: np.ndarray, grid: Grid, path: Path) -> np.ndarray:
    """The lesions of a mask as segment 1, uint8; InputError where there are none, or the grid is another."""
    check_same_shape(f"{path}: the mask", mask.shape, "its grid", grid.shape)
    lesions = mask != 0
    if not lesions.any():
        raise InputError(
            f"{path}: there is no lesion to write; an empty DICOM SEG could not be told from a broken one."
        )
    return lesions.astype(np.uint8)


def check_installed(what: str) -> None:
    """See that highdicom is there, or raise InputError; ``what`` is to be written."""
    if find_spec("highdicom") is None:
        raise InputError(f'{what} needs highdicom: pip install "napari-uncertainseg[dicom]".')


def check_target(path: Path, source: Path, what: str) -> None:
    """See that a DICOM file may be written there, or raise InputError.

    Parameters
    ----------
    path
        Where to.
    source
        Folder of the scan's series, or a file of it; nothing may be written into that folder.
    what
        What is to be written.
    """
    if suffix_of(path) != ".dcm":
        raise InputError(f"{path}: a {what} is one DICOM file; end the name in .dcm.")
    folder = source.parent if source.is_file() else source
    if path.absolute().parent.resolve() == folder.resolve():
        raise InputError(
            f"{path}: this is the folder of the scan's own series, which must stay one series; "
            "choose another folder."
        )


def make_segment(
    label: str,
    algorithm: Algorithm | None,
    *,
    reviewed: bool,
    number: int = 1,
    tracking_uid: str | None = None,
) -> SegmentDescription:
    """Describe a segment of lesion.

    Parameters
    ----------
    label
        What viewers call it; what it is tracked by, too, where it has a UID.
    algorithm, reviewed
        As for `write_dicom_seg`.
    number
        From 1 up.
    tracking_uid
        By which measurements know it.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    identification, kind = None, "MANUAL"
    if algorithm is not None:
        kind = "SEMIAUTOMATIC" if reviewed else "AUTOMATIC"
        identification = hd.AlgorithmIdentificationSequence(
            name=long_string(algorithm.name),
            family=codes.DCM.ArtificialIntelligence,
            version=long_string(algorithm.version),
            source="napari-uncertainseg",
            parameters=dict(algorithm.parameters) or None,
        )
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.DCM.WhiteMatterT2Hyperintensity,
        algorithm_type=kind,
        algorithm_identification=identification,
        anatomic_regions=[codes.SCT.Brain],
        display_color=hd.color.CIELabColor(*_RED),
        tracking_id=None if tracking_uid is None else label,
        tracking_uid=tracking_uid,
    )


@contextmanager
def plain_names(series: Series) -> Iterator[None]:
    """Take the patient's name out of a series' headers meanwhile.

    The library warns of names without a caret, "ANON" among them. Whoever makes an object sets its name.
    """
    names = [one.PatientName for one in series.slices]
    for one in series.slices:
        one.PatientName = None
    try:
        yield
    finally:
        for one, name in zip(series.slices, names, strict=True):
            one.PatientName = name


def name_patient(made: Dataset, name: Any) -> None:
    """Set the name of the patient in an object made of a series.

    highdicom takes over the elements of the series: they would change with those, and keep the bytes of the
    character set of the file that was written first.
    """
    del made.PatientName
    made.PatientName = name


def made_by() -> dict[str, Any]:
    """What made a DICOM object, as highdicom takes it."""
    return {
        "manufacturer": "napari-uncertainseg developers",
        "manufacturer_model_name": "napari-uncertainseg",
        "software_versions": version("napari-uncertainseg"),
        "device_serial_number": "none",
    }


def make_segmentation(
    series: Series, labels: np.ndarray, segments: Sequence[SegmentDescription]
) -> Segmentation:
    """Make a binary SEG of a series.

    Parameters
    ----------
    series
        What was segmented.
    labels
        Numbers of the segments, canonical (s, a, r) order; 0 elsewhere.
    segments
        Described, in the order of their numbers.

    Raises
    ------
    InputError
        If the headers do not allow one.
    """
    import highdicom as hd

    name, thickness = series.slices[0].PatientName, series.thickness
    try:
        for one in series.slices:
            one.SliceThickness = thickness  # which the library needs, though it may be missing
        with plain_names(series):
            seg = hd.seg.Segmentation(
                source_images=list(series.slices),
                pixel_array=np.ascontiguousarray(series.planes(labels)),
                segmentation_type="BINARY",
                segment_descriptions=list(segments),
                series_instance_uid=hd.UID(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=hd.UID(),
                instance_number=1,
                content_label="LESIONS",
                content_description="White matter lesions; for research only",
                series_description="White matter lesions (napari-uncertainseg)",
                pixel_measures=hd.PixelMeasuresSequence(series.spacing, thickness, series.step),
                **made_by(),
            )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise unusable(series, "DICOM SEG", error) from error
    name_patient(seg, name)
    seg.ContentCreatorName = None  # must be there, may be empty
    return seg


def unusable(series: Series, what: str, error: Exception) -> InputError:
    """Say that the headers of a series do not allow what was to be written."""
    return InputError(
        f"{series.path}: the headers of this series do not allow a {what} ({first_line(error)}); "
        "export the series again."
    )


def long_string(text: str) -> str:
    """A text as DICOM's LO holds it."""
    return text.replace("\\", "/").strip()[:64]
