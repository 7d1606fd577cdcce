"""The selected lesion has an outline of its own, and going to it fits slice and zoom to it."""

import dataclasses

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from scipy.ndimage import binary_erosion
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.lesions.sections import largest_section
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.layers.selection.edges import (
    BLACK,
    HALO_PX,
    LINE_PX,
    WHITE,
    lines,
    outline,
)
from napari_uncertainseg.widgets.layers.selection.selected_outline import NAME
from napari_uncertainseg.widgets.scans.volumes import volume_of

from .drawn_layers import reviewed_layers
from .fakes import fake_prediction
from .test_outlines import _grounds, reserved

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def shown(flair, prediction):
    made = reviewed_layers(flair, prediction)
    yield made
    made.cleanup()


def _voxel(case, row=0):
    return tuple(int(case.lesions.table.iloc[row][f"slice_{axis}"]) for axis in "sar")


def _select(shown, voxel):
    shown._case.select(voxel)
    shown.go_to(voxel)
    return shown.selected.layer


def _ends(layer):
    """Both ends of the white lines in the world, (n, 2, 3)."""
    data = layer.data * np.asarray(layer.scale)
    white = (layer.edge_color[:, :3] == 1).all(1)
    return np.stack([data[white, 0], data[white].sum(1)], 1)


# -- geometry -----------------------------------------------------------------------------------


