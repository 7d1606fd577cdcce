"""Tables of measurements that the user saves and opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QWidget

from napari_uncertainseg.images.measures.records import FILE, Measurement, cases_in, read, write
from napari_uncertainseg.images.measures.shapes import Slice
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.widgets.reading_bar.measure import texts
from napari_uncertainseg.widgets.reading_bar.measure.measured import Measured
from napari_uncertainseg.widgets.scans.segmented_scan import file_of
from napari_uncertainseg.widgets.shared.dialogs import ask_file, ask_table, ask_yes_no_cancel

Table = tuple[tuple[Measurement, ...], Grid, str, str, Callable[[Slice], int]]
"""Measurements, the scan's grid, the names of the case and of the scan, and the number of a slice."""


class TableFiles:
    """Asks for a file, and writes the measurements into it, or adds those that are in it.

    Parameters
    ----------
    window
        Qt parent of dialogs.
    measured
        The measurements.
    table
        What is written now; None where no scan is measured on.
    attempt
        Does something, and tells the user why it failed where it did.
    """

    def __init__(
        self,
        window: QWidget,
        measured: Measured,
        table: Callable[[], Table | None],
        attempt: Callable[[Callable[[], object]], None],
    ) -> None:
        self._window, self._measured, self._table, self._attempt = window, measured, table, attempt

    def ask_save(self) -> None:
        """Ask for a file, and write all measurements into it."""
        table = self._table()
        if table is None:
            return
        path = ask_file(self._window, texts.SAVE_ITEM, file_of(table[2], FILE), texts.KINDS_OF_FILES)
        table = self._table()  # as it is once a file is chosen
        if path is not None and table is not None:
            self._attempt(lambda: write(path, *table))

    def ask_open(self) -> None:
        """Ask for a table, and add what is in it."""
        path = ask_table(self._window, texts.OPEN_ITEM)
        if path is not None:
            self.open(path)

    def open(self, path: Path) -> None:
        """Add the measurements of a table to those that are there."""
        table = self._table()
        if table is not None:
            _, grid, name, *_ = table
            self._attempt(lambda: self._add_from(path, grid, name))

    def _add_from(self, path: Path, grid: Grid, name: str) -> None:
        made = read(path, grid)
        others = [case for case in cases_in(path) if case != name]
        question = texts.of_another(path.name, others[0], name) if others else ""
        if question and not ask_yes_no_cancel(
            self._window, texts.OPEN_ITEM, question, texts.OPEN_ANYWAY, None
        ):
            return
        self._measured.add(*made)
