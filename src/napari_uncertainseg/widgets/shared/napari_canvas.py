"""Private parts of napari around its canvas that are used here; the rules are those of `napari_internals`.

Each function names the public way that was tried first, and why it does not do. Tried on napari 0.9.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Labels
    from qtpy.QtCore import QObject
    from qtpy.QtWidgets import QDockWidget, QMainWindow, QSplitter, QWidget


def view_area(viewer: Viewer) -> QSplitter:
    """The splitter that holds canvas and sliders of a viewer, and can hold something beside them.

    `viewer.window.add_dock_widget` (public) puts a dock beside the others, as narrow as they are, and moving
    the canvas into a splitter of ours would make its OpenGL context anew, which loses what it had set.
    """
    return viewer.window._qt_viewer


def canvas_widget(viewer: Viewer) -> QWidget:
    """The Qt widget of a canvas, to lay something over the picture.

    `viewer.canvas.overlays` (public) has texts, bars and boxes, but no lines.
    """
    return viewer.window._qt_viewer.canvas.native


def give_keyboard_back(widget: QWidget) -> None:
    """Let the canvas of the window around a widget have the keyboard; without one, nobody has it.

    `viewer.window.activate` (public) raises the window, and leaves the keyboard to whatever in it has it.
    """
    parent: QObject | None = widget
    while parent is not None:
        if (qt_viewer := getattr(parent, "_qt_viewer", None)) is not None:
            qt_viewer.canvas.native.setFocus()
            return
        parent = parent.parent()
    widget.clearFocus()


def contour_drawer(layer: Labels) -> Any:
    """Who draws the outlines of a label layer: the layer itself, unless something else was set to.

    The public `Labels.contour` says only how thick they are.
    """
    return layer._calculate_contour.__self__


def tabify(window: QMainWindow, anchor: QDockWidget | None, dock: QDockWidget) -> None:
    """Lay a dock behind another as a tab.

    `QMainWindow.tabifyDockWidget` (public) is enough, but napari writes all its settings each time that it is
    told where a dock lies, as it has done when the dock came to where the other is.
    """
    note = getattr(dock, "_update_default_dock_area", None)
    if note is None or anchor is None or window.dockWidgetArea(anchor) != window.dockWidgetArea(dock):
        window.tabifyDockWidget(anchor, dock)
        return
    dock.dockLocationChanged.disconnect(note)
    try:
        window.tabifyDockWidget(anchor, dock)
    finally:
        dock.dockLocationChanged.connect(note)
