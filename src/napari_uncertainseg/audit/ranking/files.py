"""A ranking as a folder: a page, tables, and all numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg.audit.ranking.consensus.combine import Consensus
from napari_uncertainseg.audit.ranking.consensus.tables import consensus_table
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
from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.export import write_table

PAGE = "ranking.html"


def write_ranking(
    folder: Path,
    rankings: tuple[Ranking, ...],
    source: str,
    failures: Sequence[Sequence[FailureCase]],
    shared: Sequence[Sequence[SharedFeature]],
    consensus: Sequence[Consensus] = (),
) -> None:
    """Write ``ranking.html``, ``ranking.json`` and tables into a new folder, whole or not at all.

    The tables are ``ranks.tsv``, ``significance.tsv``, ``frequencies.tsv``, ``failures.tsv``, where
    features of the cases are known, ``features.tsv``, and of several rankings ``consensus.tsv``.

    Parameters
    ----------
    folder
        Where to.
    rankings, source, failures, shared, consensus
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
    if any(one.models for one in consensus):
        tables["consensus.tsv"] = consensus_table(consensus)
    text = json.dumps(
        as_json(rankings, failures, shared, consensus), indent=2, allow_nan=False, ensure_ascii=False
    )
    with new_folder(folder) as whole:
        for name, table in tables.items():
            write_table(whole / name, table)
        page = ranking_page(rankings, source, failures, shared, consensus)
        (whole / PAGE).write_bytes(page.encode("utf-8", "replace"))
        (whole / "ranking.json").write_bytes(f"{text}\n".encode("utf-8", "replace"))
