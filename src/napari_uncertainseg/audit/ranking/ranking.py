"""A ranking of models by one metric, what supports it, and what can be said of it in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.ranking.failures import (
    FailureCase,
    SharedFeature,
    failure_cases,
    shared_features,
)
from napari_uncertainseg.audit.ranking.features.read import read_case_features
from napari_uncertainseg.audit.ranking.methods import (
    ALPHA,
    USUAL,
    RankedDraws,
    Ties,
    corrected_p,
    known_methods,
    method_named,
    once,
    p_values,
    rank_draws,
)
from napari_uncertainseg.audit.ranking.resampling import draw_cases, kendall
from napari_uncertainseg.audit.ranking.scores import Missing, Scores, with_missing
from napari_uncertainseg.explain.drivers.statistics.intervals import bounds
from napari_uncertainseg.progress.parts import part_of

FEW = 6
"""Fewer patients than this can hardly show a difference: a model is better on each of five by chance in 1 of
32, which does not withstand the correction for two tests."""
MOST_DRAWS = 100_000


@dataclass(frozen=True)
class RankingSetting:
    """How models are ranked.

    Attributes
    ----------
    method
        The main way, see `methods`.
    ties
        What equal models get: the best of their ranks (``"min"``), or the mean (``"average"``).
    missing
        What stands for missing scores, see `scores.Missing`.
    exact
        Whether tests are exact where R's are, see `signed_rank.better_p`.
    draws
        How often patients are drawn.
    seed
        Of these draws.
    """

    method: str = "mean-then-rank"
    ties: Ties = "min"
    missing: Missing = None
    exact: bool = False
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        method_named(self.method)
        if not 2 <= self.draws <= MOST_DRAWS:
            raise InputError(f"Patients can be drawn 2 to {MOST_DRAWS} times, not {self.draws}.")


@dataclass(frozen=True, eq=False)
class MethodRanking:
    """What one way to rank says.

    Attributes
    ----------
    aggregate, ranks
        Of all cases, float64 (models,), see `methods.RankedDraws`.
    drawn
        Of draws of the patients; None where there are fewer than two.
    tau
        Kendall's tau-b of each draw's ranks with those of all cases, float64 (draws,); NaN where a ranking
        has all models equal.
    """

    aggregate: np.ndarray
    ranks: np.ndarray
    drawn: RankedDraws | None
    tau: np.ndarray

    @property
    def mean_tau(self) -> float:
        """Over the draws in which it is defined; NaN where it is in none."""
        known = self.tau[~np.isnan(self.tau)]
        return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True, eq=False)
class Ranking:
    """Models ranked by one metric in one task.

    Attributes
    ----------
    scores
        With missing ones treated as the setting says.
    setting
        How they were ranked.
    methods
        What each way says, by its name; the setting's among them.
    p, p_holm
        One-sided p of the model in the row against that in the column, as it is and corrected for the number
        of pairs (Holm); float64 (models, models).
    low, high
        95 % interval of the main way's aggregate, float64 (models,); NaN where there is none.
    behind
        How much worse each model's aggregate is than the first one's, with the bounds of its 95 % interval;
        float64 (models, 3).
    replaced
        Number of missing scores.
    """

    scores: Scores
    setting: RankingSetting
    methods: Mapping[str, MethodRanking]
    p: np.ndarray
    p_holm: np.ndarray
    low: np.ndarray
    high: np.ndarray
    behind: np.ndarray
    replaced: int

    @property
    def main(self) -> MethodRanking:
        """What the main way says."""
        return self.methods[self.setting.method]

    @cached_property
    def order(self) -> np.ndarray:
        """Numbers of the models, the best first; equal ones in the order of the table."""
        return np.argsort(self.main.ranks, kind="stable")

    @property
    def beats(self) -> np.ndarray:
        """Whether the model in the row is better than that in the column after correction."""
        return np.nan_to_num(self.p_holm, nan=1.0) <= ALPHA


def rank_models(
    scores: Scores, setting: RankingSetting = RankingSetting(), progress: Progress = silent
) -> Ranking:
    """Rank models, and see how stable the ranking is.

    Parameters
    ----------
    scores
        At least two models and one case.
    setting
        How.
    progress
        Told for each way to rank.

    Raises
    ------
    InputError
        If scores are missing and the setting does not say what stands for them.
    """
    replaced = int(np.isnan(scores.values).sum())
    scores = with_missing(scores, setting.missing)
    counts = draw_cases(scores.patient_of, setting.draws, setting.seed) if len(scores.visits) > 1 else None
    ways = known_methods((*USUAL, setting.method))
    p = p_values(scores, once(scores), exact=setting.exact)
    p_drawn = None if counts is None else p_values(scores, counts, exact=setting.exact)
    found = {}
    for i, way in enumerate(ways):
        progress(f"{scores.title}: {way.name}", i / len(ways))
        whole = rank_draws(scores, way, once(scores), p, ties=setting.ties)
        drawn = None
        if counts is not None and p_drawn is not None:
            drawn = rank_draws(scores, way, counts, p_drawn, ties=setting.ties)
        ranks = whole.ranks[:, 0]
        tau = np.empty(0) if drawn is None else kendall(ranks, drawn.ranks)
        found[way.name] = MethodRanking(whole.aggregate[:, 0], ranks, drawn, tau)
    main = found[setting.method]
    low, high = _interval(main.drawn.aggregate if main.drawn else None, scores)
    return Ranking(
        scores,
        setting,
        found,
        p[..., 0],
        corrected_p(p)[..., 0],
        low,
        high,
        _behind(main, scores, setting),
        replaced,
    )


def _interval(drawn: np.ndarray | None, scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of values of draws, (models, draws); NaN where nothing was drawn."""
    if drawn is None:
        return np.full(len(scores.models), np.nan), np.full(len(scores.models), np.nan)
    return bounds(drawn.T, scores.visits.astype(float))


