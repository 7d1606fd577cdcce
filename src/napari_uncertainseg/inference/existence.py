"""Lesions with the probability that each is one, as calibration cases say."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from napari_uncertainseg.calibration.lesion_probability import LesionProbability
from napari_uncertainseg.calibration.record import CalibrationRecord
from napari_uncertainseg.uncertainty.ranking import Lesions


def with_existence(lesions: Lesions, record: CalibrationRecord) -> Lesions:
    """The same, with a column ``p_exists`` where the record has enough to say it.

    Parameters
    ----------
    lesions
        Of probabilities as the model said them.
    record
        Of that model, method and these scans' roles.
    """
    return replace(
        lesions,
        table=_with(lesions.table, record.lesions, lesions.threshold),
        candidate_table=_with(lesions.candidate_table, record.candidates, lesions.candidate_threshold),
    )


def _with(table: pd.DataFrame, fitted: LesionProbability | None, threshold: float) -> pd.DataFrame:
    if fitted is None:
        return table
    peak, volume = (table[name].to_numpy() for name in ("max_probability", "volume_mm3"))
    return table.assign(p_exists=fitted.of(peak, volume, threshold))
