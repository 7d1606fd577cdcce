"""Layers are added, changed and taken out with as little work of napari's as the screen needs.

A part of `napari_internals`, under its rules.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_uncertainseg.widgets.shared.napari_internals import cells_held

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_DRAWING_AIDS = ("polygon", "brush_stroke")
_NOT_DRAWN_ON = "pan_zoom"
_PLACE = "_update_overlay_canvas_positions"
_FREED_AT_ONCE = sys.platform == "win32"


def add_quietly(viewer: ViewerModel, layer: Layer, index: int | None = None) -> None:
    """Add a layer, on top or before another; the one that is active, or none, stays so.

    `viewer.add_layer` (public) makes each new layer the active one. To give it back afterwards fills napari's
    controls three times, which takes longer than all else, and takes a brush out of the reader's hand.
    """
    put_off_drawing_aids(layer)
    layers = viewer.layers
    before, layers._activate_on_insert = layers._activate_on_insert, False
    try:
        with _placed_once(_canvas(viewer)):
            layers.insert(len(layers) if index is None else index, layer)
    finally:
        layers._activate_on_insert = before


def remove_quietly(viewer: ViewerModel, layers: Iterable[Layer]) -> None:
    """Take layers out, those that are there, and let the canvas follow once.

    Each removal of napari's own (public), and a `batched_update` of several, collects all garbage, which
    takes as long as a layer that comes. It is there for what graphics drivers of Windows do with textures
    that are freed late, and stays there; elsewhere `SparedObjects` collects a moment later, when nobody is
    kept waiting.
    """
    once = viewer.layers.batched_update if _FREED_AT_ONCE else lambda: one_scene_update(viewer)
    there = [layer for layer in layers if layer in viewer.layers]
    if there:
        with once():
            for layer in there:
                if layer in viewer.layers:  # what is drawn over another may have gone with it
                    viewer.layers.remove(layer)


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
    canvas = _canvas(viewer)
    if canvas is None or canvas._pause_scene_graph:
        yield
        return
    canvas._pause_scene_graph = True
    try:
        yield
    finally:
        canvas._pause_scene_graph = False
        with _placed_once(canvas), cells_held(viewer):
            canvas._update_scenegraph()


def hold_followers(viewer: ViewerModel) -> Callable[[], list[Callable[[], object]]] | None:
    """Let napari's controls, buttons and canvas not follow while several layers are removed in one batch.

    To block the signals (public) would also keep the list of layers from following.

    Returns
    -------
    Callable or None
        Lets them follow again, and gives what is still to be done for each layer that went, in any turn: its
        controls are let go of. None without a window.
    """
    canvas = _canvas(viewer)
    if canvas is None:
        return None
    qt_viewer = viewer.window._qt_viewer  # type: ignore[attr-defined]
    controls, buttons = qt_viewer.controls, qt_viewer.layerButtons._on_selection_changed
    events, changed = viewer.layers.events, viewer.layers.selection.events.changed
    gone: list[Any] = []

    def on_removed(event: Any) -> None:
        if (widget := controls.widgets.pop(event.value, None)) is not None:
            gone.append(widget)

    held = [(changed, controls._populate), (changed, buttons)]
    held += [(events.removed, buttons), (events.removed, controls._remove)]
    if not _FREED_AT_ONCE:
        held.append((events.end_batch, canvas._resume_scene_graph_update))
    for signal, slot in held:
        signal.disconnect(slot)
    events.removed.connect(on_removed)

    def follow() -> list[Callable[[], object]]:
        events.removed.disconnect(on_removed)
        for signal, slot in held:
            signal.connect(slot)
        if not _FREED_AT_ONCE:
            canvas._pause_scene_graph = False
            with _placed_once(canvas):
                canvas._update_scenegraph()
        controls._populate()
        buttons()
        return [partial(_let_go, controls, widget) for widget in gone]

    return follow


def _let_go(controls: Any, widget: Any) -> None:
    """What napari's `_remove` does with the controls of one layer."""
    controls.removeWidget(widget)
    widget.hide()
    widget.deleteLater()


def _canvas(viewer: ViewerModel) -> Any:
    """The canvas of napari; None without a window, or where it is closed, and its layers go."""
    window = getattr(viewer, "window", None)
    if window is None or getattr(window, "_qt_window", None) is None:
        return None
    return window._qt_viewer.canvas


@contextmanager
def _placed_once(canvas: Any) -> Iterator[None]:
    """Place the texts and bars over the canvas once, at the end.

    napari places all of them anew for each layer whenever one comes, goes or is hidden. There is no public
    way: what it offers (`overlay_tiling`) only says where.
    """
    if canvas is None or _PLACE in vars(canvas):
        yield
        return
    setattr(canvas, _PLACE, canvas._defer_canvas_overlay_position_update)
    try:
        yield
    finally:
        delattr(canvas, _PLACE)
        getattr(canvas, _PLACE)()
