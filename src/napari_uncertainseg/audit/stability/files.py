"""Stability as a folder: a page, tables, and all numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg.audit.pages.files import write_audit
from napari_uncertainseg.audit.stability.analysis import MeasuredStability, Stability
from napari_uncertainseg.audit.stability.images import RANGE, WINDOW, mean_over_people
from napari_uncertainseg.audit.stability.page import stability_page
from napari_uncertainseg.audit.stability.reliability import Estimate
from napari_uncertainseg.audit.stability.sentences import comparison, sentences

_NAME = "stability"
_PLAIN = "none"
"""Stands in tables where scans were not harmonised."""
PAGE = f"{_NAME}.html"
_MATRICES = ("rmse", "psnr", "ssim", "features")


def write_stability(folder: Path, sets: Sequence[Stability], source: str, notes: Sequence[str]) -> None:
    """Write ``stability.html``, ``stability.json`` and tables into a new folder, whole or not at all.

    The tables: ``agreement.tsv`` (a row for each measure), ``changes.tsv`` (each acquisition and measure),
    ``distances.tsv`` (each pair of acquisitions), ``measures.tsv`` (each person and acquisition) and
    ``lesions.tsv`` (each lesion and acquisition).

    Parameters
    ----------
    folder
        Where to.
    sets, source, notes
        As for `page.stability_page`.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    tables = {
        "agreement.tsv": pd.DataFrame([row for one in sets for row in agreement_rows(one)]),
        "changes.tsv": pd.DataFrame([row for one in sets for row in _changes(one)], columns=list(_CHANGES)),
        "distances.tsv": pd.DataFrame([row for one in sets for row in _distances(one)]),
        "measures.tsv": pd.concat([one.rows.assign(harmonised=one.harmonised or _PLAIN) for one in sets]),
        "lesions.tsv": pd.concat([one.lesions.assign(harmonised=one.harmonised or _PLAIN) for one in sets]),
    }
    write_audit(folder, _NAME, stability_page(sets, source, notes), tables, as_json(sets, notes))


def agreement_rows(found: Stability) -> Iterator[dict[str, Any]]:
    """A row for each measure and level."""
    for one in found.measured:
        yield {"harmonised": found.harmonised or _PLAIN, **_about(one)}


def _about(one: MeasuredStability) -> dict[str, Any]:
    own = one.agreement
    numbers: dict[str, Any] = {}
    if own is not None:
        numbers = {"targets": own.targets, "acquisitions": own.acquisitions, "mean": own.mean}
        for name, estimate in (
            ("icc2", own.icc2),
            ("icc3", own.icc3),
            ("sem", own.sem),
            ("sem_consistency", own.sem_consistency),
            ("smallest_detectable_change", own.detectable),
        ):
            numbers |= _interval(name, estimate)
    return {
        "of": one.level,
        "measure": one.measure.name,
        "unit": one.measure.unit,
        "group": one.measure.group,
        "people": one.people,
        **numbers,
        "targets_left_out": one.left_out,
        "acquisitions_left_out": "; ".join(one.without),
        "icc_interval": "people drawn" if one.drawn else "F",
        "why_no_icc": "No target has values of two acquisitions." if own is None else own.why,
    }


def _interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


_CHANGES = (
    "harmonised", "acquisition", "measure", "unit", "people", "change", "change_low", "change_high",
    "relative", "relative_low", "relative_high", "relative_size",
)  # fmt: skip


def _changes(found: Stability) -> Iterator[dict[str, Any]]:
    for one in found.changes:
        yield {
            "harmonised": found.harmonised or _PLAIN,
            "acquisition": one.acquisition,
            "measure": one.measure.name,
            "unit": one.measure.unit,
            "people": one.people,
            **_interval("change", one.signed),
            **_interval("relative", one.relative),
            "relative_size": one.size,
        }


def _distances(found: Stability) -> Iterator[dict[str, Any]]:
    """A row for each pair."""
    known = {key: mean_over_people(found.distances, key) for key in _MATRICES}
    names = known["rmse"][0]
    for i, one in enumerate(names):
        for j in range(i):
            row: dict[str, Any] = {"harmonised": found.harmonised or _PLAIN, "first": names[j], "second": one}
            row["people"] = int(known["rmse"][3][i, j])
            for key, (_, mean, deviation, _) in known.items():
                row |= {key: mean[i, j], f"{key}_sd": deviation[i, j]}
            yield row


def as_json(sets: Sequence[Stability], notes: Sequence[str]) -> dict[str, Any]:
    """Everything, JSON-serialisable but for NaN."""
    return {
        "made_by": f"napari-uncertainseg {__version__}",
        "ssim": {"data_range": RANGE, "window_voxels": WINDOW, "unit": "the brain's median"},
        "notes": list(notes),
        "sets": [
            {
                "harmonised": one.harmonised,
                "people": list(one.people),
                "acquisitions": list(one.acquisitions),
                "imitated": one.imitated,
                "sentences": sentences(one) if i == 0 else comparison(sets[0], one),
                "agreement": list(agreement_rows(one)),
                "changes": list(_changes(one)),
                "distances": list(_distances(one)),
            }
            for i, one in enumerate(sets)
        ],
    }