def _behind(main: MethodRanking, scores: Scores, setting: RankingSetting) -> np.ndarray:
    """How much worse than the first model each one is, and within which bounds."""
    kind = method_named(setting.method).kind
    better_is_more = kind == "test" or (kind == "aggregate" and scores.high)
    sign = 1 if better_is_more else -1
    first = int(np.argmin(main.ranks))
    with np.errstate(invalid="ignore"):
        value = sign * (main.aggregate[first] - main.aggregate)
        drawn = None if main.drawn is None else sign * (main.drawn.aggregate[first] - main.drawn.aggregate)
    return np.stack([value, *_interval(drawn, scores)], axis=1) + 0.0  # no -0


@dataclass(frozen=True, eq=False)
class WholeRanking:
    """What is found in a table of scores.

    Attributes
    ----------
    rankings
        One for each task and metric.
    failures, shared
        Of each ranking; ``shared`` is empty where no features are known.
    notes
        On the features, a sentence each.
    """

    rankings: tuple[Ranking, ...]
    failures: tuple[Sequence[FailureCase], ...]
    shared: tuple[Sequence[SharedFeature], ...]
    notes: tuple[str, ...] = ()


def rank_all(
    all_scores: Sequence[Scores],
    setting: RankingSetting,
    features: Path | Sequence[Path] | None = None,
    progress: Progress = silent,
) -> WholeRanking:
    """Rank by each metric in each task.

    Parameters
    ----------
    all_scores
        One for each task and metric.
    setting
        How.
    features
        Tables and folders for `features.read.read_case_features`.
    progress
        Told for each way to rank, and before that while scans are read.

    Raises
    ------
    InputError
        If scores are missing and the setting does not say what stands for them, or the features cannot be
        used.
    """
    paths = [features] if isinstance(features, Path) else list(features or ())
    names = (case for scores in all_scores for case in scores.cases)
    known = read_case_features(paths, names, progress) if paths else None
    rankings = []
    for i, scores in enumerate(all_scores):
        part = part_of(progress, i / len(all_scores), (i + 1) / len(all_scores))
        rankings.append(rank_models(scores, setting, part))
    failures = tuple(failure_cases(ranking.scores) for ranking in rankings)
    shared = () if known is None else tuple(shared_features(one.scores, known.table) for one in rankings)
    return WholeRanking(tuple(rankings), failures, shared, () if known is None else known.notes)
