"""All 93 features of each lesion of a label map.

Names, definitions and settings are those of pyradiomics 3 (van Griethuysen et al., Cancer Research 77:e104,
2017): 13 directions at distance 1, symmetrical GLCM, features averaged over the directions, a dependence of
equal grey levels. They follow IBSI (Zwanenburg et al., arXiv 1612.07003); where not, `docs/radiomics.md`
says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg._checks import as_labels, as_numbers, check_dimensions, check_same_shape
from napari_uncertainseg.explain.radiomics import pairs, sizes
from napari_uncertainseg.explain.radiomics.first_order import first_order
from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels
from napari_uncertainseg.explain.radiomics.neighbourhood import Voxels
from napari_uncertainseg.explain.radiomics.tone_differences import tone_features

_FIRST_ORDER = tuple(first_order(np.zeros(1), np.ones(1), 1.0))
_TONES = ("Busyness", "Coarseness", "Complexity", "Contrast", "Strength")
CLASSES: Mapping[str, Sequence[str]] = {
    "firstorder": _FIRST_ORDER,
    "glcm": pairs.NAMES,
    "glrlm": tuple(sizes.RUNS),
    "glszm": tuple(sizes.ZONES),
    "gldm": tuple(sizes.DEPENDENCES),
    "ngtdm": _TONES,
}
"""Names of the features of each class, as pyradiomics has them."""
FEATURE_NAMES = tuple(f"{group}_{name}" for group, names in CLASSES.items() for name in names)
"""All 93, such as ``glcm_Contrast``."""
LABEL = "label"
"""The column with the lesion's number in the label map."""


def lesion_radiomics(
    image: np.ndarray,
    labels: np.ndarray,
    *,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    levels: GreyLevels | None = None,
    margin: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Measure the 93 features of an image in each lesion.

    Parameters
    ----------
    image
        Real numbers of any type, 3-D: an intensity, or a map with a sign such as a saliency. What lies
        outside of lesions is never looked at.
    labels
        The same shape, whole numbers; 0 is no lesion. Lesions may be in several pieces.
    spacing
        Size of a voxel, mm: only the total energy depends on it.
    levels
        How values become grey levels; by default bins of a width of 25, as in pyradiomics.
    margin
        By how many voxels each lesion is made larger in every direction, before its values are taken; voxels
        of another lesion stay with that one. Where two grow into one voxel, the larger label has it. The
        published refinement (arXiv 2409.03772) has 2.
    progress
        Called before each lesion; what it raises ends the work.

    Returns
    -------
    pandas.DataFrame
        A row for each lesion, in the order of their labels: ``label``, then `FEATURE_NAMES`. Features of
        pairs and of runs are NaN where no two voxels lie beside each other or in one line.

    Raises
    ------
    InputError
        If the shapes differ, the image is not 3-D, a value in a lesion is NaN or infinite, or the bins are
        too narrow.
    """
    numbers, voxels = _voxels_of_lesions(image, labels, margin)
    voxel_mm3 = float(np.prod([float(s) for s in spacing]))
    rows: list[tuple[float, ...]] = []
    for values, where in voxels:
        progress("features of lesions", len(rows) / len(numbers))
        rows.append(_features(values, where, voxel_mm3, levels or GreyLevels()))
    table = pd.DataFrame(rows, columns=list(FEATURE_NAMES), dtype=float)
    table.insert(0, LABEL, numbers.astype(np.int64))
    return table


def _voxels_of_lesions(
    image: np.ndarray, labels: np.ndarray, margin: int
) -> tuple[np.ndarray, Iterator[tuple[np.ndarray, np.ndarray]]]:
    """The labels that there are, and of each its values in the image, float64 (n,), and where, (n, 3)."""
    image = as_numbers(image, "The image", unknown=True)
    labels = as_labels(labels)
    check_dimensions("The image", image)
    check_same_shape("The image", image.shape, "the label image", labels.shape)
    grown = _grown(labels, margin)
    where = np.argwhere(grown)
    label, values = grown[tuple(where.T)], image[tuple(where.T)].astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("The image holds NaN or infinite values in a lesion; radiomics needs numbers there.")
    order = np.argsort(label, kind="stable")
    numbers, begins = np.unique(label[order], return_index=True)
    return numbers, ((values[own], where[own]) for own in np.split(order, begins[1:]) if len(own))


def _grown(labels: np.ndarray, margin: int) -> np.ndarray:
    if margin < 0:
        raise InputError(f"A margin is a number of voxels from 0 up, not {margin}.")
    if margin == 0:
        return labels
    larger = ndimage.maximum_filter(labels, size=2 * margin + 1, mode="constant")
    return np.where(labels > 0, labels, larger)


def _features(
    values: np.ndarray, where: np.ndarray, voxel_mm3: float, levels: GreyLevels
) -> tuple[float, ...]:
    """Those of one lesion, in the order of `FEATURE_NAMES`."""
    voxels = Voxels(where, levels.of(values))
    shares = np.bincount(voxels.code) / len(values)
    found = {
        "firstorder": first_order(values, shares, voxel_mm3),
        "glcm": pairs.pair_features(voxels),
        "glrlm": sizes.size_features(sizes.run_matrices(voxels), voxels.levels, sizes.RUNS),
        "glszm": sizes.size_features(sizes.zone_matrix(voxels), voxels.levels, sizes.ZONES),
        "gldm": sizes.size_features(sizes.dependence_matrix(voxels), voxels.levels, sizes.DEPENDENCES),
        "ngtdm": tone_features(voxels),
    }
    return tuple(float(found[group][name]) for group, names in CLASSES.items() for name in names)
