"""When to stop: an upper bound on the errors among the tasks that nobody has reviewed.

Now and then a task is shown that was drawn at random from those not yet shown. However good the model's
uncertainty is, and whatever was shown before, the chance that such a draw is wrong is the share of wrong ones
among those it was drawn from. So each total number of wrong tasks is bet against, at the odds that it
implies: the draws will find fewer. If the total is true, the bets make 20 of a stake of 1 in at most 5 % of
all sessions, at any time (Ville's inequality); a total against which they do is refuted. Therefore the
bound holds whenever one stops, and however often one looks. So bet Waudby-Smith and Ramdas, "Estimating
means of bounded random variables by betting", J R Stat Soc B 86:1, 2024, on draws without replacement.

A task without a verdict counts as wrong wherever that makes the bound larger. So the bound also holds where
verdicts are given out of order, left out, or taken back; it only comes later.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError

_FEWER = np.array([0.0, 0.2, 0.4, 0.6, 0.8])[:, None]
"""Bets: the share of the wrong ones that a total implies, which will be found."""
_STAKES = np.log([[0.5], [0.125], [0.125], [0.125], [0.125]])
"""Logarithms. Half is on that none is found: where that is so, it costs no more than a factor of two."""
with np.errstate(divide="ignore"):
    _LOSS = np.log(_FEWER)


@dataclass(frozen=True)
class ErrorBound:
    """What is known of the tasks that nobody has reviewed.

    Attributes
    ----------
    unseen
        How many there are.
    most
        So many of them are wrong at most, with the confidence asked for.
    checks
        Tasks drawn at random, and looked at, that this rests on.
    """

    unseen: int
    most: int
    checks: int


@dataclass(frozen=True, eq=False)
class RandomDraws:
    """Random draws in the order in which they are shown, each from a pool of tasks not yet shown.

    Attributes
    ----------
    pool
        int, shape (draws,): how many tasks each was drawn from.
    outside
        int, shape (draws,): how many tasks outside of its pool are wrong: by a verdict, or without one.
    wrong
        bool, shape (draws,): whether each was wrong, or has no verdict.
    seen
        bool, shape (draws,): whether each has a verdict.
    """

    pool: np.ndarray
    outside: np.ndarray
    wrong: np.ndarray
    seen: np.ndarray

    def refute(self, total: int, confidence: float) -> bool:
        """Whether it cannot be that so many of all tasks are wrong; then more cannot be either.

        Parameters
        ----------
        total
            How many tasks are wrong, in all.
        confidence
            In how many sessions, at least, the true number is refuted at no time.
        """
        # If `total` tasks are wrong in all, this is the share of wrong ones in each draw's pool: the chance
        # that the draw is wrong. A share above 1, or a right draw from a pool of wrong ones, is impossible.
        share = np.maximum((total - self.outside) / self.pool, 0.0)
        if (share > 1).any() or ((share == 1) & ~self.wrong).any():
            return True
        # Bet b (a row) says that a draw is wrong with b times this chance. Its capital is multiplied by the
        # ratio of both probabilities: b after a wrong draw, (1 - b share) / (1 - share) after a right one.
        # The expected factor is 1 if the total is true, whatever b is: a fair game, as Ville needs.
        share = np.where(self.wrong, 0.0, share)  # unused there; avoids log(0) where the share is 1
        gain = np.log1p(-_FEWER * share) - np.log1p(-share)
        capital = _STAKES + np.cumsum(np.where(self.wrong, _LOSS, gain), axis=1)
        # Refuted as soon as the bets together have made 1 / (1 - confidence) out of a stake of 1.
        return bool((np.logaddexp.reduce(capital, axis=0) >= -np.log1p(-confidence)).any())


def bound_remaining_errors(
    shown: Sequence[int],
    drawn: Collection[int],
    wrong: Mapping[int, bool],
    *,
    confidence: float = 0.95,
    among: Collection[int] | None = None,
) -> ErrorBound:
    """Bound how many of the tasks without a verdict are wrong.

    Parameters
    ----------
    shown
        The tasks' ranks (such as by uncertainty, from 0), in the order of showing them, see `mixed`.
    drawn
        Ranks of those that were drawn at random to be checked (see `draw_checks`). Where that is all of them,
        the whole order is random.
    wrong
        Whether each reviewed task was wrong, by rank. Undecided counts as wrong.
    confidence
        That the bound holds at all times; above 0, below 1.
    among
        Ranks of the tasks that it is about; all if None.

    Raises
    ------
    InputError
        If a task does not occur exactly once, or the confidence is none.
    """
    n = len(shown)
    ranks = set(range(n))
    if sorted(shown) != list(range(n)) or not (set(drawn) | set(wrong) | set(among or ())) <= ranks:
        raise InputError("Each task has one rank from 0 up, and is shown once.")
    if not 0 < confidence < 1:
        raise InputError(f"A confidence lies between 0 and 1; {confidence:g} does not.")
    about = ranks if among is None else set(among)
    judged = {rank: bool(is_wrong) for rank, is_wrong in wrong.items() if rank in about}
    unseen, found = len(about) - len(judged), sum(judged.values())
    draws = draws_of(shown, drawn, judged, about)
    # If a total is refuted, all larger ones are: the smallest refuted number is found by bisection.
    refuted = bisect_left(range(unseen + 1), True, key=lambda left: draws.refute(found + left, confidence))
    return ErrorBound(unseen, max(refuted - 1, 0), int(draws.seen.sum()))


def draws_of(
    shown: Sequence[int], drawn: Collection[int], wrong: Mapping[int, bool], about: Collection[int]
) -> RandomDraws:
    """What was drawn at random, up to the last task that was looked at; as for `bound_remaining_errors`.

    What is shown by rank is always the first that is left. A draw that happens to be the first one left
    looks the same, so neither counts as a draw, and the first one left is in no draw's pool. In sessions of
    version 0.1.0 a drawn task was left for later when its rank was reached: what was passed over is in no
    pool either, as it was bound to be drawn.
    """
    n = len(shown)
    place = np.argsort(np.asarray(shown, int))
    inside, is_drawn, seen = (_marked(n, ranks) for ranks in (about, drawn, wrong))
    # Without a verdict a task counts as wrong, which can only make the bound larger.
    bad = inside & np.array([wrong.get(rank, True) for rank in range(n)], bool)
    leaves = np.minimum(_reached(place, is_drawn), place + 1)  # its pool, at the latest when it is shown
    counted = inside & is_drawn & (leaves > place)
    ranks = np.flatnonzero(counted)[np.argsort(place[counted])]
    ranks = ranks[place[ranks] <= place[seen].max(initial=-1)]
    at = place[ranks]
    # Running counts of what has left the pool before each draw: its wrong tasks, and all of it.
    outside = np.cumsum(np.bincount(leaves, bad, n + 2))[at]
    pool = inside.sum() - np.cumsum(np.bincount(leaves, inside, n + 2))[at]
    return RandomDraws(pool, outside, bad[ranks], seen[ranks])


def _marked(n: int, ranks: Collection[int]) -> np.ndarray:
    found = np.zeros(n, bool)
    found[list(ranks)] = True
    return found


def _reached(place: np.ndarray, is_drawn: np.ndarray) -> np.ndarray:
    """From which place on each rank is the first one left, or passed over; never where all are drawn."""
    n = len(place)
    if is_drawn.all():
        return np.full(n, n + 1)
    before = np.maximum.accumulate(place)
    passed = np.minimum.accumulate(np.where(is_drawn, n, place)[::-1])[::-1]
    return np.concatenate([[0], np.minimum(before, passed)[:-1] + 1])


def draw_checks(tasks: int, share: float, seed: int) -> np.ndarray:
    """Ranks of the tasks that are drawn to be checked, in the order of checking."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.permutation(tasks)[: round(share * tasks)])


def mixed(tasks: int, checks: Sequence[int] | np.ndarray, every: int) -> list[int]:
    """The order in which tasks are shown: by rank, each ``every``-th the next drawn one that is left.

    Where all are drawn, theirs is the order.
    """
    drawn = list(map(int, checks))
    if len(drawn) == tasks:
        return drawn
    shown: dict[int, None] = {}  # a set that keeps its order
    by_rank, by_draw = iter(range(tasks)), iter(drawn)
    while len(shown) < tasks:
        following = None
        if (len(shown) + 1) % every == 0:
            following = next((rank for rank in by_draw if rank not in shown), None)
        if following is None:
            following = next(rank for rank in by_rank if rank not in shown)
        shown[following] = None
    return list(shown)
