"""Docks name the keys that the user has now, not those that the plugin came with."""

import pytest
from napari.utils.action_manager import action_manager

from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import open_review, review_of

from .fake_window import docks_with
from .fakes import FakeSegmenter

FIRST = {f"napari-uncertainseg:{action.name}": action.key for dock in DOCKS for action in dock.keys}


@pytest.fixture
def viewer(make_viewer):
    made = make_viewer()
    review_of(made, docks_with(fewest=5, most=5, make_segmenter=FakeSegmenter))
    return made


@pytest.fixture
def rebind():
    """Give an action another key, or none, as napari's list of shortcuts does; the first key comes back."""
    changed = []

    def bind(action, key):
        changed.append(name := f"napari-uncertainseg:{action}")
        action_manager.unbind_shortcut(name)
        if key:
            action_manager.bind_shortcut(name, key)

    yield bind
    for name in changed:
        napari_internals.restore_key(name, FIRST[name])


def test_docks_show_a_changed_key_opened_before_and_after(viewer, rebind):
    review = open_review(viewer)
    rebind("accept", "J")
    rebind("surer", "Shift-B")
    review.open_dock("exercises")
    assert review.lesions.buttons["accept"].toolTip().endswith("\nKey: J")
    assert "<b>J</b>&nbsp;accept" in review.lesions.keys.text()
    assert review.exercises.yes.text() == "Lesion (J)" and "(J)" in review.exercises.yes.toolTip()
    assert review.exercises.no.text() == "No lesion (W)"
    assert "Shift+B" in review.exercises.confidence.toolTip()
    rebind("accept", "Y")
    assert review.lesions.buttons["accept"].toolTip().endswith("\nKey: Y")
    assert review.exercises.yes.text() == "Lesion (Y)"


def test_an_action_without_a_key_is_named_without_one(viewer, rebind):
    review = open_review(viewer)
    review.open_dock("exercises")
    rebind("accept", "")
    assert "Key" not in review.lesions.buttons["accept"].toolTip()
    assert "accept" not in review.lesions.keys.text()
    assert review.exercises.yes.text() == "Lesion"
