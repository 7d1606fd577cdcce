"""The page of a ranking: HTML that needs no other file and no network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.audit.pages.parts import head, interval, paragraphs, picture
from napari_uncertainseg.audit.ranking import charts
from napari_uncertainseg.audit.ranking.consensus.combine import Consensus
from napari_uncertainseg.audit.ranking.consensus.page import consensus_section
from napari_uncertainseg.audit.ranking.failures import ALL, FailureCase, SharedFeature
from napari_uncertainseg.audit.ranking.ranking import Ranking
from napari_uncertainseg.audit.ranking.sentences import feature_sentence, sentences
from napari_uncertainseg.review.reports.html import (
    Markup,
    element,
    format_number,
    name_span,
    table,
    whole_page,
)

_TITLE = "Ranking of models"
_NOTICE = "A rank says nothing about a patient."
_MOST_HARD = 10


def ranking_page(
    rankings: tuple[Ranking, ...],
    source: str,
    failures: Sequence[Sequence[FailureCase]],
    shared: Sequence[Sequence[SharedFeature]],
    consensus: Sequence[Consensus] = (),
    notes: Sequence[str] = (),
) -> str:
    """The page.

    Parameters
    ----------
    rankings
        One for each task and metric, at least one.
    source
        What was read.
    failures, shared
        Of each ranking; ``shared`` is empty where no features are known.
    consensus
        Of several rankings.
    notes
        On the features.
    """
    content = [*_head(rankings, source), *consensus_section(consensus)]
    for i, ranking in enumerate(rankings):
        content += [
            element("h2", ranking.scores.title),
            *_said(ranking),
            _ranks(ranking),
            *_pictures(ranking),
        ]
        content += [*_ways(ranking), *_failures(failures[i])]
        if shared:
            content += _features(shared[i], notes)
    return whole_page(_TITLE, content)


def _head(rankings: tuple[Ranking, ...], source: str) -> list[Markup]:
    setting = rankings[0].setting
    equal = "best" if setting.ties == "min" else "mean"
    tests = "exact where possible" if setting.exact else "normal approximation"
    rows = [
        ("scores", name_span(source)),
        ("way to rank", f"{setting.method}; equal models get the {equal} of their ranks"),
        ("tests", f"Wilcoxon's signed ranks, one-sided, {tests}; Holm over all pairs"),
        (
            "stability",
            f"{setting.draws} draws of the patients, seed {setting.seed}; visits come with their patient",
        ),
    ]
    return head(_TITLE, rows, _NOTICE)


def _said(ranking: Ranking) -> list[Markup]:
    better = "High" if ranking.scores.high else "Low"
    return paragraphs([f"{better} values are good.", *sentences(ranking)])


def _ranks(ranking: Ranking) -> Markup:
    main, drawn = ranking.main, ranking.main.drawn
    rows = []
    for i in ranking.order:
        first = math.nan if drawn is None else 100 * (drawn.ranks[i] == drawn.ranks.min(0)).mean()
        rows.append(
            (
                f"{main.ranks[i]:g}",
                name_span(ranking.scores.models[i]),
                interval(main.aggregate[i], ranking.low[i], ranking.high[i]),
                interval(*ranking.behind[i]) if i != ranking.order[0] else format_number(None),
                format_number(None) if drawn is None else _between(drawn.ranks[i]),
                format_number(first, 0),
                str(int(ranking.beats[i].sum())),
            )
        )
    titles = (
        "rank",
        "model",
        "value (95 %)",
        "behind the first (95 %)",
        "ranks of 95 % of draws",
        "first, % of draws",
        "shown better than",
    )
    return table(titles, rows, right={0, 5, 6})


def _between(ranks: np.ndarray) -> str:
    low, high = np.quantile(ranks, (0.025, 0.975))
    return f"{low:.3g} to {high:.3g}"


def _pictures(ranking: Ranking) -> list[Markup]:
    shown = [("Podium", charts.podium, "Each line is a case; below, how often each model had each place.")]
    if ranking.main.drawn is not None:
        shown += [
            (
                "Ranks in draws of the patients",
                charts.blobs,
                "Area: share of the draws. Cross: median. Line: 95 % of the draws. Ring: rank of all cases.",
            ),
            ("How often each rank", charts.frequencies, "One bar for each model."),
        ]
    shown += [
        ("Who is shown to be better", charts.significance_map, "p of each pair, corrected for all pairs."),
        ("Other ways to rank", charts.ways_compared, "Crossing lines: the rank hangs on the way to rank."),
    ]
    parts: list[Markup] = []
    for title, draw, about in shown:
        parts += picture(title, about, draw(ranking))
    return parts


def _ways(ranking: Ranking) -> list[Markup]:
    rows = [
        (way, format_number(found.mean_tau), str(int(np.isnan(found.tau).sum())), _first_by(ranking, way))
        for way, found in ranking.methods.items()
    ]
    about = (
        "Kendall's tau of the ranks in each draw with those of all cases: 1 is the same order. Draws in "
        "which all models are equal have none, and are counted."
    )
    titles = ("way to rank", "mean tau", "draws without", "first")
    return [element("p", about), table(titles, rows, right={1, 2})]


def _first_by(ranking: Ranking, way: str) -> str:
    ranks = ranking.methods[way].ranks
    return ", ".join(ranking.scores.models[i] for i in np.flatnonzero(ranks == ranks.min()))


def _failures(found: Sequence[FailureCase]) -> list[Markup]:
    hard = [one for one in found if one.model == ALL]
    said = (
        "No case is in the worst quarter of every model."
        if not hard
        else "In the worst quarter of every model (median score): "
        + "; ".join(f"{one.case} ({format_number(one.score, 3)})" for one in hard[:_MOST_HARD])
        + ("" if len(hard) <= _MOST_HARD else f"; and {len(hard) - _MOST_HARD} more")
        + "."
    )
    rows = [
        (name_span(one.model), name_span(one.case), format_number(one.score, 3), format_number(one.others, 3))
        for one in found
        if one.model != ALL
    ]
    titles = ("model", "case", "score", "median of the others")
    return [element("h3", "Failure cases"), element("p", said), table(titles, rows, right={2, 3})]


def _features(found: Sequence[SharedFeature], notes: Sequence[str]) -> list[Markup]:
    rows = [
        (
            name_span(one.model if one.model == ALL else f"{one.model}, against the rest"),
            name_span(one.feature),
            "rank correlation" if one.kind == "number" else "share of variance",
            format_number(one.strength),
            format_number(one.p, 3),
            format_number(one.p_holm, 3),
            str(one.patients),
        )
        for one in found
    ]
    titles = ("model", "feature", "measure", "strength", "p", "p, Holm", "patients")
    return [
        element("h3", "What these cases share"),
        *paragraphs((feature_sentence(found), *notes)),
        table(titles, rows, right={3, 4, 5, 6}),
    ]
