"""Layers are added, and several changed, with as little work of napari's as the screen needs.

A part of `napari_internals`, under its rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_DRAWING_AIDS = ("polygon", "brush_stroke")
_NOT_DRAWN_ON = "pan_zoom"


def add_quietly(viewer: ViewerModel, layer: Layer, index: int | None = None) -> None:
    """Add a layer, on top or before another; the one that is active, or none, stays so.

    `viewer.add_layer` (public) makes each new layer the active one. To give it back afterwards fills napari's
    controls three times, which takes longer than all else, and takes a brush out of the reader's hand.
    """
    put_off_drawing_aids(layer)
    layers = viewer.layers
    before, layers._activate_on_insert = layers._activate_on_insert, False
    try:
        layers.insert(len(layers) if index is None else index, layer)
    finally:
        layers._activate_on_insert = before


def put_off_drawing_aids(layer: Layer) -> Layer:
    """Make what napari draws of a brush's stroke and of a polygon only once the layer is drawn on.

    It makes both for each layer of labels that is shown, which takes longer than the labels themselves.
    No public way leads to them. A layer that is drawn on already, and comes back, has them at once. The layer
    is given back.
    """
    if getattr(layer, "mode", _NOT_DRAWN_ON) != _NOT_DRAWN_ON:
        return layer
    aids = [layer._overlays[name] for name in _DRAWING_AIDS if name in layer._overlays]
    for aid in aids:
        aid.visible = False
    if aids:
        layer.events.mode.connect(_show_drawing_aids)
    return layer


def _show_drawing_aids(event: Any) -> None:
    for name in _DRAWING_AIDS:
        event.source._overlays[name].visible = True


@contextmanager
def one_scene_update(viewer: ViewerModel) -> Iterator[None]:
    """Change several layers, or the grid of canvases, and let the canvas follow once, at the end.

    `viewer.layers.batched_update` (public) does so too, but then collects all garbage and waits for the
    graphics card, as is needed only where layers are removed.
    """
    window = getattr(viewer, "window", None)
    if window is not None and getattr(window, "_qt_window", None) is None:  # it is closed, and its layers go
        window = None
    canvas = None if window is None else window._qt_viewer.canvas
    if canvas is None or canvas._pause_scene_graph:
        yield
        return
    canvas._pause_scene_graph = True
    try:
        yield
    finally:
        canvas._pause_scene_graph = False
        canvas._update_scenegraph()
