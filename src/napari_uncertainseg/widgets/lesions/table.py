"""The table of lesions on screen: a bar for the uncertainty, and a list that does not scroll by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np
import pandas as pd
from qtpy.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, QRect, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QFocusEvent, QPainter, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QScrollBar,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.review.verdicts import Decision
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS as MEASURES
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.table_model import BAR, COLUMNS, DOUBT, STATES, Filter, LesionModel
from napari_uncertainseg.widgets.shared.plots import accent, theme_of

_NUMBER = {column.key: number for number, column in enumerate(COLUMNS)}


_AROUND_WORDS = 9
"""Pixels beside the words of a cell."""


class UncertaintyBar(QStyledItemDelegate):
    """Draws a number with a bar: its share of the largest number in the list."""

    colour = QColor("gray")

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the cell: its number on the right, the bar in the rest."""
        super().paint(painter, option, index)
        value = index.data(BAR)
        if painter is None or value is None or np.isnan(value):
            return
        room = QRectF(option.rect).adjusted(4, 5, -38, -5)
        bar = QRectF(room)
        bar.setWidth(max(room.width() * min(max(value, 0.0), 1.0), 1.0))
        colour = QColor(self.colour)
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRect(bar)
        colour.setAlpha(50)
        painter.setBrush(colour)
        painter.drawRect(room)
        painter.restore()


