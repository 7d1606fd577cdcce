"""The drivers of the lesions of a case in the window, with the model that shares are told by."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.explain.drivers.of_results import drivers_of_lesions
from napari_uncertainseg.explain.drivers.reasons import CaseDrivers
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


def drivers_of_case(
    prediction: Prediction,
    lesions: Lesions,
    scans: Mapping[str, Volume],
    places: pd.DataFrame | None = None,
    *,
    measure: str = "doubt",
    progress: Progress = silent,
) -> CaseDrivers:
    """Measure the lesions under review, and say what shares are told by.

    It takes seconds: run it as a job of the window, not in a signal.

    Parameters
    ----------
    prediction
        Of the case.
    lesions
        As ``Case.lesions``; their numbers are those of the answer.
    scans
        By modality, as ``Case.images``.
    places
        From `explain.place`, by the lesions' numbers, where they are known.
    measure
        The doubt that is explained, a column of ``lesions.table``.
    progress
        May raise ``Cancelled``.

    Raises
    ------
    InputError
        If a scan is of another head, or lies on another grid.
    """
    table = drivers_of_lesions(prediction, lesions.labels, scans, places, progress)
    return CaseDrivers(table, None, "", "There is no model of the doubt in these results: facts, no shares.")
