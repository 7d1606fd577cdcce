"""A key that does nothing says why, whatever is open; a key of a closed dock opens it."""

import weakref

import numpy as np
import pytest
from napari.layers import Image
from napari.utils.notifications import notification_manager

from napari_uncertainseg.widgets.dock_list import WITH_KEYS
from napari_uncertainseg.widgets.exercises import texts as exercise_texts
from napari_uncertainseg.widgets.keys import WindowKeys
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import open_review, review_of

from .actions import areas_of

ALL = [action.name for owner in WITH_KEYS for action in owner.keys]
TOOLS = {name for name in ALL if name == "correct" or name.startswith("tool_")}
"""What they do, or why not, stands in the row that they open."""


class Pressed:
    """Presses keys by the name of their action, and hears what is said then."""

    def __init__(self, viewer):
        self.window = napari_internals.main_window(viewer)
        self.keys = self.window.findChild(WindowKeys)

    def __call__(self, action):
        before = len(notification_manager.records)
        self.keys._said = "", 0.0  # as long ago
        self.keys.press(f"napari-uncertainseg:{action}")
        return [str(each.message) for each in list(notification_manager.records)[before:]]

    def silent(self, actions):
        """Those of the keys that say nothing; each is pressed again, so that what it did is undone."""
        found = set()
        for action in actions:
            if not self(action):
                found.add(action)
                self(action)
        return found


@pytest.fixture
def empty(make_viewer):
    viewer = make_viewer()
    open_review(viewer)
    return viewer


def test_in_an_empty_window_each_key_says_why_it_does_nothing(empty):
    pressed = Pressed(empty)
    assert pressed.silent(ALL) == {*TOOLS, "show_all_keys", "show_result"}
    assert pressed("next_lesion") == [texts.NO_PREDICTION]


def test_before_a_run_keys_of_results_say_why(empty, qtbot):
    data = np.random.default_rng(0).random((12, 14, 16), np.float32)
    empty.add_layer(Image(data, name="FLAIR"))
    qtbot.wait(50)
    works = {"three_views", "reset_window", "next_window", "measure_length", "measure_region"}
    pressed = Pressed(empty)
    assert pressed.silent(ALL) == {*TOOLS, *works, "show_all_keys", "show_result"}


def test_in_3d_keys_of_slices_say_why(kept_viewer, qtbot):
    pressed = Pressed(kept_viewer)
    review = review_of(kept_viewer)
    review.show_dock("lesions")
    qtbot.wait(50)
    pressed("next_lesion")
    kept_viewer.dims.ndisplay = 3
    slices = {"toggle_overlays", "next_map", "flip_next", "flip_back", "side_by_side", "reset_window"}
    slices |= {"next_window", "measure_length", "measure_region", "fit_or_whole"}
    assert pressed.silent(slices) == set()
    kept_viewer.dims.ndisplay = 2


def test_a_key_of_a_closed_dock_opens_it(segmented_viewer, qtbot):
    review, pressed = review_of(segmented_viewer), Pressed(segmented_viewer)
    segmented_viewer.window.remove_dock_widget(areas_of(review)["lesions"])
    qtbot.wait(1)
    assert "lesions" not in areas_of(review)
    assert pressed("next_lesion") == []
    assert review.case.selected is not None and "lesions" in areas_of(review)
    first = review.case.selected
    pressed("next_lesion")
    assert review.case.selected not in (None, first)
    assert pressed("surer") == [exercise_texts.CLOSED] and "exercises" not in areas_of(review)


def test_what_the_list_says_is_also_said_while_it_lies_behind_another_dock(kept_viewer, qtbot):
    review, pressed = review_of(kept_viewer), Pressed(kept_viewer)
    review.show_dock("lesions")
    qtbot.waitUntil(lambda: not review.lesions.visibleRegion().isEmpty(), timeout=5000)
    pressed("next_lesion")
    assert pressed("previous_lesion") == [] and review.lesions.message.text() == texts.FIRST_OF_LIST
    review.show_dock("calibration")
    qtbot.waitUntil(lambda: review.lesions.visibleRegion().isEmpty(), timeout=5000)
    assert pressed("previous_lesion") == [texts.FIRST_OF_LIST]
    assert pressed("undo") == [texts.NOTHING_TO_UNDO]


def test_with_all_docks_closed_no_key_does_anything(empty, qtbot):
    review, pressed = weakref.proxy(review_of(empty)), Pressed(empty)
    for area in areas_of(review).values():
        empty.window.remove_dock_widget(area)
    qtbot.wait(1)
    assert pressed.silent(ALL) == set(ALL) and not areas_of(review)


def test_overlays_that_are_switched_off_cannot_be_hidden(kept_viewer):
    pressed = Pressed(kept_viewer)
    shown = [layer for layer in kept_viewer.layers if layer.name != "FLAIR"]
    for layer in shown:
        layer.visible = False
    assert len(pressed("toggle_overlays")) == 1
