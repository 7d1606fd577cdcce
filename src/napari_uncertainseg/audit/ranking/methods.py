"""Ways to make one ranking of many cases: aggregate then rank, rank then aggregate, test then rank.

The rules are those of challengeR (Wiesenfarth et al., Scientific Reports 11:2369, 2021), derived anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.scores import Scores
from napari_uncertainseg.audit.ranking.signed_rank import better_p
from napari_uncertainseg.audit.ranking.weighted import mean, quantile
from napari_uncertainseg.explain.drivers.statistics.holm import holm

Ties = Literal["min", "average"]
Kind = Literal["aggregate", "rank", "test"]

USUAL = (
    "mean-then-rank",
    "median-then-rank",
    "rank-then-mean",
    "rank-then-median",
    "test-then-rank",
    "test-then-rank-holm",
)
"""Ways that are always compared; all but the last are those of challengeR's report."""
ALPHA = 0.05
_SHARES = {"median": 0.5, "min": 0.0, "max": 1.0}
_AGGREGATE = re.compile(r"(mean|median|min|max|q\d{1,2})-then-rank")
_RANK = re.compile(r"rank-then-(mean|median|min|max|q\d{1,2})")


@dataclass(frozen=True)
class RankingMethod:
    """A way to rank.

    Attributes
    ----------
    name
        As the command line takes it.
    kind
        What is done first.
    share
        Of the quantile that aggregates; None for the mean.
    corrected
        Whether tests are corrected for their number (Holm) before wins are counted.
    """

    name: str
    kind: Kind
    share: float | None = None
    corrected: bool = False


def method_named(name: str) -> RankingMethod:
    """The way of a name, such as those of `USUAL`, ``q5-then-rank`` or ``rank-then-max``.

    Raises
    ------
    InputError
        If there is no such way.
    """
    if name in ("test-then-rank", "test-then-rank-holm"):
        return RankingMethod(name, "test", corrected=name.endswith("holm"))
    for kind, pattern in (("aggregate", _AGGREGATE), ("rank", _RANK)):
        if found := pattern.fullmatch(name):
            how = found[1]
            share = int(how[1:]) / 100 if how.startswith("q") else _SHARES.get(how)
            return RankingMethod(name, kind, share)  # type: ignore[arg-type]
    raise InputError(
        f"There is no way to rank called {name!r}: take one of {', '.join(USUAL)}, or min, max or a quantile "
        "such as q5 in place of mean."
    )


@dataclass(frozen=True, eq=False)
class RankedDraws:
    """What a way to rank says of draws of the cases.

    Attributes
    ----------
    aggregate
        What the models were ranked by: the metric's aggregate, that of ranks, or the share of the other
        models that were beaten; float64 (models, draws).
    ranks
        float64 (models, draws), 1 is best.
    """

    aggregate: np.ndarray
    ranks: np.ndarray


def rank_draws(
    scores: Scores, method: RankingMethod, counts: np.ndarray, p: np.ndarray, *, ties: Ties = "min"
) -> RankedDraws:
    """Rank the models in draws of the cases, of which one may be the cases as they are.

    Parameters
    ----------
    scores
        What is ranked.
    method
        The way.
    counts
        How often each case counts, int (draws, cases).
    p
        Of these draws, see `p_values`.
    ties
        What models that are equal get: the best of their ranks, or the mean of them.
    """
    if method.kind == "test":
        won = beaten(p, corrected=method.corrected).sum(1) / (len(scores.models) - 1)
        return RankedDraws(won, ranks(won, ties=ties, high=True))
    own = scores.values if method.kind == "aggregate" else ranks(scores.values, ties=ties, high=scores.high)
    found = mean(own, counts) if method.share is None else quantile(own, counts, method.share)
    return RankedDraws(found, ranks(found, ties=ties, high=scores.high and method.kind == "aggregate"))


def ranks(values: np.ndarray, *, ties: Ties, high: bool) -> np.ndarray:
    """Ranks along the first axis, 1 is best.

    What is missing comes last, as challengeR has it: one rank after the largest there is, and with
    ``"average"`` the mean of as many ranks as there are missing ones. All are 1 where everything is missing.

    Parameters
    ----------
    values
        float64 (models, ...).
    ties
        See `rank_draws`.
    high
        Whether high values are good.
    """
    own = -values if high else values
    below = sum((other < own).astype(float) for other in own)
    same = sum((other == own).astype(float) for other in own)
    found = below + (1 if ties == "min" else (same + 1) / 2)
    missing = np.isnan(own)
    if missing.any():
        last = np.where(missing, 0, found).max(0)
        after = last + (1 if ties == "min" else (missing.sum(0) + 1) / 2)
        found = np.where(missing, after, found)
    return np.asarray(found)


def p_values(scores: Scores, counts: np.ndarray, *, exact: bool = False) -> np.ndarray:
    """One-sided p of each model against each other.

    Patients with several visits count once, with the mean of their differences: visits of one patient are no
    independent evidence. That is how the draws of `resampling` count as well.

    Returns
    -------
    ndarray
        float64 (models, models, draws): that the first is not better than the second. NaN on the diagonal.
    """
    number, own = len(scores.models), scores.oriented
    first_case = np.unique(scores.patient_of, return_index=True)[1]
    of_patients = counts[:, first_case]
    found = np.full((number, number, len(counts)), np.nan)
    for i in range(number):
        for j in range(number):
            if i != j:
                difference = _by_patient(_difference(own[i], own[j]), scores.patient_of)
                found[i, j] = better_p(difference, of_patients, exact=exact)
    return found


def _difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """First minus second; two infinite scores of one sign are equal."""
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, first - second)


def _by_patient(differences: np.ndarray, patient_of: np.ndarray) -> np.ndarray:
    """Mean over the visits of each patient, float64 (patients,); NaN where none is known."""
    if len(differences) == len(np.unique(patient_of)):
        return differences[np.argsort(patient_of)]
    known = ~np.isnan(differences)
    number = np.bincount(patient_of, known)
    total = np.bincount(patient_of, np.where(known, differences, 0))
    with np.errstate(invalid="ignore"):
        return np.where(number > 0, total / number, np.nan)


def beaten(p: np.ndarray, *, corrected: bool, alpha: float = ALPHA) -> np.ndarray:
    """Whether the first is better than the second, bool (models, models, draws).

    Parameters
    ----------
    p
        Of `p_values`.
    corrected
        Whether for the number of tests, by Holm's rule.
    alpha
        What p may reach at most.
    """
    if corrected:
        p = corrected_p(p)
    with np.errstate(invalid="ignore"):
        return np.asarray(p <= alpha)


def corrected_p(p: np.ndarray) -> np.ndarray:
    """p-values of all pairs, corrected for their number by Holm's rule; of the shape of `p_values`."""
    return holm(p.reshape(-1, p.shape[2])).reshape(p.shape)


def once(scores: Scores) -> np.ndarray:
    """Every case once, int (1, cases): the cases as they are."""
    return np.ones((1, len(scores.cases)), int)


def known_methods(names: Sequence[str]) -> tuple[RankingMethod, ...]:
    """The ways of names, each once, see `method_named`."""
    return tuple(method_named(name) for name in dict.fromkeys(names))
