"""What is to be explained: the selected lesion or candidate, or what the user has painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.kept import Region
from napari_uncertainseg.uncertainty.listing.listed_lesion import listed_lesion
from napari_uncertainseg.widgets.explain import texts

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


@dataclass(frozen=True, eq=False)
class ChosenRegion:
    """A region and its name.

    Attributes
    ----------
    title
        Such as ``"lesion 3"``.
    stem
        Files begin with it: ``"lesion3"``.
    region
        On the scan's grid.
    sha256
        Of the region.
    lesion
        Number of the lesion; 0 where it is none.
    """

    title: str
    stem: str
    region: Region
    sha256: str
    lesion: int = 0


def selected_region(case: Case) -> ChosenRegion | None:
    """The selected lesion or candidate at the present threshold; None where none is selected."""
    lesions, number = case.lesions, case.selected_number
    listed = None if lesions is None or not number else listed_lesion(lesions, number)
    if listed is None:
        return None
    noun = "lesion" if number > 0 else "candidate"
    region, known = Region(listed.box, listed.inside), abs(number)
    return ChosenRegion(f"{noun} {known}", f"{noun}{known}", region, region.sha256(), max(number, 0))


def painted_region(layers: ReviewLayers, name: str) -> ChosenRegion:
    """The voxels of a label layer that have the label which is selected in it.

    Raises
    ------
    InputError
        If there is no such layer, it lies on another grid, or nothing is painted with this label.
    """
    labels = layers.user_labels.numbers_of(name)
    number = int(layers.viewer.layers[name].selected_label) if name in layers.viewer.layers else 0
    mask = labels == number
    if number == 0 or not mask.any():
        raise InputError(texts.nothing_painted(name, number))
    region = Region.cut(mask)
    return ChosenRegion(texts.painted_title(name, number), "region", region, region.sha256())
