"""What the mouse does to a viewer in two dimensions: other slices, zoom and pan. napari's public parts do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QRect

from napari_uncertainseg.widgets.scans.top_scan import top_scan

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_ZOOM = 1.007**30
"""Factor of one notch of the wheel: as in napari."""
_LEAST_ZOOM, _MOST_ZOOM = 1e-3, 1e3
"""Pixels of the screen for one unit of the world: beyond, nothing can be seen."""


def scrolled_axis(viewer: ViewerModel) -> int | None:
    """The viewer's axis across the screen; None where there is none with more than one slice.

    Where there are more, as in a series of volumes, it is the last: that of the volume, not that of time.
    """
    dims = viewer.dims
    if dims.ndisplay != 2:
        return None
    return max((axis for axis in dims.not_displayed if dims.nsteps[axis] > 1), default=None)


def shown_slice(viewer: ViewerModel) -> tuple[object, ...]:
    """Which slice is shown, in which orientation: equal as long as the same is."""
    dims = viewer.dims
    return dims.ndisplay, dims.order, *(dims.current_step[axis] for axis in dims.not_displayed)


def scroll(viewer: ViewerModel, slices: int) -> None:
    """Show another slice of the scan on top, so many up or down; napari keeps within its range.

    One step is one slice of that scan: the viewer's own steps are as small as those of the finest layer,
    and several of them would show one thick slice again and again.
    """
    axis = scrolled_axis(viewer)
    if axis is None:
        return
    dims, scan = viewer.dims, top_scan(viewer)
    own = axis - (dims.ndim - 3)
    if scan is None or scan.ndim != 3 or own < 0 or not _lies_straight(scan.world_to_data, own):
        dims.set_current_step(axis, dims.current_step[axis] + slices)
        return
    world = np.array(dims.point[-3:], float)
    voxel = np.array(scan.world_to_data(world), float)
    up = np.sign(float(scan.world_to_data(world + np.eye(3)[own])[own]) - voxel[own]) or 1.0
    voxel[own] = np.rint(voxel[own]) + up * slices
    dims.set_point(axis, float(scan.data_to_world(voxel)[own]))


def _lies_straight(world_to_data: Callable[[np.ndarray], Any], axis: int) -> bool:
    """Whether slices of a layer lie in the plane of the screen."""
    start = np.array(world_to_data(np.zeros(3)), float)
    steps = np.array([np.array(world_to_data(one), float) - start for one in np.eye(3)])
    across = np.abs(steps[axis])
    return bool(across[axis] > 0 and np.isclose(across.sum(), across[axis]))


def from_middle(viewer: ViewerModel, x: float, y: float) -> np.ndarray:
    """Where a pixel lies from the middle of its view, along the two displayed axes, in pixels.

    Parameters
    ----------
    viewer
        Whose canvas.
    x, y
        From the canvas' upper left corner. In napari's grid, each view has a middle of its own.
    """
    place, size = np.array((y, x), float), np.array(viewer.canvas.viewbox_size(viewer.layers), float)
    if viewer.canvas.grid.enabled:
        place = place - _period(viewer) * cell_at(viewer, x, y)
    return (place - size / 2) * _signs(viewer)


def cell_at(viewer: ViewerModel, x: float, y: float) -> tuple[int, int]:
    """Row and column of napari's grid in which a pixel of the canvas lies; (0, 0) where there is no grid."""
    if not viewer.canvas.grid.enabled:
        return 0, 0
    last = np.array(viewer.canvas.grid.actual_shape(viewer.layers)) - 1
    row, column = np.clip(np.floor(np.array((y, x), float) / _period(viewer)), 0, last)
    return int(row), int(column)


def layers_in(viewer: ViewerModel, cell: tuple[int, int]) -> list[Layer] | None:
    """The layers that a cell of napari's grid shows; None for all, where there is no such cell."""
    if not viewer.canvas.grid.enabled:
        return None
    shown = viewer.canvas.grid.contents_at(cell, viewer.layers)
    return [viewer.layers[index] for index in shown] or None  # the cell may have gone


def cell_area(viewer: ViewerModel, cell: tuple[int, int]) -> QRect:
    """Where a cell of napari's grid lies on the canvas, in pixels."""
    top, left = _period(viewer) * cell
    height, width = viewer.canvas.viewbox_size(viewer.layers)
    return QRect(round(left), round(top), round(width), round(height))


def _period(viewer: ViewerModel) -> np.ndarray:
    """Pixels from one cell of the grid to the next, down and to the right."""
    whole = np.array(viewer.canvas.size, float)
    size = np.array(viewer.canvas.viewbox_size(viewer.layers), float)
    shape = np.array(viewer.canvas.grid.actual_shape(viewer.layers), float)
    return np.asarray(size + (whole - shape * size) / np.maximum(shape - 1, 1))


def _signs(viewer: ViewerModel) -> np.ndarray:
    vertical, horizontal = viewer.scene.camera.orientation2d
    return np.array((1 if str(vertical) == "down" else -1, 1 if str(horizontal) == "right" else -1), float)


def zoom_at(viewer: ViewerModel, notches: float, x: float, y: float) -> None:
    """Zoom so that what lies under a pixel stays there; positive notches zoom in."""
    camera = viewer.scene.camera
    zoom = float(np.clip(camera.zoom * _ZOOM**notches, _LEAST_ZOOM, _MOST_ZOOM))
    away = from_middle(viewer, x, y)
    _move(viewer, away / camera.zoom - away / zoom)
    camera.zoom = zoom


def pan(viewer: ViewerModel, dx: float, dy: float) -> None:
    """Let the picture follow the mouse by so many pixels to the right and down."""
    _move(viewer, -np.array((dy, dx), float) * _signs(viewer) / viewer.scene.camera.zoom)


def _move(viewer: ViewerModel, by: np.ndarray) -> None:
    """Look at another place, along the two displayed axes in the world's units."""
    camera = viewer.scene.camera
    down, right = (float(value) for value in np.array(camera.center[-2:]) + by)
    camera.center = (camera.center[0], down, right)
