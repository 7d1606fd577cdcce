"""When to stop: how many of the tasks that nobody has looked at can still be wrong.

A part of the tasks, drawn at random when the session begins, is mixed into the order. Of the tasks beyond
any depth of the order, those drawn are a simple random sample, whatever the model's doubt is worth; the bound
is the exact one for sampling without replacement (hypergeometric). It is drawn anew at a few moments that are
fixed beforehand, each with its share of the error (Bonferroni): whoever may stop at the best of many looks
errs more often. In between, what was found wrong since is taken off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from napari_uncertainseg._base import InputError

LOOKS = (0.25, 0.5, 0.7, 0.85)
"""Shares of the tasks shown after which the bound is drawn anew."""


def most_wrong(tasks: int, looked_at: int, wrong: int, confidence: float) -> int:
    """Upper confidence bound on how many of some tasks are wrong, from a random sample of them.

    Parameters
    ----------
    tasks
        How many there are.
    looked_at
        Of these, drawn at random without replacement.
    wrong
        Of those looked at.
    confidence
        Above 0, below 1.

    Returns
    -------
    The largest number that is not refuted; all that were not looked at, and ``wrong``, where none was.

    Raises
    ------
    InputError
        If the numbers do not fit each other.
    """
    if not (0 <= wrong <= looked_at <= tasks and 0 < confidence < 1):
        raise InputError(f"{wrong} wrong of {looked_at} looked at of {tasks} cannot be, or {confidence:g}.")
    possible = np.arange(wrong, tasks - (looked_at - wrong) + 1)
    tail = hypergeom.cdf(wrong, tasks, possible, looked_at)
    return int(possible[tail > 1 - confidence].max(initial=wrong))


@dataclass(frozen=True)
class Remaining:
    """What is known of the tasks that nobody has looked at.

    Attributes
    ----------
    unseen
        How many there are.
    most
        So many of them are wrong at most, with the confidence asked for.
    checks
        Tasks drawn at random that this rests on; 0 before the first look.
    looks
        How often it was drawn anew.
    """

    unseen: int
    most: int
    checks: int
    looks: int


def remaining(
    shown: Sequence[int], drawn: Collection[int], wrong: Mapping[int, bool], *, confidence: float = 0.95
) -> Remaining:
    """Bound what is wrong among the unseen.

    Parameters
    ----------
    shown
        The tasks' ranks, such as by doubt, from 0, in the order in which they are shown (see `mixed`).
    drawn
        Ranks of those that were drawn at random to be checked.
    wrong
        Whether each task that was looked at was wrong, by rank. Undecided counts as wrong.
    confidence
        That the bound holds whenever one stops.

    Raises
    ------
    InputError
        If a task does not occur exactly once.
    """
    n = len(shown)
    if sorted(shown) != list(range(n)) or not (set(drawn) | set(wrong)) <= set(range(n)):
        raise InputError("Each task has one rank from 0 up, and is shown once.")
    unseen = n - len(wrong)
    best = Remaining(unseen, unseen, 0, 0)
    for share in LOOKS:
        until = set(shown[: round(share * n)])
        if not until or not until <= set(wrong):
            break
        unseen_then = [rank for rank in range(n) if rank not in until]
        depth = next((rank for rank in unseen_then if rank not in drawn), min(unseen_then, default=n))
        checks = [rank for rank in until if rank in drawn and rank >= depth]
        each = 1 - (1 - confidence) / len(LOOKS)
        bad = sum(wrong[rank] for rank in checks)
        bound = most_wrong(n - depth, len(checks), bad, each)
        left = bound - sum(is_wrong for rank, is_wrong in wrong.items() if rank >= depth)
        most = min(max(left, 0), best.most)
        best = Remaining(
            unseen, most, len(checks) if most < best.most or not best.checks else best.checks, best.looks + 1
        )
    return best


def draw_checks(tasks: int, share: float, seed: int) -> np.ndarray:
    """Ranks of the tasks that are drawn to be checked, in the order of checking."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.permutation(tasks)[: round(share * tasks)])


def mixed(tasks: int, checks: np.ndarray, every: int) -> list[int]:
    """The order in which tasks are shown: by rank, each ``every``-th one drawn at random."""
    drawn = list(map(int, checks))
    rest = iter([i for i in range(tasks) if i not in set(drawn)])
    shown: list[int] = []
    while len(shown) < tasks:
        if drawn and (len(shown) + 1) % every == 0:
            shown.append(drawn.pop(0))
            continue
        following = next(rest, None)
        shown.append(drawn.pop(0) if following is None else following)
    return shown
