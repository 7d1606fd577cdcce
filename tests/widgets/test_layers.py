"""Layers of a case: where they lie, what they show, what painting does."""

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtWidgets import QApplication

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets.layers.colours import lesion_colormap, map_options, top_of
from napari_uncertainseg.widgets.layers.orientation_letters import direction_letters, opposite
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data, volume_of

from .fakes import fake_prediction

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def viewer(flair):
    made = ViewerModel()
    data, options, _ = layer_data(flair)
    made.add_layer(Image(data, **options))
    return made


@pytest.fixture
def layers(viewer, flair):
    made = ReviewLayers(viewer, Case())
    yield made
    made.cleanup()


@pytest.fixture
def shown(layers, prediction, flair):
    """The same, with a prediction."""
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(prediction)
    return layers


def _world(layer, index):
    return np.asarray(layer.data_to_world(index))


# -- what is shown -----------------------------------------------------------------------------


def test_results_lie_on_the_scan_and_the_scan_is_not_touched(viewer, shown, flair):
    scan = viewer.layers["FLAIR"]
    assert scan.data is flair.data
    results = [layer for layer in viewer.layers if is_result(layer)]
    assert [x.name for x in results] == [
        "probability",
        "disagreement (variance)",
        "mutual information (nats)",
        "entropy (nats)",
        "candidates",
        "lesions",
    ]
    for layer in results:
        for corner in ((0, 0, 0), (23, 39, 31)):
            assert _world(layer, corner) == pytest.approx(_world(scan, corner))
        assert layer.units == scan.units and layer.axis_labels == scan.axis_labels
        assert volume_of(layer).grid.same_as(flair.grid)


def test_only_lesions_and_entropy_are_visible_and_maps_are_clear_where_they_are_0(viewer, shown, prediction):
    visible = {x.name for x in viewer.layers if is_result(x) and x.visible}
    assert visible == {"lesions", "entropy (nats)"}
    for layer in viewer.layers:
        if is_result(layer) and isinstance(layer, Image):
            assert layer.blending == "translucent" and layer.contrast_limits[0] == 0
            assert layer.opacity == 0.5 and np.ravel(layer.colormap.map(0.0))[3] == 0
            assert np.ravel(layer.colormap.map(1.0))[3] == 1
            layer.visible = True
            assert layer.colorbar.visible and layer.name_overlay.visible
    assert viewer.layers["entropy (nats)"].contrast_limits[1] == pytest.approx(np.log(2))
    assert viewer.layers["disagreement (variance)"].contrast_limits[1] <= 0.25


@pytest.mark.parametrize(
    ("name", "strongest", "top"),
    [
        ("probability", 0.2, 1.0),
        ("entropy (nats)", 0.01, np.log(2)),
        ("mutual information (nats)", 0.002, 0.05),
        ("mutual information (nats)", 0.3, 0.3),
        ("mutual information (nats)", 0.0, 0.05),
        ("disagreement (variance)", 0.001, 0.05),
        ("disagreement (variance)", 0.4, 0.25),
    ],
)
def test_noise_is_not_stretched_over_all_colours(name, strongest, top):
    shown = {each.title_with_unit: each for each in shown_maps().values()}[name]
    limits = map_options(shown, top_of(shown, np.full((3, 3, 3), strongest)))["contrast_limits"]
    assert limits == (0, pytest.approx(top))


def test_after_a_run_its_flair_is_seen_and_not_what_lay_over_it(viewer, layers, flair, prediction):
    below, above, foreign = "T2 below", "T1 above", "atlas"
    for name in (below, above, foreign):
        data, options, _ = layer_data(Volume(flair.data, flair.grid, name))
        viewer.add_layer(Image(data, **options))
    viewer.layers.move(viewer.layers.index(below), 0)
    scans = {"flair": flair} | {
        role: Volume(flair.data, flair.grid, name, role) for role, name in (("t1", above), ("t2", below))
    }
    for _ in range(2):
        layers._case.set_images(scans)
        layers._case.open_prediction(prediction)
        seen = {layer.name for layer in viewer.layers if layer.visible and not is_result(layer)}
        assert seen == {"FLAIR", below, foreign}
        viewer.layers[above].visible = True
    layers._case.threshold = 0.3
    assert viewer.layers[above].visible, "only a run hides a scan"


def test_lesions_follow_the_threshold_in_place(viewer, shown):
    layer = viewer.layers["lesions"]
    before = layer.data
    case = shown._case
    for threshold in (0.3, 0.7):
        case.threshold = threshold
        assert viewer.layers["lesions"].data is before
        np.testing.assert_array_equal(layer.data, case.lesions.labels)
        np.testing.assert_array_equal(viewer.layers["candidates"].data, case.lesions.candidates)
    assert layer.data.dtype == np.uint16


