"""A ranking as a folder: a page, tables, and all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg.audit.pages.files import write_audit
from napari_uncertainseg.audit.ranking.failures import FailureCase, SharedFeature
from napari_uncertainseg.audit.ranking.page import ranking_page
from napari_uncertainseg.audit.ranking.ranking import Ranking
from napari_uncertainseg.audit.ranking.tables import (
    as_json,
    failures_table,
    features_table,
    frequency_table,
    ranks_table,
    significance_table,
)

_NAME = "ranking"
PAGE = f"{_NAME}.html"


def write_ranking(
    folder: Path,
    rankings: tuple[Ranking, ...],
    source: str,
    failures: Sequence[Sequence[FailureCase]],
    shared: Sequence[Sequence[SharedFeature]],
) -> None:
    """Write ``ranking.html``, ``ranking.json`` and tables into a new folder, whole or not at all.

    The tables are ``ranks.tsv``, ``significance.tsv``, ``frequencies.tsv``, ``failures.tsv`` and, where
    features of the cases are known, ``features.tsv``.

    Parameters
    ----------
    folder
        Where to.
    rankings, source, failures, shared
        As for `page.ranking_page`.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    tables = {
        "ranks.tsv": ranks_table(rankings),
        "significance.tsv": significance_table(rankings),
        "frequencies.tsv": frequency_table(rankings),
        "failures.tsv": failures_table(rankings, failures),
    }
    if shared:
        tables["features.tsv"] = features_table(rankings, shared)
    page = ranking_page(rankings, source, failures, shared)
    write_audit(folder, _NAME, page, tables, as_json(rankings, failures, shared))
