"""Where a region lies, and what the doubt of a lesion goes with: measured once for each case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.explain.region_facts import RegionFacts

if TYPE_CHECKING:
    from napari_uncertainseg.explain.drivers.reasons import CaseDrivers
    from napari_uncertainseg.explain.place.column import PlaceColumns
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
    from napari_uncertainseg.widgets.explain.request import ExplainRequest


class MeasuredCase:
    """Keeps the drivers of the lesions at the present threshold.

    Parameters
    ----------
    zones
        Of the brain, as other docks find them too.
    """

    def __init__(self, zones: KnownZones) -> None:
        self._zones = zones
        self._drivers: tuple[Lesions, CaseDrivers] | None = None

    def facts(self, request: ExplainRequest, progress: Progress) -> RegionFacts:
        """Measure in the background; what cannot be known is said, and is no error."""
        from napari_uncertainseg.explain.place.column import find_places
        from napari_uncertainseg.explain.region_facts import facts_of_region

        mask, number = request.chosen.region.whole(request.prediction.grid.shape), request.chosen.lesion
        drivers, problem = None, ""
        try:
            places = find_places(request.prediction, request.scans, progress, self._zones.find)
        except InputError as error:
            return RegionFacts(problem=str(error))
        try:
            drivers = self._measured(request, places, progress) if number else None
        except InputError as error:  # the place is known all the same
            problem = str(error)
        found = facts_of_region(places.zones, mask, drivers, number)
        return replace(found, problem=f"{found.problem} {problem}".strip())

    def _measured(self, request: ExplainRequest, places: PlaceColumns, progress: Progress) -> CaseDrivers:
        """The drivers of all lesions, which are measured together."""
        from napari_uncertainseg.explain.drivers.of_case import drivers_of_case

        lesions = request.lesions
        if self._drivers is None or self._drivers[0] is not lesions:
            self._drivers = None
            where = places.values(lesions.labels)
            found = drivers_of_case(request.prediction, lesions, request.scans, where, progress=progress)
            self._drivers = lesions, found
        return self._drivers[1]
