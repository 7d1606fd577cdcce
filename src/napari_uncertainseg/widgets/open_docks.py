"""The docks that are open in a window, with what is in them, and how they are tabbed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.reading_bar.part import PartWidget
from napari_uncertainseg.widgets.shared import napari_canvas, napari_internals
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget

_WIDTH = 400
"""Pixels of a dock that comes to the front."""

W = TypeVar("W", bound=DockWidget)


@dataclass(frozen=True, eq=False)
class OpenDock:
    """One open dock: what it is, its content, and the area around the content that napari docks."""

    dock: Dock
    widget: DockWidget
    area: DockArea


class OpenDocks:
    """The open docks of a window by their key, in the order of their opening.

    Attributes
    ----------
    parts
        Contents of the parts of the reading bar, by key; empty while there is no bar.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, OpenDock] = {}
        self.parts: Mapping[str, PartWidget] = {}

    def __iter__(self) -> Iterator[OpenDock]:
        """Iterate over a copy: a dock may close meanwhile."""
        return iter(list(self._by_key.values()))

    def __contains__(self, dock: Dock) -> bool:
        return dock.key in self._by_key

    @property
    def widgets(self) -> list[DockWidget]:
        """Their contents."""
        return [opened.widget for opened in self]

    def add(self, opened: OpenDock) -> None:
        """Take in a dock that has been opened."""
        self._by_key[opened.dock.key] = opened

    def get(self, key: str) -> OpenDock | None:
        """The open dock with a key, if any."""
        return self._by_key.get(key)

    def find(self, kind: type[W]) -> W | None:
        """The content of a class, if it is open."""
        return next((widget for widget in self.widgets if isinstance(widget, kind)), None)

    def remove(self, area: object) -> OpenDock | None:
        """Take out the dock of an area; None where it is none of these."""
        for opened in self:
            if opened.area is area:
                return self._by_key.pop(opened.dock.key)
        return None

    def clear(self) -> None:
        """Take out all."""
        self._by_key.clear()

    def around(self, key: str) -> QDockWidget | None:
        """What napari put around the open dock with a key, if any."""
        opened = self.get(key)
        parent: QObject | None = None if opened is None else opened.area
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parent()
        return parent

    def arrange(self, window: QMainWindow, docks: Iterable[Dock], front: str) -> None:
        """Tab what is open of some docks in a window, in their order, with one of them in front."""
        shown = [(dock, found) for dock in docks if (found := self.around(dock.key)) is not None]
        anchor = next((found for _, found in shown), None)
        tabbed = [] if anchor is None else window.tabifiedDockWidgets(anchor)
        for dock, found in shown:
            napari_internals.set_dock_title(found, dock.title)
            found.show()
            # Where it is already it stays: napari writes all its settings whenever a dock is moved.
            if found is not anchor and found not in tabbed and not found.isFloating():
                napari_canvas.tabify(window, anchor, found)
        first = next((found for dock, found in shown if dock.key == front), None)
        if first is not None:
            first.raise_()
            window.resizeDocks([first], [_WIDTH], Qt.Orientation.Horizontal)

    def raise_dock(self, key: str) -> None:
        """Bring an open dock to the front."""
        if (found := self.around(key)) is not None:
            found.show()
            found.raise_()
