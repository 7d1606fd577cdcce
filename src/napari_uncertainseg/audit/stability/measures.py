"""What is measured of each acquisition: of the person, and of each lesion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg.lesions.matching import pairs_in_common

LESIONS, DOUBT, RADIOMICS, AGREEMENT = "lesions", "doubt", "radiomics", "agreement"


@dataclass(frozen=True)
class Measure:
    """A number whose stability is asked for.

    Attributes
    ----------
    name
        In tables.
    title, unit
        On the page.
    group
        ``"lesions"``, ``"doubt"``, ``"radiomics"`` or ``"agreement"``.
    """

    name: str
    title: str
    unit: str = ""
    group: str = LESIONS


PERSON_MEASURES = (
    Measure("volume_ml", "Lesion volume", "ml"),
    Measure("lesions", "Number of lesions"),
    Measure("mean_probability", "Mean probability in lesions"),
    Measure("psu", "PSU", "", DOUBT),
    Measure("mean_entropy_brain_nats", "Mean entropy in the brain", "nat", DOUBT),
    Measure("mean_mutual_information_brain_nats", "Mean mutual information in the brain", "nat", DOUBT),
    Measure("mean_entropy", "Mean entropy in lesions", "nat", DOUBT),
    Measure("mean_mutual_information", "Mean mutual information in lesions", "nat", DOUBT),
    Measure("mean_lsu", "Mean LSU of lesions", "", DOUBT),
    Measure("mean_doubt", "Mean doubt of lesions", "", DOUBT),
    Measure("layer_agreement", "Layer agreement", "", DOUBT),
    Measure("dice", "Dice with the reference", "", AGREEMENT),
)
"""Of a person's acquisition."""
LESION_MEASURES = (
    Measure("volume_mm3", "Volume", "mm3"),
    Measure("mean_probability", "Mean probability"),
    Measure("max_probability", "Largest probability"),
    Measure("doubt", "Doubt", "", DOUBT),
    Measure("lsu", "LSU", "", DOUBT),
    Measure("mean_entropy", "Mean entropy", "nat", DOUBT),
    Measure("mean_mutual_information", "Mean mutual information", "nat", DOUBT),
    Measure("persistence", "Persistence", "", DOUBT),
    Measure("p_real", "Probability of being real", "", DOUBT),
)
"""Of a lesion, as its table has them."""


def person_measures(summary: Mapping[str, Any], table: pd.DataFrame) -> dict[str, float]:
    """The measures of a person's acquisition that a folder of results says; NaN where it does not.

    Parameters
    ----------
    summary, table
        ``summary.json`` and ``lesions.tsv`` of the folder.
    """
    patient = summary.get("patient_uncertainty")
    said = patient if isinstance(patient, dict) else {}
    found = {
        "volume_ml": _number(summary.get("lesion_volume_ml")),
        "lesions": _number(summary.get("lesions")),
        **{name: _number(said.get(name)) for name in _OF_SUMMARY},
    }
    weights = _column(table, "volume_mm3")
    for name in ("mean_probability", "mean_entropy", "mean_mutual_information"):
        found[name] = _weighted(_column(table, name), weights)
    doubt = _column(table, "doubt")
    known = np.isfinite(doubt)
    found["mean_doubt"] = float(doubt[known].mean()) if known.any() else math.nan
    return found


_OF_SUMMARY = (
    "psu",
    "layer_agreement",
    "mean_lsu",
    "mean_entropy_brain_nats",
    "mean_mutual_information_brain_nats",
)


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan  # type: ignore[arg-type]


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(float)


def _weighted(values: np.ndarray, weights: np.ndarray) -> float:
    known = np.isfinite(values) & np.isfinite(weights)
    total = float(weights[known].sum())
    return float((values[known] * weights[known]).sum() / total) if total > 0 else math.nan


def matched_labels(targets: np.ndarray, others: np.ndarray) -> dict[int, int]:
    """Which lesion of another acquisition each target is: one to one, the largest overlaps first.

    Parameters
    ----------
    targets, others
        Labels of the same voxels; 0 is no lesion.

    Returns
    -------
    dict
        The other's label by the target's, for those that share a voxel with one that is still free.
    """
    first, second, common = pairs_in_common(targets, others)
    found: dict[int, int] = {}
    taken: set[int] = set()
    for i in np.lexsort((second, first, -common)):
        a, b = int(first[i]), int(second[i])
        if a not in found and b not in taken:
            found[a] = b
            taken.add(b)
    return found


def lesion_rows(table: pd.DataFrame, pairs: Mapping[int, int], targets: Sequence[int]) -> pd.DataFrame:
    """Measures of the targets as another acquisition has them: a row for each.

    A lesion that is not there has the volume 0, and NaN for all else.

    Parameters
    ----------
    table
        ``lesions.tsv`` of that acquisition.
    pairs
        From `matched_labels`.
    targets
        Labels of the targets.
    """
    own = pd.DataFrame({m.name: _column(table, m.name) for m in LESION_MEASURES}, index=table["label"])
    rows = own.reindex([pairs.get(t, -1) for t in targets])
    rows["volume_mm3"] = [
        0.0 if t not in pairs else v for t, v in zip(targets, rows["volume_mm3"], strict=True)
    ]
    rows.insert(0, "target", list(targets))
    return rows.reset_index(drop=True)
