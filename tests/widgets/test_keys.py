"""Keys of the docks: in napari's list of shortcuts, changed there, and never while somebody types."""

import pytest
from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit, QMainWindow

from napari_uncertainseg.widgets.dock_description import Dock, KeyAction
from napari_uncertainseg.widgets.keys import WindowKeys, list_keys
from napari_uncertainseg.widgets.open_docks import OpenDock, OpenDocks
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget

from .actions import focus

NAME = "napari-uncertainseg:wave"


class Waving(DockWidget):
    """A dock that notes what its keys asked for."""

    def __init__(self):
        super().__init__()
        self.done, self.greedy = [], False

    @property
    def takes_all_keys(self):
        return self.greedy

    def act(self, action):
        self.done.append(action)


WAVING = Dock("waving", "Waving", lambda context: Waving(), keys=(KeyAction("wave", "Y", "Wave."),))
OTHER = Dock("other", "Other", lambda context: Waving())


@pytest.fixture(autouse=True)
def listed():
    """Keys are napari's, and outlive a window."""
    yield
    action_manager._actions.pop(NAME, None)
    action_manager._shortcuts.pop(NAME, None)
    get_settings().shortcuts.reset()


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    opened = OpenDocks()
    for dock in (WAVING, OTHER):
        content = Waving()
        opened.add(OpenDock(dock, content, DockArea(content, made)))
    made.field = QLineEdit(made)
    made.keys = WindowKeys(made, (WAVING, OTHER), opened)
    made.docks = {each.dock.key: each.widget for each in opened}
    made.show()
    made.activateWindow()
    made.setFocus()
    qtbot.waitUntil(made.isActiveWindow, timeout=5000)
    yield made
    made.keys.cleanup()
    for name in ("field", "keys", "docks"):
        delattr(made, name)
    made.close()
    made.deleteLater()
    qtbot.wait(1)


def press(qtbot, window, key):
    qtbot.keyClick(window, key)
    return window.docks["waving"].done


def keys_in_list(editor):
    table = editor._table
    rows = {table.item(row, 4).text(): row for row in range(table.rowCount())}
    return table, rows


def test_a_key_is_in_naparis_list_and_can_be_changed_there(qtbot, window):
    assert press(qtbot, window, Qt.Key.Key_Y) == ["wave"]
    editor = ShortcutEditor()
    qtbot.addWidget(editor)
    table, rows = keys_in_list(editor)
    row = rows[NAME]
    assert (table.item(row, 0).text(), table.item(row, 2).text()) == ("UncertainSeg: Wave.", "Y")
    table.setCurrentItem(table.item(row, 2))
    table.item(row, 2).setText("K")
    assert press(qtbot, window, Qt.Key.Key_Y) == ["wave"]
    assert press(qtbot, window, Qt.Key.Key_K) == ["wave", "wave"]


def test_a_changed_key_is_told_to_the_docks(qtbot, window):
    assert window.keys.listed() == {"wave": "Y"}
    with qtbot.waitSignal(window.keys.changed):
        action_manager.bind_shortcut(NAME, "Shift-K")
    assert window.keys.listed() == {"wave": "Y / Shift+K"}
    with qtbot.waitSignal(window.keys.changed):
        action_manager.unbind_shortcut(NAME)
    assert window.keys.listed() == {"wave": ""}


def test_restoring_naparis_keys_restores_ours(qtbot, window):
    action_manager.unbind_shortcut(NAME)
    action_manager.bind_shortcut(NAME, "K")
    shortcuts = get_settings().shortcuts
    shortcuts.shortcuts = {**shortcuts.shortcuts, NAME: [coerce_keybinding("K")]}
    assert press(qtbot, window, Qt.Key.Key_K) == ["wave"]
    shortcuts.reset()
    assert press(qtbot, window, Qt.Key.Key_K) == ["wave"]
    assert press(qtbot, window, Qt.Key.Key_Y) == ["wave", "wave"]


def test_a_key_that_the_user_chose_earlier_stays(qtbot):
    shortcuts = get_settings().shortcuts
    shortcuts.shortcuts = {**shortcuts.shortcuts, NAME: [coerce_keybinding("K")]}
    action_manager.bind_shortcut(NAME, "K")  # as napari does when it starts
    list_keys([WAVING])
    list_keys([WAVING])
    assert [str(key) for key in action_manager._shortcuts[NAME]] == ["K"]


def test_keys_are_silent_in_a_text_field_even_with_ctrl(qtbot, window):
    action_manager.bind_shortcut(NAME, "Control-K")
    focus(qtbot, window.field)
    qtbot.keyClick(window.field, Qt.Key.Key_Y)
    qtbot.keyClick(window.field, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.field.text() == "y" and window.docks["waving"].done == []
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.docks["waving"].done == ["wave"]


def test_a_dock_may_take_all_keys(qtbot, window):
    window.docks["other"].greedy = True
    assert press(qtbot, window, Qt.Key.Key_Y) == []
    assert window.docks["other"].done == ["wave"]


def test_each_key_is_pressed_once_in_the_window_that_is_active(make_viewer, qtbot):
    from napari_uncertainseg.widgets.window import review_of

    viewers = [make_viewer(), make_viewer()]
    reviews = [review_of(viewer, (WAVING,)) for viewer in viewers]
    for review in reviews:
        review.open_dock("waving")
    for at, viewer in enumerate(viewers):
        canvas = viewer.window._qt_viewer.canvas.native
        focus(qtbot, canvas)
        qtbot.keyClick(canvas, Qt.Key.Key_Y)
        assert [review.waving.done for review in reviews] == [["wave"], ["wave"][:at]]