def test_feature_row_i_is_label_i(viewer, shown):
    features = viewer.layers["lesions"].features
    table = shown._case.lesions.table.set_index("label")
    assert len(features) == len(table) + 1
    assert list(features) == ["label", "doubt", "mean p", "mm³"]  # the status bar has room for no more
    for label in table.index:
        assert features["label"][label] == label
        assert features["mm³"][label] == table["volume_mm3"][label]
        assert features["doubt"][label] == table["doubt"][label]


def test_colours_tell_verdicts(viewer, shown):
    case, layer = shown._case, viewer.layers["lesions"]
    rows = case.lesions.table
    voxels = [tuple(int(row[f"slice_{a}"]) for a in "sar") for _, row in rows.iterrows()]
    plain = [layer.get_color(int(label)) for label in rows["label"]]
    for voxel, decision in zip(voxels, ("accepted", "rejected", "unsure"), strict=True):
        case.review.judge(voxel, decision)
    judged = [tuple(layer.get_color(int(label))) for label in rows["label"]]
    assert len(set(judged)) == 3
    assert not any(np.allclose(a, b) for a, b in zip(plain, judged, strict=True))
    case.review.undo()
    assert layer.get_color(int(rows["label"].iloc[2])) == pytest.approx(plain[2])


def test_a_new_run_on_the_same_grid_fills_the_layers_and_keeps_the_users_view(viewer, shown, mask, grid):
    case, lesions = shown._case, viewer.layers["lesions"]
    _paint(lesions, (np.array([12]), np.array([5, 6, 7]), np.array([26])), 1)
    viewer.layers["probability"].visible, lesions.contour = True, 0
    before = list(viewer.layers)
    case.open_prediction(fake_prediction(np.roll(mask, 2, 1), grid))
    assert list(viewer.layers) == before
    assert viewer.layers["probability"].visible and lesions.contour == 0
    for name, field in (("probability", "probability"), ("disagreement (variance)", "disagreement")):
        np.testing.assert_array_equal(viewer.layers[name].data, getattr(case.prediction, field))
    np.testing.assert_array_equal(lesions.data, case.lesions.labels)
    lesions.undo()  # the painting on the last prediction is history
    assert case.review.edit is None
    np.testing.assert_array_equal(lesions.data, case.lesions.labels)
    _paint(lesions, (np.array([12]), np.array([5]), np.array([26])), 1)
    assert case.review.edit.sum() == 1


def test_a_run_on_another_grid_replaces_the_layers_and_frees_them(viewer, shown, mask, grid):
    gone = weakref.ref(viewer.layers["lesions"])
    count = len(viewer.layers)
    affine = grid.affine.copy()
    affine[:3, 3] += 5
    moved = Grid(grid.shape, affine)
    shown._case.open_prediction(fake_prediction(mask, moved))
    assert len(viewer.layers) == count
    gc.collect()
    assert gone() is None
    assert volume_of(viewer.layers["lesions"]).grid.same_as(moved)
    shown._case.close_prediction()
    assert [x.name for x in viewer.layers] == ["FLAIR"]


def test_a_users_layer_named_lesions_stays(viewer, layers, flair, prediction, mask, grid):
    data, options, _ = layer_data(Volume(mask.astype(np.uint8), grid, "lesions"), "labels")
    own = Labels(data, **options)
    viewer.add_layer(own)
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(prediction)
    assert own.name == "lesions" and not is_result(own)
    assert "lesions (predicted)" in viewer.layers


def test_a_deleted_result_layer_is_not_missed(viewer, shown):
    for name in ("lesions", "candidates", "entropy (nats)"):
        viewer.layers.remove(name)
    shown._case.threshold = 0.3
    shown.preview(0.4)
    shown.go_to((5, 10, 8))


def test_cleanup_twice_and_then_nothing_is_heard(viewer, shown):
    before = viewer.layers["lesions"].data.copy()
    shown.cleanup()
    shown.cleanup()
    shown._case.threshold = 0.2
    np.testing.assert_array_equal(viewer.layers["lesions"].data, before)
    assert not [name for name in viewer.canvas.overlays if str(name).startswith("orientation")]


# -- scans of other readers ---------------------------------------------------------------------


