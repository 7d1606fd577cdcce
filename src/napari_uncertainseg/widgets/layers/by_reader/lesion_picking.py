"""A click on an outlined lesion selects it, as a click in the list does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer

if TYPE_CHECKING:
    from napari.components import ViewerModel

_STILL = 3.0
"""Pixels that the mouse may move between press and release: more is a drag."""


class LesionPicking:
    """Hears of clicks on the layers of lesions and candidates while the viewer pans and zooms.

    Parameters
    ----------
    viewer
        Where.
    layers
        Those of lesions, then those of candidates, as they are at the click.
    pick
        Called with the number of a lesion, or minus that of a candidate.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        layers: Callable[[], tuple[Layer | None, Layer | None]],
        pick: Callable[[int], None],
    ) -> None:
        self._viewer, self._layers, self._pick = viewer, layers, pick
        viewer.mouse_drag_callbacks.append(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        start = np.asarray(event.pos, float)
        yield
        while event.type == "mouse_move":
            yield
        if is_plain_click(self._viewer, event, start):
            self.pick_at(event.position)

    def pick_at(self, world: Any) -> None:
        """Pick what is outlined at a place in the viewer's world, if anything is."""
        for sign, layer in zip((1, -1), self._layers(), strict=True):
            if layer is None or not layer.visible:
                continue
            at = np.rint(layer.world_to_data(world)).astype(int)
            if (at >= 0).all() and (at < layer.data.shape).all() and (number := int(layer.data[tuple(at)])):
                self._pick(sign * number)
                return

    def cleanup(self) -> None:
        """Hear of nothing any more. May be called twice."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)


def is_plain_click(viewer: ViewerModel, event: Any, start: np.ndarray) -> bool:
    """Whether a left button that was let go on a slice was a click that no tool and no brush has used.

    Parameters
    ----------
    viewer, event
        Napari's, of the release.
    start
        Pixel on the canvas where the button was pressed.
    """
    active = viewer.layers.selection.active
    paints = isinstance(active, Labels) and active.mode != "pan_zoom"
    paints = paints or (active is not None and not active.mouse_pan)  # something else is drawn
    moved = np.abs(np.asarray(event.pos, float) - start).max() > _STILL
    used = event.handled or paints or moved or event.modifiers
    return event.button == 1 and not used and viewer.dims.ndisplay == 2
