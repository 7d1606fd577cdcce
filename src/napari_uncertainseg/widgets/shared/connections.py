"""Signals that somebody listens to, so that all can be disconnected at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Connections:
    """Connects slots to signals of psygnal, Qt or napari, and remembers them.

    Parameters
    ----------
    pairs
        Signals with their slots, connected at once.
    """

    def __init__(self, *pairs: tuple[Any, Callable[..., object]]) -> None:
        self._pairs: list[tuple[Any, Callable[..., object]]] = []
        for signal, slot in pairs:
            self.connect(signal, slot)

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a slot to a signal."""
        signal.connect(slot)
        self._pairs.append((signal, slot))

    def disconnect_all(self) -> None:
        """Disconnect all. May be called twice."""
        while self._pairs:
            signal, slot = self._pairs.pop()
            signal.disconnect(slot)
