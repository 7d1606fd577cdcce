"""What was drawn, or a lesion, as a measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg.images.measures.records import RULER, Measurement
from napari_uncertainseg.images.measures.shapes import (
    Slice,
    area_mm2,
    length_mm,
    volume_ml,
    voxels_inside,
)
from napari_uncertainseg.widgets.reading_bar.measure.base import Base, brightness

if TYPE_CHECKING:
    from napari import Viewer

    from napari_uncertainseg.widgets.dock_description import ReviewContext


def made_of(
    kind: str, where: Slice, points: np.ndarray, base: Base, viewer: Viewer, review: ReviewContext
) -> Measurement | None:
    """A ruler or a region that was drawn; None for a region without a voxel of the scan.

    Parameters
    ----------
    kind, where, points
        As `Tool` hands them over.
    base
        The scan.
    viewer, review
        Whose images are measured in a region.
    """
    drawn = tuple((float(s), float(a), float(r)) for s, a, r in points)
    if kind == RULER:
        return Measurement(kind, drawn, where, length_mm=length_mm(points, base.grid))
    voxels = voxels_inside(kind, points, where, base.grid)  # type: ignore[arg-type]
    if not len(voxels):
        return None
    own = Measurement(kind, drawn, where, area_mm2=area_mm2(voxels, where, base.grid))
    return _with_brightness(own, voxels, base, viewer, review)


def selected_lesion(base: Base, viewer: Viewer, review: ReviewContext) -> Measurement | None:
    """The lesion or candidate that is selected, with all its slices; None where none is, or may be seen."""
    case = review.case
    voxel, lesions, prediction = case.selected, case.lesions, case.prediction
    if voxel is None or lesions is None or prediction is None or review.layers.blinded:
        return None
    is_lesion = bool(lesions.labels[voxel])
    labels = lesions.labels if is_lesion else lesions.candidates
    number = int(labels[voxel])
    if not number or not prediction.grid.same_as(base.grid):
        return None
    name = f"{prediction.noun.fit('lesion' if is_lesion else 'candidate')} {number}"
    s, a, r = (float(index) for index in voxel)
    own = Measurement("lesion", ((s, a, r),), Slice(0, int(s)), name)
    return _with_brightness(own, np.argwhere(labels == number), base, viewer, review)


def _with_brightness(
    region: Measurement, voxels: np.ndarray, base: Base, viewer: Viewer, review: ReviewContext
) -> Measurement:
    values = brightness(voxels, base, viewer, review)
    return replace(region, voxels=len(voxels), volume_ml=volume_ml(voxels, base.grid), values=values)
