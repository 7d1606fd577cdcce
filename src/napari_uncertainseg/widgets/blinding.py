"""What an annotator in training sees: the scans, and a ring where the question is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Layer, Points

from napari_uncertainseg.widgets.geometry import KEY, is_result
from napari_uncertainseg.widgets.placing import Placing
from napari_uncertainseg.widgets.view import frame

if TYPE_CHECKING:
    from napari.components import ViewerModel

RING = "here?"
_SIZE_MM = 20.0
_AROUND_MM = 30.0


class Blinding:
    """Hides everything but the scans, and brings it back as it was.

    Parameters
    ----------
    viewer
        Whose layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._before: dict[Layer, bool] = {}
        self._ring: Points | None = None
        self._zoom: float | None = None

    @property
    def active(self) -> bool:
        """Whether something is hidden."""
        return bool(self._before)

    def hide(self) -> None:
        """Hide all but the user's images, and select one: the status bar tells of the selected layer."""
        if self._before:
            return
        layers = list(self._viewer.layers)
        self._before = {layer: layer.visible for layer in layers}
        scans = [x for x in layers if isinstance(x, Image) and not is_result(x)]
        for layer in layers:
            layer.visible = layer.visible and layer in scans
        shown = [layer for layer in scans if layer.visible] or scans[-1:]
        for layer in shown:
            layer.visible = True
        if shown:
            self._viewer.layers.selection.active = shown[-1]

    def point_at(self, voxel: tuple[int, int, int], placing: Placing, like: Layer) -> None:
        """Go to a voxel of the prediction's grid, and draw a ring around it."""
        at = placing.voxel(voxel)
        self._zoom = frame(self._viewer, like, at, placing.size((_AROUND_MM,) * 3), self._zoom)
        world = np.asarray(like.data_to_world(at), float)[None]
        if self._ring is None or self._ring not in self._viewer.layers:
            self._ring = Points(
                world,
                name=RING,
                size=_SIZE_MM,
                symbol="disc",
                face_color="transparent",
                border_color="#f0e442",
                border_width=0.05,
                units=like.units,
                axis_labels=like.axis_labels,
                metadata={KEY: {"role": "result"}},
            )
            active = self._viewer.layers.selection.active
            self._viewer.add_layer(self._ring)
            self._viewer.layers.selection.active = active
        else:
            self._ring.data = world

    def restore(self) -> None:
        """Show all as it was, and take the ring away. May be called twice."""
        for layer, visible in self._before.items():
            if layer in self._viewer.layers:
                layer.visible = visible
        self._before = {}
        if self._ring is not None and self._ring in self._viewer.layers:
            self._viewer.layers.remove(self._ring)
        self._ring = None
