"""What a report is made of: sessions, readings, what the model got wrong, and training, as numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from napari_uncertainseg._base import one_line
from napari_uncertainseg.nouns import LESION, Noun
from napari_uncertainseg.review.feedback import NO_FEEDBACK, Feedback
from napari_uncertainseg.review.lessons.model_visibility import ModelInfluence
from napari_uncertainseg.review.lessons.scoring import Score
from napari_uncertainseg.review.session.rereading import Location, ReadingStatus
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.store.records import Session, Task
from napari_uncertainseg.review.store.session_settings import ReviewSettings

_LONGEST_NOUN = 40
"""A file from elsewhere may call what it is about anything."""


@dataclass(frozen=True)
class ReportTask:
    """A task, and the current verdict on it.

    Attributes
    ----------
    task
        The task.
    case
        What its case is called in the report.
    decision
        Empty without a verdict.
    wrong
        Whether the model was wrong about it, by the verdict; None without one.
    seconds
        From when it was shown to the verdict; None where that is not known.
    comment
        Empty in a report without names.
    feedback
        What the reader ticked beside the verdict; without the note in a report without names.
    """

    task: Task
    case: str
    decision: str
    wrong: bool | None
    seconds: float | None
    comment: str
    feedback: Feedback = NO_FEEDBACK


@dataclass(frozen=True)
class SessionPart:
    """A session with its tasks; annotator as the report calls them, ``fault`` empty where it is sound."""

    session: Session
    annotator: str
    items: tuple[ReportTask, ...]
    head: str
    fault: str
    painted: PaintedVolumes | None = None

    @property
    def cases(self) -> tuple[str, ...]:
        """What its cases are called, each once."""
        return tuple(dict.fromkeys(one.case for one in self.items))

    @property
    def judged(self) -> tuple[ReportTask, ...]:
        """Those with a verdict."""
        return tuple(one for one in self.items if one.decision)

    @property
    def seconds_each(self) -> float | None:
        """Median seconds per lesion; None where none is known."""
        known = [one.seconds for one in self.judged if one.seconds is not None]
        return float(np.median(known)) if known else None

    @property
    def decisions(self) -> Mapping[str, int]:
        """How often each decision was made, by name."""
        return dict(sorted(Counter(one.decision for one in self.judged).items()))


@dataclass(frozen=True)
class LocationDecisions:
    """A location, and what each of some readers decided; an empty decision where one has not judged it."""

    task: Task
    case: str
    decisions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MeanUncertainty:
    """Mean uncertainty (LSU, 0 to 1) of some locations, NaN of none, and over how many of them."""

    mean: float
    count: int


@dataclass(frozen=True)
class RereadPart:
    """A first reading and what others made of it.

    Attributes
    ----------
    found
        Agreement of first and second reader.
    readers
        What they are called: two or three.
    differing
        Locations on which first and second differ, with the decision of each.
    uncertainty_same, uncertainty_differing
        The model's uncertainty where they agree, and where they differ.
    """

    found: ReadingStatus
    readers: tuple[str, ...]
    differing: tuple[LocationDecisions, ...]
    uncertainty_same: MeanUncertainty
    uncertainty_differing: MeanUncertainty


@dataclass(frozen=True)
class WrongPart:
    """What a session found wrong with the model among lesions, or among candidates.

    Attributes
    ----------
    session, annotator, target
        Whose, and of what.
    judged, wrong
        Tasks with a verdict, and those in which the model was wrong.
    opposite, undecided, painted
        Of the wrong: lesions that are none or candidates that are lesions; those left undecided; those
        whose outline was changed.
    """

    session: str
    annotator: str
    target: str
    judged: int
    wrong: int
    opposite: int
    undecided: int
    painted: int


@dataclass(frozen=True)
class TrainingPart:
    """What came of a session in training: scores of answers by group, or the numbers of an outline.

    ``trouble`` says why there is neither.
    """

    session: str
    annotator: str
    scores: Mapping[str, Score]
    moved: ModelInfluence | None
    outline: Mapping[str, float]
    trouble: str


@dataclass(frozen=True)
class Summary:
    """All that a report says.

    Attributes
    ----------
    file
        Where the sessions are; empty without names.
    made
        When this was read, UTC.
    named
        Whether names are in it.
    sessions, reread, wrong, training
        Its parts, the earliest session first.
    most_uncertain
        By case number: judged places, the most uncertain first, without those on which readers differ.
    odd
        Sessions that cannot be read, and why, by id: nothing of them is in the other parts.
    """

    file: str
    made: datetime
    named: bool
    sessions: tuple[SessionPart, ...]
    reread: tuple[RereadPart, ...]
    wrong: tuple[WrongPart, ...]
    training: tuple[TrainingPart, ...]
    most_uncertain: Mapping[int, tuple[LocationDecisions, ...]]
    odd: Mapping[str, str] = field(default_factory=dict)

    @property
    def noun(self) -> Noun:
        """What all its readings are about; lesions where they are about several things."""
        settings = (part.session.settings for part in self.sessions)
        nouns = {each.noun or LESION for each in settings if isinstance(each, ReviewSettings)}
        found = one_line(nouns.pop()) if len(nouns) == 1 else LESION
        return Noun(found) if 0 < len(found) <= _LONGEST_NOUN else Noun()


def location_of(task: Task) -> Location:
    """What sessions have in common: case, target and voxel."""
    return task.case, task.target, task.voxel


def finite(value: object) -> float | None:
    """A number from a database, where it is one."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
