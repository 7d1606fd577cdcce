"""The brain of a visit, as it is known before the scans are segmented."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.images.volume import Grid

STRIPPED, GIVEN, MENDED = "already stripped", "given", "mended by hand"
"""Where a brain is from, if no finder found it."""
MENDED_NOTE = "The outline of the brain was mended by hand."


def litres_of(mask: np.ndarray, grid: Grid) -> float:
    """Volume of a mask on its grid."""
    return float(mask.sum()) * grid.voxel_volume / 1e6


@dataclass(frozen=True, eq=False)
class FoundBrain:
    """A brain, where it is from, and what should be known before it is used.

    Attributes
    ----------
    mask
        bool (s, a, r), on the FLAIR's grid.
    source
        `STRIPPED`, `GIVEN`, `MENDED`, or what found it: ``"network"`` or ``"deepbet"``.
    notes
        What the user should know, one sentence each.
    strange
        Why it should be looked at before it is used, one sentence; empty where nothing is strange.
    """

    mask: np.ndarray
    source: str
    notes: tuple[str, ...] = ()
    strange: str = ""

    @property
    def found(self) -> bool:
        """Whether it was found in a head, so that the scans still show the skull."""
        return self.source not in (STRIPPED, GIVEN, MENDED)


def mended(mask: np.ndarray) -> FoundBrain:
    """A brain whose outline the user has painted.

    Parameters
    ----------
    mask
        bool, on the FLAIR's grid.
    """
    return FoundBrain(mask, MENDED, (MENDED_NOTE,))


def accept(brain: FoundBrain) -> None:
    """Go on with any brain; its notes say what is strange about it."""