def test_results_are_laid_over_a_scan_that_another_reader_opened(mask):
    """(x, y, z) order, and placed by the affine that is in the metadata, as other readers leave it."""
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = (5, 6, 7)
    grid = Grid.from_file((32, 40, 24), affine)
    viewer = ViewerModel()
    scan, _ = grid.to_file(np.where(mask, 1.0, 0.4).astype(np.float32))
    layer = Image(scan, name="scan", affine=affine, metadata={"affine": affine})
    viewer.add_layer(layer)
    volume = volume_of(layer, "flair")
    np.testing.assert_array_equal(volume.data, np.where(mask, np.float32(1.0), np.float32(0.4)))
    layers = ReviewLayers(viewer, Case())
    layers._case.set_images({"flair": volume})
    layers._case.open_prediction(fake_prediction(mask, volume.grid))
    lesions = viewer.layers["lesions"]
    case = layers._case
    assert lesions.data.shape == scan.shape
    np.testing.assert_array_equal(np.asarray(grid.to_canonical(lesions.data)), case.lesions.labels)
    voxel = (5, 10, 8)
    layers.go_to(voxel)
    seen = tuple(int(x) for x in np.round(layer.world_to_data(viewer.dims.point)))
    assert np.asarray(grid.to_canonical(np.arange(scan.size).reshape(scan.shape)))[
        voxel
    ] == np.ravel_multi_index(seen, scan.shape)
    axis, index = layers.current_slice()
    assert index == voxel[axis]
    assert volume_of(lesions).grid.same_as(volume.grid)
    layers.cleanup()


# -- painting -----------------------------------------------------------------------------------


def _paint(layer, where, value):
    layer.data_setitem(tuple(np.broadcast_arrays(*map(np.atleast_1d, where))), value)
    QApplication.instance().processEvents()


def test_painting_becomes_an_edit_that_outlives_the_threshold(viewer, shown):
    case, layer = shown._case, viewer.layers["lesions"]
    added = np.mgrid[11:13, 5:8, 25:28].reshape(3, -1)
    _paint(layer, tuple(added), 1)
    assert case.review.edit.sum() == added.shape[1] and case.lesions.count == 4
    removed = np.argwhere(case.lesions.labels == case.lesions.labels[5, 10, 8]).T
    _paint(layer, tuple(removed), 0)
    assert case.lesions.count == 3 and case.review.unsaved
    for threshold in (0.3, 0.7, 0.5):
        case.threshold = threshold
        assert case.lesions.labels[11, 6, 26] > 0
        assert not case.lesions.labels[tuple(removed)].any()


def test_undo_and_redo_of_painting_after_the_threshold_moved(viewer, shown):
    case, layer = shown._case, viewer.layers["lesions"]
    _paint(layer, (np.array([12]), np.array([5, 6, 7]), np.array([26])), 1)
    assert case.review.edit.sum() == 3
    case.threshold = 0.3
    expected = case.lesions.labels.copy()
    layer.undo()
    assert case.review.edit is None
    np.testing.assert_array_equal(layer.data, case.lesions.labels)
    layer.redo()
    assert case.review.edit.sum() == 3
    np.testing.assert_array_equal(layer.data, expected)
    layer.undo()
    layer.undo()
    assert case.review.edit is None


def test_painting_a_lesion_with_another_number_changes_nothing(viewer, shown):
    case, layer = shown._case, viewer.layers["lesions"]
    before = case.lesions.labels.copy()
    _paint(layer, (np.array([5]), np.array([10]), np.array([8])), 9)
    np.testing.assert_array_equal(layer.data, before)
    assert case.review.edit is None
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)


def test_preview_draws_the_slice_and_leaves_the_case(viewer, shown, prediction):
    case, layer = shown._case, viewer.layers["lesions"]
    shown.go_to((12, 21, 18))
    shown.preview(0.1)
    np.testing.assert_array_equal(layer.data[12] > 0, prediction.probability[12] >= 0.1)
    np.testing.assert_array_equal(layer.data[11], case.lesions.labels[11])
    assert case.threshold == 0.5
    viewer.dims.set_point(0, viewer.dims.point[0] + 3)  # another slice: the preview is over
    np.testing.assert_array_equal(layer.data, case.lesions.labels)


def test_while_previewing_only_the_slice_follows_and_colours_stay(viewer, shown, prediction):
    case, layer = shown._case, viewer.layers["lesions"]
    shown.go_to((12, 21, 18))
    before, colours, features = layer.data.copy(), layer.colormap, layer.features
    for threshold in (0.4, 0.2):
        shown.preview(threshold)
        case.threshold = threshold
    assert layer.colormap is colours and layer.features is features
    np.testing.assert_array_equal(layer.data[12] > 0, case.lesions.labels[12] > 0)
    np.testing.assert_array_equal(np.delete(layer.data, 12, 0), np.delete(before, 12, 0))
    assert layer.data[12, 21, 18] == before[12, 21, 18]
    shown.settle()
    np.testing.assert_array_equal(layer.data, case.lesions.labels)
    assert len(layer.features) == case.lesions.count + 1


