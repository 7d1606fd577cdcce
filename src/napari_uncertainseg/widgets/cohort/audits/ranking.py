"""The tab *Ranking*: which of several models is best, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_uncertainseg._base import Progress
from napari_uncertainseg.audit.ranking.metrics import HIGH, KNOWN, LOW, USUAL
from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.widgets.cohort.audits.description import (
    SCORES,
    Audit,
    AuditRequest,
    Choice,
    Findings,
    FoundTable,
    Option,
    PathInput,
    Switch,
    Ticks,
)
from napari_uncertainseg.widgets.cohort.audits.options import fixed, values_tip, with_interval

if TYPE_CHECKING:
    from napari_uncertainseg.audit.ranking.consensus.combine import Consensus
    from napari_uncertainseg.audit.ranking.ranking import WholeRanking

_NEEDED = ("case", "model")
_NAMES = (*_NEEDED, "patient", "task", "folder")
_METHODS = (
    Option("mean-then-rank", "mean, then rank", "The mean over the cases is ranked.", True),
    Option("median-then-rank", "median, then rank", "The median over the cases is ranked."),
    Option("rank-then-mean", "rank, then mean", "Models are ranked on each case; the mean rank is ranked."),
    Option("rank-then-median", "rank, then median", "The same with the median rank."),
    Option(
        "test-then-rank", "test, then rank", "Ranked by how many others a model beats, tests not corrected."
    ),
    Option("test-then-rank-holm", "test (Holm), then rank", "The same with corrected tests."),
)
_MISSING = (
    Option("", "do not rank", "If a score is missing, this is said and nothing is ranked.", True),
    Option("worst", "counts as the worst", "A missing score counts as the worst score of all."),
    Option(
        "drop", "left out", "A missing score is left out, which favours a model that fails on hard cases."
    ),
)


def _metrics(glance: TableGlance, values: Mapping[str, Any]) -> Sequence[Option]:
    """Columns of numbers; where it is not known what is good, once for each way."""
    there = {name: column for name, column in glance.columns.items() if column.numbers and name not in _NAMES}
    known = [name for name in there if name.lower() in KNOWN]
    usual = [name for name in known if name.lower() in USUAL] or known
    options = []
    for name, column in there.items():
        tip = values_tip(column)
        if name.lower() in KNOWN:
            good = KNOWN[name.lower()]
            options.append(Option(name, name, f"{good.capitalize()} values are good. {tip}", name in usual))
        else:
            options += [Option(f"{name}={way}", f"{name} ({way} is good)", tip) for way in (HIGH, LOW)]
    return options


def _lacks(glance: TableGlance) -> str:
    lacking = [name for name in _NEEDED if name not in glance.columns]
    if lacking:
        return (
            f"This table has no column {lacking[0]!r}: a ranking needs a row for each case and model, with "
            "the columns case, model and a column for each metric. Choose such a table."
        )
    if glance.columns["model"].different < 2:
        return "This table has only one model in its column 'model': a ranking needs at least two."
    if not _metrics(glance, {}):
        return "This table has no column of numbers to rank by: add one for each metric, such as dice."
    return ""


def _problem(glance: TableGlance, values: Mapping[str, Any]) -> str:
    ticked = values["metrics"]
    names = [one.rpartition("=")[0] if one not in glance.columns else one for one in ticked]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"{twice} is ticked twice: are high or low values good? Tick one."
    return "" if ticked else "Tick at least one metric."


def _compute(request: AuditRequest, progress: Progress) -> Findings:
    from napari_uncertainseg.audit.ranking.consensus.combine import find_consensus
    from napari_uncertainseg.audit.ranking.consensus.sentences import consensus_sentences
    from napari_uncertainseg.audit.ranking.files import PAGE, write_ranking
    from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_all
    from napari_uncertainseg.audit.ranking.read import read_scores
    from napari_uncertainseg.audit.ranking.sentences import feature_sentence, sentences

    values = request.values
    setting = RankingSetting(
        method=values["method"], missing=values["missing"] or None, exact=values["exact"]
    )
    scores = read_scores([("", request.table)], values["metrics"])
    found = rank_all(scores, setting, values["features"], progress)
    consensus = find_consensus(found.rankings)
    source = str(request.table)
    write_ranking(request.out, found.rankings, source, found.failures, found.shared, consensus, found.notes)
    said = [f"{one.scores.title}: {' '.join(sentences(one))}" for one in found.rankings]
    said += [f"Consensus, {one.title}: {' '.join(consensus_sentences(one))}" for one in consensus]
    said += [
        f"{one.scores.title}: {feature_sentence(shared)}"
        for one, shared in zip(found.rankings, found.shared, strict=False)
    ]
    return Findings((*said, *found.notes), _tables(found, setting.method, consensus), PAGE)


def _tables(found: WholeRanking, method: str, consensus: Sequence[Consensus]) -> tuple[FoundTable, ...]:
    from napari_uncertainseg.audit.ranking.consensus.tables import consensus_table
    from napari_uncertainseg.audit.ranking.tables import (
        failures_table,
        features_table,
        ranks_table,
        significance_table,
    )

    ranks = ranks_table(found.rankings)
    failures = failures_table(found.rankings, found.failures)
    tables = [
        FoundTable("Ranks", _short_ranks(ranks[ranks["method"] == method]), _TIPS),
        FoundTable("Who is shown to be better", _without_task(significance_table(found.rankings)), _TIPS),
        FoundTable("Failure cases", _without_task(failures), _TIPS, "case"),
    ]
    if any(one.models for one in consensus):
        tables.append(FoundTable("Consensus", consensus_table(consensus)))
    if found.shared:
        shared = _without_task(features_table(found.rankings, found.shared))
        tables.append(FoundTable("What hard cases share", shared, _TIPS))
    return tuple(tables)


def _short_ranks(ranks: pd.DataFrame) -> pd.DataFrame:
    """As few columns as a narrow dock can show: intervals stand behind their values."""
    short = _without_task(ranks)
    short = short[[name for name in ("task", "metric", "model", "rank") if name in short]].copy()
    for name, title in (("aggregate", "value"), ("behind", "behind first")):
        value = ranks["behind_first" if name == "behind" else name]
        short[title] = list(map(with_interval, value, ranks[f"{name}_low"], ranks[f"{name}_high"]))
    short["ranks in draws"] = [
        "-" if math.isnan(low) else f"{low:.3g} to {high:.3g}"
        for low, high in zip(ranks["rank_low"], ranks["rank_high"], strict=True)
    ]
    short["first, %"] = (100 * ranks["share_first"]).round(0)
    return short


def _without_task(table: pd.DataFrame) -> pd.DataFrame:
    """Without the column that says nothing where there is one task."""
    return table.drop(columns="task") if "task" in table and (table["task"] == "").all() else table


_TIPS = {
    "rank": "1 is best.",
    "value": "What was ranked: the mean or median over the cases, the mean rank, or how many models it "
    "beats; with its 95 % interval from draws of the patients.",
    "behind first": "How much worse than the first model, with its 95 % interval.",
    "ranks in draws": "The ranks in 95 % of the draws of the patients.",
    "first, %": "In how many of 100 draws of the patients the model is first.",
    "p": "One-sided p of Wilcoxon's signed ranks: how easily chance makes the model this much better.",
    "p_holm": "The same, corrected for all pairs (Holm).",
    "shown": "Whether p_holm is at most 0.05.",
    "others": "Median of the other models on this case.",
    "score": "The metric on this case; of all models its median.",
}

RANKING = Audit(
    key="ranking",
    title="Ranking",
    question="Which of several models is best, how sure is that, and on which cases does each fail?",
    table=SCORES,
    inputs=(
        Ticks("metrics", "Metrics", "What to rank by. Each is ranked by itself.", _metrics),
        Choice(
            "method", "Way to rank", "The main way; the page compares it with the others.", fixed(_METHODS)
        ),
        Choice("missing", "Missing score", "What stands for a score that is missing.", fixed(_MISSING)),
        PathInput(
            "features",
            "Features",
            "A table with the column case and features of the cases, such as volume or source, to find what "
            "hard cases share. It may be left out.",
        ),
        Switch(
            "exact",
            "Exact tests",
            "Exact where there are fewer than 50 patients and no ties: better with few patients. Otherwise "
            "the normal approximation, as challengeR has it.",
        ),
    ),
    compute=_compute,
    lacks=_lacks,
    problem=_problem,
)
