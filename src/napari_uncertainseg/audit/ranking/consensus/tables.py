"""A consensus as a table and as numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg.audit.ranking.consensus.combine import KEMENY, Consensus
from napari_uncertainseg.audit.ranking.consensus.sentences import consensus_sentences


def consensus_table(consensus: Sequence[Consensus]) -> pd.DataFrame:
    """A row for each consensus, way to combine and model.

    ``place_low`` and ``place_high`` are the best and worst place in Kemeny's orders, if there are several.
    """
    return pd.DataFrame([row for one in consensus for row in _rows(one)])


def _rows(found: Consensus) -> list[dict[str, Any]]:
    rows = []
    for name, way in found.ways.items():
        orders = found.kemeny if name == KEMENY else None
        for i in found.order:
            drawn = None if way.drawn is None else way.drawn
            rows.append(
                {
                    "over": found.title,
                    "method": name,
                    "model": found.models[i],
                    "rank": way.ranks[i],
                    "value": way.value[i],
                    "place_low": math.nan if orders is None else orders.low[i, 0],
                    "place_high": math.nan if orders is None else orders.high[i, 0],
                    "rank_low": math.nan if drawn is None else np.quantile(drawn[i], 0.025),
                    "rank_high": math.nan if drawn is None else np.quantile(drawn[i], 0.975),
                    "share_first": math.nan if drawn is None else (drawn[i] == drawn.min(0)).mean(),
                    "mean_tau": mean_tau(way.tau),
                }
            )
    return rows


def mean_tau(tau: np.ndarray) -> float:
    """Over the draws in which it is defined; NaN where it is in none."""
    known = tau[~np.isnan(tau)]
    return float(known.mean()) if len(known) else math.nan


def consensus_numbers(found: Consensus) -> dict[str, Any]:
    """All of it, for JSON; NaN where a number is not defined."""
    orders = found.kemeny
    return {
        "over": found.title,
        "rankings": [
            {"ranking": part, "weight": weight, "ranks": ranks, "tau_with_consensus": tau}
            for part, weight, ranks, tau in zip(
                found.parts,
                found.weights.tolist(),
                found.table.tolist(),
                found.agreement.tolist(),
                strict=True,
            )
        ],
        "models": list(found.models),
        "left_out": {model: list(lacking) for model, lacking in found.left_out.items()},
        "methods": {
            name: {"value": way.value.tolist(), "ranks": way.ranks.tolist(), "mean_tau": mean_tau(way.tau)}
            for name, way in found.ways.items()
        },
        "kemeny": None
        if orders is None
        else {
            "distance": float(orders.distance[0]),
            "best_orders": int(orders.number[0]),
            "places": np.stack([orders.low[:, 0], orders.high[:, 0]], axis=1).tolist(),
        },
        "contradiction": list(found.cycle),
        "patients": found.patients,
        "sentences": consensus_sentences(found),
    }
