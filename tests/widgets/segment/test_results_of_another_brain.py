"""The window says when the results that are shown were made with another brain than is chosen now."""

from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg.images.volume import Grid, Volume

from .handling import MENDING, add, find, pick, press, run


@pytest.fixture
def told(layers):
    """How often the window was told to say it anew."""
    heard = []
    layers.brain.outdated_changed.connect(lambda: heard.append(layers.brain.outdated))
    return heard


def _becomes(qtbot, layers, outdated):
    qtbot.waitUntil(lambda: layers.brain.outdated is outdated, timeout=5000)
    return True


def test_painting_after_a_run_outdates_its_results_until_the_next_run(layers, mending, qtbot, told):
    dock, layer = mending
    assert not layers.brain.outdated and not told  # a copy, nothing painted yet
    layer.paint((10, 20, 2), 1)
    assert _becomes(qtbot, layers, True)
    layer.undo()
    assert _becomes(qtbot, layers, False)
    layer.redo()
    assert _becomes(qtbot, layers, True)
    run(qtbot, dock)
    assert not layers.brain.outdated


def test_another_mask_outdates_the_results(viewer, layers, make_looking_dock, qtbot, flair, grid, brain):
    dock = make_looking_dock()
    add(viewer, flair)
    run(qtbot, dock)
    add(viewer, Volume(brain, grid, "the same"), "labels")
    add(viewer, Volume(np.roll(brain, 1, 1), grid, "another"), "labels")
    for name, outdated in (("the same", False), ("another", True), ("automatic", False)):
        pick(dock, name)
        assert layers.brain.outdated is outdated


def test_a_mask_on_another_grid_is_compared_where_the_results_lie(
    viewer, layers, make_looking_dock, qtbot, flair, grid, brain
):
    dock = make_looking_dock()
    add(viewer, flair)
    run(qtbot, dock)
    shift = np.eye(4)
    shift[0, 3] = 2
    part = Grid((22, 40, 32), grid.affine @ shift)
    own = add(viewer, Volume(brain[2:], part, "a part"), "labels")
    pick(dock, "a part")
    assert not layers.brain.outdated
    own.paint((10, 20, 2), 1)
    assert _becomes(qtbot, layers, True)
    own.undo()
    assert _becomes(qtbot, layers, False)


def test_no_mask_any_more_outdates_results_that_were_made_with_one(viewer, layers, mending, qtbot):
    dock, layer = mending
    layer.paint((10, 20, 2), 1)
    run(qtbot, dock)
    pick(dock, "automatic")
    assert layers.brain.outdated
    pick(dock, layer.name)
    assert not layers.brain.outdated
    layers._case.close_prediction()
    assert not layers.brain.outdated


def test_another_brain_that_was_found_outdates_the_results(
    viewer, layers, make_looking_dock, qtbot, flair, brain, monkeypatch
):
    dock = make_looking_dock()
    add(viewer, flair)
    run(qtbot, dock)
    find(qtbot, viewer, dock, monkeypatch, np.roll(brain, 1, 1))
    assert layers.brain.outdated
    dock.brain.skull.setCurrentIndex(1)  # which drops that brain
    assert not layers.brain.outdated


def test_results_that_used_no_brain_are_of_no_other_brain(
    viewer, layers, make_looking_dock, qtbot, flair, brain, monkeypatch
):
    """A model made elsewhere is given the whole scan, whatever brain is found for another model."""
    dock = make_looking_dock()
    add(viewer, flair)
    run(qtbot, dock)
    whole = replace(layers._case.original, information={"brain": "all that the model was given"})
    layers._case.open_prediction(whole)
    find(qtbot, viewer, dock, monkeypatch, np.roll(brain, 1, 1))
    assert not layers.brain.outdated


# -- the layer, whatever it is called ---------------------------------------------------------------


def test_a_renamed_outline_stays_the_brain(viewer, layers, mending, qtbot, asked, flair):
    dock, layer = mending
    layer.paint((10, 20, 2), 1)
    layer.name = "mine"
    assert dock.roles.mended() is layer
    layer.paint((10, 20, 3), 1)
    assert _becomes(qtbot, layers, True)
    scan = dock.roles.layer("flair")
    other = add(viewer, Volume(flair.data + np.float32(0.01), flair.grid, "second"))
    dock.roles.pick_flair(other)
    dock.roles.pick_flair(scan)  # the choice was for this scan, and has gone with it
    assert dock.roles.mended() is layer
    run(qtbot, dock)
    assert np.array_equal(asked[-1].mask, layer.data > 0)


def test_a_brain_mask_that_was_deleted_is_said(viewer, layers, mending, qtbot):
    dock, layer = mending
    layer.name = "mine"
    viewer.layers.remove(layer)
    assert dock.message.text() == "⚠ The brain mask 'mine' was deleted. Brain mask is now: automatic."
    dock.message.setText("")
    pick(dock, "automatic")
    assert not dock.message.text()
    press(qtbot, dock.brain.mend)  # from the results, which are still there
    assert MENDING in viewer.layers


def test_a_mask_that_goes_with_its_scan_is_not_said(viewer, mending):
    dock, layer = mending
    viewer.layers.remove("FLAIR")
    viewer.layers.remove(layer)
    assert "was deleted" not in dock.message.text()
