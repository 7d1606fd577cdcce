"""A lesson: questions with known answers, answered blind, kept as a session of kind ``training``."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.feedback import NO_FEEDBACK, Feedback
from napari_uncertainseg.review.lessons.model_visibility import ARMS, ModelInfluence, assign, influence
from napari_uncertainseg.review.lessons.questions import Question, depths, make_questions
from napari_uncertainseg.review.lessons.scoring import Score, by_depth, by_size, score
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.entry_details import FirstAnswerDetails
from napari_uncertainseg.review.store.journal import details_of
from napari_uncertainseg.review.store.reading_speed import reading_time
from napari_uncertainseg.review.store.records import NewTask, Session, Task
from napari_uncertainseg.review.store.session_settings import ExerciseSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Voxel, says_lesion
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

PROJECT = "training"
ARM_NAMES = ARMS["balanced"]


@dataclass(frozen=True)
class Misjudged:
    """A wrong answer: where, what was said and what it is, its size, and how sure the annotator was."""

    voxel: Voxel
    answer: str
    truth: str
    volume_mm3: float
    confidence: float


@dataclass(frozen=True)
class Opinion:
    """What the model says of a location: whether it takes it for a lesion, and its largest probability."""

    is_lesion: bool
    probability: float


class Lesson:
    """A session of questions, open or closed.

    Parameters
    ----------
    store
        Where it is kept; stays open.
    session
        Its id.
    came_again
        How many of the questions had been misjudged before.
    """

    def __init__(self, store: Store, session_id: str, *, came_again: int = 0) -> None:
        self._store, self.session, self.came_again = store, session_id, came_again
        known = store.session(session_id)
        self.annotator = known.annotator
        self._tasks = store.tasks(session_id)
        settings, n = known.settings, len(self._tasks)
        if not isinstance(settings, ExerciseSettings) or settings.exists is None:
            raise InputError(f"Session {session_id} asks no questions: it is no exercise with answers.")
        self._exists = settings.exists
        self._arms = ("without",) * n if settings.arms is None else settings.arms
        self._depths = (math.nan,) * n if settings.depth_mm is None else settings.depth_mm
        fewest = min(len(self._exists), len(self._arms), len(self._depths))
        if fewest < n:
            raise InputError(
                f"Session {session_id} asks {n} questions, and its settings answer {fewest} of them: "
                "somebody has changed the file."
            )
        self._threshold = 0.5 if settings.threshold is None else settings.threshold
        self._firsts = {
            entry.task: details.is_lesion
            for entry, details in details_of(store.entries(session_id), FirstAnswerDetails)
            if entry.task is not None
        }
        self._verdicts = store.verdicts(session_id)
        self._since = time.monotonic()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def answered(self) -> int:
        """How many questions have an answer."""
        return len(self._verdicts)

    @property
    def _next(self) -> Task | None:
        return next((task for task in self._tasks if task.id not in self._verdicts), None)

    @property
    def at(self) -> Voxel | None:
        """The voxel of the question at hand; None where all are answered."""
        return None if self._next is None else self._next.voxel

    @property
    def opinion(self) -> Opinion | None:
        """What the annotator may see of the model now; None where nothing."""
        task = self._next
        if task is None:
            return None
        arm = self._arms[task.position]
        shown = arm == "first" or (arm == "after" and task.id in self._firsts)
        return self._opinion(task) if shown else None

    @property
    def may_change(self) -> bool:
        """Whether the question at hand was answered once, before the model was seen."""
        task = self._next
        return task is not None and task.id in self._firsts

    def _opinion(self, task: Task) -> Opinion:
        peak = 0.0 if task.probability is None else task.probability
        return Opinion(bool(at_least(np.array(peak), self._threshold)), peak)

    def show(self) -> None:
        """Start the clock of the question that is shown now."""
        self._since = time.monotonic()

    def answer(self, is_lesion: bool, confidence: float, feedback: Feedback = NO_FEEDBACK) -> None:
        """Write an answer; it is on disk when this returns.

        Where the model is seen afterwards, the first answer leaves the question open, and the second one
        counts.

        Parameters
        ----------
        is_lesion
            What the annotator says.
        confidence
            That it is right, 0.5 to 1.
        feedback
            Why it was hard, ticked before the answer, and so before the model is seen.
        """
        task = self._next
        if task is None:
            raise InputError("All questions are answered.")
        if not 0.5 <= confidence <= 1:
            raise InputError(f"A confidence lies from 0.5 to 1, not at {confidence:g}.")
        took = reading_time(self._since)
        if self._arms[task.position] == "after" and task.id not in self._firsts:
            first = {"is_lesion": bool(is_lesion), "confidence": float(confidence), **took}
            self._write("first", task.id, first, feedback)
            self._firsts[task.id] = bool(is_lesion)
            return
        said: dict[str, Any] = {
            "decision": "accepted" if is_lesion else "rejected",
            "confidence": float(confidence),
            **took,
        }
        self._write("verdict", task.id, said, feedback)
        self._verdicts = self._store.verdicts(self.session)

    def _write(self, kind: str, task: int, said: Mapping[str, Any], feedback: Feedback) -> None:
        entry = self._store.record(self.session, kind, task, said)
        if feedback:
            self._store.record(self.session, "feedback", task, {"of": entry.number, **feedback.written()})

    def close(self) -> None:
        """End it; it can still be scored."""
        self._store.record(self.session, "closed", None, {"answered": self.answered})

    def score(self) -> Score:
        """What came of all answers."""
        exists, says, confidence, _ = self._answers()
        return score(exists, says, confidence)

    def score_by_size(self) -> dict[str, Score]:
        """The same by size."""
        return by_size(*self._answers())

    def score_by_depth(self) -> dict[str, Score]:
        """The same near the edge of the brain and farther in."""
        exists, says, sure, _ = self._answers()
        return by_depth(exists, says, sure, np.array([self._depths[t.position] for t, _, _ in self._pairs()]))

    def score_by_arm(self) -> dict[str, Score]:
        """The same by what was seen of the model; empty where there was one way only."""
        if len(set(self._arms)) < 2:
            return {}
        arms = np.array([self._arms[task.position] for task, _, _ in self._pairs()])
        exists, says, sure, _ = self._answers()
        return {arm: score(exists[on], says[on], sure[on]) for arm in ARM_NAMES if (on := arms == arm).any()}

    def influence(self) -> ModelInfluence | None:
        """How the model moved the annotator where it was seen after an answer; None where it never was."""
        pairs = [pair for pair in self._pairs() if pair[0].id in self._firsts]
        if not pairs:
            return None
        return influence(
            np.array([exists for _, exists, _ in pairs], bool),
            np.array([self._opinion(task).is_lesion for task, _, _ in pairs], bool),
            np.array([self._firsts[task.id] for task, _, _ in pairs], bool),
            np.array([says_lesion(v.decision) is True for _, _, v in pairs], bool),
        )

    def arm_of(self) -> Mapping[Voxel, str]:
        """In which arm each place was asked about."""
        return {task.voxel: arm for task, arm in zip(self._tasks, self._arms, strict=True)}

    def misjudged(self) -> list[Misjudged]:
        """Wrong answers, the surest first."""
        names = {True: "lesion", False: "no lesion"}
        found = [
            Misjudged(task.voxel, names[not exists], names[exists], task.volume_mm3 or 0.0, sure)
            for task, exists, verdict in self._pairs()
            if (says_lesion(verdict.decision) is True) != exists and (sure := verdict.confidence or 0.5)
        ]
        return sorted(found, key=lambda one: -one.confidence)

    def _pairs(self) -> list[tuple[Task, bool, CurrentVerdict]]:
        pairs = zip(self._tasks, self._exists, strict=True)
        return [(t, exists, self._verdicts[t.id]) for t, exists in pairs if t.id in self._verdicts]

    def _answers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        pairs = self._pairs()
        return (
            np.array([exists for _, exists, _ in pairs], bool),
            np.array([says_lesion(v.decision) is True for _, _, v in pairs], bool),
            np.array([v.confidence or 0.5 for _, _, v in pairs], float),
            np.array([t.volume_mm3 or 0.0 for t, _, _ in pairs], float),
        )


def start_lesson(
    store: Store,
    *,
    annotator: str,
    case: int,
    output: int | None,
    consensus: np.ndarray,
    lesions: Lesions,
    probability: np.ndarray,
    grid: Grid,
    brain: np.ndarray,
    plan: str = "without",
    seed: int,
) -> Lesson:
    """Begin a lesson on a case; what the annotator misjudged in it before comes first.

    Parameters
    ----------
    store, annotator, case, output
        Where it is kept, who answers, and the numbers of case and prediction in the store.
    consensus, lesions, probability, seed
        As for `make_questions`.
    grid, brain
        Grid of the arrays, and the brain: bool, of the grid's shape.
    plan
        What is seen of the model, one of `ARMS`.

    Raises
    ------
    InputError
        If the shapes differ, there is nothing to ask, or the store cannot be written.
    """
    again, arms = _before(store, annotator, case)
    chosen = make_questions(consensus, lesions, probability, grid.voxel_volume, seed=seed, again=again)
    tasks = [_task(trial, case, output) for trial in chosen]
    exists = [trial.exists for trial in chosen]
    last = [arms.get(trial.voxel) for trial in chosen]
    settings = {
        "exists": exists,
        "arms": assign(exists, plan, np.random.default_rng(seed), last),
        "depth_mm": depths([trial.voxel for trial in chosen], brain, grid.spacing),
        "threshold": lesions.threshold,
        "seed": seed,
    }
    session = store.open_session(
        store.project(PROJECT), store.annotator(annotator), "training", tasks, settings
    )
    return Lesson(store, session, came_again=sum(trial.voxel in again for trial in chosen))


def is_lesson(session: Session) -> bool:
    """Whether a session asks questions: others in training outline a whole case."""
    return isinstance(session.settings, ExerciseSettings) and session.settings.exists is not None


def earlier_scores(store: Store, annotator: str, *, without: str = "") -> list[Score]:
    """Scores of somebody's earlier lessons with an answer, the first first."""
    lessons = [one for one in _lessons(store, annotator) if one.session != without]
    return [lesson.score() for lesson in lessons if lesson.answered]


def _lessons(store: Store, annotator: str) -> list[Lesson]:
    """Somebody's lessons, the first first; what somebody else made of them is left out."""
    found, name = [], " ".join(annotator.split())
    for s in reversed(store.sessions()):
        if is_lesson(s) and s.annotator == name:
            with suppress(InputError):
                found.append(Lesson(store, s.id))
    return found


def _before(store: Store, annotator: str, case: int) -> tuple[set[Voxel], dict[Voxel, str]]:
    """Voxels of a case whose latest answer was wrong, and the arm in which each was asked about last."""
    wrong: dict[Voxel, bool] = {}
    arms: dict[Voxel, str] = {}
    for lesson in _lessons(store, annotator):
        pairs = [pair for pair in lesson._pairs() if pair[0].case == case]
        wrong |= {t.voxel: (says_lesion(v.decision) is True) != exists for t, exists, v in pairs}
        arms |= {t.voxel: lesson.arm_of()[t.voxel] for t, _, _ in pairs}
    return {voxel for voxel, is_wrong in wrong.items() if is_wrong}, arms


def _task(trial: Question, case: int, output: int | None) -> NewTask:
    return NewTask(case, output, "lesion", 0, trial.voxel, None, trial.probability, trial.volume_mm3)
