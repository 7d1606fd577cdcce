"""Whether the user has painted on a brain mask of their own since it was opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Layer


class OwnMasks:
    """Remembers what label layers held when they were first seen."""

    def __init__(self) -> None:
        self._first: WeakKeyDictionary[Layer, str] = WeakKeyDictionary()

    def see(self, layers: Iterable[Layer]) -> None:
        """Remember the voxels of layers that are new."""
        for layer in layers:
            if layer not in self._first:
                self._first[layer] = digest_of(layer)

    def painted(self, layer: Layer) -> bool:
        """Whether other voxels are marked now; False for a layer that was never seen."""
        return layer in self._first and self._first[layer] != digest_of(layer)


def digest_of(layer: Layer) -> str:
    """A digest of which voxels are not 0; empty where a layer cannot be a mask."""
    if layer.multiscale:
        return ""
    return hashlib.sha256(np.packbits(np.asarray(layer.data) != 0).tobytes()).hexdigest()
