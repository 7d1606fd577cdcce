"""Several rankings made one: by the mean of the ranks, by Borda's count, and by Kemeny's order.

What challengeR's ``consensus`` hands to the R package relations (Hornik and Meyer), derived anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.consensus.joint_draws import drawn_ranks, patterns
from napari_uncertainseg.audit.ranking.consensus.kemeny import MOST_MODELS, KemenyOrders, kemeny_orders
from napari_uncertainseg.audit.ranking.consensus.weights import check_weights
from napari_uncertainseg.audit.ranking.methods import Ties, ranks
from napari_uncertainseg.audit.ranking.ranking import Ranking
from napari_uncertainseg.audit.ranking.resampling import kendall

MEAN, BORDA, KEMENY = "mean rank", "Borda", "Kemeny"
_DIGITS = 9
"""Values that differ less are equal: the sums are of ranks, which are whole or half."""


@dataclass(frozen=True, eq=False)
class ConsensusWay:
    """What one way to combine rankings says.

    Attributes
    ----------
    value
        What the models are ordered by, low is good: the mean of their ranks, the mean number of models that
        are at least as good, or the mean place in Kemeny's orders; float64 (models,).
    ranks
        Of these, 1 is best, float64 (models,).
    drawn
        Ranks in draws of the patients, float64 (models, draws); None where there are none.
    tau
        Kendall's tau-b of these with the ranks of all cases, float64 (draws,), NaN where not defined.
    """

    value: np.ndarray
    ranks: np.ndarray
    drawn: np.ndarray | None
    tau: np.ndarray


@dataclass(frozen=True, eq=False)
class Consensus:
    """One ranking of several.

    Attributes
    ----------
    title
        What it is over, such as ``"dice, over 3 tasks"``.
    parts, weights
        Titles of the rankings and what each counts, float64 (rankings,).
    models
        That are in all of them; none if there are fewer than two.
    left_out
        Of each other model, the rankings that lack it.
    table
        Ranks of the models in each ranking, equal ones with their mean rank, float64 (rankings, models).
    agreement
        Kendall's tau-b of each ranking with the consensus by mean rank, float64 (rankings,).
    ways
        By `MEAN`, `BORDA` and, for few models, `KEMENY`.
    kemeny
        Of all cases; None for more than `kemeny.MOST_MODELS` models.
    cycle
        Models of which each is better than the next in most of the weight of the rankings, and the last
        better than the first; none where there is no such contradiction.
    patients, alone
        All of them, and those that no other patient can stand for in a draw: none is in the same tasks.
    """

    title: str
    parts: tuple[str, ...]
    weights: np.ndarray
    models: tuple[str, ...]
    left_out: Mapping[str, tuple[str, ...]]
    table: np.ndarray
    agreement: np.ndarray
    ways: Mapping[str, ConsensusWay]
    kemeny: KemenyOrders | None
    cycle: tuple[str, ...]
    patients: int
    alone: int

    @property
    def main(self) -> ConsensusWay:
        """By the mean of the ranks."""
        return self.ways[MEAN]

    @property
    def order(self) -> np.ndarray:
        """Numbers of the models, the best by mean rank first."""
        return np.argsort(self.main.ranks, kind="stable")


def find_consensus(
    rankings: Sequence[Ranking], weights: Mapping[str, float] | None = None
) -> tuple[Consensus, ...]:
    """Over the tasks of each metric, and, where there are several metrics, over all rankings.

    Parameters
    ----------
    rankings
        Of one setting.
    weights
        Of tasks and metrics, by name, 1 if not named; a ranking has that of its task times its metric's.

    Returns
    -------
    tuple of Consensus
        None where there is one ranking only.

    Raises
    ------
    InputError
        If a weight is of no task or metric, or all rankings would count nothing.
    """
    weights = weights or {}
    check_weights([ranking.scores for ranking in rankings], weights)
    of_task = np.array([weights.get(one.scores.task, 1.0) for one in rankings])
    of_both = of_task * [weights.get(one.scores.metric, 1.0) for one in rankings]
    metrics = list(dict.fromkeys(ranking.scores.metric for ranking in rankings))
    found = []
    for metric in metrics:
        mine = [i for i, ranking in enumerate(rankings) if ranking.scores.metric == metric]
        if len(mine) > 1:
            found.append(_of(rankings, of_task, mine, f"{metric}, over {len(mine)} tasks"))
    if len(metrics) > 1:
        several = len(rankings) > len(metrics)
        title = f"all {len(rankings)} rankings of metrics and tasks" if several else "all metrics"
        found.append(_of(rankings, of_both, range(len(rankings)), title))
    return tuple(found)


def _of(rankings: Sequence[Ranking], weights: np.ndarray, mine: Sequence[int], title: str) -> Consensus:
    used = [rankings[i] for i in mine if weights[i] > 0]
    if not used:
        raise InputError(f"Consensus of {title}: all weights are 0; one at least should count.")
    own = np.array([weights[i] for i in mine if weights[i] > 0])
    names = dict.fromkeys(model for one in used for model in one.scores.models)
    lacking = {
        name: missing
        for name in names
        if (missing := tuple(one.scores.title for one in used if name not in one.scores.models))
    }
    shared = tuple(name for name in names if name not in lacking)
    shared = shared if len(shared) > 1 else ()
    whole = np.stack([_shared_ranks(one, one.main.ranks[:, None], shared) for one in used])
    drawn = drawn_ranks(used) if shared else None
    draws = None
    if drawn is not None:
        parts = [_shared_ranks(one, found, shared) for one, found in zip(used, drawn, strict=True)]
        draws = np.stack(parts)
    ties = used[0].setting.ties
    ways = {
        name: _way(rule(whole, own), None if draws is None else rule(draws, own), ties)
        for name, rule in ((MEAN, _mean_rank), (BORDA, _borda))
    }
    kemeny = None
    if 0 < len(shared) <= MOST_MODELS:
        kemeny = kemeny_orders(whole, own)
        of_draws = None if draws is None else kemeny_orders(draws, own).mean
        ways[KEMENY] = _way(kemeny.mean, of_draws, ties)
    groups = patterns(used).values()
    return Consensus(
        title,
        tuple(one.scores.title for one in used),
        own,
        shared,
        lacking,
        whole[..., 0],
        np.array([kendall(ways[MEAN].ranks, part)[0] for part in whole]),
        ways,
        kemeny,
        tuple(shared[i] for i in majority_cycle(whole[..., 0], own)),
        sum(map(len, groups)),
        sum(len(group) == 1 for group in groups),
    )


def _shared_ranks(ranking: Ranking, found: np.ndarray, shared: Sequence[str]) -> np.ndarray:
    """Ranks of the models that all rankings have among each other, equal ones with their mean rank."""
    rows = [ranking.scores.models.index(name) for name in shared]
    return ranks(found[rows], ties="average", high=False) if rows else found[:0]


def _mean_rank(table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the rankings, float64 (models, draws)."""
    return np.asarray(np.tensordot(weights, table, 1) / weights.sum())


