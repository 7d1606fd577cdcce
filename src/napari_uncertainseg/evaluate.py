"""What `segment` wrote, against a reference and against raters."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.export import SUMMARY
from napari_uncertainseg.images.files import read_image, read_labels, replaced_file
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import voxels_of
from napari_uncertainseg.lesions.matching import detections, dice


@dataclass(frozen=True)
class Agreement:
    """A segmentation and its probabilities against one mask.

    Attributes
    ----------
    dice
        Dice coefficient of the lesion masks, 0 to 1; 1 where both are empty.
    lesion_f1, lesion_precision, lesion_recall
        Over lesions (26-connected, at least 3 mm3); one voxel in common counts as found. NaN where nothing
        is there to be counted.
    lesions_found, lesions_missed, lesions_invented
        The counts behind them.
    volume_ml, reference_ml
        Volume of the segmentation and of the mask.
    volume_difference_ml
        Segmentation minus mask.
    ece, ace, mce
        Calibration errors of the lesion probability over the brain's voxels, 20 bins: expected
        (weighted by voxels), average (each bin alike) and maximal.
    """

    dice: float
    lesion_f1: float
    lesion_precision: float
    lesion_recall: float
    lesions_found: int
    lesions_missed: int
    lesions_invented: int
    volume_ml: float
    reference_ml: float
    volume_difference_ml: float
    ece: float
    ace: float
    mce: float


@dataclass(frozen=True)
class Evaluation:
    """A folder of results against a reference and raters.

    Attributes
    ----------
    folder
        What was evaluated.
    reference
        Against the reference.
    raters
        Against each rater, by name.
    between
        Dice between each two of the masks, the reference among them, by their names.
    """

    folder: Path
    reference: Agreement
    raters: dict[str, Agreement]
    between: dict[tuple[str, str], float]

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable; what could not be computed is None."""
        return {
            "folder": str(self.folder),
            "reference": _plain(self.reference),
            "raters": {name: _plain(agreement) for name, agreement in self.raters.items()},
            "dice_between": [{"masks": list(pair), "dice": value} for pair, value in self.between.items()],
        }


def agreement(
    probability: np.ndarray,
    lesions: np.ndarray,
    mask: np.ndarray,
    *,
    brain: np.ndarray,
    grid: Grid,
    min_volume: float = 3.0,
) -> Agreement:
    """Compare a segmentation with a mask.

    Parameters
    ----------
    probability
        Lesion probability, shape ``grid.shape``.
    lesions
        Labels of the segmentation's lesions, 0 elsewhere.
    mask
        Label image, nonzero is lesion.
    brain
        Calibration is judged where this is true.
    grid
        On which all of them lie.
    min_volume
        Smaller lesions of the mask are neither found nor missed, mm3.
    """
    truth = mask != 0
    found = detections(lesions, truth, min_voxels=voxels_of(min_volume, grid.voxel_volume))
    curve = reliability(probability, truth, region=brain)
    ml = grid.voxel_volume / 1000
    volume, reference_ml = np.count_nonzero(lesions) * ml, np.count_nonzero(truth) * ml
    return Agreement(
        dice=dice(lesions, truth),
        lesion_f1=found.f1,
        lesion_precision=found.precision,
        lesion_recall=found.recall,
        lesions_found=found.tp,
        lesions_missed=found.fn,
        lesions_invented=found.fp,
        volume_ml=volume,
        reference_ml=reference_ml,
        volume_difference_ml=volume - reference_ml,
        ece=curve.ece,
        ace=curve.ace,
        mce=curve.mce,
    )


def evaluate_folder(folder: Path, reference: Path, raters: Sequence[Path] = ()) -> Evaluation:
    """Compare what `segment` wrote into a folder with a reference and with raters.

    Parameters
    ----------
    folder
        Holds ``probability.nii.gz``, ``lesions.nii.gz``, ``brain.nii.gz`` and, as a sign that they
        belong together, ``summary.json``.
    reference, raters
        Label images on the scan's grid, nonzero is lesion.

    Raises
    ------
    InputError
        If a file is missing or does not lie on the grid of the results, or if writing the results
        was cut short.
    """
    folder = Path(folder)
    _check_complete(folder)
    probability = read_image(_result(folder, "probability"))
    grid = probability.grid
    lesions = read_labels(_result(folder, "lesions"), grid).data
    brain = read_labels(_result(folder, "brain"), grid).data != 0
    masks = {"reference": read_labels(reference, grid).data}
    for name, path in zip(_names(raters), raters, strict=True):
        masks[name] = read_labels(path, grid).data
    compared = {
        name: agreement(probability.data, lesions, mask, brain=brain, grid=grid)
        for name, mask in masks.items()
    }
    return Evaluation(folder, compared.pop("reference"), compared, _between(masks))


def write_json(evaluation: Evaluation, path: Path) -> None:
    """Write an evaluation; an existing file is replaced whole or not at all."""
    text = json.dumps(evaluation.as_json(), indent=2, allow_nan=False)
    with replaced_file(path) as file:
        file.write(f"{text}\n".encode())


def _check_complete(folder: Path) -> None:
    """Refuse a folder in which files of two runs may be mixed: the summary is written last."""
    if (folder / "probability.nii.gz").is_file() and not (folder / SUMMARY).is_file():
        raise InputError(
            f"{folder}: there is no {SUMMARY}, so writing these results was cut short; run "
            "`uncertainseg segment` with --overwrite again."
        )


def _result(folder: Path, name: str) -> Path:
    path = folder / f"{name}.nii.gz"
    if not path.is_file():
        raise InputError(
            f"{folder}: there is no {path.name}; give a folder that `uncertainseg segment` wrote."
        )
    return path


def _names(raters: Sequence[Path]) -> list[str]:
    """File names where they tell the raters apart, else numbers."""
    names = [path.name.removesuffix(".gz").removesuffix(".nii") for path in raters]
    clash = len(set(names)) < len(names) or "reference" in names
    return [f"rater {i}" for i in range(1, len(raters) + 1)] if clash else names


def _between(masks: dict[str, np.ndarray]) -> dict[tuple[str, str], float]:
    names = list(masks)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return {(a, b): dice(masks[a], masks[b]) for a, b in pairs}


def _plain(agreement: Agreement) -> dict[str, float | int | None]:
    return {key: None if math.isnan(value) else value for key, value in asdict(agreement).items()}
