"""What training came to: scores, and how often somebody was right from lesson to lesson.

A place that comes again is known, and what was misjudged comes again more often: a curve of all answers would
mix learning with remembering. Only first answers to a place count for the curve.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.calibration.reliability import wilson_band
from napari_uncertainseg.review.lessons.lesson import is_lesson
from napari_uncertainseg.review.lessons.scoring import Score, score
from napari_uncertainseg.review.reports.snapshot import Snapshot, SnapshotTask
from napari_uncertainseg.review.session.rereading import Location
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import ExerciseSettings
from napari_uncertainseg.review.verdicts import says_lesion


@dataclass(frozen=True)
class LearningPoint:
    """One lesson on a learning curve.

    Attributes
    ----------
    session, opened
        Its id, and when it began, ISO 8601 in UTC.
    first, right
        Answers to places that the annotator had not been asked about before, and how many of them are right.
    repeats
        The other answers.
    aided
        Of the first answers, those for which the model was shown, before or after.
    low, high
        95 % Wilson interval of the accuracy; NaN without a first answer.
    """

    session: str
    opened: str
    first: int
    right: int
    repeats: int
    aided: int
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """Share of first answers that are right; NaN without any."""
        return self.right / self.first if self.first else math.nan


@dataclass(frozen=True, eq=False)
class Trained:
    """An annotator's lessons.

    Attributes
    ----------
    annotator
        Name.
    key
        Id of the first lesson: tells annotators apart whatever they are called.
    score
        Of all answers, repeats among them.
    curve
        By lesson, the first one first.
    """

    annotator: str
    key: str
    score: Score
    curve: tuple[LearningPoint, ...]


def training_of(found: Snapshot) -> tuple[Trained, ...]:
    """Scores and learning curves, of lessons that are done.

    A lesson that is not finished does not count: its score would tell after each answer whether it was
    right. One that was left counts once its annotator has begun another.
    """
    lessons: dict[str, list[Session]] = defaultdict(list)
    for session in found.sessions:
        if is_lesson(session):
            lessons[session.annotator].append(session)
    rows = (_trained(found, name, lessons[name]) for name in found.annotators if name in lessons)
    return tuple(row for row in rows if row.score.answers)


def _trained(found: Snapshot, annotator: str, lessons: Sequence[Session]) -> Trained:
    seen: set[Location] = set()
    every: list[tuple[SnapshotTask, bool]] = []
    curve = []
    for session in lessons:
        answers = _answers(found, session)
        fresh = [task.location not in seen for task, _ in answers]
        seen |= {task.location for task, _ in answers}
        if answers and (found.is_done(session) or session is not lessons[-1]):
            every += answers
            curve.append(_point(session, answers, fresh))
    return Trained(annotator, lessons[0].id, _score(every), tuple(curve))


def _answers(found: Snapshot, session: Session) -> list[tuple[SnapshotTask, bool]]:
    """Questions with an answer, and whether each was about a lesion."""
    settings = session.settings
    exists = settings.exists if isinstance(settings, ExerciseSettings) and settings.exists else ()
    return [
        (task, exists[task.position])
        for task in found.tasks[session.id]
        if task.decision is not None and task.position < len(exists)
    ]


def _point(
    session: Session, answers: Sequence[tuple[SnapshotTask, bool]], fresh: Sequence[bool]
) -> LearningPoint:
    first = [answer for answer, new in zip(answers, fresh, strict=True) if new]
    right = sum(_is_right(task, exists) for task, exists in first)
    settings = session.settings
    arms = settings.arms if isinstance(settings, ExerciseSettings) and settings.arms else ()
    aided = sum(task.position < len(arms) and arms[task.position] != "without" for task, _ in first)
    low, high = wilson_band(np.array([right]), np.array([len(first)]))
    return LearningPoint(
        session=session.id,
        opened=session.opened,
        first=len(first),
        right=right,
        repeats=len(answers) - len(first),
        aided=aided,
        low=float(low[0]),
        high=float(high[0]),
    )


def _score(answers: Sequence[tuple[SnapshotTask, bool]]) -> Score:
    return score(
        np.array([exists for _, exists in answers], bool),
        np.array([_answered_lesion(task) for task, _ in answers], bool),
        np.array([task.confidence or 0.5 for task, _ in answers], float),
    )


def _is_right(task: SnapshotTask, exists: bool) -> bool:
    return _answered_lesion(task) == exists


def _answered_lesion(task: SnapshotTask) -> bool:
    return task.decision is not None and says_lesion(task.decision) is True
