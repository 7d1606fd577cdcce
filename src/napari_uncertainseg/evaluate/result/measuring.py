"""The result of a review, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.evaluate.result.case_result import (
    CaseResult,
    Changes,
    Counted,
    DoubtLeft,
    MadeWith,
    ReferenceMatch,
    ResultLesion,
    Tally,
)
from napari_uncertainseg.evaluate.result.time_spent import strokes_of, time_spent
from napari_uncertainseg.lesions.against_reference import MIN_VOLUME
from napari_uncertainseg.lesions.components import label_mask, voxels_of
from napari_uncertainseg.lesions.matching import detections, dice
from napari_uncertainseg.lesions.shapes.diameter import longest_diameter
from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.verdicts import VERDICTS, says_lesion
from napari_uncertainseg.uncertainty.listing.listed_lesion import box_in_table, voxel_in_table

if TYPE_CHECKING:
    from napari_uncertainseg.images.volume import Grid
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.review.store.journal import Entry
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_PLACES = ("periventricular", "juxtacortical", "infratentorial", "deep white matter", "unknown")
"""`explain.place.lesions.PLACES`, which lies above this room; a test compares the two."""
_MIDDLE_MM = 3.0
"""A lesion whose centroid is nearer to the middle of the brain than this has no side."""


@dataclass(frozen=True, eq=False)
class ReviewState:
    """All that a result is measured of, as it is at one moment.

    Attributes
    ----------
    original
        The prediction as the model made it.
    lesions
        Lesions and candidates as the reader has them now, with all columns that are known.
    decisions
        By number: lesions are positive, candidates negative.
    edit
        What was painted, int8 on the grid; None for nothing.
    probability
        By which lesions are outlined: the prediction's, recalibrated where that was asked for.
    entries
        The journal of the review; None where there is none.
    reference
        Mask on the grid to compare with.
    case, scan_date, annotator
        In words; empty where they are not known.
    place_problem
        Why places could not be found.
    measurements
        Rulers and regions of the reader, each in words with its size.
    """

    original: Prediction
    lesions: Lesions
    decisions: Mapping[int, str]
    edit: np.ndarray | None
    probability: np.ndarray
    entries: Sequence[Entry] | None = None
    reference: np.ndarray | None = None
    case: str = ""
    scan_date: str = ""
    annotator: str = ""
    place_problem: str = ""
    measurements: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class MeasuredResult:
    """A result, and where its lesions lie.

    Attributes
    ----------
    result
        The numbers.
    labels
        uint16 on the grid: `ResultLesion.index` of the lesions that count.
    """

    result: CaseResult
    labels: np.ndarray


def measure_result(state: ReviewState) -> MeasuredResult:
    """Measure what a review came to; takes a moment.

    Parameters
    ----------
    state
        Nothing of it is changed.
    """
    rows = _counted_rows(state)
    labels = _labels(state, rows)
    painted = _painted_on(state.edit, labels)
    grid = state.original.grid
    middle = _middle_mm(state.original)
    own, n_own = _models_own(state)
    touching = set(map(int, np.unique(labels[own > 0])))
    lesions = tuple(
        _lesion(i, row, labels, painted, grid, i in touching, middle) for i, row in enumerate(rows, start=1)
    )
    rejected = [
        float(volume)
        for number, volume in state.lesions.table[["label", "volume_mm3"]].itertuples(index=False)
        if says_lesion(state.decisions.get(int(number), "")) is False
    ]
    known_places = "place" in state.lesions.table
    result = CaseResult(
        made=_made_with(state),
        lesions=lesions,
        counted=_counted(lesions, rejected),
        places=_by_place(lesions) if known_places else None,
        place_problem=state.place_problem,
        changes=_changes(state, labels, lesions, own, n_own),
        doubt=_doubt_left(state, lesions),
        time=None if not state.entries else time_spent(state.entries),
        reference=_against(state, labels),
        reviewed=bool(state.decisions) or state.edit is not None,
        measurements=tuple(state.measurements),
    )
    return MeasuredResult(result, labels)


def _counted_rows(state: ReviewState) -> list[dict[str, Any]]:
    """Rows of what counts: lesions that were not rejected, and accepted candidates, as `reviewed_mask`."""
    kept = []
    for sign, table in ((1, state.lesions.table), (-1, state.lesions.candidate_table)):
        for row in table.to_dict("records"):
            number = sign * int(row["label"])
            verdict = state.decisions.get(number, "")
            counts = says_lesion(verdict) is not False if sign > 0 else _is_accepted(verdict)
            if counts:
                corrected = number in state.lesions.models_volume
                kept.append({**row, "number": number, "verdict": _shown(verdict), "corrected": corrected})
    # What a human drew has no doubt, and comes last, as in the list.
    kept.sort(key=lambda row: (row["doubt"] != row["doubt"], -row["doubt"], -row["volume_mm3"]))
    return kept


def _is_accepted(verdict: str) -> bool:
    return verdict in VERDICTS and VERDICTS[verdict].as_outlined


def _shown(verdict: str) -> str:
    return VERDICTS[verdict].shown if verdict in VERDICTS else ""


def _labels(state: ReviewState, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Lesions that count, numbered as their rows are, from 1 up."""
    found = state.lesions
    most = {1: int(found.labels.max(initial=0)), -1: int(found.candidates.max(initial=0))}
    index = {sign: np.zeros(n + 1, np.uint16) for sign, n in most.items()}
    for i, row in enumerate(rows, start=1):
        sign = 1 if row["number"] > 0 else -1
        index[sign][abs(row["number"])] = i
    labels: np.ndarray = index[1][found.labels] + index[-1][found.candidates]  # they share no voxel
    return labels


