"""What most readers say, lesion by lesion or voxel by voxel, and what is left to be decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy.ndimage import find_objects

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.raters.consensus import majority
from napari_uncertainseg.review.verdicts import Voxel

Rule = Literal["lesions", "voxels"]
RULES: Mapping[Rule, str] = MappingProxyType(
    {
        "lesions": "A lesion is kept if more than half of the readers accepted it, and dropped if more than "
        "half said no. Else somebody decides. Its outline is what more than half of them outlined.",
        "voxels": "A voxel is lesion if more than half of the readers outlined it and did not reject it: "
        "accepted, unsure or not judged.",
    }
)
"""Each rule in words."""
Says = Literal["accepted", "undecided", "no lesion"]
Outcome = Literal["kept", "dropped", "open"]
FEWEST, MOST = 2, 3


@dataclass(frozen=True, eq=False)
class ReaderMasks:
    """What a reader made of the case.

    Attributes
    ----------
    reader, session
        Who, and id of the review.
    accepted
        Mask of the lesions that the reader accepted or drew, as outlined in the end.
    undecided
        Mask of those that the reader left unsure or did not judge.
    """

    reader: str
    session: str
    accepted: np.ndarray
    undecided: np.ndarray

    @property
    def outlined(self) -> np.ndarray:
        """Both."""
        return self.accepted | self.undecided


@dataclass(frozen=True)
class AdjudicatedLesion:
    """A place where at least one reader outlined something.

    Attributes
    ----------
    number
        In `Adjudication.places`, from 1 up, the largest first.
    voxel
        (s, a, r) in it, near its middle.
    volume_mm3
        Of what is in the mask when it is kept.
    says
        What each reader says, in their order.
    outcome
        What became of it.
    by_readers
        Whether the rule decided; False where a person did, or nobody has.
    """

    number: int
    voxel: Voxel
    volume_mm3: float
    says: tuple[Says, ...]
    outcome: Outcome
    by_readers: bool


@dataclass(frozen=True, eq=False)
class Adjudication:
    """One mask of several readers'.

    Attributes
    ----------
    readers
        Whose, in the order of `AdjudicatedLesion.says`.
    sessions
        Ids of their reviews.
    rule
        One of `RULES`.
    places
        int32 on the grid: connected places that anybody outlined.
    outline
        bool on the grid: what of each place is lesion if it is kept.
    lesions
        One for each place.
    """

    readers: tuple[str, ...]
    sessions: tuple[str, ...]
    rule: Rule
    places: np.ndarray
    outline: np.ndarray
    lesions: tuple[AdjudicatedLesion, ...]

    @property
    def mask(self) -> np.ndarray:
        """The lesions that are kept, uint16 with their numbers; what is open is not in it."""
        kept = np.zeros(len(self.lesions) + 1, bool)
        kept[[one.number for one in self.lesions if one.outcome == "kept"]] = True
        return np.where(kept[self.places] & self.outline, self.places, 0).astype(np.uint16)

    @property
    def open(self) -> tuple[AdjudicatedLesion, ...]:
        """What nobody has decided."""
        return tuple(one for one in self.lesions if one.outcome == "open")

    @property
    def undecided_by_rule(self) -> tuple[AdjudicatedLesion, ...]:
        """What the rule left to a person, decided meanwhile or not."""
        return tuple(one for one in self.lesions if not one.by_readers)

    def decide(self, number: int, outcome: Outcome) -> Adjudication:
        """Keep or drop what the rule left open, or leave it open again.

        Raises
        ------
        InputError
            If the rule has decided it.
        """
        if number not in {one.number for one in self.undecided_by_rule}:
            raise InputError(f"Lesion {number} is decided by the readers, and not by one person.")
        lesions = (replace(one, outcome=outcome) if one.number == number else one for one in self.lesions)
        return replace(self, lesions=tuple(lesions))


def adjudicate(readers: Sequence[ReaderMasks], rule: Rule, grid: Grid) -> Adjudication:
    """Make one mask of two or three readers'.

    Parameters
    ----------
    readers
        Their masks, of shape ``grid.shape``.
    rule
        One of `RULES`. Places are 26-connected components of what anybody outlined, so that lesions that one
        reader joined are one place.
    grid
        Of the scan.

    Raises
    ------
    InputError
        If there are fewer or more readers, one of them twice, or a mask of another shape.
    """
    _check(readers, grid)
    masks = np.stack([one.outlined for one in readers])
    places, n = label_mask(np.asarray(masks.any(0)))
    order = np.argsort(-np.bincount(places.ravel(), minlength=n + 1)[1:], kind="stable")
    renumbered = np.zeros(n + 1, np.int32)
    renumbered[order + 1] = np.arange(1, n + 1)
    places = renumbered[places]
    outline = majority(masks)
    lesions = []
    for number, box in enumerate(find_objects(places), start=1):
        here = places[box] == number
        parts = [(one.accepted[box] & here, one.undecided[box] & here) for one in readers]
        says = tuple(_says(accepted, undecided) for accepted, undecided in parts)
        outcome = _by_lesion(says) if rule == "lesions" else _by_voxel(outline[box][here])
        if outcome == "kept" and not outline[box][here].any():
            outcome = "open"  # each saw it, and nowhere two of them the same voxel
        if outcome == "open":
            outline[box] |= here & _outline_if_kept(parts)
        voxels = int(np.count_nonzero(outline[box] & here))
        lesions.append(
            AdjudicatedLesion(
                number=number,
                voxel=_middle(here, box),
                volume_mm3=voxels * grid.voxel_volume,
                says=says,
                outcome=outcome,
                by_readers=outcome != "open",
            )
        )
    names, ids = tuple(one.reader for one in readers), tuple(one.session for one in readers)
    return Adjudication(names, ids, rule, places, outline, tuple(lesions))


def _check(readers: Sequence[ReaderMasks], grid: Grid) -> None:
    if not FEWEST <= len(readers) <= MOST:
        raise InputError(f"Choose two or three finished reviews, not {len(readers)}.")
    if len({one.session for one in readers}) < len(readers):
        raise InputError("The same review was chosen twice.")
    if len({one.reader for one in readers}) < len(readers):
        raise InputError("Two of the chosen reviews are by the same reader; choose one of each reader.")
    for one in readers:
        if one.accepted.shape != grid.shape or one.undecided.shape != grid.shape:
            raise InputError(f"The review of {one.reader} does not lie on the grid of the scan.")


def _says(accepted: np.ndarray, undecided: np.ndarray) -> Says:
    if accepted.any():
        return "accepted"
    return "undecided" if undecided.any() else "no lesion"


def _by_lesion(says: Sequence[Says]) -> Outcome:
    if 2 * says.count("accepted") > len(says):
        return "kept"
    return "dropped" if 2 * says.count("no lesion") > len(says) else "open"


def _by_voxel(outlined: np.ndarray) -> Outcome:
    return "kept" if outlined.any() else "dropped"


def _outline_if_kept(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """All that those outlined who accepted it; without any, those who left it undecided."""
    accepted = np.any([one for one, _ in parts], axis=0)
    found: np.ndarray = accepted if accepted.any() else np.any([one for _, one in parts], axis=0)
    return found


def _middle(here: np.ndarray, box: tuple[slice, ...]) -> Voxel:
    """The voxel of a place nearest to its centroid."""
    at = np.argwhere(here)
    nearest = at[np.argmin(((at - at.mean(0)) ** 2).sum(1))]
    s, a, r = (int(i) + part.start for i, part in zip(nearest, box, strict=True))
    return s, a, r
