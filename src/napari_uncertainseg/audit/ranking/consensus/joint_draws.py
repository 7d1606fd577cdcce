"""Ranks in draws of the patients, the same patients in all tasks that they are in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.audit.ranking.methods import method_named, p_values, rank_draws
from napari_uncertainseg.audit.ranking.ranking import Ranking


def patterns(rankings: Sequence[Ranking]) -> dict[tuple[int, ...], list[str]]:
    """Patients by the rankings that they are in, as numbers of these."""
    found: dict[tuple[int, ...], list[str]] = {}
    own = [set(ranking.scores.patients) for ranking in rankings]
    for patient in sorted(set().union(*own)):
        found.setdefault(tuple(i for i, names in enumerate(own) if patient in names), []).append(patient)
    return found


def drawn_ranks(rankings: Sequence[Ranking]) -> list[np.ndarray] | None:
    """Ranks by the main way in draws, of each ranking float64 (models, draws); None where nothing can vary.

    Of the patients that are in the same tasks, as many as there are are drawn with replacement, and each
    comes into all of its tasks. So tasks that share no patient are drawn apart, as challengeR draws them all.

    Parameters
    ----------
    rankings
        Of one setting.
    """
    groups = patterns(rankings)
    if all(len(names) < 2 for names in groups.values()):
        return None
    if len(groups) == 1:
        return [ranking.main.drawn.ranks for ranking in rankings if ranking.main.drawn is not None]
    setting = rankings[0].setting
    rng = np.random.default_rng(setting.seed)
    often: dict[str, np.ndarray] = {}
    for names in groups.values():
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), setting.draws)
        often.update(zip(names, drawn.T, strict=True))
    way, found = method_named(setting.method), []
    for ranking in rankings:
        scores = ranking.scores
        counts = np.stack([often[patient] for patient in scores.patients], axis=1)
        p = np.empty(0) if way.kind != "test" else p_values(scores, counts, exact=setting.exact)
        found.append(rank_draws(scores, way, counts, p, ties=setting.ties).ranks)
    return found
