"""Lesions with the probability that each is one, as calibration cases say."""

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
    """The same, with a column ``p_exists`` where the record has enough to say it.

    Parameters
    ----------
    lesions
        Of probabilities as the model said them.
    record
        Of that model, method and these modalities. Lesions smaller than its cases' it says nothing about.
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
    if fitted is None or not fitted.brier < fitted.brier_of_share:  # not judged, or no better than chance
        return table
    peak, volume = (table[name].to_numpy() for name in ("max_probability", "volume_mm3"))
    said = fitted.at(np.nan_to_num(peak), volume, float(np.clip(threshold, min(known), max(known))))
    # What was painted where the model saw nothing, and so has no peak or a low one, it says nothing about.
    return table.assign(p_exists=np.where(at_least(peak, threshold), said, np.nan))
