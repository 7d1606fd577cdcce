"""One ranking of several: against every order there is, the definitions of R's relations, and by hand."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.consensus.combine import (
    BORDA,
    KEMENY,
    MEAN,
    find_consensus,
    majority_cycle,
)
from napari_uncertainseg.audit.ranking.consensus.joint_draws import drawn_ranks, patterns
from napari_uncertainseg.audit.ranking.consensus.kemeny import MOST_MODELS, kemeny_orders
from napari_uncertainseg.audit.ranking.consensus.page import consensus_section
from napari_uncertainseg.audit.ranking.consensus.sentences import consensus_sentences
from napari_uncertainseg.audit.ranking.consensus.tables import consensus_numbers, consensus_table
from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_models
from napari_uncertainseg.audit.ranking.scores import Scores

FEW = RankingSetting(draws=40)


def every_order(table, weights):
    """Kemeny's distance of each order of the models, pair by pair and task by task."""
    found = {}
    for order in permutations(range(table.shape[1])):
        turned = 0.0
        for place, first in enumerate(order):
            for second in order[place + 1 :]:
                for ranks, weight in zip(table, weights, strict=True):
                    turned += weight * (1 if ranks[first] > ranks[second] else 0)
                    turned += weight * (0.5 if ranks[first] == ranks[second] else 0)
        found[order] = turned
    return found


@pytest.mark.parametrize("models", [1, 2, 3, 4, 5])
def test_kemeny_is_the_nearest_of_all_orders(models):
    rng = np.random.default_rng(models)
    for _ in range(25):
        table = rng.integers(1, models + 1, (int(rng.integers(1, 6)), models)).astype(float)
        weights = rng.integers(0, 4, len(table)) + 0.5
        found = kemeny_orders(table[..., None], weights)
        prices = every_order(table, weights)
        best = min(prices.values())
        orders = [order for order, price in prices.items() if price < best + 1e-9]
        places = np.array([[order.index(model) + 1 for model in range(models)] for order in orders])
        assert found.distance[0] == pytest.approx(best) and found.number[0] == len(orders)
        assert found.mean[:, 0] == pytest.approx(places.mean(0))
        assert found.low[:, 0].tolist() == places.min(0).tolist()
        assert found.high[:, 0].tolist() == places.max(0).tolist()


def test_kemeny_of_many_draws_is_that_of_each():
    rng = np.random.default_rng(0)
    ranks = rng.integers(1, 4, (3, 4, 200)).astype(float)
    weights = np.array([1.0, 2.0, 1.0])
    whole = kemeny_orders(ranks, weights)
    for k in range(0, 200, 17):
        alone = kemeny_orders(ranks[..., k : k + 1], weights)
        assert (whole.mean[:, k] == alone.mean[:, 0]).all() and whole.distance[k] == alone.distance[0]


def test_kemeny_has_known_answers():
    """Unanimous tasks; equal models everywhere; the circle of Condorcet's paradox; and a bound on models."""
    same = np.tile(np.arange(1.0, 5)[None, :, None], (3, 1, 1))
    found = kemeny_orders(same, np.ones(3))
    assert found.distance[0] == 0 and found.number[0] == 1 and found.mean[:, 0].tolist() == [1, 2, 3, 4]
    equal = kemeny_orders(np.ones((2, 4, 1)), np.ones(2))
    assert equal.number[0] == factorial(4) and equal.mean[:, 0].tolist() == [2.5] * 4
    circle = np.array([[1.0, 2, 3], [3, 1, 2], [2, 3, 1]])
    paradox = kemeny_orders(circle[..., None], np.ones(3))
    assert paradox.number[0] == 3 and paradox.low[:, 0].tolist() == [1] * 3
    assert set(majority_cycle(circle, np.ones(3))) == {0, 1, 2}
    assert majority_cycle(circle, np.array([3.0, 1, 1])) == ()
    with pytest.raises(ValueError, match="at most"):
        kemeny_orders(np.ones((1, MOST_MODELS + 1, 1)), np.ones(1))


def test_a_winner_of_all_majorities_is_first_by_kemeny():
    """Condorcet's criterion, which the mean rank does not keep."""
    rng = np.random.default_rng(8)
    winners = 0
    for _ in range(60):
        table = np.stack([rng.permutation(5) + 1.0 for _ in range(5)])
        beats = (table[:, :, None] < table[:, None]).sum(0) >= 3
        ahead = np.flatnonzero(beats.sum(1) == 4)
        if len(ahead):
            winners += 1
            assert kemeny_orders(table[..., None], np.ones(5)).high[ahead[0], 0] == 1
    assert winners > 10


