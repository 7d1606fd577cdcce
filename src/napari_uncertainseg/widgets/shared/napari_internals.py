"""What this plugin uses of napari's private parts; only `napari_canvas` and `napari_adding` may, too.

Each function names the public way that was tried first, and why it does not do. Tried on napari 0.9.2.
The tests of this module fail where a later napari has renamed something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from app_model.backends.qt import QKeyBindingSequence
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.key_bindings import KeymapProvider, coerce_keybinding
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTableWidget

if TYPE_CHECKING:
    from napari import Viewer
    from napari.components import ViewerModel
    from napari.layers import Labels, Layer, Surface
    from qtpy.QtCore import QObject
    from qtpy.QtGui import QKeySequence
    from qtpy.QtWidgets import QDialog, QDockWidget, QMainWindow, QWidget

V = TypeVar("V")

DrawContour = Callable[[np.ndarray, "tuple[slice, ...]"], "np.ndarray | None"]
"""Draws the outlines of one slice of labels, shape (m, n), of which a part is asked for."""


# -- window ---------------------------------------------------------------------------------------


def unwrapped(viewer: V) -> V:
    """The viewer itself where napari handed over its proxy, which inspects each access.

    There is no public way: the proxy answers for all that is public, only slowly.
    """
    return cast(V, getattr(viewer, "__wrapped__", viewer))


def main_window(viewer: Viewer) -> QMainWindow:
    """Qt's main window of a viewer.

    `viewer.window` offers docks and menus, but neither an event filter nor shortcuts; and
    `QApplication.activeWindow` may be another one.
    """
    return viewer.window._qt_window


def viewer_around(widget: QWidget) -> ViewerModel | None:
    """The viewer in whose window a widget lies, also in a floating dock; None for a widget on its own.

    `napari.current_viewer` (public) is the one that was active last, which may be another.
    """
    parent: QObject | None = widget
    while parent is not None:
        if (qt_viewer := getattr(parent, "_qt_viewer", None)) is not None:
            return qt_viewer.viewer
        parent = parent.parent()
    return None


def drawing_canvas(viewer: Viewer) -> Any:
    """The vispy canvas of a viewer, to see when it has drawn.

    `viewer.screenshot` draws once more, which is not what a measurement wants.
    """
    return viewer.window._qt_viewer.canvas._scene_canvas


def show_welcome(viewer: Viewer, shown: bool) -> bool:
    """Show napari's own hint while the viewer has no layer, or do not; gives what it was.

    `Viewer(show_welcome_screen=...)` (public) says it once, for a viewer that is being made.
    """
    qt_viewer = viewer.window._qt_viewer
    before = bool(qt_viewer.show_welcome_screen)
    qt_viewer.show_welcome_screen = shown
    return before


def group_cells(viewer: Viewer, cell_of: Callable[[Layer], int]) -> None:
    """Let the cells of napari's grid of canvases hold layers by what they are.

    The public `viewer.canvas.grid.stride` puts so many neighbours of the list into each cell: what lies over
    one scan would fill cells of its own.

    Parameters
    ----------
    viewer
        Whose grid.
    cell_of
        The number of the cell of a layer; cells without a visible layer are not drawn.
    """

    def groups(layers: Sequence[Layer]) -> tuple[dict[int, int], list[int]]:
        cells = {index: cell_of(layer) for index, layer in enumerate(layers)}
        return cells, sorted({cells[index] for index, layer in enumerate(layers) if layer.visible})

    vars(viewer.canvas.grid)["_viewbox_groups"] = groups


def ungroup_cells(viewer: Viewer) -> None:
    """Give the grid its own cells back. May be called twice."""
    vars(viewer.canvas.grid).pop("_viewbox_groups", None)


@contextmanager
def cells_held(viewer: ViewerModel) -> Iterator[None]:
    """Look up once which layers lie in which cell: within, none of them comes, goes, is shown or hidden.

    napari asks for each cell, layer by layer, where all others lie: a third of the time that side by side
    takes. There is no public way; `viewer.canvas.grid.contents_at` (public) is what is slow.
    """
    grid = viewer.canvas.grid
    own = vars(grid)
    groups = own.get("_viewbox_groups")
    if groups is None or "contents_at" in own:
        yield
        return
    found: dict[tuple[int, ...], list[int]] = {}

    def contents_at(position: tuple[int, int], layers: Sequence[Layer]) -> tuple[int, ...]:
        if not found:
            for index in range(len(layers)):
                found.setdefault(grid.position(index, layers), []).append(index)
        return tuple(found.get(tuple(position), ()))

    known = groups(viewer.layers)
    own["_viewbox_groups"], own["contents_at"] = lambda layers: known, contents_at
    try:
        yield
    finally:
        own["_viewbox_groups"] = groups
        del own["contents_at"]


def replace_close(window: QMainWindow, close: Callable[..., Any]) -> Callable[..., Any]:
    """Let a window's `close` call something else, which may ask first.

    An event filter on the window (public) hears of a close by its cross, but comes too late for napari's
    menu: napari asks whether to close before Qt sends the event.

    Returns
    -------
    Callable
        napari's own function, of (quit_app, confirm_need).
    """
    original = window.close
    window.close = close  # type: ignore[method-assign]
    return original


def restore_close(window: QMainWindow) -> None:
    """Give a window its own `close` back. May be called twice."""
    vars(window).pop("close", None)


def set_dock_title(dock: QDockWidget, title: str) -> None:
    """Set the title of a dock, also in the title bar that napari draws.

    `QDockWidget.setWindowTitle` is enough for tabs; napari copies the title into its own bar only once.
    """
    dock.setWindowTitle(title)
    label = getattr(dock.titleBarWidget(), "title", None)
    if label is not None:
        label.setText(title)


# -- keys -----------------------------------------------------------------------------------------


class _ListedKeys(KeymapProvider):
    """Owner of our keys in `Preferences > Shortcuts`.

    napari itself never presses keys of a provider that is neither a viewer nor a layer. That is wanted:
    it would press them from the canvas only, and on top of our own shortcuts.
    """


def list_key(name: str, description: str, key: str, command: Callable[[Viewer], None]) -> None:
    """List an action with its key in napari's `Preferences > Shortcuts`, where the user can change the key.

    The public ways do not get there: key bindings of a plugin's manifest are ignored by napari 0.9.2
    (``keybindings=[]`` in `napari.plugins._npe2`), and keys of `viewer.bind_key` are not listed.
    May be called again with the same name.

    Parameters
    ----------
    name
        Unique, such as ``"package:action"``.
    description
        The text in the list.
    key
        The key unless the user has chosen others, such as ``"Shift+N"``.
    command
        Called where napari triggers the action by its name.
    """
    action_manager.register_action(name, command, description, _ListedKeys)
    restore_key(name, key)


def restore_key(name: str, key: str) -> None:
    """Give a listed action its first key where the user's settings have none for it."""
    if name not in get_settings().shortcuts.shortcuts and _keys(name) != [key]:
        action_manager.unbind_shortcut(name)
        action_manager.bind_shortcut(name, key)


