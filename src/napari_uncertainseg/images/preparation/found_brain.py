"""The brain of a visit, as it is known before the scans are segmented."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.images.volume import Grid

STRIPPED, GIVEN = "already stripped", "given"
WHOLE = "all that the model was given"
"""For models made elsewhere: nothing was searched."""
MENDED, GIVEN_MENDED = "mended by hand", "given, mended by hand"
"""Where a brain is from, if no finder found it."""
BY_HAND = {
    MENDED: "The outline of the brain was mended by hand.",
    GIVEN_MENDED: "The brain mask that was given was mended by hand.",
}
"""What a run notes of a brain that was painted on, by its source."""


def litres_of(mask: np.ndarray, grid: Grid) -> float:
    """Volume of a mask on its grid."""
    return float(np.count_nonzero(mask)) * grid.voxel_volume / 1e6


@dataclass(frozen=True, eq=False)
class FoundBrain:
    """A brain, where it is from, and what should be known before it is used.

    Attributes
    ----------
    mask
        bool (s, a, r), on the FLAIR's grid.
    source
        `STRIPPED`, `GIVEN`, `MENDED`, `GIVEN_MENDED`, or what found it: ``"network"`` or ``"deepbet"``.
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
        return self.source not in (STRIPPED, GIVEN, MENDED, GIVEN_MENDED)

    @property
    def was_given(self) -> bool:
        """Whether the user brought it along, mended or not."""
        return self.source in (GIVEN, GIVEN_MENDED)


def known_from(mask: np.ndarray, source: str) -> FoundBrain:
    """A brain of earlier results.

    Parameters
    ----------
    mask
        bool, on the FLAIR's grid.
    source
        As `FoundBrain.source`.
    """
    return FoundBrain(mask, source, (BY_HAND[source],) if source in BY_HAND else ())


def mended(mask: np.ndarray, before: FoundBrain) -> FoundBrain:
    """A brain on which the user could paint; it is what it was before where no voxel differs.

    Parameters
    ----------
    mask
        bool, on the FLAIR's grid.
    before
        With which the painting began.
    """
    if np.array_equal(mask, before.mask):
        return before
    return known_from(mask, GIVEN_MENDED if before.was_given else MENDED)


def accept(brain: FoundBrain) -> None:
    """Go on with any brain; its notes say what is strange about it."""
