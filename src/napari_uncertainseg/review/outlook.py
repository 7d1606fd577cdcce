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


@dataclass(frozen=True)
class Outlook:
    """Lesions that are none, outlines that need an edit, and candidates that are lesions, among the unseen.

    Attributes
    ----------
    unseen
        Tasks without a verdict.
    expected, likely_most
        How many of them are wrong by the live posterior, and its 95 % quantile. It trusts that the tasks
        that were judged tell of the others.
    most, checks
        The 95 % bound that trusts nothing but the random checks, and how many it rests on; 0 checks where
        there are too few verdicts yet, or no checks were drawn.
    """

    unseen: int
    expected: float
    likely_most: float
    most: int
    checks: int


def is_wrong(task: Task, found: Standing) -> bool:
    """Whether the model was wrong about a task, as the reviewer says. Undecided counts as wrong."""
    right = "rejected" if task.target == "candidate" else "accepted"
    return found.decision != right


def outlook(tasks: Sequence[Task], standing: Mapping[int, Standing], settings: Mapping[str, Any]) -> Outlook:
    """Look ahead.

    Parameters
    ----------
    tasks
        Of the session, in the order in which they are shown.
    standing
        The verdicts that stand, by task.
    settings
        Of the session: ``ranks`` and ``drawn`` of its `Queue`.
    """
    ranks = [int(rank) for rank in settings.get("ranks", ())]
    drawn = {int(rank) for rank in settings.get("drawn", ())}
    known = [t for t in tasks if t.probability is not None and t.uncertainty is not None]
    peak, doubt = (np.array([getattr(t, name) for t in known]) for name in ("probability", "uncertainty"))
    features = features_of(peak, doubt, np.array([t.target == "candidate" for t in known], bool))
    seen = np.array([t.id in standing for t in known], bool)
    wrong = np.array([t.id in standing and is_wrong(t, standing[t.id]) for t in known], bool)
    expected = posterior(features[seen], wrong[seen]).wrong(features[~seen])
    bound = Remaining(len(known) - int(seen.sum()), 0, 0)
    planned = tasks[: len(ranks)]
    if drawn and len(planned) == len(ranks):
        judged = {
            rank: is_wrong(t, standing[t.id])
            for rank, t in zip(ranks, planned, strict=True)
            if t.id in standing
        }
        bound = remaining(ranks, drawn, judged, confidence=CONFIDENCE)
    return Outlook(int((~seen).sum()), expected.number, expected.most, bound.most, bound.checks)
