"""Outlines of the lesions in cells that do not hold the layer of lesions: where a lesion lies on T1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Vectors
from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.layers.result_layers import LESIONS
from napari_uncertainseg.widgets.layers.selection.edges import put_lines
from napari_uncertainseg.widgets.scans.camera import current_slice
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari import Viewer

    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_Lines = tuple[np.ndarray, np.ndarray, float]


class CellOutlines:
    """A layer of lines for each further cell, which follows what the first cell shows of the lesions.

    Lines run along the sides of the voxels, so that they cover nothing of what the other scan shows there.

    Parameters
    ----------
    viewer, layers
        Whose lesions.
    """

    def __init__(self, viewer: Viewer, layers: ReviewLayers) -> None:
        self._viewer, self._layers = viewer, layers
        self.cells: dict[Layer, int] = {}
        """The number of the cell of each of these layers."""
        self._of: Layer | None = None
        """The layer of lesions that was there when they began."""
        self._connections = Connections()
        self._coming = Soon()
        self._soon = QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.draw)

    def begin(self, cells: Mapping[int, str]) -> None:
        """Outline the lesions in further cells, by what is shown in each; none where there are no lesions."""
        self._of = source = self._source()
        if source is None:
            return
        self._connections.connect(self._layers.blinding, self.end)
        self._coming.add(*(partial(self._come, source, *each) for each in cells.items()))
        self._coming.add(partial(self._listen, source), self.draw)

    def _come(self, source: Labels, number: int, title: str) -> None:
        """In a turn of its own, after the one that lays the cells out."""
        if self._layers.blinded or source not in self._viewer.layers:
            self.end()
            return
        layer = self._layers.selected.empty_layer(source, f"lesions ({title})")
        self.cells[layer] = number
        napari_adding.add_quietly(self._viewer, layer)

    @property
    def current(self) -> bool:
        """Whether they follow the lesions that are there now, or there are none to follow.

        There are none in 3-D, and in an exercise, which takes layers out one after the other.
        """
        source = self._source()
        none = source is None or self._layers.blinded or self._viewer.dims.ndisplay != 2
        return none or source is self._of

    def complete(self) -> None:
        """Let all layers come that are laid out with the scans, and letters go until the cells are there."""
        self._layers.results.complete()
        self._layers.letters.step_back()

    def _source(self) -> Labels | None:
        layer = self._layers.results.get(LESIONS)
        return layer if isinstance(layer, Labels) and layer in self._viewer.layers else None

    def _listen(self, source: Labels) -> None:
        dims, listen = self._viewer.dims.events, self._connections.connect
        for layer in filter(None, (*self._layers.results.outlines, self._layers.selected.layer)):
            for name in ("set_data", "visible"):
                listen(layer.events[name], self._change)
        for signal in (source.events.colormap, source.events.labels_update, dims.point, dims.order):
            listen(signal, self._change)
        listen(dims.ndisplay, self._change)
        listen(self._viewer.layers.events.removed, self._change)
        listen(self._viewer.scene.camera.events.zoom, self._change)

    def _change(self, event: Any = None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def draw(self) -> None:
        """Draw the lines of the slice that is shown now."""
        self._soon.stop()
        source = self._source()
        there = [layer for layer in self.cells if layer in self._viewer.layers]
        if source is None or not there:
            self.end()
            return
        found = list(self._found())
        axes = source.ndim
        starts = np.concatenate([np.zeros((0, 2, axes)), *(part[0] for part in found)])
        colours = np.concatenate([np.zeros((0, 4)), *(part[1] for part in found)])
        scale = self._layers.selected.scale_for(source)
        for layer in there:
            if isinstance(layer, Vectors):
                put_lines(layer, starts, colours, scale, found[0][2] if len(starts) else None)

    def _found(self) -> Iterator[_Lines]:
        """Lines of all lesions that are shown, those of the selected one last, over the others."""
        lines, chosen = self._layers.selected.lines_of, self._layers.selected.outlined
        for source in self._layers.results.outlines:
            if not isinstance(source, Labels) or not source.visible or self._layers.results.alone:
                continue
            labels = self._slice(source)
            for number in [] if labels is None else np.unique(labels[labels > 0]):
                if labels is not None and (source, number) != chosen:
                    colour = tuple(np.asarray(source.get_color(int(number)), float))
                    yield lines(source, labels == number, colour)
        labels = None if chosen is None else self._slice(chosen[0])
        if chosen is not None and labels is not None and (labels == chosen[1]).any():
            yield lines(chosen[0], labels == chosen[1])

    def _slice(self, source: Labels) -> np.ndarray | None:
        if self._viewer.dims.ndisplay != 2 or source not in self._viewer.layers:
            return None
        axis, index = current_slice(self._viewer, source)
        return np.take(np.asarray(source.data), index, axis)

    def hide(self) -> None:
        """Show them no more; `end` takes them out a turn later."""
        self._coming.drop()
        for layer in self.cells:
            layer.visible = False

    def end(self) -> None:
        """Take the layers out of the viewer. May be called twice."""
        self._soon.stop()
        self._coming.drop()
        self._connections.disconnect_all()
        self._of = None
        cells, self.cells = self.cells, {}
        napari_adding.remove_quietly(self._viewer, cells)
