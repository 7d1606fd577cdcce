"""Radiomics of the lesions in a folder of results, from the scans that it was made of and from other maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._checks import as_mask, as_numbers, check_same_shape
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.explain.radiomics.features import LABEL, lesion_radiomics
from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels
from napari_uncertainseg.images.files import check_beside, read_image, read_labels

SCALE = 100.0
"""What one standard deviation in the brain becomes, so that the usual bin width of 25 is a quarter of it."""


def standardised(image: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """An image in hundredths of its standard deviation in the brain, the mean there being 0.

    Intensities of MRI have no unit, so that a bin width means nothing without this.

    Parameters
    ----------
    image
        Real numbers, any shape.
    brain
        Mask of the same shape.

    Returns
    -------
    np.ndarray
        float64; all 0 where the image is constant in the brain.

    Raises
    ------
    InputError
        If the shapes differ, the brain is empty, or the image is not finite in it.
    """
    image, brain = as_numbers(image, "The image", unknown=True), as_mask(brain, "The brain mask")
    check_same_shape("The image", image.shape, "the brain mask", brain.shape)
    inside = image[brain].astype(float)
    if not len(inside) or not np.isfinite(inside).all():
        raise InputError("The image holds no numbers in the brain, or NaN; it cannot be standardised.")
    deviation = inside.std()
    if not deviation > 0:
        return np.zeros(image.shape)
    return np.asarray((image - inside.mean()) / deviation * SCALE)


def radiomics_of_results(
    folder: Path,
    images: Sequence[str] = ("flair",),
    maps: Mapping[str, Path] | None = None,
    *,
    levels: GreyLevels | None = None,
    margin: int = 0,
) -> pd.DataFrame:
    """The 93 features of each lesion in a folder of results, for one or more images.

    Parameters
    ----------
    folder
        That `segment` wrote.
    images
        Scans that it was made of, by modality.
    maps
        Other images on the same grid, by name, such as a saliency with a sign.
    levels, margin
        As for `lesion_radiomics`. All images are standardised in the brain first.

    Returns
    -------
    pandas.DataFrame
        A row for each lesion: ``label``, and for each image its name before each feature, such as
        ``flair_glcm_Contrast``.

    Raises
    ------
    InputError
        If the folder cannot be read, a scan has moved or changed, or a scan or map does not lie on the grid.
    """
    results = read_saved_results(folder)
    grid, brain = results.prediction.grid, results.prediction.brain
    labels = read_labels(result_file(folder, "lesions"), grid).data
    values: dict[str, np.ndarray] = {}
    for name in images:
        if name not in results.scans:
            why = "; ".join(note for note in results.notes if note) or "they were made without it"
            raise InputError(f"{folder}: there is no scan '{name}' to measure ({why}).")
        if not results.scans[name].grid.same_as(grid, tolerance=1e-2):
            raise InputError(f"{folder}: the scan '{name}' does not lie on the grid of the lesions.")
        values[name] = results.scans[name].data
    for name, path in (maps or {}).items():
        beside = read_image(path)
        check_beside(path, beside.grid, folder, grid)
        values[name] = beside.data
    if not values:
        raise InputError("Name an image to measure: a scan or a map.")
    return radiomics_of_images(values, brain, labels, grid.spacing, levels=levels, margin=margin)


def radiomics_of_images(
    images: Mapping[str, np.ndarray],
    brain: np.ndarray,
    labels: np.ndarray,
    spacing: Sequence[float],
    *,
    levels: GreyLevels | None = None,
    margin: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """The 93 features of each lesion, for one or more images.

    Parameters
    ----------
    images
        3-D, by name; each is standardised in the brain first.
    brain
        Mask of their shape.
    labels
        Lesions, whole numbers of their shape.
    spacing
        Size of a voxel, mm.
    levels, margin, progress
        As for `lesion_radiomics`.

    Returns
    -------
    pandas.DataFrame
        As of `radiomics_of_results`.

    Raises
    ------
    InputError
        If shapes differ, or an image is not finite in the brain.
    """
    tables = {
        name: lesion_radiomics(
            standardised(image, brain),
            labels,
            spacing=spacing,
            levels=levels,
            margin=margin,
            progress=progress,
        )
        for name, image in images.items()
    }
    numbers = next(iter(tables.values()))[[LABEL]]
    features = [own.drop(columns=LABEL).add_prefix(f"{name}_") for name, own in tables.items()]
    return pd.concat([numbers, *features], axis=1)
