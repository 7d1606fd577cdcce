"""The slice stays where layers with finer steps come and go, and through 3-D, on slices of 6 mm."""

import weakref

import numpy as np
import pytest
from napari.layers import Surface
from qtpy.QtCore import Qt

from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.widgets.layers.surfaces import texts
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import review_of

from .actions import press
from .test_surfaces import wait


@pytest.fixture
def grid():
    """24 x 40 x 32 voxels of 6 x 1 x 1 mm, not at the world's origin."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = 6.0, 1.0, 1.0, 1
    affine[:3, 3] = -16.3, -20.2, -66.6
    return Grid((24, 40, 32), affine)


@pytest.fixture
def review(kept_viewer, qtbot):
    made = review_of(kept_viewer)
    made.show_dock("lesions")
    qtbot.waitUntil(lambda: not made.layers.settling, timeout=15_000)
    yield weakref.proxy(made)  # a fixture's value outlives the window
    kept_viewer.dims.ndisplay = 2
    qtbot.wait(50)


def shift_d(qtbot, viewer, review):
    """Press the key, and wait until surfaces are drawn, or gone."""
    to_3d = viewer.dims.ndisplay == 2
    press(
        qtbot,
        napari_internals.drawing_canvas(viewer).native,
        Qt.Key.Key_D,
        Qt.KeyboardModifier.ShiftModifier,
    )
    qtbot.waitUntil(lambda: (viewer.dims.ndisplay == 3) is to_3d, timeout=15_000)
    if to_3d:
        wait(qtbot, review.layers.surfaces)
        qtbot.waitUntil(lambda: texts.SELECTED_3D in viewer.layers, timeout=15_000)
    else:
        qtbot.waitUntil(lambda: not _in_3d(viewer), timeout=15_000)
    qtbot.wait(20)


def _in_3d(viewer):
    return [x for x in viewer.layers if isinstance(x, Surface) or x.name == texts.SELECTED_3D]


def choose(review, number):
    """Choose a lesion in the list; which place of it is shown, in the world and as a voxel."""
    review.lesions.table.chosen.emit(number)
    world, layer = np.array(review.layers.viewer.dims.point), review.layers.results.get("lesions")
    voxel = tuple(int(x) for x in np.round(layer.world_to_data(world)))
    assert review.case.lesions.component_at(voxel) == number
    return world, voxel


def check_shown(viewer, review, world, voxel):
    """On all axes, in the large view and the small ones, which draw what lies at the viewer's point."""
    np.testing.assert_allclose(viewer.dims.point, world, atol=1e-3)
    axis, index = review.layers.current_slice()
    assert index == voxel[axis]
    sliders = viewer.window._qt_viewer.dims.slider_widgets
    assert [each.slider.value() for each in sliders] == list(viewer.dims.current_step)


def check_in_sight(viewer, world):
    camera, shown = viewer.scene.camera, list(viewer.dims.displayed)
    apart = np.abs(np.asarray(world)[shown] - np.asarray(camera.center)[-2:]) * camera.zoom
    assert (apart <= np.array(viewer.canvas.size) / 2).all()


def test_the_lesion_is_there_after_3d(review, kept_viewer, qtbot):
    """In three views, whichever plane is large; twice, since the second way there is another."""
    viewer = kept_viewer
    review.opened.parts["views"].act("three_views")
    for order in ((0, 1, 2), (0, 1, 2), (1, 0, 2), (2, 0, 1)):
        viewer.dims.order = order
        world, voxel = choose(review, 2)
        check_shown(viewer, review, world, voxel)
        shift_d(qtbot, viewer, review)
        np.testing.assert_allclose(viewer.dims.point, world, atol=1e-3)
        shift_d(qtbot, viewer, review)
        check_shown(viewer, review, world, voxel)
        check_in_sight(viewer, world)


def test_a_lesion_that_was_chosen_in_3d_is_there_afterwards(review, kept_viewer, qtbot):
    viewer = kept_viewer
    choose(review, 1)
    shift_d(qtbot, viewer, review)
    world, voxel = choose(review, 3)
    viewer.scene.camera.zoom = 4.0
    viewer.scene.camera.center = (world[0] - 40, world[1] + 150, world[2] - 200)  # and moved with the mouse
    shift_d(qtbot, viewer, review)
    check_shown(viewer, review, world, voxel)
    check_in_sight(viewer, world)


def test_what_the_reader_moved_stays_moved(review, kept_viewer, qtbot):
    viewer = kept_viewer
    world, voxel = choose(review, 2)
    viewer.scene.camera.center = centre = (0.0, world[1] + 500, world[2])  # looking elsewhere
    shift_d(qtbot, viewer, review)
    shift_d(qtbot, viewer, review)
    np.testing.assert_allclose(viewer.scene.camera.center, centre)
    viewer.dims.set_current_step(0, voxel[0] - 2)
    shift_d(qtbot, viewer, review)
    viewer.dims.set_point(0, world[0] + 12)
    shift_d(qtbot, viewer, review)
    np.testing.assert_allclose(viewer.dims.point, np.add(world, (12, 0, 0)), atol=1e-3)


def test_surfaces_and_scans_with_finer_steps_go_by_hand(review, kept_viewer, qtbot):
    viewer = kept_viewer
    world, voxel = choose(review, 2)
    viewer.add_image(np.zeros((140, 40, 32)), name="fine", translate=(-66.6, -20.2, -16.3))
    np.testing.assert_allclose(viewer.dims.point, world, atol=1e-3)
    viewer.layers.remove("fine")
    check_shown(viewer, review, world, voxel)
    shift_d(qtbot, viewer, review)
    viewer.layers.selection = {x for x in viewer.layers if isinstance(x, Surface)}
    viewer.layers.remove_selected()
    qtbot.waitUntil(lambda: not review.layers.surfaces.shown, timeout=15_000)
    viewer.dims.ndisplay = 2
    check_shown(viewer, review, world, voxel)


def test_an_exercise_in_3d_keeps_the_slice(review, kept_viewer, qtbot):
    viewer = kept_viewer
    world, voxel = choose(review, 2)
    shift_d(qtbot, viewer, review)
    hidden = []
    review.layers.blind(lambda: hidden.append(True))
    qtbot.waitUntil(lambda: bool(hidden), timeout=15_000)
    viewer.scene.camera.center = tuple(np.add(world, (30, 3, 3)))
    viewer.dims.ndisplay = 2
    np.testing.assert_allclose(viewer.dims.point, world, atol=1e-3)
    viewer.dims.ndisplay = 3
    review.layers.unblind()
    viewer.dims.ndisplay = 2
    qtbot.wait(50)
    check_shown(viewer, review, world, voxel)
