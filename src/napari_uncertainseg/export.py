"""Results on disk, whole or not at all."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.disk.folder_lock import Claim, claimed, partial_folder
from napari_uncertainseg.disk.outputs import FOLDER, TABLE, check_output
from napari_uncertainseg.disk.packing import PackingThread
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import (
    CLASS_ENTROPY,
    CLASS_MUTUAL_INFORMATION,
    CLASS_TABLE,
    MEMBERS,
    PROGRAM,
    REPLACED,
    SUMMARY,
    class_map,
    known_files,
    with_hashes,
)
from napari_uncertainseg.disk.tables import as_tsv
from napari_uncertainseg.disk.target_folder import check_content, check_folder, unwritable
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.inference.members_file import write_members
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.verdicts import VERDICTS, Verdict, says_lesion
from napari_uncertainseg.uncertainty.class_table import class_table
from napari_uncertainseg.uncertainty.lesion_details import lesion_details
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.uncertainty.patient import layer_agreement, patient_average, patient_uncertainty
from napari_uncertainseg.voxel_maps import written_maps

_MOVING = "moving"
"""Stands in the hidden folder from when files are moved out of it."""
OWN = frozenset({
    "software", "shape", "spacing_mm", "threshold", "model_threshold", "min_volume_mm3", "lesions",
    "lesion_volume_ml", "candidates", "candidate_threshold", "patient_uncertainty", "painted", "given",
    "verdicts", "reviewed_volume_ml", "files", "real_probability", "load",
})  # fmt: skip
"""What a summary holds beside the information of the prediction."""


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as tab-separated text, UTF-8, see `disk.tables`.

    An existing file is replaced whole or not at all.

    Raises
    ------
    InputError
        If the file cannot be written, or its ending is another one than ``.tsv``.
    """
    check_output(Path(path), TABLE)
    with replaced_file(Path(path)) as file:
        file.write(as_tsv(table).encode("utf-8", "replace"))


def write_results(
    folder: str | Path,
    prediction: Prediction,
    lesions: Lesions,
    *,
    verdicts: Mapping[int, str] | None = None,
    edit: np.ndarray | None = None,
    given: Sequence[Verdict] = (),
    numbers: LesionNumbers | None = None,
    load: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    claim: Claim | None = None,
) -> None:
    """Write a prediction and its lesions into a folder.

    Everything is first written aside and then moved into place, so that an interruption leaves
    the folder as it was; only a kill while files are being renamed leaves a folder without its
    summary, which `evaluate` refuses. Of `known_files`, those in an existing folder that this program
    wrote are replaced or, where this prediction has none, removed; other files stay.

    Parameters
    ----------
    folder
        Made if it is not there.
    prediction, lesions
        What to write.
    verdicts
        By number: lesions are positive, candidates negative; ``"accepted"``, ``"rejected"``,
        ``"unsure"`` or ``"edited"``. Given, even if empty, they add a column to the table, a list to the
        summary, and ``reviewed.nii.gz``: the lesions without the rejected, with accepted candidates.
    edit
        What was painted, int8 on the grid, +1 added, -1 removed: given, it is written as ``painted.nii.gz``.
    given
        The verdicts by voxel, with which the folder can be opened again.
    numbers
        Of the review's lesions, likewise.
    load
        What can be said of volume and number of the lesions, as JSON; see `evaluate.patients.intervals`.
    overwrite
        Whether the folder may hold results already.
    claim
        On the folder, where the caller has one already.

    Raises
    ------
    InputError
        If the folder may not be used, another run is writing there, or the disk is full; the folder is then
        as it was.
    """
    target = Path(folder).absolute()
    _check_verdicts(verdicts or {}, lesions)
    check_output(target, FOLDER, scans_of(prediction))
    check_folder(target, overwrite=overwrite)
    with nullcontext() if claim else claimed(target), _aside(target) as partial:
        with PackingThread() as beside:
            _write_arrays(partial, prediction, lesions, verdicts, edit, numbers, beside)
            _write_tables(partial, prediction, lesions, verdicts)
            about = _for_json(summary(prediction, lesions, verdicts, edit, given, load))
        _write_summary(partial, about)
        _move_into_place(partial, target, overwrite)


