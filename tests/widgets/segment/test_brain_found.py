"""The brain before a run: found, shown, and looked at before a strange one is used."""

from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from napari_uncertainseg.images.preparation import brain_search

from .handling import HELD, OUTLINE, Looking, add, find, pick, press, run


def test_a_strange_brain_is_said_before_the_segmentation_and_the_user_may_go_on(
    viewer, layers, make_looking_dock, qtbot, flair, brain
):
    dock = make_looking_dock(
        strange="The brain found in 'FLAIR' looks strange: it has a hole. Look at its outline."
    )
    add(viewer, flair)
    assert not dock.brain.go_on.isVisible()
    press(qtbot, dock.run)
    qtbot.waitUntil(lambda: "looks strange" in dock.message.text(), timeout=3000)
    assert dock.message.text().startswith("⚠ Not segmented yet.") and layers._case.prediction is None
    assert dock.run.text() == "Run" and dock.run.isEnabled()
    assert np.array_equal(viewer.layers[HELD].data > 0, brain) and dock.brain.shown.isChecked()
    run(qtbot, dock, dock.brain.go_on)
    assert "looks strange" in dock.message.text()  # as a note of the run
    assert not dock.brain.go_on.isVisible()
    assert np.array_equal(viewer.layers[OUTLINE].data > 0, layers._case.prediction.brain)


def test_a_strange_brain_that_was_accepted_is_not_asked_about_again(
    viewer, layers, make_looking_dock, qtbot, flair, brain
):
    dock = make_looking_dock(strange="The brain looks strange: it has a hole.")
    add(viewer, flair)
    press(qtbot, dock.run)
    qtbot.waitUntil(dock.brain.go_on.isVisible, timeout=3000)
    run(qtbot, dock, dock.brain.go_on)
    first = layers._case.original
    run(qtbot, dock)  # asks nothing
    assert layers._case.original is not first and not dock.brain.go_on.isVisible()

    segmenter, other = dock._segmenters._last[1], brain.copy()
    other[2:4] = False
    segmenter._found = replace(segmenter._found, mask=other)  # another outline is another question
    press(qtbot, dock.run)
    qtbot.waitUntil(dock.brain.go_on.isVisible, timeout=3000)
    assert dock.message.text().startswith("⚠ Not segmented anew: the lesions are of the run before.")


def test_a_brain_that_was_accepted_is_accepted_for_its_scan_only(
    viewer, layers, make_looking_dock, qtbot, flair
):
    dock = make_looking_dock(strange="The brain looks strange: it has a hole.")
    add(viewer, flair)
    press(qtbot, dock.run)
    qtbot.waitUntil(dock.brain.go_on.isVisible, timeout=3000)
    run(qtbot, dock, dock.brain.go_on)
    add(viewer, replace(flair, name="another FLAIR"))
    pick(dock, "another FLAIR", "flair")
    press(qtbot, dock.run)
    qtbot.waitUntil(dock.brain.go_on.isVisible, timeout=3000)


def test_run_alone_does_not_go_on_with_a_strange_brain(viewer, layers, make_looking_dock, qtbot, flair):
    dock = make_looking_dock(strange="The brain looks strange: it is in two pieces.")
    add(viewer, flair)
    for _ in range(2):
        press(qtbot, dock.run)
        qtbot.waitUntil(lambda: "two pieces" in dock.message.text(), timeout=3000)
    assert layers._case.prediction is None


def test_the_brain_is_found_without_a_run_and_the_next_run_uses_it(
    viewer, layers, make_looking_dock, qtbot, flair, brain, asked, monkeypatch
):
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain)
    dock = make_looking_dock()
    assert not dock.brain.search.isEnabled() and not dock.brain.mend.isEnabled()
    add(viewer, flair)
    press(qtbot, dock.brain.search)
    qtbot.waitUntil(lambda: HELD in viewer.layers, timeout=3000)
    assert "0.046 l" in dock.message.text() and layers._case.prediction is None
    assert dock.brain.mend.isEnabled() and dock.run.isEnabled()
    with qtbot.waitSignal(dock.done, timeout=5000):
        press(qtbot, dock.brain.go_on)  # so little is strange
    assert np.array_equal(asked[-1].mask, brain)


def test_a_brain_that_was_found_holds_for_its_scan_and_skull_only(
    viewer, make_looking_dock, qtbot, flair, brain, asked, monkeypatch
):
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: brain)
    dock = make_looking_dock()
    layer = add(viewer, flair)
    for change in (
        lambda: dock.brain.skull.setCurrentIndex(dock.brain.skull.findData("present")),
        lambda: add(viewer, replace(flair, name="T1", modality="t1")),
        lambda: setattr(layer, "data", layer.data[::-1].copy()),
    ):
        press(qtbot, dock.brain.search)
        qtbot.waitUntil(lambda: HELD in viewer.layers, timeout=3000)
        change()
        dock.roles.refill()
        assert HELD not in viewer.layers and not dock.brain.go_on.isVisible() and not dock.message.text()
    run(qtbot, dock)
    assert asked == [None]


@pytest.mark.parametrize("button", ["search", "run"])
def test_a_brain_is_dropped_when_the_skull_is_chosen_while_it_is_found(
    viewer, layers, make_looking_dock, qtbot, flair, brain, monkeypatch, button
):
    begun, chosen = Event(), Event()

    def wait(found):
        begun.set()
        assert chosen.wait(300)
        return found

    dock = make_looking_dock(strange="The brain looks strange: it has a hole.")
    add(viewer, flair)
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: wait(brain))
    predict = Looking.predict
    monkeypatch.setattr(Looking, "predict", lambda self, *a, **o: predict(wait(self), *a, **o))
    press(qtbot, dock.run if button == "run" else dock.brain.search)
    qtbot.waitUntil(begun.is_set, timeout=3000)
    dock.brain.skull.setCurrentIndex(dock.brain.skull.findData("removed"))
    chosen.set()
    qtbot.waitUntil(lambda: "was changed while the brain was found" in dock.message.text(), timeout=3000)
    assert HELD not in viewer.layers and not dock.brain.go_on.isVisible()
    assert dock._request().brain is None and layers._case.prediction is None


def test_a_brain_is_not_used_when_its_layer_holds_another_scan_now(
    viewer, make_looking_dock, qtbot, flair, brain, asked, monkeypatch
):
    dock = make_looking_dock()
    scan = add(viewer, flair)
    find(qtbot, viewer, dock, monkeypatch, brain)
    scan.data = scan.data[::-1].copy()  # the dock hears nothing of it
    run(qtbot, dock)
    assert asked == [None]
