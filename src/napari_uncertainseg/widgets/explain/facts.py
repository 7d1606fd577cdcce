"""Where a region lies, and what the doubt of a lesion goes with; measured once for each case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import InputError, Progress

if TYPE_CHECKING:
    from napari_uncertainseg.explain.drivers.reasons import CaseDrivers
    from napari_uncertainseg.explain.place.zones import BrainZones
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
    from napari_uncertainseg.widgets.explain.request import ExplainRequest


@dataclass(frozen=True)
class RegionFacts:
    """What is known of a region beside the network.

    Attributes
    ----------
    place
        One of `explain.place.lesions.PLACES`; empty where it was not found out.
    to_ventricle_mm, to_cortex_mm, to_edge_mm
        Shortest gaps, mm; NaN where unknown.
    doubt
        What the lesion's doubt goes with, a sentence; empty for what is no lesion.
    basis
        What that rests on.
    problem
        Why the place or the doubt's drivers are not known, a sentence; empty where they are.
    """

    place: str = ""
    to_ventricle_mm: float = float("nan")
    to_cortex_mm: float = float("nan")
    to_edge_mm: float = float("nan")
    doubt: str = ""
    basis: str = ""
    problem: str = ""


class MeasuredCase:
    """Keeps the zones of a brain, and the drivers of its lesions at the present threshold."""

    def __init__(self) -> None:
        self._zones: tuple[Prediction, BrainZones] | None = None
        self._drivers: tuple[Lesions, CaseDrivers] | None = None

    def facts(self, request: ExplainRequest, progress: Progress) -> RegionFacts:
        """Measure in the background; what cannot be known is said, and is no error."""
        from napari_uncertainseg.explain.place.lesions import DISTANCES, place_lesions

        try:
            zones = self._found_zones(request, progress)
        except InputError as error:
            return RegionFacts(problem=str(error))
        mask = request.chosen.region.whole(request.prediction.grid.shape).astype(np.uint8)
        row = place_lesions(zones, mask).loc[1]
        gaps = {name: float(row[name]) for name in DISTANCES}
        doubt, basis, problem = "", "", zones.problem
        try:
            doubt, basis = self._doubt(request, zones, progress)
        except InputError as error:  # the place is known all the same
            problem = f"{problem} {error}".strip()
        return RegionFacts(str(row["place"]), **gaps, doubt=doubt, basis=basis, problem=problem)

    def _found_zones(self, request: ExplainRequest, progress: Progress) -> BrainZones:
        from napari_uncertainseg.explain.place.column import find_places

        if self._zones is None or self._zones[0] is not request.prediction:
            self._zones = None
            found = find_places(request.prediction, request.scans, progress)
            self._zones = request.prediction, found.zones
        return self._zones[1]

    def _doubt(self, request: ExplainRequest, zones: BrainZones, progress: Progress) -> tuple[str, str]:
        """What a lesion's doubt goes with, and what that rests on."""
        from napari_uncertainseg.explain.drivers.of_case import drivers_of_case
        from napari_uncertainseg.explain.place.lesions import place_lesions

        lesions, number = request.lesions, request.chosen.lesion
        if not number:
            return "", ""
        if self._drivers is None or self._drivers[0] is not lesions:
            self._drivers = None
            places = place_lesions(zones, lesions.labels)
            found = drivers_of_case(request.prediction, lesions, request.scans, places, progress=progress)
            self._drivers = lesions, found
        drivers = self._drivers[1]
        if number not in drivers.table.index:
            return "", ""
        return drivers.sentence(number), drivers.basis
