"""A ranking as tables and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg.audit.pages.files import plain
from napari_uncertainseg.audit.ranking.consensus.combine import Consensus
from napari_uncertainseg.audit.ranking.consensus.tables import consensus_numbers
from napari_uncertainseg.audit.ranking.failures import FailureCase, SharedFeature
from napari_uncertainseg.audit.ranking.ranking import Ranking
from napari_uncertainseg.audit.ranking.resampling import rank_shares
from napari_uncertainseg.audit.ranking.sentences import sentences


def ranks_table(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """A row for each way to rank and model: rank, what it was ranked by, and what draws of patients say."""
    rows = []
    for ranking in rankings:
        for way, found in ranking.methods.items():
            own = way == ranking.setting.method
            for i in ranking.order:
                drawn = None if found.drawn is None else found.drawn.ranks
                rows.append(
                    _about(ranking)
                    | {
                        "method": way,
                        "model": ranking.scores.models[i],
                        "rank": found.ranks[i],
                        "aggregate": found.aggregate[i],
                        "aggregate_low": ranking.low[i] if own else math.nan,
                        "aggregate_high": ranking.high[i] if own else math.nan,
                        "behind_first": ranking.behind[i, 0] if own else math.nan,
                        "behind_low": ranking.behind[i, 1] if own else math.nan,
                        "behind_high": ranking.behind[i, 2] if own else math.nan,
                        "rank_low": math.nan if drawn is None else np.quantile(drawn[i], 0.025),
                        "rank_high": math.nan if drawn is None else np.quantile(drawn[i], 0.975),
                        "share_first": math.nan if drawn is None else (drawn[i] == drawn.min(0)).mean(),
                        "mean_tau": found.mean_tau,
                    }
                )
    return pd.DataFrame(rows)


def significance_table(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """A row for each pair of models, in both directions, with p that the first is not better."""
    rows = [
        _about(ranking)
        | {
            "model": ranking.scores.models[i],
            "better_than": ranking.scores.models[j],
            "p": ranking.p[i, j],
            "p_holm": ranking.p_holm[i, j],
            "shown": "yes" if ranking.beats[i, j] else "no",
        }
        for ranking in rankings
        for i in ranking.order
        for j in ranking.order
        if i != j
    ]
    return pd.DataFrame(rows)


def frequency_table(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """A row for each way to rank, model and rank: the share of the draws in which the model has it."""
    rows = []
    for ranking in rankings:
        for way, found in ranking.methods.items():
            if found.drawn is not None:
                there, shares = rank_shares(found.drawn.ranks)
                rows += [
                    _about(ranking)
                    | {"method": way, "model": ranking.scores.models[i], "rank": rank, "share": shares[i, k]}
                    for i in ranking.order
                    for k, rank in enumerate(there)
                ]
    return pd.DataFrame(rows, columns=["task", "metric", "method", "model", "rank", "share"])


def failures_table(rankings: Sequence[Ranking], failures: Sequence[Sequence[FailureCase]]) -> pd.DataFrame:
    """A row for each model and case that is among its worst."""
    pairs = zip(rankings, failures, strict=True)
    return pd.DataFrame([_about(ranking) | asdict(one) for ranking, found in pairs for one in found])


def features_table(rankings: Sequence[Ranking], shared: Sequence[Sequence[SharedFeature]]) -> pd.DataFrame:
    """A row for each model and feature of the cases."""
    pairs = zip(rankings, shared, strict=True)
    return pd.DataFrame([_about(ranking) | asdict(one) for ranking, found in pairs for one in found])


def _about(ranking: Ranking) -> dict[str, Any]:
    return {"task": ranking.scores.task, "metric": ranking.scores.metric}


def as_json(
    rankings: tuple[Ranking, ...],
    failures: Sequence[Sequence[FailureCase]],
    shared: Sequence[Sequence[SharedFeature]],
    consensus: Sequence[Consensus] = (),
) -> dict[str, Any]:
    """Everything, JSON-serialisable; None where a number is not defined."""
    found = [_ranking(*one) for one in zip(rankings, failures, shared or [()] * len(rankings), strict=True)]
    setting = asdict(rankings[0].setting)
    return {
        "made_by": f"napari-uncertainseg {__version__}",
        "setting": setting,
        "consensus": plain([consensus_numbers(one) for one in consensus]),
        "rankings": plain(found),
    }


def _ranking(
    ranking: Ranking, failures: Sequence[FailureCase], shared: Sequence[SharedFeature]
) -> dict[str, Any]:
    scores = ranking.scores
    return _about(ranking) | {
        "better": "high" if scores.high else "low",
        "models": list(scores.models),
        "cases": len(scores.cases),
        "patients": len(scores.visits),
        "missing": ranking.replaced,
        "sentences": sentences(ranking),
        "methods": {
            way: {
                "ranks": found.ranks.tolist(),
                "aggregate": found.aggregate.tolist(),
                "mean_tau": found.mean_tau,
                "draws_without_tau": int(np.isnan(found.tau).sum()),
            }
            for way, found in ranking.methods.items()
        },
        "interval": np.stack([ranking.low, ranking.high], axis=1).tolist(),
        "behind_first": ranking.behind.tolist(),
        "p": ranking.p.tolist(),
        "p_holm": ranking.p_holm.tolist(),
        "failure_cases": [asdict(one) for one in failures],
        "shared_features": [asdict(one) for one in shared],
    }
