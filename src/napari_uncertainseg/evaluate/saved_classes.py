"""What a folder of results holds of each class of a model with several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg._checks import as_probabilities
from napari_uncertainseg.disk import result_folder as results
from napari_uncertainseg.images.files import ConstantImage, read_image, read_labels
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.prediction.classes import Classes


def read_map(path: Path) -> tuple[np.ndarray, Grid]:
    """A map, float32, and its grid; a map in which nothing is found is one too."""
    try:
        volume = read_image(path)
    except ConstantImage:
        volume = read_labels(path)
    return np.ascontiguousarray(volume.data, np.float32), volume.grid


def read_classes(folder: Path, grid: Grid) -> Classes | None:
    """Probability and doubt of each class; None where the model has not several, or they were not kept.

    Parameters
    ----------
    folder
        Of results.
    grid
        Of the scan.

    Raises
    ------
    InputError
        If a file was changed, is missing or does not lie on the grid.
    """
    if not (folder / results.CLASS_TABLE).is_file():
        return None
    results.check_written(folder, results.CLASS_TABLE)
    names, target = _names(folder, results.load_summary(folder))
    inside = read_labels(results.result_file(folder, "brain.nii.gz"), grid).data > 0
    if not inside.any():
        return None
    box = bounding_box(inside)

    def within(name: str) -> np.ndarray:
        array, own = read_map(results.result_file(folder, name))
        if not own.same_as(grid, tolerance=1e-2):
            raise InputError(f"{folder / name} does not lie on the grid of the probability beside it.")
        return array[box]

    probability = np.stack([within(results.class_map(n)).astype(np.float16) for n in range(len(names))])
    doubts = (results.CLASS_ENTROPY, results.CLASS_MUTUAL_INFORMATION)
    shared = (folder / doubts[0]).is_file()
    return Classes(
        names,
        target,
        box,
        inside[box],
        as_probabilities(probability, f"{folder}: the probabilities of the classes"),
        within(doubts[0]) if shared else None,
        within(doubts[1]) if shared else None,
    )


def _names(folder: Path, said: dict[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the classes, and numbers of those that are the target, as the summary has them."""
    names, chosen = said.get("classes"), said.get("target_classes")
    if (
        not isinstance(names, list)
        or not isinstance(chosen, list)
        or not all(isinstance(name, str) for name in names)
        or not 1 < len(names) <= results.MOST_CLASSES
    ):
        raise InputError(f"{folder / results.SUMMARY}: 'classes' is not as this program writes it.")
    return tuple(names), tuple(number for number, name in enumerate(names) if name in chosen)
