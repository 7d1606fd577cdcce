"""Hides all that is drawn over the scan, and brings it back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.layers import Image, Layer
from psygnal import Signal

from napari_uncertainseg.widgets.scans.volumes import is_brain, is_compared, is_result
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


def is_overlay(layer: Layer) -> bool:
    """Whether this plugin has drawn a layer over the scan; what the user paints on one is part of it.

    The user's own layers are not: neither their label layers, nor what a trainee outlines in an exercise. Nor
    is the scan of another visit, which is compared.
    """
    scan = is_compared(layer) and isinstance(layer, Image)
    return is_brain(layer) or (is_result(layer) and not scan)


class OverlayHiding:
    """Hides and shows; each layer comes back as it was.

    Nothing stays hidden by mistake: a new prediction shows all again, a layer whose eye is clicked is shown,
    and once none is left that could come back, nothing counts as hidden.

    Parameters
    ----------
    viewer, layers, case
        Whose layers, and what they show.
    """

    changed = Signal()
    """Overlays are hidden now, or shown, or may be hidden now, or no more."""

    def __init__(self, viewer: ViewerModel, layers: ReviewLayers, case: Case) -> None:
        self._viewer, self._layers, self._case = viewer, layers, case
        self._original = case.original
        self._eyes = Connections()
        events = viewer.layers.events
        self._connections = Connections(
            (events.inserted, self._on_inserted),
            (LayersGone(viewer), self._on_layers),
            (viewer.dims.events.ndisplay, self._on_layers),
            (layers.blinding_changed, self._on_layers),
            (case.prediction_changed, self._on_prediction),
        )

    @property
    def hidden(self) -> bool:
        """Whether overlays are hidden that would be seen now."""
        return self._held is not None and self._in_sight

    @property
    def possible(self) -> bool:
        """Whether there is something to hide or to bring back, on slices, and no exercise hides it anyway."""
        return self._in_sight and any(is_overlay(layer) for layer in self._viewer.layers)

    @property
    def works(self) -> bool:
        """Whether `toggle` changes anything: something is seen that it hides, or hidden that it shows."""
        seen = any(is_overlay(layer) and layer.visible for layer in self._viewer.layers)
        return self.possible and (seen or self._held is not None)

    @property
    def _in_sight(self) -> bool:
        return self._viewer.dims.ndisplay == 2 and not self._layers.blinded

    @property
    def _held(self) -> WeakSet[Layer] | None:
        return self._layers.results.held_back

    def toggle(self) -> None:
        """Hide what is shown, or show what was."""
        if not self.possible:
            return
        if self._held is None:
            self.hide()
        else:
            self.show()

    def hide(self) -> None:
        """Hide all that is shown; napari puts a brush down that is in hand, and takes it up again later."""
        shown = [layer for layer in self._viewer.layers if is_overlay(layer) and layer.visible]
        if self._held is not None or not self.possible or not shown:
            return
        with napari_adding.one_scene_update(self._viewer):
            for layer in shown:
                layer.visible = False
        self._layers.results.held_back = WeakSet(shown)
        for layer in shown:
            self._eyes.connect(layer.events.visible, self._on_eye)
        self.changed.emit()

    def show(self) -> None:
        """Bring back what was hidden. May be called twice."""
        held = self._held
        if held is None:
            return
        self._eyes.disconnect_all()
        self._layers.results.held_back = None
        with napari_adding.one_scene_update(self._viewer):
            for layer in self._viewer.layers:
                if layer in held and not layer.visible:
                    layer.visible = True
        self.changed.emit()

    def _on_inserted(self, event: Any) -> None:
        """Hide with the others what is drawn meanwhile, such as the outline of a lesion that is selected."""
        layer, held = event.value, self._held
        if held is not None and self._in_sight and is_overlay(layer) and layer.visible:
            layer.visible = False
            held.add(layer)
            self._eyes.connect(layer.events.visible, self._on_eye)
        self._on_layers()

    def _on_eye(self, event: Any) -> None:
        """Take note of a layer that was shown by its eye in the list: the others stay hidden."""
        held = self._held
        if held is not None and event.source.visible:
            held.discard(event.source)
            self._on_layers()

    def _on_layers(self, event: Any = None) -> None:
        held = self._held
        left = self._layers.blinded or any(layer in (held or ()) for layer in self._viewer.layers)
        if held is not None and not left:
            self._eyes.disconnect_all()
            self._layers.results.held_back = None
        self.changed.emit()

    def _on_prediction(self) -> None:
        """Show what a new run has found; not what a recalibration has changed."""
        if self._case.original is not self._original:
            self._original = self._case.original
            self.show()
        self.changed.emit()

    def cleanup(self) -> None:
        """Bring back what is hidden: nobody could, with the bar gone. May be called twice."""
        if self._layers.blinded:  # they are brought back, hidden, when the exercise ends
            self._eyes.disconnect_all()
            self._layers.results.held_back = None
        self.show()
        self._connections.disconnect_all()
