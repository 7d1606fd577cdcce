"""What can be said of a consensus in plain words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from napari_uncertainseg._base import pluralised
from napari_uncertainseg.audit.ranking.consensus.combine import BORDA, KEMENY, MEAN, Consensus
from napari_uncertainseg.audit.ranking.consensus.kemeny import MOST_MODELS
from napari_uncertainseg.audit.ranking.sentences import first_in_draws

_MOST_NAMED = 8


def consensus_sentences(found: Consensus) -> list[str]:
    """What can be said, and what cannot."""
    said = [_left_out(model, lacking) for model, lacking in found.left_out.items()]
    if len(found.parts) < 2:
        return [*said, f"Only {found.parts[0]} counts: its ranks are the consensus."]
    if len(found.models) < 2:
        return [*said, "There is no consensus: fewer than two models are in all of these rankings."]
    first = _first(found, MEAN)
    said.append(f"First by the mean of the ranks: {' and '.join(first)}.")
    if found.main.drawn is not None:
        which = [found.models.index(name) for name in first]
        said.append(first_in_draws(first, found.main.drawn, which))
    said += [*_kemeny(found), *_others(found, first)]
    if found.alone:
        said.append(
            f"{pluralised(found.alone, 'patient')} of {found.patients} "
            f"{'is' if found.alone == 1 else 'are'} in tasks in which nobody else is exactly: a draw cannot "
            "change them, so that the draws differ too little."
        )
    return said


def _left_out(model: str, lacking: tuple[str, ...]) -> str:
    return f"{model} has no score in {' and in '.join(lacking)}, and is left out of the consensus."


def _first(found: Consensus, way: str) -> list[str]:
    ranks = found.ways[way].ranks
    return [found.models[i] for i in np.flatnonzero(ranks == ranks.min())]


def _kemeny(found: Consensus) -> list[str]:
    if found.kemeny is None:
        return [f"Kemeny's order is not looked for among more than {MOST_MODELS} models."]
    number, turned = int(found.kemeny.number[0]), float(found.kemeny.distance[0])
    pairs = float(found.weights.sum()) * len(found.models) * (len(found.models) - 1) / 2
    shares = f"it turns round {100 * turned / pairs:.0f} % of the pairs"
    if number == 1:
        order = [found.models[i] for i in np.argsort(found.ways[KEMENY].value)]
        named = "; ".join(order[:_MOST_NAMED]) + ("; and so on" if len(order) > _MOST_NAMED else "")
        said = [f"One order is nearest to the rankings (Kemeny; {shares}): {named}."]
    else:
        said = [f"{number} orders are equally near to the rankings (Kemeny; each of them: {shares})."]
    if found.cycle:
        circle = [*found.cycle, found.cycle[0]]
        steps = [f"{a} is better than {b}" for a, b in pairwise(circle)]
        said.append(
            f"The rankings contradict each other: in most of them {', '.join(steps[:-1])} and {steps[-1]}, "
            "so that no order agrees with the most on each pair."
        )
    return said


def _others(found: Consensus, first: list[str]) -> list[str]:
    differ = [
        f"{name} has {' and '.join(own)} first"
        for name in (BORDA, KEMENY)
        if name in found.ways and (own := _first(found, name)) != first
    ]
    return [f"Who is first hangs on the way to combine: {'; '.join(differ)}."] if differ else []
