"""Small tables of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip


@dataclass(frozen=True)
class Table:
    """What a table shows.

    Attributes
    ----------
    rows, columns
        Titles.
    cells
        Text, by row.
    definitions
        Tooltips of columns or rows, by title.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    definitions: dict[str, str] = field(default_factory=dict)


def format_number(value: float, digits: int = 2) -> str:
    """A number as a table shows it: "-" where it is not defined."""
    if math.isnan(value):
        return "-"
    return "infinite" if math.isinf(value) else f"{round(value, digits) + 0.0:.{digits}f}"  # never -0.00


class NumberTable(QTableWidget):
    """A table to read and to copy from.

    Parameters
    ----------
    parent
        Qt parent.
    name
        What it shows, for programs that read the screen aloud.
    """

    def __init__(self, parent: QWidget | None = None, *, name: str = "") -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        across, down = self.horizontalHeader(), self.verticalHeader()
        assert across is not None and down is not None
        across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        down.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        down.setDefaultSectionSize(24)
        for header in (across, down):  # napari pads them, so that titles lie lower than their rows
            header.setStyleSheet("QHeaderView { padding: 0px; }")

    @property
    def selected_row(self) -> int | None:
        """Index of the one row in which something is selected; None where there is none, or are several."""
        rows = {index.row() for index in self.selectedIndexes()}
        return rows.pop() if len(rows) == 1 else None

    def show_table(self, table: Table) -> None:
        """Show other content."""
        self.clear()
        across = self.horizontalHeader()
        assert across is not None
        across.setVisible(any(table.columns))
        self.setRowCount(len(table.rows))
        self.setColumnCount(len(table.columns))
        for i, title in enumerate(table.rows):
            self.setVerticalHeaderItem(i, _header(title, table))
        for j, title in enumerate(table.columns):
            self.setHorizontalHeaderItem(j, _header(title, table))
        for i, row in enumerate(table.cells):
            for j, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(
                    table.definitions.get(table.rows[i], table.definitions.get(table.columns[j], ""))
                )
                self.setItem(i, j, item)


def _header(title: str, table: Table) -> QTableWidgetItem:
    item = QTableWidgetItem(title)
    item.setToolTip(table.definitions.get(title) or plain_tooltip(title))
    return item
