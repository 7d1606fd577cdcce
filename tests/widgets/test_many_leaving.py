"""Many layers are deleted at once: what is ours looks once at what is left, and napari follows once."""

from __future__ import annotations

import weakref
from collections import Counter

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_uncertainseg.widgets.layers.orientation_letters import OrientationLetters
from napari_uncertainseg.widgets.reading_bar.measure.part import MeasurePart
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.segment.roles import RoleBoxes
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone
from napari_uncertainseg.widgets.window import open_review

from .fakes import fake_prediction


@pytest.fixture
def opened(make_viewer, flair, mask, grid, qtbot):
    """A window with a prediction, all of whose layers have come."""
    viewer = make_viewer()
    review = open_review(viewer)
    review.layers.add([layer_data(flair)])
    review.case.set_images({"flair": flair})
    review.case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: not len(review.layers.results.turns), timeout=60_000)
    return viewer, weakref.proxy(review)


def test_who_looks_at_what_is_left_is_told_once_of_many_that_were_deleted() -> None:
    viewer, told = ViewerModel(), []
    layers = [viewer.add_image(np.zeros((4, 4)), name=name) for name in "abcd"]
    gone, some = LayersGone(viewer), LayersGone(viewer, lambda layer: layer.name == "b")
    of_all, of_b = lambda: told.append([x.name for x in viewer.layers]), lambda: told.append("b")
    gone.connect(of_all)
    some.connect(of_b)
    viewer.layers.remove(layers[3])
    assert told == [["a", "b", "c"]]
    viewer.layers.select_all()
    with viewer.layers.batched_update():  # one within another
        viewer.layers.remove_selected()
        assert len(told) == 1
    assert sorted(told[1:], key=str) == sorted(["b", []], key=str)
    with viewer.layers.batched_update():
        pass
    assert len(told) == 3  # nothing went
    for _ in range(2):
        gone.disconnect(of_all)
        some.disconnect(of_b)
    viewer.add_image(np.zeros((4, 4)))
    viewer.layers.clear()
    assert len(told) == 3


def test_who_looks_is_told_also_where_another_listener_fails_at_the_end_of_a_batch(qtbot) -> None:
    viewer, told = ViewerModel(), []
    layers = [viewer.add_image(np.zeros((4, 4)), name=name) for name in "abc"]

    def fail() -> None:
        raise ZeroDivisionError

    viewer.layers.events.end_batch.connect(fail)
    gone, look = LayersGone(viewer), lambda: told.append([x.name for x in viewer.layers])
    gone.connect(look)
    viewer.layers.selection = set(layers[:2])
    with pytest.raises(ZeroDivisionError):
        viewer.layers.remove_selected()
    qtbot.waitUntil(lambda: told == [["c"]], timeout=5000)
    viewer.layers.events.end_batch.disconnect(fail)
    viewer.layers.remove(layers[2])  # one alone is told at once, as ever
    assert told == [["c"], []]
    gone.disconnect(look)


@pytest.mark.viewer
def test_our_parts_look_once_at_what_is_left_when_many_layers_are_deleted(opened, monkeypatch, qtbot) -> None:
    viewer, review = opened
    looked: Counter[str] = Counter()
    for of, name in (
        (MeasurePart, "_reading_now"),
        (OrientationLetters, "letters"),
        (RoleBoxes, "_choose_flair"),
    ):
        own = getattr(of, name)
        counted = lambda self, *args, name=name, own=own: (looked.update([name]), own(self, *args))[1]  # noqa: E731
        monkeypatch.setattr(of, name, counted)
    review.layers.layers_changed.connect(lambda: looked.update(["layers_changed"]))
    for name in ("one", "two", "three"):
        viewer.add_labels(np.ones((4, 4, 4), np.uint8), name=name)
    count = len(viewer.layers)
    assert count > 8
    viewer.layers.select_all()
    looked.clear()
    viewer.layers.remove_selected()
    assert set(looked) >= {"layers_changed", "_reading_now", "letters", "_choose_flair"}
    assert max(looked.values()) < count // 2
    qtbot.waitUntil(lambda: not viewer.layers, timeout=60_000)


@pytest.mark.viewer
def test_controls_of_deleted_layers_go_later_and_not_those_of_one_that_came_back(opened, qtbot) -> None:
    viewer, _ = opened
    controls = viewer.window._qt_viewer.controls
    layer = viewer.add_labels(np.ones((4, 4, 4), np.uint8), name="mine")
    old = controls.widgets[layer]
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    assert layer not in controls.widgets and controls.indexOf(old) >= 0
    viewer.add_layer(layer)
    new = controls.widgets[layer]
    qtbot.waitUntil(lambda: controls.indexOf(new) >= 0 and controls.count() <= 2, timeout=60_000)
    assert controls.currentWidget() is new and new is not old
    viewer.layers.remove(layer)  # one alone goes as ever
    assert layer not in controls.widgets
