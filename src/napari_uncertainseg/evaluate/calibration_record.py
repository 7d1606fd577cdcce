"""From exported cases with a reference to a calibration record, kept beside the user's models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import platformdirs

from napari_uncertainseg._base import InputError, Progress, one_line, silent
from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD
from napari_uncertainseg.calibration.patients.intervals import PatientLoads
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.real_by_cases import (
    THRESHOLDS,
    OutlinedLesions,
    fit_real_by_cases,
)
from napari_uncertainseg.calibration.recalibration import Kind, fit
from napari_uncertainseg.calibration.record import (
    GRID,
    LOSSES,
    MEASURES,
    CalibrationRecord,
    measures_of,
    read_record,
    scans_of,
)
from napari_uncertainseg.calibration.risks import Losses
from napari_uncertainseg.disk.outputs import NUMBERS, check_output
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import SUMMARY
from napari_uncertainseg.evaluate.cohort import for_each_case
from napari_uncertainseg.evaluate.patients.loads import SavedLoad, known_loads, saved_load
from napari_uncertainseg.evaluate.patients.names import patients_of_table
from napari_uncertainseg.evaluate.written_results import read_summary, result_file
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.lesions.components import label_components, voxels_of
from napari_uncertainseg.lesions.matching import lesions_touching

Made = tuple[str, str, str, tuple[str, ...], float]
"""Model, its hash, method, modalities, smallest volume (mm3)."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def build_record(path: Path, *, kind: Kind = "temperature", progress: Progress = silent) -> CalibrationRecord:
    """Make a record of the cases that a table lists.

    Parameters
    ----------
    path
        As of `cohort.evaluate_cases`, and perhaps ``patient``; raters are not looked at.
    kind
        Of the recalibration, which is fitted on the brains' voxels of all cases.
    progress
        Told before each case.

    Raises
    ------
    InputError
        If the table or a case cannot be used, or two cases are of different models or methods.
    """
    made: set[Made] = set()
    seen: dict[Path, str] = {}
    scans: list[tuple[str, ...]] = []

    def look(folder: Path, reference: Path, raters: Sequence[Path]) -> _Case:
        if folder.resolve() in seen:
            raise InputError(f"{folder} is listed twice: a guarantee counts each case once.")
        now, own = _made_by(folder)
        for name, others in zip(seen.values(), scans, strict=True):
            if set(own) & set(others):
                raise InputError(
                    f"{folder} is of the same scan as {name}: a guarantee counts each case once."
                )
        seen[folder.resolve()] = folder.name
        scans.append(own)
        made.add(now)
        if len(made) > 1:
            raise InputError(
                f"{folder} was segmented by another model or method, from other scans or with another "
                "smallest lesion than the cases before it: a record is of one kind."
            )
        return _look_at(folder, reference, now[-1])

    found = for_each_case(path, look, progress)
    every = found[0].evidence
    for case in found[1:]:
        every = every + case.evidence
    both = every.lesion.any() and every.background.any()
    return CalibrationRecord(
        *made.pop(),
        cases=tuple(seen.values()),
        losses={name: np.array([getattr(case.losses, name) for case in found]) for name in LOSSES},
        measures={name: np.array([case.measures[name] for case in found]) for name in MEASURES},
        recalibration=fit(every, kind) if both else None,
        lesions=fit_real_by_cases([case.lesions for case in found]),
        candidates=fit_real_by_cases([case.candidates for case in found]),
        scans=tuple(scans),
        loads=_loads([case.load for case in found], patients_of_table(path)),
    )


def _loads(known: Sequence[SavedLoad | None], patients: Sequence[str]) -> PatientLoads | None:
    """Loads of all cases; None where results of older versions are among them, which hold no members."""
    loads = [one for one in known if one is not None]
    if len(loads) < len(known):
        return None
    return known_loads(loads, patients)


class _Case(NamedTuple):
    """What is kept of a case."""

    losses: Losses
    measures: dict[str, float]
    evidence: ProbabilityHistogram
    lesions: OutlinedLesions
    candidates: OutlinedLesions
    load: SavedLoad | None


