"""The tables of a run: a row for each visit, and the order in which visits should be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg.calibration.reliability import Reliability, wilson_band
from napari_uncertainseg.evaluate.cohort import mean_with_interval
from napari_uncertainseg.evaluate.worklist import UnusableCase
from napari_uncertainseg.modalities import MODALITIES, REFERENCE
from napari_uncertainseg.runs.record import Compared, VisitRecord
from napari_uncertainseg.runs.report.referral import ReferredVisit

MEASURES = {
    "dice": "Dice",
    "lesion_f1": "lesion F1",
    "lesion_precision": "lesion precision",
    "lesion_recall": "lesion recall",
    "volume_difference_ml": "volume difference, ml",
    "ece": "ECE, brain",
    "ace": "ACE, brain",
    "brier": "Brier, brain",
}
"""Of a comparison with a reference: those that the report shows, with their titles."""


def visits_table(
    records: Sequence[VisitRecord], failed: Sequence[UnusableCase], folders: Mapping[str, Path]
) -> pd.DataFrame:
    """One row per visit, the failed ones last.

    Parameters
    ----------
    records
        Of the finished visits.
    failed
        The others.
    folders
        Where the results of each visit lie.
    """
    rows = [_row(record, folders[record.name]) for record in records]
    rows += [{"visit": one.name, "state": "failed", "notes": one.why} for one in failed]
    return pd.DataFrame(rows)


def _row(record: VisitRecord, folder: Path) -> dict[str, Any]:
    measures = record.compared.measures if record.compared else {}
    return {
        "visit": record.name,
        "state": "done",
        "lesions": record.lesions,
        "volume_ml": record.volume_ml,
        **_ends(record),
        "candidates": record.candidates,
        **{name: _or_nan(value) for name, value in record.uncertainty.items()},
        "unlike_seen_scans": "; ".join(record.unlike),
        "notes": " ".join(record.notes),
        **{name: _or_nan(measures.get(name)) for name in MEASURES},
        "seconds": record.seconds,
        "folder": str(folder),
    }


def _ends(record: VisitRecord) -> dict[str, float]:
    """Where a reader's volume and number lie; no columns where that is not known."""
    known = record.interval or {}
    return {f"{name}_{end}": known[name][i] for name in known for i, end in enumerate(("low", "high"))}


def _or_nan(value: float | int | None) -> float:
    return math.nan if value is None else float(value)


def referral_table(visits: Sequence[ReferredVisit], folders: Mapping[str, Path]) -> pd.DataFrame:
    """Visits in the order in which they should be read, as a table that the *Cohort* dock opens."""
    given = dict.fromkeys(modality for one in visits for modality in one.record.scans)
    columns = dict.fromkeys([*(MODALITIES if REFERENCE in given else ()), *given], "")
    rows = []
    for rank, one in enumerate(visits, 1):
        scans = columns | {modality: state.path for modality, state in one.record.scans.items()}
        rows.append(
            {
                "rank": rank,
                "name": one.record.name,
                **scans,
                "reference": "" if one.record.reference is None else one.record.reference.path,
                "uncertainty": one.uncertainty,
                "why": one.why,
                "folder": str(folders[one.record.name]),
            }
        )
    return pd.DataFrame(rows)


def means(records: Sequence[VisitRecord]) -> dict[str, dict[str, Any]]:
    """Of each of `MEASURES` over the visits with a reference: mean, and bounds of its 95 % interval."""
    measured = [record.compared.measures for record in records if record.compared]
    return {
        name: mean_with_interval(np.array([_or_nan(one.get(name)) for one in measured], float))
        for name in MEASURES
    }


def reliability_of(compared: Compared) -> Reliability:
    """The bins of a visit, as they were measured."""
    count = np.array(compared.count, np.int64)
    fraction = np.array([_or_nan(value) for value in compared.fraction], float)
    low, high = wilson_band(np.rint(np.nan_to_num(fraction) * count).astype(np.int64), count)
    mean = np.array([_or_nan(value) for value in compared.mean_probability], float)
    return Reliability(np.linspace(0, 1, len(count) + 1), mean, fraction, count, low, high)