def _write_arrays(
    folder: Path,
    prediction: Prediction,
    lesions: Lesions,
    verdicts: Mapping[int, str] | None,
    edit: np.ndarray | None,
    numbers: LesionNumbers | None,
    beside: PackingThread,
) -> None:
    """Write members, maps and masks, in the thread beside."""
    grid, members, variance = prediction.grid, prediction.members, prediction.variance
    beside.do(write_members, folder / MEMBERS, members, variance, numbers, prediction.voxel_features)
    for name, file_name in written_maps().items():
        beside.do(write_volume, folder / file_name, prediction.maps[name], grid, dtype=np.float32)
    beside.do(write_volume, folder / "brain.nii.gz", prediction.brain, grid, dtype=np.uint8)
    beside.do(write_volume, folder / "lesions.nii.gz", lesions.labels, grid, dtype=np.uint16)
    if verdicts is not None:
        reviewed = reviewed_mask(lesions, verdicts)
        beside.do(write_volume, folder / "reviewed.nii.gz", reviewed, grid, dtype=np.uint8)
    if edit is not None:
        beside.do(write_volume, folder / "painted.nii.gz", edit, grid, dtype=np.int8)


def _write_tables(
    folder: Path, prediction: Prediction, lesions: Lesions, verdicts: Mapping[int, str] | None
) -> None:
    """Write the table of the lesions, and what there is of the model's classes."""
    write_table(folder / "lesions.tsv", _written_table(prediction, lesions, verdicts))
    if prediction.classes is not None:
        _write_classes(folder, prediction.classes, prediction.grid)


def _written_table(
    prediction: Prediction, lesions: Lesions, verdicts: Mapping[int, str] | None
) -> pd.DataFrame:
    """The table of lesions, with what members make of each, verdicts, and the slice that napari shows."""
    table, grid = lesions.table, prediction.grid
    details = lesion_details(prediction, lesions.labels, lesions.threshold)
    more = details.set_index("label")[details.columns.difference(table.columns, sort=False)]
    table = table.join(more.where(~table.set_index("label")["drawn"], np.nan), on="label")
    if verdicts is not None:
        table = table.assign(verdict=[verdicts.get(label, "") for label in table["label"]])
    return table.assign(slider_slice=[grid.slider_slice(int(s)) for s in table["slice_s"]])


def _write_classes(folder: Path, classes: Classes, grid: Grid) -> None:
    """Write the table of the classes, a map of each one's probability, and the doubt among them."""
    write_table(folder / CLASS_TABLE, class_table(classes, grid.voxel_volume))
    maps = {class_map(number): one for number, one in enumerate(classes.probability)}
    if classes.entropy is not None and classes.mutual_information is not None:
        maps |= {CLASS_ENTROPY: classes.entropy, CLASS_MUTUAL_INFORMATION: classes.mutual_information}
    for name, array in maps.items():
        write_volume(folder / name, classes.on_grid(array, grid.shape), grid, dtype=np.float32)


def _write_summary(folder: Path, about: Mapping[str, Any]) -> None:
    """Write the summary, with the hashes of all other files there: the last file of a folder."""
    with replaced_file(folder / SUMMARY) as file:
        file.write(with_hashes(folder, about).encode("utf-8", "replace"))


def scans_of(prediction: Prediction) -> Iterator[Path]:
    """Files and folders that a prediction was made from; nothing may be written over them."""
    for scan in prediction.information.get("inputs", {}).values():
        if path := scan.get("path"):
            yield Path(path)


def reviewed_mask(lesions: Lesions, verdicts: Mapping[int, str]) -> np.ndarray:
    """Lesion mask after review, bool: without rejected lesions, with accepted candidates."""
    keep = np.ones(int(lesions.labels.max(initial=0)) + 1, bool)
    add = np.zeros(int(lesions.candidates.max(initial=0)) + 1, bool)
    keep[0] = False
    for number, decision in verdicts.items():
        if number > 0:
            keep[number] = says_lesion(decision) is not False
        else:  # a candidate that was painted on is in the painting
            add[-number] = VERDICTS[decision].as_outlined
    mask: np.ndarray = keep[lesions.labels] | add[lesions.candidates]
    return mask


