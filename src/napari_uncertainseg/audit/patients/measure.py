"""What is known of each scan of a cohort: its load by model, members and reference, and what kind it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.audit.cohort import AuditCase, AuditCohort
from napari_uncertainseg.audit.doubtful_references import (
    ComparedReference,
    compare_reference,
    notes_on_references,
)
from napari_uncertainseg.calibration.patients.intervals import PatientLoads
from napari_uncertainseg.calibration.record import measures_of
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.evaluate.patients.loads import SavedLoad, known_loads, saved_load
from napari_uncertainseg.evaluate.patients.unusual import unusual_parts
from napari_uncertainseg.evaluate.written_results import read_summary, result_file
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.nouns import LESION, Noun


@dataclass(frozen=True, eq=False)
class MeasuredPatientCase:
    """One scan.

    Attributes
    ----------
    case
        Of the cohort.
    load
        By the model at its own threshold, its members and the reference.
    measures
        What kind of scan it is, by the names of `calibration.record.MEASURES`.
    highest
        Largest probability in the brain.
    unusual
        In what its result is unusual by itself.
    unlike
        In what the model's folder says that it is unlike the scans that the model learnt from; None where the
        folder says nothing of them.
    information
        Of its summary.
    compared
        Its reference beside the result; None without one.
    """

    case: AuditCase
    load: SavedLoad
    measures: Mapping[str, float]
    highest: float
    unusual: tuple[str, ...]
    unlike: tuple[str, ...] | None
    information: Mapping[str, Any]
    compared: ComparedReference | None = None


def measure_cases(
    cohort: AuditCohort, progress: Progress, min_volume: float | None = None
) -> tuple[tuple[MeasuredPatientCase, ...], tuple[str, ...]]:
    """Measure each case, and say what the user should know of the cohort.

    Parameters
    ----------
    cohort
        The cases.
    progress
        Told before each.
    min_volume
        Smaller components count neither in what is said nor in the reference, mm3; as the results have it if
        None.

    Raises
    ------
    InputError
        If the results are of several models, methods or smallest volumes, or lack members; or a file cannot
        be read.
    """
    found: list[MeasuredPatientCase] = []
    made: dict[tuple[object, ...], AuditCase] = {}
    inputs: set[tuple[str, ...]] = set()
    for i, case in enumerate(cohort.cases):
        progress(f"case {i + 1} of {len(cohort.cases)}", i / len(cohort.cases))
        summary = read_summary(case.folder)
        least = summary.min_volume_mm3 if min_volume is None else min_volume
        made.setdefault((summary.model_sha256, summary.method, least), case)
        if len(made) > 1:
            first = next(iter(made.values()))
            raise InputError(
                f"{case.folder} was segmented by another model or method, or with another smallest lesion, "
                f"than {first.folder}: an interval is of one kind; give each kind a table of its own."
            )
        inputs.add(tuple(sorted(summary.inputs)))
        found.append(_measure(case, least))
    kinds = " / ".join(" + ".join(one) for one in sorted(inputs))
    notes = (
        (f"The results were made of different kinds of scans ({kinds}), and are looked at together here.",)
        if len(inputs) > 1
        else ()
    )
    compared = [one.compared for one in found if one.compared is not None]
    return tuple(found), (*notes, *notes_on_references(compared))


def _measure(case: AuditCase, min_volume: float) -> MeasuredPatientCase:
    image = read_image(result_file(case.folder, "probability"))
    grid = image.grid
    brain = read_labels(result_file(case.folder, "brain"), grid).data != 0
    entropy = read_image(result_file(case.folder, "entropy")).data
    truth = None if case.reference is None else read_labels(case.reference, grid).data != 0
    load = saved_load(case.folder, image.data, grid.voxel_volume, min_volume, truth)
    if load is None:
        raise InputError(f"{case.folder} keeps no members, as results of older versions: segment again.")
    said = load_summary(case.folder)
    unlike = said.get("unlike_seen_scans")
    summary = read_summary(case.folder)
    noun = Noun(summary.target or LESION)
    odd = unusual_parts(image.data, entropy, brain, noun, measured=isinstance(unlike, list))
    compared = None
    if truth is not None:
        outlined = image.data >= summary.threshold
        compared = compare_reference(case.name, outlined, truth, brain, grid.voxel_volume, summary.target)
    return MeasuredPatientCase(
        case,
        load,
        measures_of(image.data, entropy, brain, grid.voxel_volume),
        float(image.data[brain].max(initial=0.0)),
        tuple(odd),
        tuple(map(str, unlike)) if isinstance(unlike, list) else None,
        said,
        compared,
    )


def loads_of(cases: Sequence[MeasuredPatientCase]) -> PatientLoads:
    """What the cases with a reference say of further patients."""
    return known_loads([one.load for one in cases], [one.case.patient for one in cases])
