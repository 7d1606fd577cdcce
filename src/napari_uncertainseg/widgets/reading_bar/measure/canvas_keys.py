"""Keys that work on the canvas while something is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Shapes

_NAPARIS = ("R", "E", "L", "T", "P", "Shift-P", "Shift-L", "1", "2", "4", "5", "7", "F", "B", "A")
"""With which napari draws and changes shapes of its own."""


def bind(layer: Shapes, keys: Mapping[str, Callable[[], object]], end: Callable[[], object]) -> None:
    """Bind keys while a layer is active; those with which napari draws shapes of its own end drawing.

    Parameters
    ----------
    layer
        Of the measurements.
    keys
        What each key calls, by napari's name of the key.
    end
        Ends drawing, and gives the active layer back.
    """
    for key, do in (dict.fromkeys(_NAPARIS, end) | dict(keys)).items():
        layer.bind_key(key, _without_layer(do), overwrite=True)


def _without_layer(do: Callable[[], object]) -> Callable[[object], None]:
    """For napari, which hands over the layer."""

    def pressed(layer: object) -> None:
        do()

    return pressed
