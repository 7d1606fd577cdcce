"""``uncertainseg rank``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg.audit.ranking.consensus.combine import Consensus
    from napari_uncertainseg.audit.ranking.ranking import Ranking, WholeRanking


def rank(options: Namespace) -> None:
    """Rank, write the folder, and say what can be said."""
    weights = _check(options)
    from napari_uncertainseg.audit.ranking.consensus.combine import find_consensus
    from napari_uncertainseg.audit.ranking.consensus.weights import check_weights
    from napari_uncertainseg.audit.ranking.files import PAGE, write_ranking
    from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_all
    from napari_uncertainseg.audit.ranking.read import read_scores

    setting = RankingSetting(
        method=options.method,
        ties=options.ties,
        missing=options.missing,
        exact=options.exact,
        draws=options.draws,
        seed=options.seed,
    )
    all_scores = read_scores(options.results, options.metric)
    check_weights(all_scores, weights)
    with ProgressLine() as progress:
        found = rank_all(all_scores, setting, options.features, progress)
        consensus = find_consensus(found.rankings, weights)
        source = ", ".join(str(path) for _, path in options.results)
        write_ranking(
            options.out, found.rankings, source, found.failures, found.shared, consensus, found.notes
        )
    for ranking in found.rankings:
        print(describe(ranking))
    for one in consensus:
        print(describe_consensus(one))
    if found.shared:
        print(describe_features(found))
    print(f"{options.out}: written; open {options.out / PAGE}")


def _check(options: Namespace) -> dict[str, float]:
    """Refuse what cannot be ranked, before the imports of ranking; the weights."""
    from napari_uncertainseg.audit.ranking.consensus.weights import check_weights
    from napari_uncertainseg.audit.ranking.features.kinds import kind_of_features
    from napari_uncertainseg.audit.ranking.methods import method_named
    from napari_uncertainseg.audit.ranking.read import check_scores
    from napari_uncertainseg.disk.new_folder import check_new

    check_new(options.out)
    method_named(options.method)
    weights = _weights(options.weight)
    if not any(path.is_fifo() for _, path in options.results):  # what comes from a pipe is read once
        check_weights(check_scores(options.results, options.metric), weights)
    for path in options.features:
        if not path.is_dir():
            kind_of_features(path)
    return weights


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


def describe_features(found: WholeRanking) -> str:
    """What hard cases share, for each ranking, and what the features are of."""
    from napari_uncertainseg.audit.ranking.sentences import feature_sentence

    lines = [
        f"{ranking.scores.title}: {feature_sentence(shared)}"
        for ranking, shared in zip(found.rankings, found.shared, strict=True)
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in found.notes), ""])
