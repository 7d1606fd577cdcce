"""Layers of a reader are added, and the last scan of them becomes the active one a turn later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Layer

from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ArrivingLayers:
    """Adds them to a viewer.

    Parameters
    ----------
    viewer
        Where.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer, self._soon = viewer, Soon()
        self._newest: Layer | None = None

    def add(self, layers: Iterable[tuple[Any, dict[str, Any], str]]) -> None:
        """Add layers of a reader: (data, options, type)."""
        with napari_adding.one_scene_update(self._viewer):
            for each in layers:
                layer = Layer.create(*each)
                napari_adding.add_quietly(self._viewer, layer)
                if isinstance(layer, Image) or not isinstance(self._newest, Image):
                    self._newest = layer  # a mask that comes with a scan is not painted on by mistake
        self._soon.add(self._activate)

    def _activate(self) -> None:
        """In a turn of its own: napari fills its controls for it, which takes as long as a picture."""
        newest, self._newest = self._newest, None
        if newest is not None and newest in self._viewer.layers:
            self._viewer.layers.selection.active = newest

    def cleanup(self) -> None:
        """Make none the active one any more. May be called twice."""
        self._soon.drop()
        self._newest = None
