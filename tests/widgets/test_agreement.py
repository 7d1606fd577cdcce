"""With a reference the agreement stands in the window: numbers, list, colours, and what was missed."""

import weakref
from itertools import combinations

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.rereading import open_next_reading
from napari_uncertainseg.widgets.layers.agreement.errors import MISSED
from napari_uncertainseg.widgets.layers.colours import (
    FALSE_COLOUR,
    FOUND_COLOUR,
    MISSED_COLOUR,
    REFERENCE_COLOUR,
)
from napari_uncertainseg.widgets.lesions.texts import BEST_DICE
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.shared.kept_review import resume
from napari_uncertainseg.widgets.window import open_review

from ..colour_vision import LINE, VISIONS, as_colour, difference
from .actions import click
from .test_lesions import cells

viewer_test = pytest.mark.viewer


@pytest.mark.parametrize("vision", VISIONS)
def test_the_three_colours_are_told_apart_by_colour_blind_readers(vision):
    """And missed ones are dotted besides."""
    for one, other in combinations((FOUND_COLOUR, FALSE_COLOUR, MISSED_COLOUR), 2):
        assert difference(as_colour(one), as_colour(other), vision) > 2 * LINE


@pytest.fixture
def review(kept_viewer, qtbot):
    yield weakref.proxy(open_review(kept_viewer))
    qtbot.wait(1)  # the controls of layers that have gone wait for an event loop to be deleted


@pytest.fixture
def reference(kept_viewer, mask, grid):
    """Two of the three lesions, and one that the model has not."""
    drawn = mask.copy()
    drawn[17:20, 28:37, 22:30] = False
    drawn[2:4, 30:33, 4:7] = True
    data, options, _ = layer_data(Volume(drawn.astype(np.uint8), grid, "gt"), "labels")
    kept_viewer.add_layer(Labels(data, **options))
    return drawn


def _choose(review, name="gt"):
    box = review.lesions.agreement.reference
    box.setCurrentIndex(box.findData(name))


@viewer_test
def test_the_numbers_are_those_of_evaluate_and_follow_the_threshold_and_painting(review, reference):
    panel, case = review.lesions.agreement, review.case
    assert panel.isVisibleTo(review.lesions) and not panel.numbers.isVisibleTo(panel)
    _choose(review)
    for threshold in (0.5, 0.3, 0.7):
        case.threshold = threshold
        _assert_says(panel, case, reference)
    case.threshold = 0.5
    painted = np.zeros(case.grid.shape, np.int8)
    painted[2:4, 30:33, 4:7] = 1
    case.review.set_edit(painted)
    _assert_says(panel, case, reference)
    assert panel.found.detection.fn == 0
    case.review.undo()
    assert panel.found.detection.fn == 1


def _assert_says(panel, case, reference):
    p = case.prediction
    said = reference_agreement(p.probability, case.lesions.labels, reference, brain=p.brain, grid=p.grid)
    text = panel.numbers.text()
    assert f"Dice <b>{said.dice:.3f}</b>" in text and f"F1 <b>{said.lesion_f1:.2f}</b>" in text
    assert f"missed <b>{said.lesions_missed}</b>" in text and f"false <b>{said.lesions_invented}</b>" in text


@viewer_test
def test_false_lesions_are_marked_in_the_list_and_by_their_colour(review, reference):
    dock, case = review.lesions, review.case
    _choose(review)
    false = case.comparison.agreement.false
    assert len(false) == 1
    words = dict(zip(cells(dock.tables[0], "label"), cells(dock.tables[0], "reference"), strict=True))
    assert {int(n) for n, word in words.items() if word == "false"} == set(false.tolist())
    colours = review.layers.viewer.layers["lesions"].colormap.color_dict
    for number in case.lesions.table["label"]:
        expected = FALSE_COLOUR if number in false else FOUND_COLOUR
        assert np.allclose(colours[int(number)], expected)
    assert "false" in dock.agreement.legend.text()
    dock.agreement.colours.click()
    assert MISSED not in review.layers.viewer.layers
    assert not np.allclose(
        review.layers.viewer.layers["lesions"].colormap.color_dict[int(false[0])], FALSE_COLOUR
    )


