"""Lesions as surfaces in 3-D: where they lie, what they show, what they follow, and who removes them."""

import struct
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Surface

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.shapes.colours import doubt_colour
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.layers.surfaces import meshes as meshes_module
from napari_uncertainseg.widgets.layers.surfaces import texts
from napari_uncertainseg.widgets.readers import write_surfaces
from napari_uncertainseg.widgets.scans.volumes import layer_data, volume_of
from napari_uncertainseg.widgets.shared.jobs import JobState

from .fakes import fake_prediction

pytestmark = pytest.mark.usefixtures("qapp")
NAME = texts.LESIONS_3D


@pytest.fixture
def viewer(flair):
    made = ViewerModel()
    data, options, _ = layer_data(flair)
    made.add_layer(Image(data, **options))
    return made


@pytest.fixture
def layers(viewer, prediction, flair):
    made = ReviewLayers(viewer, Case())
    made._case.set_images({"flair": flair})
    made._case.open_prediction(prediction)
    yield made
    made.cleanup()
    made.cleanup()


@pytest.fixture
def surfaces(layers):
    return layers.surfaces


@pytest.fixture
def case(layers):
    return layers._case


def wait(qtbot, surfaces):
    """Until what is drawn is what the case says."""

    def done():
        made = surfaces._made
        idle = surfaces._job is not None and surfaces._job.state is JobState.IDLE
        return made is not None and made.lesions is surfaces._case.lesions and idle

    qtbot.waitUntil(done, timeout=30_000)


def show(qtbot, surfaces):
    surfaces._viewer.dims.ndisplay = 3
    wait(qtbot, surfaces)


def parts(layer):
    """Points and colour of each lesion that is drawn, in the order of the layer."""
    shapes = layer.metadata["uncertainseg"]["shapes"]
    ends = np.cumsum([0, *(len(mesh.smooth.points) for mesh in shapes.meshes)])
    return {
        number: (layer.vertices[a:b], layer.vertex_colors[a])
        for number, a, b in zip(shapes.numbers, ends[:-1], ends[1:], strict=True)
    }


def shown(viewer):
    return {layer.name: layer.visible for layer in viewer.layers}


def voxel_of(case, label):
    row = case.lesions.table.set_index("label").loc[label]
    return int(row["slice_s"]), int(row["slice_a"]), int(row["slice_r"])


# -- where they lie, and what they show ----------------------------------------------------------


def test_surfaces_stand_in_for_images_in_3d_only(viewer, surfaces, qtbot):
    before = shown(viewer)
    active = viewer.layers.selection.active
    changes = []
    surfaces.changed.connect(lambda: changes.append(surfaces.shown))
    for _ in range(2):
        show(qtbot, surfaces)
        assert [x.name for x in viewer.layers if x.visible] == [NAME] and isinstance(
            viewer.layers[NAME], Surface
        )
        assert viewer.layers.selection.active is viewer.layers[NAME]
        viewer.dims.ndisplay = 2
        assert shown(viewer) == before and viewer.layers.selection.active is active
    assert changes == [True, False] * 2


def test_what_was_hidden_stays_hidden(viewer, surfaces, qtbot):
    viewer.layers["lesions"].visible = False
    before = shown(viewer)
    surfaces.toggle()
    assert viewer.dims.ndisplay == 3
    wait(qtbot, surfaces)
    surfaces.toggle()
    assert shown(viewer) == before and viewer.dims.ndisplay == 2


def check_places(viewer, case):
    """Each surface lies on the voxels of its lesion, in the viewer's world, and is as large."""
    labels = viewer.layers["lesions"]
    assert set(parts(viewer.layers[NAME])) == set(case.lesions.table["label"])
    side = [
        np.linalg.norm(labels.data_to_world(step) - np.array(labels.data_to_world((0, 0, 0))))
        for step in np.eye(3)
    ]
    for number, (points, _) in parts(viewer.layers[NAME]).items():
        where = np.argwhere(np.asarray(labels.data) == number)
        world = np.array([labels.data_to_world(voxel) for voxel in where])
        assert np.abs(points.mean(0) - world.mean(0)).max() < 0.5 * max(side)
        np.testing.assert_allclose(np.ptp(points, axis=0), np.ptp(world, axis=0), atol=2 * max(side))


