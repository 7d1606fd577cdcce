"""The list of measurements, and the brightness of the one that is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg.images.measures.records import Measurement
from napari_uncertainseg.images.measures.shapes import PLANES, Slice
from napari_uncertainseg.widgets.reading_bar.measure import texts
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, wrapping_label
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table


class MeasurePanel(QWidget):
    """Two small tables beside each other; a click on a row goes to its slice.

    Attributes
    ----------
    list, values
        The measurements, and the brightness in the chosen one.
    copy, delete, undo
        Buttons.
    """

    chosen = Signal(int)
    """A measurement was chosen, by its index."""
    asked = Signal(str)
    """``"copy"``, ``"delete"`` or ``"undo"``."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("measurements")
        self.list, self.values = NumberTable(), NumberTable()
        self.list.setSelectionBehavior(NumberTable.SelectionBehavior.SelectRows)
        self.list.setObjectName("measured-list")
        self.values.setObjectName("measured-values")
        self.hint = wrapping_label()
        self.copy = button_with_tip(texts.COPY, texts.COPY_TIP)
        self.delete = button_with_tip(texts.DELETE, texts.DELETE_TIP)
        self.undo = button_with_tip(texts.UNDO_ITEM, texts.UNDO_TIP)
        self._items: Sequence[Measurement] = ()
        buttons = QVBoxLayout()
        for name, button in (("copy", self.copy), ("delete", self.delete), ("undo", self.undo)):
            self._wire(button, name)
            buttons.addWidget(button)
        buttons.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 4, 6, 4)
        row.addLayout(buttons)
        row.addWidget(self.list, 2)
        row.addWidget(self.values, 3)
        row.addWidget(self.hint, 3)
        self.setMinimumHeight(110)
        self.list.itemSelectionChanged.connect(self._on_selected)
        for keys, name in (
            (QKeySequence.StandardKey.Copy, "copy"),
            (QKeySequence.StandardKey.Delete, "delete"),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self._asks(name))
        self.show_items((), None)

    def _wire(self, button: QPushButton, name: str) -> None:
        button.setObjectName(f"measured-{name}")
        button.clicked.connect(self._asks(name))

    def _asks(self, name: str) -> Callable[..., None]:
        return lambda *_: self.asked.emit(name)

    @property
    def selected(self) -> int | None:
        """Index of the measurement that is chosen."""
        return self.list.selected_row

    def show_items(
        self,
        items: Sequence[Measurement],
        chosen: int | None,
        shown: Callable[[Slice], int] = attrgetter("index"),
    ) -> None:
        """Show other measurements, and choose one; ``shown`` says the number of a slice on the slider."""
        self._items = items
        cells = tuple(
            (texts.what(i, one), f"{PLANES[one.where.axis]} {shown(one.where)}", texts.size(one))
            for i, one in enumerate(items, 1)
        )
        blocked = self.list.blockSignals(True)
        self.list.show_table(Table(("",) * len(items), texts.COLUMNS, cells))
        if chosen is not None and chosen < len(items):
            self.list.selectRow(chosen)
        self.list.blockSignals(blocked)
        for button in (self.copy, self.delete):
            button.setEnabled(bool(items))
        self._show_values()

    def _on_selected(self) -> None:
        self._show_values()
        if self.selected is not None:
            self.chosen.emit(self.selected)

    def _show_values(self) -> None:
        index = self.selected
        values = self._items[index].values if index is not None and index < len(self._items) else ()
        tips = {v.image: texts.INTERPOLATED for v in values if v.interpolated} | texts.VALUE_TIPS
        names = tuple(v.image + (" *" if v.interpolated else "") for v in values)
        tips |= {f"{v.image} *": texts.INTERPOLATED for v in values if v.interpolated}
        self.values.show_table(
            Table(names, texts.VALUE_COLUMNS, tuple(texts.value_row(v) for v in values), tips)
        )
        self.values.setVisible(bool(values))
        self.hint.setVisible(not values)
        self.hint.setText("" if self._items else texts.NONE)