def make_scores(values, task, *, metric="dice", high=True, models="ABCDEFGHIJKL", patients=None) -> Scores:
    values = np.asarray(values, float)
    cases = tuple(f"{task}{i}" for i in range(values.shape[1]))
    owners = tuple(patients or (f"p{i:02}" for i in range(values.shape[1])))
    return Scores(task, metric, high, tuple(models[: len(values)]), cases, owners, values)


def ranked(*tables, setting=FEW, **options):
    return tuple(rank_models(make_scores(t, f"t{k + 1}", **options), setting) for k, t in enumerate(tables))


def by_relations(table, weights):
    """R's relations: mean incidence of "at least as good", and from it the scores of ranks and of Borda."""
    models = range(len(table[0]))
    total = sum(weights)
    incidence = [
        [sum(w * (row[x] <= row[y]) for row, w in zip(table, weights, strict=True)) / total for y in models]
        for x in models
    ]
    columns = [sum(incidence[y][x] for y in models) for x in models]
    rows = [sum(incidence[x]) for x in models]
    return [(len(models) + 1 + c - r) / 2 for c, r in zip(columns, rows, strict=True)], columns


@pytest.mark.parametrize("seed", range(8))
def test_mean_rank_and_borda_are_those_of_relations(seed):
    """challengeR's consensus by "euclidean" and "Borda", on random tables with ties."""
    rng = np.random.default_rng(seed)
    models = int(rng.integers(2, 6))
    tables = [np.round(rng.random((models, 5)), 1 if seed % 2 else 5) for _ in range(3)]
    rankings = ranked(*tables)
    weights = dict(zip(("t1", "t2", "t3"), map(float, rng.integers(1, 4, 3)), strict=True))
    (found,) = find_consensus(rankings, weights)
    scores, columns = by_relations([one.main.ranks.tolist() for one in rankings], list(weights.values()))
    assert found.ways[MEAN].value == pytest.approx(scores)
    assert found.ways[BORDA].value == pytest.approx(columns)
    rounded = np.round(scores, 9)
    assert found.ways[MEAN].ranks.tolist() == [1 + int((rounded < own).sum()) for own in rounded]


def test_equal_mean_ranks_are_tied_whatever_the_rounding():
    """A third three times is one, in whatever order it is summed."""
    (found,) = find_consensus(
        ranked([[3.0], [2], [1]], [[1.0], [3], [2]], [[2.0], [1], [3]], setting=RankingSetting(draws=2))
    )
    assert found.ways[MEAN].ranks.tolist() == [1, 1, 1] == found.ways[KEMENY].ranks.tolist()
    assert found.main.drawn is None and set(found.cycle) == {"A", "B", "C"}
    said = " ".join(consensus_sentences(found))
    assert (
        "The rankings contradict each other: in most of them" in said and "3 orders are equally near" in said
    )


def test_weights_count_tasks_several_times():
    """A task with the weight 2 is as good as the same task twice, also in the draws."""
    rng = np.random.default_rng(3)
    one, two = rng.random((4, 9)), rng.random((4, 9))
    (twice,) = find_consensus(ranked(one, one, two))
    (heavy,) = find_consensus(ranked(one, two), {"t1": 2.0})
    for name in (MEAN, BORDA, KEMENY):
        assert twice.ways[name].value == pytest.approx(heavy.ways[name].value)
        assert (twice.ways[name].drawn == heavy.ways[name].drawn).all()
    (alone,) = find_consensus(ranked(one, two), {"t1": 0.0})
    assert "Only dice, t2 counts" in " ".join(consensus_sentences(alone))
    assert alone.main.ranks.tolist() == ranked(one, two)[1].main.ranks.tolist()


def test_over_the_tasks_of_each_metric_and_over_all():
    rng = np.random.default_rng(1)
    tables = [rng.random((3, 8)) for _ in range(2)]
    rankings = ranked(*tables) + ranked(*tables, metric="ace", high=False)
    dice, ace, both = find_consensus(rankings, {"ace": 0.0, "t2": 3.0})
    assert (dice.title, ace.title) == ("dice, over 2 tasks", "ace, over 2 tasks")
    assert ace.weights.tolist() == [1, 3] and both.main.value == pytest.approx(dice.main.value)
    assert both.title == "all 4 rankings of metrics and tasks"
    assert find_consensus(rankings[:1]) == ()
    assert find_consensus((rankings[0], rankings[2]))[0].title == "all metrics"


