"""The outline of the brain, mended by painting."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image

from napari_uncertainseg.images.preparation.found_brain import MENDED
from napari_uncertainseg.images.volume import Grid, Volume

from .handling import HELD, MENDING, OUTLINE, add, find, masks, pick, press, run


def test_the_outline_is_mended_by_painting_and_the_next_run_uses_it(
    viewer, layers, mending, qtbot, brain, asked
):
    dock, layer = mending
    assert layer.visible and layer.mode == "paint" and viewer.layers.selection.active is layer
    assert masks(dock)[1] == MENDING and "key 2 paints" in dock.message.text()
    layer.paint((10, 20, 2), 1)
    assert layer.data[10, 20, 2] == 1
    layer.undo()
    assert np.array_equal(layer.data > 0, brain)
    layer.redo()
    painted = np.array(layer.data > 0)
    assert painted.sum() > brain.sum() == layers._case.prediction.brain.sum()
    run(qtbot, dock)
    assert asked[-1].source == MENDED and np.array_equal(asked[-1].mask, painted)
    assert np.array_equal(layers._case.prediction.brain, painted)
    assert "The outline of the brain was mended by hand." in dock.message.text()
    assert not layer.visible
    press(qtbot, dock.brain.mend)  # goes on with what was painted
    assert layer.visible and len([x for x in viewer.layers if x.name.startswith("brain of")]) == 1


def test_automatic_has_the_brain_found_again(mending, qtbot, asked):
    dock, layer = mending
    box = dock.findChild(object, "role-mask")
    box.setCurrentIndex(0)
    box.activated.emit(0)
    run(qtbot, dock)
    assert asked[-1] is None
    press(qtbot, dock.brain.mend)
    assert masks(dock)[1] == layer.name


def test_results_that_were_mended_bring_their_outline_back(
    viewer, layers, make_looking_dock, flair, prediction
):
    dock = make_looking_dock()
    add(viewer, flair)
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(replace(prediction, information={"brain": MENDED}))
    outline = viewer.layers[MENDING]
    assert not outline.visible and masks(dock)[1] == MENDING
    assert np.array_equal(outline.data > 0, prediction.brain)
    assert dock._request().brain.source == MENDED


def test_an_outline_is_no_reference_for_lesions(layers, mending):
    assert MENDING not in layers.user_labels.names()


def test_a_scan_of_another_reader_is_mended_in_its_own_order(
    viewer, make_looking_dock, qtbot, brain, asked, flair
):
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    grid = Grid.from_file((32, 40, 24), affine)
    turned, _ = grid.to_file(flair.data)
    viewer.add_layer(Image(turned, name="FLAIR", affine=affine, metadata={"affine": affine}))
    dock = make_looking_dock()
    run(qtbot, dock)
    press(qtbot, dock.brain.mend)
    layer = viewer.layers[MENDING]
    assert layer.data.shape == turned.shape
    run(qtbot, dock)
    assert asked[-1].source == "network" and np.array_equal(asked[-1].mask, brain)
    layer.brush_size = 1
    layer.paint((5, 10, 5), 0)
    run(qtbot, dock)
    changed = brain.copy()
    changed[5, 10, 31 - 5] = False
    assert not np.array_equal(changed, brain)
    assert asked[-1].source == MENDED and np.array_equal(asked[-1].mask, changed)


def test_the_form_remembers_no_volume_of_a_mended_brain(mending):
    dock, _ = mending
    assert isinstance(dock._request().mask, Volume)


def test_painting_on_an_own_mask_is_used_after_its_brain_was_shown(
    viewer, make_looking_dock, qtbot, flair, grid, brain, asked, monkeypatch
):
    dock = make_looking_dock()
    add(viewer, flair)
    own = add(viewer, Volume(brain, grid, "own brain"), "labels")
    pick(dock, "own brain")
    find(qtbot, viewer, dock, monkeypatch, ~brain)
    assert np.array_equal(viewer.layers[HELD].data > 0, brain)
    own.brush_size = 3
    own.paint((10, 20, 1), 1)
    qtbot.waitUntil(lambda: HELD not in viewer.layers, timeout=3000)  # a line of before the stroke
    request = dock._request()
    assert request.brain is None and np.array_equal(request.mask.data > 0, own.data > 0)
    run(qtbot, dock)
    assert np.array_equal(asked[-1].mask, own.data > 0) and len(asked) == 1


def test_a_brain_found_again_is_mended_on_a_layer_of_its_own(viewer, mending, qtbot, brain, monkeypatch):
    dock, painted = mending
    painted.paint((10, 20, 2), 1)
    before = np.array(painted.data)
    pick(dock, "automatic")
    again = np.roll(brain, 1, axis=1)
    find(qtbot, viewer, dock, monkeypatch, again)
    assert OUTLINE not in viewer.layers  # it is not that of the results that are shown
    press(qtbot, dock.brain.mend)
    name = masks(dock)[1]
    assert name != painted.name and np.array_equal(viewer.layers[name].data > 0, again)
    assert np.array_equal(painted.data, before) and not painted.visible


def test_every_label_that_counts_as_brain_is_seen(mending):
    _, layer = mending
    assert layer.get_color(2)[3] > 0
    assert layer.colormap.map(np.zeros((1, 1), np.uint8))[0, 0, 3] == 0


def test_a_flat_layer_is_no_error_of_the_window(mending, qtbot):
    dock, layer = mending
    layer.data = layer.data[0]
    dock.roles.refill()
    dock.brain.refresh()
    press(qtbot, dock.run)
    assert "two-dimensional" in dock.message.text()


# -- what the record says ------------------------------------------------------------------------------


def test_nothing_was_mended_without_a_stroke(layers, mending, qtbot, brain, asked):
    dock, layer = mending
    layer.paint((10, 20, 2), 1)
    layer.undo()
    run(qtbot, dock)
    assert asked[-1].source == "network" and np.array_equal(asked[-1].mask, brain)
    assert layers._case.prediction.information["brain"] == "network"
    assert "by hand" not in dock.message.text()


def test_a_given_mask_that_was_mended_is_said_to_be_both(
    viewer, layers, make_looking_dock, qtbot, flair, grid, brain, asked
):
    dock = make_looking_dock()
    add(viewer, flair)
    own = add(viewer, Volume(brain, grid, "own brain"), "labels")
    pick(dock, "own brain")
    press(qtbot, dock.brain.mend)
    layer = dock.roles.mended()
    assert layer is not own and np.array_equal(layer.data, own.data)
    assert dock._request().brain.source == "given"
    layer.paint((10, 20, 2), 1)
    run(qtbot, dock)
    assert np.array_equal(own.data > 0, brain)  # the file's layer is as it was
    assert layers._case.prediction.information["brain"] == "given, mended by hand"
    assert "The brain mask that was given was mended by hand." in dock.message.text()


def test_painting_on_the_layer_of_a_given_mask_is_recorded(
    viewer, layers, make_looking_dock, qtbot, flair, grid, brain, asked
):
    dock = make_looking_dock()
    add(viewer, flair)
    own = add(viewer, Volume(brain, grid, "own brain"), "labels")
    pick(dock, "own brain")
    assert not dock.brain.mask_painted
    own.paint((10, 20, 2), 1)
    run(qtbot, dock)
    assert asked[-1].source == "given, mended by hand"
    assert np.array_equal(asked[-1].mask, own.data > 0)
    own.undo()
    assert not dock.brain.mask_painted


def test_results_of_a_given_mask_that_was_mended_stay_so(
    viewer, layers, make_looking_dock, flair, prediction
):
    dock = make_looking_dock()
    add(viewer, flair)
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(replace(prediction, information={"brain": "given, mended by hand"}))
    assert not viewer.layers[MENDING].visible
    assert dock._request().brain.source == "given, mended by hand"


@pytest.mark.parametrize("by_user", [False, True])
def test_a_mask_that_was_chosen_automatically_gives_way_to_a_mended_outline(
    viewer, layers, make_looking_dock, flair, prediction, grid, brain, by_user
):
    dock = make_looking_dock()
    add(viewer, flair)
    add(viewer, Volume(brain, grid, "brainmask"), "labels")
    assert masks(dock)[1] == "brainmask"
    if by_user:
        pick(dock, "brainmask")
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(replace(prediction, information={"brain": MENDED}))
    assert masks(dock)[1] == ("brainmask" if by_user else MENDING)
    assert by_user or dock._request().brain.source == MENDED


def test_painting_on_a_mask_that_was_chosen_automatically_makes_no_second_outline(
    viewer, layers, make_looking_dock, qtbot, flair, grid, brain
):
    dock = make_looking_dock()
    add(viewer, flair)
    own = add(viewer, Volume(brain, grid, "brainmask"), "labels")
    own.paint((10, 20, 2), 1)
    run(qtbot, dock)
    assert layers._case.prediction.information["brain"] == "given, mended by hand"
    assert masks(dock)[1] == "brainmask" and MENDING not in viewer.layers
