"""A refinement that is kept for a model, beside the user's models; none comes with the program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.calibration_record import record_path
from napari_uncertainseg.evaluate.listed_cases import read_cases
from napari_uncertainseg.evaluate.written_results import read_summary
from napari_uncertainseg.explain.radiomics.features import LABEL
from napari_uncertainseg.explain.radiomics.of_results import radiomics_of_images
from napari_uncertainseg.explain.refinement.model import (
    CUT_OFF,
    KEPT,
    P_TRUE,
    Maker,
    Refinement,
    load_refinement,
    save_refinement,
)
from napari_uncertainseg.explain.refinement.of_results import JudgedLesions, check_left_out
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.late_columns import KeptValues
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn

_FOLDER = "refinement"
_SAME = 1e-6
"""Thresholds that differ by less are one."""


def one_maker(cases: Path) -> Maker:
    """Whose lesions the cases of a table are.

    Parameters
    ----------
    cases
        As of `read_judged_lesions`.

    Raises
    ------
    InputError
        If they are of several models, methods or sorts of scans, or do not say of which.
    """
    folders = [case.folder for case in read_cases(cases)]
    makers = [_maker(folder) for folder in folders]
    for folder, maker in zip(folders, makers, strict=True):
        if maker.model_copy(update={"thresholds": makers[0].thresholds}) != makers[0]:
            raise InputError(
                f"A refinement is kept for one model, method and set of scans, and {folders[0]} and {folder} "
                "differ: give --out alone."
            )
    thresholds = [maker.thresholds[0] for maker in makers]
    return makers[0].model_copy(update={"thresholds": (min(thresholds), max(thresholds))})


def _maker(folder: Path) -> Maker:
    said = read_summary(folder)
    if not (said.model and said.model_sha256 and said.method):
        raise InputError(f"{folder} does not say which model outlined its lesions: give --out alone.")
    return Maker(
        model=said.model,
        model_sha256=said.model_sha256,
        method=said.method,
        inputs=tuple(sorted(said.inputs)),
        thresholds=(said.threshold, said.threshold),
    )


def keep_with_model(refinement: Refinement, judged: JudgedLesions, maker: Maker) -> Path:
    """Write a refinement to where `kept_refinement` looks, with what it did on patients left out.

    Parameters
    ----------
    refinement
        That was fitted on folders of results.
    judged
        What it was fitted on.
    maker
        Of these lesions.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        gain = check_left_out(judged, "patient").measures["F1"][2]
        known = tuple(map(float, gain)) if np.isfinite(gain).all() else None
    except InputError:  # too few patients: then it is not known
        known = None
    path = record_path(maker.model_sha256, maker.method, _FOLDER)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_refinement(refinement.model_copy(update={"maker": maker.model_copy(update={"gain": known})}), path)
    return path


def kept_refinement(information: Mapping[str, Any], threshold: float) -> Refinement | None:
    """The refinement for a prediction's model and method; None where there is none.

    Parameters
    ----------
    information
        Of the prediction.
    threshold
        At which the lesions are outlined.

    Raises
    ------
    InputError
        If there is one that cannot be read, or it was learned from other scans, at other
        thresholds or of another model.
    """
    model, method = information.get("model_sha256"), information.get("method")
    if not isinstance(model, str) or not isinstance(method, str):
        return None
    path = record_path(model, method, _FOLDER)
    if not path.is_file():
        return None
    found = load_refinement(path)
    maker = found.maker
    if maker is None or (maker.model_sha256, maker.method) != (model, method):
        raise InputError(f"{path} is the refinement of another model: delete it and fit it again.")
    if information.get("recalibration") is not None:
        raise InputError(
            "The refinement was fitted on the model's own probabilities, and these are recalibrated."
        )
    inputs = tuple(sorted(information.get("inputs") or ()))
    if inputs != maker.inputs:
        theirs, ours = " + ".join(maker.inputs), " + ".join(inputs) or "unknown scans"
        raise InputError(f"The refinement was fitted on cases with {theirs}; this one has {ours}.")
    low, high = maker.thresholds
    if not low - _SAME <= threshold <= high + _SAME:
        learned = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        raise InputError(
            f"The refinement was fitted at a threshold of {learned}; this list is at {threshold:g}."
        )
    return found


def refined_column(
    prediction: Prediction,
    labels: np.ndarray,
    threshold: float,
    scans: Mapping[str, Volume],
    progress: Progress = silent,
) -> KeptValues | None:
    """The refined p of the lesions in the window, by the refinement that is kept for their model.

    Parameters
    ----------
    prediction, labels, scans, progress
        As of `refined_in_memory`.
    threshold
        At which the lesions are outlined.

    Returns
    -------
    KeptValues or None
        None where no refinement is kept.

    Raises
    ------
    InputError
        As `kept_refinement` and `refined_in_memory`.
    """
    refinement = kept_refinement(prediction.information, threshold)
    if refinement is None:
        return None
    table = refined_in_memory(refinement, prediction, labels, scans, progress)
    return KeptValues({P_TRUE: _column(refinement)}, labels, table.set_index(LABEL)[[P_TRUE]])


def _column(refinement: Refinement) -> MeasureColumn:
    gain = refinement.maker.gain if refinement.maker else None
    if gain is None:
        checked = "What it does for patients that it has not seen is not known."
    else:
        low, high = gain[1:]
        verdict = "it helps" if low > 0 else "it does harm" if high < 0 else "whether it helps cannot be told"
        checked = (
            f"On patients left out F1 changed by {gain[0]:+.3f} ({low:+.3f} to {high:+.3f}): {verdict}. "
            "In another hospital it may do harm."
        )
    return MeasureColumn(
        "Real, by your cases",
        "",
        "How probable it is that the lesion is real, by the refinement that you fitted on "
        f"{refinement.lesions} lesions of your own cases (`uncertainseg refine`). {checked} "
        "No lesion is deleted by it.",
    )


def refined_in_memory(
    refinement: Refinement,
    prediction: Prediction,
    labels: np.ndarray,
    scans: Mapping[str, Volume],
    progress: Progress = silent,
) -> pd.DataFrame:
    """What a refinement says of the lesions in the window.

    Parameters
    ----------
    refinement
        From `kept_refinement`.
    prediction
        Of the case.
    labels
        Its lesions, whole numbers on its grid; 0 is none.
    scans
        Those that were segmented, by modality, on that grid.
    progress
        Called before each lesion; what it raises ends the work.

    Returns
    -------
    pandas.DataFrame
        As of `refined_lesions`.

    Raises
    ------
    InputError
        If it goes by an image that is not there, such as a saliency map, or lies on another grid.
    """
    measuring = refinement.measuring
    lacking = [name for name in measuring.images if name not in scans] if measuring else ["table"]
    if lacking or measuring is None:
        raise InputError(f"The refinement needs '{lacking[0]}', which is not open here.")
    for name in measuring.images:
        if not scans[name].grid.same_as(prediction.grid, tolerance=1e-2):
            raise InputError(f"The refinement needs '{name}', which does not lie on the grid of the lesions.")
    images = {name: scans[name].data for name in measuring.images}
    rows = radiomics_of_images(
        images,
        prediction.brain,
        labels,
        prediction.grid.spacing,
        levels=measuring.levels,
        margin=measuring.margin,
        progress=progress,
    )
    said = refinement.probability(rows)
    return pd.DataFrame({LABEL: rows[LABEL], P_TRUE: said, KEPT: np.asarray(said >= CUT_OFF)})
