"""The buttons of the list of lesions, and the keys that do the same."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.actions import ACTIONS
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

_ROWS = (("previous_lesion", "next_lesion", "undo", "redo"), ("accept", "reject", "unsure", "alone", "in_3d"))
_COLUMNS = max(map(len, _ROWS))
_NARROW = 48


class ActionButtons(QWidget):
    """Two rows of buttons, and a line with their keys for the dock to place.

    Attributes
    ----------
    buttons
        By the action's method.
    hints
        The line with the keys.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons = {action.method: QPushButton(action.text) for action in ACTIONS}
        for name in ("alone", "in_3d"):
            self.buttons[name].setCheckable(True)
        self.buttons["in_3d"].setMaximumWidth(_NARROW)
        self.hints = PlainLabel()
        self.hints.setWordWrap(True)
        self.hints.setToolTip(texts.KEYS_TIP)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for row, names in enumerate(_ROWS):
            for column, name in enumerate(names):
                last = column + 1 == len(names)
                grid.addWidget(self.buttons[name], row, column, 1, _COLUMNS - column if last else 1)
        self.show_keys({action.method: action.key for action in ACTIONS})

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys, by the action's method; an action without a key is named without one."""
        for action in ACTIONS:
            tip = texts.action_tip(action.meaning, keys.get(action.method, ""))
            self.buttons[action.method].setToolTip(tip)
        self.hints.set_html(texts.key_hints([(keys.get(a.method, ""), a.short) for a in ACTIONS]))
