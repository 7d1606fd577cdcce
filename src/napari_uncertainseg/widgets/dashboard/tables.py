"""The dashboard's numbers as tables, with what each of them means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.review.reports.learning_curves import Trained
from napari_uncertainseg.review.reports.statistics import ReaderAgreement, ReviewProgress, Statistics, Times
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.lesson_scores import SCORES
from napari_uncertainseg.widgets.shared.number_table import Table, format_number
from napari_uncertainseg.widgets.shared.session_file import shortened

KINDS = {"review": "review", "qc": "reread", "training": "training"}
_LONGEST = 16
"""Characters of a name in a narrow dock."""

_PROGRESS = {
    "kind": "Review; reread: second and third readings; training.",
    "sessions": "Sessions that were begun, and how many of them are not closed.",
    "judged": "Tasks with a verdict, of all tasks in these sessions.",
    "last (UTC)": "When something was last written: month, day and time.",
}
_TIMES = {
    "kind": _PROGRESS["kind"],
    "number": "Verdicts whose time is known: after ten minutes on one lesion none is kept.",
    "median": "Seconds from when a lesion was shown to its verdict, median.",
    "quartiles": "Seconds: a quarter took less than the first, a quarter more than the last.",
}
_AGREEMENT = {
    "both": "Places (case, lesion or candidate, voxel) that both have judged.",
    "same": "Share of these with the same decision. *: some are third readings.",
    "kappa": "Cohen's: agreement beyond chance. 0 is chance, 1 full agreement.",
    "LSU =": "The model's mean structural uncertainty (LSU, 0 to 1) where the two agree.",
    "LSU ≠": "The same where they differ: higher than LSU = where the model doubts what readers differ in.",
}
_TRAINING = {
    "answers": "Answers in lessons that are done, to places that came again, too.",
    "right": SCORES["right"],
    "d'": SCORES["d'"],
    "Brier": SCORES["Brier"],
    "ECE": "How far the stated probability of a lesion lies from how often there was one: 0 is best.",
    "first": "Right answers in the latest lesson, of places not asked about before: first answers.",
}

Shown = tuple[Table, tuple[str, ...]]
"""A table, and the tooltips of its rows: two rows may have one title."""


def progress(rows: Sequence[ReviewProgress]) -> Shown:
    """Progress of annotators or of cases."""
    return _table(
        [
            (shortened(row.name, _LONGEST, ends=True), f"{row.name}\nlast activity {row.last[:16]} UTC")
            for row in rows
        ],
        _PROGRESS,
        [
            (
                KINDS.get(row.kind, row.kind),
                f"{row.sessions}, {row.open} open" if row.open else str(row.sessions),
                f"{row.judged}/{row.tasks}, {_percent(row.share)}",
                row.last[5:16].replace("T", " "),
            )
            for row in rows
        ],
    )


def times(rows: Sequence[Times]) -> Shown:
    """Seconds for a lesion."""
    return _table(
        [(shortened(row.annotator, _LONGEST), row.annotator) for row in rows],
        _TIMES,
        [
            (
                KINDS.get(row.kind, row.kind),
                str(row.number),
                f"{row.median:.1f} s",
                f"{row.low:.1f} to {row.high:.1f} s",
            )
            for row in rows
        ],
    )


def agreement(rows: Sequence[ReaderAgreement]) -> Shown:
    """All pairs."""
    return _table(
        [(_pair(row), _about(row)) for row in rows],
        _AGREEMENT,
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


def training(rows: Sequence[Trained]) -> Shown:
    """What came of lessons."""
    return _table(
        [(shortened(row.annotator, _LONGEST), _lessons(row)) for row in rows],
        _TRAINING,
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


def describe_agreement(found: Statistics) -> str:
    """What the table of pairs stands on, or what to do where there is none."""
    said = (
        ""
        if found.agreements
        else "No two annotators have judged the same places: press Read again in Session."
    )
    if found.waiting:
        one = found.waiting == 1
        said += (
            f" {found.waiting} open reading{'' if one else 's'} count{'s' if one else ''} once "
            f"{'it is' if one else 'they are'} closed or judged in full."
        )
    return said.strip()


def _table(
    rows: Sequence[tuple[str, str]], columns: dict[str, str], cells: Sequence[tuple[str, ...]]
) -> Shown:
    """Each row has a title and a tooltip."""
    definitions = {title: plain_tooltip(text) for title, text in columns.items()}
    table = Table(tuple(title for title, _ in rows), tuple(columns), tuple(cells), definitions)
    return table, tuple(plain_tooltip(text) for _, text in rows)


def _pair(row: ReaderAgreement) -> str:
    """Names below each other: beside each other they would push the numbers out of a narrow dock."""
    alike = "annotator "
    if row.first.startswith(alike) and row.second.startswith(alike):  # pseudonyms
        return f"annotators {row.first.removeprefix(alike)} / {row.second.removeprefix(alike)}"
    return f"{shortened(row.first, _LONGEST)} /\n{shortened(row.second, _LONGEST)}"


def _about(row: ReaderAgreement) -> str:
    lines = [
        f"{row.first} and {row.second}: {row.same} of {row.both} the same",
        f"LSU known of {row.known_same} places where they agree, of {row.known_differ} where they differ",
    ]
    if row.third:
        lines.append(
            f"{row.third} of the places are third readings, taken because two readers differed there: "
            "agreement is low on them"
        )
    return ".\n".join(lines) + "."


def _lessons(row: Trained) -> str:
    lines = [row.annotator]
    for i, point in enumerate(row.curve, start=1):
        band = "" if np.isnan(point.low) else f", 95 % interval {point.low:.0%} to {point.high:.0%}"
        lines.append(
            f"Lesson {i}: {point.right} of {point.first} first answers right{band}; {point.repeats} repeats"
            + (f"; model shown for {point.aided}" if point.aided else "")
        )
    return "\n".join(lines)


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.0%}"
