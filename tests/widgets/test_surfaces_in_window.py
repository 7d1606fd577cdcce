"""Surfaces in the real window: clicks, keys, the status bar, the letters, and closing in the middle."""

import time
import weakref

import numpy as np
import pytest
from napari.layers import Surface
from qtpy.QtCore import QPoint, Qt

from napari_uncertainseg._base import Cancelled
from napari_uncertainseg.widgets.layers.orientation_letters import world_directions
from napari_uncertainseg.widgets.layers.surfaces import meshes as meshes_module
from napari_uncertainseg.widgets.layers.surfaces import texts
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.window import review_of

from .actions import click, press
from .drawn_layers import drawing_node
from .test_surfaces import NAME, parts, wait


@pytest.fixture
def review(segmented_viewer, qtbot):
    made = review_of(segmented_viewer)
    made.show_dock("lesions")
    yield weakref.proxy(made)  # a fixture's value outlives the window
    segmented_viewer.dims.ndisplay = 2
    qtbot.wait(50)


def show(qtbot, review):
    """Press the button, and wait until the surfaces are drawn."""
    click(qtbot, review.lesions.buttons["in_3d"])
    wait(qtbot, review.layers.surfaces)
    qtbot.wait(50)


def on_canvas(viewer, layer, places):
    """Pixels of places in the layer, and their depth."""
    node = drawing_node(viewer, layer)
    found = node.get_transform("visual", "canvas").map(np.atleast_2d(places)[:, ::-1])
    return found[:, :2] / found[:, 3:]


def click_at(qtbot, viewer, pixel):
    canvas = napari_internals.drawing_canvas(viewer).native
    at = QPoint(*(round(float(x)) for x in pixel))
    qtbot.mouseMove(canvas, at)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    qtbot.wait(20)


def check_clicks_select(review, viewer, qtbot):
    assert review.lesions.buttons["in_3d"].isChecked()
    layer, case = viewer.layers[NAME], review.case
    picture = viewer.screenshot(canvas_only=True, flash=False)
    for label, (points, colour) in parts(layer).items():
        (pixel,) = on_canvas(viewer, layer, points.mean(0))
        seen = picture[round(pixel[1]), round(pixel[0]), :3].astype(float)
        shade = seen / max(seen.max(), 1) - colour[:3] / colour[:3].max()
        assert seen.max() > 20 and np.abs(shade).max() < 0.15, "its colour is there"
        click_at(qtbot, viewer, pixel)
        assert case.lesions.component_at(case.selected) == label == review.lesions.table.selected
        assert viewer.layers[texts.SELECTED_3D].visible
    before = case.selected
    click_at(qtbot, viewer, (3, picture.shape[0] // 2))  # beside all of them
    assert case.selected == before


def check_drags_turn(review, viewer, qtbot):
    layer = viewer.layers[NAME]
    (pixel,) = on_canvas(viewer, layer, parts(layer)[1][0].mean(0))
    canvas, angles = napari_internals.drawing_canvas(viewer).native, viewer.scene.camera.angles
    start = QPoint(*(round(float(x)) for x in pixel))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for step in (5, 20, 40):
        qtbot.mouseMove(canvas, start + QPoint(step, step))
        qtbot.wait(10)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 40))
    qtbot.waitUntil(lambda: viewer.scene.camera.angles != angles, timeout=15_000)  # told when it is drawn
    assert review.case.selected is None
    viewer.scene.camera.angles = angles
    qtbot.wait(50)


def check_ring(review, viewer):
    review.lesions.table.chosen.emit(1)
    ring = viewer.layers[texts.SELECTED_3D].data[0]
    assert np.linalg.norm(ring - parts(viewer.layers[NAME])[1][0].mean(0)) < 3


def check_sides(viewer):
    """Letters from the camera's angles against where the canvas draws the patient's axes."""
    layer = viewer.layers[NAME]
    directions = world_directions(viewer.layers["lesions"])  # rows: RAS of the world's axes
    letters = {
        edge: viewer.canvas.overlays[f"orientation_{edge}"] for edge in ("top", "bottom", "left", "right")
    }
    rng = np.random.default_rng(0)
    for _ in range(8):
        viewer.scene.camera.angles = tuple(rng.uniform(-180, 180, 3))
        start = on_canvas(viewer, layer, np.zeros(3))[0]
        for edge, way in (("right", (1, 0)), ("left", (-1, 0)), ("top", (0, -1)), ("bottom", (0, 1))):
            shares = {}
            for axis, (negative, positive) in enumerate(("LR", "PA", "IS")):
                in_world = np.linalg.solve(directions.T, np.eye(3)[axis])
                shift = (on_canvas(viewer, layer, in_world)[0] - start) @ np.array(way)
                shares[positive], shares[negative] = shift, -shift
            assert letters[edge].text[0] == max(shares, key=shares.get) and letters[edge].visible


