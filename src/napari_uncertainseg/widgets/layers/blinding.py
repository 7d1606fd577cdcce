"""What an annotator in training sees: the case's scans, and a ring where the question is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Layer, Points

from napari_uncertainseg.widgets.scans.camera import frame
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import KEY, is_result
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

RING = "here?"
_SIZE_MM = 20.0
_AROUND_MM = 30.0


class Blinding:
    """Takes everything but the scans out of the viewer, and brings it back as it was.

    A hidden layer would still tell: by its thumbnail, its eye in the list, its controls, the status bar, and
    in what napari saves. A layer that is not there does not.

    Parameters
    ----------
    viewer
        Whose layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.active = False
        """Whether an exercise is running."""
        self.moving = False
        """Whether layers are being taken out or brought back: they neither go nor come then."""
        self._aside: list[tuple[int, Layer]] = []
        self._visible: dict[Layer, bool] = {}
        self._selected: Layer | None = None
        self.ring: Points | None = None
        self._zoom: float | None = None

    @property
    def aside(self) -> list[Layer]:
        """The layers that were taken out."""
        return [layer for _, layer in self._aside]

    def hide(self, scans: list[Layer]) -> None:
        """Take out all but the case's scans, and select one of these; all images where it has none."""
        if self.active:
            return
        self.active = True
        layers = list(self._viewer.layers)
        self._selected = self._viewer.layers.selection.active
        kept = scans or [x for x in layers if isinstance(x, Image) and not is_result(x)]
        self._visible = {layer: layer.visible for layer in kept}
        self._aside = [(i, layer) for i, layer in enumerate(layers) if layer not in kept]
        self._take_out(self.aside)
        shown = [layer for layer in kept if layer.visible] or kept[:1]
        for layer in shown:
            layer.visible = True
        self._viewer.layers.selection.active = shown[-1] if shown else None
        self._viewer.status = "Ready"  # it may still say what lay under the mouse

    def set_aside(self, layer: Layer) -> None:
        """Take out a layer that was opened during the exercise, which may tell. It comes back with all."""
        if self.active and layer in self._viewer.layers:
            self._aside.append((len(self._aside) + len(self._viewer.layers), layer))
            self._take_out([layer])

    def _take_out(self, layers: list[Layer]) -> None:
        with self._moved(), self._viewer.layers.batched_update():
            for layer in layers:
                self._viewer.layers.remove(layer)

    @contextmanager
    def _moved(self) -> Iterator[None]:
        """Move layers; the slice that is shown stays, which napari clips to what is there in between."""
        point, self.moving = self._viewer.dims.point, True
        try:
            yield
        finally:
            self.moving = False
            self._viewer.dims.point = point

    def point_at(self, voxel: tuple[int, int, int], placing: Placement, like: Layer) -> None:
        """Go to a voxel of the prediction's grid, and draw a ring around it."""
        at = placing.voxel(voxel)
        self._zoom = frame(self._viewer, like, at, placing.size((_AROUND_MM,) * 3), self._zoom)
        world = np.asarray(like.data_to_world(at), float)[None]
        if self.ring is None or self.ring not in self._viewer.layers:
            self.ring = Points(
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
            napari_adding.add_quietly(self._viewer, self.ring)
        else:
            self.ring.data = world

    def restore(self) -> None:
        """Bring all back as it was, and take the ring away. May be called twice."""
        with self._moved():
            if self.ring is not None and self.ring in self._viewer.layers:
                self._viewer.layers.remove(self.ring)
            self.ring = None
            with napari_adding.one_scene_update(self._viewer):
                for at, layer in self._aside:
                    napari_adding.add_quietly(self._viewer, layer, min(at, len(self._viewer.layers)))
        for layer, visible in self._visible.items():
            layer.visible = visible
        if self._selected in self._viewer.layers:
            self._viewer.layers.selection.active = self._selected
        self._aside, self._visible, self._selected = [], {}, None
        self.active = False
