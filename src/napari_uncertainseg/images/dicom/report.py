"""Measured lesions as a DICOM structured report (SR, TID 1500), and the segmentation (SEG) beside it.

Template TID 1500 with a TID 1411 group for each lesion (DICOM PS3.16). Finding and category are those of
the segment: DCM 110702, SCT 49755003. Finding site is SCT 68523003 (cerebral white matter) where the
place says so, else SCT 12738006 (brain). Volume is SCT 118565006 in mm3, the diameter IBSI L0JK in mm;
mean probability is DCM 122157 qualified as a mean (SCT 373098007). What has no code of a standard (doubt,
mean entropy, place, verdict) has one of the scheme 99NUS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError, one_line
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.images.dicom.seg import (
    Algorithm,
    check_installed,
    check_target,
    long_string,
    made_by,
    make_segment,
    make_segmentation,
    name_patient,
    plain_names,
    unusable,
)
from napari_uncertainseg.images.dicom.source import Series, read_series
from napari_uncertainseg.images.formats.dicom_pixels import lenient
from napari_uncertainseg.images.volume import Grid

if TYPE_CHECKING:
    import highdicom as hd
    from highdicom.sr import CodedConcept, Measurement, QualitativeEvaluation

REPORT = "DICOM report"
_SERIES_NUMBER = 9002
_SCHEME = "99NUS"
"""Of codes that no standard has. The names are told with each code, and the scheme in the file's header."""
_IN_WHITE_MATTER = ("periventricular", "juxtacortical", "deep white matter")
_MOST = 65535
"""Segments of a SEG."""


@dataclass(frozen=True)
class ReportedLesion:
    """A lesion as the report says it.

    Attributes
    ----------
    number
        In the labels, from 1 up without gaps.
    name
        What the list of lesions calls it.
    volume_mm3, diameter_mm
        Volume and longest diameter.
    probability, doubt, entropy
        Mean probability, doubt (0 to 1), mean entropy in nats; NaN where the model says nothing.
    place
        Such as ``"periventricular"``; empty where it is not known.
    verdict
        ``"accepted"`` or ``"unsure"``; empty where it was not judged.
    drawn
        Whether a human drew it: the model did not find it.
    """

    number: int
    name: str
    volume_mm3: float
    diameter_mm: float
    probability: float
    doubt: float
    entropy: float
    place: str
    verdict: str
    drawn: bool = False


def seg_beside(path: Path) -> Path:
    """Where the segmentation of a report is written."""
    return path.with_name(f"{path.stem}-seg{path.suffix}")


def write_dicom_report(
    path: str | Path,
    labels: np.ndarray,
    lesions: Sequence[ReportedLesion],
    grid: Grid,
    source: str | Path,
    *,
    algorithm: Algorithm,
    observer: str = "",
    reviewed: bool = True,
) -> tuple[Path, Path | None]:
    """Write measured lesions as a Comprehensive SR, and beside it the SEG with a segment for each of them.

    Both are of the source's study. Of the patient only what every object of a study must repeat is copied.

    Parameters
    ----------
    path
        Of the report, ending in ``.dcm``; the segmentation is `seg_beside` it. Existing files are replaced,
        each whole or not at all, and none before both are written.
    labels
        `ReportedLesion.number` of each lesion, canonical (s, a, r) order, shape ``grid.shape``.
    lesions
        In the order of their numbers. Without any there is no SEG, and the report says that there are none.
    grid
        The scan's.
    source
        Folder of the DICOM series that the scan was read from, or one file of it.
    algorithm
        What found the lesions.
    observer
        Who reviewed them; empty where that is not known.
    reviewed
        As for `write_dicom_seg`.

    Returns
    -------
    tuple
        The report, and the segmentation or None.

    Raises
    ------
    InputError
        If highdicom is not installed, if the series is not that of the grid or cannot be used, or if a file
        cannot be written.
    """
    path, source = Path(path), Path(source)
    _check(path, labels, lesions, grid, source)
    seg_path = seg_beside(path) if lesions else None
    with lenient():
        series = read_series(source, grid)
        seg, uids = _segmentation(series, labels, lesions, algorithm, reviewed)
        report = _report(series, seg, uids, lesions, algorithm, one_line(observer))
        with ExitStack() as files:
            if seg is not None and seg_path is not None:
                seg.save_as(files.enter_context(replaced_file(seg_path)))
            report.save_as(files.enter_context(replaced_file(path)))
    return path, seg_path


