"""What a review needs of the case that it is about, and what it says of a place in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.uncertainty.listing.listed_lesion import listed_lesion

if TYPE_CHECKING:
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


class ReviewedCase(Protocol):
    """What a review asks its case for, and tells it."""

    @property
    def prediction(self) -> Prediction | None:
        """The prediction under review."""

    @property
    def threshold(self) -> float:
        """Probability at and above which a voxel is lesion."""

    @property
    def min_volume(self) -> float:
        """Smaller components are left out, mm3."""

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates as outlined at present, painting included."""

    def restart_numbers(self, known: Sequence[tuple[Voxel, int]]) -> None:
        """Number lesions anew, as a session knows them; emits nothing."""

    def painting_changed(self) -> None:
        """Outline lesions anew, and say so."""


def component_at(case: ReviewedCase, voxel: Voxel) -> int:
    """Number of the lesion (> 0) or candidate (< 0) at a voxel; 0 when there is none."""
    lesions = case.lesions
    return 0 if lesions is None else lesions.component_at(voxel)


def same_component(case: ReviewedCase, voxel: Voxel) -> Callable[[Voxel], bool]:
    """Whether another voxel belongs to the lesion or candidate at this one, as outlined at present."""
    component = component_at(case, voxel)
    return lambda other: component != 0 and component_at(case, other) == component


def component_name(component: int) -> str:
    """What a component is called: lesions are positive, candidates negative."""
    if component == 0:
        return "no lesion"
    return f"lesion {component}" if component > 0 else f"candidate {-component}"


def about_lesion(case: ReviewedCase, voxel: Voxel, edit: np.ndarray | None) -> dict[str, Any]:
    """What is kept beside a verdict: threshold, number, whether the lesion was painted.

    Parameters
    ----------
    case
        Under review.
    voxel
        Of the lesion or candidate.
    edit
        What the reviewer painted, int8 on the grid; None where nothing was.
    """
    lesions, number = case.lesions, component_at(case, voxel)
    about: dict[str, Any] = {"threshold": case.threshold, "min_volume": case.min_volume, "number": number}
    if edit is not None and lesions is not None and number > 0:
        listed = listed_lesion(lesions, number)  # only its own box is looked at
        about["painted"] = listed is not None and bool(edit[listed.box][listed.inside].any())
    return about


def about_numbers(case: ReviewedCase, known: Sequence[tuple[Voxel, int]]) -> dict[str, Any]:
    """What is kept beside a verdict or stroke so that lesions have the same numbers when it is resumed.

    Without it, lesions that came up at another threshold or were painted would be numbered anew by rank,
    where no verdict was given on them.

    Parameters
    ----------
    case
        Under review.
    known
        Numbers that the session knows by now, by voxel: > 0 of lesions, < 0 of candidates.
    """
    lesions = case.lesions
    if lesions is None:
        return {}
    held = {number for voxel, number in known if number and lesions.component_at(voxel) == number}
    new: list[tuple[list[int], int]] = []
    for table, sign in ((lesions.table, 1), (lesions.candidate_table, -1)):
        columns = (table[name].to_numpy() for name in ("label", "slice_s", "slice_a", "slice_r"))
        for label, *voxel in zip(*columns, strict=True):
            if sign * int(label) not in held:
                new.append(([int(i) for i in voxel], sign * int(label)))
    return {"numbered": new} if new else {}


def painted_volumes(case: ReviewedCase, edit: np.ndarray | None) -> PaintedVolumes | None:
    """How far painting (int8 on the grid) changed the model's lesions; None without a prediction."""
    prediction, lesions = case.prediction, case.lesions
    if prediction is None or lesions is None:
        return None
    volume = prediction.grid.voxel_volume
    return PaintedVolumes.from_edit(edit, prediction.probability, case.threshold, volume, lesions.drawn)
