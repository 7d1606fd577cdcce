"""Random tables, ranked by plain loops over scipy, as one reads the rules of challengeR."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon

from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_models
from napari_uncertainseg.audit.ranking.scores import Scores

AGGREGATES = {"mean": lambda x: math.fsum(x) / len(x), "median": lambda x: float(np.median(x))}


def plain_rank(values, ties, high):
    """R's `rank`, and what challengeR does with missing values."""
    known = [v for v in values if not math.isnan(v)]
    ranks = iter(rankdata([-v for v in known] if high else known, method=ties))
    placed = [math.nan if math.isnan(v) else float(next(ranks)) for v in values]
    last, lacking = max((r for r in placed if not math.isnan(r)), default=0), len(values) - len(known)
    after = last + (1 if ties == "min" else (lacking + 1) / 2)
    return [after if math.isnan(r) else r for r in placed]


def plain_wins(values, high, corrected):
    """For each model the share of others that it beats."""
    number, pairs, p = len(values), [], []
    for i in range(number):
        for j in range(number):
            if i != j:
                both = ~np.isnan(values[i]) & ~np.isnan(values[j])
                gap = (values[i] - values[j])[both] * (1 if high else -1)
                pairs.append(i)
                test = {"alternative": "greater", "method": "asymptotic", "correction": True}
                p.append(wilcoxon(gap, **test).pvalue if gap.any() else 1.0)
    if corrected:
        order, highest, held = np.argsort(p, kind="stable"), 0.0, [0.0] * len(p)
        for step, k in enumerate(order):
            highest = max(highest, min(1.0, (len(p) - step) * p[k]))
            held[k] = highest
        p = held
    return [
        sum(q <= 0.05 for i, q in zip(pairs, p, strict=True) if i == m) / (number - 1) for m in range(number)
    ]


def plain_ranking(values, way, ties, high):
    first, _, then = way.partition("-then-")
    if first == "test":
        return plain_rank(plain_wins(values, high, then.endswith("holm")), ties, True)
    if first == "rank":
        by_case = np.array([plain_rank(column, ties, high) for column in values.T]).T
        return plain_rank([AGGREGATES[then](row) for row in by_case], ties, False)
    return plain_rank([AGGREGATES[first](row[~np.isnan(row)]) for row in values], ties, high)


@pytest.mark.parametrize("ties", ["min", "average"])
@pytest.mark.parametrize("seed", range(6))
def test_ranks_of_random_tables(seed, ties):
    rng = np.random.default_rng(seed)
    models, cases = int(rng.integers(2, 7)), int(rng.integers(4, 40))
    values = rng.random((models, cases)) + 0.2 * rng.random((models, 1))
    if seed % 2:
        values = np.round(values, 1)  # ties
        values[rng.random(values.shape) < 0.1] = np.nan
    high, names = bool(seed % 3), tuple(map(str, range(cases)))
    scores = Scores("", "m", high, tuple("abcdefg"[:models]), names, names, values)
    ranking = rank_models(scores, RankingSetting(ties=ties, missing="drop", draws=2))
    for way, found in ranking.methods.items():
        assert found.ranks.tolist() == plain_ranking(values, way, ties, high), way
