"""Adds to each lesion the probability that it is real, learnt from calibration cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD, at_least
from napari_uncertainseg.calibration.real_by_cases import THRESHOLDS, RealByCases
from napari_uncertainseg.calibration.record import CalibrationRecord
from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_SAME = 1e-6
"""Thresholds and volumes that differ by less are one."""


def with_real_by_cases(lesions: Lesions, record: CalibrationRecord) -> Lesions:
    """The same lesions with ``p_real`` by the calibration cases, where there are enough of them for it.

    It replaces what the model says: the user's own experts are asked. The order stays. Nothing is said of
    lesions and candidates that are outlined at thresholds beyond those of the cases.

    Parameters
    ----------
    lesions
        Outlined from the model's own probabilities, not recalibrated ones.
    record
        Of the same model, method and modalities. It says nothing about lesions smaller than its cases'.
    """
    if lesions.min_volume < record.min_volume - _SAME:
        return lesions
    within = min(THRESHOLDS) - _SAME <= lesions.threshold <= max(THRESHOLDS) + _SAME
    alike = abs(lesions.candidate_threshold - CANDIDATE_THRESHOLD) <= _SAME
    of_lesions = record.lesions if within and _says(record.lesions) else None
    of_candidates = record.candidates if alike and _says(record.candidates) else None
    if of_lesions is None and of_candidates is None:
        return lesions
    # What the model says of the one is not mixed with what the cases say of the other.
    table, below = (t.drop(columns=P_REAL, errors="ignore") for t in (lesions.table, lesions.candidate_table))
    return replace(
        lesions,
        table=_with(table, of_lesions, lesions.threshold, lesions.models_volume),
        candidate_table=_with(below, of_candidates, lesions.candidate_threshold),
        real_by="calibration",
    )


def _says(fitted: RealByCases | None) -> bool:
    """Whether it was measured on cases left out, and is better than the mere share of real ones."""
    return fitted is not None and fitted.brier < fitted.brier_of_share


def _with(
    table: pd.DataFrame,
    fitted: RealByCases | None,
    threshold: float,
    models_volume: Mapping[int, float] = MappingProxyType({}),
) -> pd.DataFrame:
    if fitted is None:
        return table
    peak, volume = table["max_probability"].to_numpy(), table["volume_mm3"].to_numpy(float)
    # All that is said of a lesion that was painted on is said of the model's own outline.
    own = table["label"].map(dict(models_volume)).to_numpy(float)
    volume = np.where(np.isnan(own), volume, own)
    real = fitted.at(np.nan_to_num(peak), volume, threshold)
    # A lesion painted where the model saw nothing has no peak or a low one: the fit says nothing about it.
    return table.assign(p_real=np.where(at_least(peak, threshold), real, np.nan))
