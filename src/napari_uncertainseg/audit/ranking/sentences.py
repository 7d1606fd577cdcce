"""What can be said of a ranking in plain words, and what cannot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.ranking.failures import ALL, SharedFeature
from napari_uncertainseg.audit.ranking.methods import ALPHA
from napari_uncertainseg.audit.ranking.metrics import reversed_sentence
from napari_uncertainseg.audit.ranking.ranking import FEW, Ranking


def sentences(ranking: Ranking) -> list[str]:
    """What can be said, and what cannot."""
    scores, main = ranking.scores, ranking.main
    first = np.flatnonzero(main.ranks == main.ranks.min())
    leaders = [scores.models[i] for i in first]
    said = [
        f"First by {ranking.setting.method}: {' and '.join(leaders)}, on "
        f"{pluralised(len(scores.cases), 'case')} of {pluralised(len(scores.visits), 'patient')}."
    ]
    if main.drawn is not None:
        said.append(first_in_draws(leaders, main.drawn.ranks, first))
    said.append(_wins(ranking))
    return said + _warnings(ranking)


def first_in_draws(names: Sequence[str], drawn: np.ndarray, which: Sequence[int] | np.ndarray) -> str:
    """How often each model that is first is so in draws of the patients.

    Parameters
    ----------
    names
        Of these models.
    drawn
        Ranks, float64 (models, draws).
    which
        Their rows.
    """
    best = drawn.min(0)
    shares = [f"{100 * (drawn[i] == best).mean():.0f} %" for i in which]
    often = [f"{name} {'is first ' if not i else ''}in {shares[i]}" for i, name in enumerate(names)]
    return f"{' and '.join(often)} of {drawn.shape[1]} draws of the patients."


def _wins(ranking: Ranking) -> str:
    models, beats = ranking.scores.models, ranking.beats
    pairs = len(models) * (len(models) - 1)
    if not beats.any():
        return (
            f"No model is shown to be better than another (p > {ALPHA:g} in all {pairs} tests, after Holm)."
        )
    wins = [
        f"{models[i]} than {', '.join(models[j] for j in np.flatnonzero(beats[i]))}"
        for i in ranking.order
        if beats[i].any()
    ]
    return f"Shown to be better (p <= {ALPHA:g} after Holm, {pairs} tests): {'; '.join(wins)}."


def _warnings(ranking: Ranking) -> list[str]:
    scores, said = ranking.scores, []
    if against := reversed_sentence(scores.metric, scores.high):
        said.append(against)
    if len(scores.visits) == 1:
        said.append(
            "With one patient nothing can be said about other patients: there is no draw and no interval."
        )
    elif len(scores.visits) < FEW:
        said.append(
            f"With {len(scores.visits)} patients hardly anything can be said about other patients: a test "
            "can hardly find a difference after correction, and the intervals are rough."
        )
    if ranking.replaced:
        what = {"drop": "left out", "worst": "counted as the worst score of all"}
        how = what.get(str(ranking.setting.missing), f"counted as {ranking.setting.missing}")
        said.append(f"{pluralised(ranking.replaced, 'missing score')} {how}.")
    if endless := int(np.isinf(ranking.main.aggregate).sum()):
        said.append(
            f"Infinite scores make {pluralised(endless, 'model')} infinite and so equal: rank-then-mean can "
            "tell them apart."
        )
    said += [
        f"{a} and {b} have the same scores on every case."
        for a, b in _same_rows(scores.values, scores.models)
    ]
    said += [
        f"The cases {a} and {b} have the same scores with every model: is it one case under two names?"
        for a, b in _same_rows(scores.values.T, scores.cases)
        if len(scores.models) > 2 and len(np.unique(scores.values[:, scores.cases.index(a)])) > 2
    ]
    if len(np.unique(ranking.main.ranks)) == 1:
        said.append("All models have the same rank, so the draws' agreement with it (tau) is not defined.")
    return said


def _same_rows(values: np.ndarray, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of rows that are the same."""
    first: dict[bytes, str] = {}
    pairs = []
    for name, row in zip(names, np.ascontiguousarray(values) + 0.0, strict=True):
        if (earlier := first.setdefault(row.tobytes(), name)) != name:
            pairs.append((earlier, name))
    return pairs


def feature_sentence(found: Sequence[SharedFeature]) -> str:
    """What hard cases share, of what was tested."""
    tested = [one for one in found if np.isfinite(one.p)]
    clear = [one for one in tested if one.p_holm <= ALPHA]
    if not tested:
        return "No feature differs between the patients and is known of four of them, so that none is tested."
    if not clear:
        return (
            f"None of {len(tested)} tests of features shows what hard cases share (p > {ALPHA:g} after Holm)."
        )
    return "What hard cases share: " + "; ".join(_one_feature(one) for one in clear) + "."


def _one_feature(one: SharedFeature) -> str:
    who = "all models do" if one.model == ALL else f"{one.model}, against the rest, does"
    if one.kind == "word":
        return f"how well {who} differs with {one.feature} (share of the variance {one.strength:.2f})"
    how = "better" if one.strength > 0 else "worse"
    return f"{who} {how} where {one.feature} is high (rank correlation {one.strength:.2f})"
