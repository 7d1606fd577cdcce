"""The numbers of the dashboard as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.review.reports.learning_curves import Trained
from napari_uncertainseg.review.reports.statistics import ReaderAgreement, ReviewProgress, Statistics, Times
from napari_uncertainseg.widgets.dashboard import texts
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.number_table import Table, format_number
from napari_uncertainseg.widgets.shared.session_file import shortened

_LONGEST = 16
"""Characters of a name that fit into a narrow dock."""

Shown = tuple[Table, tuple[str, ...]]
"""A table, and the tooltips of its rows: two rows may have one title."""


def progress(rows: Sequence[ReviewProgress]) -> Shown:
    """Progress of annotators or of cases."""
    return _table(
        [(shortened(row.name, _LONGEST, ends=True), texts.last_activity(row.name, row.last)) for row in rows],
        texts.PROGRESS_COLUMNS,
        [
            (
                texts.KINDS.get(row.kind, row.kind),
                f"{row.sessions}, {row.open} open" if row.open else str(row.sessions),
                f"{row.judged}/{row.tasks}, {_percent(row.share)}",
                row.last[5:16].replace("T", " "),
            )
            for row in rows
        ],
    )


def times(rows: Sequence[Times]) -> Shown:
    """Seconds per lesion."""
    return _table(
        [(shortened(row.annotator, _LONGEST), row.annotator) for row in rows],
        texts.TIME_COLUMNS,
        [
            (
                texts.KINDS.get(row.kind, row.kind),
                str(row.number),
                f"{row.median:.1f} s",
                f"{row.low:.1f} to {row.high:.1f} s",
            )
            for row in rows
        ],
    )


def agreement(rows: Sequence[ReaderAgreement]) -> Shown:
    """Agreement of each pair of annotators."""
    return _table(
        [(_pair(row), texts.describe_pair(row)) for row in rows],
        texts.AGREEMENT_COLUMNS,
        [
            (
                str(row.both),
                _percent(row.share) + ("*" if row.third else ""),
                format_number(row.kappa),
                format_number(row.uncertainty_same),
                format_number(row.uncertainty_differ),
            )
            for row in rows
        ],
    )


def exercises(rows: Sequence[Trained]) -> Shown:
    """Scores of exercises, per annotator."""
    return _table(
        [(shortened(row.annotator, _LONGEST), texts.describe_exercises(row)) for row in rows],
        texts.EXERCISE_COLUMNS,
        [
            (
                str(row.score.answers),
                _percent(row.score.accuracy),
                format_number(row.score.sensitivity),
                format_number(row.score.brier),
                format_number(row.score.confidence.ece),
                _percent(row.curve[-1].accuracy),
            )
            for row in rows
        ],
    )


def describe_agreement(statistics: Statistics) -> str:
    """What is missing in the table of pairs; empty where nothing is."""
    sentences = [] if statistics.agreements else [texts.NO_PAIR]
    if statistics.waiting:
        sentences.append(texts.open_readings(statistics.waiting))
    return " ".join(sentences)


def _table(
    rows: Sequence[tuple[str, str]], columns: dict[str, str], cells: Sequence[tuple[str, ...]]
) -> Shown:
    """Each row has a title and a tooltip."""
    definitions = {title: plain_tooltip(text) for title, text in columns.items()}
    table = Table(tuple(title for title, _ in rows), tuple(columns), tuple(cells), definitions)
    return table, tuple(plain_tooltip(text) for _, text in rows)


def _pair(row: ReaderAgreement) -> str:
    """Names below each other: side by side they would leave no room for the numbers."""
    pseudonym = "annotator "
    if row.first.startswith(pseudonym) and row.second.startswith(pseudonym):
        return f"annotators {row.first.removeprefix(pseudonym)} / {row.second.removeprefix(pseudonym)}"
    return f"{shortened(row.first, _LONGEST)} /\n{shortened(row.second, _LONGEST)}"


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.0%}"