class LesionTable(QTableView):
    """A list of lesions; at most one is selected.

    Parameters
    ----------
    name
        What it lists, for programs that read the screen aloud.
    parent
        Qt parent.
    """

    chosen = Signal(int)
    """The user chose a lesion: its label."""

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.lesions = LesionModel(self)
        self._bars = UncertaintyBar(self)
        self._quiet = False
        self._selected: int | None = None
        self._fitted: tuple[tuple[int, ...], int] = ((), 0)
        """For which columns and what width in pixels they were fitted last."""
        self.setModel(self.lesions)
        # Qt's type hints call these optional; they exist once the model is set.
        self._selection = cast(QItemSelectionModel, self.selectionModel())
        self._header = cast(QHeaderView, self.horizontalHeader())
        self._scroll_bar = cast(QScrollBar, self.verticalScrollBar())
        self.setItemDelegateForColumn(_NUMBER[DOUBT], self._bars)
        self._lay_out()
        self.setSortingEnabled(True)
        self._header.setSortIndicatorClearable(True)  # third click on a title: most uncertain first
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self._header.sortIndicatorChanged.connect(self._after_sorting)
        self._selection.currentRowChanged.connect(self._on_current)
        self._update_colour()

    def set_table(
        self,
        table: pd.DataFrame,
        decisions: Mapping[int, Decision],
        selected: int | None,
        measures: Mapping[str, MeasureColumn] = MEASURES,
    ) -> None:
        """Show a table; the selected lesion stays selected, and in sight where it was, in whatever row."""
        in_sight = selected is not None and selected == self._selected and self._is_in_sight(selected)
        self._quietly(lambda: self.lesions.set_table(table, decisions, measures))
        self._show_columns()
        self.select(selected, reveal=in_sight)

    def _is_in_sight(self, label: int) -> bool:
        row, room = self.lesions.row(label), cast(QWidget, self.viewport()).rect()
        return row is not None and room.intersects(self.visualRect(self.lesions.index(row, 0)))

    def _show_columns(self) -> None:
        """Show the columns that the table has; others, which *All measures* shows, make room for them."""
        further = {column.key for column in COLUMNS if column.late or column.key == P_REAL}
        known = {key for key in further if self.lesions.has_column(key)}
        for key in further:
            self.setColumnHidden(_NUMBER[key], key not in known)
        self.setColumnHidden(_NUMBER["mean_entropy"], bool(known))
        self.setColumnHidden(_NUMBER["lsu"], bool(known - {P_REAL}))
        self.setColumnHidden(_NUMBER["mean_probability"], len(known - {P_REAL}) > 1)
        self._fit()

    def _fit(self) -> None:
        """Narrow the columns to what there is room for; anew only with other columns, or another width.

        The bar of the doubt gives way first, then the others, down to their words.
        """
        shown = tuple(n for n in range(len(COLUMNS)) if not self.isColumnHidden(n))
        room = cast(QWidget, self.viewport()).width()
        if (shown, room) == self._fitted:
            return
        self._fitted = shown, room
        widths = {n: COLUMNS[n].width for n in shown}
        least = {n: self._least_width(n) for n in shown}
        order = sorted(shown, key=lambda n: n != _NUMBER[DOUBT])
        for number in order:
            over = sum(widths.values()) - room
            widths[number] -= max(min(over, widths[number] - least[number]), 0)
        for number, width in widths.items():
            self.setColumnWidth(number, width)

    def _least_width(self, number: int) -> int:
        """What a column's title and its words need."""
        words, measure = (COLUMNS[number].title, *COLUMNS[number].choices), self.fontMetrics()
        return max(measure.horizontalAdvance(word) for word in words) + _AROUND_WORDS

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the columns to the new width; the selected lesion stays in sight if it was."""
        row = None if self._selected is None else self.lesions.row(self._selected)
        before = QRect() if event is None else QRect(QPoint(), event.oldSize())
        index = None if row is None else self.lesions.index(row, 0)
        was_seen = index is not None and before.contains(self.visualRect(index).center())
        super().resizeEvent(event)
        self._fit()
        if index is not None and was_seen:
            self.scrollTo(index)

    def clear(self) -> None:
        """Show an empty list."""
        self.set_table(pd.DataFrame(columns=["label", "slice_s", "slice_a", "slice_r"]), {}, None)

    def set_verdicts(self, decisions: Mapping[int, Decision]) -> None:
        """Show new verdicts."""
        self._quietly(lambda: self.lesions.set_verdicts(decisions))
        self.select(self._selected, reveal=False)

    def set_filter(self, chosen: Filter) -> None:
        """List only some lesions."""
        self._quietly(lambda: self.lesions.set_filter(chosen))
        self.select(self._selected)

    def select(self, label: int | None, *, reveal: bool = True) -> None:
        """Select a lesion without a signal; None, or a lesion that is not listed, clears the selection."""
        self._selected = label
        row = None if label is None else self.lesions.row(label)
        self._quietly(lambda: self._mark(row))
        if row is not None and reveal:
            self.scrollTo(self.lesions.index(row, 0))

    @property
    def selected(self) -> int | None:
        """Label of the selected lesion."""
        return self._selected

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and hasattr(self, "_bars"):
            self._update_colour()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Get the focus without a change of selection: Qt alone would select the first row."""
        get_focus = super().focusInEvent
        self._quietly(lambda: get_focus(event))
        self.select(self._selected, reveal=False)

    def _update_colour(self) -> None:
        self._bars.colour = accent(theme_of(self))

    def _lay_out(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        rows = cast(QHeaderView, self.verticalHeader())
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(22)
        self._header.setMinimumSectionSize(28)
        self._header.setHighlightSections(False)
        self._header.setStretchLastSection(True)
        self._show_columns()

    def _mark(self, row: int | None) -> None:
        if row is None:
            self.clearSelection()
            self._selection.clearCurrentIndex()
            return
        how = QItemSelectionModel.SelectionFlag
        index = self.lesions.index(row, 0)
        self._selection.setCurrentIndex(index, how.ClearAndSelect | how.Rows)

    def _quietly(self, change: Callable[[], None]) -> None:
        """Change the list without scrolling and without the signal `chosen`."""
        self._quiet, position = True, self._scroll_bar.value()
        automatic = self.hasAutoScroll()
        self.setAutoScroll(False)
        try:
            change()
        finally:
            self._quiet = False
            self.setAutoScroll(automatic)
            self._scroll_bar.setValue(position)

    def _after_sorting(self) -> None:
        self.select(self._selected)

    def _on_current(self, current: QModelIndex, _before: QModelIndex) -> None:
        if self._quiet or not current.isValid():
            return
        self._selected = self.lesions.label(current.row())
        self.chosen.emit(self._selected)


def make_filters() -> tuple[QComboBox, QComboBox]:
    """Choices of what is listed: by verdict, and by the least doubt."""
    verdict, doubt = QComboBox(), QComboBox()
    for state in ("all", *STATES):
        verdict.addItem(state, state)
    verdict.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    verdict.setToolTip(texts.VERDICT_FILTER_TIP)
    for least in (0.0, 0.25, 0.5, 0.75):
        doubt.addItem(texts.uncertainty_filter(least), least)
    doubt.setToolTip(texts.UNCERTAINTY_FILTER_TIP)
    verdict.setAccessibleName(texts.VERDICT_FILTER_NAME)
    doubt.setAccessibleName(texts.DOUBT_FILTER_NAME)
    return verdict, doubt
