"""The part of a ranking's page that combines its rankings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.audit.pages.parts import paragraphs, picture
from napari_uncertainseg.audit.ranking.charts import blob_chart
from napari_uncertainseg.audit.ranking.consensus.combine import BORDA, KEMENY, Consensus
from napari_uncertainseg.audit.ranking.consensus.sentences import consensus_sentences
from napari_uncertainseg.review.reports.html import Markup, element, format_number, name_span, table

_MOST_COLUMNS = 8
_ABOUT = (
    "One ranking of several. Mean rank: the mean of a model's ranks, equal models with their mean rank. "
    "Kemeny: the order that turns round the fewest pairs of the rankings; where several are equally good, a "
    "model's rank is by its mean place in them. Borda: by the mean number of models that are no worse."
)


def consensus_section(consensus: Sequence[Consensus]) -> list[Markup]:
    """Of each consensus: what can be said, a table, and ranks in draws; nothing where there is none."""
    if not consensus:
        return []
    content = [element("h2", "Consensus"), element("p", _ABOUT)]
    if any(found.title.startswith("all ") for found in consensus):
        content.append(element("p", "Over several metrics: metrics that say the same count twice."))
    for found in consensus:
        content.append(element("h3", found.title))
        content += paragraphs(consensus_sentences(found))
        if found.models:
            content += [_models(found), *_draws(found), _rankings(found)]
    return content


def _models(found: Consensus) -> Markup:
    drawn = found.main.drawn
    rows = [
        (
            f"{found.main.ranks[i]:g}",
            name_span(found.models[i]),
            format_number(found.main.value[i]),
            format_number(None) if drawn is None else _between(drawn[i]),
            format_number(None if drawn is None else 100 * float((drawn[i] == drawn.min(0)).mean()), 0),
            _places(found, int(i)),
            f"{found.ways[BORDA].ranks[i]:g}",
            *(f"{ranks[i]:g}" for ranks in found.table[:_MOST_COLUMNS]),
        )
        for i in found.order
    ]
    head = (
        "rank",
        "model",
        "mean rank",
        "ranks of 95 % of draws",
        "first, % of draws",
        "Kemeny (places)",
        "Borda",
    )
    columns = (*head, *found.parts[:_MOST_COLUMNS])
    return table(columns, rows, right={0, 2, 4, *range(6, len(columns))})


def _between(values: np.ndarray) -> str:
    low, high = np.quantile(values, (0.025, 0.975))
    return f"{low:g} to {high:g}"


def _places(found: Consensus, model: int) -> str:
    if found.kemeny is None:
        return format_number(None)
    rank = found.ways[KEMENY].ranks[model]
    low, high = found.kemeny.low[model, 0], found.kemeny.high[model, 0]
    return f"{rank:g}" if low == high else f"{rank:g} ({low:g} to {high:g})"


def _draws(found: Consensus) -> list[Markup]:
    if found.main.drawn is None:
        return []
    about = "By mean rank: a patient comes into all tasks that he or she is in. Rings: all cases."
    chart = blob_chart(found.models, found.order, found.main.ranks, found.main.drawn, found.title)
    return picture(f"Ranks in draws of the patients, {found.title}", about, chart)


def _rankings(found: Consensus) -> Markup:
    rows = [
        (name_span(part), f"{weight:g}", format_number(None if np.isnan(tau) else float(tau)))
        for part, weight, tau in zip(found.parts, found.weights, found.agreement, strict=True)
    ]
    head = ("ranking", "weight", "agrees with the consensus (Kendall's tau)")
    return table(head, rows, right={1, 2})
