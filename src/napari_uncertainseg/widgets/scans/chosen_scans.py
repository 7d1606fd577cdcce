"""The scans that are chosen to be segmented, for whoever wants to say whose they are."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from napari.layers import Layer


class ChosenScans:
    """What the Segment dock has chosen."""

    changed = Signal()
    """Other layers are chosen."""

    def __init__(self) -> None:
        self._layers: tuple[weakref.ref[Layer] | None, ...] = ()

    @property
    def flair(self) -> Layer | None:
        """The layer that would be segmented; None where none is chosen."""
        first = self._layers[0] if self._layers else None
        return None if first is None else first()

    @property
    def layers(self) -> list[Layer]:
        """It, the other scans and the brain mask that are chosen with it."""
        held = [None if each is None else each() for each in self._layers]
        return [layer for layer in held if layer is not None]

    def announce(self, layers: Sequence[Layer | None]) -> None:
        """Take over what is chosen, the FLAIR first; empty where nothing is."""
        before = [None if each is None else each() for each in self._layers]
        if before != list(layers):
            self._layers = tuple(None if layer is None else weakref.ref(layer) for layer in layers)
            self.changed.emit()
