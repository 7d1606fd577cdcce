"""A dashboard as one long table: a number per row, for a spreadsheet or a script."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from napari_uncertainseg.review.reports.learning_curves import LearningPoint, Trained
from napari_uncertainseg.review.reports.statistics import ReaderAgreement, ReviewProgress, Statistics, Times

COLUMNS = ("section", "annotator", "other", "case", "kind", "lesson", "measure", "value")

_Row = dict[str, Any]


def statistics_table(found: Statistics) -> pd.DataFrame:
    """One row per number.

    Returns
    -------
    Columns ``section`` (``progress``, ``time``, ``agreement``, ``training``, ``learning``), who and what it
    is about (``annotator``, ``other``, ``case``, ``kind``, ``lesson``), ``measure`` and ``value``. Times are
    in seconds, moments in ISO 8601 (UTC); what is not defined is missing.
    """
    rows: list[_Row] = []
    for name, progresses in (("annotator", found.annotators), ("case", found.cases)):
        for progress in progresses:
            rows += _rows("progress", _of_progress(progress), **{name: progress.name, "kind": progress.kind})
    for times in found.times:
        rows += _rows("time", _of_times(times), annotator=times.annotator, kind=times.kind)
    for pair in found.agreements:
        rows += _rows("agreement", _of_agreement(pair), annotator=pair.first, other=pair.second)
    for trained in found.trained:
        rows += _rows("training", _of_trained(trained), annotator=trained.annotator)
        for i, point in enumerate(trained.curve, start=1):
            rows += _rows("learning", _of_point(point), annotator=trained.annotator, lesson=i)
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def _rows(section: str, values: Mapping[str, float | str], **about: str | int) -> Iterator[_Row]:
    for measure, value in values.items():
        yield {"section": section, **about, "measure": measure, "value": _written(value)}


def _written(value: float | str) -> str | int | None:
    if isinstance(value, float):
        return None if math.isnan(value) else f"{value:.6g}"
    return value


def _of_progress(found: ReviewProgress) -> dict[str, float | str]:
    return {
        "sessions": found.sessions,
        "open": found.open,
        "tasks": found.tasks,
        "judged": found.judged,
        "share_judged": found.share,
        "last_activity": found.last,
    }


def _of_times(found: Times) -> dict[str, float | str]:
    return {
        "verdicts": found.number,
        "seconds_quartile_1": found.low,
        "seconds_median": found.median,
        "seconds_quartile_3": found.high,
    }


def _of_agreement(found: ReaderAgreement) -> dict[str, float | str]:
    return {
        "judged_by_both": found.both,
        "same": found.same,
        "share_same": found.share,
        "kappa": found.kappa,
        "in_third_reading": found.third,
        "mean_lsu_same": found.uncertainty_same,
        "known_lsu_same": found.known_same,
        "mean_lsu_differ": found.uncertainty_differ,
        "known_lsu_differ": found.known_differ,
    }


def _of_trained(found: Trained) -> dict[str, float | str]:
    return {
        "lessons": len(found.curve),
        "answers": found.score.answers,
        "accuracy": found.score.accuracy,
        "d_prime": found.score.sensitivity,
        "criterion": found.score.criterion,
        "brier": found.score.brier,
        "confidence_ece": found.score.confidence.ece,
    }


def _of_point(found: LearningPoint) -> dict[str, float | str]:
    return {
        "session": found.session,
        "began": found.opened,
        "first_answers": found.first,
        "right": found.right,
        "accuracy": found.accuracy,
        "wilson_low": found.low,
        "wilson_high": found.high,
        "repeats": found.repeats,
        "aided_by_model": found.aided,
    }
