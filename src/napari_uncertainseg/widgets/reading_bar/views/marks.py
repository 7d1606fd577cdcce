"""Points and drawn shapes of a layer that lie in a slice, as lines and circles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points, Shapes

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.widgets.layers.planes.plane import Plane

_MOST = 300
"""Points and shapes of a layer: more are left out, they would take too long."""
_CLOSED = ("rectangle", "polygon", "ellipse")

Colour = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Mark:
    """A circle around one place, or a line through several.

    Attributes
    ----------
    places
        Along the plane's columns and rows, in the viewer's world.
    radius
        Of the circle, in the viewer's world.
    closed
        Whether the line comes back to its first place.
    line, fill
        Colours, 0 to 1.
    """

    places: tuple[tuple[float, float], ...]
    radius: float
    closed: bool
    line: Colour
    fill: Colour


def marks_of(layer: Layer, plane: Plane, point: Sequence[float], step: float) -> list[Mark]:
    """What of a layer of points or shapes lies in a slice; nothing for other layers.

    Parameters
    ----------
    point
        The viewer's, through which the plane goes.
    step
        Distance of two slices.
    """
    if not isinstance(layer, Points | Shapes) or layer.ndim < 3 or len(point) < layer.ndim:
        return []
    at = np.asarray(point, float)[-layer.ndim :]
    within = np.full(layer.ndim, np.inf)
    within[:-3], within[plane.across - 3] = 0.5, step / 2 + 1e-6
    found = []
    for places, radius, closed, line, fill in islice(_things(layer), _MOST):
        world = np.array([layer.data_to_world(place) for place in places], float)
        if (np.abs(world - at) <= within).all():
            seen = world[:, [plane.columns - 3, plane.rows - 3]]
            size = radius * float(np.abs(layer.scale[-3:]).max())
            pairs = tuple((float(column), float(row)) for column, row in seen)
            found.append(Mark(pairs, size, closed, _colour(line, layer), _colour(fill, layer)))
    return found


def _things(layer: Points | Shapes) -> Iterator[tuple[Any, float, bool, Any, Any]]:
    """Places, radius, whether closed, colours of line and fill."""
    if isinstance(layer, Points):
        shown = (layer.data, layer.size, layer.shown, layer.border_color, layer.face_color)
        for place, size, seen, line, fill in zip(*shown, strict=True):
            if seen:
                yield [place], float(size) / 2, False, line, fill
        return
    parts = (layer.data, layer.shape_type, layer.edge_color, layer.face_color)
    for places, kind, line, fill in zip(*parts, strict=True):
        yield places, 0.0, kind in _CLOSED, line, fill


def _colour(colour: Any, layer: Layer) -> Colour:
    red, green, blue, alpha = (float(part) for part in colour)
    return red, green, blue, alpha * float(layer.opacity)
