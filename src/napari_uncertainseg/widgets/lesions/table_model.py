"""Columns, filter and Qt model of the table of lesions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.explain.attention.files import COLUMN as ATTENTION
from napari_uncertainseg.explain.place.lesions import PLACES
from napari_uncertainseg.explain.refinement.model import P_TRUE
from napari_uncertainseg.networks.real_probability import P_REAL
from napari_uncertainseg.review.verdicts import Decision
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS as MEASURES
from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.place_texts import SHORT

MARKS = {"to do": "○", "unsure": "?", "rejected": "✗", "accepted": "✓"}
"""A symbol for each state of a lesion, because colour alone cannot be told apart by everybody."""

STATES = tuple(MARKS)
"""States of a lesion in the review, in the order in which they sort."""

VERDICT = "verdict"
DOUBT = "doubt"
PLACE = "place"
REFERENCE = "reference"
BY_REFERENCE = ("found", "false")
"""What a reference says of a lesion."""
BAR = Qt.ItemDataRole.UserRole
"""Role under which a cell gives its number as a share of the largest in its column, hidden rows included."""

_Index = QModelIndex


@dataclass(frozen=True)
class Column:
    """One column: the value it shows, its title, how the value is written, and its width in pixels.

    Of a column of words the value is the word's number in ``choices``. A column that comes late is hidden
    while the table does not have it.
    """

    key: str
    text: Callable[[float], str]
    width: int
    largest_first: bool = True
    choices: tuple[str, ...] = ()
    late: bool = False

    @property
    def title(self) -> str:
        """Title of the column."""
        return texts.COLUMN_TITLES[self.key]

    def tip(self, measures: Mapping[str, MeasureColumn]) -> str:
        """Definition and unit, in a few lines, by what stands in the list."""
        if self.key == VERDICT or self.key not in measures:
            return texts.VERDICT_TIP if self.key == VERDICT else ""
        measure = measures[self.key]
        unit = f" ({measure.unit})" if measure.unit else ""
        bar = texts.UNCERTAINTY_BAR_TIP if self.key == DOUBT else ""
        plain = wrap(texts.PLAIN_WORDS.get(self.key, ""), 70)
        return "\n".join([*plain, *wrap(f"{measure.title}{unit}. {measure.definition}{bar}", 70)])


def _volume(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


COLUMNS = (
    Column("label", lambda v: str(int(v)), 30, largest_first=False),
    Column(P_REAL, lambda v: f"{100 * v:.0f} %", 52, largest_first=False),
    Column(DOUBT, lambda v: f"{v:.2f}", 72),
    Column("mean_probability", lambda v: f"{v:.2f}", 40),
    Column("lsu", lambda v: f"{v:.2f}", 40),
    Column("volume_mm3", _volume, 50),
    Column("mean_entropy", lambda v: f"{v:.2f}", 54),
    Column(P_TRUE, lambda v: f"{100 * v:.0f} %", 82, largest_first=False, late=True),
    Column(PLACE, lambda v: SHORT[int(v)], 74, largest_first=False, choices=PLACES, late=True),
    Column(ATTENTION, lambda v: f"{100 * v:.1f} %", 72, late=True),
    Column(
        REFERENCE,
        lambda v: BY_REFERENCE[int(v)],
        66,
        largest_first=True,
        choices=BY_REFERENCE,
        late=True,
    ),
    Column(VERDICT, lambda v: f"{MARKS[STATES[int(v)]]} {STATES[int(v)]}", 80, largest_first=False),
)


class Range(NamedTuple):
    """Values of a column, both ends included; a word's value is its number."""

    column: str
    low: float
    high: float
    unknown: bool = False
    """Whether NaN is in it."""


