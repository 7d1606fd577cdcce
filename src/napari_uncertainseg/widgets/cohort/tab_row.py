"""Tabs in as many rows as they need: in a narrow dock no name is cut, and none is hidden."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QWidget
from superqt.utils import QFlowLayout

from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.plots import theme_of

_STYLE = (
    "QToolButton {{ padding: 3px 7px; border-radius: 2px; background: {plain}; }}"
    "QToolButton:checked {{ background: {chosen}; }}"
)


class TabRow(QWidget):
    """Buttons of which one is pressed.

    Parameters
    ----------
    tabs
        Title and tooltip of each.
    parent
        Qt parent.
    """

    chosen = Signal(int)
    """Another tab was pressed."""

    def __init__(self, tabs: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QFlowLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(2)
        layout.setVerticalSpacing(2)
        self._group = QButtonGroup(self)
        self.buttons: list[QToolButton] = []
        for i, (title, tip) in enumerate(tabs):
            button = QToolButton()
            button.setText(title)
            button.setToolTip(plain_tooltip(tip))
            button.setCheckable(True)
            button.setAutoRaise(True)
            self._group.addButton(button, i)
            self.buttons.append(button)
            layout.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.buttons[0].setChecked(True)
        self._group.idToggled.connect(self._on_toggled)
        self._apply_theme()

    @property
    def current(self) -> int:
        """The pressed one."""
        return self._group.checkedId()

    def choose(self, index: int) -> None:
        """Press one."""
        self.buttons[index].setChecked(True)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and hasattr(self, "_group"):
            self._apply_theme()

    def _apply_theme(self) -> None:
        """Look like the tabs of docks. A style of this widget itself would come back here as a change."""
        theme = theme_of(self)
        style = _STYLE.format(plain=theme.foreground.as_hex(), chosen=theme.current.as_hex())
        for button in self.buttons:
            button.setStyleSheet(style)

    def _on_toggled(self, index: int, on: bool) -> None:
        if on:
            self.chosen.emit(index)
