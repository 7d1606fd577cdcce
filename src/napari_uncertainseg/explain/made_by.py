"""The scans that results were made from, found again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.saved_results import SavedResults
from napari_uncertainseg.explain.maker import as_sentence
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.scans_of_model import check_modalities
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_numbers import LesionNumbers

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
            raise InputError(as_sentence(where, _NOT_OPEN.format(lacking[0])))
        why = " ".join(note for note in saved.notes if lacking[0] in note)
        raise InputError(f"{where}its {lacking[0]} cannot be read again. {why}".strip())
    images = {name: saved.scans[name] for name in model.modalities if name in saved.scans}
    check_modalities(images, model)
    return images
