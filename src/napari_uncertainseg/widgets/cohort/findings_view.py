"""What an audit found: sentences, tables and charts, and the buttons that keep it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHBoxLayout, QVBoxLayout, QWidget

from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audits.description import Findings, FoundTable
from napari_uncertainseg.widgets.cohort.chart_view import ChartView
from napari_uncertainseg.widgets.cohort.found_order import in_order
from napari_uncertainseg.widgets.cohort.page_pictures import PagePicture
from napari_uncertainseg.widgets.shared.form_helpers import (
    button_with_tip,
    choice_box,
    plain_tooltip,
    yielding_label,
)
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table
from napari_uncertainseg.widgets.shared.session_file import shortened

_MOST_ROWS = 1000
_LOWEST, _HIGHEST, _ROW = 80, 290, 24
"""Pixels: a table is as high as its rows within these."""
_AS_FOUND = -1, Qt.SortOrder.AscendingOrder
_LONGEST_CELL, _WIDEST = 40, 220


@dataclass(frozen=True, eq=False)
class ShownFindings:
    """What was found, with the folder that holds it and the pictures of its page.

    Attributes
    ----------
    findings, folder, pictures
        As found; the folder is the window's own.
    glance
        The table as it was.
    values
        Of the inputs, by key.
    """

    findings: Findings
    folder: Path
    pictures: tuple[PagePicture, ...]
    glance: TableGlance
    values: dict[str, object]


class FindingsView(QWidget):
    """Shows findings.

    Parameters
    ----------
    parent
        Qt parent.
    """

    case_wanted = Signal(str, object, object)
    """The user wants to open a case: its name, and its folder of results and its reference, perhaps None."""
    page_wanted = Signal()
    """The page is to be shown."""
    saving_wanted = Signal()
    """All is to be saved."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._findings: Findings | None = None
        self._charts: list[ChartView] = []
        self._order = _AS_FOUND
        self.old = yielding_label()
        self.old.setStyleSheet("font-weight: bold")
        self.sentences = yielding_label(selectable=True)
        self.tables = choice_box("found-tables", texts.TABLES_NAME)
        self.tables.setAccessibleName(texts.TABLES_NAME)
        self.table = NumberTable(name=texts.TABLE_NAME)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        if (down := self.table.verticalHeader()) is not None:
            down.hide()
        if (across := self.table.horizontalHeader()) is not None:
            across.setMaximumSectionSize(_WIDEST)
            across.setSectionsClickable(True)
            across.setSortIndicatorClearable(True)  # third click on a title: as it was found
            across.setSortIndicatorShown(True)
            across.setSortIndicator(*_AS_FOUND)
            across.sortIndicatorChanged.connect(self._on_order)
        self.cut = yielding_label()
        self.open_case = button_with_tip(texts.OPEN_CASE, texts.OPEN_CASE_TIP)
        self.open_page = button_with_tip(texts.OPEN_PAGE, texts.OPEN_PAGE_TIP)
        self.save = button_with_tip(texts.SAVE, texts.SAVE_TIP)
        self._lay_out()
        self.tables.currentIndexChanged.connect(self._show_another)
        self.table.itemSelectionChanged.connect(self._show_case)
        self.table.cellDoubleClicked.connect(self._open_row)
        self.open_case.clicked.connect(self._open_selected)
        self.open_page.clicked.connect(self.page_wanted)
        self.save.clicked.connect(self.saving_wanted)
        self.hide()

    def _lay_out(self) -> None:
        keep, above = QHBoxLayout(), QHBoxLayout()
        keep.addWidget(self.open_page)
        keep.addWidget(self.save)
        above.addWidget(self.tables, stretch=1)
        above.addWidget(self.open_case)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        for widget in (self.old, self.sentences):
            self._column.addWidget(widget)
        self._column.addLayout(keep)
        self._column.addLayout(above)
        self._column.addWidget(self.table)
        self._column.addWidget(self.cut)

    def show_findings(self, shown: ShownFindings) -> None:
        """Show other findings."""
        findings = shown.findings
        self._findings = findings
        self.sentences.setText("\n".join(f"• {sentence}" for sentence in findings.sentences))
        blocked = self.tables.blockSignals(True)
        self.tables.clear()
        self.tables.addItems([table.title for table in findings.tables])
        self.tables.blockSignals(blocked)
        for widget in (self.tables, self.table):
            widget.setVisible(bool(findings.tables))
        self._show_another()
        self._show_charts(shown.pictures)
        self.say_old("")
        self.show()

    def say_old(self, sentence: str) -> None:
        """Say why what is shown is not of what is chosen now; nothing where it is."""
        self.old.setText(sentence)
        self.old.setVisible(bool(sentence))

    # -- tables -------------------------------------------------------------------------------

    @property
    def _shown(self) -> FoundTable | None:
        at, found = self.tables.currentIndex(), self._findings
        if found is None or not 0 <= at < len(found.tables):
            return None
        column, order = self._order
        return in_order(found.tables[at], column, falling=order == Qt.SortOrder.DescendingOrder)

    def _show_another(self, index: int = 0) -> None:
        """Show a table in the order in which it was found."""
        self._order = _AS_FOUND
        if (across := self.table.horizontalHeader()) is not None:
            blocked = across.blockSignals(True)
            across.setSortIndicator(*_AS_FOUND)
            across.blockSignals(blocked)
        self._show_table()

    def _on_order(self, column: int, order: Qt.SortOrder) -> None:
        self._order = column, order
        self._show_table()

    def _show_table(self) -> None:
        found = self._shown
        if found is None:
            self.open_case.hide()
            self.cut.hide()
            return
        self.table.show_table(as_table(found))
        self._align_words(found)
        rows = len(found.frame)
        self.cut.setText(texts.cut_table(rows, _MOST_ROWS) if rows > _MOST_ROWS else "")
        self.cut.setVisible(rows > _MOST_ROWS)
        self.open_case.setVisible(bool(found.case))
        self._fit_table()
        self._show_case()

    def _align_words(self, found: FoundTable) -> None:
        """Words begin at the left; numbers end at the right, as they are."""
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        words = [j for j, name in enumerate(found.frame) if not is_numeric_dtype(found.frame[name])]
        for i, j in itertools.product(range(self.table.rowCount()), words):
            if (cell := self.table.item(i, j)) is not None:
                cell.setTextAlignment(left)

    def _fit_table(self) -> None:
        head = self.table.horizontalHeader()
        bar = self.table.horizontalScrollBar()
        around = (0 if head is None else head.sizeHint().height()) + (
            0 if bar is None else bar.sizeHint().height()
        )
        wanted = around + _ROW * self.table.rowCount() + 4
        self.table.setFixedHeight(min(max(wanted, _LOWEST), _HIGHEST))

    def case_at(self, row: int | None) -> str:
        """The case that a row is about; empty where it is about none."""
        found = self._shown
        if found is None or not found.case or row is None or not 0 <= row < len(found.frame):
            return ""
        return str(found.frame[found.case].iloc[row])

    def _show_case(self) -> None:
        self.open_case.setEnabled(bool(self.case_at(self.table.selected_row)))

    def _open_selected(self) -> None:
        self._open_row(self.table.selected_row)

    def _open_row(self, row: int | None, column: int = 0) -> None:
        case = self.case_at(row)
        found = self._findings
        if case and found is not None:
            self.case_wanted.emit(case, found.folders.get(case), found.references.get(case))

    # -- charts -------------------------------------------------------------------------------

    @property
    def charts(self) -> list[ChartView]:
        """What is drawn."""
        return list(self._charts)

    def _show_charts(self, pictures: Sequence[PagePicture]) -> None:
        for chart in self._charts:
            self._column.removeWidget(chart)
            chart.hide()
            chart.deleteLater()
        self._charts = [ChartView(picture) for picture in pictures]
        for chart in self._charts:
            self._column.addWidget(chart)


def as_table(found: FoundTable) -> Table:
    """A table of findings as it is shown: numbers with four digits, "-" where nothing is known."""
    frame = found.frame.head(_MOST_ROWS)
    columns = tuple(str(name) for name in frame.columns)
    cells = tuple(tuple(_cell(value) for value in row) for row in frame.itertuples(index=False, name=None))
    tips = {name: plain_tooltip(tip) for name, tip in found.tips.items()}
    return Table(tuple(str(i + 1) for i in range(len(frame))), columns, cells, tips)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value + 0.0:.4g}"
    return shortened(" ".join(str(value).split()), _LONGEST_CELL, ends=True)
