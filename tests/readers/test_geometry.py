"""Volumes as layers and back: what is where in the patient."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points

from napari_uncertainseg import InputError
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.widgets.geometry import grid_of, layer_data, volume_of


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


@pytest.mark.parametrize("reversed_axes", [False, True])
def test_headers_that_other_readers_leave_are_used(reversed_axes):
    affine = np.array([[-0.7, 0, 0, 100], [0, -0.7, 0.1, 90], [0, 0.02, 4, -70], [0, 0, 0, 1.0]])
    array = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    header = nib.Nifti1Image(array, affine).header
    layer = Image(array.T if reversed_axes else array, metadata={"header": header}, name="x_T1")
    found = volume_of(layer)
    grid = Grid.from_file(array.shape, header.get_best_affine())
    assert found.grid.same_as(grid)
    assert np.array_equal(found.data, grid.to_canonical(array))
    assert found.modality == "t1"
    assert found.notes == ()


def test_a_layer_without_a_header_is_taken_as_it_is_shown_with_a_note():
    array = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    found = volume_of(Image(array, scale=(3, 1, 0.5), name="plain"))
    assert found.grid.spacing == (3, 1, 0.5)
    assert np.array_equal(found.data, array[:, ::-1, ::-1])
    assert "'plain' does not say" in found.notes[0]
    assert grid_of(Image(array, scale=(-3, -1, -0.5))).same_as(
        volume_of(Image(array, scale=(-3, -1, -0.5))).grid
    )
    assert np.array_equal(volume_of(Image(array, scale=(-3, -1, -0.5))).data, array)


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
