"""What is said of one lesion or candidate at a glance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.shapes.diameter import longest_diameter
from napari_uncertainseg.uncertainty.at_a_glance.doubt_words import DoubtWord, doubt_word
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.uncertainty.listing.listed_lesion import listed_lesion


@dataclass(frozen=True, eq=False)
class SelectedLesion:
    """A lesion or candidate in a few numbers.

    Attributes
    ----------
    number
        Of the lesion (> 0), or minus that of the candidate.
    diameter_mm
        Longest diameter in 3-D, see `longest_diameter`.
    volume_mm3
        Its volume.
    doubt
        0 to 1, see `lesion_columns`; NaN for what a human drew where the model has no lesion.
    word
        The doubt in words; None where there is none.
    drawn
        Whether a human drew it.
    place
        One of `explain.place.lesions.PLACES`; empty while nobody has looked for places.
    start, inside
        First index of its box on the grid, and bool of that box: its voxels.
    models_volume_mm3
        Volume of the model's own outline, of which the doubt is; None where nobody painted on it.
    """

    number: int
    diameter_mm: float
    volume_mm3: float
    doubt: float
    word: DoubtWord | None
    drawn: bool
    place: str
    start: tuple[int, int, int]
    inside: np.ndarray
    models_volume_mm3: float | None = None


def selected_lesion(
    lesions: Lesions | None, voxel: tuple[int, int, int] | None, grid: Grid | None
) -> SelectedLesion | None:
    """What there is to say of the lesion or candidate at a voxel; None where there is none.

    Parameters
    ----------
    lesions
        At the present threshold.
    voxel
        Index (s, a, r) on the grid.
    grid
        On which they lie.
    """
    if lesions is None or voxel is None or grid is None:
        return None
    number = lesions.component_at(voxel)
    listed = listed_lesion(lesions, number) if number else None
    if listed is None:
        return None
    row, inside = listed.row, listed.inside
    (s, a, r), doubt = listed.box, float(row["doubt"])
    return SelectedLesion(
        number=number,
        diameter_mm=longest_diameter(inside, grid.affine[:3, :3]),
        volume_mm3=float(row["volume_mm3"]),
        doubt=doubt,
        word=doubt_word(doubt),
        drawn=bool(row["drawn"]),
        place=str(row.get("place", "") or ""),
        start=(s.start, a.start, r.start),
        inside=inside,
        models_volume_mm3=lesions.models_volume.get(number),
    )