def _painted_on(edit: np.ndarray | None, labels: np.ndarray) -> set[int]:
    """Lesions with painted voxels, or of which some were taken away: those touch what was removed."""
    if edit is None or not edit.any():
        return set()
    box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in bounding_box(edit != 0))
    here = (edit[box] > 0) | binary_dilation(edit[box] < 0, np.ones((3, 3, 3), bool))
    return set(map(int, np.unique(labels[box][here]))) - {0}


def _lesion(
    index: int,
    row: Mapping[str, Any],
    labels: np.ndarray,
    painted: set[int],
    grid: Grid,
    is_models: bool,
    middle: float | None,
) -> ResultLesion:
    box = box_in_table(row)
    return ResultLesion(
        index=index,
        number=row["number"],
        volume_mm3=float(row["volume_mm3"]),
        diameter_mm=longest_diameter(labels[box] == index, grid.affine[:3, :3]),
        place=str(row.get("place") or "") if row.get("place") == row.get("place") else "",
        verdict=row["verdict"],
        drawn=bool(row["drawn"]),
        painted=index in painted,
        probability=float(row["mean_probability"]),
        doubt=float(row["doubt"]),
        entropy=float(row["mean_entropy"]),
        p_real=float(row.get(P_REAL, np.nan)),
        slice=int(grid.slider_slice(int(row["slice_s"]))),
        voxel=voxel_in_table(row),
        grown=bool(row["drawn"]) and is_models,
        corrected=row["corrected"],
        centre_mm=(float(row["x_mm"]), float(row["y_mm"]), float(row["z_mm"])),
        side="" if middle is None else _side(float(row["x_mm"]) - middle),
    )


def _middle_mm(original: Prediction) -> float | None:
    """X (RAS+) of the middle of the brain: where the scanner's 0 is depends on how the head lay."""
    brain = original.brain
    if not brain.any():
        return None
    sums = (brain.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3))
    centre = [float((each * np.arange(len(each))).sum() / each.sum()) for each in sums]
    return float((original.grid.affine @ [*centre, 1.0])[0])


def _side(x: float) -> str:
    if abs(x) < _MIDDLE_MM:
        return "middle"
    return "right" if x > 0 else "left"