def test_the_preview_leaves_out_what_is_too_small_once_the_case_has_followed(viewer, shown):
    case, layer = shown._case, viewer.layers["lesions"]
    case.min_volume = 1e4
    shown.go_to((12, 21, 18))
    shown.preview(0.4)
    assert layer.data[12].any()
    case.threshold = 0.4
    assert not layer.data.any()
    shown.settle()


def test_many_labels_are_mapped_as_napari_maps_them():
    colours = {n: (n / 40, 0.5, 1 - n / 40, 1.0) for n in range(1, 40)}
    ours = lesion_colormap(colours)
    napari_s = DirectLabelColormap(color_dict=dict(ours.color_dict))
    labels = np.r_[np.arange(60), 65_535].astype(np.uint16)
    np.testing.assert_array_equal(ours.map(labels), napari_s.map(labels))


# -- where the viewer looks ---------------------------------------------------------------------


def test_go_to_shows_the_lesion_in_the_middle(viewer, shown, flair):
    voxel = (18, 32, 25)
    shown.go_to(voxel)
    lesions = shown._case.lesions
    shown_at = tuple(int(x) for x in np.round(viewer.layers["lesions"].world_to_data(viewer.dims.point)))
    assert lesions.labels[shown_at] == lesions.labels[voxel]
    assert viewer.scene.camera.center[1:] == pytest.approx(tuple(viewer.dims.point[1:]))
    assert shown.current_slice() == (0, 18)
    assert viewer.layers["lesions"].selected_label == lesions.labels[voxel]


def test_a_candidate_is_made_visible(viewer, shown):
    case = shown._case
    case.threshold = 0.99
    voxel = tuple(int(x) for x in np.argwhere(case.lesions.candidates)[0])
    shown.go_to(voxel)
    assert viewer.layers["candidates"].visible


@pytest.mark.parametrize(
    ("order", "axis"), [((0, 1, 2), 0), ((1, 0, 2), 1), ((2, 0, 1), 2), ((2, 1, 0), 2)], ids=str
)
def test_slice_changes_are_told(viewer, shown, order, axis):
    heard = []
    shown.slice_changed.connect(lambda: heard.append(shown.current_slice()))
    viewer.dims.order = order
    shown.go_to((18, 32, 25))
    assert shown.current_slice()[0] == axis
    assert heard[-1] == shown.current_slice()


# -- the user's label layers --------------------------------------------------------------------


def test_label_layers_and_their_edits(viewer, shown, mask, grid):
    changes, edits = [], []
    shown.layers_changed.connect(lambda: changes.append(shown.user_labels.names()))
    shown.labels_edited.connect(edits.append)
    data, options, _ = layer_data(Volume(mask.astype(np.uint8), grid, "expert"), "labels")
    viewer.add_layer(Labels(data.copy(), **options))
    assert changes[-1] == ["expert"]
    np.testing.assert_array_equal(shown.user_labels.mask_of("expert"), mask)
    viewer.layers["expert"].name = "consensus"
    assert changes[-1] == ["consensus"]
    _paint(viewer.layers["consensus"], (np.array([1]), np.array([1]), np.array([1])), 1)
    assert edits == ["consensus"]
    assert shown.user_labels.mask_of("consensus")[1, 1, 1]
    viewer.layers.remove("consensus")
    assert changes[-1] == []
    with pytest.raises(InputError, match="no layer 'consensus'"):
        shown.user_labels.mask_of("consensus")


