"""Volumes as layers and back: what is where in the patient."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points

from napari_uncertainseg import InputError
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.widgets.scans.volumes import grid_of, layer_data, volume_from_tuple, volume_of


def rotation(x: float, y: float, z: float) -> np.ndarray:
    out = np.eye(3)
    for axis, angle in enumerate((x, y, z)):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
        out = out @ turn
    return out


def volume(shape=(6, 7, 8), sizes=(1.0, 1.0, 4.0), turn=None, corner=(-40.0, -50.0, -20.0)) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(sizes)
    affine[:3, 3] = corner
    grid = Grid.from_file(shape[::-1], affine)
    data = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    return Volume(data, grid, "sub FLAIR", "flair")


def test_right_is_left_and_up_is_up():
    layer = Layer.create(*layer_data(volume()))
    s, a, r = np.array(layer.data.shape) - 1
    origin = np.array(layer.data_to_world((0, 0, 0)))
    assert layer.data_to_world((s, 0, 0))[0] < origin[0]  # superior: up in coronal and sagittal views
    assert layer.data_to_world((0, a, 0))[1] < origin[1]  # anterior: up in axial views
    assert layer.data_to_world((0, 0, r))[2] < origin[2]  # right: on the left
    assert np.allclose(origin, (20, 50, 40))  # minus the millimetres, in (z, y, x)
    assert layer.units == ("millimeter",) * 3 or [str(u) for u in layer.units] == ["millimeter"] * 3
    assert layer.axis_labels == ("z", "y", "x")


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    st.tuples(*[st.floats(-90, 90)] * 3),
    st.tuples(*[st.floats(-60, 60)] * 3),
)
def test_scans_of_one_session_lie_on_each_other(angles, corner, point):
    """Same obliquity, other voxels and corners: a point of the patient is at one place in the viewer."""
    turn = rotation(*angles)
    places = []
    for one in (volume(turn=turn), volume((9, 5, 6), (0.5, 0.6, 3.0), turn, corner)):
        layer = Layer.create(*layer_data(one))
        voxel = np.linalg.solve(one.grid.affine, (*point, 1))[:3]
        places.append(layer.data_to_world(voxel))
    assert np.allclose(*places, atol=1e-6)


def test_in_a_viewer_a_volume_comes_back_as_it_was():
    viewer = ViewerModel()
    given_ = volume(turn=rotation(0.2, -0.1, 0.3))
    data, arguments, kind = layer_data(given_, visible=False)
    layer = Layer.create(data, arguments, kind)
    viewer.add_layer(layer)
    back = volume_of(layer)
    assert back.data is data
    assert back.grid is given_.grid
    assert back.modality == "flair"
    assert not layer.visible
    assert volume_of(layer, "t1").modality == "t1"


def test_a_mask_becomes_a_labels_layer():
    scan = volume()
    layer = Layer.create(*layer_data(Volume(scan.data > 0, scan.grid, "mask"), "labels"))
    assert isinstance(layer, Labels)
    assert volume_of(layer).data.dtype == np.uint8
    assert grid_of(layer) is scan.grid


def test_a_layer_without_a_header_is_taken_as_it_is_shown_with_a_note():
    array = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    found = volume_of(Image(array, scale=(3, 1, 0.5), name="plain"))
    assert found.grid.spacing == (3, 1, 0.5)
    assert np.array_equal(found.data, array[:, ::-1, ::-1])
    assert "'plain' does not say" in found.notes[0]
    assert grid_of(Image(array, scale=(-3, -1, -0.5))).same_as(
        volume_of(Image(array, scale=(-3, -1, -0.5))).grid
    )
    found = volume_of(Image(array, scale=(-3, -1, -0.5), name="shown"))
    assert np.array_equal(found.data, array)
    assert "'shown' does not say" in found.notes[0]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Image(np.zeros((8, 8, 3), np.uint8), rgb=True, name="c"), "'c' is a colour"),
        (Image(np.random.default_rng(0).random((8, 8)), name="d"), "'d' is two-dimensional"),
        (Image(np.random.default_rng(0).random((2, 8, 8, 8)), name="e"), "'e' has 4 dimensions"),
        (
            Image([np.random.default_rng(0).random((8, 8, 8))] * 2, multiscale=True, name="m"),
            "'m' is a multiscale",
        ),
        (Points(np.zeros((2, 3)), name="p"), "'p' is a points layer"),
    ],
)
def test_what_is_no_volume_is_refused_by_name(layer, message):
    with pytest.raises(InputError, match=message):
        volume_of(layer)


# -- layers of other readers ------------------------------------------------------------------------

CODES = ["".join(c) for c in itertools.product("RL", "AP", "SI")] + ["PIR", "ASL", "SRA", "LSA", "IPR"]
TILT = rotation(0.15, -0.1, 0.2)


def file_image(code="LAS", shape=(6, 7, 8), sizes=(1.0, 1.0, 1.0), turn=None, corner=(-3.0, 11.0, 5.0)):
    """An image of a file whose axes run as the letters say."""
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(sizes)
    affine[:3, 3] = corner
    image = nib.Nifti1Image(np.random.default_rng(3).random(shape).astype(np.float32), affine)
    turned = nib.orientations.ornt_transform(
        nib.io_orientation(affine), nib.orientations.axcodes2ornt(tuple(code))
    )
    return image.as_reoriented(turned)


def lies_as(layer, image) -> bool:
    """Whether each voxel of the layer's volume lies where the file says."""
    found = layer if isinstance(layer, Volume) else volume_of(layer)
    assert found.notes == ()
    grid = Grid.from_file(image.shape, image.affine)
    return found.grid.same_as(grid, 1e-2) and np.array_equal(
        found.data, grid.to_canonical(np.asanyarray(image.dataobj))
    )


