"""Where the viewer looks: the slice that is shown, and how a lesion is framed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_FIELD = 100.0
"""How much is seen around a lesion, mm: enough to tell where in the brain it lies."""


def shown_axes(viewer: ViewerModel, layer: Layer) -> list[int]:
    """The axes of a layer that are shown, in the order in which they are."""
    extra = viewer.dims.ndim - layer.ndim
    return [axis - extra for axis in viewer.dims.displayed if axis >= extra]


def move_to(viewer: ViewerModel, layer: Layer, voxel: Sequence[int]) -> np.ndarray:
    """Show the slice with a voxel of a layer; returns the voxel's place in the world."""
    world = np.asarray(layer.data_to_world(voxel))
    viewer.dims.set_point(range(viewer.dims.ndim - layer.ndim, viewer.dims.ndim), world)
    return world


def frame(
    viewer: ViewerModel,
    layer: Layer,
    voxel: Sequence[int],
    size: Sequence[float],
    our_zoom: float | None,
) -> float | None:
    """Bring a voxel into view, and its lesion to a size at which it can be judged.

    Parameters
    ----------
    viewer, layer
        The viewer, and the layer whose voxels are meant.
    voxel
        Index into the layer.
    size
        Extent of the lesion along the layer's axes, mm.
    our_zoom
        The zoom that was last set here. A viewer with another zoom has been zoomed by the user,
        who then keeps it unless the lesion does not fit.

    Returns
    -------
    float or None
        The zoom that was set here last.
    """
    world = move_to(viewer, layer, voxel)
    shown = shown_axes(viewer, layer)
    viewer.scene.camera.center = (0.0,) * (3 - len(shown)) + tuple(float(world[axis]) for axis in shown)
    canvas = min(viewer.canvas.size)
    extent = max(size[axis] for axis in shown)
    zoomed_by_user = our_zoom is not None and not np.isclose(viewer.scene.camera.zoom, our_zoom)
    if zoomed_by_user and extent <= canvas / viewer.scene.camera.zoom:
        return our_zoom
    viewer.scene.camera.zoom = canvas / max(_FIELD, 1.5 * extent)
    return float(viewer.scene.camera.zoom)


def show_field(
    viewer: ViewerModel, layer: Layer, world: np.ndarray, field: float | None, *, needs: float
) -> None:
    """Centre the view on a place, and zoom to a field of view.

    Parameters
    ----------
    viewer, layer
        The viewer, and a layer whose whole slice is the largest field.
    world
        The place, along the layer's axes in the world.
    field
        What the shorter side of the canvas is to show, mm. None: the zoom stays, and the centre too unless a
        part of what is needed lies outside the canvas.
    needs
        What has to be seen around the place without a zoom, mm.
    """
    camera, shown = viewer.scene.camera, shown_axes(viewer, layer)
    place = np.array([float(world[axis]) for axis in shown])
    if field is None:
        half = _canvas(viewer, len(shown)) / 2 / camera.zoom - needs / 2
        if (np.abs(place - np.asarray(camera.center)[-len(shown) :]) <= half).all():
            return
    else:
        camera.zoom = max(min(viewer.canvas.size) / field, _whole(viewer, layer)[1])
    camera.center = (0.0,) * (3 - len(shown)) + tuple(place)


def whole_slice(viewer: ViewerModel, layer: Layer) -> None:
    """Show all of a layer's slice."""
    middle, zoom = _whole(viewer, layer)
    viewer.scene.camera.center = (0.0,) * (3 - len(middle)) + tuple(middle)
    viewer.scene.camera.zoom = zoom


def whole_zoom(viewer: ViewerModel, layer: Layer) -> float:
    """The zoom at which all of a layer's slice is seen."""
    return _whole(viewer, layer)[1]


def _whole(viewer: ViewerModel, layer: Layer) -> tuple[np.ndarray, float]:
    """Middle of a layer along the axes that are shown, and the zoom at which all of its slice is seen."""
    shown = shown_axes(viewer, layer)
    low, high = np.asarray(layer.extent.world)[:, shown]
    sides = high - low + np.asarray(layer.extent.step)[shown]  # from the middle of voxels to their sides
    return (low + high) / 2, float((_canvas(viewer, len(shown)) / sides).min())


def _canvas(viewer: ViewerModel, axes: int) -> np.ndarray:
    """Pixels of the canvas along the axes that are shown; in 3-D, which turns, the shorter side for each."""
    size = np.array(viewer.canvas.size, float)
    return size[-axes:] if axes <= len(size) else np.full(axes, size.min())


def bring_into_view(viewer: ViewerModel, world: np.ndarray) -> None:
    """In 3-D, move the camera to a place only where that is off the canvas; it is the slice in 2-D.

    Parameters
    ----------
    world
        Shape (3,), along the viewer's last three axes.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    dims.set_point(range(dims.ndim - 3, dims.ndim), world)
    shown = [axis - (dims.ndim - 3) for axis in dims.displayed]  # the camera has them in this order
    if min(shown) < 0:
        return
    place = np.asarray(world, float)[shown]
    apart = place - np.asarray(camera.center)
    ahead = np.asarray(camera.view_direction)
    off_centre = float(np.linalg.norm(apart - (apart @ ahead) * ahead))
    if off_centre * camera.zoom > 0.45 * min(viewer.canvas.size):
        camera.center = tuple(float(value) for value in place)


def centre_in_plane(viewer: ViewerModel) -> None:
    """On slices, move the camera to the viewer's point where that is off the canvas."""
    dims, camera = viewer.dims, viewer.scene.camera
    place = np.array([float(dims.point[axis]) for axis in dims.displayed])
    half = _canvas(viewer, len(place)) / 2 / max(camera.zoom, 1e-6)
    if (np.abs(place - np.asarray(camera.center)[-len(place) :]) > half).any():
        camera.center = (0.0,) * (3 - len(place)) + tuple(place)


def current_slice(viewer: ViewerModel, layer: Layer | None) -> tuple[int, int]:
    """Axis of the layer across the screen (the first in 3-D), and the index on it; without a layer 0, 0."""
    if layer is None:
        return 0, 0
    extra = viewer.dims.ndim - layer.ndim
    hidden = [axis - extra for axis in viewer.dims.not_displayed if axis >= extra]
    axis = hidden[0] if hidden else 0
    voxel = layer.world_to_data(viewer.dims.point)
    index = round(float(voxel[axis]))
    return axis, min(max(index, 0), layer.data.shape[axis] - 1)
