"""Why the model outlines a region, drawn over the scan: signed saliency for each scan, and Grad-CAM++."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Layer

from napari_uncertainseg.widgets.layers.colours import (
    MAP_OPACITY,
    SIGNED,
    clear_colormap,
    place_colour_bar,
    signed_colormap,
)
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.explain.voxels import ScanMap
    from napari_uncertainseg.widgets.layers.result_layers import ResultLayers
    from napari_uncertainseg.widgets.scans.placement import Placement

_STRONG = 0.9998
"""Share of a map's voxels other than 0 within the limits of its colours: about 100 of a field are beyond."""
_UNSIGNED = "magma"


class ExplanationLayers:
    """Shows the maps of one region, one at a time; those of the next take their place.

    Parameters
    ----------
    viewer
        Where.
    results
        The layers of the run: these maps lie as they do, below the outlines and without the heat maps.
    blinded
        Whether nothing may be shown.
    """

    def __init__(self, viewer: ViewerModel, results: ResultLayers, blinded: Callable[[], bool]) -> None:
        self._viewer, self._results, self._blinded = viewer, results, blinded
        self._layers: dict[str, Image] = {}
        self._title = ""
        self._limit = 0.0
        """Of the signed maps, as it was set last: the user may choose another."""

    @property
    def outlines(self) -> tuple[Layer | None, Layer | None]:
        """The layers of lesions and of candidates, that of lesions first."""
        return self._results.outlines

    def get(self, name: str) -> Image | None:
        """The layer of a map; None where there is none, or the user has removed it."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def show(self, title: str, maps: Mapping[str, ScanMap], names: Mapping[str, str], chosen: str) -> None:
        """Show maps, or finer ones of the same region; a layer that the user has removed stays away.

        Parameters
        ----------
        title
            Of the region, the model and the network: other maps of one title are finer ones.
        maps
            On the prediction's grid. One that is never below 0 is clear at 0.
        names
            Of the layers, by map.
        chosen
            The map that is visible.
        """
        placing = self._results.placing
        if placing is None or self._blinded():
            return
        if title != self._title:
            self.remove()
            self._title = title
            self._results.hide_maps()
        signed = [each.values for each in maps.values() if (each.values < 0).any()]
        limit = max((_strong(values) for values in signed), default=0.0)
        for name, each in maps.items():
            if name not in self._layers:
                self._add(name, names[name], each, limit, placing, visible=name == chosen)
            elif (layer := self.get(name)) is not None:
                self._fill(layer, each, limit, placing)
        self._limit = limit

    def forget(self, name: str) -> None:
        """Let a map whose layer was removed be shown again."""
        self._layers.pop(name, None)

    def choose(self, name: str) -> None:
        """Show one of the maps, and hide the others; an empty name hides all."""
        for each in self._layers:
            if (layer := self.get(each)) is not None:
                layer.visible = each == name

    def _add(
        self, name: str, called: str, shown: ScanMap, limit: float, placing: Placement, *, visible: bool
    ) -> None:
        signed = bool((shown.values < 0).any())
        top = limit if signed else _strong(shown.values)
        layer = Image(
            placing.array(shown.whole(placing.grid.shape)),
            name=called,
            metadata=placing.metadata,
            colormap=signed_colormap() if signed else clear_colormap(_UNSIGNED),
            contrast_limits=(-top if signed else 0.0, top),
            blending="translucent",
            opacity=1.0 if signed else MAP_OPACITY,
            visible=visible,
            interpolation2d="nearest",
            **placing.options,
        )
        place_colour_bar(layer)
        layer.colorbar.visible = layer.name_overlay.visible = True
        self._layers[name] = layer
        napari_adding.add_quietly(self._viewer, layer, self._place())

    def _place(self) -> int:
        """Where to insert: below the outlines."""
        layers = self._viewer.layers
        return min((layers.index(x) for x in self._results.outlines if x in layers), default=len(layers))

    def _fill(self, layer: Image, shown: ScanMap, limit: float, placing: Placement) -> None:
        if layer.colormap.name == SIGNED and tuple(layer.contrast_limits) == (-self._limit, self._limit):
            layer.contrast_limits = (-limit, limit)
        layer.data = placing.array(shown.whole(placing.grid.shape))

    def remove(self) -> None:
        """Take the maps out of the viewer."""
        there = [layer for name in self._layers if (layer := self.get(name)) is not None]
        self._layers, self._title = {}, ""
        napari_adding.remove_quietly(self._viewer, there)

    def cleanup(self) -> None:
        """Let go of the layers, which stay. May be called twice."""
        self._layers, self._title = {}, ""


def _strong(values: np.ndarray) -> float:
    """What nearly all of a map stays below, without its sign, as a round number; 1 where all is 0."""
    some = np.abs(values[values != 0])
    return _rounded_up(float(np.quantile(some, _STRONG))) if some.size else 1.0


def _rounded_up(number: float) -> float:
    """1, 2, 4, 6 or 10 times a power of ten: the colour bar then has numbers beside 0."""
    unit = 10.0 ** np.floor(np.log10(number))
    return float(next((step * unit for step in (1, 2, 4, 6) if number <= step * unit), 10 * unit))