def test_a_reference_drawn_in_napari_over_an_oblique_scan(mask, grid, flair):
    turn = np.deg2rad(20)
    oblique = np.eye(4)
    oblique[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    tilted = Volume(flair.data, Grid(grid.shape, oblique @ grid.affine), "FLAIR", "flair")
    viewer = ViewerModel()
    data, options, _ = layer_data(tilted)
    viewer.add_layer(Image(data, **options))
    layers = ReviewLayers(viewer, Case())
    layers._case.set_images({"flair": tilted})
    layers._case.open_prediction(fake_prediction(mask, tilted.grid))
    viewer._new_labels()
    drawn = viewer.layers[-1]
    _paint(drawn, (np.array([7]), np.array([11]), np.array([3])), 1)
    assert np.argwhere(layers.user_labels.mask_of(drawn.name)).tolist() == [[7, 11, 3]]
    layers.cleanup()


def test_a_reference_on_another_grid_is_refused(viewer, shown):
    viewer.add_labels(np.zeros((5, 6, 7), int), name="small", scale=(-1, -1, -1))
    with pytest.raises(InputError, match=r"'small' \(5 x 6 x 7 voxels\)"):
        shown.user_labels.mask_of("small")


# -- orientation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "R"),
        ((-1, 0, 0), "L"),
        ((0, 1, 0), "A"),
        ((0, -1, 0), "P"),
        ((0, 0, 1), "S"),
        ((0, 0, -1), "I"),
        ((0, np.sin(np.deg2rad(20)), np.cos(np.deg2rad(20))), "S"),
        ((0, np.sin(np.deg2rad(25)), np.cos(np.deg2rad(25))), "SA"),
        ((-0.1, -3, 2), "PI"[:1] + "S"),
    ],
)
def test_direction_letters(direction, letters):
    assert direction_letters(np.array(direction, float)) == letters
    assert direction_letters(-np.array(direction, float)) == opposite(letters)


@pytest.mark.parametrize(
    ("order", "letters"),
    [
        ((0, 1, 2), {"top": "A", "bottom": "P", "left": "R", "right": "L"}),
        ((1, 0, 2), {"top": "S", "bottom": "I", "left": "R", "right": "L"}),
        ((2, 0, 1), {"top": "S", "bottom": "I", "left": "A", "right": "P"}),
        ((0, 2, 1), {"top": "R", "bottom": "L", "left": "A", "right": "P"}),
    ],
    ids=str,
)
def test_letters_follow_the_displayed_axes(viewer, layers, order, letters):
    viewer.dims.order = order
    assert layers.letters.letters() == letters
    shown = {k: v.text for k, v in layers.letters._overlays.items() if v.visible}
    assert shown == letters


def test_letters_follow_roll_camera_and_dimensions(viewer, layers):
    viewer.scene.camera.orientation2d = ("up", "left")
    in_slices = {"top": "P", "bottom": "A", "left": "L", "right": "R"}
    assert layers.letters.letters() == in_slices
    viewer.dims.ndisplay = 3  # seen from the same side
    assert {edge: x.text for edge, x in layers.letters._overlays.items() if x.visible} == in_slices
    viewer.scene.camera.orientation = ("towards", "down", "right")
    assert layers.letters.letters() == {"top": "A", "bottom": "P", "left": "R", "right": "L"}


def test_no_letters_where_they_would_be_a_guess():
    viewer = ViewerModel()
    layers = ReviewLayers(viewer, Case())
    viewer.add_image(np.zeros((4, 5, 6)))
    assert layers.letters.letters() == {}
    layers.cleanup()


@pytest.mark.parametrize("flip", [1, -1])
def test_letters_of_another_readers_scan(flip):
    viewer = ViewerModel()
    layers = ReviewLayers(viewer, Case())
    affine = np.diag([flip, 1.0, 1.0, 1.0])
    affine[:3, 3] = (3, -2, 1)
    viewer.add_image(np.zeros((6, 5, 4)), affine=affine, metadata={"affine": affine})
    viewer.dims.order = (2, 1, 0)  # y down, x to the right
    # The world is RAS+, whichever way the array runs.
    assert layers.letters.letters() == {"top": "P", "bottom": "A", "left": "L", "right": "R"}
    layers.cleanup()


# -- core and envelope -------------------------------------------------------------------------


def test_core_and_envelope_lie_on_the_scan_and_go_again(viewer, shown, prediction):
    active = viewer.layers.selection.active
    shown.show_band(0.8, 0.2)
    core, envelope = viewer.layers["guaranteed core"], viewer.layers["guaranteed envelope"]
    np.testing.assert_array_equal(core.data > 0, prediction.probability >= 0.8)
    assert is_result(core) and core.contour == 1 and viewer.layers.selection.active is active
    assert _world(core, (3, 4, 5)) == pytest.approx(_world(viewer.layers["FLAIR"], (3, 4, 5)))
    shown.show_band(0.7, 0.2)
    assert viewer.layers["guaranteed core"] is core
    np.testing.assert_array_equal(core.data > 0, prediction.probability >= 0.7)
    viewer.layers.remove(envelope)
    shown.show_band(0.7, 0.2)
    assert viewer.layers["guaranteed envelope"] is not envelope
    shown.show_band(None, None)
    assert "guaranteed core" not in viewer.layers and "guaranteed envelope" not in viewer.layers
