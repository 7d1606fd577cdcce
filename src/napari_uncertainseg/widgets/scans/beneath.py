"""A scan that comes in beside a case and is not of it never lies over it unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.scans.layer_reader import LayerData
from napari_uncertainseg.widgets.shared.form_helpers import notice

if TYPE_CHECKING:
    from napari.components import ViewerModel


def lies_beneath(name: str, case: str) -> str:
    """What is said of a scan that was hidden."""
    return (
        f"'{name}' is not of the case {case}: it lies hidden below the case's scan. Its eye in the list of "
        "layers shows it. To compare with another visit, use 'Open last visit...' in the menu of the scan."
    )


def hidden(layers: Sequence[LayerData], which: Sequence[int]) -> list[LayerData]:
    """Layers that were read, some of them hidden.

    Parameters
    ----------
    layers
        Data, options and type.
    which
        Positions of those that are to be hidden.
    """
    return [
        (data, {**options, "visible": False} if index in which else options, kind)
        for index, (data, options, kind) in enumerate(layers)
    ]


class Beneath:
    """Moves scans below another once napari has added them, and says so.

    Parameters
    ----------
    viewer
        Whose layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._waiting: list[tuple[Any, Layer, str]] = []
        self._later = QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._move)

    def put(
        self, layers: Sequence[LayerData], which: Sequence[int], over: Layer, case: str
    ) -> list[LayerData]:
        """Hide some of the layers, and move them below a scan when they are there."""
        self._waiting += [(layers[index][0], over, case) for index in which]
        if which:
            self._later.start()
        return hidden(layers, which)

    def _move(self) -> None:
        waiting, self._waiting = self._waiting, []
        layers, names = self._viewer.layers, []
        for data, over, case in waiting:
            layer = next((each for each in layers if each.data is data), None)
            if layer is None:
                continue
            names.append(lies_beneath(layer.name, case))
            if over in layers and layers.index(layer) > layers.index(over):
                layers.move(layers.index(layer), layers.index(over))
        if names:
            show_info(notice("\n".join(names)))

    def cleanup(self) -> None:
        """Move nothing any more. May be called twice."""
        self._later.stop()
        self._waiting.clear()
