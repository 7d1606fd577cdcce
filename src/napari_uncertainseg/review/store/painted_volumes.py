"""What a reviewer painted, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg._boxes import painted_box
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.review.store.entry_details import PaintedDetails
from napari_uncertainseg.review.store.journal import Entry, details_of

_ADDED, _REMOVED, _DRAWN = "added_mm3", "removed_mm3", "drawn_lesions"


@dataclass(frozen=True)
class PaintedVolumes:
    """How far painting changed the model's lesions.

    Attributes
    ----------
    added_mm3, removed_mm3
        Volume that became lesion, and that is lesion no more.
    drawn
        Lesions that a human drew: mostly painted where the model sees none.
    """

    added_mm3: float
    removed_mm3: float
    drawn: int

    @classmethod
    def from_edit(
        cls,
        edit: np.ndarray | None,
        probability: np.ndarray,
        threshold: float,
        voxel_volume: float,
        drawn: int,
    ) -> PaintedVolumes:
        """Measure a painting: int8 on the grid, +1 added, -1 removed; None where nothing is painted."""
        if edit is None:
            return cls(0.0, 0.0, drawn)
        box = painted_box(edit)
        painted, model = edit[box], at_least(probability[box], threshold)
        added, removed = np.count_nonzero((painted > 0) & ~model), np.count_nonzero((painted < 0) & model)
        return cls(added * voxel_volume, removed * voxel_volume, drawn)

    @classmethod
    def at_last(cls, entries: Iterable[Entry]) -> PaintedVolumes | None:
        """What a journal says was painted in the end; None where nothing was, or it does not say."""
        strokes = details_of(entries, PaintedDetails)
        if not strokes:
            return None
        last = strokes[-1][1]
        added, removed, drawn = last.added_mm3, last.removed_mm3, last.drawn_lesions
        if last.mask is None or added is None or removed is None or drawn is None:
            return None
        return cls(added, removed, drawn)

    def as_json(self) -> dict[str, Any]:
        """The same for a journal or a summary."""
        return {_ADDED: self.added_mm3, _REMOVED: self.removed_mm3, _DRAWN: self.drawn}

    def in_words(self) -> str:
        """The same for display."""
        lesions = "lesion" if self.drawn == 1 else "lesions"
        volumes = f"{self.added_mm3:.0f} mm³ added, {self.removed_mm3:.0f} mm³ removed"
        return f"{volumes}, {self.drawn} {lesions} drawn"
