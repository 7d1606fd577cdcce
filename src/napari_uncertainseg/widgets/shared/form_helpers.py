"""Small things that several docks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction, QActionGroup
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QToolButton,
    QWidget,
)

from napari_uncertainseg._base import visible

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case

TYPED_INTO = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)
"""Fields: a key that is pressed in one is its own, and none of the window's."""
_ARROW = 36
"""Pixels beside the text of a button with a menu."""


def set_layer_choices(box: QComboBox, names: list[str]) -> None:
    """Offer label layers without a signal; the chosen one stays chosen where it is still there."""
    chosen, blocked = box.currentData(), box.blockSignals(True)
    box.clear()
    box.addItem("choose a label layer", None)
    for name in names:
        box.addItem(name, name)
    box.setCurrentIndex(max(box.findData(chosen), 0))
    box.blockSignals(blocked)


def show_layer_choice(box: QComboBox, name: str | None) -> None:
    """Show which of the offered layers is chosen, without a signal."""
    blocked = box.blockSignals(True)
    box.setCurrentIndex(max(box.findData(name), 0))
    box.blockSignals(blocked)


class PlainLabel(QLabel):
    """A label that shows its text as it is: a tag in a name, a path or a comment is no tag.

    Parameters
    ----------
    text
        Plain; `set_html` takes what is not.
    parent
        Qt parent.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)

    def setText(self, text: str | None) -> None:
        """Show text as it is."""
        self.setTextFormat(Qt.TextFormat.PlainText)
        super().setText(visible(text or ""))

    def set_html(self, text: str) -> None:
        """Show HTML, in which all that is not from this program was escaped."""
        self.setTextFormat(Qt.TextFormat.RichText)
        super().setText(visible(text))


def rich(text: str) -> PlainLabel:
    """A label with HTML of this program."""
    label = PlainLabel()
    label.set_html(text)
    return label


def wrapping_label(alignment: Qt.AlignmentFlag | None = None, *, selectable: bool = False) -> PlainLabel:
    """A label of several lines, whose text may be copied."""
    label = PlainLabel()
    label.setWordWrap(True)
    if alignment is not None:
        label.setAlignment(alignment)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def yielding_label(*, selectable: bool = False) -> PlainLabel:
    """A label of several lines that a name without an end in it makes no wider: it is cut there."""
    label = wrapping_label(selectable=selectable)
    let_yield(label)
    return label


def let_yield(*labels: QLabel) -> None:
    """Wrap labels as :func:`yielding_label` does: what they say makes no dock wider, and moves no canvas."""
    for label in labels:
        label.setWordWrap(True)
        label.setMinimumWidth(1)


def plain_tooltip(text: str) -> str:
    """A tooltip that shows what it is given as it is, whatever is in it."""
    return f"<qt>{escape(visible(text))}</qt>".replace("\n", "<br>")


def notice(text: str) -> str:
    """A text for napari's notifications, which take ``<`` and a letter for a tag."""
    return visible(text).replace("<", "‹")  # noqa: RUF001


def choice_box(name: str, tip: str, box: QComboBox | None = None) -> QComboBox:
    """A box of choices, or the one given, that does not make a narrow dock wider."""
    box = QComboBox() if box is None else box  # an empty one is false
    box.setObjectName(name)
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)
    return box


def fill_choices(box: QComboBox, choices: Sequence[tuple[str, object, str]], chosen: object) -> None:
    """Add choices to a box, each a text, its data and its tooltip; choose the one with some data."""
    for text, data, tip in choices:
        box.addItem(text, data)
        box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
    if (index := box.findData(chosen)) >= 0:
        box.setCurrentIndex(index)


def larger(widget: QWidget, times: float) -> str:
    """A style with letters so many times as large as a widget's own; napari's style wins over a font."""
    widget.ensurePolished()
    return f"font-size: {widget.fontInfo().pointSizeF() * times:.1f}pt;"


def button_with_tip(text: str, tip: str) -> QPushButton:
    """A button whose tooltip says what it does."""
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


class ExportButton(QPushButton):
    """A button that writes what is on screen: none, with the reason, while a session is played back.

    What its dock says of it, whether there is something to write and what the tooltip says, holds again
    afterwards.

    Parameters
    ----------
    text, tip
        On it, and what it does.
    case
        Whose review may be locked.
    """

    def __init__(self, text: str, tip: str, case: Case) -> None:
        super().__init__(text)
        self._case, self._ready, self._tip = case, True, tip
        case.verdicts_changed.connect(self._follow)
        self._follow()

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        self._case.verdicts_changed.disconnect(self._follow, missing_ok=True)

    def setEnabled(self, ready: bool) -> None:
        """Say whether there is something to write."""
        self._ready = ready
        self._follow()

    def setToolTip(self, tip: str | None) -> None:
        """Say what it does."""
        self._tip = tip or ""
        self._follow()

    def _follow(self) -> None:
        why = self._case.review.locked
        super().setEnabled(self._ready and not why)
        super().setToolTip(why or self._tip)


def set_menu_button_text(button: QToolButton, text: str) -> None:
    """Change the text of a button with a menu; napari's style leaves no room for the arrow beside it."""
    button.setText(text)
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + _ARROW)


def add_action(menu: QMenu, text: str) -> QAction:
    """Add an entry to a menu; `QMenu.addAction` may give None by its types."""
    action = QAction(text, menu)
    menu.addAction(action)
    return action


@dataclass(frozen=True)
class MenuChoice:
    """An entry of a menu of which one at a time is ticked: its text, its tooltip, and what it does."""

    text: str
    tip: str
    chosen: bool
    do: Callable[[], object]


def add_choices(menu: QMenu, choices: Iterable[MenuChoice]) -> QActionGroup:
    """Add entries of which one is ticked; :func:`end_choices` takes them away."""
    group = QActionGroup(menu)
    for choice in choices:
        action = QAction(choice.text, group)
        action.setCheckable(True)
        action.setChecked(choice.chosen)
        action.setToolTip(choice.tip)
        action.triggered.connect(choice.do)
        menu.addAction(action)
    return group


def end_choices(group: QActionGroup) -> None:
    """Take entries away. Until Qt deletes them they would keep what they do, and with it a viewer."""
    for action in group.actions():
        action.triggered.disconnect()
    group.deleteLater()
