"""The brain of a visit: the user's, that of stripped scans, or what is found in the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from napari_uncertainseg._base import FINDING_BRAIN, InputError, Progress, silent
from napari_uncertainseg.images.preparation.brain import (
    FINDER,
    already_stripped,
    check_brain,
    find_brain,
    has_usual_volume,
    strange_brain,
)
from napari_uncertainseg.images.preparation.found_brain import (
    BY_HAND,
    GIVEN,
    GIVEN_MENDED,
    STRIPPED,
    FoundBrain,
    known_from,
)
from napari_uncertainseg.images.preparation.skull import Glance, surroundings
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import course_of

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
    glance: Glance | None = None,
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
    glance
        At the FLAIR, where there was one.

    Raises
    ------
    InputError
        If no brain is found, or it cannot be one.
    """
    if skull not in SKULL:
        raise InputError(f"The skull is said to be {skull!r}: say one of {', '.join(SKULL)}.")
    flair, course = scans["flair"], course_of(progress)
    if mask is not None:
        return given_brain(mask, flair)
    doubts = []
    if skull != "present":
        looks = []
        for scan in scans.values():
            seen = glance if scan is flair else None
            if seen is None:
                with course.step(steps.SKULL, steps.millions(scan.grid.shape), "looking for the skull"):
                    seen = Glance(surroundings(scan), None)
            looks.append(seen.around)
            if skull == "removed" or seen.around.skull == "removed":
                return _stripped(already_stripped(scan, seen.around, seen.shown), scan)
        if all(look.skull is None for look in looks):
            doubts.append(_DOUBTFUL.format(flair.name))
    course.expect({steps.SKULL: 0})
    with course.step(steps.BRAIN, stage=FINDING_BRAIN):
        brain = _found(find_brain(flair, course), FINDER, flair)
    return replace(brain, notes=(*doubts, *brain.notes))


def given_brain(mask: Volume, flair: Volume, *, by_hand: bool = False) -> FoundBrain:
    """The brain that the user has brought along.

    Parameters
    ----------
    mask
        On any grid; what is not 0 is brain.
    flair
        On whose grid the brain will be.
    by_hand
        Whether the user has painted on it since.

    Raises
    ------
    InputError
        If none of it lies on the FLAIR.
    """
    given = resample_to(mask, flair.grid, nearest=True) > 0
    if not given.any():
        raise InputError(f"'{mask.name}': the brain mask is empty on '{flair.name}'; choose another mask.")
    return _of_user(known_from(given, GIVEN_MENDED if by_hand else GIVEN), flair)


def known_brain(brain: FoundBrain, flair: Volume) -> FoundBrain:
    """A brain that is known before a run, with all that should be known of it.

    Parameters
    ----------
    brain
        Found, given or mended; of earlier results it comes without what was noted of it then.
    flair
        The scan whose brain it is.

    Raises
    ------
    InputError
        If it lies on other voxels, or cannot be a brain and was found by a program.
    """
    if brain.mask.shape != flair.grid.shape:
        raise InputError(f"The brain outline does not lie on the voxels of '{flair.name}': find it again.")
    if brain.was_given or brain.source in BY_HAND:
        return _of_user(brain, flair)
    if brain.notes:
        return brain
    if brain.source == STRIPPED:
        return _stripped(brain.mask, flair)
    return _found(brain.mask, brain.source, flair)


def _found(brain: np.ndarray, source: str, scan: Volume) -> FoundBrain:
    notes, strange = check_brain(brain, scan), strange_brain(brain, scan)
    return FoundBrain(brain, source, (*notes, strange) if strange else tuple(notes), strange)


def _stripped(brain: np.ndarray, scan: Volume) -> FoundBrain:
    notes = check_brain(brain, scan)
    return FoundBrain(brain, STRIPPED, tuple(notes), "" if has_usual_volume(brain, scan) else " ".join(notes))


def _of_user(brain: FoundBrain, flair: Volume) -> FoundBrain:
    """What a user chose or painted is strange only where nothing of its volume is a brain."""
    told = check_brain(brain.mask, flair, given=True)
    notes = (*brain.notes, *(note for note in told if note not in brain.notes))
    return replace(brain, notes=notes, strange=" ".join(told))
