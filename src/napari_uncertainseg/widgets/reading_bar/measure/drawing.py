"""The layer with rulers and regions: white lines on black ones, like the outline of the selected lesion.

They are seen on black, on white, and on every colour of a heat map. A label stands beside what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Shapes

from napari_uncertainseg.images.measures.records import RULER, Measurement
from napari_uncertainseg.images.measures.shapes import Slice, ellipse_outline
from napari_uncertainseg.widgets.reading_bar.measure import texts
from napari_uncertainseg.widgets.reading_bar.measure.base import Base
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import take_out

if TYPE_CHECKING:
    from napari import Viewer

_BRIGHT, _DARK = "#ffffff", "#000000"
_BRIGHT_PIXELS, _DARK_PIXELS = 2.0, 4.0
"""Whatever the zoom is: a line must not cover the small lesion that is measured."""
_AROUND = ((-1, -1), (-1, 1), (1, -1), (1, 1))
"""Pixels by which a label is drawn in dark below itself: it is read over anything."""
_BESIDE = 8
"""Pixels between what is measured and its label."""


class Drawing:
    """Draws measurements into a layer of their own, each only in the slice in which it was made.

    Parameters
    ----------
    viewer
        Where.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Shapes | None = None
        self._drawn: tuple[Base, Sequence[Measurement], tuple[Slice, np.ndarray] | None] | None = None

    @property
    def layer(self) -> Shapes | None:
        """The layer; None where it is not in the viewer."""
        return self._layer if self._layer in self._viewer.layers else None

    def ensure(self, base: Base) -> Shapes:
        """The layer, made where there is none; it lies over the scan, and shows its slices."""
        layer = self.layer
        if layer is not None:
            return layer
        layer = Shapes(
            ndim=3,
            name=texts.LAYER,
            metadata=base.placing.metadata,
            opacity=1.0,
            features={"label": np.array([], object)},
            text={"string": "{label}", "color": _BRIGHT, "size": 11, "anchor": "upper_left"},
            **base.placing.options,
        )
        self._layer = layer
        napari_adding.add_quietly(self._viewer, layer)
        return layer

    def draw(
        self, base: Base, items: Sequence[Measurement], draft: tuple[Slice, np.ndarray] | None = None
    ) -> None:
        """Draw all measurements, and what is being drawn: its slice and its points, canonical voxels."""
        if not items and draft is None and self.layer is None:
            return
        self._drawn = base, items, draft
        layer = self.ensure(base)
        drawn = [
            (texts.beside(number, one), _line(one), one.where)
            for number, one in enumerate(items, 1)
            if one.kind != "lesion"
        ]
        if draft is not None:
            drawn.append(("", ("path", draft[1]), draft[0]))
        with layer.events.blocker_all():
            layer.selected_data = set()
            layer.data = []
        if drawn:
            self._add(layer, base, drawn)
        layer.refresh()

    def _add(
        self, layer: Shapes, base: Base, drawn: Sequence[tuple[str, tuple[str, np.ndarray], Slice]]
    ) -> None:
        """Add dark labels, dark lines, and bright lines with bright labels: each covers those before."""
        pixel_mm = 1 / max(self._viewer.scene.camera.zoom, 1e-6)
        voxel = min(base.grid.spacing)
        lines = [(kind, base.drawn(points)) for _, (kind, points), _ in drawn]
        texts_at = [
            (label, ink, _beside(base, points, where, by, pixel_mm))
            for label, (_, points), where in drawn
            for by, ink in (*((by, _DARK) for by in _AROUND), ((0, 0), _BRIGHT))
            if label
        ]
        rest, count = len(texts_at), len(lines)
        layer.add(
            [points for *_, points in texts_at] + [points for _, points in lines] * 2,
            shape_type=["line"] * rest + [kind for kind, _ in lines] * 2,
            edge_width=[pixel_mm * width / voxel for width in _widths(rest, count)],
            edge_color=["transparent"] * rest + [_DARK] * count + [_BRIGHT] * count,
            face_color="transparent",
        )
        labels = [label for label, *_ in texts_at] + [""] * (2 * count)
        inks = [ink for _, ink, _ in texts_at] + [_DARK] * count + [_BRIGHT] * count
        layer.text.color = inks
        layer.features = {"label": np.array(labels, object)}

    def redraw(self) -> None:
        """Draw the same again, for the zoom at present."""
        if self._drawn is not None and self.layer is not None:
            self.draw(*self._drawn)

    def raise_to_top(self) -> None:
        """Lay measurements over all else: what lies under a scan is not seen."""
        layers, layer = self._viewer.layers, self.layer
        if layer is not None and layers[-1] is not layer:
            layers.move(layers.index(layer), len(layers))

    def remove(self) -> None:
        """Take the layer out of the viewer. May be called twice."""
        layer = self.layer
        if self._layer is not None:
            self._layer.keymap.clear()  # its keys hold on to what they call
        if layer is not None:
            take_out(self._viewer, layer)
        self._layer = self._drawn = None


def _widths(labels: int, lines: int) -> list[float]:
    """In pixels, in the order in which shapes are added."""
    return [1.0] * labels + [_DARK_PIXELS] * lines + [_BRIGHT_PIXELS] * lines


def _beside(base: Base, points: np.ndarray, where: Slice, by: tuple[int, int], pixel_mm: float) -> np.ndarray:
    """Where a label begins, right of what is measured on the screen: two corners in voxels of the layer.

    The other corner is more than a voxel away, so that the label lies in no slice of another plane.
    """
    world = np.array([base.place(point) for point in points])
    ways = base.placing.to_world()[:3]
    down, right = sorted(int(np.abs(ways[:, axis]).argmax()) for axis in where.in_plane)
    corner, high, low = world[0].copy(), world.max(axis=0), world.min(axis=0)
    corner[down] = (high[down] + low[down]) / 2 + (by[0] - _BESIDE) * pixel_mm
    corner[right] = high[right] + (_BESIDE + by[1]) * pixel_mm
    voxel = base.voxel(corner)
    first, *beyond = base.drawn(np.array([voxel, *(voxel + np.eye(3)[axis] for axis in where.in_plane)]))
    return np.array([first, first + 1.01 * np.abs(np.array(beyond) - first).sum(axis=0)])


def _line(one: Measurement) -> tuple[str, np.ndarray]:
    """Kind of shape, and its points."""
    if one.kind == RULER:
        return "line", np.array(one.points)
    if one.kind == "ellipse":
        return "polygon", ellipse_outline(one.points, one.where)
    return "polygon", np.array(one.points)
