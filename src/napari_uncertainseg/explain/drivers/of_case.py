"""The drivers of the lesions of a case in the window, with the model that shares are told by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.drivers.model import FILE, DoubtModel, DriversFile, load_drivers
from napari_uncertainseg.explain.drivers.of_results import drivers_of_lesions
from napari_uncertainseg.explain.drivers.reasons import CaseDrivers
from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import explain_doubt_within
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_WELL, _IN_PART = 0.5, 0.2
"""From which R2 on doubt is called explained well, and in part."""


def drivers_of_case(
    prediction: Prediction,
    lesions: Lesions,
    scans: Mapping[str, Volume],
    places: pd.DataFrame | None = None,
    *,
    measure: str = "doubt",
    progress: Progress = silent,
) -> CaseDrivers:
    """Measure the lesions under review, and choose the model that shares are told by.

    That is the one that lies with the model of the prediction (`FILE`), if it is of this very model and
    method; else one that is fitted on the lesions of this case, if there are enough and it tells them apart;
    else none. It takes seconds: run it as a job of the window, not in a signal.

    Parameters
    ----------
    prediction
        Of the case.
    lesions
        As ``Case.lesions``; their numbers are those of the answer.
    scans
        By modality, as ``Case.images``.
    places
        From `explain.place`, by the lesions' numbers; found here if None.
    measure
        The doubt that is explained, a column of ``lesions.table``.
    progress
        May raise ``Cancelled``.

    Raises
    ------
    InputError
        If a scan is of another head, or lies on another grid.
    """
    doubt = lesions.table.set_index("label")[measure]
    return drivers_of_labels(
        prediction, lesions.labels, doubt, scans, places, measure=measure, progress=progress
    )


def drivers_of_labels(
    prediction: Prediction,
    labels: np.ndarray,
    doubt: pd.Series,
    scans: Mapping[str, Volume],
    places: pd.DataFrame | None = None,
    *,
    measure: str = "doubt",
    progress: Progress = silent,
) -> CaseDrivers:
    """`drivers_of_case` of labels whose doubt is known otherwise, such as from a folder of results.

    Parameters
    ----------
    prediction, scans, places, measure, progress
        As there.
    labels
        Whole numbers on the prediction's grid.
    doubt
        By these numbers; NaN where the model says none.

    Raises
    ------
    InputError
        If a scan is of another head, or lies on another grid.
    """
    table = drivers_of_lesions(prediction, labels, scans, places, progress)
    doubt = doubt.reindex(table.index)
    said = find_drivers(prediction.information)
    if said is not None and measure in said.measures:
        model = said.measures[measure]
        return CaseDrivers(table, model, measure, basis_of(model), _drawn(doubt))
    progress("what doubt goes with in this case", 0.9)
    return drivers_of_one_case(table, doubt)


def find_drivers(information: Mapping[str, Any]) -> DriversFile | None:
    """The file of drivers that lies with the model of a prediction, if it is of that model and method."""
    name = information.get("model")
    if not isinstance(name, str):
        return None
    try:
        path = find_model(name).folder / FILE
        found = load_drivers(path) if path.is_file() else None
    except (InputError, OSError):  # a model that is gone, or a file that is none: nothing is told by it
        return None
    return found if found is not None and found.fits(information) else None


def basis_of(model: DoubtModel) -> str:
    """What shares by a fitted model rest on, and how far they can be trusted."""
    sources = f" from {len(model.sources)} sources" if model.sources else ""
    lesions = f"{model.lesions} lesions of {model.patients} patients{sources}"
    said = [
        f"Fitted on the doubt of networks of the same kind about {lesions}, whom they had not seen."
        if model.r2_sources is not None
        else f"Fitted on {lesions}."
    ]
    for name, value in (("patients", model.r2_patients), ("hospitals", model.r2_sources)):
        if value is not None:
            said.append(f"In {name} left out the drivers explain doubt {_how_well(value)} (R2 {value:.2f}).")
    said.append("Shares tell what doubt goes with, not what causes it.")
    return " ".join(said)


def _how_well(r2: float) -> str:
    return "well" if r2 >= _WELL else "in part" if r2 >= _IN_PART else "poorly" if r2 > 0 else "not at all"


def drivers_of_one_case(table: pd.DataFrame, doubt: pd.Series) -> CaseDrivers:
    """Shares by the lesions of the case alone, or facts without shares and the reason why.

    Parameters
    ----------
    table
        As `measure_drivers` makes it.
    doubt
        Of the same lesions; NaN where the model says none.
    """
    try:
        found = explain_doubt_within(table, doubt)
    except InputError as error:
        return CaseDrivers(table, None, "", f"There is no model of this doubt: facts, no shares. {error}")
    if not found.is_finding:
        why = "In this case doubt does not go with what is measured: facts, no shares."
        return CaseDrivers(table, None, "", why)
    r2 = found.r2[0]
    basis = (
        f"Fitted on the {found.lesions} lesions of this case alone; of those left out the drivers explain "
        f"doubt {_how_well(r2)} (R2 {r2:.2f}). It need not hold in other patients."
    )
    return CaseDrivers(table, found.model, found.measure, basis, _drawn(doubt))


def _drawn(doubt: pd.Series) -> frozenset[int]:
    """Numbers of the lesions without a doubt of the model."""
    return frozenset(int(str(number)) for number in doubt.index[doubt.isna()])