def summary(
    prediction: Prediction,
    lesions: Lesions,
    verdicts: Mapping[int, str] | None = None,
    edit: np.ndarray | None = None,
    given: Sequence[Verdict] = (),
    load: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What was done and what was found, ready for JSON; parameters as for `write_results`."""
    brain = prediction.brain
    found: dict[str, Any] = {
        "software": f"{PROGRAM} {__version__} (research software, not a medical device)",
        **prediction.information,
        "shape": list(prediction.grid.shape),
        "spacing_mm": [round(step, 6) for step in prediction.grid.spacing],
        "threshold": lesions.threshold,
        "model_threshold": prediction.threshold,
        "min_volume_mm3": lesions.min_volume,
        "lesions": lesions.count,
        "lesion_volume_ml": lesions.volume_ml,
        "candidates": len(lesions.candidate_table),
        "candidate_threshold": lesions.candidate_threshold,
        "patient_uncertainty": {
            "psu": patient_uncertainty(prediction.probability, prediction.members, lesions.threshold),
            "layer_agreement": _layer_agreement(prediction, lesions.threshold),
            "mean_lsu": _or_none(patient_average(lesions.table["lsu"].dropna().to_numpy())),
            "mean_entropy_brain_nats": _or_none(patient_average(prediction.entropy, brain)),
            "mean_mutual_information_brain_nats": _or_none(
                patient_average(prediction.mutual_information, brain)
            ),
        },
    }
    if prediction.real_probability is not None:
        found["real_probability"] = prediction.real_probability.as_json()
    if load is not None:
        found["load"] = dict(load)
    if edit is not None:
        volume = prediction.grid.voxel_volume
        painted = PaintedVolumes.from_edit(
            edit, prediction.probability, lesions.threshold, volume, lesions.drawn
        )
        found["painted"] = painted.as_json()
    if given:
        found["given"] = [_given(verdict) for verdict in given]
    if verdicts is not None:
        found["verdicts"] = [_verdict(lesions, *item) for item in sorted(verdicts.items())]
        voxels = int(np.count_nonzero(reviewed_mask(lesions, verdicts)))
        found["reviewed_volume_ml"] = voxels * prediction.grid.voxel_volume / 1000
    return found


def _given(verdict: Verdict) -> dict[str, Any]:
    """A verdict as it is read again, with what was ticked beside it."""
    ticked = {"ticked": verdict.feedback.written()} if verdict.feedback else {}
    return {"voxel": list(verdict.voxel), "decision": verdict.decision, **ticked}


def _or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value


def _layer_agreement(prediction: Prediction, threshold: float) -> float | None:
    """Of the network's heads, where they are the members."""
    if prediction.information.get("method") != "layers" or len(prediction.members) < 3:
        return None
    return layer_agreement([at_least(m, threshold) for m in prediction.members.values])


def _verdict(lesions: Lesions, number: int, decision: str) -> dict[str, Any]:
    kind, table = ("lesion", lesions.table) if number > 0 else ("candidate", lesions.candidate_table)
    row = table[table["label"] == abs(number)].iloc[0]
    where = [round(float(row[name]), 2) for name in ("x_mm", "y_mm", "z_mm")]
    return {"kind": kind, "label": abs(number), "decision": decision, "centroid_ras_mm": where}


def _check_verdicts(verdicts: Mapping[int, str], lesions: Lesions) -> None:
    for number, decision in verdicts.items():
        if decision not in VERDICTS:
            raise InputError(f"A verdict is one of {', '.join(VERDICTS)}, not {decision!r}.")
        table = lesions.table if number > 0 else lesions.candidate_table
        if abs(number) not in set(table["label"]):
            raise InputError(f"There is a verdict on number {number}, but no such lesion or candidate.")


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A hidden folder within the target; gone afterwards, and errors speak of the target.

    It stays where files were being moved: it has the hashes of what came before and after.
    """
    partial = target
    try:
        partial = partial_folder(target)
        yield partial
    except InputError as error:
        raise InputError(str(error).replace(str(partial), str(target))) from error
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        if partial != target and not (partial / _MOVING).exists():
            shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, target: Path, overwrite: bool) -> None:
    """Move complete results to where they belong, and clear what killed runs left there.

    Files are renamed one after the other, which cannot fail for want of space; the summary goes first and
    comes last, so that even a power cut between two files is seen.
    """
    check_content(target, overwrite)  # others may have written there meanwhile
    (partial / _MOVING).touch()
    if (target / SUMMARY).exists():
        (target / SUMMARY).rename(partial / REPLACED)
    for name in known_files():
        if name != SUMMARY and not (partial / name).exists():
            (target / name).unlink(missing_ok=True)
    for name in known_files():
        if (partial / name).exists():
            (partial / name).replace(target / name)
    for rest in target.glob(".*.partial"):
        shutil.rmtree(rest, ignore_errors=True)


def _for_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has neither NaN nor numpy."""
    found: dict[str, Any] = json.loads(json.dumps(content, default=_plain), parse_constant=lambda _: None)
    return found


def _plain(value: Any) -> Any:
    """What JSON does not know, as what it knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
