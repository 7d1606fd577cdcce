"""What is judged is outlined: layers that were removed by hand, or whose eye was closed, come back."""

import weakref

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_uncertainseg.widgets.layers.result_layers import CANDIDATES, LESIONS
from napari_uncertainseg.widgets.layers.selection.selected_outline import NAME as OUTLINE
from napari_uncertainseg.widgets.lesions.texts import OUTLINED_AGAIN
from napari_uncertainseg.widgets.reading_bar.overlays import texts
from napari_uncertainseg.widgets.scans.volumes import is_result
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import review_of

from .actions import press


@pytest.fixture
def review(kept_viewer):
    made = review_of(kept_viewer)
    made.show_dock("lesions")
    return weakref.proxy(made)


def key(qtbot, viewer, which):
    press(qtbot, napari_internals.drawing_canvas(viewer).native, which)
    qtbot.wait(20)


def check_outlined(viewer, review, name):
    """The selected lesion or candidate has lines in the slice that is shown."""
    outline, layer = viewer.layers[OUTLINE], viewer.layers[name]
    assert outline.visible and len(outline.data)
    number = review.case.lesions.component_at(review.case.selected)
    assert (number < 0) is (name == CANDIDATES)
    at = tuple(np.round(layer.world_to_data(viewer.dims.point)).astype(int))
    assert layer.data[at] == abs(number)


@pytest.fixture
def with_candidates(review):
    """At a threshold that leaves some."""
    case = review.case
    case.threshold = next(t for t in (0.5, 0.6, 0.7, 0.8, 0.9) if _candidates_at(case, t))
    return review


def _candidates_at(case, threshold):
    case.threshold = threshold
    return len(case.lesions.candidate_table)


def remove_by_hand(viewer):
    viewer.layers.selection = {layer for layer in viewer.layers if is_result(layer)}
    viewer.layers.remove_selected()
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)


def test_candidates_that_were_removed_come_back(with_candidates, kept_viewer, qtbot):
    review, viewer = with_candidates, kept_viewer
    remove_by_hand(viewer)
    review.lesions.tabs.setCurrentIndex(1)
    key(qtbot, viewer, Qt.Key.Key_N)
    assert viewer.layers[CANDIDATES].visible and LESIONS in viewer.layers
    check_outlined(viewer, review, CANDIDATES)
    chosen = review.case.selected
    key(qtbot, viewer, Qt.Key.Key_G)
    assert review.case.review.decisions()[review.case.lesions.component_at(chosen)] == "accepted"


def test_maps_that_were_removed_are_said_to_be(review, kept_viewer, qtbot):
    part = review.opened.parts["overlays"]
    assert part.why_not("next_map") == ""
    remove_by_hand(kept_viewer)
    key(qtbot, kept_viewer, Qt.Key.Key_N)
    assert part.why_not("next_map") == texts.NO_MAPS


@pytest.mark.parametrize("closed", [(OUTLINE,), (OUTLINE, LESIONS)])
@pytest.mark.parametrize("which", [Qt.Key.Key_G, Qt.Key.Key_W, Qt.Key.Key_U])
def test_what_is_not_outlined_is_not_judged_but_outlined_again(review, kept_viewer, qtbot, closed, which):
    viewer = kept_viewer
    key(qtbot, viewer, Qt.Key.Key_N)
    chosen = review.case.selected
    for name in closed:
        viewer.layers[name].visible = False
    key(qtbot, viewer, which)
    assert not review.case.review.verdicts and review.case.selected == chosen
    assert review.lesions.message.text() == OUTLINED_AGAIN
    check_outlined(viewer, review, LESIONS)
    assert viewer.layers[LESIONS].visible is (LESIONS not in closed), "only the chosen one needs to be seen"
    key(qtbot, viewer, which)
    assert [verdict.voxel for verdict in review.case.review.verdicts] == [chosen]


@pytest.mark.parametrize("removed", [(OUTLINE,), (LESIONS,), (OUTLINE, LESIONS)])
def test_what_was_removed_is_not_judged_unseen_either(review, kept_viewer, qtbot, removed):
    viewer = kept_viewer
    key(qtbot, viewer, Qt.Key.Key_N)
    viewer.layers.selection = {viewer.layers[name] for name in removed}
    viewer.layers.remove_selected()
    key(qtbot, viewer, Qt.Key.Key_G)
    assert not review.case.review.verdicts
    check_outlined(viewer, review, LESIONS)
    key(qtbot, viewer, Qt.Key.Key_G)
    assert len(review.case.review.verdicts) == 1


def test_hidden_overlays_stay_hidden_and_come_back_with_the_outline(review, kept_viewer, qtbot):
    viewer, part = kept_viewer, review.opened.parts["overlays"]
    key(qtbot, viewer, Qt.Key.Key_N)
    viewer.layers[OUTLINE].visible = False
    key(qtbot, viewer, Qt.Key.Key_A)
    qtbot.wait(700)
    key(qtbot, viewer, Qt.Key.Key_N)
    assert part.hiding.hidden and not viewer.layers[OUTLINE].visible
    key(qtbot, viewer, Qt.Key.Key_G)  # the picture says that all are hidden
    assert part.hiding.hidden and len(review.case.review.verdicts) == 1
    part.toggle()
    check_outlined(viewer, review, LESIONS)