@dataclass(frozen=True)
class Filter:
    """Which rows are listed."""

    state: str = "all"
    """``"all"`` or one of ``STATES``."""
    least_doubt: float = 0.0
    """Rows with a smaller doubt are left out."""
    within: tuple[Range, ...] = ()
    """Rows that are not in all of them are left out."""

    def passes(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Which rows are listed.

        Parameters
        ----------
        values
            By column, each of shape (rows,): of `VERDICT` the index into `STATES`, of `DOUBT` 0 to 1 or NaN,
            for lesions that a human drew.

        Returns
        -------
        np.ndarray
            bool, of the same shape.
        """
        doubt = values[DOUBT]
        listed = (doubt >= self.least_doubt) | (self.least_doubt == 0)  # NaN passes only without a limit
        for one in self.within:
            own = values[one.column]
            listed &= ((own >= one.low) & (own <= one.high)) | (one.unknown & np.isnan(own))
        return listed if self.state == "all" else listed & (values[VERDICT] == STATES.index(self.state))


class LesionModel(QAbstractTableModel):
    """Lesions or candidates, sorted and filtered.

    Order and filter are arrays of row numbers: ten thousand rows take two numpy calls,
    while a proxy model would call Python for each comparison.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, np.ndarray] = {c.key: np.empty(0) for c in COLUMNS}
        self._columns: frozenset[str] = frozenset()
        self._measures: Mapping[str, MeasureColumn] = MEASURES
        self._voxels = np.empty((0, 3), dtype=int)
        self._drawn = np.empty(0, dtype=bool)
        self._rows = np.empty(0, dtype=int)
        self._filter = Filter()
        self._sorted_by = (-1, Qt.SortOrder.AscendingOrder)

    # -- content ------------------------------------------------------------------------------

    def set_table(
        self,
        table: pd.DataFrame,
        decisions: Mapping[int, Decision],
        measures: Mapping[str, MeasureColumn] = MEASURES,
    ) -> None:
        """Hold a table of lesions, the verdicts by label, and what its columns say."""
        self._measures = measures
        self._columns = frozenset(table.columns)
        self._values = {c.key: _numbers(table, c.key, c.choices) for c in COLUMNS if c.key != VERDICT}
        self._values[VERDICT] = _state_numbers(self._values["label"], decisions)
        self._drawn = _numbers(table, "drawn") == 1
        self._voxels = table[["slice_s", "slice_a", "slice_r"]].to_numpy(dtype=int)
        self._arrange()

    def set_verdicts(self, decisions: Mapping[int, Decision]) -> None:
        """Hold new verdicts for the same lesions."""
        self._values[VERDICT] = _state_numbers(self._values["label"], decisions)
        self._arrange()

    def set_filter(self, chosen: Filter) -> None:
        """List only some of the rows."""
        self._filter = chosen
        self._arrange()

    def has_column(self, key: str) -> bool:
        """Whether the current table has a column."""
        return key in self._columns

    @property
    def total(self) -> int:
        """Number of lesions, listed or not."""
        return len(self._values["label"])

    @property
    def reviewed(self) -> int:
        """Number of lesions with a verdict, listed or not."""
        return int(np.count_nonzero(self._values[VERDICT]))

    def label(self, row: int) -> int:
        """Number of the lesion in a row."""
        return int(self._values["label"][self._rows[row]])

    def row(self, label: int) -> int | None:
        """Row of a lesion; None when it is not listed."""
        rows = np.flatnonzero(self._values["label"][self._rows] == label)
        return int(rows[0]) if len(rows) else None

    def voxel(self, label: int) -> tuple[int, int, int]:
        """The voxel to look at, (s, a, r)."""
        s, a, r = self._voxels[np.flatnonzero(self._values["label"] == label)[0]]
        return int(s), int(a), int(r)

    def next_task(self, after: int | None) -> int | None:
        """The first lesion without a verdict after a lesion, in the list's order.

        After the last row comes the first one; the lesion itself does not count. None when all have a
        verdict.
        """
        labels = self._values["label"][self._rows].astype(int)
        row = None if after is None else self.row(after)
        start = 0 if row is None else row + 1
        to_review = (self._values[VERDICT][self._rows] == 0) & (labels != after)
        following = np.flatnonzero(np.roll(to_review, -start))
        return int(np.roll(labels, -start)[following[0]]) if len(following) else None

    def neighbour(self, label: int | None, step: int) -> int | None:
        """The lesion some rows further in the list; None beyond its ends."""
        row = None if label is None else self.row(label)
        target = 0 if row is None else row + step
        return self.label(target) if 0 <= target < len(self._rows) else None

    def _arrange(self) -> None:
        """Filter and sort; rows are inserted or removed at the end, so that the view does not scroll."""
        column, order = self._sorted_by
        ranks = np.arange(self.total)
        key = ranks if column < 0 else self._values[COLUMNS[column].key]
        key = -key if order == Qt.SortOrder.DescendingOrder and column >= 0 else key
        rows = np.lexsort((ranks, key))  # NaN goes to the end
        rows = rows[self._filter.passes(self._values)[rows]]
        self._resize(rows)
        if len(rows):
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))

    def _resize(self, rows: np.ndarray) -> None:
        before, after = len(self._rows), len(rows)
        if after > before:
            self.beginInsertRows(_Index(), before, after - 1)
            self._rows = rows
            self.endInsertRows()
        elif after < before:
            self.beginRemoveRows(_Index(), after, before - 1)
            self._rows = rows
            self.endRemoveRows()
        self._rows = rows

    # -- Qt's interface ------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = _Index()) -> int:  # noqa: B008
        """Number of listed rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _Index()) -> int:  # noqa: B008
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, bar, alignment or tooltip of a cell."""
        column = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            words = column.choices or column.key == VERDICT
            side = Qt.AlignmentFlag.AlignLeft if words else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip(self._measures)
        if role not in (Qt.ItemDataRole.DisplayRole, BAR):
            return None
        row = self._rows[index.row()]
        value = float(self._values[column.key][row])
        if role == BAR:
            return self._share(column.key, value)
        if np.isnan(value):
            return texts.DRAWN if column.key == DOUBT and self._drawn[row] else "-"
        return column.text(value)

    def _share(self, key: str, value: float) -> float:
        largest = np.nanmax(self._values[key], initial=0.0)
        return value / float(largest) if largest > 0 else value

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles of the columns, and their definitions as tooltips."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{column.tip(self._measures)}\n{texts.SORT_TIP}"
        if role == Qt.ItemDataRole.InitialSortOrderRole:
            return Qt.SortOrder.DescendingOrder if column.largest_first else Qt.SortOrder.AscendingOrder
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; equal values stay in the order of rank, which is that of column -1."""
        self._sorted_by = (column, order)
        self._arrange()


def _numbers(table: pd.DataFrame, key: str, choices: tuple[str, ...] = ()) -> np.ndarray:
    if key not in table:
        return np.full(len(table), np.nan)
    if choices:
        return table[key].map({word: float(number) for number, word in enumerate(choices)}).to_numpy(float)
    return table[key].to_numpy(dtype=float)


def _state_numbers(labels: np.ndarray, decisions: Mapping[int, Decision]) -> np.ndarray:
    states = np.zeros(len(labels))
    for label, decision in decisions.items():
        states[labels == label] = STATES.index(decision)
    return states


def decisions_of_list(decisions: Mapping[int, Decision], number: int) -> dict[int, Decision]:
    """Verdicts on lesions (0) or on candidates (1), by label."""
    sign = -1 if number else 1
    return {sign * label: decision for label, decision in decisions.items() if sign * label > 0}


def with_verdicts(table: pd.DataFrame, decisions: Mapping[int, Decision], number: int) -> pd.DataFrame:
    """The rows of lesions (0) or of candidates (1) with their verdicts, empty where there is none."""
    own = decisions_of_list(decisions, number)
    return table.assign(verdict=[own.get(int(label), "") for label in table["label"]])