def _counted(lesions: Sequence[ResultLesion], rejected: Sequence[float]) -> Counted:
    by = {
        name: Tally.of(one.volume_mm3 for one in lesions if one.verdict == name)
        for name in ("accepted", "unsure", "")
    }
    return Counted(by["accepted"], by["unsure"], by[""], Tally.of(rejected))


def _by_place(lesions: Sequence[ResultLesion]) -> tuple[tuple[str, Tally], ...]:
    found = []
    for place in _PLACES:
        here = [one.volume_mm3 for one in lesions if (one.place or "unknown") == place]
        if here:
            found.append((place, Tally.of(here)))
    return tuple(found)


def _models_own(state: ReviewState) -> tuple[np.ndarray, int]:
    """The model's own lesions at its own threshold, numbered, and how many they are."""
    original = state.original
    least = voxels_of(state.lesions.min_volume, original.grid.voxel_volume)
    return label_mask(at_least(original.probability, original.threshold), min_voxels=least)


def _changes(
    state: ReviewState, labels: np.ndarray, found: Sequence[ResultLesion], own: np.ndarray, n: int
) -> Changes:
    original, lesions = state.original, state.lesions
    volume = original.grid.voxel_volume
    after, before = labels > 0, own > 0
    both = after & before
    touching = set(map(int, np.unique(labels[both])))
    painted = PaintedVolumes.from_edit(
        state.edit, state.probability, lesions.threshold, volume, lesions.drawn
    )
    return Changes(
        model=Tally(n, int(np.count_nonzero(before)) * volume / 1000),
        threshold=lesions.threshold,
        model_threshold=original.threshold,
        verdicts=len(state.decisions),
        strokes=None if state.entries is None else strokes_of(state.entries),
        painted_added_ml=painted.added_mm3 / 1000,
        painted_removed_ml=painted.removed_mm3 / 1000,
        drawn=sum(one.drawn and not one.grown for one in found),
        corrected=sum(one.painted and one.index in touching for one in found),
        lesions_added=int(labels.max(initial=0)) - len(touching),
        lesions_removed=n - len(np.unique(own[both])),
        added_ml=int(np.count_nonzero(after & ~before)) * volume / 1000,
        removed_ml=int(np.count_nonzero(before & ~after)) * volume / 1000,
    )


def _doubt_left(state: ReviewState, lesions: Sequence[ResultLesion]) -> DoubtLeft:
    left = [one for one in lesions if one.verdict != "accepted"]
    asked = np.array([one.p_real for one in left if not one.drawn])
    below = state.lesions.candidate_table
    decided = [says_lesion(state.decisions.get(-int(number), "")) is not None for number in below["label"]]
    rest = below[~np.array(decided, bool)]
    real = _numbers(rest, P_REAL)
    knows = P_REAL in below and P_REAL in state.lesions.table
    told = knows and len(asked) > 0 and np.isfinite(asked).all()
    return DoubtLeft(
        open=Tally.of(one.volume_mm3 for one in left),
        by_model=len(asked),
        expected_wrong=float((1 - asked).sum()) if told else None,
        candidates=len(rest),
        expected_missed=float(real.sum()) if knows and np.isfinite(real).all() else None,
    )


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].to_numpy(float) if name in table else np.full(len(table), np.nan)


def _against(state: ReviewState, labels: np.ndarray) -> ReferenceMatch | None:
    if state.reference is None:
        return None
    truth = state.reference != 0
    least = voxels_of(MIN_VOLUME, state.original.grid.voxel_volume)  # as `evaluate` has it
    found = detections(labels, truth, min_voxels=least)
    return ReferenceMatch(dice(labels, truth), found.f1, found.tp, found.fn, found.fp)


def _made_with(state: ReviewState) -> MadeWith:
    from napari_uncertainseg import __version__

    about = state.original.information
    return MadeWith(
        case=state.case,
        scan_date=state.scan_date,
        annotator=state.annotator,
        model=str(about.get("model") or ""),
        version=str(about.get("model_version") or ""),
        method=str(about.get("method") or ""),
        members=len(state.original.members),
        min_volume_mm3=state.lesions.min_volume,
        software=f"napari-uncertainseg {__version__}",
    )
