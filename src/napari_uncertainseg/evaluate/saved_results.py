"""A folder of results read back, so that its review can be seen again and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities
from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD
from napari_uncertainseg.disk import result_folder as results
from napari_uncertainseg.disk.result_folder import MEMBERS, SUMMARY, check_has_members, load_summary
from napari_uncertainseg.evaluate.saved_classes import read_classes, read_map
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.export import OWN
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.inference.members_file import read_members, read_numbers, read_voxel_features
from napari_uncertainseg.modalities import MODALITIES, main_of, title_of
from napari_uncertainseg.networks.real_probability import RealProbability, parse_real_probability
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.database.allowed_content import Fits, is_number, is_plain
from napari_uncertainseg.review.store.entry_details import FeedbackDetails
from napari_uncertainseg.review.verdicts import DECISIONS, Verdict
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics, compute_maps


def _is_text(value: object) -> bool:
    return value is None or (is_plain(value) and "\0" not in str(value))


def _are(fits: Fits) -> Fits:
    """Whether it is an object of such values."""
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def _are_plain(value: object) -> bool:
    return isinstance(value, list) and all(map(is_plain, value))


_KINDS: Mapping[str, Fits] = {
    "case": _are(_is_text),
    "inputs": _are(_are(_is_text)),
    "seconds": _are(is_number),
    **dict.fromkeys(("notes", "unlike_seen_scans", "classes", "target_classes"), _are_plain),
    "appearance": _are(is_number),
    **dict.fromkeys(("model", "model_version", "model_sha256", "method", "target"), _is_text),
}
"""What information of a prediction is, where there is any."""


@dataclass(frozen=True, eq=False)
class SavedResults:
    """What a folder of results holds.

    Attributes
    ----------
    prediction
        As it was exported.
    scans
        By modality, those that are still where they were, and the same.
    threshold, min_volume
        Of its lesions; the volume in mm3.
    verdicts
        By voxel.
    edit
        What was painted; None where nothing was.
    numbers
        Of its lesions.
    notes
        What is not as it was, a sentence each.
    """

    prediction: Prediction
    scans: Mapping[str, Volume]
    threshold: float
    min_volume: float
    verdicts: tuple[Verdict, ...]
    edit: np.ndarray | None
    numbers: LesionNumbers
    notes: tuple[str, ...]


def read_saved_results(folder: str | Path) -> SavedResults:
    """Read a folder of results.

    Raises
    ------
    InputError
        If a file is missing, was changed after it was written, or does not belong to the others. A scan
        that has moved or was changed is no error: a note says so.
    """
    folder = Path(folder)
    said = load_summary(folder)
    check_has_members(folder)
    scans, notes = _scans(said)
    probability, grid = read_map(result_file(folder, "probability"))
    inputs = said.get("inputs")
    scan = scans.get(main_of(inputs)) if isinstance(inputs, dict) else None
    grid = scan.grid if scan is not None and scan.grid.same_as(grid, tolerance=1e-2) else grid
    as_probabilities(probability)
    prediction = _prediction(folder, said, probability, grid)
    edit = None
    if (folder / "painted.nii.gz").is_file():
        edit = read_labels(result_file(folder, "painted"), grid).data.astype(np.int8)
    labels = read_labels(result_file(folder, "lesions"), grid).data
    numbers = read_numbers(results.result_file(folder, MEMBERS), grid.shape) or LesionNumbers(grid.shape)
    where = np.flatnonzero(labels != 0)
    numbers.lesions.know(where, labels.ravel()[where])
    if "recalibration" in said:
        notes.append("Its probabilities are as they were recalibrated; only a run gives the model's own.")
    return SavedResults(
        prediction,
        scans,
        _number(folder, said, "threshold"),
        _number(folder, said, "min_volume_mm3"),
        _verdicts(folder, said, grid),
        edit,
        numbers,
        tuple(notes),
    )


def _scans(said: Mapping[str, Any]) -> tuple[dict[str, Volume], list[str]]:
    """Scans that lie where they lay and are what they were; a sentence for each other one."""
    scans: dict[str, Volume] = {}
    notes: list[str] = []
    inputs = said.get("inputs")
    given = inputs if isinstance(inputs, dict) else {}
    for modality in dict.fromkeys([*MODALITIES, *given]):
        about = given.get(modality)
        if not isinstance(about, dict):
            continue
        path = about.get("path")
        if not isinstance(path, str):
            notes.append(f"The {title_of(modality)} was opened from no file, and is not shown.")
            continue
        try:
            volume = read_image(path, modality=modality)
        except InputError as error:
            notes.append(f"The {title_of(modality)} is not shown: {error}")
            continue
        if scan_sha256(volume) == about.get("scan_sha256"):
            scans[modality] = volume
        else:
            notes.append(f"The {title_of(modality)} is not shown: {path} is another scan than was segmented.")
    return scans, notes


def _prediction(folder: Path, said: Mapping[str, Any], probability: np.ndarray, grid: Grid) -> Prediction:
    def beside(name: str) -> np.ndarray:
        array, own = read_map(result_file(folder, name))
        if not own.same_as(grid, tolerance=1e-2):
            raise InputError(f"{folder / name}.nii.gz does not lie on the grid of the probability beside it.")
        return array

    entropy, mutual = beside("entropy"), beside("mutual_information")
    members, variance = read_members(results.result_file(folder, MEMBERS), grid.shape)
    said_by_members = MemberStatistics(
        probability, entropy, np.maximum(entropy - mutual, 0), mutual, variance
    )
    default = said.get("model_threshold", said.get("threshold"))
    candidates = said.get("candidate_threshold", CANDIDATE_THRESHOLD)
    return Prediction(
        grid,
        compute_maps(MapSources(said_by_members, beside("disagreement"))),
        read_labels(result_file(folder, "brain"), grid).data > 0,
        members,
        _number(folder, {"threshold": default}, "threshold"),
        _information(folder, said),
        read_voxel_features(results.result_file(folder, MEMBERS), grid.shape),
        _real_probability(folder, said),
        candidate_threshold=_number(folder, {"candidate_threshold": candidates}, "candidate_threshold"),
        classes=read_classes(folder, grid),
    )


def _real_probability(folder: Path, said: Mapping[str, Any]) -> RealProbability | None:
    """The numbers of the model that made it: they go with the results, whatever model is at hand now."""
    known, name = said.get("real_probability"), f"{folder / SUMMARY}: 'real_probability'"
    return None if known is None else parse_real_probability(known, name)


def _information(folder: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """What the prediction says of itself; InputError where that is not as this program writes it."""
    about = {name: value for name, value in said.items() if name not in OWN}
    for name, fits in _KINDS.items():
        if name in about and not fits(about[name]):
            raise InputError(f"{folder / SUMMARY}: '{name}' is not as this program writes it.")
    return about


def _verdicts(folder: Path, said: Mapping[str, Any], grid: Grid) -> tuple[Verdict, ...]:
    verdicts = []
    try:
        for one in said.get("given", ()):
            s, a, r = (int(i) for i in one["voxel"])
            inside = all(0 <= i < n for i, n in zip((s, a, r), grid.shape, strict=True))
            if not inside or one["decision"] not in DECISIONS:
                raise ValueError(one)
            ticked = FeedbackDetails.model_validate({**one.get("ticked", {}), "of": 0})
            verdicts.append(Verdict((s, a, r), one["decision"], ticked.feedback))
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError) as error:
        raise InputError(f"{folder / SUMMARY}: the verdicts are not as this program writes them.") from error
    return tuple(verdicts)


def _number(folder: Path, said: Mapping[str, Any], name: str) -> float:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise InputError(f"{folder / SUMMARY}: '{name}' is not a number that this program writes.")
    return float(value)