def check_status_bar(review, viewer):
    layer = viewer.layers[NAME]
    assert viewer.layers.selection.active is layer
    row = review.case.lesions.table.set_index("label").loc[2]
    looking = {
        "view_direction": viewer.scene.camera.view_direction,
        "dims_displayed": [0, 1, 2],
        "world": True,
    }
    said = layer.get_status(parts(layer)[2][0].mean(0), **looking)
    assert said["coordinates"] == texts.status(2, row["volume_mm3"], row["doubt"])
    assert layer.get_status(layer.vertices.min(0) - 50, **looking)["coordinates"] == ""


def check_saving(viewer, path):
    written = viewer.layers[NAME].save(str(path), plugin="napari-uncertainseg")
    assert written == [str(path)] and b"SPACE=RAS" in path.read_bytes()[:80]


def test_surfaces_are_seen_told_clicked_turned_and_saved(review, segmented_viewer, qtbot, tmp_path):
    """All in one window: each costs seconds."""
    viewer = segmented_viewer
    top, left = (viewer.canvas.overlays[f"orientation_{edge}"] for edge in ("top", "left"))
    assert (top.text, left.text) == ("A", "R")
    show(qtbot, review)
    assert (top.text, left.text) == ("A", "R"), "turned as the slices were"
    check_status_bar(review, viewer)
    check_drags_turn(review, viewer, qtbot)
    check_clicks_select(review, viewer, qtbot)
    check_ring(review, viewer)
    check_sides(viewer)
    check_saving(viewer, tmp_path / "lesions.stl")


def test_key_button_and_napari_agree(review, segmented_viewer, qtbot):
    viewer, button = segmented_viewer, review.lesions.buttons["in_3d"]
    visible = {layer.name: layer.visible for layer in viewer.layers}
    canvas = napari_internals.drawing_canvas(viewer).native
    for _ in range(2):
        press(qtbot, canvas, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
        qtbot.waitUntil(lambda: viewer.dims.ndisplay == 3, timeout=15_000)
        wait(qtbot, review.layers.surfaces)
        assert button.isChecked() and NAME in viewer.layers
        viewer.dims.ndisplay = 2  # napari's own button
        assert not button.isChecked() and NAME not in viewer.layers
    assert {layer.name: layer.visible for layer in viewer.layers} == visible
    review.case.close_prediction()
    assert not button.isEnabled()
    button.click()
    assert viewer.dims.ndisplay == 2 and not review.layers.surfaces.shown


def test_a_second_run_and_a_removed_layer(review, segmented_viewer, qtbot):
    viewer = segmented_viewer
    show(qtbot, review)
    with qtbot.waitSignal(review.segment.done, timeout=30_000):
        review.show_dock("segment")
        click(qtbot, review.segment.run)
    wait(qtbot, review.layers.surfaces)
    assert len([x for x in viewer.layers if isinstance(x, Surface) and x.name.startswith(NAME)]) == 1
    assert not viewer.layers["FLAIR"].visible
    viewer.layers.selection = {viewer.layers[NAME]}
    viewer.layers.remove_selected()
    qtbot.waitUntil(lambda: not review.layers.surfaces.shown, timeout=15_000)
    assert viewer.layers["FLAIR"].visible and not review.lesions.buttons["in_3d"].isChecked()


def test_the_window_closes_while_meshes_are_made(review, segmented_viewer, qtbot, monkeypatch):
    stopped = []

    def slow(self, lesions, prediction, candidates=(), progress=None):
        try:
            while True:
                progress("surface", 0.0)
                time.sleep(0.01)
        except Cancelled:
            stopped.append(True)
            raise

    monkeypatch.setattr(meshes_module.MeshMaker, "make", slow)
    click(qtbot, review.lesions.buttons["in_3d"])
    job = review.layers.surfaces._job
    qtbot.waitUntil(lambda: job.state is JobState.RUNNING, timeout=15_000)
    segmented_viewer.close()
    qtbot.waitUntil(lambda: stopped == [True], timeout=15_000)


def test_a_4d_layer_above_the_surfaces_goes_alone(review, segmented_viewer, qtbot):
    viewer = segmented_viewer
    flair = np.asarray(viewer.layers["FLAIR"].data)
    show(qtbot, review)
    viewer.add_image(np.stack([flair, flair]), name="two raters")
    viewer.add_image(flair, name="kept")
    viewer.add_image(flair, name="kept too")
    before = [layer.name for layer in viewer.layers]
    viewer.layers.remove("two raters")
    assert [name for name in before if name not in viewer.layers] == ["two raters"]
    assert viewer.dims.ndisplay == 2 and not viewer.layers[NAME].visible
    qtbot.wait(50)
    assert not any(isinstance(layer, Surface) for layer in viewer.layers)
    assert {"kept", "kept too"} <= {layer.name for layer in viewer.layers}
    for name in ("kept", "kept too"):
        viewer.layers.remove(name)
