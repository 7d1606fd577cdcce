"""The bar at the top of the window: there while a dock is open; some keys work during an exercise."""

import weakref

import pytest
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolBar

from napari_uncertainseg.widgets.dock_description import Dock, KeyAction
from napari_uncertainseg.widgets.reading_bar.part import Part, PartWidget
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.window import Review

from .actions import focus


class Pointing(PartWidget):
    def __init__(self, context):
        super().__init__()
        self.context, self.done, self.keys, self.ended = context, [], {}, 0

    def act(self, action):
        self.done.append(action)

    def show_keys(self, keys):
        self.keys = dict(keys)

    def cleanup(self):
        self.ended += 1


class Greedy(DockWidget):
    def __init__(self):
        super().__init__()
        self.greedy, self.done = False, []

    @property
    def takes_all_keys(self):
        return self.greedy

    def act(self, action):
        self.done.append(action)


DOCK = Dock("greedy", "Greedy", lambda context: Greedy())
PARTS = (
    Part("always", Pointing, (KeyAction("point", "Shift+J", "Point."),), works_in_exercise=True),
    Part("review_only", Pointing, (KeyAction("tell", "Shift+K", "Tell."),)),
)


@pytest.fixture
def review(make_viewer):
    viewer = make_viewer()
    made = Review(viewer, viewer.window._qt_window, (DOCK,), PARTS)
    del viewer
    yield weakref.proxy(made)  # a fixture's value outlives the window
    for name in ("napari-uncertainseg:point", "napari-uncertainseg:tell"):
        action_manager._actions.pop(name, None)
        action_manager._shortcuts.pop(name, None)
    get_settings().shortcuts.reset()


def bars(review):
    return [
        bar for bar in review._window.findChildren(QToolBar) if bar.objectName().startswith("uncertainseg")
    ]


def test_the_bar_comes_with_the_first_dock_and_goes_with_the_last(review, qtbot):
    assert not bars(review)
    review.open_dock("greedy")
    (bar,) = bars(review)
    parts = list(bar.parts.values())
    assert bar.isVisible() and [part.isVisible() for part in parts] == [True, True]
    assert parts[0].keys == {"point": "Shift+J", "tell": "Shift+K"}
    assert parts[0].context.viewer is review._viewer and parts[0].context.review.case is review.case

    review._viewer.window.remove_dock_widget(review.opened.get("greedy").area)
    qtbot.waitUntil(lambda: not bars(review), timeout=3000)
    assert [part.ended for part in parts] == [1, 1] and not review.opened.parts
    review.open_dock("greedy")
    assert len(bars(review)) == 1


def test_keys_reach_their_part_and_during_an_exercise_only_parts_that_may(review, qtbot):
    review.open_dock("greedy")
    always, review_only = review.opened.parts["always"], review.opened.parts["review_only"]
    window = review._window
    focus(qtbot, window)
    for greedy in (False, True):
        review.greedy.greedy = greedy
        for key in (Qt.Key.Key_J, Qt.Key.Key_K):
            qtbot.keyClick(window, key, Qt.KeyboardModifier.ShiftModifier)
    assert always.done == ["point", "point"] and review_only.done == ["tell"]
    assert review.greedy.done == ["tell"]
