"""Verdicts on lesions: one table that says what each means.

Results, reports, statistics and the bound on remaining errors ask it, and compare no names of verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.feedback import NO_FEEDBACK, Feedback

Voxel = tuple[int, int, int]
"""Index (s, a, r) on the prediction's grid."""

Decision = Literal["accepted", "rejected", "unsure"]
DECISIONS: tuple[str, ...] = get_args(Decision)
"""What a reviewer may decide about a lesion or candidate."""
UNDECIDED: Decision = "unsure"
"""The verdict on lesions that have grown together with different verdicts: nobody has judged them as one."""


@dataclass(frozen=True)
class Meaning:
    """What a verdict means for results, statistics and the screen.

    Attributes
    ----------
    is_lesion
        True where it says that this is a lesion, False where it is none, None where it says neither.
    as_outlined
        Whether the outline is right as the model made it, where it is a lesion.
    shown
        The decision that the list of lesions shows for it.
    """

    is_lesion: bool | None
    as_outlined: bool
    shown: Decision


VERDICTS: Mapping[str, Meaning] = MappingProxyType(
    {
        "accepted": Meaning(is_lesion=True, as_outlined=True, shown="accepted"),
        "rejected": Meaning(is_lesion=False, as_outlined=False, shown="rejected"),
        "unsure": Meaning(is_lesion=None, as_outlined=False, shown="unsure"),
        # Of earlier versions: now a lesion that was painted on is accepted, see `CurrentVerdict.painted`.
        "edited": Meaning(is_lesion=True, as_outlined=False, shown="accepted"),
    }
)
"""By the name in files. `DECISIONS` are those that a reviewer can give today."""


def says_lesion(decision: str) -> bool | None:
    """Whether a verdict says that this is a lesion; None where it says neither, such as of an outline."""
    meaning = VERDICTS.get(decision)
    return None if meaning is None else meaning.is_lesion


def confirms_model(decision: str, *, candidate: bool) -> bool:
    """Whether the model was right, by a verdict: a lesion is one as it is outlined, a candidate is none.

    Undecided confirms nothing.
    """
    meaning = VERDICTS.get(decision)
    if meaning is None:
        return False
    return meaning.is_lesion is False if candidate else meaning.as_outlined


@dataclass(frozen=True)
class Verdict:
    """A reviewer's decision on one lesion.

    It is bound to a voxel, not to a number: numbers change with the threshold,
    and the verdict then belongs to the lesion that holds the voxel.
    """

    voxel: Voxel
    decision: Decision
    feedback: Feedback = NO_FEEDBACK


def check_inside(voxels: Iterable[Sequence[int]], shape: Sequence[int]) -> None:
    """Check that the locations of a session lie on the grid of the current scan.

    Raises
    ------
    InputError
        If one does not.
    """
    if not all(0 <= i < n for voxel in voxels for i, n in zip(voxel, shape, strict=True)):
        raise InputError("This session belongs to another scan: its locations lie outside of this one.")
