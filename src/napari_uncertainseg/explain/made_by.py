"""The model and the scans that results were made from, found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.saved_results import SavedResults
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.ready_members import METHOD as READY
from napari_uncertainseg.inference.scans_of_model import check_modalities
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers

_NO_MODEL = "no model made these results, so that there is nothing to explain."
_OTHER_MODEL = "the model '{}' at hand is another than the one that made these results: {}"
_NOT_OPEN = "the {} that was segmented is not open, or is another scan now; open it, or segment again."


def results_in_memory(
    prediction: Prediction,
    scans: Mapping[str, Volume],
    threshold: float,
    min_volume: float,
    edit: np.ndarray | None = None,
) -> SavedResults:
    """What is in the window, as if it had been saved and read back.

    Parameters
    ----------
    prediction
        As the model made it.
    scans
        By modality; those that the prediction was not made from are left out.
    threshold, min_volume
        Of the lesions; the volume in mm3.
    edit
        What was painted, int8 on the prediction's grid; None where nothing was.
    """
    inputs = prediction.information.get("inputs") or {}
    same = {
        name: scan
        for name, scan in scans.items()
        if not inputs or inputs.get(name, {}).get("scan_sha256") == scan_sha256(scan)
    }
    numbers = LesionNumbers(prediction.grid.shape)
    return SavedResults(prediction, same, threshold, min_volume, (), edit, numbers, ())


def made_by_model(said: Mapping[str, Any]) -> bool:
    """Whether a model at hand can have made results: not where they came from maps."""
    return said.get("model_sha256") is not None and said.get("method") != READY


def model_of(where: str, said: Mapping[str, Any], names: Sequence[str | Path] = ()) -> Model:
    """The model that made results, by the first of several names that leads to it.

    Parameters
    ----------
    where
        Begins each error: a folder and a colon, or nothing.
    said
        What the results say of themselves.
    names
        Names or folders of models; that in the results if empty.

    Raises
    ------
    InputError
        If no model made the results, or none of the names leads to the one that did.
    """
    own = said.get("model")
    if not isinstance(own, str) or not made_by_model(said):
        raise InputError(_sentence(where, _NO_MODEL))
    problems = []
    for name in names or (own,):
        try:
            return _the_same(where, said, find_model(name))
        except InputError as error:
            problems.append(error)
    raise problems[0]


def _the_same(where: str, said: Mapping[str, Any], model: Model) -> Model:
    """A model, with the target of the results; InputError where it is another than the one that made them."""
    classes = said.get("target_classes")
    if classes and len(model.targets) > 1:
        chosen = model.with_target(classes)
        model = chosen if chosen.sha256 == said["model_sha256"] else model
    if model.sha256 != said["model_sha256"]:
        advice = "name that one with --model, or segment again." if where else "segment the scan again."
        raise InputError(_sentence(where, _OTHER_MODEL.format(model.name, advice)))
    return model


def scans_of(where: str, saved: SavedResults, model: Model) -> dict[str, Volume]:
    """The scans that the model reads, by modality: all of them those that were segmented.

    Raises
    ------
    InputError
        If one is missing. ``where`` begins the error, as in `model_of`.
    """
    inputs = saved.prediction.information.get("inputs") or {}
    lacking = [title_of(name) for name in inputs if name in model.modalities and name not in saved.scans]
    if lacking:
        if not where:
            raise InputError(_sentence(where, _NOT_OPEN.format(lacking[0])))
        why = " ".join(note for note in saved.notes if lacking[0] in note)
        raise InputError(f"{where}its {lacking[0]} cannot be read again. {why}".strip())
    images = {name: saved.scans[name] for name in model.modalities if name in saved.scans}
    check_modalities(images, model)
    return images


def _sentence(where: str, text: str) -> str:
    return f"{where}{text}" if where else text[0].upper() + text[1:]