def _look_at(folder: Path, reference: Path, min_volume: float) -> _Case:
    image = read_image(result_file(folder, "probability"))
    grid, p = image.grid, image.data
    brain = read_labels(result_file(folder, "brain"), grid).data != 0
    entropy = read_image(result_file(folder, "entropy")).data
    truth = read_labels(reference, grid).data != 0
    least = voxels_of(min_volume, grid.voxel_volume)
    lesions = _outlined(p, truth, THRESHOLDS, least, grid.voxel_volume)
    candidates = _outlined(p, truth, (CANDIDATE_THRESHOLD,), least, grid.voxel_volume)
    return _Case(
        Losses.from_case(p, truth, GRID, min_voxels=least),
        measures_of(p, entropy, brain, grid.voxel_volume),
        ProbabilityHistogram.from_probability(p, truth, region=brain),
        lesions,
        candidates,
        saved_load(folder, p, grid.voxel_volume, min_volume, truth),
    )


def _outlined(
    p: np.ndarray, truth: np.ndarray, thresholds: Sequence[float], min_voxels: int, voxel_volume: float
) -> OutlinedLesions:
    found: list[np.ndarray] = []
    for threshold in thresholds:
        labels, n = label_components(p, threshold, min_voxels=min_voxels)
        where = np.flatnonzero(labels != 0)
        label, value = labels.ravel()[where].astype(np.int64), p.ravel()[where]
        order = np.lexsort([where, -value, label])
        top = order[np.searchsorted(label[order], np.arange(1, n + 1))]
        sizes = np.bincount(label, minlength=n + 1)[1:]
        columns = (
            value[top],
            sizes * voxel_volume,
            np.full(n, threshold),
            lesions_touching(labels, truth, n),
            where[top],
        )
        found.append(np.column_stack(columns).astype(float))
    peak, volume, threshold_, real, place = np.concatenate(found).T
    # Components of several thresholds with one highest voxel are one lesion.
    _, lesion, times = np.unique(place, return_inverse=True, return_counts=True)
    return OutlinedLesions(peak, volume, threshold_, real > 0, 1 / times[lesion])


def record_path(model_sha256: str, method: str, folder: str = "calibration") -> Path:
    """Where the record of a model and method is kept: in a folder of the user's data, beside their models.

    Raises
    ------
    InputError
        If they are no names: results may come from elsewhere, and could lead out of the folder.
    """
    if not all(map(_NAME.fullmatch, (model_sha256, method))):
        model_sha256, method = one_line(model_sha256)[:16], one_line(method)[:16]
        raise InputError(f"'{model_sha256}' and '{method}' are no model and method of this program.")
    home = Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False))
    return home / folder / f"{model_sha256[:16]}-{method}.json"


def save_record(record: CalibrationRecord, path: Path | None = None) -> Path:
    """Write a record, to where `find_record` looks unless told otherwise; whole or not at all."""
    path = record_path(record.model_sha256, record.method) if path is None else Path(path)
    check_output(path, NUMBERS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as file:
        file.write(record.to_json().encode())
    return path


def find_record(information: Mapping[str, Any]) -> CalibrationRecord | None:
    """The record for a prediction's kind, if there is one.

    Parameters
    ----------
    information
        Of the prediction: model's hash, method and inputs.

    Raises
    ------
    InputError
        If there is one that cannot be read, it is of another model or of other scans, or the prediction was
        recalibrated, as one that was exported so: what the record says is about the model's own.
    """
    model_sha256, method = str(information.get("model_sha256")), str(information.get("method"))
    path = record_path(model_sha256, method)
    try:
        record = read_record(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {path}: delete it and calibrate again.") from error
    except InputError as error:
        raise InputError(f"{path}: {error} Delete it and calibrate again.") from error
    if (record.model_sha256, record.method) != (model_sha256, method):
        raise InputError(f"{path} is the record of another model: delete it and calibrate again.")
    if information.get("recalibration") is not None:
        raise InputError("These probabilities were exported as recalibrated: run for those of the model.")
    inputs = tuple(sorted(information.get("inputs", ())))
    if inputs != record.inputs:
        theirs, ours = " + ".join(record.inputs), " + ".join(inputs) or "unknown scans"
        raise InputError(f"The calibration cases had {theirs}, this one has {ours}: nothing they say holds.")
    return record


def _made_by(folder: Path) -> tuple[Made, tuple[str, ...]]:
    """What made a case, and the hashes of its scans."""
    found, path = read_summary(folder), folder / SUMMARY
    if not (found.model and found.model_sha256 and found.method and found.inputs):
        raise InputError(f"{path} does not say by which model and from which scans the case was segmented.")
    if found.recalibration is not None:
        raise InputError(f"{path}: these probabilities were recalibrated: export them as the model says.")
    made = found.model, found.model_sha256, found.method, tuple(sorted(found.inputs)), found.min_volume_mm3
    return made, scans_of({"inputs": found.inputs})
