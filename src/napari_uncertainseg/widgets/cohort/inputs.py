"""The controls of an audit, made from the description of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)
from superqt.utils import QFlowLayout

from napari_uncertainseg.audit.table_glance import TableGlance
from napari_uncertainseg.widgets.cohort import audit_texts as texts
from napari_uncertainseg.widgets.cohort.audits.description import (
    Choice,
    Count,
    Input,
    Option,
    PathInput,
    Switch,
    Ticks,
)
from napari_uncertainseg.widgets.shared.dialogs import ask_dataset, ask_record, ask_table
from napari_uncertainseg.widgets.shared.form_helpers import (
    PlainLabel,
    button_with_tip,
    choice_box,
    plain_tooltip,
    yielding_label,
)
from napari_uncertainseg.widgets.shared.session_file import shortened

_LONGEST = 40
"""Letters of a name beside a check box."""
_MOST_BOXES = 60
"""Check boxes that are made of one table; nobody finds one among more."""


class InputForm(QWidget):
    """The controls of some inputs, one below the other.

    Parameters
    ----------
    inputs
        What is asked.
    parent
        Qt parent.
    """

    changed = Signal()
    """A value is another one, by the user's hand."""

    def __init__(self, inputs: Sequence[Input], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.fields: dict[str, Field] = {}
        self._glance: TableGlance | None = None
        for one in inputs:
            field = _field_of(one, self._on_changed)
            field.widget.setObjectName(one.key)
            self.fields[one.key] = field
            if isinstance(one, Switch):
                form.addRow(field.widget)
            else:
                label = PlainLabel(one.label)
                label.setToolTip(plain_tooltip(one.tip))
                form.addRow(label, field.widget)
                field.label = label
            if field.note is not None:
                form.addRow(field.note)

    def offer(self, glance: TableGlance) -> None:
        """Offer what can be chosen of a table; what is chosen stays where it is still there."""
        self._glance = glance
        for field in self.fields.values():
            field.offer(glance, self.values)

    def _on_changed(self) -> None:
        """What can be chosen may hang on what was chosen above it."""
        if self._glance is not None:
            self.offer(self._glance)
        self.changed.emit()

    @property
    def values(self) -> dict[str, Any]:
        """By key."""
        return {key: field.value for key, field in self.fields.items()}


class Field(QObject):
    """One control: its widget, its label and a note below it if it has them, and its value."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.widget = widget
        self.label: QWidget | None = None
        self.note: QWidget | None = None

    @property
    def value(self) -> Any:
        """What is chosen."""
        raise NotImplementedError

    def offer(self, glance: TableGlance, values: Mapping[str, Any]) -> None:
        """Offer what can be chosen of a table."""


def _field_of(asked: Input, changed: Callable[[], None]) -> Field:
    match asked:
        case Ticks():
            return TicksField(asked, changed)
        case Choice():
            return ChoiceField(asked, changed)
        case Count():
            return CountField(asked, changed)
        case Switch():
            return SwitchField(asked, changed)
        case PathInput():
            return PathField(asked, changed)
        case _:
            assert_never(asked)


class TicksField(Field):
    """Check boxes."""

    def __init__(self, asked: Ticks, changed: Callable[[], None]) -> None:
        super().__init__(QWidget())
        self._asked, self._changed = asked, changed
        self._layout = QFlowLayout(self.widget)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(10)
        self._layout.setVerticalSpacing(2)
        self.widget.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.boxes: dict[Any, QCheckBox] = {}
        self.note = self._left_out = yielding_label()
        self._left_out.hide()

    @property
    def value(self) -> tuple[Any, ...]:
        """The ticked ones, in their order."""
        return tuple(value for value, box in self.boxes.items() if box.isChecked())

    def offer(self, glance: TableGlance, values: Mapping[str, Any]) -> None:
        """Make the boxes anew; ticks of before stay."""
        before = {value: box.isChecked() for value, box in self.boxes.items()}
        options = list(self._asked.options(glance, values))[:_MOST_BOXES]
        if [option.value for option in options] != list(self.boxes):
            self._empty()
            for option in options:
                self._add(option, before.get(option.value, option.ticked))
        for option in options:
            whole = f"{option.title}\n" if len(option.title) > _LONGEST else ""
            self.boxes[option.value].setToolTip(plain_tooltip(whole + option.tip))
        for widget in filter(None, (self.widget, self.label)):
            widget.setVisible(bool(self.boxes))
        said = self._asked.left_out(glance)
        self._left_out.setText(said)
        self._left_out.setVisible(bool(said and self.boxes))

    def _add(self, option: Option, ticked: bool) -> None:
        box = QCheckBox(shortened(option.title, _LONGEST, ends=True).replace("&", "&&"))
        box.setChecked(ticked)
        box.toggled.connect(self._on_toggled)
        self.boxes[option.value] = box
        self._layout.addWidget(box)

    def _on_toggled(self, on: bool) -> None:
        self._changed()

    def _empty(self) -> None:
        while self._layout.takeAt(0) is not None:
            pass
        for box in self.boxes.values():
            box.hide()
            box.deleteLater()
        self.boxes = {}


class ChoiceField(Field):
    """A box of choices."""

    def __init__(self, asked: Choice, changed: Callable[[], None]) -> None:
        self.box = choice_box(asked.key, plain_tooltip(asked.tip))
        super().__init__(self.box)
        self._asked, self._changed = asked, changed
        self.box.currentIndexChanged.connect(self._on_index)

    def _on_index(self, index: int) -> None:
        self._changed()

    @property
    def value(self) -> Any:
        """The chosen one's."""
        return self.box.currentData()

    def offer(self, glance: TableGlance, values: Mapping[str, Any]) -> None:
        """Fill it anew; what was chosen stays chosen where it is still there."""
        before, blocked = self.box.currentData(), self.box.blockSignals(True)
        self.box.clear()
        first = 0
        for i, option in enumerate(self._asked.options(glance, values)):
            self.box.addItem(option.title, option.value)
            self.box.setItemData(i, plain_tooltip(option.tip or option.title), Qt.ItemDataRole.ToolTipRole)
            first = i if option.ticked else first
        kept = -1 if before is None else self.box.findData(before)
        self.box.setCurrentIndex(kept if kept >= 0 else first)
        self.box.blockSignals(blocked)


class CountField(Field):
    """A number."""

    def __init__(self, asked: Count, changed: Callable[[], None]) -> None:
        self.box = QSpinBox()
        super().__init__(self.box)
        self.box.setRange(asked.least, asked.most)
        self.box.setValue(asked.usual)
        self.box.setToolTip(plain_tooltip(asked.tip))
        self._changed = changed
        self.box.valueChanged.connect(self._on_value)

    def _on_value(self, value: int) -> None:
        self._changed()

    @property
    def value(self) -> int:
        """As it stands there."""
        return self.box.value()


class SwitchField(Field):
    """A check box."""

    def __init__(self, asked: Switch, changed: Callable[[], None]) -> None:
        self.box = QCheckBox(asked.label)
        super().__init__(self.box)
        self.box.setChecked(asked.on)
        self.box.setToolTip(plain_tooltip(asked.tip))
        self._changed = changed
        self.box.toggled.connect(self._on_toggled)

    def _on_toggled(self, on: bool) -> None:
        self._changed()

    @property
    def value(self) -> bool:
        """Whether it is ticked."""
        return self.box.isChecked()


class PathField(Field):
    """A file or folder that may be chosen."""

    def __init__(self, asked: PathInput, changed: Callable[[], None]) -> None:
        super().__init__(QWidget())
        self._asked, self._changed = asked, changed
        self._path: Path | None = None
        self.name = yielding_label()
        self.button: QPushButton = button_with_tip(texts.BROWSE, plain_tooltip(asked.tip))
        self.clear: QPushButton = button_with_tip(texts.CLEAR, texts.CLEAR_TIP)
        layout = QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.name, stretch=1)
        layout.addWidget(self.clear)
        layout.addWidget(self.button)
        self.button.clicked.connect(self._ask)
        self.clear.clicked.connect(self._on_clear)
        self._take(None)

    @property
    def value(self) -> Path | None:
        """The path; None where there is none."""
        return self._path

    def _ask(self) -> None:
        ask = {"table": ask_table, "folder": ask_dataset, "record": ask_record}[self._asked.kind]
        path = ask(self.widget, self._asked.label)
        if path is not None:
            self._take(path)
            self._changed()

    def _on_clear(self) -> None:
        self._take(None)
        self._changed()

    def _take(self, path: Path | None) -> None:
        self._path = path
        self.name.setText(self._asked.without if path is None else texts.table_name(path))
        self.name.setToolTip("" if path is None else plain_tooltip(str(path)))
        self.clear.setVisible(path is not None)
