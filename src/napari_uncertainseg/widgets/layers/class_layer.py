"""One map of a model's classes over the scan: the probability of a class, or the doubt among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_uncertainseg.voxel_maps import Display, VoxelMap
from napari_uncertainseg.widgets.layers.colours import map_options, place_colour_bar, top_of
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.widgets.scans.placement import Placement


class ClassLayer:
    """Shows one map at a time; the next one takes its place."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Image | None = None

    @property
    def layer(self) -> Image | None:
        """The layer; None where there is none, or the user has removed it."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(self, name: str, array: np.ndarray, largest: float, unit: str, placing: Placement) -> None:
        """Show a map.

        Parameters
        ----------
        name
            Of the layer, with the unit.
        array
            float32 on the prediction's grid.
        largest
            Its largest possible value.
        unit
            Empty where it has none.
        placing
            Where results lie.
        """
        self.remove()
        colours = Display("magma" if not unit else "inferno", visible=True)
        shown = VoxelMap(name, name, unit, largest, name, lambda sources: None, display=colours)
        self._layer = Image(
            placing.array(array),
            name=name,
            metadata=placing.metadata,
            **placing.options,
            **map_options(shown, top_of(shown, array)),
        )
        place_colour_bar(self._layer)
        self._layer.colorbar.visible = self._layer.name_overlay.visible = True
        napari_adding.add_quietly(self._viewer, self._layer)

    def remove(self) -> None:
        """Take the map out of the viewer."""
        layer, self._layer = self.layer, None
        if layer is not None:
            napari_adding.remove_quietly(self._viewer, [layer])

    def cleanup(self) -> None:
        """Let go of the layer, which stays. May be called twice."""
        self._layer = None