def right_or_asked(data, image, **arguments) -> str:
    """Asked is well; wrong without a word is not. (As a writer gets it: layers take long to make.)"""
    try:
        found = volume_from_tuple(data, arguments)
    except InputError as error:
        assert "UncertainSeg" in str(error) and "\n" not in str(error)
        return "asked"
    assert lies_as(found, image)
    return "right"


def test_a_header_that_was_kept_beside_a_turned_array():
    """The example of the issue."""
    image = nib.Nifti1Image(np.random.default_rng(0).random((6, 7, 8)), np.diag([-1.0, 1, 1, 1]))
    canonical = nib.as_closest_canonical(image)
    metadata = {"affine": canonical.affine, "header": image.header}
    found = volume_of(Image(canonical.get_fdata().T, scale=(-1, -1, -1), metadata=metadata))
    assert np.array_equal(found.data, canonical.get_fdata().T.astype(np.float32))
    assert found.notes == ()


RAS_TO = {
    "ours": np.array([[0, 0, -1], [0, -1, 0], [-1, 0, 0]]),
    "ITK": np.array([[0, 0, 1], [0, -1, 0], [-1, 0, 0]]),
    "RAS": np.eye(3),
    "SAR": np.eye(3)[::-1],
}
"""Worlds that a reader may show a scan in."""


@pytest.mark.parametrize("shape", [(6, 7, 8), (6, 7, 6)])
@pytest.mark.parametrize("code", ["RAS", "LAS", "LPS", "LPI", "PIR"])
def test_whatever_another_reader_makes_of_a_file_it_is_right_or_asked_about(code, shape):
    """As stored, canonical or as the screen wants it, in both orders, with any of the headers kept."""
    image = file_image(code, shape)
    canonical = nib.as_closest_canonical(image)
    screen = canonical.as_reoriented([[0, -1], [1, -1], [2, 1]])
    results = set()
    for one, order in itertools.product((image, canonical, screen), ([0, 1, 2, 3], [2, 1, 0, 3])):
        data = np.asanyarray(one.dataobj).transpose(order[:3])
        places = [np.eye(4)]
        for world, begins in itertools.product(RAS_TO.values(), (0, 1)):
            place = np.eye(4)
            place[:3] = world @ one.affine[:3, order]
            place[:3, 3] *= begins
            places.append(place)
        for kept in (
            {"header": image.header},
            {"affine": image.affine},
            {"affine": one.affine},
            {"affine": one.affine, "header": image.header},
            {"affine": image.affine, "header": one.header},
            {"imgobj": image},
        ):
            for place in places:
                results.add(right_or_asked(data, image, affine=place, metadata=kept))
    assert results == {"asked", "right"}


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's, of the oblique ones
@pytest.mark.parametrize("turn", [None, TILT])
@pytest.mark.parametrize("code", CODES)
def test_readers_that_place_the_layer_by_its_affine_are_read(code, turn):
    """Array, metadata and placement agree: in RAS+, in its reverse, and in ITK's world."""
    image = file_image(code, (6, 7, 8), (0.7, 1.1, 3.0), turn)
    data, flip = np.asanyarray(image.dataobj), np.eye(4)[[2, 1, 0, 3]]
    lps = np.diag([-1.0, -1, 1, 1])
    for array, affine in (
        (data, image.affine),
        (data, lps @ image.affine),
        (data.T, flip @ image.affine @ flip),
        (data.T, flip @ lps @ image.affine @ flip),
    ):
        for kept in ({"header": image.header}, {"affine": image.affine}, {"image": image}):
            assert lies_as(Image(array, affine=affine, metadata=kept), image)


