"""What an exercise needs of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.user_labels import UserLabels


class Shows(Protocol):
    """What an exercise needs of the viewer."""

    @property
    def user_labels(self) -> UserLabels:
        """The user's label layers."""

    def blind(self, then: Callable[[], object]) -> None:
        """Hide everything but the scans; `then` is called once all is hidden."""

    def point_at(self, voxel: tuple[int, int, int]) -> None:
        """Go to a voxel, and draw a ring around it."""

    def begin_outline(self) -> None:
        """Add an empty label layer to paint on."""

    def outlined(self) -> np.ndarray:
        """The labels painted on it: integers, shape of the grid."""

    def reveal(self, name: str) -> None:
        """Show a layer that the user may have hidden."""

    def compare_outline(self, sides: np.ndarray) -> None:
        """Show who marked which voxel as lesion: values of `Side`, shape of the grid."""

    def unblind(self) -> None:
        """Show everything as before, at once."""

    def unblind_soon(self, then: Callable[[], object]) -> None:
        """Show everything as before; `then` is called once all is shown."""
