"""What an annotator in training sees of the model: nothing, its opinion first, or after their own answer.

Whoever sees the model first is anchored on it; whoever answers first and then sees it shows how far it moves
them. In a balanced lesson every arm gets equally many lesions and others, and a place that comes again comes
in another arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError

Arm = Literal["without", "first", "after"]

ARMS: Mapping[str, tuple[Arm, ...]] = MappingProxyType(
    {
        "without": ("without",),
        "first": ("first",),
        "after": ("after",),
        "balanced": ("without", "first", "after"),
    }
)
"""Plans, and the arms that each has."""


def assign(
    exists: Sequence[bool], plan: str, rng: np.random.Generator, before: Sequence[str | None] = ()
) -> list[Arm]:
    """An arm for each question.

    Parameters
    ----------
    exists
        Whether each is about a lesion: lesions and others are balanced apart.
    plan
        One of `ARMS`.
    rng
        Decides which comes in which arm.
    before
        The arm in which each place was asked about last, None where it was not; empty for none.

    Raises
    ------
    InputError
        If there is no such plan.
    """
    if plan not in ARMS:
        raise InputError(f"The model is shown {', '.join(ARMS)}, not {plan!r}.")
    arms = ARMS[plan]
    last = list(before) or [None] * len(exists)
    found: list[Arm] = [arms[0]] * len(exists)
    every = dict.fromkeys(arms, 0)
    for kind in (True, False):
        count = dict.fromkeys((arms[i] for i in rng.permutation(len(arms))), 0)
        mine = [i for i, e in enumerate(exists) if bool(e) is kind]
        # What has been asked before has less choice, and chooses first.
        for i in sorted(mine, key=lambda i: last[i] is None):
            free = [arm for arm in count if arm != last[i]] or list(count)
            found[i] = min(free, key=lambda arm: (count[arm], every[arm]))
            count[found[i]] += 1
            every[found[i]] += 1
    return found


@dataclass(frozen=True)
class ModelInfluence:
    """How the model moved somebody who had answered first.

    Attributes
    ----------
    could_help, helped
        Answers that were wrong where the model was right, and those of them that followed it.
    could_harm, harmed
        Answers that were right where the model was wrong, and those of them that followed it.
    answers, changed
        All of them, and those that were changed, whether or not they followed the model.
    """

    could_help: int
    helped: int
    could_harm: int
    harmed: int
    answers: int
    changed: int

    @property
    def left(self) -> int:
        """Answers that agreed with the model and were changed."""
        return self.changed - self.helped - self.harmed


def influence(exists: np.ndarray, model: np.ndarray, first: np.ndarray, last: np.ndarray) -> ModelInfluence:
    """Count who was moved; answers that agree with the model from the start cannot be.

    Parameters
    ----------
    exists, model, first, last
        bool, (n,): whether it is a lesion; what the model says; the answer before and after seeing that.
    """
    help_ = (first != exists) & (model == exists)
    harm = (first == exists) & (model != exists)
    moved = last != first
    counted = (help_, help_ & moved, harm, harm & moved, np.ones(len(first), bool), moved)
    return ModelInfluence(*(int(which.sum()) for which in counted))
