"""A slice of a layer as a picture, for a plane that napari's own canvas does not show.

Only that slice is copied, and the layer itself says how it looks: contrast, colours, opacity, outlines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels

from napari_uncertainseg.widgets.layers.selection.edges import outline
from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline, drawn, reserved
from napari_uncertainseg.widgets.shared import napari_canvas

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.widgets.layers.planes.plane import Plane

_MOST = 600
"""Pixels along a side of a slice that has to be sampled: the layer is turned against the viewer's axes."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A thin line around one label.

    Attributes
    ----------
    stretches
        Both ends of each along the plane's columns and rows, in the viewer's world, shape (n, 2, 2).
    colour
        Red, green, blue and opacity, 0 to 1.
    """

    stretches: np.ndarray
    colour: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """A slice of one layer.

    Attributes
    ----------
    colours
        uint8, shape (m, n, 4): red, green, blue and opacity of each pixel.
    scale, offset
        Along columns and rows: the picture's pixels (from its corner) times scale plus offset are the
        viewer's world.
    opacity, blending
        Of the layer, in napari's words.
    smooth
        Whether it is interpolated between its pixels.
    lines
        Gives the outlines that are drawn in place of it where its pixels are large on the screen; None where
        nothing is.
    """

    colours: np.ndarray
    scale: tuple[float, float]
    offset: tuple[float, float]
    opacity: float
    blending: str
    smooth: bool
    lines: Callable[[], list[Outline]] | None = None


def picture_of(
    layer: Layer, plane: Plane, point: tuple[float, ...], *, as_lines: bool = False
) -> Picture | None:
    """A layer's slice on a plane through a point of the viewer's world.

    With `as_lines` it tells its outlines, too, where it is a label layer that our own outlines draw.
    None for layers that are neither images nor labels, or have no third dimension, or lie elsewhere.
    """
    if not isinstance(layer, Image | Labels) or layer.ndim < 3 or len(point) < layer.ndim:
        return None
    found = _slice(layer, plane, np.asarray(point, float)[-layer.ndim :])
    if found is None:
        return None
    values, scale, offset = found
    sides = (abs(scale[1]), abs(scale[0]))
    colours = _label_colours(layer, values, sides) if isinstance(layer, Labels) else _colours(layer, values)
    smooth = isinstance(layer, Image) and str(layer.interpolation2d) != "nearest"
    lines = None
    if as_lines and _outlined(layer):
        lines = cache(partial(_outlines, layer, values, scale, offset))  # once, however often it is painted
    return Picture(colours, scale, offset, float(layer.opacity), str(layer.blending), smooth, lines)


def _outlined(layer: Layer) -> bool:
    if not isinstance(layer, Labels) or layer.contour < 1:
        return False
    return isinstance(napari_canvas.contour_drawer(layer), TwoToneOutline)


def _outlines(
    layer: Labels, values: np.ndarray, scale: tuple[float, float], offset: tuple[float, float]
) -> list[Outline]:
    found = []
    for number in napari_canvas.contour_drawer(layer).drawn_numbers(values):
        colour = layer.get_color(number)  # None where napari shows only one label
        if colour is not None:
            *mixed, alpha = (float(part) for part in colour)
            stretches = _stretches(values == number, scale, offset)
            found.append(Outline(stretches, (*mixed, alpha * float(layer.opacity))))
    return found


def _stretches(mask: np.ndarray, scale: tuple[float, float], offset: tuple[float, float]) -> np.ndarray:
    return (outline(mask)[..., ::-1] + 0.5) * scale + offset


def outline_of(layer: Labels, number: int, plane: Plane, point: tuple[float, ...]) -> np.ndarray:
    """Stretches around a label in a slice: both ends of each along columns and rows, shape (n, 2, 2)."""
    found = (
        _slice(layer, plane, np.asarray(point, float)[-layer.ndim :]) if len(point) >= layer.ndim else None
    )
    if found is None:
        return np.zeros((0, 2, 2))
    values, scale, offset = found
    return _stretches(values == number, scale, offset)


_Slice = tuple[np.ndarray, tuple[float, float], tuple[float, float]]


def _slice(layer: Image | Labels, plane: Plane, point: np.ndarray) -> _Slice | None:
    data = layer.data[0] if layer.multiscale else layer.data
    start = np.asarray(layer.world_to_data(point), float)
    units = np.eye(layer.ndim)[-3:]
    steps = np.array([np.asarray(layer.world_to_data(point + unit)) - start for unit in units])
    along = np.abs(steps).argmax(1)  # the data axis that each of the viewer's runs along
    rest = np.abs(steps).copy()
    rest[range(3), along] = 0
    if len(set(along)) < 3 or (rest > 1e-3 * np.abs(steps).max()).any():
        return _sampled(layer, data, plane, point, start, steps)
    row, column = int(along[plane.rows]), int(along[plane.columns])
    where: list[int | slice] = []
    for axis, at in enumerate(np.rint(start).astype(int)):
        if axis not in (row, column) and not 0 <= at < data.shape[axis]:
            return None
        where.append(slice(None) if axis in (row, column) else int(at))
    values = np.asarray(data[tuple(where)])
    values = values.swapaxes(0, 1) if row > column else values
    scale, offset = [], []
    for axis, own in ((plane.columns, column), (plane.rows, row)):
        step = float(steps[axis, own])
        scale.append(1 / step)
        offset.append(float(point[axis - 3]) - (0.5 + start[own]) / step)
    return values, (scale[0], scale[1]), (offset[0], offset[1])


def _sampled(
    layer: Image | Labels,
    data: np.ndarray,
    plane: Plane,
    point: np.ndarray,
    start: np.ndarray,
    steps: np.ndarray,
) -> _Slice | None:
    """The same of a layer that is turned: the nearest voxel at each point of a grid."""
    if not isinstance(data, np.ndarray):
        return None
    low, high = (np.asarray(end)[-3:] for end in layer.extent.world)
    finest = 1 / np.linalg.norm(steps, axis=1).max()
    corner, sizes, counts = [], [], []
    for axis in (plane.rows, plane.columns):
        length = float(high[axis] - low[axis]) + finest
        counts.append(int(min(max(np.ceil(length / finest), 1), _MOST)))
        sizes.append(length / counts[-1])
        corner.append(float(low[axis]) - finest / 2)
    rows, columns = (
        corner[i] + sizes[i] * (np.arange(counts[i]) + 0.5) - point[axis - 3]
        for i, axis in enumerate((plane.rows, plane.columns))
    )
    at = start + rows[:, None, None] * steps[plane.rows] + columns[None, :, None] * steps[plane.columns]
    index = np.rint(at).astype(int)
    shape = np.array(data.shape[: layer.ndim])
    inside = ((index >= 0) & (index < shape)).all(-1)
    values = data[tuple(np.moveaxis(np.clip(index, 0, shape - 1), -1, 0))]
    if values.dtype.kind == "f" and values.ndim == 2:
        values = np.where(inside, values, np.nan)
    else:
        values = np.where(inside.reshape(inside.shape + (1,) * (values.ndim - 2)), values, 0)
    return values, (sizes[1], sizes[0]), (corner[1], corner[0])


def _colours(layer: Image, values: np.ndarray) -> np.ndarray:
    if layer.rgb:
        return _true_colours(values)
    low, high = layer.contrast_limits
    table = np.asarray(layer.colormap.map(np.linspace(0, 1, 256)))
    missing = np.isnan(values) if values.dtype.kind == "f" else None
    share = (np.nan_to_num(values.astype(np.float32, copy=False)) - low) / max(high - low, 1e-12)
    share = np.clip(share, 0, 1)
    if layer.gamma != 1:
        share **= layer.gamma
    found = _bytes(table)[np.rint(share * 255).astype(np.uint8)]
    if missing is not None and missing.any():
        found[missing] = _bytes(np.asarray(layer.colormap.nan_color))
    return found


def _true_colours(values: np.ndarray) -> np.ndarray:
    found = values if values.dtype == np.uint8 else _bytes(np.clip(np.nan_to_num(values), 0, 1))
    if found.shape[-1] == 4:
        return np.ascontiguousarray(found)
    return np.concatenate([found, np.full((*found.shape[:2], 1), 255, np.uint8)], axis=2)


def _label_colours(layer: Labels, values: np.ndarray, sides: tuple[float, float]) -> np.ndarray:
    if layer.contour > 0:
        drawer = napari_canvas.contour_drawer(layer)
        values = drawer.of_slice(values, sides) if isinstance(drawer, TwoToneOutline) else _rim(values, sides)
    numbers, which = np.unique(values, return_inverse=True)
    colours = np.asarray(layer.colormap.map(numbers), float).reshape(-1, 4)
    return _bytes(colours)[which.reshape(values.shape)]


def _rim(labels: np.ndarray, sides: tuple[float, float]) -> np.ndarray:
    """Outlines in the labels' own colours alone."""
    found = drawn(labels.astype(np.int64), sides)
    found[found == reserved(found.dtype)] = 0
    return found


def _bytes(colours: np.ndarray) -> np.ndarray:
    return np.rint(np.asarray(colours) * 255).astype(np.uint8)
