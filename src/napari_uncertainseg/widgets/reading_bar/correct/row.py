"""The row of the tools, below the reading bar: buttons with words, settings with units, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.reading_bar.correct.settings import (
    BrushControls,
    ClickControls,
    choice,
    in_a_row,
    millimetres,
)
from napari_uncertainseg.widgets.shared.form_helpers import yielding_label

_GAP_MM = 5.0


class ToolRow(QToolBar):
    """All tools side by side; what is in hand is pressed down, and a line below says what to do.

    Parameters
    ----------
    window
        At whose top it lies.
    """

    chosen = Signal(str)
    """The button of a tool was pressed; its key."""
    closed = Signal()
    """The row is to be closed."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__("Correct (UncertainSeg)", window)
        self.setObjectName("uncertainseg-correct-row")
        self.setMovable(False)
        self._window = window
        self.buttons = {key: self._button(key) for key in texts.TOOLS}
        self.distance = millimetres(texts.BY_TIP, 1.0, 0.1)
        self.holes = choice(texts.IN_TIP, (texts.SLICES, texts.SPACE))
        self.brush = BrushControls()
        self.click = ClickControls()
        self.gap = millimetres(texts.GAP_TIP, _GAP_MM, 0.1)
        self._settings: Mapping[str, QWidget] = {
            "brush": self.brush,
            "click": self.click,
            "merge": in_a_row(QLabel(texts.GAP), self.gap),
        }
        self.hint, self.said = yielding_label(), yielding_label()
        self.close_button = QPushButton(texts.CLOSE)
        self.close_button.setToolTip(texts.CLOSE_TIP)
        self.close_button.clicked.connect(self.closed)
        self.addWidget(self._laid_out())
        window.addToolBarBreak(Qt.ToolBarArea.TopToolBarArea)
        window.addToolBar(Qt.ToolBarArea.TopToolBarArea, self)
        self.show_tool("")

    def _button(self, key: str) -> QPushButton:
        words = texts.TOOLS[key]
        button = QPushButton(words.name)
        button.setToolTip(words.tip)
        button.setCheckable(bool(words.hint))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys stay the window's
        button.clicked.connect(partial(self.chosen.emit, key))
        return button

    def _laid_out(self) -> QWidget:
        content = QWidget()
        tools, below, layout = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(content)
        by, within = QLabel(texts.BY), QLabel(texts.IN)
        buttons = self.buttons
        for group in (
            (buttons["grow"], buttons["shrink"], by, self.distance),
            (buttons["fill"], within, self.holes),
            tuple(buttons[key] for key, words in texts.TOOLS.items() if words.hint),
        ):
            for widget in group:
                tools.addWidget(widget)
            tools.addSpacing(14)
        tools.addStretch()
        tools.addWidget(self.close_button)
        for settings in self._settings.values():
            below.addWidget(settings)
        below.addWidget(self.hint, 3)
        below.addWidget(self.said, 2)
        layout.setContentsMargins(4, 0, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(tools)
        layout.addLayout(below)
        # Two lines of text beside the settings, no more: what lies below the row is the image.
        lines = 2 * self.fontMetrics().lineSpacing() + 4
        for label in (self.hint, self.said):
            label.setMaximumHeight(lines)
        content.setFixedHeight(
            self.distance.sizeHint().height() + max(lines, self.gap.sizeHint().height()) + 8
        )
        content.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return content

    def show_tool(self, key: str) -> None:
        """Show which tool is in hand, empty for none, with its settings and what to do."""
        for name, button in self.buttons.items():
            button.setChecked(name == key)
        for name, settings in self._settings.items():
            settings.setVisible(name == key)
        self.hint.setText(texts.TOOLS[key].hint + texts.LEAVE if key else texts.NO_TOOL)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the key of each tool beside what it does."""
        for name, button in self.buttons.items():
            key = keys.get(f"tool_{name}", "")
            button.setToolTip(f"{texts.TOOLS[name].tip} ({key})" if key else texts.TOOLS[name].tip)

    def cleanup(self) -> None:
        """Take the row out of the window."""
        for button in self.buttons.values():  # what a signal calls keeps the window alive
            button.clicked.disconnect()
        self._window.removeToolBarBreak(self)
        self._window.removeToolBar(self)
        self.deleteLater()