def test_surfaces_lie_on_the_voxels(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    check_places(viewer, case)
    lesions = viewer.layers[NAME]
    assert lesions.units == viewer.layers["lesions"].units
    sides = np.prod(case.grid.spacing)
    corners = lesions.vertices[lesions.faces] - lesions.vertices.mean(0)
    enclosed = (np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6
    assert enclosed == pytest.approx(case.lesions.table["voxels"].sum() * sides, rel=0.02), (
        "normals point outwards"
    )


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_surfaces_lie_on_the_voxels_of_an_oblique_scan_of_another_reader(mask, qtbot):
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = (5, 6, 7)
    affine[:3, :3] = affine[:3, :3] @ np.array([[0.98, -0.2, 0], [0.2, 0.98, 0], [0, 0, 1]])
    grid = Grid.from_file((32, 40, 24), affine)
    viewer = ViewerModel()
    scan, _ = grid.to_file(np.where(mask, 1.0, 0.4).astype(np.float32))
    viewer.add_layer(Image(scan, name="scan", affine=affine, metadata={"affine": affine}))
    layers = ReviewLayers(viewer, Case())
    volume = volume_of(viewer.layers["scan"], "flair")
    layers._case.set_images({"flair": volume})
    layers._case.open_prediction(fake_prediction(mask, volume.grid))
    show(qtbot, layers.surfaces)
    check_places(viewer, layers._case)
    layers.cleanup()


def test_colours_are_those_of_doubt_whatever_the_verdict(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    case.review.judge(voxel_of(case, 1), "accepted")
    doubts = dict(zip(case.lesions.table["label"], case.lesions.table["doubt"], strict=True))
    for number, (_, colour) in parts(viewer.layers[NAME]).items():
        np.testing.assert_allclose(colour[:3], doubt_colour(doubts[number]), atol=1e-6)
    layer = viewer.layers[NAME]
    assert layer.colorbar.visible and tuple(layer.contrast_limits) == (0, 0.5)
    for value in (0.0, 0.25, 0.4, 0.5):  # what the colour bar shows
        np.testing.assert_allclose(layer.colormap.map(value / 0.5)[0][:3], doubt_colour(value), atol=0.02)


def test_a_brain_stands_around_them(viewer, layers, case, prediction, qtbot):
    from dataclasses import replace

    brain = np.zeros(case.grid.shape, bool)
    brain[2:22, 4:38, 3:31] = True
    case.open_prediction(replace(prediction, brain=brain))
    show(qtbot, layers.surfaces)
    around = viewer.layers[texts.BRAIN_3D]
    low, high = around.vertices.min(0), around.vertices.max(0)
    inside = viewer.layers[NAME].vertices
    assert (inside.min(0) > low - 3).all() and (inside.max(0) < high + 3).all() and around.opacity < 0.3


def test_the_legend_counts(viewer, surfaces, layers, case, qtbot):
    assert not surfaces._text.visible
    show(qtbot, surfaces)
    assert surfaces._text.text.splitlines() == ["3 lesions", texts.COLOURS]
    case.review.judge(voxel_of(case, 1), "rejected")
    assert "2 lesions" in surfaces._text.text and "1 rejected" in surfaces._text.text
    case.select(voxel_of(case, 2))
    layers.show_alone(True)
    assert "1 of 2 lesions" in surfaces._text.text and set(parts(viewer.layers[NAME])) == {2}
    layers.show_alone(False)
    viewer.dims.ndisplay = 2
    assert not surfaces._text.visible


# -- what they follow ---------------------------------------------------------------------------


def test_they_follow_verdicts_and_undo(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    case.review.judge(voxel_of(case, 1), "rejected")
    case.review.judge(voxel_of(case, 2), "rejected")
    assert set(parts(viewer.layers[NAME])) == {3}
    case.review.undo()
    assert set(parts(viewer.layers[NAME])) == {2, 3}
    case.select(voxel_of(case, 1))  # who looks at it again sees it
    assert set(parts(viewer.layers[NAME])) == {1, 2, 3}
    case.select(None)
    for label in (2, 3):
        case.review.judge(voxel_of(case, label), "rejected")
    assert NAME not in viewer.layers and surfaces.shown and surfaces._text.text == texts.ALL_REJECTED
    case.review.undo()
    assert set(parts(viewer.layers[NAME])) == {3}


def test_they_follow_threshold_and_painting(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    layer = viewer.layers[NAME]
    for threshold in (0.3, 0.6, 0.45):
        case.threshold = threshold
        wait(qtbot, surfaces)
        check_places(viewer, case)
    edit = np.zeros(case.grid.shape, np.int8)
    edit[2:4, 2:5, 20:24] = 1
    case.review.set_edit(edit)
    wait(qtbot, surfaces)
    check_places(viewer, case)
    drawn = case.lesions.table.set_index("label")
    by_hand = drawn.index[drawn["doubt"].isna()].tolist()
    grey = [tuple(parts(layer)[n][1][:3]) for n in by_hand]
    assert len(grey) == 1 and len(set(np.round(grey[0], 6))) == 1 and "grey" in surfaces._text.text
    assert viewer.layers[NAME] is layer, "no layer comes and goes"


def test_no_lesion_is_a_sentence(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    case.min_volume = 1e6
    wait(qtbot, surfaces)
    assert NAME not in viewer.layers and surfaces._text.text == texts.NONE and surfaces.shown
    case.min_volume = 3.0
    wait(qtbot, surfaces)
    assert set(parts(viewer.layers[NAME])) == {1, 2, 3}


def test_a_selected_or_accepted_candidate_is_drawn(viewer, surfaces, case, qtbot):
    case.threshold = 0.999
    case.min_volume = 0
    show(qtbot, surfaces)
    label = int(case.lesions.candidate_table["label"].iloc[0])
    row = case.lesions.candidate_table.iloc[0]
    voxel = int(row["slice_s"]), int(row["slice_a"]), int(row["slice_r"])
    case.select(voxel)
    wait(qtbot, surfaces)
    assert -label in parts(viewer.layers[NAME]) and not viewer.layers["candidates"].visible
    case.select(None)
    assert NAME not in viewer.layers or -label not in parts(viewer.layers[NAME])
    case.review.judge(voxel, "accepted")
    wait(qtbot, surfaces)
    assert -label in parts(viewer.layers[NAME])


def test_another_case_and_none(viewer, surfaces, case, mask, flair, qtbot):
    show(qtbot, surfaces)
    other = np.roll(mask, 3, axis=2)
    case.open_prediction(fake_prediction(other, case.grid))
    assert surfaces.shown
    wait(qtbot, surfaces)
    check_places(viewer, case)
    assert not viewer.layers["FLAIR"].visible
    case.close_prediction()
    assert not surfaces.shown and NAME not in viewer.layers and viewer.layers["FLAIR"].visible
    assert not surfaces._text.visible
    case.open_prediction(fake_prediction(mask, case.grid or flair.grid))
    wait(qtbot, surfaces)
    viewer.dims.ndisplay = 2
    assert viewer.layers["FLAIR"].visible and viewer.layers["lesions"].visible


def test_the_case_is_closed_while_meshes_are_made(viewer, surfaces, case, qtbot, monkeypatch):
    seen = []

    def slow(self, lesions, prediction, candidates=(), progress=None):
        while True:  # until it is stopped
            try:
                progress("surface", 0.0)
            except Cancelled:
                seen.append("stopped")
                raise
            time.sleep(0.01)

    monkeypatch.setattr(meshes_module.MeshMaker, "make", slow)
    viewer.dims.ndisplay = 3
    assert surfaces._text.text == texts.MAKING
    qtbot.waitUntil(lambda: surfaces._job.state is JobState.RUNNING)
    case.close_prediction()
    qtbot.waitUntil(lambda: seen == ["stopped"], timeout=15_000)
    qtbot.waitUntil(lambda: surfaces._job.state is JobState.IDLE, timeout=15_000)
    assert not surfaces.shown and NAME not in viewer.layers


def test_an_error_is_a_sentence(viewer, surfaces, qtbot, monkeypatch, caplog):
    def fail(self, *_, **__):
        raise MemoryError

    monkeypatch.setattr(meshes_module.MeshMaker, "make", fail)
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "not enough memory" in surfaces._text.text, timeout=15_000)
    viewer.dims.ndisplay = 2
    assert not surfaces._text.visible and viewer.layers["FLAIR"].visible


def test_an_exercise_shows_none(viewer, layers, surfaces, qtbot):
    show(qtbot, surfaces)
    layers.blind()
    assert [layer.name for layer in viewer.layers] == ["FLAIR"] and viewer.layers["FLAIR"].visible
    assert not surfaces.shown and not surfaces._text.visible
    surfaces.toggle()
    viewer.dims.ndisplay = 2
    viewer.dims.ndisplay = 3
    assert not surfaces.shown and [layer.name for layer in viewer.layers] == ["FLAIR"]
    layers.unblind()
    wait(qtbot, surfaces)
    assert NAME in viewer.layers
    viewer.dims.ndisplay = 2
    assert viewer.layers["FLAIR"].visible and viewer.layers["lesions"].visible


def test_an_exercise_that_ends_with_another_prediction_leaves_no_image(viewer, layers, case, mask, qtbot):
    show(qtbot, layers.surfaces)
    layers.blind()
    case.open_prediction(fake_prediction(np.roll(mask, 3, axis=2), case.grid))
    wait(qtbot, layers.surfaces)
    assert [layer.name for layer in viewer.layers if layer.visible] == [NAME]
    check_places(viewer, case)


# -- what the user does to the layers -------------------------------------------------------------


def test_a_removed_layer_stays_away_until_asked_for(viewer, surfaces, case, qtbot):
    case.select(voxel_of(case, 1))
    before = shown(viewer)
    show(qtbot, surfaces)
    viewer.layers.remove(NAME)
    qtbot.waitUntil(lambda: not surfaces.shown)
    assert shown(viewer) == before
    case.threshold = 0.4
    viewer.dims.ndisplay = 2
    viewer.dims.ndisplay = 3
    assert not surfaces.shown and shown(viewer) == before
    surfaces.toggle()
    wait(qtbot, surfaces)
    assert NAME in viewer.layers


def test_brain_and_ring_may_go_and_lesions_may_be_renamed(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    case.select(voxel_of(case, 1))
    viewer.layers.remove(texts.SELECTED_3D)
    viewer.layers[NAME].name = "mine"
    case.select(voxel_of(case, 2))
    case.threshold = 0.4
    wait(qtbot, surfaces)
    assert texts.SELECTED_3D not in viewer.layers and NAME not in viewer.layers
    assert len(parts(viewer.layers["mine"])) == case.lesions.count
    viewer.dims.ndisplay = 2
    assert "mine" not in viewer.layers


def test_the_ring_is_around_the_selected_lesion(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    assert texts.SELECTED_3D not in viewer.layers
    for label in (1, 3):
        case.select(voxel_of(case, label))
        ring, (points, _) = viewer.layers[texts.SELECTED_3D], parts(viewer.layers[NAME])[label]
        off = np.linalg.norm(points - ring.data[0], axis=1).max()
        assert ring.visible and 0.9 * off < float(ring.size[0]) / 2
    case.select(None)
    assert not viewer.layers[texts.SELECTED_3D].visible


def test_another_run_while_the_mouse_rests_on_the_canvas(viewer, surfaces, qtbot):
    viewer.layers.selection.active = viewer.layers["lesions"]
    viewer.mouse_over_canvas = True  # and has not moved since the slices
    show(qtbot, surfaces)
    assert viewer.layers.selection.active.name == NAME
    surfaces.leave()
    assert viewer.layers.selection.active is viewer.layers["lesions"]


def test_a_layer_that_the_user_added_in_3d_is_left_alone(viewer, surfaces, case, qtbot):
    show(qtbot, surfaces)
    viewer.add_layer(Labels(np.zeros(case.grid.shape, np.uint8), name="mine"))
    case.threshold = 0.4
    wait(qtbot, surfaces)
    assert viewer.layers["mine"].visible
    viewer.layers.remove("FLAIR")
    viewer.dims.ndisplay = 2
    assert viewer.layers["mine"].visible and NAME not in viewer.layers


def test_choosing_from_the_list_moves_the_camera_only_where_it_must(viewer, layers, surfaces, case, qtbot):
    show(qtbot, surfaces)
    viewer.canvas.size = (600, 600)
    viewer.scene.camera.zoom = 2.0
    viewer.scene.camera.center = centre = tuple(viewer.layers[NAME].vertices.mean(0))
    layers.go_to(voxel_of(case, 1))
    assert viewer.scene.camera.center == centre and viewer.scene.camera.zoom == 2.0
    viewer.scene.camera.zoom = 200.0
    layers.go_to(voxel_of(case, 1))
    np.testing.assert_allclose(viewer.scene.camera.center, viewer.dims.point)
    viewer.dims.ndisplay = 2
    axis, index = layers.current_slice()
    assert index == voxel_of(case, 1)[axis], "the slice with it is shown then"


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1), (1, 2, 0)])
def test_the_camera_finds_a_lesion_after_the_axes_were_rolled(viewer, layers, surfaces, case, qtbot, order):
    viewer.dims.order = order
    show(qtbot, surfaces)
    viewer.canvas.size = (600, 600)
    viewer.scene.camera.zoom = 200.0
    layers.go_to(voxel_of(case, 3))
    place = parts(viewer.layers[NAME])[3][0].mean(0)
    np.testing.assert_allclose(viewer.scene.camera.center, place[list(order)], atol=2)


# -- files --------------------------------------------------------------------------------------


def read_stl(path):
    data = Path(path).read_bytes()
    (count,) = struct.unpack("<I", data[80:84])
    rows = np.frombuffer(data[84:], np.dtype([("n", "<f4", 3), ("p", "<f4", (3, 3)), ("a", "<u2")]))
    assert len(rows) == count
    return data[:80].decode(), rows


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".glb", ".STL"])
def test_the_layer_is_saved_in_the_patients_millimetres(viewer, surfaces, case, qtbot, tmp_path, suffix):
    show(qtbot, surfaces)
    path = tmp_path / f"läsionen & co{suffix}"
    path.write_text("there before")
    data, arguments, kind = viewer.layers[NAME].as_layer_data_tuple()
    assert kind == "surface" and write_surfaces(str(path), data, arguments) == [str(path)]
    content = path.read_bytes()
    assert b"RAS" in content and [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix.lower() == ".stl":
        head, rows = read_stl(path)
        points = rows["p"].reshape(-1, 3)
        assert "SPACE=RAS" in head
        affine, half = case.grid.affine, np.array(case.grid.spacing)[::-1] / 2
        where = np.argwhere(case.lesions.labels > 0) @ affine[:3, :3].T + affine[:3, 3]
        np.testing.assert_allclose(points.min(0), where.min(0) - half, atol=1e-3)
        np.testing.assert_allclose(points.max(0), where.max(0) + half, atol=1e-3)
        one, two = np.diff(rows["p"], axis=1).transpose(1, 0, 2)
        enclosed = ((rows["p"].mean(1) - points.mean(0)) * np.cross(one, two)).sum() / 6
        assert 0.9 < enclosed / (len(where) * np.prod(case.grid.spacing)) < 1


def test_what_cannot_be_saved_is_a_sentence(viewer, surfaces, qtbot, tmp_path):
    show(qtbot, surfaces)
    data, arguments, _ = viewer.layers[NAME].as_layer_data_tuple()
    for path, words in (
        (tmp_path / "x.obj", "end the name in .stl, .ply, .glb"),
        (tmp_path / "no" / "x.stl", "no"),
        (tmp_path, "end the name"),
    ):
        with pytest.raises(InputError, match=words):
            write_surfaces(str(path), data, arguments)
    (tmp_path / "folder.stl").mkdir()
    with pytest.raises(InputError):
        write_surfaces(str(tmp_path / "folder.stl"), data, arguments)
    mine = Surface((np.eye(3), np.array([[0, 1, 2]])), name="mine")
    with pytest.raises(InputError, match="'mine' does not say where it lies"):
        write_surfaces(str(tmp_path / "x.stl"), *mine.as_layer_data_tuple()[:2])
    assert [path.name for path in tmp_path.iterdir()] == ["folder.stl"]


def test_many_lesions_stay_usable(qtbot):
    """500 of them: one layer, and a step of the threshold makes no lesion again that did not change."""
    grid = Grid((58, 58, 58), np.eye(4)[[2, 1, 0, 3]])
    mask = np.zeros(grid.shape, bool)
    ends = [slice(start, start + 3) for start in range(2, 58, 7)]
    for box in product(ends, ends, ends):
        mask[box] = True
    viewer, case = ViewerModel(), Case()
    layers = ReviewLayers(viewer, case)
    case.open_prediction(fake_prediction(mask, grid, sigma=0.3, members=2))
    case.threshold = 0.6
    assert case.lesions.count == 512
    show(qtbot, layers.surfaces)
    assert [x.name for x in viewer.layers if isinstance(x, Surface)] == [NAME]
    before = layers.surfaces._made.meshes
    case.threshold = 0.61
    wait(qtbot, layers.surfaces)
    after = layers.surfaces._made.meshes
    assert case.lesions.count == 512 and all(after[n] is before[n] for n in after)
    layers.cleanup()
