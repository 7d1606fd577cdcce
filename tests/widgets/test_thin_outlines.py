"""Lesions that are not selected: drawn in voxels from afar, and as thin lines where voxels are large."""

import numpy as np
import pytest

from napari_uncertainseg.widgets.layers.result_layers import LESIONS
from napari_uncertainseg.widgets.layers.selection.edges import THIN_HALO_PX, THIN_PX
from napari_uncertainseg.widgets.layers.selection.thin_outlines import LARGE_PX

from .drawn_layers import reviewed_layers
from .test_selected_outline import _select, _voxel

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def shown(flair, prediction):
    made = reviewed_layers(flair, prediction)
    yield made
    made.cleanup()


def _drawn_in_voxels(shown):
    layer = shown.results.get(LESIONS)
    layer.refresh()
    return int(np.count_nonzero(layer._slice.image.view))


def _zoom(shown, pixels):
    """So that a voxel's smaller side has so many pixels of the screen."""
    viewer = shown.viewer
    sides = np.abs(shown.results.get(LESIONS).scale)[list(viewer.dims.displayed)]
    viewer.canvas.size = (60, 60)  # a whole slice is seen at the smallest zoom
    viewer.scene.camera.zoom = pixels / min(sides)
    shown.thin.draw()


def test_no_voxel_is_covered_where_voxels_are_large(shown):
    shown.show_slice(_voxel(shown._case))
    _zoom(shown, LARGE_PX - 1)
    layer = shown.thin.layer
    assert (layer is None or not len(layer.data)) and _drawn_in_voxels(shown)
    _zoom(shown, 20)
    layer = shown.thin.layer
    assert layer is not None and len(layer.data) and not _drawn_in_voxels(shown)
    pixel = 1 / shown.viewer.scene.camera.zoom
    axis = shown.viewer.dims.displayed[0]
    assert layer.edge_width * layer.scale[axis] == pytest.approx(THIN_PX * pixel)
    assert THIN_PX + 2 * THIN_HALO_PX < 4  # of 20 pixels of a voxel
    _zoom(shown, LARGE_PX - 1)
    assert not len(layer.data) and _drawn_in_voxels(shown)


def test_the_selected_one_is_left_to_its_own_outline(shown):
    voxel = _voxel(shown._case)
    shown.show_slice(voxel)
    _zoom(shown, 20)
    whole = len(shown.thin.layer.data)
    _select(shown, voxel)
    _zoom(shown, 20)
    axis = 0
    here = np.take(shown._case.lesions.labels, voxel[0], axis)
    others = set(np.unique(here)) - {0, shown._case.lesions.component_at(voxel)}
    assert len(shown.thin.layer.data) < whole and bool(len(shown.thin.layer.data)) == bool(others)


def test_what_is_hidden_has_no_lines(shown):
    shown.show_slice(_voxel(shown._case))
    _zoom(shown, 20)
    shown.results.get(LESIONS).visible = False
    shown.thin.draw()
    assert not len(shown.thin.layer.data)
    shown.results.get(LESIONS).visible = True
    shown.viewer.dims.ndisplay = 3
    shown.thin.draw()
    assert not len(shown.thin.layer.data)


def test_it_goes_with_its_prediction(shown, prediction):
    shown.show_slice(_voxel(shown._case))
    _zoom(shown, 20)
    layer = shown.thin.layer
    shown._case.open_prediction(prediction)
    assert layer not in shown.viewer.layers or shown.thin.layer is layer
    shown.cleanup()
    assert layer not in shown.viewer.layers


@pytest.mark.parametrize("selected", [False, True])
def test_lines_are_of_the_slice_that_is_shown_when_an_exercise_ends(qtbot, shown, selected):
    """It moves to places of its own, and leaves the viewer there."""
    shown.viewer.canvas.size = (60, 60)
    lesions, case = shown.results.get(LESIONS), shown._case
    voxels = [case.lesions.voxel_of(int(n)) for n in np.unique(case.lesions.labels) if n]
    if selected:
        _select(shown, voxels[0])
    shown.show_slice(voxels[0])
    _zoom(shown, 20)
    shown.blind()
    shown._blinding.complete()
    shown.show_slice(voxels[-1])
    shown.viewer.scene.camera.zoom *= 1.5
    qtbot.wait(20)  # what follows slice and zoom has heard of it, and may show nothing
    shown.unblind_soon(lambda: None)
    while shown._blinding._soon:  # in a window each of these turns is followed by a picture
        shown._blinding._soon._next()
        qtbot.wait(5)
    drawn = {name: _lines(getattr(shown, name).layer) for name in ("thin", "selected")}
    assert drawn["thin"].size and lesions.visible
    shown.thin.draw()
    shown.selected.draw()
    for name, lines in drawn.items():
        np.testing.assert_array_equal(lines, _lines(getattr(shown, name).layer))


def _lines(layer):
    return np.zeros((0, 2, 3)) if layer is None else np.array(layer.data)
