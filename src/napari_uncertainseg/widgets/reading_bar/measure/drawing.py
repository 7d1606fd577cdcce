"""The layer with rulers and regions: bright lines on dark ones, so that they are seen on black and white."""

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

_BRIGHT, _DARK = "#f0e442", "#000000"
_BRIGHT_PIXELS, _DARK_PIXELS = 2.0, 4.0
"""Whatever the zoom is: a line must not cover the small lesion that is measured."""
_AROUND = ((-1, -1), (-1, 1), (1, -1), (1, 1))
"""Pixels by which a label is drawn in dark below itself: it is read over anything."""


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
            text={"string": "{label}", "color": _BRIGHT, "size": 13, "anchor": "upper_left"},
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
        below = [
            (label, base.drawn(_corners(points) + _step(where, by, pixel_mm, base)))
            for label, (_, points), where in drawn
            for by in _AROUND
            if label
        ]
        rest, count = len(below), len(lines)
        layer.add(
            [points for _, points in below] + [points for _, points in lines] * 2,
            shape_type=["line"] * rest + [kind for kind, _ in lines] * 2,
            edge_width=[pixel_mm * width / voxel for width in _widths(rest, count)],
            edge_color=["transparent"] * rest + [_DARK] * count + [_BRIGHT] * count,
            face_color="transparent",
        )
        labels = [label for label, _ in below] + [""] * count + [label for label, *_ in drawn]
        inks = [_DARK] * (rest + count) + [_BRIGHT] * count
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


def _corners(points: np.ndarray) -> np.ndarray:
    """Two corners of the box around points, beside which a label stands as beside what is in the box."""
    return np.array([points.min(axis=0), points.max(axis=0)])


def _step(where: Slice, pixels: tuple[int, int], pixel_mm: float, base: Base) -> np.ndarray:
    """So many pixels within a slice, in voxels."""
    step = np.zeros(3)
    for axis, by in zip(where.in_plane, pixels, strict=True):
        step[axis] = by * pixel_mm / base.grid.spacing[axis]
    return step


def _line(one: Measurement) -> tuple[str, np.ndarray]:
    """Kind of shape, and its points."""
    if one.kind == RULER:
        return "line", np.array(one.points)
    if one.kind == "ellipse":
        return "polygon", ellipse_outline(one.points, one.where)
    return "polygon", np.array(one.points)
