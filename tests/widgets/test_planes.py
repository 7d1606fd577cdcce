"""The three planes stand as radiologists look at them, however a scan lies; rolling keeps them upright."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points, Shapes, Surface

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.widgets.layers.planes.plane import Plane, planes_of
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.layers.two_tone_outlines import reserved
from napari_uncertainseg.widgets.reading_bar.views.marks import marks_of
from napari_uncertainseg.widgets.reading_bar.views.place import best_below
from napari_uncertainseg.widgets.reading_bar.views.slice_view import SliceView
from napari_uncertainseg.widgets.reading_bar.views.slices import outline_of, picture_of
from napari_uncertainseg.widgets.scans.volumes import affine_of, layer_data

pytestmark = pytest.mark.usefixtures("qapp")

UP = {"Axial": "A", "Coronal": "S", "Sagittal": "S"}
LEFT = {"Axial": "R", "Coronal": "R", "Sagittal": "A"}
AXES = {"R": (1, 0, 0), "A": (0, 1, 0), "S": (0, 0, 1)}
SHAPE = (9, 11, 13)


def turned(degrees, axis):
    """A rotation of RAS space."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    found = np.eye(3)
    i, j = [k for k in range(3) if k != axis]
    found[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return found


def ways():
    """All ways in which a file's axes may run, straight and oblique; voxels have three sizes."""
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        linear = np.zeros((3, 3))
        linear[list(order), range(3)] = np.array(signs) * (0.8, 1.1, 3.0)
        yield linear
    yield turned(17, 0) @ np.diag([1.0, 1.0, 4.0])
    yield turned(17, 0) @ turned(-13, 2) @ np.diag([-1.0, 1.2, 4.0])[:, [2, 0, 1]]


def own_layer(linear):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, (-20, 13, 7)
    image = nib.Nifti1Image(np.zeros(SHAPE, np.float32), affine)
    straight = nib.as_closest_canonical(image)
    data = np.ascontiguousarray(np.transpose(straight.get_fdata(), (2, 1, 0))).astype(np.float32)
    grid = Grid(data.shape, straight.affine[:, [2, 1, 0, 3]])
    data, options, _ = layer_data(Volume(data, grid, "FLAIR", "flair"))
    return Image(data, **options)


def foreign_layer(linear):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, (-20, 13, 7)
    return Image(np.zeros(SHAPE, np.float32), affine=affine, metadata={"affine": affine})


def patient(layer, plane, rows, columns):
    """Where a step down and to the right on the screen leads in the patient, by the layer alone."""
    step = np.zeros(3)
    step[plane.rows] = -rows if plane.up else rows
    step[plane.columns] = -columns if plane.left else columns
    voxels = np.asarray(layer.world_to_data(step)) - np.asarray(layer.world_to_data(np.zeros(3)))
    return affine_of(layer)[:3, :3] @ voxels


def nearest(direction):
    letters = {letter: float(np.dot(direction, axis)) for letter, axis in AXES.items()}
    strongest = max(letters, key=lambda letter: abs(letters[letter]))
    return strongest if letters[strongest] > 0 else strongest.translate(str.maketrans("RAS", "LPI"))


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("make", [own_layer, foreign_layer])
def test_superior_or_anterior_is_up_and_the_right_is_left_however_a_scan_lies(make):
    for linear in ways():
        layer, viewer = make(linear), ViewerModel()
        viewer.add_layer(layer)
        planes = planes_of(viewer)
        assert {plane.name for plane in planes} == set(UP)
        for plane in planes:
            top, left = nearest(patient(layer, plane, -1, 0)), nearest(patient(layer, plane, 0, -1))
            assert (top, left) == (UP[plane.name], LEFT[plane.name]), linear
            assert (plane.letters["top"][0], plane.letters["left"][0]) == (top, left)
            assert plane.letters["bottom"][0] == nearest(patient(layer, plane, 1, 0))
            assert plane.letters["right"][0] == nearest(patient(layer, plane, 0, 1))
            across = np.zeros(3)
            across[plane.across] = 1
            assert {plane.across, plane.rows, plane.columns} == {0, 1, 2}


def test_without_a_place_in_the_patient_there_are_no_letters():
    viewer = ViewerModel()
    assert [plane.letters for plane in planes_of(viewer)] == [{}, {}, {}]
    viewer.add_image(np.zeros((4, 5, 6)))
    assert [(plane.across, plane.rows, plane.columns) for plane in planes_of(viewer)] == [
        (0, 1, 2),
        (1, 0, 2),
        (2, 0, 1),
    ]
    assert not any(plane.letters for plane in planes_of(viewer))


# -- rolling --------------------------------------------------------------------------------------


@pytest.fixture
def rolled(flair):
    viewer = ViewerModel()
    layers = ReviewLayers(viewer, Case())
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    yield viewer, layers
    layers.cleanup()
    layers.cleanup()


def test_three_rolls_show_three_upright_planes_and_come_back(rolled):
    viewer, layers = rolled
    sagittal = {"top": "S", "bottom": "I", "left": "A", "right": "P"}
    coronal = {"top": "S", "bottom": "I", "left": "R", "right": "L"}
    axial = {"top": "A", "bottom": "P", "left": "R", "right": "L"}
    for _ in range(2):
        seen = []
        for _ in range(3):
            viewer.dims.roll()
            seen.append(layers.letters.letters())
        assert seen == [sagittal, coronal, axial] and viewer.dims.order == (0, 1, 2)


def test_transposing_is_left_alone_and_rolls_go_on_from_there(rolled):
    viewer, _ = rolled
    viewer.dims.roll()
    viewer.dims.roll()
    assert viewer.dims.order == (1, 0, 2)
    viewer.dims.transpose()
    assert viewer.dims.order == (1, 2, 0)
    viewer.dims.roll()
    assert viewer.dims.order == (0, 1, 2)
    viewer.dims.transpose()
    assert viewer.dims.order == (0, 2, 1)
    viewer.dims.roll()
    assert viewer.dims.order == (1, 0, 2)


def test_rolling_with_a_fourth_axis_and_without_a_patient(rolled):
    viewer, layers = rolled
    viewer.add_image(np.zeros((2, 4, 5, 6)))
    orders = [(viewer.dims.roll(), viewer.dims.order)[1] for _ in range(4)]
    assert orders[-1] == (0, 1, 2, 3) and len(set(orders)) == 4
    for order in orders:
        if 0 in order[:2]:  # the fourth axis is not on the screen
            assert order[-2:] in ((2, 3), (1, 3), (1, 2))
    layers.cleanup()
    plain = ViewerModel()
    plain.add_image(np.zeros((4, 5, 6)))
    other = ReviewLayers(plain, Case())
    plain.dims.roll()
    plain.dims.roll()
    assert plain.dims.order == (1, 2, 0), "as napari has it"
    other.cleanup()


# -- slices as pictures ---------------------------------------------------------------------------


def colour_at(picture, column, row):
    """Colour of a place in the viewer's world."""
    x = int(np.floor((column - picture.offset[0]) / picture.scale[0]))
    y = int(np.floor((row - picture.offset[1]) / picture.scale[1]))
    return tuple(int(part) for part in picture.colours[y, x])


def check_picture(layer, expected, rng, ndim=3, tries=25):
    """Colours of places in the world against the voxel that napari says lies there."""
    for _ in range(tries):
        voxel = np.array([rng.integers(n) for n in layer.data.shape[: layer.ndim]])
        inside = voxel + rng.uniform(-0.4, 0.4, layer.ndim)
        world = np.asarray(layer.data_to_world(inside), float)
        point = (0.0,) * (ndim - layer.ndim) + tuple(world)
        for across in range(3):
            rows, columns = (axis for axis in range(3) if axis != across)
            for plane in (Plane(across, rows, columns), Plane(across, columns, rows)):
                picture = picture_of(layer, plane, point)
                seen = colour_at(picture, world[plane.columns - 3], world[plane.rows - 3])
                assert seen == expected(tuple(voxel)), (plane, voxel)


def grey(layer, voxel):
    """What napari's colormap makes of a voxel."""
    low, high = layer.contrast_limits
    share = np.clip((layer.data[voxel] - low) / (high - low), 0, 1) ** layer.gamma
    found = layer.colormap.map(np.rint(share * 255) / 255)
    return tuple(int(part) for part in np.rint(np.asarray(found).ravel() * 255))


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize(
    "placed",
    [
        {"scale": (-3, -1, -0.9), "translate": (5, -7, 2)},
        {"scale": (3, 1, 0.9)},
        {"affine": np.array([[0, 0, 2, 5], [-1, 0, 0, 3], [0, 1.5, 0, 0], [0, 0, 0, 1.0]])},
    ],
)
def test_a_picture_shows_the_voxel_that_lies_there(placed):
    rng = np.random.default_rng(1)
    data = rng.random((5, 7, 6)).astype(np.float32)
    image = Image(data, colormap="magma", contrast_limits=(0.2, 0.9), gamma=0.7, **placed)
    check_picture(image, lambda voxel: grey(image, voxel), rng)
    assert picture_of(image, Plane(0, 1, 2), (1e4, 0, 0)) is None or "affine" in placed


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_pictures_of_four_axes_true_colours_and_layers_that_are_turned():
    rng = np.random.default_rng(2)
    many = Image(rng.random((3, 5, 7, 6)).astype(np.float32), scale=(1, -3, 1, 1))
    check_picture(many, lambda voxel: grey(many, voxel), rng)
    colours = rng.integers(0, 256, (5, 7, 6, 3), dtype=np.uint8)
    true = Image(colours, rgb=True)
    check_picture(true, lambda voxel: (*(int(part) for part in colours[voxel]), 255), rng, ndim=4)
    oblique = Image(rng.random((8, 9, 7)).astype(np.float32), rotate=(20, 0, 0), scale=(2, 1, 1))
    seen = 0
    for _ in range(60):
        at = np.array([rng.uniform(1, n - 2) for n in oblique.data.shape])
        if np.abs(at - np.rint(at)).max() > 0.2:
            at = np.rint(at) + rng.uniform(-0.1, 0.1, 3)
        world = np.asarray(oblique.data_to_world(at))
        picture = picture_of(oblique, Plane(1, 0, 2), tuple(world))
        seen += colour_at(picture, world[2], world[0]) == grey(oblique, tuple(np.rint(at).astype(int)))
    assert seen > 50, "the nearest pixel of a sampled slice may be its neighbour"


def test_what_is_no_volume_is_left_out_and_what_is_missing_is_seen_through():
    plane, point = Plane(1, 0, 2), (1.0, 1.0, 1.0)
    triangle = (np.eye(3), np.array([[0, 1, 2]]))
    for layer in (Image(np.zeros((4, 5))), Points(np.ones((1, 3))), Surface(triangle)):
        assert picture_of(layer, plane, point) is None
    assert picture_of(Image(np.zeros((2, 4, 5, 6))), plane, point) is None, "the viewer has three axes"
    missing = Image(np.full((3, 3, 3), np.nan, np.float32), contrast_limits=(0, 1))
    assert (
        picture_of(missing, plane, point).colours[..., 3] == round(255 * missing.colormap.nan_color[3])
    ).all()


def test_outlines_of_thick_slices_stay_outlines_and_the_selected_lesion_has_its_own(flair, prediction):
    viewer, case = ViewerModel(), Case()
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    layers = ReviewLayers(viewer, case)
    case.set_images({"flair": flair})
    case.open_prediction(prediction)
    lesions = viewer.layers["lesions"]
    row = case.lesions.table.iloc[0]
    number, voxel = int(row["label"]), tuple(int(row[f"slice_{axis}"]) for axis in "sar")
    point, plane = tuple(lesions.data_to_world(voxel)), Plane(1, 0, 2)

    def shades():
        found = picture_of(lesions, plane, point)
        return found.colours.reshape(-1, 4).astype(int), found.colours[..., 3] > 0

    def there(colour, seen):
        return bool((np.abs(seen - np.ravel(colour) * 255).max(1) < 1).any())

    own, dark = lesions.colormap.map(number), lesions.colormap.map(reserved(lesions.data.dtype))
    seen, covered = shades()
    assert there(own, seen) and there(dark, seen)
    where = lesions.data[:, voxel[1]] == number
    inner = where.copy()
    inner[:, 1:-1] &= where[:, :-2] & where[:, 2:]
    assert inner.any() and not covered[inner].any(), "3 mm thick, and seen through from the side"
    assert layers.selected.outlined is None
    case.select(voxel)
    assert layers.selected.outlined == (lesions, number) and not there(own, shades()[0])
    stretches = outline_of(lesions, number, plane, point)
    middles, sides = stretches.mean(1), np.abs(np.diff(stretches, axis=1)).sum((1, 2))
    s, r = np.nonzero(where)
    world = np.array([lesions.data_to_world((i, voxel[1], j)) for i, j in zip(s, r, strict=True)])
    assert middles.min(0) == pytest.approx((world[:, 2].min() - 0.5, world[:, 0].min() - 1.5))
    assert middles.max(0) == pytest.approx((world[:, 2].max() + 0.5, world[:, 0].max() + 1.5))
    assert sides.sum() == pytest.approx(2 * (np.ptp(world[:, 2]) + 1) + 2 * (np.ptp(world[:, 0]) + 3))
    viewer.layers["selected (outline)"].visible = False
    assert layers.selected.outlined is None
    layers.cleanup()


def test_small_views_draw_thin_lines_where_voxels_are_large(flair, prediction, qtbot):
    viewer, case = ViewerModel(), Case()
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    layers = ReviewLayers(viewer, case)
    case.set_images({"flair": flair})
    case.open_prediction(prediction)
    layers.thin.draw()
    lesions = viewer.layers["lesions"]
    assert lesions in layers.thin.sources
    row = case.lesions.table.iloc[0]
    number, voxel = int(row["label"]), tuple(int(row[f"slice_{axis}"]) for axis in "sar")
    point, plane = tuple(lesions.data_to_world(voxel)), Plane(1, 0, 2)
    assert picture_of(lesions, plane, point).lines is None
    picture = picture_of(lesions, plane, point, as_lines=True)
    (line,) = [x for x in picture.lines() if np.allclose(x.colour, lesions.get_color(number))]
    np.testing.assert_array_equal(line.stretches, outline_of(lesions, number, plane, point))
    view = SliceView()
    qtbot.addWidget(view)
    view.resize(400, 400)
    view.plane = plane
    view.show_pictures([picture], (0.0, 0.0, 0.0))
    view.centre_on(*line.stretches.mean((0, 1)))

    def coloured(field):
        """Pixels that have the lesion's colour."""
        view.show_field(field)
        shown = view.grab().toImage()
        seen = (shown.pixelColor(x, y).getRgbF()[:3] for x in range(400) for y in range(400))
        return sum(np.allclose(rgb, line.colour[:3], atol=0.02) for rgb in seen)

    near, nearest = coloured(40.0), coloured(20.0)
    assert 0 < near < nearest < 3 * near, (
        "a line is as thick at any zoom; an area would be four times as large"
    )
    case.select(voxel)
    own = picture_of(lesions, plane, point, as_lines=True).lines()
    assert not any(np.array_equal(x.stretches, line.stretches) for x in own), "the selected one has its own"
    layers.cleanup()


def test_points_and_shapes_of_the_slice_are_drawn_and_others_not():
    plane, point = Plane(0, 1, 2), (10.0, 0.0, 0.0)
    points = Points([[5, 1, 2], [6, 3, 4]], size=4, scale=(2, 1, 1))
    (mark,) = marks_of(points, plane, point, 2.0)
    assert mark.places == ((2.0, 1.0),) and mark.radius == 4.0
    assert len(marks_of(points, Plane(1, 0, 2), (0, 1.2, 0), 1.0)) == 1
    lines = Shapes([[[5, 0, 0], [5, 3, 4]], [[5, 0, 0], [6, 3, 4]]], shape_type="line", scale=(2, 1, 1))
    (mark,) = marks_of(lines, plane, point, 2.0)
    assert mark.places == ((0.0, 0.0), (4.0, 3.0)) and not mark.closed
    assert marks_of(Points([[1, 2]]), plane, point, 1.0) == []
    assert marks_of(Image(np.zeros((2, 2, 2))), plane, point, 1.0) == []


def test_the_small_views_stand_where_all_are_larger():
    head = [(180, 220), (180, 160), (220, 160)]
    assert not best_below((1150, 900), head), "a wide window: on the right"
    assert best_below((514, 640), head), "a narrow one: below"
