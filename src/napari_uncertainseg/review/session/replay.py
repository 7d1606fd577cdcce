"""A session played back: each step, the verdicts at each moment, and a score against a consensus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.review.lessons.scoring import Score, score
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.entry_details import (
    EntryDetails,
    FeedbackDetails,
    FirstAnswerDetails,
    PaintedDetails,
    UndoDetails,
    VerdictDetails,
)
from napari_uncertainseg.review.store.journal import Entry, details_of
from napari_uncertainseg.review.store.masks import MaskStore
from napari_uncertainseg.review.store.records import Task
from napari_uncertainseg.review.store.session_settings import SessionSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import VERDICTS, Verdict, Voxel, check_inside, says_lesion


@dataclass(frozen=True)
class Step:
    """One entry of a journal, as it is played back.

    Attributes
    ----------
    number
        Of the entry.
    at
        When, ISO 8601, UTC.
    what
        In words.
    voxel
        Where, (s, a, r); None where the entry is about no location.
    """

    number: int
    at: str
    what: str
    voxel: Voxel | None


class Replay:
    """A session to be played back; nothing is written.

    Parameters
    ----------
    store
        Where it is kept; only read here.
    session
        Its id.
    """

    def __init__(self, store: Store, session_id: str) -> None:
        with store.reading():
            self.session = store.session(session_id)
            self.tasks: Sequence[Task] = store.tasks(session_id)
            self._entries = store.entries(session_id)
        self._task = {task.id: task for task in self.tasks}
        if not self.tasks or not self._entries:
            raise InputError(f"Session {session_id} has no entry or no task: something was taken away.")
        self._kinds = {entry.number: entry.kind for entry in self._entries}
        self._masks: MaskStore = store.masks
        self.steps: tuple[Step, ...] = tuple(self._step(entry) for entry in self._entries)

    def check_fits(self, shape: Sequence[int]) -> None:
        """See that all its locations lie on a grid, or raise InputError."""
        check_inside([step.voxel for step in self.steps if step.voxel is not None], shape)
        check_inside([task.voxel for task in self.tasks], shape)

    def verdicts(self, until: int) -> tuple[Verdict, ...]:
        """The verdicts after a step, by location, in the order in which they were given.

        Parameters
        ----------
        until
            Index of the step.
        """
        voxels = {e.number: voxel for e in self._entries if (voxel := e.details.voxel) is not None}
        return tuple(
            Verdict(voxels.get(found.number, self._task[task].voxel), found.shown, found.feedback)
            for task, found in current_verdicts(self._entries[: until + 1]).items()
            if task in self._task and found.decision in VERDICTS
        )

    def seen_at(self, until: int) -> tuple[float | None, float | None]:
        """Threshold and smallest volume (mm3) after a step, as far as they are known."""
        seen: list[SessionSettings | EntryDetails] = [self.session.settings]
        seen += [entry.details for entry in self._entries[: until + 1]]
        thresholds = [each.threshold for each in seen if each.threshold is not None]
        volumes = [each.min_volume for each in seen if each.min_volume is not None]
        return thresholds[-1] if thresholds else None, volumes[-1] if volumes else None

    def painting(self, until: int) -> np.ndarray | None:
        """What was painted by then: int8 on the grid, +1 added, -1 removed; None where nothing was.

        Raises
        ------
        InputError
            If the mask is missing or was changed.
        """
        return last_painting(self._entries[: until + 1], self._masks)

    def score(self, consensus: np.ndarray) -> Score:
        """Score the verdicts at the end against a consensus; undecided ones do not count.

        Where no confidence was stated, a verdict counts as sure.

        Parameters
        ----------
        consensus
            bool on the grid of the session's prediction: whether the voxel that was looked at is lesion.

        Raises
        ------
        InputError
            If a location of the session lies outside of the grid.
        """
        rows = [
            (self._exists(consensus, self._task[task].voxel), says, found.confidence)
            for task, found in current_verdicts(self._entries).items()
            if task in self._task and (says := says_lesion(found.decision)) is not None
        ]
        exists, lesion, sure = zip(*rows, strict=True) if rows else ((), (), ())
        confidence = np.array([1.0 if c is None else c for c in sure], float)
        return score(np.array(exists, bool), np.array(lesion, bool), confidence)

    def _exists(self, consensus: np.ndarray, voxel: Voxel) -> bool:
        check_inside([voxel], consensus.shape)
        return bool(consensus[voxel])

    def _step(self, entry: Entry) -> Step:
        task = None if entry.task is None else self._task.get(entry.task)
        voxel = entry.details.voxel or (None if task is None else task.voxel)
        return Step(entry.number, entry.at, _describe(entry, self._kinds), voxel)


def last_painting(entries: Iterable[Entry], masks: MaskStore) -> np.ndarray | None:
    """The painting at the end of a journal: int8 on the grid, +1 added, -1 removed; None where it is empty.

    Raises
    ------
    InputError
        If the mask is missing, was changed, or does not fit the grid that the entry says.
    """
    strokes = details_of(entries, PaintedDetails)
    if not strokes or strokes[-1][1].mask is None:
        return None
    return read_painting(strokes[-1][1], masks)


def read_painting(details: PaintedDetails, masks: MaskStore) -> np.ndarray:
    """The painting that an entry names, int8 on the grid.

    Raises
    ------
    InputError
        If the mask is missing, was changed, or does not fit the grid that the entry says.
    """
    if details.mask is None or details.start is None or details.shape is None:
        raise InputError("This entry names no painting.")
    part = masks.read(details.mask)
    if part.ndim != 3:
        raise InputError(f"The painting has {part.ndim} axes and not 3: somebody has changed the session.")
    s, a, r = (slice(start, start + n) for start, n in zip(details.start, part.shape, strict=True))
    edit = np.zeros(details.shape, np.int8)
    check_same_shape("The painting", part.shape, "its location on the grid", edit[s, a, r].shape)
    edit[s, a, r] = part
    return edit


_STEPS = {
    "opened": "session opened",
    "added": "lesion added",
    "closed": "session closed",
}


_STEPS_BACK = {"undo": "undone", "redo": "redone"}


def _describe(entry: Entry, kinds: Mapping[int, str]) -> str:
    """An entry in words, given the kinds of all by number."""
    details = entry.details
    if isinstance(details, VerdictDetails):
        return f"{details.decision}{_time_and_confidence(details)}"
    if isinstance(details, FirstAnswerDetails):
        answer = "lesion" if details.is_lesion else "no lesion"
        return f"first answer: {answer}{_time_and_confidence(details)}"
    if isinstance(details, FeedbackDetails):
        return f"ticked: {details.feedback.in_words()}"
    if isinstance(details, PaintedDetails):
        return _painted(details)
    if isinstance(details, UndoDetails):
        what = "ticks" if kinds.get(details.entry) == "feedback" else "verdict"
        return f"{what} {_STEPS_BACK.get(entry.kind, entry.kind)}"
    return _STEPS.get(entry.kind, entry.kind)


def _painted(details: PaintedDetails) -> str:
    correction = details.correction
    if details.step in _STEPS_BACK:
        return f"{'stroke' if correction is None else correction.in_words()} {_STEPS_BACK[details.step]}"
    if correction is not None:
        return correction.in_words()
    return "painted" if details.mask else "painting undone"


def _time_and_confidence(details: VerdictDetails | FirstAnswerDetails) -> str:
    time = "" if details.seconds is None else f" after {details.seconds:.1f} s"
    return time if details.confidence is None else f"{time}, {details.confidence:.0%} sure"
