"""Measurements stay over all other layers, and their lines as thin at any zoom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.reading_bar.measure.drawing import Drawing
from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari import Viewer

_ZOOM_MS = 60
"""After the last step of the wheel, lines get their width again."""


class KeptSeen:
    """Follows the order of layers and the zoom.

    Parameters
    ----------
    viewer, drawing
        Whose layer is raised and drawn again.
    """

    def __init__(self, viewer: Viewer, drawing: Drawing) -> None:
        self._zoomed = _timer(_ZOOM_MS, drawing.redraw)
        self._moved = _timer(0, drawing.raise_to_top)  # napari is not done when it tells
        events = viewer.layers.events
        self._connections = Connections(
            (events.inserted, self._on_order),
            (events.reordered, self._on_order),
            (viewer.scene.camera.events.zoom, self._on_zoom),
        )

    def _on_order(self, event: object = None) -> None:
        self._moved.start()

    def _on_zoom(self, event: object = None) -> None:
        self._zoomed.start()

    def cleanup(self) -> None:
        """Let go of the viewer. May be called twice."""
        self._connections.disconnect_all()
        self._zoomed.stop()
        self._moved.stop()


def _timer(milliseconds: int, do: Callable[[], None]) -> QTimer:
    timer = QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(do)
    return timer
