"""The result of a review as a DICOM report, and the segmentation that it is about."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg.disk.outputs import SEG, check_output
from napari_uncertainseg.evaluate.result.case_result import CaseResult, ResultLesion
from napari_uncertainseg.evaluate.result.measuring import MeasuredResult
from napari_uncertainseg.export import scans_of
from napari_uncertainseg.images.dicom.report import ReportedLesion, seg_beside, write_dicom_report
from napari_uncertainseg.images.dicom.seg import Algorithm
from napari_uncertainseg.prediction.prediction import Prediction


def write_result_report(
    path: Path, measured: MeasuredResult, prediction: Prediction, source: Path
) -> tuple[Path, Path | None]:
    """Write the lesions of a result as a DICOM report, with their segmentation beside it.

    Parameters
    ----------
    path
        Of the report, ending in ``.dcm``.
    measured
        The result.
    prediction
        Of which it is; nothing that it was made of is written over.
    source
        Folder of the scan's DICOM series, or a file of it.

    Returns
    -------
    tuple
        The report, and the segmentation or None where there is no lesion.

    Raises
    ------
    InputError
        As `write_dicom_report`, or if one of the files may not be written there.
    """
    for one in (path, seg_beside(path)):
        check_output(one, SEG, scans_of(prediction))
    result = measured.result
    return write_dicom_report(
        path,
        measured.labels,
        [_reported(one) for one in result.lesions],
        prediction.grid,
        source,
        algorithm=Algorithm.from_information(prediction.information, result.changes.threshold),
        observer=result.made.annotator,
        reviewed=_by_hand(result),
    )


def _by_hand(result: CaseResult) -> bool:
    return result.reviewed or result.changes.threshold != result.changes.model_threshold


def _reported(lesion: ResultLesion) -> ReportedLesion:
    return ReportedLesion(
        number=lesion.index,
        name=lesion.name,
        volume_mm3=lesion.volume_mm3,
        diameter_mm=lesion.diameter_mm,
        probability=lesion.probability,
        doubt=lesion.doubt,
        entropy=lesion.entropy,
        place=lesion.place,
        verdict=lesion.verdict,
        drawn=lesion.drawn,
    )
