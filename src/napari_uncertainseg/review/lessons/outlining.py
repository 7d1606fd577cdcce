"""An annotator's own outline against the consensus: distances, missed lesions, and false ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import IntEnum

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import label_mask, voxels_of
from napari_uncertainseg.lesions.matching import detections, dice, lesions_touching
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.raters.agreement import SurfaceDistances
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.lessons.lesson import PROJECT
from napari_uncertainseg.review.lessons.questions import representative_voxel
from napari_uncertainseg.review.store.entry_details import VerdictDetails
from napari_uncertainseg.review.store.journal import details_of
from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.session_settings import ExerciseSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Voxel

SURE = 1
"""Label of what is surely lesion: the inner contour. Higher labels may be lesion: the outer one."""
_LEAST_MM3 = 3.0


class Side(IntEnum):
    """Who takes a voxel for lesion."""

    NEITHER = 0
    BOTH = 1
    CONSENSUS = 2
    OUTLINE = 3


@dataclass(frozen=True)
class OutlineLocation:
    """A lesion of one side that the other has not: where to look, (s, a, r), and its volume, mm3."""

    voxel: Voxel
    volume_mm3: float


@dataclass(frozen=True)
class OutlineComparison:
    """How an outline compares with the consensus.

    Attributes
    ----------
    slices
        How many axial slices were compared.
    dice
        Of all that was outlined, sure or not.
    hd95_mm
        95 % Hausdorff distance of the boundaries, mm; infinite where one side is empty.
    lesion_f1
        Of lesions, any voxel in common counts; those below 3 mm3 in the consensus need not be found. NaN
        where neither side has one.
    volume_mm3, consensus_mm3
        Of both sides.
    missed, invented
        Lesions of the consensus without a voxel of the outline, and the other way round; the largest first.
    inner_right
        Share of the inner contour that is lesion in the consensus; NaN without one.
    outer_covers
        Share of the consensus that lies in the outer contour; NaN without any.
    """

    slices: int
    dice: float
    hd95_mm: float
    lesion_f1: float
    volume_mm3: float
    consensus_mm3: float
    missed: tuple[OutlineLocation, ...]
    invented: tuple[OutlineLocation, ...]
    inner_right: float
    outer_covers: float


@dataclass(frozen=True, eq=False)
class ScoredOutline:
    """An outline that is kept.

    Attributes
    ----------
    comparison
        With the consensus.
    earlier
        Dice of the annotator's outlines before, the first of them first.
    sides
        `Side` of each voxel, on the grid.
    """

    comparison: OutlineComparison
    earlier: tuple[float, ...]
    sides: np.ndarray


def compare_outline(
    outline: np.ndarray, consensus: np.ndarray, grid: Grid, *, whole: bool = False
) -> OutlineComparison:
    """Compare an outline with the consensus.

    Parameters
    ----------
    outline
        Integers, of the grid's shape (s, a, r): 0 nothing, 1 surely lesion, more may be lesion.
    consensus
        bool, of the same shape.
    grid
        Of both; its first axis counts axial slices.
    whole
        All slices; otherwise those in which something was outlined.

    Raises
    ------
    InputError
        If the shapes differ, or nothing was outlined.
    """
    check_same_shape("The outline", outline.shape, "the consensus", consensus.shape)
    slices = _slices(outline, whole)
    if not (outline > 0).any():
        raise InputError("Nothing is outlined yet: paint what you take for lesion, in at least one slice.")
    within = slices[:, None, None]
    own, truth = (outline > 0) & within, consensus.astype(bool) & within
    inner = outline == SURE
    least = voxels_of(_LEAST_MM3, grid.voxel_volume)
    distances = SurfaceDistances.between(np.stack([own, truth]), grid.spacing)
    volume = grid.voxel_volume
    return OutlineComparison(
        slices=int(slices.sum()),
        dice=dice(own, truth),
        hd95_mm=float(distances.hausdorff()[0, 1]),
        lesion_f1=detections(own, truth, min_voxels=least).f1,
        volume_mm3=float(own.sum() * volume),
        consensus_mm3=float(truth.sum() * volume),
        missed=_only(truth, own, least, volume),
        invented=_only(own, truth, 1, volume),
        inner_right=_share(inner & truth, inner),
        outer_covers=_share(own & truth, truth),
    )


def label_sides(outline: np.ndarray, consensus: np.ndarray, *, whole: bool = False) -> np.ndarray:
    """Who takes each voxel for lesion.

    Parameters
    ----------
    outline, consensus, whole
        As for `compare_outline`.

    Returns
    -------
    numpy.ndarray
        uint8 of `Side`, of the same shape.
    """
    found = np.where(outline > 0, Side.OUTLINE, Side.NEITHER).astype(np.uint8)
    found[consensus.astype(bool) & _slices(outline, whole)[:, None, None]] = Side.CONSENSUS
    found[consensus.astype(bool) & (outline > 0)] = Side.BOTH
    return found


def save_outline(
    store: Store,
    annotator: str,
    case: int,
    output: int | None,
    outline: np.ndarray,
    confidence: float,
    found: OutlineComparison,
) -> str:
    """Keep an outline and what came of it as a session of kind ``training``, closed; gives its id.

    Parameters
    ----------
    store, annotator, case, output
        Where it is kept, who outlined, and the numbers of case and prediction in the store.
    outline
        Integers, of the grid's shape: 0 nothing, 1 surely lesion, more may be lesion.
    found
        What `compare_outline` made of it.
    confidence
        That the outline is right, 0.5 to 1.
    """
    if not 0.5 <= confidence <= 1:
        raise InputError(f"A confidence lies from 0.5 to 1, not at {confidence:g}.")
    mask = store.masks.keep(outline.astype(np.uint8))
    middle = tuple(round(float(i.mean())) for i in np.nonzero(outline))
    task = NewTask(case, output, "case", 0, middle, None, None, found.volume_mm3)  # type: ignore[arg-type]
    session = store.open_session(
        store.project(PROJECT), store.annotator(annotator), "training", [task], {"outline": True}
    )
    (made,) = store.tasks(session)
    score = {k: v if np.isfinite(v) else None for k, v in asdict(found).items() if isinstance(v, int | float)}
    said = {"decision": "outlined", "confidence": float(confidence), "mask": mask, "score": score}
    store.record(session, "verdict", made.id, said)
    store.record(session, "closed", None, {})
    return session


def score_outline(
    open_store: Callable[[], Store],
    prediction: Prediction,
    annotator: str,
    outline: np.ndarray,
    consensus: np.ndarray,
    confidence: float,
    *,
    whole: bool = False,
) -> ScoredOutline:
    """Compare an outline, keep it as a finished session, and put it beside the annotator's earlier ones.

    Parameters
    ----------
    open_store
        Gives the sessions; called once the outline has been compared.
    prediction
        The case and the output that it is about; the outline lies on its grid.
    annotator
        Who outlined.
    outline, consensus, whole
        As for `compare_outline`.
    confidence
        That the outline is right, 0.5 to 1.

    Raises
    ------
    InputError
        If there is nothing to compare, or it cannot be kept.
    """
    comparison = compare_outline(outline, consensus, prediction.grid, whole=whole)
    store = open_store()
    case, output = register_prediction(store, prediction)
    session = save_outline(store, annotator, case, output, outline, confidence, comparison)
    earlier = earlier_outline_scores(store, annotator, without=session)
    return ScoredOutline(comparison, tuple(earlier), label_sides(outline, consensus, whole=whole))


def earlier_outline_scores(store: Store, annotator: str, *, without: str = "") -> list[float]:
    """Dice of somebody's earlier outlines, the first first."""
    name = " ".join(annotator.split())
    found = []
    for s in reversed(store.sessions()):
        is_outline = isinstance(s.settings, ExerciseSettings) and s.settings.outline
        if is_outline and s.annotator == name and s.id != without:
            with suppress(Unreadable):  # a session that somebody has changed is left out
                dice_scores = [verdict.score.get("dice") for verdict in outlines(store, s.id)]
                found += [score for score in dice_scores if score is not None]
    return found


def outlines(store: Store, session_id: str) -> list[VerdictDetails]:
    """The outlines of a session, with what came of the comparison; the first one first."""
    return [verdict for _, verdict in details_of(store.entries(session_id), VerdictDetails) if verdict.score]


def _slices(outline: np.ndarray, whole: bool) -> np.ndarray:
    return np.ones(len(outline), bool) if whole else np.any(outline > 0, axis=(1, 2))


def _only(mask: np.ndarray, other: np.ndarray, least: int, volume: float) -> tuple[OutlineLocation, ...]:
    """Lesions of a mask without a voxel of another."""
    labels, n = label_mask(mask, min_voxels=least)
    lonely = np.flatnonzero(~lesions_touching(labels, other, n)) + 1
    places = [
        OutlineLocation(representative_voxel(one := labels == i), float(one.sum() * volume)) for i in lonely
    ]
    return tuple(sorted(places, key=lambda place: -place.volume_mm3))


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")