def listed_keys(name: str) -> list[QKeySequence]:
    """The keys of a listed action, ours or napari's such as ``"napari:roll_axes"``, as the user has them now.

    `get_settings().shortcuts` (public) holds them only when the user has closed the list of shortcuts.
    """
    return [as_sequence(key) for key in _keys(name)]


def as_sequence(key: object) -> QKeySequence:
    """One of napari's keys as Qt has it; the public way, `str`, writes it in words that Qt does not read."""
    return QKeyBindingSequence(coerce_keybinding(key))


def _keys(name: str) -> list[str]:
    return [str(key) for key in action_manager._shortcuts.get(name, [])]


def listen_to_keys(changed: Callable[[Any], None], reset: Callable[[Any], None]) -> Callable[[], None]:
    """Call functions when a key has been changed in the list, and when the settings of keys have been.

    Returns
    -------
    Callable
        Ends this. May be called twice.
    """
    settings = get_settings().shortcuts.events.shortcuts
    action_manager.events.shortcut_changed.connect(changed)
    settings.connect(reset)

    def stop() -> None:
        action_manager.events.shortcut_changed.disconnect(changed)
        settings.disconnect(reset)

    return stop


def show_shortcuts(viewer: Viewer, first: str) -> QDialog:
    """Open napari's `Preferences > Shortcuts`, with the first key whose description begins so in sight.

    napari's own action for this (``napari:show_shortcuts``) takes the viewer that was active last, which may
    be another one, and shows the top of a long list.
    """
    dialog = viewer.window._open_preferences_dialog()
    (row, *_) = dialog._list.findItems("Shortcuts", Qt.MatchFlag.MatchExactly)
    dialog._list.setCurrentItem(row)
    for table in dialog._stack.currentWidget().findChildren(QTableWidget):
        found = table.findItems(first, Qt.MatchFlag.MatchStartsWith)
        if found:
            table.scrollToItem(found[0], QTableWidget.ScrollHint.PositionAtTop)
    return dialog


