"""A list of places: a click on a row goes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtWidgets import QWidget

from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table


class LocationTable(NumberTable):
    """One row per place, numbered from 1.

    Parameters
    ----------
    go_to
        Shows a place.
    parent
        Qt parent.
    name
        What it shows, for programs that read the screen aloud.
    """

    def __init__(
        self, go_to: Callable[[Voxel], None], parent: QWidget | None = None, *, name: str = ""
    ) -> None:
        super().__init__(parent, name=name)
        self._go_to = go_to
        self._places: Sequence[Voxel] = ()
        self.itemSelectionChanged.connect(self._look)

    def show_places(
        self, places: Sequence[Voxel], columns: tuple[str, ...], cells: Sequence[tuple[str, ...]]
    ) -> None:
        """Show other places, with what is said of each."""
        self._places = places
        rows = tuple(str(i) for i in range(1, len(places) + 1))
        self.show_table(Table(rows, columns, tuple(cells)))

    def _look(self) -> None:
        row = self.selected_row
        if row is not None:
            self._go_to(self._places[row])