def _check(
    path: Path, labels: np.ndarray, lesions: Sequence[ReportedLesion], grid: Grid, source: Path
) -> None:
    check_installed(REPORT)
    check_same_shape(f"{path}: the lesions", labels.shape, "its grid", grid.shape)
    if [one.number for one in lesions] != list(range(1, len(lesions) + 1)) or len(lesions) > _MOST:
        raise InputError(f"{path}: the lesions of a report are numbered from 1 to at most {_MOST}.")
    check_target(path, source, REPORT)


def _segmentation(
    series: Series,
    labels: np.ndarray,
    lesions: Sequence[ReportedLesion],
    algorithm: Algorithm,
    reviewed: bool,
) -> tuple[hd.seg.Segmentation | None, list[str]]:
    """The SEG, and the UID by which each lesion is tracked."""
    import highdicom as hd

    uids = [str(hd.UID()) for _ in lesions]
    if not lesions:
        return None, uids
    segments = [
        make_segment(
            _title(one),
            None if one.drawn else algorithm,
            reviewed=reviewed,
            number=one.number,
            tracking_uid=uid,
        )
        for one, uid in zip(lesions, uids, strict=True)
    ]
    numbers = labels.astype(np.uint8 if len(lesions) < 256 else np.uint16)
    return make_segmentation(series, numbers, segments), uids


def _title(lesion: ReportedLesion) -> str:
    return long_string(f"Lesion {one_line(lesion.name)}")


def _report(
    series: Series,
    seg: hd.seg.Segmentation | None,
    uids: Sequence[str],
    lesions: Sequence[ReportedLesion],
    algorithm: Algorithm,
    observer: str,
) -> hd.sr.ComprehensiveSR:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    found = hd.sr.AlgorithmIdentification(
        name=long_string(algorithm.name),
        version=long_string(algorithm.version),
        parameters=[long_string(f"{key}={value}") for key, value in algorithm.parameters.items()] or None,
    )
    groups: list[Any] = [_whole(lesions, found)]
    if seg is not None:
        groups += [_group(series, seg, one, uid, found) for one, uid in zip(lesions, uids, strict=True)]
    content = hd.sr.MeasurementReport(
        observation_context=_observers(observer),
        procedure_reported=codes.LN.BrainMRI,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    name = series.slices[0].PatientName
    try:
        with plain_names(series):
            evidence = [*series.slices, *([] if seg is None else [_nameless(seg)])]
            report = hd.sr.ComprehensiveSR(
                evidence=evidence,
                content=content,
                series_instance_uid=hd.UID(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=hd.UID(),
                instance_number=1,
                is_complete=True,
                is_final=False,
                is_verified=False,
                series_description="Measured white matter lesions; for research only",
                **made_by(),
            )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise unusable(series, REPORT, error) from error
    name_patient(report, None if name is None else str(name))
    report.SpecificCharacterSet = "ISO_IR 192"  # UTF-8: the reader's name may be in any script
    report.CodingSchemeIdentificationSequence = _scheme()
    return report


def _nameless(seg: hd.seg.Segmentation) -> Any:
    """The header of the SEG as evidence, as nameless as the slices are meanwhile."""
    from pydicom import Dataset

    found = Dataset()
    kept = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    for keyword in kept:
        setattr(found, keyword, seg[keyword].value)
    found.PatientName = None
    return found


def _scheme() -> Any:
    from pydicom import Dataset, Sequence

    item = Dataset()
    item.CodingSchemeDesignator = _SCHEME
    item.CodingSchemeName = "napari-uncertainseg"
    item.CodingSchemeResponsibleOrganization = "napari-uncertainseg developers"
    return Sequence([item])


def _observers(observer: str) -> hd.sr.ObservationContext:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    device = hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=hd.UID(), name="napari-uncertainseg", model_name="napari-uncertainseg"
        ),
    )
    if not observer:
        return hd.sr.ObservationContext(observer_device_context=device)
    person = hd.sr.ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(_person_name(observer)),
    )
    return hd.sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _person_name(text: str) -> str:
    """A reader's name as DICOM's PN holds it: all of it as the family name."""
    plain = "".join(" " if mark in "\\^=" else mark for mark in text)
    return f"{one_line(plain)[:60].strip() or 'unknown'}^"


