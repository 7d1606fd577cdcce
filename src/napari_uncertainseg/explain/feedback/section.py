"""The part of a report of sessions that sets what readers ticked beside the model's doubt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.explain.drivers.definitions import driver_of
from napari_uncertainseg.explain.feedback.answers import ANY, answers_in
from napari_uncertainseg.explain.feedback.comparison import DOUBT, SURENESS, Comparison, compare_with_doubt
from napari_uncertainseg.explain.feedback.driver_values import drivers_of_answers
from napari_uncertainseg.explain.feedback.sentences import conclusion_of, same_reasons, summary_of
from napari_uncertainseg.review.feedback import SURENESS as STEPS
from napari_uncertainseg.review.reports.html import Markup, element, format_number, name_span, table
from napari_uncertainseg.review.reports.report_data import Summary

_DEFINITIONS = (
    "Doubt is the model's structural uncertainty (LSU). Doubtful lesions have more than {doubtful} (the "
    "median). Pairs: of all pairs of lesions of one reading, one with the tick and one without, the share "
    "in which the one with it has the larger number; 50 % is chance; the interval (95 %) draws cases anew. "
    "p: ticks are permuted among the lesions of each case, those of all its readers together, and p is "
    "multiplied as Holm's rule says for all {tests} tests. Readers saw the model's outlines and doubt: that "
    "may make them doubt where it does."
)
_NO_DRIVERS = (
    "Only the volume is known here. To compare with place, contrast, noise and shape, name the folders of "
    "results: ",
    element("code", "uncertainseg session report --results"),
)


def feedback_section(
    found: Summary, folders: Sequence[Path] = (), progress: Progress = silent
) -> list[Markup]:
    """What readers ticked beside the model's doubt; nothing where nobody ticked anything.

    Parameters
    ----------
    found
        The sessions.
    folders
        Results of the scans that were read, for the drivers of doubt.
    progress
        May raise `Cancelled`.

    Raises
    ------
    InputError
        If a folder cannot be read, or belongs to no session of the report.
    """
    answers = answers_in(found)
    drivers = drivers_of_answers(found, answers, folders, progress) if folders else None
    if not len(answers.table):
        return []
    return feedback_part(compare_with_doubt(answers, drivers), with_drivers=drivers is not None)


def feedback_part(found: Comparison, *, with_drivers: bool) -> list[Markup]:
    """The numbers as a part of the page."""
    about = _DEFINITIONS.format(doubtful=format_number(found.doubtful), tests=found.tests)
    said = [summary_of(found), conclusion_of(found), same_reasons(found)]
    return [
        element("h2", "What made verdicts hard"),
        *(element("p", one) for one in said if one),
        _reasons(found.relations),
        *([] if with_drivers else [element("p", *_NO_DRIVERS)]),
        *_drivers(found),
        *_agreement(found.agreement),
        *_notes(found),
        element("p", about),
    ]


def _reasons(relations: pd.DataFrame) -> Markup:
    head = (
        "reason",
        "ticked",
        "of the doubtful",
        "of the others",
        "mean doubt with",
        "mean doubt without",
        "pairs with more doubt",
        "p",
    )
    rows = [
        (
            _tick(row),
            f"{row['ticked']} of {row['lesions']}",
            _percent(row["among_doubtful"]),
            _percent(row["among_others"]),
            format_number(row["with_"]),
            format_number(row["without"]),
            _strength(row),
            _p(row),
        )
        for _, row in relations[relations["measure"] == DOUBT].iterrows()
    ]
    return table(head, rows, right=range(1, 8))


def _drivers(found: Comparison) -> list[Markup]:
    rows = found.relations[found.relations["measure"] != DOUBT]
    if not len(rows):
        return []
    head = (
        "driver of doubt",
        "reason",
        "ticked",
        "median with",
        "median without",
        "pairs with more of it",
        "p",
        "model's doubt (Spearman)",
    )
    cells = [
        (
            _title(str(row["measure"])),
            _tick(row),
            f"{row['ticked']} of {row['lesions']}",
            format_number(row["with_"]),
            format_number(row["without"]),
            _strength(row),
            _p(row),
            _interval(found.model.loc[row["measure"]]),
        )
        for _, row in rows.iterrows()
    ]
    return [element("h3", "Reasons and drivers of doubt"), table(head, cells, right=range(2, 8))]


def _agreement(agreement: pd.DataFrame) -> list[Markup]:
    if not agreement["lesions"].max():
        return []
    rows = [
        (str(reason), str(row["lesions"]), str(row["both"]), str(row["one"]), format_number(row["kappa"]))
        for reason, row in agreement.astype(object).iterrows()
    ]
    head = ("reason", "lesions judged by two", "ticked by both", "ticked by one", "Cohen's kappa")
    return [element("h3", "Agreement of readers on reasons"), table(head, rows, right=range(1, 5))]


def _notes(found: Comparison) -> list[Markup]:
    if not found.answers.notes:
        return []
    rows = [
        (name_span(reader), name_span(case), element("span", note, class_="words"))
        for reader, case, note in found.answers.notes
    ]
    return [element("h3", "Other reasons"), table(("annotator", "case", "note"), rows)]


def _tick(row: pd.Series) -> str:
    return {ANY: "any reason", SURENESS: f"{STEPS[3]} (against less)"}.get(row["tick"], str(row["tick"]))


def _title(measure: str) -> str:
    driver = driver_of(measure)
    unit = driver.unit.replace("mm3", "mm³").replace("mm2", "mm²")
    return f"{driver.title}, {unit}" if unit else driver.title


def _strength(row: pd.Series) -> str:
    if np.isnan(row["value"]):
        return "too few to test"
    if row["tick"] == SURENESS:
        return f"Spearman {_interval(row)}"
    share, low, high = (50 * (1 + row[name]) for name in ("value", "low", "high"))
    return f"{share:.0f} % ({low:.0f} to {high:.0f})"


def _interval(row: pd.Series) -> str:
    if np.isnan(row["value"]):
        return format_number(None)
    return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def _percent(share: float) -> str:
    return format_number(None) if np.isnan(share) else f"{share:.0%}"


def _p(row: pd.Series) -> str:
    known = row["adjusted"]
    return format_number(None) if np.isnan(known) else "< 0.01" if known < 0.01 else f"{known:.2f}"
