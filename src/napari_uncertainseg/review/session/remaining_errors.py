"""How many errors are left in a session: an estimate for the tasks without a verdict, and an upper bound."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.review.session.error_model import chance_of_lesion, features_of
from napari_uncertainseg.review.session.stopping import ErrorBound, bound_remaining_errors
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.records import Task
from napari_uncertainseg.review.verdicts import confirms_model

CONFIDENCE = 0.95
FEWEST = 10
"""Verdicts before which an expectation is mostly the model's own probability."""


@dataclass(frozen=True)
class RemainingErrors:
    """Lesions that are none, outlines that need an edit, and candidates that are lesions, among the unseen.

    Attributes
    ----------
    unseen, judged
        Tasks without a verdict, and with one.
    expected
        How many of the unseen are wrong, by the regression in `error_model`: no guarantee.
    most, checks
        Upper bound with 95 % confidence, which rests on the random checks only (see `stopping`), and how many
        of these were reviewed. Without any, the bound is all of the unseen.
    """

    unseen: int
    judged: int
    expected: float
    most: int
    checks: int


def is_wrong(task: Task, found: CurrentVerdict) -> bool:
    """Whether the model was wrong about a task, by the verdict. Undecided or repainted counts as wrong."""
    return found.painted or not confirms_model(found.decision, candidate=task.target == "candidate")


class ErrorForecast:
    """Prepares what does not depend on verdicts, so that an update after each verdict is quick.

    Parameters
    ----------
    tasks
        Of the session, in the order in which they are shown.
    ranks, drawn
        Of the session's `Queue`; empty where it has none.

    Attributes
    ----------
    ranks, drawn
        These, of the tasks that the session began with; empty where it has none.
    """

    def __init__(self, tasks: Sequence[Task], ranks: Sequence[int] = (), drawn: Collection[int] = ()) -> None:
        self.ranks = tuple(ranks) if len(ranks) <= len(tasks) else ()
        self.drawn = set(drawn) if self.ranks else set()
        self._known = [t for t in tasks if t.probability is not None and t.uncertainty is not None]
        peak = np.array([t.probability for t in self._known])
        doubt = np.array([t.uncertainty for t in self._known])
        self._candidate = np.array([t.target == "candidate" for t in self._known], bool)
        self._features = features_of(peak, doubt, self._candidate)
        self._rank_of = {t.id: rank for t, rank in zip(tasks, self.ranks, strict=False)}
        self._task = {t.id: t for t in tasks}

    def outlook(self, verdicts: Mapping[int, CurrentVerdict]) -> RemainingErrors:
        """Estimate and bound the remaining errors from the current verdicts, by task."""
        bad = {
            task_id: is_wrong(self._task[task_id], verdict)
            for task_id, verdict in verdicts.items()
            if task_id in self._task
        }
        seen = np.array([t.id in bad for t in self._known], bool)
        wrong = np.array([bad.get(t.id, False) for t in self._known], bool)
        # A candidate is wrong where it is a lesion, a lesion where it is none.
        chance = chance_of_lesion(self._features, seen, wrong == self._candidate)
        expected = np.where(self._candidate, chance, 1 - chance)[~seen].sum()
        unseen = int((~seen).sum())
        bound = ErrorBound(unseen, unseen, 0)
        if self.drawn:
            judged = {self._rank_of[i]: is_bad for i, is_bad in bad.items() if i in self._rank_of}
            bound = bound_remaining_errors(self.ranks, self.drawn, judged, confidence=CONFIDENCE)
        return RemainingErrors(unseen, int(seen.sum()), float(expected), bound.most, bound.checks)
