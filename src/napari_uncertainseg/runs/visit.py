"""One visit of a run, from its files to its results: what a worker does."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from napari_uncertainseg._base import Cancelled, InputError, Progress, one_line
from napari_uncertainseg.calibration.patients.intervals import QUANTITIES
from napari_uncertainseg.disk.folder_lock import claimed, said_by_lock
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.disk.result_folder import SUMMARY, load_summary
from napari_uncertainseg.evaluate.case_folder import Evaluation, evaluate_folder, plain
from napari_uncertainseg.evaluate.patients.intervals import find_intervals
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.scans import read_scans
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.runs.derivatives import derivative_images, write_derivatives
from napari_uncertainseg.runs.places import BidsPlace
from napari_uncertainseg.runs.record import (
    RECORD,
    Compared,
    DoubtfulLesion,
    VisitRecord,
    hold_same,
    read_record,
    state_of,
    was_changed,
    was_reviewed,
    write_record,
)
from napari_uncertainseg.runs.setting import RunOptions, Setting, segmenter_of, setting_of
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, rank_lesions
from napari_uncertainseg.uncertainty.listing.listed_lesion import voxel_in_table

SMALLER = 0.25
"""Share of the largest window that a visit gets whose worker was killed."""
_DOUBTFUL = 10
"""Lesions of a visit that its record names."""
_GLANCE_S = 0.5
"""Between two looks whether the run is still there."""


@dataclass(frozen=True)
class VisitTask:
    """What a worker needs to know of a visit.

    Attributes
    ----------
    name
        Of the visit.
    images
        Its scans by modality.
    reference
        A mask to compare with, if there is one.
    folder
        For its results.
    bids
        Where its derivatives go, in a BIDS dataset.
    options, setting
        What it is segmented with: the worker's own model must be that of the setting.
    run
        The folder of the run, and what its lock says: without that lock, the run is over.
    window_share
        As for `Segmenter`.
    """

    name: str
    images: Mapping[str, Path]
    reference: Path | None
    folder: Path
    bids: BidsPlace | None
    options: RunOptions
    setting: Setting
    run: tuple[Path, str]
    window_share: float = 1.0

    def with_smaller_windows(self) -> VisitTask:
        """The same visit, in windows that need less memory."""
        return replace(self, window_share=SMALLER)


@dataclass(frozen=True)
class Outcome:
    """How a visit ended.

    Attributes
    ----------
    name
        Of the visit.
    record
        What is known of it; None where it failed.
    why
        The sentence where it failed; else why finished results were made anew, or empty.
    trace
        Of an internal error, for the log.
    short_of_memory
        Whether smaller windows may help.
    """

    name: str
    record: VisitRecord | None
    why: str = ""
    trace: str = ""
    short_of_memory: bool = False


class Predictor(Protocol):
    """What segments a visit: a `Segmenter`, or what stands for one in a measurement."""

    def predict(
        self, images: Mapping[str, Volume], *, skull: str, bias_correction: str, progress: Progress
    ) -> Prediction:
        """As `Segmenter.predict`."""


Load = Callable[[RunOptions, Setting, float], Predictor]
"""Loads what segments, by options and setting, with a share of the largest window."""


@lru_cache(maxsize=1)
def load_segmenter(options: RunOptions, setting: Setting, window_share: float) -> Predictor:
    """The segmenter of a worker, loaded once.

    Raises
    ------
    InputError
        If it cannot be loaded, or is not that of the setting.
    """
    segmenter = segmenter_of(options, window_share)
    if difference := setting.changes(setting_of(options, segmenter)):
        raise InputError(f"This worker has another model than the run was started with: {difference}.")
    return segmenter


def do_visit(task: VisitTask, load: Load = load_segmenter) -> Outcome:
    """Segment a visit, compare it with its reference, and write all that; what was done before stays.

    It raises nothing but `Cancelled`: whatever is wrong with one visit is its outcome.
    """
    try:
        record, why = _do(task, load)
        return Outcome(task.name, record, why)
    except Cancelled:
        raise
    except InputError as error:
        return Outcome(task.name, None, str(error))
    except MemoryError:
        return Outcome(task.name, None, "There is not enough memory for this visit.", short_of_memory=True)
    except Exception as error:
        sentence = f"Internal error ({type(error).__name__}: {one_line(str(error))}); please report it."
        return Outcome(task.name, None, sentence, traceback.format_exc())


def _do(task: VisitTask, load: Load) -> tuple[VisitRecord, str]:
    check = _RunIsThere(*task.run)
    scans = {modality: state_of(path) for modality, path in task.images.items()}
    before = read_record(task.folder)
    why = _why_anew(task, before, hold_same(before.scans, scans) if before else True)
    record = _segment(task, load, check) if before is None or why else before
    record = record.model_copy(update={"scans": scans})
    if task.reference is None:
        record = record.model_copy(update={"reference": None, "compared": None})
    else:
        now = state_of(task.reference)
        if record.reference is None or record.reference.sha256 != now.sha256 or record.compared is None:
            write_record(task.folder, record.model_copy(update={"reference": None, "compared": None}))
            found = evaluate_folder(task.folder, task.reference, resample=task.options.resample)
            record = record.model_copy(update={"compared": _compared(found)})
        record = record.model_copy(update={"reference": now})
    write_record(task.folder, record)
    return record, why


def _why_anew(task: VisitTask, before: VisitRecord | None, scans_are_same: bool) -> str:
    """Why finished results do not hold any more; empty where they do, or there are none.

    Raises
    ------
    InputError
        If they do not, and somebody has worked on them since; or nothing tells how a review was made.
    """
    if before is None:
        if was_reviewed(task.folder):
            raise InputError(
                f"{task.folder}: it holds a review, but no {RECORD} that this version can read; move "
                "that folder away, or name another one for this run."
            )
        return ""
    change = before.setting.changes(task.setting)
    why = change or ("" if scans_are_same else "its scans were changed since the last run")
    if not has_all_files(task):
        why = "some of its files were gone"
    if why and was_changed(task.folder, before):
        raise InputError(
            f"{task.folder}: its results do not hold any more ({why}), but somebody has worked on them "
            "since; move that folder away, or name another one for this run."
        )
    return why


def has_all_files(task: VisitTask) -> bool:
    """Whether all files of finished results are there, and those of BIDS; what they hold is not looked at."""
    try:
        names = [SUMMARY, *load_summary(task.folder).get("files", ())]
    except InputError:
        return False
    images = [] if task.bids is None else derivative_images(task.bids)
    return all(path.is_file() for path in (*(task.folder / name for name in names), *images))


def _segment(task: VisitTask, load: Load, check: _RunIsThere) -> VisitRecord:
    start = time.monotonic()
    images = read_scans(task.images, task.options.volume)
    options = task.options
    prediction = load(options, task.setting, task.window_share).predict(
        images, skull=options.skull, bias_correction=options.bias_correction, progress=check
    )
    lesions = rank_lesions(prediction, options.threshold, options.min_volume)
    check.now()
    with claimed(task.folder) as claim:
        (task.folder / RECORD).unlink(missing_ok=True)
        said = find_intervals(prediction, lesions.min_volume).as_json()
        write_results(task.folder, prediction, lesions, load=said, overwrite=True, claim=claim)
        if task.bids is not None:
            write_derivatives(task.bids, task.folder, lesions, prediction)
    return _record(task, prediction, lesions, time.monotonic() - start)


def _record(task: VisitTask, prediction: Prediction, lesions: Lesions, seconds: float) -> VisitRecord:
    said = load_summary(task.folder)
    table = lesions.table[~lesions.table["drawn"].astype(bool)].head(_DOUBTFUL)
    return VisitRecord(
        name=task.name,
        setting=task.setting,
        scans={},
        summary_sha256=sha256_of(task.folder / SUMMARY),
        lesions=lesions.count,
        candidates=len(lesions.candidate_table),
        volume_ml=float(lesions.volume_ml),
        uncertainty=said["patient_uncertainty"],
        unlike=[str(one) for one in prediction.information.get("unlike_seen_scans", ())],
        notes=[str(note) for note in prediction.information.get("notes", ())],
        doubtful=[_doubtful(row) for _, row in table.iterrows()],
        seconds=round(seconds, 3),
        interval=_ends(said),
    )


def _ends(said: Mapping[str, Any]) -> dict[str, list[float]] | None:
    """The intervals of a summary, each from low to high."""
    found = said["load"]["interval"]
    return None if found is None else {name: [float(x) for x in found[name]] for name in QUANTITIES}


def _doubtful(row: pd.Series) -> DoubtfulLesion:
    lsu = float(row["lsu"])
    return DoubtfulLesion(
        label=int(row["label"]),
        doubt=float(row["doubt"]),
        lsu=lsu if math.isfinite(lsu) else None,
        probability=float(row["max_probability"]),
        volume_mm3=float(row["volume_mm3"]),
        voxel=voxel_in_table(row),
    )


def _compared(found: Evaluation) -> Compared:
    bins = found.reliability
    return Compared(
        measures=plain(found.as_json()["reference"]),
        count=bins.count.tolist(),
        mean_probability=_or_none(bins.mean_probability),
        fraction=_or_none(bins.fraction),
        retention=[] if found.retention is None else np.round(found.retention.values, 6).tolist(),
    )


def _or_none(values: np.ndarray) -> list[float | int | None]:
    return [float(value) if math.isfinite(value) else None for value in values]


class _RunIsThere:
    """A progress callback that ends the work of a run which is over: its client was stopped or has died."""

    def __init__(self, folder: Path, lock: str) -> None:
        self._folder, self._lock = folder, lock
        self._next = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _GLANCE_S
            self.now()

    def now(self) -> None:
        """Look at once; raises `Cancelled`."""
        try:
            there = said_by_lock(self._folder) == self._lock
        except OSError:
            there = False
        if not there:
            raise Cancelled