def _borda(table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean number of models that are at least as good, itself among them: its worst rank among equals."""
    at_least = (table[:, None] <= table[:, :, None]).sum(2)
    return _mean_rank(at_least.astype(float), weights)


def _way(value: np.ndarray, drawn: np.ndarray | None, ties: Ties) -> ConsensusWay:
    def of(values: np.ndarray) -> np.ndarray:
        return ranks(np.round(values, _DIGITS), ties=ties, high=False) if len(values) else values

    own = of(value)[:, 0]
    of_draws = None if drawn is None else of(drawn)
    tau = np.empty(0) if of_draws is None else kendall(own, of_draws)
    return ConsensusWay(value[:, 0], own, of_draws, tau)


def majority_cycle(table: np.ndarray, weights: np.ndarray) -> tuple[int, ...]:
    """Shortest circle of models of which each is better than the next in most of the weight.

    Parameters
    ----------
    table
        Ranks, float64 (rankings, models).
    weights
        Of the rankings.

    Returns
    -------
    tuple of int
        Numbers of the models; none where no order contradicts the majorities (Condorcet 1785).
    """
    sign = np.sign(table[:, :, None] - table[:, None])
    better = np.tensordot(weights, sign, 1) < -1e-9 * weights.sum()
    best: tuple[int, ...] = ()
    for start in range(len(better)):
        way = _shortest_way_back(better, start)
        if way and (not best or len(way) < len(best)):
            best = way
    return best


def _shortest_way_back(better: np.ndarray, start: int) -> tuple[int, ...]:
    """Breadth first, from a model over those that it beats back to itself."""
    came_from, edge = {start: start}, [start]
    while edge:
        beyond = []
        for model in edge:
            for other in map(int, np.flatnonzero(better[model])):
                if other == start:
                    way = [model]
                    while way[-1] != start:
                        way.append(came_from[way[-1]])
                    return tuple(reversed(way))
                if other not in came_from:
                    came_from[other] = model
                    beyond.append(other)
        edge = beyond
    return ()