def _area(ends):
    """What closed stretches enclose, by the divergence theorem over the vertical ones, counted by rows."""
    vertical = ends[ends[:, 0, 1] == ends[:, 1, 1]]
    rows = {}
    for (start, column), (stop, _) in vertical:
        for row in range(round(start + 0.5), round(stop + 0.5)):
            rows.setdefault(row, []).append(column)
    return sum(
        sum(b - a for a, b in zip(sorted(c)[::2], sorted(c)[1::2], strict=True)) for c in rows.values()
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_stretches_enclose_the_mask_and_are_as_long_as_its_sides(seed):
    mask = np.random.default_rng(seed).random((9, 13)) < 0.5
    ends = outline(mask)
    padded = np.pad(mask, 1).astype(int)
    sides = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    assert np.abs(ends[:, 1] - ends[:, 0]).sum() == sides
    assert _area(ends) == mask.sum()
    assert not len(outline(np.zeros((3, 3), bool)))


def test_a_square_has_four_stretches_around_its_pixels():
    mask = np.zeros((6, 6), bool)
    mask[2:4, 1:4] = True
    ends = outline(mask)
    assert len(ends) == 4
    assert ends.reshape(-1, 2).min(0).tolist() == [1.5, 0.5] and ends.reshape(-1, 2).max(0).tolist() == [
        3.5,
        3.5,
    ]


def test_the_white_line_lies_between_two_black_ones():
    starts, colours = lines(np.array([[[0.0, 0.0], [0.0, 10.0]]]), 0.1)
    black, white = starts[:2], starts[2]
    assert colours[2].tolist() == list(WHITE) and (colours[:2] == BLACK).all()
    assert white[0].tolist() == [0.0, pytest.approx(-LINE_PX / 20)]
    assert sorted(black[:, 0, 0]) == pytest.approx([-HALO_PX / 10, HALO_PX / 10])


def test_white_or_black_differs_from_every_ground():
    """A difference (CIEDE2000) of 10 is seen at a glance: on every grey and every colour of the maps."""
    ground = rgb2lab(_grounds())
    differs = [deltaE_ciede2000(rgb2lab(np.array(c[:3])[None]), ground) for c in (WHITE, BLACK)]
    assert np.maximum(*differs).min() > 30


# -- in a viewer --------------------------------------------------------------------------------


def test_it_runs_around_the_lesion_of_the_slice_and_the_others_keep_theirs(shown):
    case, lesions = shown._case, shown.viewer.layers["lesions"]
    voxel = _voxel(case)
    layer = _select(shown, voxel)
    number = case.lesions.labels[voxel]
    index = shown.current_slice()[1]
    seen = np.argwhere(case.lesions.labels[index] == number)
    world = np.array([lesions.data_to_world((index, *one)) for one in seen])
    ends = _ends(layer)
    half = np.array([0, 0.5, 0.5])
    reach = LINE_PX / 2 / shown.viewer.scene.camera.zoom
    np.testing.assert_allclose(ends.min((0, 1))[1:], (world - half).min(0)[1:] - reach)
    np.testing.assert_allclose(ends.max((0, 1))[1:], (world + half).max(0)[1:] + reach)
    drawn = lesions._calculate_contour(lesions._slice.image.raw, (slice(0, 40), slice(0, 32)))
    assert number not in drawn


def test_its_width_on_the_screen_is_the_same_at_any_zoom(shown):
    layer = _select(shown, _voxel(shown._case))
    for zoom in (2.0, 9.0, 60.0):
        shown.viewer.scene.camera.zoom = zoom
        assert layer.edge_width * layer.scale[1] * zoom == pytest.approx(LINE_PX)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_in_thick_slices_from_the_side_it_is_as_thick_along_both_axes(shown, order):
    shown.viewer.dims.order = order
    layer = _select(shown, _voxel(shown._case))
    displayed = list(shown.viewer.dims.displayed)
    assert layer.scale[displayed[0]] == layer.scale[displayed[1]]
    assert len(_ends(layer)) and len(layer._view_data) == len(layer.data)


def test_the_slices_keep_their_steps(shown):
    before = shown.viewer.dims.range
    _select(shown, _voxel(shown._case))
    assert [each.step for each in shown.viewer.dims.range] == [each.step for each in before]
    assert shown.viewer.dims.range == before


def test_it_follows_slice_threshold_painting_and_undo(shown):
    case, viewer = shown._case, shown.viewer
    voxel = _voxel(case)
    layer = _select(shown, voxel)
    small = _ends(layer)
    case.threshold = 0.1
    wide = _ends(layer)
    assert np.ptp(wide.reshape(-1, 3), axis=0)[1:].sum() > np.ptp(small.reshape(-1, 3), axis=0)[1:].sum()
    case.threshold = 0.5
    np.testing.assert_allclose(_ends(layer), small)
    painted = np.zeros(case.grid.shape, np.int8)
    own = case.lesions.labels == case.lesions.labels[voxel]
    painted[own & ~binary_erosion(own)] = -1
    painted[voxel] = 0
    case.review.set_edit(painted)
    assert not np.array_equal(_ends(layer), small)
    case.review.undo()
    np.testing.assert_allclose(_ends(layer), small)
    viewer.dims.set_point(0, viewer.dims.range[0].stop)
    assert not len(layer.data)


def test_it_follows_a_preview_at_once(shown):
    layer = _select(shown, _voxel(shown._case))
    before = layer.data.copy()
    shown.preview(0.95)
    assert not np.array_equal(layer.data, before)
    shown.settle()
    np.testing.assert_allclose(layer.data, before)


def test_nothing_selected_nothing_drawn_and_a_removed_layer_comes_back(shown, prediction):
    layer = _select(shown, _voxel(shown._case))
    shown._case.select(None)
    assert not len(layer.data)
    shown.viewer.layers.remove(NAME)
    shown.viewer.scene.camera.zoom = 3.0  # heard, and nothing to draw on
    _select(shown, _voxel(shown._case, 1))
    assert NAME in shown.viewer.layers and shown.viewer.layers.selection.active.name == "lesions"
    shown._case.close_prediction()
    assert NAME not in shown.viewer.layers


def test_nothing_is_drawn_in_an_exercise(shown):
    _select(shown, _voxel(shown._case))
    shown.blind()
    shown._case.select(_voxel(shown._case, 1))
    assert NAME not in shown.viewer.layers
    shown.unblind()
    assert NAME in shown.viewer.layers
    shown.go_to(_voxel(shown._case, 1))
    assert len(shown.selected.layer.data)


def test_alone_only_the_selected_lesion_is_outlined(shown):
    layer = _select(shown, _voxel(shown._case))
    lesions = shown.viewer.layers["lesions"]
    shown.show_band(0.5, 0.1)
    shown.show_alone(True)
    assert len(layer.data)
    for each in (lesions, shown.viewer.layers["guaranteed envelope"]):
        assert not each._calculate_contour(each._slice.image.raw, (slice(0, 40), slice(0, 32))).any()
    shown.show_alone(False)
    envelope = shown.viewer.layers["guaranteed envelope"]
    seen = envelope._calculate_contour(envelope._slice.image.raw, (slice(0, 40), slice(0, 32)))
    assert reserved(envelope.data.dtype) in seen


def test_an_oblique_scan_of_another_reader(mask):
    affine = np.diag([-1.0, 1.0, 3.0, 1.0])
    affine[:3, 3] = (5, 6, 7)
    grid = Grid.from_file((32, 40, 24), affine)
    viewer = ViewerModel()
    scan, _ = grid.to_file(np.where(mask, 1.0, 0.4).astype(np.float32))
    layer = Image(scan, name="scan", affine=affine, metadata={"affine": affine})
    viewer.add_layer(layer)
    layers = ReviewLayers(viewer, Case())
    volume = volume_of(layer, "flair")
    layers._case.set_images({"flair": volume})
    layers._case.open_prediction(fake_prediction(mask, volume.grid))
    drawn = _select(layers, _voxel(layers._case))
    assert len(drawn.data) and len(drawn._view_data) == len(drawn.data)
    layers.cleanup()


# -- where the viewer looks ---------------------------------------------------------------------


def _field(viewer):
    return min(viewer.canvas.size) / viewer.scene.camera.zoom


@pytest.mark.parametrize(
    ("shape", "size", "field"),
    [
        ((24, 120, 100), 2, 40.0),
        ((24, 120, 100), 16, 48.0),
        ((24, 120, 100), 70, None),
        ((24, 40, 32), 2, None),
    ],
)
def test_the_field_is_three_times_the_lesion_within_limits(grid, shape, size, field):
    """40 mm at least, and never more than the whole slice (None)."""
    grid = Grid(shape, grid.affine)
    mask = np.zeros(shape, bool)
    start = (shape[1] - size) // 2
    mask[4:7, start : start + size, 10:14] = True
    flair = Volume(mask.astype(np.float32), grid, "FLAIR", "flair")
    shown = reviewed_layers(flair, fake_prediction(mask, grid, sigma=0.3))
    _select(shown, _voxel(shown._case))
    canvas = np.array(shown.viewer.canvas.size)
    if field is None:
        field = canvas.min() / min(canvas / shape[1:])
    assert _field(shown.viewer) == pytest.approx(field)
    shown.cleanup()


@pytest.mark.parametrize(("order", "axis"), [((0, 1, 2), 0), ((1, 0, 2), 1), ((2, 0, 1), 2)])
def test_the_slice_of_the_largest_section_in_the_plane_that_is_shown(shown, order, axis):
    case, viewer = shown._case, shown.viewer
    voxel = _voxel(case)
    viewer.dims.order = order
    _select(shown, voxel)
    own = case.lesions.labels == case.lesions.labels[voxel]
    counts = own.sum(axis=tuple(other for other in range(3) if other != axis))
    assert counts[shown.current_slice()[1]] == counts.max()
    assert case.selected == voxel  # the session knows it by this voxel


def test_of_equal_sections_the_middle_one():
    labels = np.zeros((9, 5, 5), np.uint16)
    labels[2:7, 2, 2] = 3
    found = largest_section(labels, 3, (slice(2, 7), slice(2, 3), slice(2, 3)), 0, (2.0, 1.0, 1.0))
    assert found.voxel == (4, 2, 2) and found.sizes == (10.0, 1.0, 1.0)
    assert largest_section(labels, 4, (slice(2, 7), slice(2, 3), slice(2, 3)), 0, (2.0, 1.0, 1.0)) is None


def test_again_the_whole_slice_and_again_the_lesion(shown):
    viewer = shown.viewer
    _select(shown, _voxel(shown._case))
    close = _field(viewer)
    shown.fit_or_whole()
    low, high = np.asarray(viewer.layers["lesions"].extent.world)[:, 1:] + 0.5 * np.array([[-1], [1]])
    seen = np.array(viewer.canvas.size) / viewer.scene.camera.zoom
    assert (seen >= high - low - 1e-9).all() and np.isclose(seen, high - low).any()
    np.testing.assert_allclose(viewer.scene.camera.center[1:], (low + high) / 2)
    shown.fit_or_whole()
    assert _field(viewer) == pytest.approx(close)
    viewer.scene.camera.zoom *= 1.3  # the user's own: fits first
    shown.fit_or_whole()
    assert _field(viewer) == pytest.approx(close)
    shown._case.select(None)
    shown.fit_or_whole()
    assert _field(viewer) == pytest.approx(close)


def test_without_zoom_the_slice_moves_and_the_lesion_comes_into_view(shown):
    case, viewer = shown._case, shown.viewer
    shown.framing.zooms = False
    viewer.scene.camera.zoom, viewer.scene.camera.center = 5.0, (0.0, *np.array(viewer.dims.point[1:]))
    centre = viewer.scene.camera.center
    _select(shown, _voxel(case))
    assert viewer.scene.camera.zoom == 5.0 and viewer.scene.camera.center == centre
    viewer.scene.camera.zoom = 400.0
    _select(shown, _voxel(case, 1))
    assert viewer.scene.camera.zoom == 400.0
    assert viewer.scene.camera.center[1:] == pytest.approx(tuple(viewer.dims.point[1:]))


def test_another_case_is_fitted_and_shows_all(shown, prediction):
    voxel = _voxel(shown._case)
    _select(shown, voxel)
    close = _field(shown.viewer)
    shown.show_alone(True)
    shown._case.open_prediction(dataclasses.replace(prediction))
    assert not shown.alone
    _select(shown, voxel)
    assert _field(shown.viewer) == pytest.approx(close)
