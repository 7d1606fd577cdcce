"""Ranks of random tables, against a second writing of challengeR's rules that shares no code with the first.

It goes row by row over a long table as R does, with exact fractions in place of R's extended precision:
``aggregateThenRank``, ``rankThenAggregate``, ``testThenRank`` and the decisions of ``significanceMap``, on
R's ``rank``, ``mean``, ``median``, ``quantile`` (type 7), ``wilcox.test(exact = FALSE)`` and ``p.adjust``.
"""

from __future__ import annotations

import math
import os
from fractions import Fraction

import numpy as np
import pytest

from napari_uncertainseg.audit.ranking.methods import method_named, p_values, rank_draws
from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_models
from napari_uncertainseg.audit.ranking.read import read_results
from napari_uncertainseg.audit.ranking.resampling import draw_cases
from napari_uncertainseg.audit.ranking.scores import Scores

TABLES = 1500 if os.environ.get("UNCERTAINSEG_SOAK") else 150
FURTHER = (
    "min-then-rank",
    "max-then-rank",
    "q5-then-rank",
    "q37-then-rank",
    "rank-then-max",
    "rank-then-q90",
)


def r_rank(values, ties, *, high=False):
    """``rankNA2``: R's rank of what is there; what is missing comes after the largest rank."""
    there = [(-v if high else v) for v in values if v is not None]
    found = []
    for value in values:
        if value is None:
            found.append(None)
            continue
        own = -value if high else value
        first = 1 + sum(other < own for other in there)
        last = sum(other <= own for other in there)
        found.append(first if ties == "min" else Fraction(first + last, 2))
    lacking = found.count(None)
    largest = max((r for r in found if r is not None), default=0)
    after = largest + (1 if ties == "min" else Fraction(sum(range(1, lacking + 1)), lacking or 1))
    return [after if r is None else r for r in found]


def r_mean(values):
    return float(sum(map(Fraction, values)) / len(values))


def r_quantile(values, share):
    """Type 7, in the rounding of ``1 + (n - 1) * probs`` and ``(1 - h) * x[lo] + h * x[hi]``."""
    ordered = sorted(map(float, values))
    index = 1 + (len(ordered) - 1) * share
    low, high = math.floor(index), math.ceil(index)
    a, b = ordered[low - 1], ordered[high - 1]
    part = index - low
    return a if a == b or part <= 0 else (1 - part) * a + part * b


def r_median(values):
    ordered = sorted(values)
    half = (len(ordered) + 1) // 2
    return float(ordered[half - 1]) if len(ordered) % 2 else r_mean(ordered[half - 1 : half + 1])


FUNCTIONS = {
    "mean": r_mean,
    "median": r_median,
    "min": lambda v: float(min(v)),
    "max": lambda v: float(max(v)),
    **{f"q{k}": (lambda v, share=k / 100: r_quantile(v, share)) for k in (5, 37, 90)},
}


def wilcox_test(first, second, *, greater):
    """Paired, one-sided, ``exact = FALSE``, with the correction for continuity."""
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    gaps = [gap for gap in gaps if gap != 0]
    n = len(gaps)
    place = r_rank([abs(gap) for gap in gaps], "average")
    statistic = sum(r for r, gap in zip(place, gaps, strict=True) if gap > 0)
    ties = sum(place.count(r) ** 3 - place.count(r) for r in set(place))
    deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48)
    from_middle = float(statistic - Fraction(n * (n + 1), 4)) - (0.5 if greater else -0.5)
    if deviation == 0:  # no difference: R divides by 0, which is infinite in the direction that is not tested
        return 1.0
    z = from_middle / deviation
    return math.erfc((z if greater else -z) / math.sqrt(2)) / 2


def p_adjust_holm(p):
    order = sorted(range(len(p)), key=lambda k: p[k])
    found, largest = [0.0] * len(p), 0.0
    for step, k in enumerate(order):
        largest = max(largest, (len(p) - step) * p[k])
        found[k] = min(1.0, largest)
    return found


def of_model(rows, model):
    return {case: value for case, who, value in rows if who == model}


def decisions(rows, models, *, high, holm):
    """Whether the first is better than the second, by pairs."""
    pairs, p = [(a, b) for a in models for b in models if a != b], []
    for a, b in pairs:
        first, second = of_model(rows, a), of_model(rows, b)
        both = [case for case in second if case in first]
        values = [first[case] for case in both], [second[case] for case in both]
        p.append(wilcox_test(*values, greater=high) if both else math.nan)
    known = [k for k, value in enumerate(p) if not math.isnan(value)]
    adjusted = [p[k] for k in known]
    adjusted = p_adjust_holm(adjusted) if holm else adjusted
    wins = dict.fromkeys(pairs, False)
    wins.update((pairs[k], value <= 0.05) for k, value in zip(known, adjusted, strict=True))
    return wins


def challenge(rows, models, way, *, ties, high):
    """What is aggregated, and the ranks, of rows (case, model, value or None)."""
    known = [row for row in rows if row[2] is not None]  # na.treat = "na.rm"
    first, _, then = way.partition("-then-")
    if first == "test":
        won = decisions(known, models, high=high, holm=then.endswith("holm"))
        share = [Fraction(sum(won[m, o] for o in models if o != m), len(models) - 1) for m in models]
        return share, r_rank(share, ties, high=True)
    if first == "rank":
        places = {model: [] for model in models}
        for case in dict.fromkeys(row[0] for row in rows):
            own = [row for row in rows if row[0] == case]
            for (_, who, _), rank in zip(own, r_rank([r[2] for r in own], ties, high=high), strict=True):
                places[who].append(rank)
        found = [FUNCTIONS[then](places[model]) for model in models]
        return found, r_rank(found, ties)
    found = [FUNCTIONS[first](list(of_model(known, model).values())) for model in models]
    return found, r_rank(found, ties, high=high)


