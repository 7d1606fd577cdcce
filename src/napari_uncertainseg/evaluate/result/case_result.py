"""What a review of one case came to, as numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from napari_uncertainseg.review.verdicts import Voxel


@dataclass(frozen=True)
class Tally:
    """How many lesions, and their volume in ml."""

    number: int = 0
    ml: float = 0.0

    @classmethod
    def of(cls, volumes_mm3: Iterable[float]) -> Tally:
        """Count lesions by their volumes, mm3."""
        volumes = list(volumes_mm3)
        return cls(len(volumes), round(sum(volumes) / 1000, 9))


@dataclass(frozen=True)
class ResultLesion:
    """A lesion that counts after the review.

    Attributes
    ----------
    index
        Number in `CaseResult.labels`, from 1 up, the most doubtful first.
    number
        In the list of lesions: above 0 of a lesion, below 0 of an accepted candidate.
    volume_mm3, diameter_mm
        Volume, and longest diameter (`lesions.shapes.diameter`).
    place
        One of `explain.place.lesions.PLACES`; empty where places were not looked for.
    verdict
        ``"accepted"`` or ``"unsure"``; empty where it was not judged.
    drawn, painted
        Whether a human drew it, and whether somebody painted on it.
    probability, doubt, entropy
        Mean probability, doubt as the list of lesions has it, mean entropy (nats); NaN of what a human drew
        where the model has no lesion; of the model's own outline where somebody corrected it.
    p_real
        Probability that experts would call it a lesion too; NaN where that is not known.
    voxel
        (s, a, r): in the slice with most of it.
    grown
        Whether a lesion of the model lies in what a human drew: its outline was corrected.
    corrected
        Whether the model's numbers are those of its own outline, which is another one now.
    centre_mm
        x, y, z of its centroid, RAS+ mm.
    slice
        Number that the window's slider shows in the slice of `voxel`; None where that is not known.
    side
        ``"right"`` or ``"left"`` of the middle of the brain, or ``"middle"``, the patient's; empty where
        that is not known.
    """

    index: int
    number: int
    volume_mm3: float
    diameter_mm: float
    place: str
    verdict: str
    drawn: bool
    painted: bool
    probability: float
    doubt: float
    entropy: float
    p_real: float
    voxel: Voxel
    grown: bool = False
    corrected: bool = False
    centre_mm: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    slice: int | None = None
    side: str = ""

    @property
    def name(self) -> str:
        """What it is called in tables, as in the list of lesions."""
        return f"{self.number}" if self.number > 0 else f"candidate {-self.number}"


@dataclass(frozen=True)
class Counted:
    """What was counted by verdict; the rejected are lesions of the model that do not count any more."""

    accepted: Tally
    unsure: Tally
    not_judged: Tally
    rejected: Tally

    @property
    def total(self) -> Tally:
        """All lesions after review: without the rejected."""
        parts = (self.accepted, self.unsure, self.not_judged)
        return Tally(sum(part.number for part in parts), round(sum(part.ml for part in parts), 9))

    @property
    def judged(self) -> int:
        """Lesions with a verdict, the rejected among them."""
        return self.accepted.number + self.unsure.number + self.rejected.number


@dataclass(frozen=True)
class Changes:
    """What the reader changed, against the model's own answer at its own threshold, nothing painted.

    Attributes
    ----------
    model
        The model's own answer.
    threshold, model_threshold
        The reader's, and the model's.
    verdicts
        How many verdicts count at present.
    strokes
        Strokes of painting that stand, as the journal says; None without a journal.
    painted_added_ml, painted_removed_ml
        What became lesion by painting, and what is lesion no more, at the reader's threshold.
    drawn, corrected
        Lesions that a human drew where the model has none, and lesions of the model that were painted on.
    lesions_added, lesions_removed
        Lesions that share no voxel with the model's own, and lesions of the model of which nothing is left.
    added_ml, removed_ml
        Volume that is in the result and was not in the model's answer, and the other way round.
    """

    model: Tally
    threshold: float
    model_threshold: float
    verdicts: int
    strokes: int | None
    painted_added_ml: float
    painted_removed_ml: float
    drawn: int
    corrected: int
    lesions_added: int
    lesions_removed: int
    added_ml: float
    removed_ml: float


@dataclass(frozen=True)
class DoubtLeft:
    """What nobody has decided.

    Attributes
    ----------
    open
        Lesions that are unsure or not judged; they count.
    by_model
        How many of these the model found; the others a human drew.
    expected_wrong
        How many of those by the model experts would not call lesions, by `p_real`; None where that is not
        known of all of them, or there are none.
    candidates
        Candidates below the threshold without an accepted or rejected verdict; they do not count.
    expected_missed
        How many of those experts would call lesions; None likewise.
    """

    open: Tally
    by_model: int
    expected_wrong: float | None
    candidates: int
    expected_missed: float | None


@dataclass(frozen=True)
class TimeSpent:
    """How long a reader was at work, by the journal.

    Attributes
    ----------
    active_s
        Seconds between one entry and the next, without pauses.
    pauses
        How often nothing was written for longer than `review.store.reading_speed.LONGEST_S`.
    paused_s
        How long these were together.
    """

    active_s: float
    pauses: int
    paused_s: float


@dataclass(frozen=True)
class ReferenceMatch:
    """The result against a reference.

    Attributes
    ----------
    dice
        Of the masks; 1 where both are empty.
    f1
        Over lesions, one voxel in common counts as found; NaN where there is nothing to count.
    found, missed, false
        The counts behind it.
    """

    dice: float
    f1: float
    found: int
    missed: int
    false: int


@dataclass(frozen=True)
class MadeWith:
    """What the result was made of and with, in words; empty where it is not known.

    Attributes
    ----------
    case, scan_date, annotator
        Names, and the date of the scan as its file says it.
    model, version, method, software
        Of what was run.
    members
        How many members the prediction has.
    min_volume_mm3
        Smaller lesions are left out.
    """

    case: str
    scan_date: str
    annotator: str
    model: str
    version: str
    method: str
    members: int
    min_volume_mm3: float
    software: str


@dataclass(frozen=True)
class CaseResult:
    """The result of a review of one case.

    Attributes
    ----------
    made
        Of what, with what and by whom.
    lesions
        Those that count, the most doubtful first, what a human drew last.
    counted
        By verdict.
    places
        By place in the order of `PLACES`, where there are any; None where places were not looked for.
    place_problem
        Why places are unknown; empty otherwise.
    changes, doubt
        What was changed, and what nobody has decided.
    time
        None without a journal.
    reference
        None without a reference.
    reviewed
        Whether there is any verdict or painting.
    measurements
        Rulers and regions of the reader, each in words with its size.
    """

    made: MadeWith
    lesions: tuple[ResultLesion, ...]
    counted: Counted
    places: tuple[tuple[str, Tally], ...] | None
    place_problem: str
    changes: Changes
    doubt: DoubtLeft
    time: TimeSpent | None
    reference: ReferenceMatch | None
    reviewed: bool
    measurements: tuple[str, ...] = ()