# -- label layers ---------------------------------------------------------------------------------


def replace_undo(layer: Labels, undo: Callable[[], None], redo: Callable[[], None]) -> None:
    """Let a layer's undo and redo call something else.

    napari emits nothing on undo and redo, and its keys call these methods. Binding the keys anew with
    `layer.bind_key` would miss whoever calls the methods, and the keys that a user has changed.
    """
    layer.undo, layer.redo = undo, redo  # type: ignore[method-assign]


def restore_undo(layer: Labels) -> None:
    """Give a layer its own undo and redo back. May be called twice."""
    for name in ("undo", "redo"):
        vars(layer).pop(name, None)


def forget_strokes(layer: Labels) -> None:
    """Empty the undo history of a layer.

    Setting `layer.data` empties it too, but draws the whole volume anew.
    """
    layer._reset_history()


def replace_contour(layer: Labels, draw: DrawContour) -> DrawContour:
    """Let a layer draw its outlines with another function.

    The public `Labels.contour` sets only a thickness.

    Returns
    -------
    Callable
        napari's own function.
    """
    original = layer._calculate_contour
    layer._calculate_contour = draw  # type: ignore[method-assign]
    return original


def displayed_sides(layer: Labels) -> tuple[float, ...]:
    """Voxel sides along the axes that a layer shows, in world units.

    The public `viewer.dims.displayed` counts the viewer's axes, and a layer does not know its viewer.
    """
    return tuple(abs(float(layer.scale[axis])) for axis in layer._slice_input.displayed)


# -- surfaces -------------------------------------------------------------------------------------


def aim_cursor(viewer: ViewerModel) -> None:
    """Give the cursor the direction of the view in 3-D, which it has only after the mouse has moved there.

    Without, napari 0.9.2 raises as soon as a layer of images or labels becomes active under the mouse.
    """
    if viewer.dims.ndisplay == 3 and viewer.cursor._view_direction is None:
        camera, dims = viewer.scene.camera, viewer.dims
        viewer.cursor._view_direction = camera.calculate_nd_view_direction(dims.ndim, dims.displayed)


def replace_status(layer: Surface, say: Callable[[np.ndarray, np.ndarray], str]) -> None:
    """Let the status bar say something else of what lies under the mouse in 3-D.

    `Surface.features` (public) are of points, and napari 0.9.2 shows them nowhere; and its own search goes
    through all triangles at each move of the mouse.

    Parameters
    ----------
    layer
        Whose status is said, where it is the active layer.
    say
        Of a place in the viewer's world and a direction there; napari calls it in a thread of its own.
    """

    def status(
        position: Any = None, *, view_direction: Any = None, dims_displayed: Any = None, **_: Any
    ) -> dict[str, str]:
        said = ""
        if position is not None and view_direction is not None and len(dims_displayed or ()) == 3:
            said = say(np.asarray(position, float), np.asarray(view_direction, float))
        return {**layer._get_source_info(), "coordinates": said, "coords": "", "value": said}

    layer.get_status = status  # type: ignore[method-assign]


def restore_status(layer: Surface) -> None:
    """Let a layer speak for itself again. May be called twice."""
    vars(layer).pop("get_status", None)


# -- colours --------------------------------------------------------------------------------------


class TableLabelColormap(DirectLabelColormap):
    """Maps all possible labels at once, where napari goes through them one by one at each new colour.

    `DirectLabelColormap` has no public setting for this. Should napari rename the method, its own is
    used again, and is slower.
    """

    def _map_precast(self, values: np.ndarray, apply_selection: bool) -> np.ndarray:
        colours: dict[int, Any] = self._values_mapping_to_minimum_values_set(apply_selection)[1]
        table = np.zeros((max(colours) + 1, 4), np.float32)
        for number, colour in colours.items():
            table[number] = colour
        return table[values]