def test_a_model_that_a_task_lacks_is_left_out_and_said():
    rng = np.random.default_rng(2)
    first = rank_models(make_scores(rng.random((3, 6)), "t1"), FEW)
    second = rank_models(make_scores(rng.random((2, 6)), "t2", models="AC"), FEW)
    (found,) = find_consensus((first, second))
    assert found.models == ("A", "C") and found.left_out == {"B": ("dice, t2",)}
    assert sorted(found.table[0]) == [1, 2]
    assert consensus_sentences(found)[0] == "B has no score in dice, t2, and is left out of the consensus."
    third = rank_models(make_scores(rng.random((2, 6)), "t3", models="BD"), FEW)
    (none,) = find_consensus((second, third))
    said = " ".join(consensus_sentences(none))
    assert "fewer than two models are in all" in said and consensus_table([none]).empty
    assert "left out" in "".join(consensus_section([none])) and consensus_numbers(none)["models"] == []


def test_draws_take_a_patient_into_all_of_his_tasks():
    """Of the same patients the consensus of two equal tasks varies as one; of others it varies apart."""
    rng = np.random.default_rng(5)
    values = rng.random((2, 10))
    same = ranked(values, values, setting=RankingSetting(draws=300))
    shared = drawn_ranks(same)
    assert (shared[0] == shared[1]).all() and (shared[0] == same[0].main.drawn.ranks).all()
    others = (
        same[0],
        rank_models(
            make_scores(values, "t2", patients=[f"q{i}" for i in range(10)]), RankingSetting(draws=300)
        ),
    )
    apart = drawn_ranks(others)
    assert (apart[0] != apart[1]).any() and len(patterns(others)) == 2
    for mine, alone in zip(apart, same, strict=True):  # each task is drawn as it is alone, but for chance
        assert (mine == 1).mean(1) == pytest.approx((alone.main.drawn.ranks == 1).mean(1), abs=0.12)


def test_patients_that_nobody_can_stand_for_are_said():
    values = np.random.default_rng(6).random((2, 4))
    first = rank_models(make_scores(values, "t1"), FEW)
    second = rank_models(make_scores(values, "t2", patients=["p00", "p01", "p02", "x"]), FEW)
    (found,) = find_consensus((first, second))
    assert (found.patients, found.alone) == (5, 2)
    assert "2 patients of 5 are in tasks in which nobody else is exactly" in " ".join(
        consensus_sentences(found)
    )


def test_the_consensus_by_tests_is_drawn_as_well():
    rng = np.random.default_rng(7)
    setting = RankingSetting(method="test-then-rank", draws=20)
    tables = [rng.random((3, 9)), rng.random((3, 7))]
    first = rank_models(make_scores(tables[0], "t1"), setting)
    second = rank_models(make_scores(tables[1], "t2", patients=[f"q{i}" for i in range(7)]), setting)
    (found,) = find_consensus((first, second))
    assert found.main.drawn.shape == (3, 20)


def test_many_models_have_no_kemeny_order():
    rng = np.random.default_rng(9)
    tables = [rng.random((MOST_MODELS + 1, 4)) for _ in range(2)]
    (found,) = find_consensus(ranked(*tables, setting=RankingSetting(draws=5)))
    assert found.kemeny is None and KEMENY not in found.ways
    assert "Kemeny's order is not looked for" in " ".join(consensus_sentences(found))
    assert consensus_numbers(found)["kemeny"] is None and "Borda" in "".join(consensus_section([found]))


def test_weights_of_nothing_are_refused():
    one = ranked(np.random.default_rng(0).random((2, 5)))
    with pytest.raises(InputError, match="'t9' is of no task or metric; there are dice, t1"):
        find_consensus(one, {"t9": 1.0})
    with pytest.raises(InputError, match="one ranking only"):
        find_consensus(one, {"t1": 1.0})
    with pytest.raises(InputError, match="all weights are 0"):
        find_consensus(ranked(*np.random.default_rng(0).random((2, 2, 5))), {"t1": 0.0, "t2": 0.0})
