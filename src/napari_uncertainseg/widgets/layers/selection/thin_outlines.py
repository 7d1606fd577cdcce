"""The outlines of all other lesions once voxels are large on the screen: thin lines, which cover no voxel.

Drawn in voxels, a small lesion that is zoomed to would be one block of colour with a dark ring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Vectors
from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.layers.selection.edges import put_lines
from napari_uncertainseg.widgets.layers.selection.selected_outline import SelectedOutline
from napari_uncertainseg.widgets.scans.camera import current_slice, shown_axes, whole_zoom
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.widgets.layers.result_layers import ResultLayers

NAME = "others (outlines)"
LARGE_PX = 5.0
"""Pixels of the screen along the smaller side of a voxel from which on lines are drawn."""
ZOOMED = 1.2
"""They are drawn only beyond so many times the zoom at which the whole slice is seen."""


class ThinOutlines:
    """Draws them in the slice that a viewer shows, as a layer of its own; nothing in 3-D.

    Parameters
    ----------
    viewer
        Where.
    results
        The lesions and candidates.
    selected
        Outlines the selected one, which is left to it.
    blinded
        Whether nothing but the scans may be shown.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        results: ResultLayers,
        selected: SelectedOutline,
        blinded: Callable[[], bool],
    ) -> None:
        self._viewer, self._results, self._selected = viewer, results, selected
        self._blinded = blinded
        self._layer: Vectors | None = None
        self._sources: tuple[Labels, ...] = ()
        self._of_sources = Connections()
        self._soon = QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        dims, layers = viewer.dims.events, viewer.layers.events
        self._connections = Connections(
            (dims.point, self._change),
            (dims.order, self._change),
            (dims.ndisplay, self._change),
            (viewer.scene.camera.events.zoom, self._change),
            (layers.inserted, self._change),
            (layers.removed, self._change),
            (self._soon.timeout, self.draw),
        )

    @property
    def layer(self) -> Vectors | None:
        """The layer; None while there are no lines, or where the user has removed it."""
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    @property
    def sources(self) -> tuple[Labels, ...]:
        """The layers whose outlines are lines where voxels are large."""
        return self._sources

    def _change(self, event: Any = None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def draw(self) -> None:
        """Draw the lines of the slice that is shown now; none where voxels are small."""
        self._soon.stop()
        if self._blinded():
            return
        self._listen()
        large = self._voxels_are_large()
        self._results.draw_as_lines(large)
        found = list(self._found()) if large else []
        if self.layer is None:
            if not found:
                return
            self._add()
        layer = self.layer
        assert layer is not None
        starts = np.concatenate([np.zeros((0, 2, layer.ndim)), *(part[0] for part in found)])
        if not found and not len(layer.data):
            return
        scale = self._selected.scale_for(self._sources[0]) if self._sources else np.asarray(layer.scale)
        colours = np.concatenate([np.zeros((0, 4)), *(part[1] for part in found)])
        put_lines(layer, starts, colours, scale, found[0][2] if found else None)

    def _listen(self) -> None:
        """Follow what is drawn in the layers of lesions and candidates."""
        there = (x for x in self._results.outlines if isinstance(x, Labels) and x in self._viewer.layers)
        sources = tuple(there)
        if sources == self._sources:
            return
        self._sources = sources
        self._of_sources.disconnect_all()
        for source in sources:
            events = source.events
            for signal in (events.set_data, events.labels_update, events.visible, events.colormap):
                self._of_sources.connect(signal, self._change)

    def _voxels_are_large(self) -> bool:
        if self._viewer.dims.ndisplay != 2 or not self._sources:
            return False
        scale = np.abs(np.asarray(self._sources[0].scale, float))
        sides = scale[shown_axes(self._viewer, self._sources[0])]
        zoom = float(self._viewer.scene.camera.zoom)
        if len(sides) != 2 or min(sides) * zoom < LARGE_PX:
            return False
        return zoom > ZOOMED * whole_zoom(self._viewer, self._sources[0])

    def _found(self) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """Lines of each lesion that is shown and not selected."""
        if self._results.alone:
            return
        chosen = self._results.selected()
        for source in self._sources:
            if not source.visible:
                continue
            axis, index = current_slice(self._viewer, source)
            labels = np.take(np.asarray(source.data), index, axis)
            for number in np.unique(labels[labels > 0]):
                colour = source.get_color(int(number))  # None where napari shows only one label
                own = chosen is not None and chosen[0] is source and chosen[1] == number
                if colour is not None and not own:
                    line = tuple(np.asarray(colour, float))
                    yield self._selected.lines_of(source, labels == number, line, thin=True)

    def _add(self) -> None:
        source = self._sources[0]
        self._layer = self._selected.empty_layer(source, NAME)
        place = 1 + max(self._viewer.layers.index(each) for each in self._sources)
        napari_adding.add_quietly(self._viewer, self._layer, place)

    def remove(self) -> None:
        """Take the layer out of the viewer; outlines are drawn in voxels again."""
        self._of_sources.disconnect_all()
        self._results.draw_as_lines(False)
        self._sources, layer, self._layer = (), self.layer, None
        if layer is not None:
            napari_adding.remove_quietly(self._viewer, [layer])

    def cleanup(self) -> None:
        """Let go of the viewer; the layer goes, since nothing would follow any more. May be called twice."""
        self._connections.disconnect_all()
        self._soon.stop()
        self.remove()
