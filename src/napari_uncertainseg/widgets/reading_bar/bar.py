"""The reading bar: one row at the top of the window, there as long as a dock of this plugin is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolBar

from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.shared.dock_area import FOCUS_STYLE


class ReadingBar(QToolBar):
    """The parts side by side, with a line between two of them.

    Parameters
    ----------
    parts
        What stands in it, from the left.
    context
        What the parts share.

    Attributes
    ----------
    parts
        Their contents, by key.
    """

    def __init__(self, parts: Iterable[Part], context: BarContext) -> None:
        super().__init__("Reading bar (UncertainSeg)", context.window)
        self.setObjectName("uncertainseg-reading-bar")
        self.setMovable(False)
        self.setStyleSheet(FOCUS_STYLE)
        self._window = context.window
        self.parts: dict[str, PartWidget] = {}
        for part in parts:
            if self.parts:
                self.addSeparator()
            self.parts[part.key] = part.make(context)
            self.addWidget(self.parts[part.key])
        context.window.addToolBar(Qt.ToolBarArea.TopToolBarArea, self)
        self.setVisible(bool(self.parts))

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys of the window in all parts."""
        for part in self.parts.values():
            part.show_keys(keys)

    def cleanup(self) -> None:
        """Take the bar out of the window. May be called twice."""
        for part in self.parts.values():
            part.cleanup()
        self.parts.clear()
        self._window.removeToolBar(self)
        self.deleteLater()
