"""Probability maps that another program wrote, on the grid of the scan that they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities
from napari_uncertainseg.images.files import difference, grid_of
from napari_uncertainseg.images.formats import formats
from napari_uncertainseg.images.nnunet_probabilities import SUFFIX, one_saved_map, read_saved_probabilities
from napari_uncertainseg.images.volume import Grid, Volume

_TOLERANCE = 1e-2
"""Millimetres by which affines may differ, as with label images."""


def read_probabilities(path: str | Path, scan: Volume) -> np.ndarray:
    """Read the map of one member.

    Parameters
    ----------
    path
        An image with numbers from 0 to 1, in whatever axis order its file has; or what nnU-Net's
        ``--save_probabilities`` wrote, a ``.npz`` or the folder that holds it.
    scan
        That it is of: the map must lie on its grid.

    Returns
    -------
    numpy.ndarray
        float32, of the scan's shape, in canonical (s, a, r) order.

    Raises
    ------
    InputError
        If it cannot be read, holds other numbers, or does not lie on the grid.
    """
    path = Path(path)
    if path.is_dir() and list(path.glob(f"*{SUFFIX}")):
        path = one_saved_map(path, scan)
    if path.suffix == SUFFIX:
        return read_saved_probabilities(path, scan.grid)
    stored = formats.load(path)
    grid = grid_of(path, stored.array.shape, stored.affine)
    check_grid(path, grid, scan.grid)
    values = as_probabilities(stored.array, f"{path}: the values")
    return np.ascontiguousarray(grid.to_canonical(values), np.float32)


def check_grid(path: Path, grid: Grid, wanted: Grid) -> None:
    """Refuse a map that lies elsewhere than the scan."""
    if not grid.same_as(wanted, tolerance=_TOLERANCE):
        raise InputError(f"{path}: the map does not lie on the scan's grid: {difference(grid, wanted)}.")
