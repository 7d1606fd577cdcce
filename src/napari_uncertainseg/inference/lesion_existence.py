"""Adds to each lesion the probability that it is real, learnt from calibration cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.calibration.lesion_probability import THRESHOLDS, LesionProbability
from napari_uncertainseg.calibration.record import CalibrationRecord
from napari_uncertainseg.uncertainty.lesion_ranking import CANDIDATE_THRESHOLD, Lesions


def with_existence(lesions: Lesions, record: CalibrationRecord) -> Lesions:
    """The same lesions with a column ``p_exists``, where the record has enough cases for it.

    Parameters
    ----------
    lesions
        Outlined from the model's own probabilities, not recalibrated ones.
    record
        Of the same model, method and modalities. It says nothing about lesions smaller than its cases'.
    """
    fits = lesions.min_volume >= record.min_volume - 1e-6
    return replace(
        lesions,
        table=_with(lesions.table, record.lesions if fits else None, lesions.threshold, THRESHOLDS),
        candidate_table=_with(
            lesions.candidate_table,
            record.candidates if fits else None,
            lesions.candidate_threshold,
            (CANDIDATE_THRESHOLD,),
        ),
    )


def _with(
    table: pd.DataFrame, fitted: LesionProbability | None, threshold: float, known: Sequence[float]
) -> pd.DataFrame:
    if (
        fitted is None or not fitted.brier < fitted.brier_of_share
    ):  # not measured, or no better than the mere share of real ones
        return table
    peak, volume = (table[name].to_numpy() for name in ("max_probability", "volume_mm3"))
    exists = fitted.at(np.nan_to_num(peak), volume, float(np.clip(threshold, min(known), max(known))))
    # A lesion painted where the model saw nothing has no peak or a low one: the fit says nothing about it.
    return table.assign(p_exists=np.where(at_least(peak, threshold), exists, np.nan))