@viewer_test
def test_the_filters_list_false_and_missed_ones_and_a_click_goes_there(qtbot, review, reference):
    dock, viewer = review.lesions, review.layers.viewer
    _choose(review)
    dock.agreement.filter.setCurrentText("false")
    assert cells(dock.tables[0], "reference") == ["false"]
    dock.agreement.filter.setCurrentText("found")
    assert cells(dock.tables[0], "reference") == ["found", "found"]
    dock.agreement.filter.setCurrentText("missed")
    missed = dock.agreement.missed
    assert missed.isVisibleTo(dock) and missed.rowCount() == 1
    review.case.select(None)
    place = missed.visualItemRect(missed.item(0, 1)).center()
    qtbot.mouseClick(missed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    at = tuple(int(x) for x in np.round(viewer.layers["lesions"].world_to_data(viewer.dims.point)))
    assert reference[at] and not review.case.lesions.labels[at]
    assert review.case.selected is None and len(review.layers.selected.layer.data)
    outlined = viewer.layers[MISSED]
    assert outlined.data[at] > 0 and not outlined.data[review.case.lesions.labels > 0].any()
    dock.agreement.filter.setCurrentText("all")
    assert not len(review.layers.selected.layer.data) and not missed.isVisibleTo(dock)


@viewer_test
def test_one_choice_for_both_docks(review, reference):
    _choose(review)
    assert review.calibration.reference.currentData() == "gt"
    np.testing.assert_array_equal(review.case.comparison.reference, reference)
    review.calibration.reference.setCurrentIndex(0)
    assert review.lesions.agreement.reference.currentData() is None
    assert review.case.comparison.reference is None
    assert MISSED not in review.layers.viewer.layers


@viewer_test
def test_best_dice_shows_threshold_and_dice_and_that_this_case_chose_it(qtbot, review, reference):
    dock, case = review.lesions, review.case
    _choose(review)
    best = best_dice(case.prediction.probability, reference)
    button = dock.threshold.best_button
    assert f"{best.dice:.3f}" in button.text() and f"{best.threshold:.2f}" in button.text()
    assert not dock.agreement.note.isVisibleTo(dock)
    click(qtbot, button)
    assert dock.agreement.note.isVisibleTo(dock) and "this very case" in dock.agreement.note.text()
    case.threshold = 0.35
    assert not dock.agreement.note.isVisibleTo(dock)


@viewer_test
def test_painting_the_reference_is_heard(qtbot, review, reference):
    _choose(review)
    layer = review.layers.viewer.layers["gt"]
    before = review.lesions.agreement.numbers.text()
    where = np.mgrid[10:12, 5:8, 20:24].reshape(3, -1)
    layer.data_setitem(tuple(where), 1)
    qtbot.waitUntil(lambda: review.lesions.agreement.numbers.text() != before, timeout=5000)
    assert review.lesions.agreement.found.detection.fn == 2


@viewer_test
def test_another_grid_and_an_empty_one_are_said(review, reference, kept_viewer, mask):
    panel = review.lesions.agreement
    kept_viewer.add_layer(Labels(np.zeros((5, 5, 5), np.uint8), name="elsewhere"))
    _choose(review, "elsewhere")
    assert "does not lie on the grid" in panel.numbers.text() and panel.found is None
    kept_viewer.layers["gt"].data = np.zeros_like(kept_viewer.layers["gt"].data)
    _choose(review)
    assert "no voxel" in panel.numbers.text()
    kept_viewer.layers.remove("gt")
    assert panel.reference.currentData() is None and panel.found is None


@viewer_test
def test_nothing_of_it_is_seen_in_an_exercise_and_it_comes_back(review, reference):
    _choose(review)
    viewer, panel = review.layers.viewer, review.lesions.agreement
    review.layers.blind()
    review.case.threshold = 0.4
    assert MISSED not in viewer.layers and panel.found is None
    assert not panel.isVisibleTo(review.lesions)
    review.layers.unblind()
    assert MISSED in viewer.layers and panel.isVisibleTo(review.lesions)
    review.case.close_prediction()
    assert MISSED not in viewer.layers and review.layers.reference.name is None


@viewer_test
def test_a_second_reader_is_told_nothing_of_the_reference(review, reference):
    _choose(review)
    viewer, panel, threshold = review.layers.viewer, review.lesions.agreement, review.lesions.threshold
    assert threshold.best is not None and MISSED in viewer.layers
    store = review.sessions.store()
    first = open_reading(store, review.case.original, review.case.lesions, "Ann", "doubt")
    Recorder(store, first).close()
    second = open_next_reading(store, first, "Cem", seed=1)
    resume(review.case, Recorder(store, second))
    assert not panel.isVisibleTo(review.lesions) and panel.found is None and MISSED not in viewer.layers
    assert threshold.best is None and not threshold.best_button.isEnabled()
    assert threshold.best_button.text() == BEST_DICE and not threshold._diagram.isVisibleTo(threshold)
    review.case.review.set_recorder(None)
    assert threshold.best is not None and MISSED in viewer.layers


@viewer_test
def test_the_reference_is_an_outline_while_it_is_the_reference(review, reference, kept_viewer, qtbot):
    layer = kept_viewer.layers["gt"]
    before = layer.contour, layer.opacity, layer.colormap, layer._calculate_contour
    screenshot = kept_viewer.screenshot
    review.layers.show_slice((3, 31, 5))
    for name in ("entropy (nats)", "lesions"):
        kept_viewer.layers[name].visible = False

    def coloured():
        picture = screenshot(canvas_only=True, flash=False).astype(int)
        return int((np.ptp(picture[..., :3], axis=-1) > 40).sum())

    layer.visible = False
    bare = coloured()
    layer.visible = True
    filled = coloured() - bare
    _choose(review)
    review.lesions.agreement.colours.setChecked(False)  # without the outlines of missed ones
    assert layer.contour == 1 and layer.opacity == 1
    np.testing.assert_allclose(layer.get_color(1), REFERENCE_COLOUR, atol=1e-3)
    assert 0 < coloured() - bare < 0.95 * filled  # the lesion is a few voxels wide: most of it is its outline
    _choose(review, None)
    assert (layer.contour, layer.opacity, layer.colormap) == before[:3]
    assert coloured() - bare == filled


@viewer_test
def test_what_the_user_changes_on_the_reference_stays(review, reference, kept_viewer, grid):
    layer = kept_viewer.layers["gt"]
    before = layer.colormap
    _choose(review)
    layer.opacity = 0.3
    data, options, _ = layer_data(Volume(reference.astype(np.uint8), grid, "other"), "labels")
    kept_viewer.add_layer(Labels(data, **options))
    _choose(review, "other")
    assert layer.opacity == 0.3 and layer.contour == 0 and layer.colormap is before
    assert kept_viewer.layers["other"].contour == 1
    kept_viewer.layers.remove("other")
    assert review.layers.reference.name is None
