"""``uncertainseg rank``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.audit.ranking.consensus.combine import Consensus
    from napari_uncertainseg.audit.ranking.ranking import Ranking
    from napari_uncertainseg.audit.ranking.scores import Scores


def rank(options: Namespace) -> None:
    """Rank, write the folder, and say what can be said."""
    from napari_uncertainseg.audit.ranking.consensus.combine import check_weights, find_consensus
    from napari_uncertainseg.audit.ranking.failures import failure_cases, read_features, shared_features
    from napari_uncertainseg.audit.ranking.files import PAGE, write_ranking
    from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_models
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    setting = RankingSetting(
        method=options.method,
        ties=options.ties,
        missing=options.missing,
        exact=options.exact,
        draws=options.draws,
        seed=options.seed,
    )
    all_scores = _scores(options.results, options.metric)
    weights = _weights(options.weight)
    check_weights(all_scores, weights)
    features = None if options.features is None else read_features(options.features)
    with ProgressLine() as progress:
        rankings = tuple(rank_models(scores, setting, progress) for scores in all_scores)
        failures = [failure_cases(ranking.scores) for ranking in rankings]
        shared = [] if features is None else [shared_features(r.scores, features) for r in rankings]
        consensus = find_consensus(rankings, weights)
        source = ", ".join(str(path) for _, path in options.results)
        write_ranking(options.out, rankings, source, failures, shared, consensus)
    for ranking in rankings:
        print(describe(ranking))
    for one in consensus:
        print(describe_consensus(one))
    print(f"{options.out}: written; open {options.out / PAGE}")


def _scores(results: list[tuple[str, Path]], metrics: list[str]) -> tuple[Scores, ...]:
    from napari_uncertainseg.audit.ranking.read import read_models, read_results

    if len(results) == 1 and not results[0][0]:
        return read_results(results[0][1], metrics)
    unnamed = [path for name, path in results if not name]
    if unnamed:
        raise InputError(
            f"{unnamed[0]}: of several tables each needs its model's name, as in MODEL={unnamed[0]}."
        )
    names = [name for name, _ in results]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"The model {twice!r} is named twice; give each model one name and one table.")
    return read_models(dict(results), metrics)  # type: ignore[arg-type]


def _weights(given: list[tuple[str, float]]) -> dict[str, float]:
    names = [name for name, _ in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"The weight of {twice!r} is given twice; give each task and metric one.")
    return dict(given)


def describe(ranking: Ranking) -> str:
    """The ranks by the main way, and what can be said of them."""
    from napari_uncertainseg.audit.ranking.sentences import sentences

    scores, main = ranking.scores, ranking.main
    better = "high" if scores.high else "low"
    lines = [f"{scores.title} ({better} is good), {ranking.setting.method}:"]
    for i in ranking.order:
        between = (
            "" if ranking.low[i] != ranking.low[i] else f" ({ranking.low[i]:.3f} to {ranking.high[i]:.3f})"
        )
        lines.append(f"  {main.ranks[i]:g}. {scores.models[i]}: {main.aggregate[i]:.3f}{between}")
    return "\n".join([*lines, *(f"  {one}" for one in sentences(ranking)), ""])


def describe_consensus(found: Consensus) -> str:
    """The models by their mean rank, and what can be said of that."""
    from napari_uncertainseg.audit.ranking.consensus.sentences import consensus_sentences

    lines = [f"Consensus: {found.title}, by mean rank:"]
    lines += [f"  {found.main.ranks[i]:g}. {found.models[i]}: {found.main.value[i]:.2f}" for i in found.order]
    return "\n".join([*lines, *(f"  {one}" for one in consensus_sentences(found)), ""])
