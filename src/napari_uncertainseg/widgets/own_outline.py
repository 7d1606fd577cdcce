"""A label layer on which an annotator in training outlines lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

from napari_uncertainseg._base import InputError
from napari_uncertainseg.widgets.placing import Placing

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "your outline"
_BRUSH = 3


class OwnOutline:
    """An empty layer over the scan, ready to be painted on; it stays the user's own.

    Parameters
    ----------
    viewer
        Where it is shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None

    def begin(self, placing: Placing) -> None:
        """Add a new one, selected, with the brush in hand."""
        empty = placing.array(np.zeros(placing.grid.shape, np.uint8))
        # Without our metadata it is one of the user's own layers, and may be chosen as a reference.
        layer = Labels(np.array(empty), name=NAME, opacity=0.5, **placing.options)
        layer.brush_size = _BRUSH
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"
        self._layer = layer

    def array(self, placing: Placing) -> np.ndarray:
        """What was painted, integers on the grid.

        Raises
        ------
        InputError
            If the layer has gone.
        """
        if self._layer is None or self._layer not in self._viewer.layers:
            raise InputError(f"The layer {NAME!r} has gone: begin again.")
        drawn = placing.drawn_over(self._layer)
        if drawn is None:
            raise InputError(f"The layer {NAME!r} was moved: it does not lie over the scan any more.")
        return np.asarray(drawn)
