"""A correction goes the way of a brush stroke: one undo, one entry of the journal."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.lesions.editing.at_click import ClickedPlace
from napari_uncertainseg.lesions.editing.boxes import painted_after
from napari_uncertainseg.review.correcting.outlines import Corrected, Outlines
from napari_uncertainseg.review.open_case.case_review import CaseReview
from napari_uncertainseg.review.open_case.reviewed_case import ReviewedCase
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.uncertainty.lesion_ranking import ranker_of


def outlines_of(case: ReviewedCase) -> Outlines:
    """The lesions of a case, ready for tools.

    Raises
    ------
    InputError
        If nothing is segmented.
    """
    prediction, lesions = case.prediction, case.lesions
    if prediction is None or lesions is None:
        raise InputError("There are no outlines yet: press Run in Segment first.")
    return Outlines(lesions, prediction.grid)


def place_at(case: ReviewedCase, voxel: Voxel) -> ClickedPlace:
    """What the model outlines around a voxel, at any threshold.

    Raises
    ------
    InputError
        If the model sees nothing there, or in most of a large image something.
    """
    if case.prediction is None:
        raise InputError("There are no outlines yet: press Run in Segment first.")
    known = ranker_of(case.prediction).hierarchy
    if known is None:
        raise InputError("The model sees something nearly everywhere in this scan: use the brush.")
    return ClickedPlace.at(*known, voxel)


def apply(review: CaseReview, outlines: Outlines, corrected: Corrected) -> None:
    """Take a correction into the review of the case whose outlines these are."""
    edit = painted_after(review.edit, outlines.lesions.labels, corrected.change)
    review.set_edit(edit, corrected.correction, corrected.change.box)


def voxel_within(corrected: Corrected, near: Voxel) -> Voxel | None:
    """The voxel of the corrected outline that lies nearest to another (in voxels); None where none is."""
    change = corrected.change
    inside = np.argwhere(change.wanted)
    if not len(inside):
        return None
    inside = inside + [part.start for part in change.box]
    s, a, r = inside[int(np.argmin(((inside - np.array(near)) ** 2).sum(axis=1)))]
    return int(s), int(a), int(r)
