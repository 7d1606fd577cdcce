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

if TYPE_CHECKING:
    from napari import Viewer

_BRIGHT, _DARK = "#f0e442", "#000000"
_BRIGHT_MM, _DARK_MM = 0.5, 1.3


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

    @property
    def layer(self) -> Shapes | None:
        """The layer; None where it is not in the viewer."""
        return self._layer if self._layer in self._viewer.layers else None

    def ensure(self, base: Base) -> Shapes:
        """The layer, made where there is none; it lies over the scan, and shows its slices."""
        layer = self.layer
        if layer is not None:
            return layer
        active = self._viewer.layers.selection.active
        layer = Shapes(
            ndim=3,
            name=texts.LAYER,
            metadata=base.placing.metadata,
            features={"label": np.array([], object)},
            text={"string": "{label}", "color": _BRIGHT, "size": 13, "anchor": "upper_left"},
            **base.placing.options,
        )
        self._layer = self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = active
        return layer

    def draw(
        self, base: Base, items: Sequence[Measurement], draft: tuple[Slice, np.ndarray] | None = None
    ) -> None:
        """Draw all measurements, and what is being drawn: its slice and its points, canonical voxels."""
        if not items and draft is None and self.layer is None:
            return
        layer = self.ensure(base)
        drawn = [
            (texts.beside(number, one), _line(one))
            for number, one in enumerate(items, 1)
            if one.kind != "lesion"
        ]
        if draft is not None:
            drawn.append(("", ("path", draft[1])))
        voxel = min(base.grid.spacing)
        lines = [(kind, base.drawn(points)) for _, (kind, points) in drawn]
        with layer.events.blocker_all():
            layer.selected_data = set()
            layer.data = []
        count = len(lines)
        if count:
            labels = [label for label, _ in drawn]
            layer.add(
                [points for _, points in lines] * 2,
                shape_type=[kind for kind, _ in lines] * 2,
                edge_width=[_DARK_MM / voxel] * count + [_BRIGHT_MM / voxel] * count,
                edge_color=[_DARK] * count + [_BRIGHT] * count,
                face_color="transparent",
            )
            layer.features = {"label": np.array([""] * count + labels, object)}
        layer.refresh()

    def remove(self) -> None:
        """Take the layer out of the viewer. May be called twice."""
        layer = self.layer
        if layer is not None:
            self._viewer.layers.remove(layer)
        self._layer = None


def _line(one: Measurement) -> tuple[str, np.ndarray]:
    """Kind of shape, and its points."""
    if one.kind == RULER:
        return "line", np.array(one.points)
    if one.kind == "ellipse":
        return "polygon", ellipse_outline(one.points, one.where)
    return "polygon", np.array(one.points)
