"""The part of the bar that opens the result of the review."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QHBoxLayout, QToolButton

from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.reading_bar.result import texts
from napari_uncertainseg.widgets.reading_bar.result.panel import ResultPanel
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.dock_area import DockArea

_NAME = "Result (UncertainSeg)"
_TOGGLE = "show_result"


class ResultPart(PartWidget):
    """A button that shows the panel beside the docks, and takes it away.

    Parameters
    ----------
    context
        What the parts share.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._context: BarContext | None = context
        self.panel: ResultPanel | None = None
        self._area: DockArea | None = None
        self.button = QToolButton()
        self.button.setText(texts.BUTTON)
        self.button.setCheckable(True)
        self.button.setToolTip(texts.tip(""))
        self.button.clicked.connect(self.toggle)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)

    def act(self, action: str) -> None:
        """Show the panel, or take it away."""
        if action == _TOGGLE:
            self.toggle()

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Say the key in the tooltip."""
        self.button.setToolTip(texts.tip(keys.get(_TOGGLE, "")))

    def toggle(self) -> None:
        """Show the panel; take it away where it is in sight already."""
        dock = self._dock()
        if dock is None:
            self._open()
        elif self.panel is not None and self.panel.visibleRegion().isEmpty() and dock.isVisible():
            dock.raise_()  # behind another tab
        else:
            self._close()
        self._show_state()

    def _open(self) -> None:
        if self._context is None:
            return
        self.panel = ResultPanel(self._context.review, self._context.measured)
        self._area = DockArea(self.panel)
        self._area.installEventFilter(self)
        window = self._context.viewer.window
        dock = window.add_dock_widget(self._area, name=_NAME, area="right", tabify=True)
        napari_internals.set_dock_title(dock, texts.TITLE)
        dock.show()
        dock.raise_()

    def _close(self) -> None:
        if self._area is not None and self._context is not None:
            self._context.viewer.window.remove_dock_widget(self._area)

    def _dock(self) -> QDockWidget | None:
        found: QObject | None = self._area
        while found is not None and not isinstance(found, QDockWidget):
            found = found.parent()
        return found

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let the panel go when napari has closed its dock: it takes the area out of its window."""
        gone = event is not None and event.type() == QEvent.Type.ParentChange
        if gone and watched is self._area and self._area is not None and self._area.parent() is None:
            self._drop()
        return False

    def _drop(self) -> None:
        area, panel, self._area, self.panel = self._area, self.panel, None, None
        if area is not None and panel is not None:
            area.removeEventFilter(self)
            panel.cleanup()
            area.deleteLater()
        self._show_state()

    def _show_state(self) -> None:
        self.button.setChecked(self._area is not None)

    def cleanup(self) -> None:
        """Take the panel away. May be called twice."""
        if self.panel is not None:
            self.panel.cleanup()
        self._close()
        self._context = None  # it holds the window, which could not go before this button does


PART = Part("result", ResultPart, (KeyAction(_TOGGLE, "Shift+O", texts.KEY_MEANING),))
