"""Drivers of a folder of results, and of a case in the window: both through `measure_drivers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.written_results import measured_lesions, result_file
from napari_uncertainseg.explain.drivers.measure import LABEL, measure_drivers
from napari_uncertainseg.explain.place.lesions import places_of_lesions
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.align import align
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.prediction.prediction import Prediction

DOUBTS = ("doubt", "lsu", "mean_entropy", "mean_mutual_information")
"""Columns of the list of lesions that say how far the model doubts."""


def drivers_of_lesions(
    prediction: Prediction,
    labels: np.ndarray,
    scans: Mapping[str, Volume],
    places: pd.DataFrame | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Drivers of the lesions of one case, as the window holds it.

    Parameters
    ----------
    prediction
        Of which the brain and the grid are taken.
    labels
        Of the lesions, on that grid, such as ``Lesions.labels``.
    scans
        By modality, such as ``Case.images``; those on other grids are brought onto the main one's.
    places
        As for `measure_drivers`; found by `explain.place` if None, which takes seconds more.
    progress
        May raise ``Cancelled``.

    Returns
    -------
    pandas.DataFrame
        As `measure_drivers`, by the lesions' numbers.

    Raises
    ------
    InputError
        If a scan is of another head.
    """
    progress("scans of the case", 0.0)
    images = on_grid(scans, prediction.grid)
    if places is None and scans:
        places = _places(scans[main_of(scans)], prediction.brain, labels, progress)
    progress("drivers of the lesions", 0.8)
    return measure_drivers(labels, prediction.grid.spacing, prediction.brain, images, places)


def _places(scan: Volume, brain: np.ndarray, labels: np.ndarray, progress: Progress) -> pd.DataFrame | None:
    """Where the lesions lie; None where that cannot be found."""

    def part(stage: str, fraction: float) -> None:
        progress(stage, 0.1 + 0.7 * fraction)

    try:
        return places_of_lesions(scan, brain, labels, part)
    except InputError:
        return None


def on_grid(scans: Mapping[str, Volume], grid: Grid) -> dict[str, np.ndarray]:
    """The data of scans on one grid, the main one first; the main one must lie there.

    Raises
    ------
    InputError
        If a scan is of another head, or the main one lies on another grid.
    """
    if not scans:
        return {}
    main = main_of(scans)
    found: dict[str, np.ndarray] = {}
    for name in [main, *(other for other in scans if other != main)]:
        scan = scans[name]
        if scan.grid.same_as(grid, tolerance=1e-2):
            found[name] = scan.data
        elif name == main:
            raise InputError("The lesions do not lie on the grid of the scan; segment it again.")
        else:
            found[name] = align(scan, scans[main]).data
    return found


def drivers_of_results(
    folder: Path,
    places: pd.DataFrame | None = None,
    measures: Sequence[str] = DOUBTS,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Drivers and doubt of the lesions in a folder of results.

    Parameters
    ----------
    folder
        That `segment` wrote.
    places, progress
        As for `drivers_of_lesions`.
    measures
        Columns of its list of lesions that say how far the model doubts.

    Returns
    -------
    pandas.DataFrame
        As `measure_drivers`, and the `measures`, NaN for a lesion that a human drew.

    Raises
    ------
    InputError
        If the folder cannot be read, or none of its scans is where it was.
    """
    saved = read_saved_results(folder)
    prediction = saved.prediction
    if not saved.scans:
        why = "; ".join(saved.notes) or "they do not say which they were"
        raise InputError(f"{folder}: none of the scans is there to measure ({why}).")
    labels = read_labels(result_file(folder, "lesions"), prediction.grid).data
    doubts = doubts_of_results(folder, measures)
    return drivers_of_lesions(prediction, labels, saved.scans, places, progress).join(doubts)


def doubts_of_results(folder: Path, measures: Sequence[str] = DOUBTS) -> pd.DataFrame:
    """How far the model doubts the lesions of a folder of results, by their numbers.

    Parameters
    ----------
    folder
        That `segment` wrote.
    measures
        Columns of its list of lesions; NaN for a lesion that a human drew.

    Raises
    ------
    InputError
        If the list cannot be read, or lacks one of them.
    """
    return measured_lesions(folder, measures).set_index(LABEL)[list(measures)].astype(float)
