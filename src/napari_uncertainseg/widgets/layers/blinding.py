"""What an annotator in training sees: the case's scans, and a ring where the question is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer, Points

from napari_uncertainseg.widgets.scans.camera import frame
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import KEY, is_result
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel

RING = "here?"
_SIZE_MM = 20.0
_AROUND_MM = 30.0
_KEYS_GO_ON_S = 1.0
"""For so long somebody still presses the keys of an exercise that has ended."""


class Blinding:
    """Takes everything but the scans out of the viewer, and brings it back as it was.

    A hidden layer would still tell: by its thumbnail, its eye in the list, its controls, the status bar, and
    in what napari saves. A layer that is not there does not. Each goes and comes in a turn of its own, since
    napari takes long for it; an exercise asks nothing before all have gone.

    Parameters
    ----------
    viewer
        Whose layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.active = False
        """Whether an exercise is running."""
        self._back = False
        """Whether all are on their way back."""
        self.moving = False
        """Whether layers are being taken out or brought back: they neither go nor come then."""
        self._aside: list[tuple[int, Layer]] = []
        self._going: list[tuple[int, Layer]] = []
        self._visible: dict[Layer, bool] = {}
        self._selected: Layer | None = None
        self.ring: Points | None = None
        self._written: list[Any] = []
        """Colour bar and name of a layer that has come back, which are still to be shown."""
        self._zoom: float | None = None
        self._ended = -_KEYS_GO_ON_S
        self._soon, self._then = Soon(), list[Callable[[], object]]()

    @property
    def settling(self) -> bool:
        """Whether an exercise is running, or ended only just now: layers come back, and keys go on."""
        return self.active or monotonic() - self._ended < _KEYS_GO_ON_S

    @property
    def aside(self) -> list[Layer]:
        """The layers that were taken out."""
        return [layer for _, layer in self._aside if layer not in self._viewer.layers]

    def hide(self, scans: list[Layer], told: Callable[[], object], then: Callable[[], object]) -> None:
        """Take out all but the case's scans, and select one of these; all images where it has none.

        Parameters
        ----------
        scans
            That stay.
        told
            Called at once, when nobody may give a verdict any more, and again once all others are out.
        then
            Called after that.
        """
        if self.active:
            return
        self.active, self._zoom = True, None  # a zoom of before was for a lesion, not for a question
        layers = list(self._viewer.layers)
        self._selected = self._viewer.layers.selection.active
        kept = scans or [x for x in layers if isinstance(x, Image) and not is_result(x)]
        self._visible = {layer: layer.visible for layer in kept}
        self._going = [(i, layer) for i, layer in enumerate(layers) if layer not in kept]
        self._then = [told, then]
        told()
        self._soon.add(self._take_next)

    def _take_next(self) -> None:
        """Take out the uppermost of those that are to go; after the last, show the scans."""
        if self._going:
            at, layer = self._going.pop()
            if layer in self._viewer.layers:
                self._aside.append((at, layer))
                self._take_out(layer)
            self._soon.add(self._take_next)
            return
        kept = [layer for layer in self._visible if layer in self._viewer.layers]
        shown = [layer for layer in kept if layer.visible] or kept[:1]
        for layer in shown:
            layer.visible = True
        self._viewer.layers.selection.active = shown[-1] if shown else None
        self._viewer.status = "Ready"  # it may still say what lay under the mouse
        self._go_on()

    def set_aside(self, layer: Layer) -> None:
        """Take out a layer that was opened during the exercise, which may tell. It comes back with all."""
        if self.active and layer in self._viewer.layers:
            self._aside.append((len(self._aside) + len(self._viewer.layers), layer))
            self._take_out(layer)

    def _take_out(self, layer: Layer) -> None:
        with self._moved():
            napari_adding.remove_quietly(self._viewer, [layer])

    def complete(self) -> None:
        """Do at once what is still to be done in turns."""
        self._soon.now()

    def _go_on(self) -> None:
        """Tell, and do what was to be done afterwards, each in a turn of its own."""
        if self._then:
            self._then.pop(0)()
            self._soon.add(self._go_on)

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
        """Go to a voxel of the prediction's grid, and draw a ring around it; a scan is seen there."""
        scans = [layer for layer in self._visible if layer in self._viewer.layers]
        if scans and not any(layer.visible for layer in scans):  # by the key V: none is asked about unseen
            scans[0].visible = True
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

    def restore_soon(self, told: Callable[[], object], then: Callable[[], object]) -> None:
        """Bring all back as it was, and take the ring away.

        Parameters
        ----------
        told
            Called once all are back.
        then
            Called after that; at once where nothing is hidden.
        """
        if not self.active:
            then()
            return
        if not self._back:  # all are going, or have gone
            self._soon.drop()
            self._going, self._then, self._back = [], [], True
            self._aside.sort(key=lambda each: each[0])
            with self._moved():
                if self.ring is not None:
                    napari_adding.remove_quietly(self._viewer, [self.ring])
            self.ring = None
        self._then += [told, then]
        self._soon.add(self._bring_next)

    def _bring_next(self) -> None:
        """Bring back the lowest that is still out, then what is written beside it; at last all as it was."""
        if self._written:
            self._written.pop(0).visible = True
            self._soon.add(self._bring_next)
            return
        if self._aside:
            at, layer = self._aside.pop(0)
            beside = (getattr(layer, "colorbar", None), layer.name_overlay)
            self._written = [each for each in beside if each is not None and each.visible]
            for each in self._written:  # takes napari as long as the layer
                each.visible = False
            with self._moved():
                napari_adding.add_quietly(self._viewer, layer, min(at, len(self._viewer.layers)))
            self._soon.add(self._bring_next)
            return
        with napari_adding.one_scene_update(self._viewer):
            for layer, visible in self._visible.items():
                layer.visible = visible
        if self._selected in self._viewer.layers:
            self._viewer.layers.selection.active = self._selected
        self._visible, self._selected = {}, None
        self.active = self._back = False
        self._ended = monotonic()
        self._soon.add(self._go_on)

    def restore(self) -> None:
        """Bring all back at once, and tell nobody. May be called twice."""
        self._then.clear()
        self.restore_soon(lambda: None, lambda: None)
        self.complete()
