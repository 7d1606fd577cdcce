"""The outline of the selected lesion: as thick on the screen at any zoom, and seen on every ground.

The other outlines are drawn in voxels, and as thin lines once these would be thick (`ThinOutlines`): a small
lesion that fills the window must not be covered. This one is a white line between two black ones along the
sides of the voxels. White is seen on what is dark, black on what is bright, and the two beside each other on
everything between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer, Vectors

from napari_uncertainseg.widgets.layers.selection.edges import (
    LINE_PX,
    THIN_HALO_PX,
    THIN_PX,
    Colour,
    lines,
    outline,
    plain_lines,
    put_lines,
)
from napari_uncertainseg.widgets.scans.camera import current_slice, shown_axes
from napari_uncertainseg.widgets.scans.volumes import KEY
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "selected (outline)"

Source = Callable[[], "tuple[Labels, int] | None"]
"""The layer that holds the selected lesion, and its number there; None where none is selected."""


class SelectedOutline:
    """Draws it in the slice that a viewer shows, as a layer of its own; nothing in 3-D.

    Parameters
    ----------
    viewer
        Where.
    source
        Asked at each change.
    blinded
        Whether nothing but the scans may be shown.
    """

    def __init__(self, viewer: ViewerModel, source: Source, blinded: Callable[[], bool]) -> None:
        self._viewer, self._source, self._blinded = viewer, source, blinded
        self._camera = viewer.scene.camera
        self._layer: Vectors | None = None
        self._key: Any = None
        """What the lines were made of."""
        self._drawn_from: Labels | None = None
        self._soon = Soon()
        dims, camera = viewer.dims.events, self._camera.events
        self._connections = Connections(
            (dims.point, self.draw),
            (dims.order, self.draw),
            (dims.ndisplay, self.draw),
            (camera.zoom, self.draw),
        )

    @property
    def layer(self) -> Vectors | None:
        """The layer; None while nothing is selected, or where the user has removed it."""
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    @property
    def coming(self) -> bool:
        """Whether it is still to be drawn, in a turn to come."""
        return bool(self._soon)

    @property
    def outlined(self) -> tuple[Labels, int] | None:
        """The layer that holds the selected lesion, and its number; None where its outline is not shown."""
        shown = bool(self._soon) or (self.layer is not None and self.layer.visible)
        shown = shown and not self._blinded()
        return self._source() if shown else None

    @property
    def hidden(self) -> bool:
        """Whether slices are shown without it, since its eye was closed or it was removed by hand."""
        return self._viewer.dims.ndisplay == 2 and not self._blinded() and self.outlined is None

    def follow(self) -> None:
        """Draw what is selected now, also where the user has removed the layer."""
        if self._blinded():
            return
        found = self._source()
        if found is None:
            self.draw()
            return
        self._listen(found[0])
        if self.layer is None:
            self._soon.add(self._come)
        else:
            self.draw()

    def _come(self) -> None:
        """In a turn after the one that moves to the lesion: a layer takes as long as all else."""
        found = None if self._blinded() else self._source()
        if found is not None and self.layer is None and found[0] in self._viewer.layers:
            self._add(found[0])
        self.draw()

    def draw(self, event: Any = None) -> None:
        """Draw it anew, where it is shown: slice, zoom, threshold or painting changed."""
        layer, found = self.layer, self._source()
        mask = None if found is None else self._mask(*found)
        key = None if mask is None else (self._viewer.dims.point, self._camera.zoom, mask.tobytes())
        if layer is None or key == self._key:
            return
        self._key = key
        if found is None or mask is None or not mask.any():
            layer.data = np.zeros((0, 2, layer.ndim))
            return
        starts, colours, width = self.lines_of(found[0], mask)
        put_lines(layer, starts, colours, self.scale_for(found[0]), width)

    def _mask(self, source: Labels, number: int) -> np.ndarray | None:
        """Where the lesion is in the slice that is shown; None where no slice of it can be."""
        if len(shown_axes(self._viewer, source)) != 2:
            return None
        axis, index = current_slice(self._viewer, source)
        return np.take(np.asarray(source.data), index, axis) == number

    def lines_of(
        self, source: Labels, mask: np.ndarray, colour: Colour | None = None, *, thin: bool = False
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Lines around a mask of the slice that is shown, in the world, with their colours.

        Parameters
        ----------
        source
            Of whose slice the mask is.
        mask
            bool, 2-D.
        colour
            Of plain lines; None: white ones between black ones.
        thin
            Thin lines between black ones in the colour instead, which is then needed.

        Returns
        -------
        starts and ways
            float (n, 2, axes of the source).
        colours
            float (n, 4).
        width
            In units of a layer that has :meth:`scale_for`.
        """
        dims, shown = self._viewer.dims, shown_axes(self._viewer, source)
        axis, index = current_slice(self._viewer, source)
        world = _to_world(source, np.insert(outline(mask), axis, index, axis=2))[..., shown]
        pixel = 1 / float(self._camera.zoom)
        width = THIN_PX if thin else LINE_PX
        if thin and colour is not None:
            drawn, colours = lines(world, pixel, colour, line_px=THIN_PX, halo_px=THIN_HALO_PX)
        else:
            drawn, colours = lines(world, pixel) if colour is None else plain_lines(world, pixel, colour)
        full = np.zeros((len(drawn), 2, source.ndim))
        full[..., shown] = drawn
        full[:, 0, axis] = dims.point[axis + dims.ndim - source.ndim]
        return full, colours, width * pixel / float(self.scale_for(source)[shown[0]])

    def scale_for(self, source: Labels) -> np.ndarray:
        """As of the lesions, so that slices keep their steps, and the same along both axes that are shown."""
        scale = np.abs(np.asarray(source.scale, float))
        shown = shown_axes(self._viewer, source)
        scale[shown] = scale[shown].max()
        return scale

    def _add(self, source: Labels) -> None:
        layer = self.empty_layer(source, NAME)
        self._layer, self._key = layer, None
        napari_adding.add_quietly(self._viewer, layer)

    def empty_layer(self, source: Labels, name: str) -> Vectors:
        """A layer for lines around lesions, without any yet, not in the viewer."""
        return Vectors(
            np.zeros((0, 2, source.ndim)),
            ndim=source.ndim,
            name=name,
            vector_style="line",
            opacity=1.0,
            blending="translucent_no_depth",
            scale=self.scale_for(source),
            units=source.units,
            axis_labels=source.axis_labels,
            metadata={KEY: {"role": "result"}},
        )

    def _listen(self, source: Labels) -> None:
        """Follow what is drawn in the lesions' layer: threshold, painting, preview."""
        if source is not self._drawn_from:
            self._deafen()
            self._drawn_from = source
            source.events.set_data.connect(self.draw)
            source.events.labels_update.connect(self.draw)

    def _deafen(self) -> None:
        if self._drawn_from is not None:
            self._drawn_from.events.set_data.disconnect(self.draw)
            self._drawn_from.events.labels_update.disconnect(self.draw)
            self._drawn_from = None

    def remove(self) -> None:
        """Take the layer out of the viewer."""
        self._soon.drop()
        self._deafen()
        layer, self._layer = self.layer, None
        if layer is not None:
            napari_adding.remove_quietly(self._viewer, [layer])

    def cleanup(self) -> None:
        """Let go of the viewer; the layer goes, since nothing would follow any more. May be called twice."""
        self._connections.disconnect_all()
        self.remove()


def _to_world(layer: Layer, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) of a layer in the world."""
    origin = np.asarray(layer.data_to_world((0.0,) * layer.ndim))
    steps = np.array([np.asarray(layer.data_to_world(unit)) - origin for unit in np.eye(layer.ndim)])
    return np.asarray(points @ steps + origin)
