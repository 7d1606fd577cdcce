"""A ranking as a folder: a page, tables, and all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg.audit.pages.files import write_audit
from napari_uncertainseg.audit.ranking.consensus.combine import Consensus, find_consensus
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

_NAME = "ranking"
PAGE = f"{_NAME}.html"


def write_ranking(
    folder: Path,
    rankings: tuple[Ranking, ...],
    source: str,
    failures: Sequence[Sequence[FailureCase]],
    shared: Sequence[Sequence[SharedFeature]],
    consensus: Sequence[Consensus] | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write ``ranking.html``, ``ranking.json`` and tables into a new folder, whole or not at all.

    The tables are ``ranks.tsv``, ``significance.tsv``, ``frequencies.tsv``, ``failures.tsv``, where
    features of the cases are known, ``features.tsv``, and of several rankings ``consensus.tsv``.

    Parameters
    ----------
    folder
        Where to.
    rankings, source, failures, shared, notes
        As for `page.ranking_page`.
    consensus
        Of several rankings; found with equal weights if None.

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
    consensus = find_consensus(rankings) if consensus is None else consensus
    if any(one.models for one in consensus):
        tables["consensus.tsv"] = consensus_table(consensus)
    page = ranking_page(rankings, source, failures, shared, consensus, notes)
    numbers = as_json(rankings, failures, shared, consensus) | {"notes": list(notes)}
    write_audit(folder, _NAME, page, tables, numbers)
