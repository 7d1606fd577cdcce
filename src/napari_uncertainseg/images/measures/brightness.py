"""Values of scans and maps in a region that was drawn on one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_uncertainseg.images.measures.shapes import to_patient
from napari_uncertainseg.images.volume import Grid

SCANNER = "scanner units"
"""Unit of a scan's brightness: it means nothing beyond the scan."""


@dataclass(frozen=True)
class Values:
    """What an image has in a region.

    Attributes
    ----------
    image, unit
        What it is called, and the unit of its values; empty where they have none.
    voxels
        So many of the region's voxels have a value there.
    missing
        So many have none: they lie outside the image, or are no finite number.
    mean, sd, minimum, maximum
        Of those with a value; NaN where there is none. The standard deviation is that of a sample (divided by
        n - 1), and NaN for one voxel.
    interpolated
        Whether the image lies on another grid: its values are then linear interpolations at the centres of
        the region's voxels, at the same place in the patient by both headers.
    """

    image: str
    unit: str
    voxels: int
    missing: int
    mean: float
    sd: float
    minimum: float
    maximum: float
    interpolated: bool = False


def measure(
    voxels: np.ndarray, grid: Grid, image: str, data: np.ndarray, data_grid: Grid, unit: str = SCANNER
) -> Values:
    """Values of an image in a region.

    Parameters
    ----------
    voxels
        Shape (n, 3), whole numbers: the region's voxels on `grid`.
    grid
        On which the region was drawn.
    image, unit
        Name and unit for the result.
    data, data_grid
        The image, any real dtype or bool, and where it lies.
    """
    same = data_grid.same_as(grid)
    found = data[tuple(voxels.T)] if same and len(voxels) else _at(to_patient(voxels, grid), data, data_grid)
    values = np.asarray(found, np.float64)
    values = values[np.isfinite(values)]
    n, missing = int(values.size), int(len(voxels) - values.size)
    if n == 0:
        return Values(image, unit, 0, missing, *(float("nan"),) * 4, not same)
    sd = float(values.std(ddof=1)) if n > 1 else float("nan")
    low, high = float(values.min()), float(values.max())
    return Values(image, unit, n, missing, float(values.mean()), sd, low, high, not same)


def _at(places: np.ndarray, data: np.ndarray, grid: Grid) -> np.ndarray:
    """Values at places in the patient (RAS mm), NaN outside the voxels; the outer half voxel is continued."""
    if not len(places):
        return np.empty(0)
    inverse = np.linalg.inv(grid.affine)
    where = places @ inverse[:3, :3].T + inverse[:3, 3]
    last = np.array(grid.shape) - 1
    inside = ((where >= -0.5) & (where <= last + 0.5)).all(axis=1)
    found = np.full(len(places), np.nan)
    if inside.any():
        near = np.clip(where[inside], 0, last)
        low, high = np.floor(near.min(axis=0)).astype(int), np.ceil(near.max(axis=0)).astype(int) + 1
        part = np.asarray(data[tuple(map(slice, low, high))], np.float64)
        found[inside] = ndimage.map_coordinates(part, (near - low).T, order=1, mode="nearest")
    return found
