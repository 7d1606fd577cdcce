"""A scan on the grid that all scans of an audit share: as it is, cut to the brain, and only its reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.preparation.normalise import MOST, UNIT, tissue_scale
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid, Volume

SHAPE = (192, 240, 192)
"""Voxels of 1 mm along (s, a, r): a head, without the face of some."""
NOTHING = -1 / UNIT
"""What shows no signal, such as air, and what is not in the scan, or was removed."""
LESION = 2.0
"""The reference as an image: its voxels; 0 elsewhere, as tissue has."""


@dataclass(frozen=True, eq=False)
class OnCommonGrid:
    """One scan on the common grid, whose middle is that of the brain.

    Attributes
    ----------
    image
        float32: the whole scan. 0 is the brightness of the brain's tissue, one unit 0.3 of it, as networks
        read a FLAIR; but nothing is removed. What lies outside the scan is `NOTHING`.
    brain
        bool.
    mask
        float32: the reference; None where there is none.
    """

    image: np.ndarray
    brain: np.ndarray
    mask: np.ndarray | None

    @property
    def cropped(self) -> np.ndarray:
        """The image with `NOTHING` outside the brain, and the very same values inside."""
        return np.where(self.brain, self.image, np.float32(NOTHING))


def on_common_grid(
    scan: Volume,
    brain: np.ndarray,
    reference: np.ndarray | None = None,
    shape: tuple[int, int, int] = SHAPE,
) -> OnCommonGrid:
    """Bring a scan onto the common grid.

    It is measured by the brain's tissue: how bright it is outside has no influence on values inside, so that
    cutting to the brain changes what is outside and nothing else. (Only whether somebody shifted the scan's
    zero is told by whether anything around the brain is dark, as `normalise` does.)

    Parameters
    ----------
    scan
        FLAIR; finite.
    brain, reference
        bool, on the scan's grid.
    shape
        Of the common grid.

    Raises
    ------
    InputError
        If there is no brain, or the scan has no contrast in it.
    """
    if not brain.any():
        raise InputError("The brain mask is empty: there is no brain to look at.")
    level, unit = tissue_scale(scan.data, brain)
    grid = _grid_about(brain, scan.grid, shape)
    above = np.clip((scan.data - np.float32(level)) / np.float32(unit), NOTHING, MOST) - NOTHING
    image = _moved(above.astype(np.float32), scan.grid, grid) + np.float32(NOTHING)
    inside = _moved(brain.astype(np.float32), scan.grid, grid) >= 0.5
    mask = None if reference is None else LESION * _moved(reference.astype(np.float32), scan.grid, grid)
    return OnCommonGrid(image, inside, mask)


def _moved(data: np.ndarray, grid: Grid, onto: Grid) -> np.ndarray:
    return np.asarray(resample_to(Volume(data, grid, ""), onto), np.float32)


def _grid_about(brain: np.ndarray, grid: Grid, shape: tuple[int, int, int]) -> Grid:
    """Cubes of 1 mm along the axes of RAS space, about the mean place of the brain's voxels."""
    middle = [
        float(np.average(np.arange(size), weights=brain.sum(tuple(a for a in range(3) if a != axis))))
        for axis, size in enumerate(brain.shape)
    ]
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1]
    affine[:3, 3] = (grid.affine @ [*middle, 1.0])[:3] - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)