def _whole(
    lesions: Sequence[ReportedLesion], algorithm: hd.sr.AlgorithmIdentification
) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    """How many there are, and their volume together."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    total = sum(one.volume_mm3 for one in lesions)
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier="All lesions"),
        finding_type=codes.DCM.WhiteMatterT2Hyperintensity,
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        finding_sites=[hd.sr.FindingSite(codes.SCT.Brain)],
        algorithm_id=algorithm,
        measurements=[
            hd.sr.Measurement(codes.SCT.NumberOfLesions, float(len(lesions)), codes.UCUM.NoUnits),
            hd.sr.Measurement(codes.SCT.Volume, float(total), codes.UCUM.CubicMillimeter),
        ],
    )


def _group(
    series: Series,
    seg: hd.seg.Segmentation,
    lesion: ReportedLesion,
    uid: str,
    algorithm: hd.sr.AlgorithmIdentification,
) -> hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    site = codes.SCT.CerebralWhiteMatter if lesion.place in _IN_WHITE_MATTER else codes.SCT.Brain
    segment = hd.sr.ReferencedSegment(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        segment_number=lesion.number,
        source_series=hd.sr.SourceSeriesForSegmentation(series.slices[0].SeriesInstanceUID),
    )
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=uid, identifier=_title(lesion)),
        referenced_segment=segment,
        finding_type=codes.DCM.WhiteMatterT2Hyperintensity,
        finding_category=codes.SCT.MorphologicallyAbnormalStructure,
        finding_sites=[hd.sr.FindingSite(site)],
        algorithm_id=None if lesion.drawn else algorithm,
        measurements=list(_measurements(lesion)),
        qualitative_evaluations=list(_evaluations(lesion)),
    )


def _measurements(lesion: ReportedLesion) -> Iterator[Measurement]:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    nats = hd.sr.CodedConcept("{nat}", "UCUM", "nats")
    mean = codes.SCT.Mean
    yield hd.sr.Measurement(codes.SCT.Volume, lesion.volume_mm3, codes.UCUM.CubicMillimeter)
    yield hd.sr.Measurement(codes.IBSI.Maximum3DDiameterOfAMesh, lesion.diameter_mm, codes.UCUM.Millimeter)
    one, derived = codes.UCUM.NoUnits, {"derivation": mean}
    for name, value, unit, how in (
        (codes.DCM.Probability, lesion.probability, one, derived),
        (_own("doubt", "Doubt of the model about the lesion"), lesion.doubt, one, {}),
        (_own("entropy", "Entropy of the lesion probability"), lesion.entropy, nats, derived),
    ):
        if math.isfinite(value):
            yield hd.sr.Measurement(name, round(float(value), 6), unit, **how)


def _evaluations(lesion: ReportedLesion) -> Iterator[QualitativeEvaluation]:
    import highdicom as hd

    verdict = lesion.verdict or "not judged"
    yield hd.sr.QualitativeEvaluation(
        _own("verdict", "Verdict of the reader"), _own(f"verdict-{verdict.replace(' ', '-')}"[:16], verdict)
    )
    if lesion.place:
        place = one_line(lesion.place)
        yield hd.sr.QualitativeEvaluation(
            _own("place", "Place of the lesion in the brain"),
            _own(f"place-{place.split()[0]}"[:16], place),
        )


def _own(value: str, meaning: str) -> CodedConcept:
    """A code of our own scheme; its value has at most 16 characters."""
    import highdicom as hd

    return hd.sr.CodedConcept(value, _SCHEME, meaning)
