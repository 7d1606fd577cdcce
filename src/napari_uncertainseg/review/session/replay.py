"""A session played back: what was done when, what stood then, and how it scores against another consensus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.review.lessons.scoring import Score, score
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict, current_verdicts
from napari_uncertainseg.review.store.journal import Entry
from napari_uncertainseg.review.store.masks import MaskStore
from napari_uncertainseg.review.store.records import Task
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Decision, Verdict, Voxel, check_inside

_SAYS = {"accepted": True, "edited": True, "rejected": False}
"""Whether a verdict calls it a lesion; undecided and outlines say neither."""


_LARGEST = 1 << 31
"""Voxels of a scan."""


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
        Where, (s, a, r); None where it is about no place.
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

    def __init__(self, store: Store, session: str) -> None:
        self.session = store.session(session)
        self.tasks: Sequence[Task] = store.tasks(session)
        self._task = {task.id: task for task in self.tasks}
        self._entries = store.entries(session)
        if not self.tasks or not self._entries:
            raise InputError(f"Session {session} has no entry or no task: something was taken away.")
        self._masks: MaskStore = store.masks
        self.steps: tuple[Step, ...] = tuple(self._step(entry) for entry in self._entries)

    def check_fits(self, shape: Sequence[int]) -> None:
        """See that all its places lie on a grid, or raise InputError."""
        check_inside([step.voxel for step in self.steps if step.voxel is not None], shape)
        check_inside([task.voxel for task in self.tasks], shape)

    def verdicts(self, until: int) -> tuple[Verdict, ...]:
        """What stood after a step, by place, in the order in which it was given.

        Parameters
        ----------
        until
            Index of the step.
        """
        voxels = {e.number: e.values["voxel"] for e in self._entries if "voxel" in e.values}
        return tuple(
            Verdict(_voxel(voxels.get(found.number)) or self._task[task].voxel, _decision(found))
            for task, found in current_verdicts(self._entries[: until + 1]).items()
            if task in self._task and found.decision in ("accepted", "rejected", "unsure", "edited")
        )

    def seen_at(self, until: int) -> tuple[float | None, float | None]:
        """Threshold and smallest volume (mm3) after a step, as far as they are known."""
        found: list[float | None] = []
        for name in ("threshold", "min_volume"):
            said = [
                self.session.settings.get(name),
                *(e.values.get(name) for e in self._entries[: until + 1]),
            ]
            known = [float(x) for x in said if isinstance(x, int | float)]
            found.append(known[-1] if known else None)
        return found[0], found[1]

    def painting(self, until: int) -> np.ndarray | None:
        """What was painted by then: int8 on the grid, +1 added, -1 removed; None where nothing was.

        Raises
        ------
        InputError
            If the mask is missing or was changed.
        """
        painted = [e.values for e in self._entries[: until + 1] if e.kind == "painted"]
        if not painted or painted[-1].get("mask") is None:
            return None
        return unpacked(painted[-1], self._masks)

    def score(self, consensus: np.ndarray) -> Score:
        """Score the verdicts that stand at the end against a consensus; undecided ones do not count.

        Where no confidence was stated, a verdict counts as sure.

        Parameters
        ----------
        consensus
            bool on the grid of the session's prediction: whether the voxel that was looked at is lesion.

        Raises
        ------
        InputError
            If a place of the session lies outside of the grid.
        """
        rows = [
            (self._exists(consensus, self._task[task].voxel), _SAYS[found.decision], found.confidence)
            for task, found in current_verdicts(self._entries).items()
            if task in self._task and found.decision in _SAYS
        ]
        exists, says, sure = zip(*rows, strict=True) if rows else ((), (), ())
        confidence = np.array([1.0 if c is None else c for c in sure], float)
        return score(np.array(exists, bool), np.array(says, bool), confidence)

    def _exists(self, consensus: np.ndarray, voxel: Voxel) -> bool:
        check_inside([voxel], consensus.shape)
        return bool(consensus[voxel])

    def _step(self, entry: Entry) -> Step:
        said = entry.values
        task = None if entry.task is None else self._task.get(entry.task)
        voxel = _voxel(said.get("voxel")) or (None if task is None else task.voxel)
        return Step(entry.number, entry.at, _in_words(entry.kind, said), voxel)


def unpacked(said: Mapping[str, Any], masks: MaskStore) -> np.ndarray:
    """The painting that an entry of kind ``painted`` names, on the grid.

    Raises
    ------
    InputError
        If the mask is missing, was changed, or does not fit the grid that the entry says.
    """
    part = masks.read(str(said["mask"]))
    try:
        shape, start = ([int(n) for n in said[name]] for name in ("shape", "start"))
        fits = math.prod(shape) <= _LARGEST and min(*shape, *start) >= 0
        where = tuple(slice(a, a + n) for a, n in zip(start, part.shape, strict=True))
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError("What was painted is not as this program writes it: somebody changed the session.")
    edit = np.zeros(shape, np.int8)
    check_same_shape("The painting", part.shape, "its place on the grid", edit[where].shape)
    edit[where] = part
    return edit


def _in_words(kind: str, said: Mapping[str, Any]) -> str:
    took = f" after {float(said['seconds']):.1f} s" if isinstance(said.get("seconds"), int | float) else ""
    sure = (
        f", {float(said['confidence']):.0%} sure" if isinstance(said.get("confidence"), int | float) else ""
    )
    if kind == "verdict":
        return f"{said.get('decision', '?')}{took}{sure}"
    if kind == "first":
        return f"first answer: {'lesion' if said.get('is_lesion') else 'no lesion'}{took}{sure}"
    plain = {
        "opened": "session opened",
        "added": "lesion added",
        "undo": "verdict taken back",
        "redo": "verdict given again",
        "painted": "painted" if said.get("mask") else "painting taken back",
        "closed": "session closed",
    }
    return plain.get(kind, kind)


def _voxel(said: Any) -> Voxel | None:
    if not (isinstance(said, list | tuple) and len(said) == 3):
        return None
    s, a, r = map(int, said)
    return s, a, r


def _decision(found: CurrentVerdict) -> Decision:
    return found.decision  # type: ignore[return-value]
