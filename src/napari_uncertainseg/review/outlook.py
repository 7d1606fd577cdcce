"""What is still wrong in a session: what to expect of the unseen, and what is certain enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg.review.live import features_of, posterior
from napari_uncertainseg.review.rows import Task
from napari_uncertainseg.review.standing import Standing
from napari_uncertainseg.review.stopping import Remaining, remaining

CONFIDENCE = 0.95
FEWEST = 10
"""Verdicts before which an expectation is a guess."""


@dataclass(frozen=True)
class Outlook:
    """Lesions that are none, outlines that need an edit, and candidates that are lesions, among the unseen.

    Attributes
    ----------
    unseen, judged
        Tasks without a verdict, and with one.
    expected, likely_most
        How many of them are wrong by the live posterior, and its 95 % quantile. It trusts that the tasks
        that were judged tell of the others.
    most, checks, looks
        The 95 % bound that trusts nothing but the random checks, how many it rests on, and how often it was
        drawn; with 0 looks it is all of the unseen.
    """

    unseen: int
    judged: int
    expected: float
    likely_most: float
    most: int
    checks: int
    looks: int


def is_wrong(task: Task, found: Standing) -> bool:
    """Whether the model was wrong about a task, by the verdict. Undecided or repainted counts as wrong."""
    right = "rejected" if task.target == "candidate" else "accepted"
    return found.decision != right or found.painted


class Ahead:
    """What can be said of a session's tasks before any verdict, so that each verdict costs little.

    Parameters
    ----------
    tasks
        Of the session, in the order in which they are shown.
    settings
        Of the session: ``ranks`` and ``drawn`` of its `Queue`.
    """

    def __init__(self, tasks: Sequence[Task], settings: Mapping[str, Any]) -> None:
        ranks = [int(rank) for rank in settings.get("ranks", ())]
        self._drawn = {int(rank) for rank in settings.get("drawn", ())}
        self._known = [t for t in tasks if t.probability is not None and t.uncertainty is not None]
        peak = np.array([t.probability for t in self._known])
        doubt = np.array([t.uncertainty for t in self._known])
        candidate = np.array([t.target == "candidate" for t in self._known], bool)
        self._features = features_of(peak, doubt, candidate)
        planned = tasks[: len(ranks)]
        self._ranks = ranks if len(planned) == len(ranks) else []
        self._rank_of = {t.id: rank for t, rank in zip(planned, self._ranks, strict=False)}
        self._task = {t.id: t for t in tasks}

    def outlook(self, standing: Mapping[int, Standing]) -> Outlook:
        """Look ahead, given the verdicts that stand, by task."""
        bad = {id: is_wrong(self._task[id], found) for id, found in standing.items() if id in self._task}
        seen = np.array([t.id in bad for t in self._known], bool)
        wrong = np.array([bad.get(t.id, False) for t in self._known], bool)
        expected = posterior(self._features[seen], wrong[seen]).wrong(self._features[~seen])
        unseen = int((~seen).sum())
        bound = Remaining(unseen, unseen, 0, 0)
        if self._drawn and self._ranks:
            judged = {self._rank_of[id]: value for id, value in bad.items() if id in self._rank_of}
            bound = remaining(self._ranks, self._drawn, judged, confidence=CONFIDENCE)
        return Outlook(
            unseen,
            int(seen.sum()),
            expected.number,
            expected.most,
            bound.most,
            bound.checks,
            bound.looks,
        )
