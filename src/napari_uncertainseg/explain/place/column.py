"""Places as columns of the tables of lesions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.place.lesions import NEAR_MM, place_lesions
from napari_uncertainseg.explain.place.zones import BrainZones, find_zones
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn

FindZones = Callable[[Volume, np.ndarray, Progress], BrainZones]
"""As `find_zones`."""
_GAP = "Shortest gap between the lesion and {}, 0 where they touch. {}"

COLUMNS: Mapping[str, MeasureColumn] = MappingProxyType(
    {
        "place": MeasureColumn(
            "Place",
            "",
            "Infratentorial: most of it in brainstem or cerebellum. Else periventricular: at most "
            f"{NEAR_MM:g} mm from a lateral ventricle. Else juxtacortical: at most {NEAR_MM:g} mm from the "
            "cerebral cortex. Else deep white matter, with the deep grey nuclei. Found by an atlas; check it "
            "on the scan.",
        ),
        "to_ventricle_mm": MeasureColumn(
            "To ventricle", "mm", _GAP.format("a lateral ventricle", "Ventricles are found on the scan.")
        ),
        "to_cortex_mm": MeasureColumn(
            "To cortex", "mm", _GAP.format("the cerebral cortex", "Where it is, the atlas and the sulci say.")
        ),
        "to_edge_mm": MeasureColumn(
            "To edge", "mm", _GAP.format("the outside of the brain mask", "").strip()
        ),
    }
)


@dataclass(frozen=True, eq=False)
class PlaceColumns:
    """Places of the lesions of one scan, as `late_columns` wants them.

    Attributes
    ----------
    zones
        Of the scan.
    """

    zones: BrainZones

    @property
    def columns(self) -> Mapping[str, MeasureColumn]:
        """Those of `COLUMNS`."""
        return COLUMNS

    def values(self, labels: np.ndarray) -> pd.DataFrame:
        """As `place_lesions`."""
        return place_lesions(self.zones, labels)


def find_places(
    prediction: Prediction,
    scans: Mapping[str, Volume],
    progress: Progress = silent,
    find: FindZones = find_zones,
) -> PlaceColumns:
    """Find the zones of the brain in which a prediction's lesions lie; takes seconds.

    Parameters
    ----------
    prediction
        Its brain mask is used.
    scans
        By modality; the one that was segmented is looked at.
    progress
        May raise ``Cancelled``.
    find
        How the zones are found; `KnownZones.find` finds those of one brain once.

    Raises
    ------
    InputError
        If that scan is not there, or is another one.
    Cancelled
        As ``progress`` raises it.
    """
    said = prediction.information.get("inputs") or {}
    name = main_of(said or scans)
    if name not in scans:
        raise InputError("Places are unknown: the scan that was segmented is not loaded.")
    scan = scans[name]
    known = said.get(name, {}).get("scan_sha256") if isinstance(said.get(name), Mapping) else None
    if scan.grid.shape != prediction.grid.shape or (known and scan_sha256(scan) != known):
        raise InputError("Places are unknown: the scan that is loaded is not the one that was segmented.")
    return PlaceColumns(find(scan, prediction.brain, progress))