def random_table(seed):
    """Of all kinds: ties, missing scores, few cases, equal models, constant scores, infinite ones."""
    rng = np.random.default_rng(seed)
    models, cases = int(rng.integers(2, 7)), int(rng.choice([1, 2, 3, 5, 8, 14, 40]))
    values = rng.random((models, cases)) + rng.choice([0, 0.1, 0.5]) * rng.random((models, 1))
    kind = seed % 6
    if kind in (1, 2, 5):
        values = np.round(values, int(rng.integers(0, 3)))
    if kind == 3:
        values[-1] = values[0]
        values[1] = rng.permutation(values[0])  # the same mean, whatever the order
    if kind == 4:
        values[:, rng.random(cases) < 0.4] = 0.7
    if kind in (2, 4) and cases > 1:
        lacking = rng.random(values.shape) < 0.25
        lacking[np.arange(models), rng.integers(0, cases, models)] = False  # each model has one score
        values[lacking] = np.nan
    names = tuple(f"c{i}" for i in range(cases))
    return Scores("", "m", bool(rng.integers(2)), tuple("ABCDEF"[:models]), names, names, values)


def rows_of(scores):
    return [
        (case, model, None if np.isnan(value) else float(value))
        for model, own in zip(scores.models, scores.values, strict=True)
        for case, value in zip(scores.cases, own, strict=True)
    ]


def compare(scores, found, way, ties):
    aggregate, ranks = challenge(rows_of(scores), scores.models, way, ties=ties, high=scores.high)
    assert found.ranks.tolist() == [float(r) for r in ranks], (way, ties, scores.values)
    assert found.aggregate == pytest.approx([float(a) for a in aggregate], rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("ties", ["min", "average"])
@pytest.mark.parametrize("part", range(5))
def test_ranks_of_random_tables(part, ties):
    for seed in range(part, TABLES, 5):
        scores = random_table(seed)
        further = FURTHER[seed % len(FURTHER)]
        setting = RankingSetting(method=further, ties=ties, missing="drop", draws=2)
        ranking = rank_models(scores, setting)
        assert len(ranking.methods) == 7
        for way, found in ranking.methods.items():
            compare(scores, found, way, ties)
        won = decisions(
            [row for row in rows_of(scores) if row[2] is not None], scores.models, high=scores.high, holm=True
        )
        names = scores.models
        assert all(ranking.beats[names.index(a), names.index(b)] == said for (a, b), said in won.items())


@pytest.mark.parametrize("seed", range(24))
def test_a_number_for_what_is_missing_is_put_in_first(seed):
    """As challengeR's ``as.challenge(na.treat = NUMBER)``: a score like any other, also on its case."""
    scores = random_table(2 + 6 * seed)
    rows = [(case, model, 0.3 if value is None else value) for case, model, value in rows_of(scores)]
    ranking = rank_models(scores, RankingSetting(missing=0.3, draws=2))
    for way, found in ranking.methods.items():
        _, ranks = challenge(rows, scores.models, way, ties="min", high=scores.high)
        assert found.ranks.tolist() == [float(r) for r in ranks]


@pytest.mark.parametrize("seed", range(20))
def test_a_draw_is_a_table_with_cases_several_times(seed):
    """A case that is drawn twice is two cases with other names."""
    scores = random_table(seed)
    counts = draw_cases(scores.patient_of, 3, seed)
    p = p_values(scores, counts)
    for way in ("mean-then-rank", "median-then-rank", "rank-then-mean", "test-then-rank-holm"):
        drawn = rank_draws(scores, method_named(way), counts, p)
        for k, count in enumerate(counts):
            columns = np.repeat(np.arange(len(count)), count)
            if np.isnan(scores.values[:, columns]).all(1).any():
                continue  # a model without a score
            names = tuple(f"{i}" for i in range(len(columns)))
            again = Scores("", "m", scores.high, scores.models, names, names, scores.values[:, columns])
            _, ranks = challenge(rows_of(again), again.models, way, ties="min", high=again.high)
            assert drawn.ranks[:, k].tolist() == [float(r) for r in ranks], way


def test_ranks_of_a_written_table(tmp_path):
    """From a file with rows in any order, and rows that are not there, as challengeR inserts them."""
    rng = np.random.default_rng(11)
    rows = [(f"c{i}", m, round(rng.random(), 2)) for i in range(9) for m in ("one", "two", "three")]
    rows = [row for i, row in enumerate(rows) if i not in (4, 13)]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    lines = ["case\tmodel\tdice", *("\t".join(map(str, row)) for row in rows)]
    (tmp_path / "t.tsv").write_text("\n".join(lines) + "\n")
    (scores,) = read_results(tmp_path / "t.tsv")
    assert np.isnan(scores.values).sum() == 2
    ranking = rank_models(scores, RankingSetting(missing="drop", draws=2))
    for way, found in ranking.methods.items():
        compare(scores, found, way, "min")


def test_quantiles_are_rounded_as_r_rounds_them():
    """R counts from 1: of three values the 3 % quantile lies 1 + 2 * 0.03 - 1 above the first, not 0.06."""
    values, names = np.tile([0.4, 0.7, 0.9], (2, 1)), tuple("abc")
    scores = Scores("", "m", True, ("A", "B"), names, names, values)
    ranking = rank_models(scores, RankingSetting(method="q3-then-rank", draws=2))
    part = 1 + 2 * 0.03 - 1
    assert part != 0.06
    assert ranking.main.aggregate.tolist() == [(1 - part) * 0.4 + part * 0.7] * 2
