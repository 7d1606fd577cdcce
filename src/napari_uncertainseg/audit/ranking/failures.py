"""Failure cases: where each model is worst, which cases are hard for all, and what these cases share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import scipy

from napari_uncertainseg.audit.ranking.scores import Scores
from napari_uncertainseg.explain.drivers.statistics.holm import holm

ALL = "all models"
_WORST = 3
_SHUFFLES = 2000
"""Of the patients for each test, at least."""
_PER_TEST = 50
"""So many more for each test there is, for the smallest p to be able to withstand Holm's correction."""
_FEWEST = 4
"""Patients below which a feature is not tested."""


@dataclass(frozen=True)
class FailureCase:
    """A case on which a model is among its worst.

    Attributes
    ----------
    model, case
        Which; the model may be `ALL`.
    score
        The metric; of all models their median.
    others
        Median of the other models; NaN for `ALL`.
    """

    model: str
    case: str
    score: float
    others: float


@dataclass(frozen=True)
class SharedFeature:
    """What a feature of the cases has to do with how well a model does on them.

    Attributes
    ----------
    model
        Whose scores: of `ALL` the mean rank among the cases, of a model how much it is better than the rest.
    feature, kind
        The column, and ``"number"`` or ``"word"``.
    strength
        Of a number Spearman's correlation (positive: better where it is high); of a word the share of the
        variance of ranks that lies between its values (eta squared).
    p, p_holm
        From shuffling patients, and corrected for all features and models (Holm).
    patients
        How many have both.
    """

    model: str
    feature: str
    kind: str
    strength: float
    p: float
    p_holm: float
    patients: int


def failure_cases(scores: Scores) -> list[FailureCase]:
    """The three worst cases of each model, and those that are in the worst quarter of every model."""
    own, found = scores.oriented, []
    for i, model in enumerate(scores.models):
        rest = np.delete(scores.values, i, axis=0)
        for case in np.argsort(np.where(np.isnan(own[i]), -np.inf, own[i]), kind="stable")[:_WORST]:
            others = rest[:, case][~np.isnan(rest[:, case])]
            middle = float(np.median(others)) if len(others) else math.nan
            found.append(FailureCase(model, scores.cases[case], float(scores.values[i, case]), middle))
    return [*_hard_for_all(scores), *found]


def _hard_for_all(scores: Scores) -> list[FailureCase]:
    own = np.where(np.isnan(scores.oriented), -np.inf, scores.oriented)
    worst_first = scipy.stats.rankdata(own, method="min", axis=1)
    worst = worst_first <= math.ceil(len(scores.cases) / 4)
    below = own < np.median(own, axis=1, keepdims=True)  # where all cases are equal, none is hard
    hard = np.flatnonzero((worst & below).all(0))
    rows = []
    for case in hard[np.argsort(worst_first[:, hard].mean(0), kind="stable")]:
        known = scores.values[:, case][~np.isnan(scores.values[:, case])]
        middle = float(np.median(known)) if len(known) else math.nan
        rows.append(FailureCase(ALL, scores.cases[case], middle, math.nan))
    return rows


def shared_features(scores: Scores, features: pd.DataFrame, seed: int = 0) -> list[SharedFeature]:
    """What makes cases hard for all models, and for each model more than for the rest.

    Visits of a patient are averaged first; of words the first visit's is taken.

    Parameters
    ----------
    scores
        Of the models.
    features
        By case, such as the table of `features.read.CaseFeatures`.
    seed
        Of the shuffles.
    """
    place = scipy.stats.rankdata(scores.oriented, axis=1, nan_policy="omit")
    outcomes = {ALL: _mean_of_known(place)}
    for i, model in enumerate(scores.models):
        outcomes[model] = place[i] - _mean_of_known(np.delete(place, i, axis=0))
    shuffles = max(_SHUFFLES, _PER_TEST * len(outcomes) * len(features.columns))
    rows = [
        _shared(scores, features[name], model, outcome, (shuffles, seed))
        for model, outcome in outcomes.items()
        for name in features
    ]
    corrected = holm(np.array([row.p for row in rows]))
    return [
        SharedFeature(**{**vars(row), "p_holm": float(p)}) for row, p in zip(rows, corrected, strict=True)
    ]


def _mean_of_known(place: np.ndarray) -> np.ndarray:
    """Mean over the models, float64 (cases,); NaN where no model has a rank."""
    number = (~np.isnan(place)).sum(0)
    return np.where(number > 0, np.nansum(place, axis=0) / np.maximum(number, 1), np.nan)


def _shared(
    scores: Scores, feature: pd.Series, model: str, outcome: np.ndarray, shuffling: tuple[int, int]
) -> SharedFeature:
    """Of one model and feature; ``shuffling`` is how often, and the seed."""
    table = pd.DataFrame(
        {"patient": scores.patients, "y": outcome, "x": feature.reindex(scores.cases).to_numpy()}
    )
    number = pd.api.types.is_numeric_dtype(feature)
    own = table.dropna().groupby("patient", sort=False).agg({"y": "mean", "x": "mean" if number else "first"})
    kind, name = "number" if number else "word", str(feature.name)
    y = scipy.stats.rankdata(own["y"]) if len(own) else np.empty(0)
    if len(own) < _FEWEST or own["x"].nunique() < 2 or np.ptp(y) == 0:
        return SharedFeature(model, name, kind, math.nan, math.nan, math.nan, len(own))
    x = scipy.stats.rankdata(own["x"]) if number else pd.factorize(own["x"])[0]
    strength, p = _correlation(x, y, shuffling) if number else _between(x, y, shuffling)
    return SharedFeature(model, name, kind, strength, p, math.nan, len(own))


def _correlation(x: np.ndarray, y: np.ndarray, shuffling: tuple[int, int]) -> tuple[float, float]:
    """Of ranks; p is two-sided."""
    x, y = (values - values.mean() for values in (x, y))
    unit = math.sqrt((x**2).sum() * (y**2).sum())
    value, shuffled = float(x @ y) / unit, _shuffled(y, *shuffling) @ x / unit
    return value, _share_beyond(np.abs(shuffled), abs(value))


def _between(group: np.ndarray, y: np.ndarray, shuffling: tuple[int, int]) -> tuple[float, float]:
    """Share of the variance of ranks between groups."""
    member = np.eye(group.max() + 1)[group]
    y = y - y.mean()

    def share(values: np.ndarray) -> np.ndarray:
        return np.asarray((((values @ member) ** 2) / member.sum(0)).sum(-1) / (y**2).sum())

    value = float(share(y))
    return value, _share_beyond(share(_shuffled(y, *shuffling)), value)


def _shuffled(y: np.ndarray, often: int, seed: int) -> np.ndarray:
    return np.asarray(y[_places_shuffled(len(y), often, seed)])


@lru_cache(maxsize=8)
def _places_shuffled(number: int, often: int, seed: int) -> np.ndarray:
    """The same for all tests of so many patients, int (often, number)."""
    places = np.tile(np.arange(number, dtype=np.int32), (often, 1))
    return np.random.default_rng(seed).permuted(places, axis=1)


def _share_beyond(shuffled: np.ndarray, value: float) -> float:
    return float((1 + (shuffled >= value - 1e-12).sum()) / (1 + len(shuffled)))
