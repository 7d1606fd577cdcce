"""What a label layer of the user's holds, on the prediction's grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.scans.volumes import volume_of

if TYPE_CHECKING:
    from napari_uncertainseg.images.volume import Grid
    from napari_uncertainseg.widgets.scans.placement import Placement


def labels_on_grid(layer: Layer, grid: Grid | None, placing: Placement | None) -> np.ndarray:
    """Numbers of a label layer in canonical order.

    Parameters
    ----------
    layer
        Of labels.
    grid
        Of the prediction; None where there is none.
    placing
        Where its results are drawn.

    Raises
    ------
    InputError
        If there is no prediction, or the layer lies on another grid.
    """
    if grid is None:
        raise InputError("There is no prediction yet; press Run in Segment first.")
    drawn = None if placing is None else placing.drawn_over(layer)
    if drawn is not None:
        return drawn
    volume = volume_of(layer)
    if not volume.grid.same_as(grid):
        raise InputError(
            f"Layer {layer.name!r} ({_size(volume.grid.shape)} voxels) does not lie on the grid of the scan"
            f" ({_size(grid.shape)} voxels); resample it onto the FLAIR first."
        )
    return np.asarray(volume.data)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
