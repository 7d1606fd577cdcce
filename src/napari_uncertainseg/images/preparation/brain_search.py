"""The brain of a visit: the user's, that of stripped scans, or what is found in the head."""

from __future__ import annotations

from collections.abc import Mapping

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.images.preparation.brain import (
    FINDER,
    already_stripped,
    check_brain,
    find_brain,
    strange_brain,
    too_large,
)
from napari_uncertainseg.images.preparation.found_brain import GIVEN, STRIPPED, FoundBrain
from napari_uncertainseg.images.preparation.skull import surroundings
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Volume

SKULL = ("auto", "removed", "present")
"""What the user can say of the skull: find out; it was removed; it is still there."""
_DOUBTFUL = (
    "Whether the skull of '{}' was removed is doubtful: it was taken as still there; say so if it is not."
)


def search_brain(
    scans: Mapping[str, Volume],
    mask: Volume | None = None,
    skull: str = "auto",
    progress: Progress = silent,
) -> FoundBrain:
    """Find the brain of a visit.

    Parameters
    ----------
    scans
        By modality, all on the FLAIR's grid.
    mask
        The user's own brain mask, on any grid; it wins.
    skull
        One of `SKULL`.
    progress
        Called now and then; may raise ``Cancelled``.

    Raises
    ------
    InputError
        If no brain is found, or it cannot be one.
    """
    if skull not in SKULL:
        raise InputError(f"The skull is said to be {skull!r}: say one of {', '.join(SKULL)}.")
    flair = scans["flair"]
    if mask is not None:
        return _given(mask, flair)
    doubts = []
    if skull != "present":
        looks = {modality: surroundings(scan) for modality, scan in scans.items()}
        removed = [name for name, look in looks.items() if skull == "removed" or look.skull == "removed"]
        if removed:
            scan = scans[removed[0]]
            brain = already_stripped(scan, looks[removed[0]])
            notes = check_brain(brain, scan)
            return FoundBrain(brain, STRIPPED, tuple(notes), notes[0] if too_large(brain, scan) else "")
        if all(look.skull is None for look in looks.values()):
            doubts.append(_DOUBTFUL.format(flair.name))
    scan = scans.get("t1", flair) if FINDER == "deepbet" else flair
    brain = find_brain(scan, progress)
    notes, strange = [*doubts, *check_brain(brain, scan)], strange_brain(brain, scan)
    return FoundBrain(brain, FINDER, (*notes, strange) if strange else tuple(notes), strange)


def _given(mask: Volume, flair: Volume) -> FoundBrain:
    given = resample_to(mask, flair.grid, nearest=True) > 0
    if not given.any():
        raise InputError(f"'{mask.name}': the brain mask is empty on '{flair.name}'; choose another mask.")
    notes = check_brain(given, flair, given=True)
    return FoundBrain(given, GIVEN, tuple(notes), " ".join(notes))
