"""The lesions of the reference that were missed, as rows."""

from __future__ import annotations

import pandas as pd
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_uncertainseg.widgets.lesions.agreement import texts


class MissedList(QTableWidget):
    """Rows of missed lesions, the largest first."""

    chosen = Signal(int)
    """The user chose one: its number in the reference."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(texts.MISSED_COLUMNS), parent)
        self.setAccessibleName(texts.MISSED_NAME)
        self.setHorizontalHeaderLabels(list(texts.MISSED_COLUMNS))
        for column, tip in enumerate(texts.MISSED_TIPS):
            title = self.horizontalHeaderItem(column)
            assert title is not None
            title.setToolTip(tip)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None and header is not None
        rows.hide()
        rows.setDefaultSectionSize(22)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(True)
        self._numbers: list[int] = []
        self.currentCellChanged.connect(self._on_current)

    def show_table(self, table: pd.DataFrame, selected: int) -> None:
        """Show missed lesions, as `ReferenceLesions.describe` has them, and which one is looked at."""
        blocked = self.blockSignals(True)
        self._numbers = [int(number) for number in table.index]
        self.setRowCount(len(table))
        for row, (number, one) in enumerate(table.iterrows()):
            cells = (str(number), f"{one['volume_mm3']:.1f}", f"{one['max_probability']:.2f}")
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        self.clearSelection()
        if selected in self._numbers:
            self.selectRow(self._numbers.index(selected))
        else:
            self.setCurrentCell(-1, -1)
        self.blockSignals(blocked)

    def _on_current(self, row: int, *_: int) -> None:
        if 0 <= row < len(self._numbers):
            self.chosen.emit(self._numbers[row])
