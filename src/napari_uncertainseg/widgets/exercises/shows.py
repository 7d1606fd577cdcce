"""What an exercise needs of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.annotator_outline import AnnotatorOutline
    from napari_uncertainseg.widgets.layers.user_labels import UserLabels


class Shows(Protocol):
    """What an exercise needs of the viewer."""

    @property
    def user_labels(self) -> UserLabels:
        """The user's label layers."""

    @property
    def own_outline(self) -> AnnotatorOutline:
        """The layer to paint on, and how it compares with the consensus."""

    def blind(self, then: Callable[[], object]) -> None:
        """Hide everything but the scans; `then` is called once all is hidden."""

    def point_at(self, voxel: tuple[int, int, int]) -> None:
        """Go to a voxel, and draw a ring around it."""

    def reveal(self, name: str) -> None:
        """Show a layer that the user may have hidden."""

    def unblind(self) -> None:
        """Show everything as before, at once."""

    def unblind_soon(self, then: Callable[[], object]) -> None:
        """Show everything as before; `then` is called once all is shown."""