@pytest.mark.parametrize("turn", [None, TILT])
@pytest.mark.parametrize("code", CODES)
def test_the_way_of_napari_nibabel(code, turn):
    """Canonical array in (z, y, x), scales (+, -, -), its centre kept, and the file's header beside it."""
    image = file_image(code, (6, 7, 8), (0.7, 1.1, 3.0), turn)
    canonical = nib.as_closest_canonical(image)
    plumb = np.diag(np.diag(canonical.affine))
    middle = (np.array(canonical.shape) - 1) / 2
    plumb[:3, 3] = (canonical.affine @ (*middle, 1))[:3] - plumb[:3, :3] @ middle
    signs = np.array([1, -1, -1])
    layer = Image(
        canonical.get_fdata(dtype=np.float32).T,
        scale=signs * np.diag(plumb)[2::-1],
        translate=signs * plumb[2::-1, 3],
        metadata={"affine": canonical.affine, "header": image.header},
    )
    assert lies_as(layer, image)


def test_the_size_of_a_brain_tells_nothing():
    """182 x 218 x 182: the same turned round."""
    array = np.random.default_rng(0).random((8, 9, 8))
    affine = np.diag([1.0, 1, 1, 1])
    for data in (array, array.T):
        with pytest.raises(InputError, match="cannot be told"):
            volume_of(Image(data, metadata={"affine": affine}))


# -- layers of ours that were changed ---------------------------------------------------------------


@pytest.mark.parametrize("turn", [None, TILT])
def test_what_is_left_of_a_scan_keeps_its_place(turn):
    given_ = volume(turn=turn)
    data, arguments, _ = layer_data(given_)
    scale, translate = np.array(arguments["scale"]), np.array(arguments["translate"])
    for cut, start, step in (
        (np.s_[2:, 1:5, :-1], (2, 1, 0), (1, 1, 1)),
        (np.s_[:, :, ::-1], (0, 0, data.shape[2] - 1), (1, 1, -1)),
        (np.s_[1:4, ::-1, 2:], (1, data.shape[1] - 1, 2), (1, -1, 1)),
    ):
        changed = {"scale": scale * step, "translate": translate + scale * start}
        found = volume_of(Image(data[cut], **{**arguments, **changed}))
        for index in np.argwhere(np.ones(data[cut].shape))[::37]:
            place = found.grid.file_affine @ (*index, 1)
            whole = np.rint(np.linalg.solve(given_.grid.affine, place)[:3]).astype(int)
            assert np.allclose(given_.grid.affine @ (*whole, 1), place, atol=1e-6)
            assert data[tuple(whole)] == data[cut][tuple(index)]
        assert found.notes == ()


def test_a_cut_that_does_not_say_where_is_noted():
    data, arguments, _ = layer_data(volume())
    (note,) = volume_of(Image(data[2:], **arguments)).notes
    assert "was cut after it was opened" in note


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize(
    "changed",
    [
        {"scale": (1, 1, 1)},
        {"scale": (4, 1, 1)},
        {"rotate": 20},
        {"affine": np.diag([1.0, 1, -1, 1])},
        {"shear": (0.2, 0, 0)},
    ],
)
def test_a_scan_that_was_scaled_or_turned_on_the_screen_is_asked_about(changed):
    data, arguments, _ = layer_data(volume())
    with pytest.raises(InputError, match="was moved, scaled or turned after it was opened"):
        volume_of(Image(data, **{**arguments, **changed}))


def test_a_scan_that_was_only_pushed_aside_is_the_same_scan():
    data, arguments, _ = layer_data(volume())
    assert volume_of(Image(data, **{**arguments, "translate": (5, 6, 7)})).data is data


def test_the_sentence_about_a_turned_array_names_a_way_out():
    image = nib.Nifti1Image(np.random.default_rng(0).random((8, 8, 8)), np.diag([-1, 1, 1, 1]))
    layer = Image(image.get_fdata().T, scale=(1, 1, 1), metadata={"header": image.header})
    with pytest.raises(InputError, match=r"clear the layer's `metadata`"):
        volume_of(layer)
    layer.metadata.clear()
    (note,) = volume_of(layer).notes
    assert "does not say how it lies" in note
