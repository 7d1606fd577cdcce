"""From exported cases with a reference to a calibration record, kept beside the user's models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.calibration.evidence import Evidence
from napari_uncertainseg.calibration.recalibration import Kind, fit
from napari_uncertainseg.calibration.record import (
    GRID,
    LOSSES,
    MEASURES,
    CalibrationRecord,
    measures_of,
    read_record,
)
from napari_uncertainseg.calibration.risks import Losses
from napari_uncertainseg.evaluate.cohort import look_at_cases
from napari_uncertainseg.evaluate.folder import result_file
from napari_uncertainseg.export import SUMMARY
from napari_uncertainseg.images.files import read_image, read_labels, replaced_file
from napari_uncertainseg.lesions.components import voxels_of

Made = tuple[str, str, str, tuple[str, ...], float]
"""Model, its hash, method, roles of the scans, smallest volume (mm3)."""


def calibrate(path: Path, *, kind: Kind = "temperature", progress: Progress = silent) -> CalibrationRecord:
    """Make a record of the cases that a table lists.

    Parameters
    ----------
    path
        As of `cohort.evaluate_cases`; raters are not looked at.
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

    def look(
        folder: Path, reference: Path, raters: Sequence[Path]
    ) -> tuple[Losses, dict[str, float], Evidence]:
        if folder.resolve() in seen:
            raise InputError(f"{folder} is listed twice: a promise counts each case once.")
        seen[folder.resolve()] = folder.name
        made.add(now := _made_by(folder))
        if len(made) > 1:
            raise InputError(
                f"{folder} was segmented by another model or method, from other scans or with another "
                "smallest lesion than the cases before it: a record is of one kind."
            )
        return _look_at(folder, reference, now[-1])

    found = look_at_cases(path, look, progress)
    every = found[0][2]
    for _, _, evidence in found[1:]:
        every = every + evidence
    both = every.lesion.any() and every.background.any()
    return CalibrationRecord(
        *made.pop(),
        cases=tuple(seen.values()),
        losses={name: np.array([getattr(case, name) for case, _, _ in found]) for name in LOSSES},
        measures={name: np.array([case[name] for _, case, _ in found]) for name in MEASURES},
        recalibration=fit(every, kind) if both else None,
    )


def _look_at(folder: Path, reference: Path, min_volume: float) -> tuple[Losses, dict[str, float], Evidence]:
    image = read_image(result_file(folder, "probability"))
    grid, p = image.grid, image.data
    brain = read_labels(result_file(folder, "brain"), grid).data != 0
    entropy = read_image(result_file(folder, "entropy")).data
    truth = read_labels(reference, grid).data != 0
    return (
        Losses.of(p, truth, GRID, min_voxels=voxels_of(min_volume, grid.voxel_volume)),
        measures_of(p, entropy, brain, grid.voxel_volume),
        Evidence.of(p, truth, region=brain),
    )


def record_path(model_sha256: str, method: str) -> Path:
    """Where the record of a model and method is kept: in the user's data, beside their models."""
    home = Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False))
    return home / "calibration" / f"{model_sha256[:16]}-{method}.json"


def save_record(record: CalibrationRecord, path: Path | None = None) -> Path:
    """Write a record, to where `find_record` looks unless told otherwise; whole or not at all."""
    path = record_path(record.model_sha256, record.method) if path is None else Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as file:
        file.write(record.to_json().encode())
    return path


def find_record(model_sha256: str, method: str) -> CalibrationRecord | None:
    """The record of a model and method, if there is one.

    Raises
    ------
    InputError
        If there is one that cannot be read, or it is of another model.
    """
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
    return record


def _made_by(folder: Path) -> Made:
    path = folder / SUMMARY
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = [content[key] for key in ("model", "model_sha256", "method")]
        inputs, least = tuple(sorted(content["inputs"])), float(content["min_volume_mm3"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the summary that `uncertainseg segment` wrote.") from error
    if not all(isinstance(text, str) for text in names) or not inputs:
        raise InputError(f"{path} does not say by which model the case was segmented.")
    if "recalibration" in content:
        raise InputError(f"{path}: these probabilities were recalibrated: export them as the model says.")
    return names[0], names[1], names[2], inputs, least
