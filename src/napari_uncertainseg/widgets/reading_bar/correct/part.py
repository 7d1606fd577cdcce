"""The part of the reading bar that opens the correction tools."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton

from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.reading_bar.correct.tools import Tools
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget

_OPEN = "correct"
_TOOL = "tool_"
_KEYS = {
    "grow": "Shift+G",
    "shrink": "Shift+H",
    "fill": "Shift+F",
    "brush": "Shift+B",
    "click": "Shift+C",
    "split": "Shift+X",
    "merge": "Shift+M",
    "interpolate": "Shift+I",
}


class CorrectPart(PartWidget):
    """One button; the tools lie in a row below the bar, which it opens.

    Parameters
    ----------
    context
        What the parts share.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._context = context
        self.tools: Tools | None = None
        self._keys: Mapping[str, str] = {}
        self.button = QPushButton(texts.OPEN)
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self._on_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.addWidget(self.button)
        self.show_keys({})

    def act(self, action: str) -> None:
        """Open or close the row, or use a tool."""
        if action == _OPEN:
            self._show(self.tools is None)
        else:
            self._show(True)
            assert self.tools is not None
            self.tools.use(action.removeprefix(_TOOL))

    def _on_clicked(self, checked: bool) -> None:
        self._show(checked)

    def _show(self, shown: bool) -> None:
        if shown and self.tools is None:
            self.tools = Tools(self._context)
            self.tools.row.closed.connect(self._close)
            self.tools.row.show_keys(self._keys)
            self.tools.row.said.setText(self.tools.why_not)
        elif not shown and self.tools is not None:
            tools, self.tools = self.tools, None
            tools.cleanup()
            tools.deleteLater()
        self.button.setChecked(shown)

    def _close(self) -> None:
        self._show(False)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys in the tips."""
        self._keys = keys
        key = keys.get(_OPEN, "")
        self.button.setToolTip(f"{texts.OPEN_TIP} ({key})" if key else texts.OPEN_TIP)
        if self.tools is not None:
            self.tools.row.show_keys(keys)

    def cleanup(self) -> None:
        """Close the row, and with it all that a tool changed in the viewer. May be called twice."""
        self._show(False)


PART = Part(
    "correct",
    CorrectPart,
    (
        KeyAction(_OPEN, "Shift+T", "Open or close the tools that correct outlines."),
        *(
            KeyAction(f"{_TOOL}{name}", key, f"{texts.TOOLS[name].name}: {texts.TOOLS[name].tip}")
            for name, key in _KEYS.items()
        ),
    ),
)
"""The correction tools."""
