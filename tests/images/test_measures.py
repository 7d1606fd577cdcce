"""Lengths, regions and their brightness, against SimpleITK and numbers made by hand."""

import math

import numpy as np
import pytest
import SimpleITK as sitk

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.measures.brightness import measure
from napari_uncertainseg.images.measures.records import Measurement, as_text, read, write
from napari_uncertainseg.images.measures.shapes import (
    Slice,
    area_mm2,
    ellipse_outline,
    length_mm,
    to_patient,
    to_voxels,
    volume_ml,
    voxels_inside,
)
from napari_uncertainseg.images.volume import Grid


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def grid_of(spacing=(3.0, 1.0, 0.5), degrees=0.0, shape=(8, 20, 30), shift=(5, -7, 9)) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = turned(degrees) @ np.eye(3)[:, ::-1] * spacing
    affine[:3, 3] = shift
    return Grid(shape, affine)


@pytest.mark.parametrize("degrees", [0, 20, 75])
def test_a_length_is_in_millimetres_whatever_voxels_and_directions_are(degrees):
    grid = grid_of(degrees=degrees)
    assert length_mm([[1, 2, 3], [1, 5, 11]], grid) == pytest.approx(5.0)  # 3 mm and 4 mm
    assert length_mm([[1, 2, 3], [5, 2, 3]], grid) == pytest.approx(12.0)
    assert length_mm([[1, 2, 3], [1, 2, 3]], grid) == 0


def test_a_length_is_that_of_simpleitk_on_a_sheared_grid():
    affine = np.array([[0.2, 0.3, 0.9, 1], [0.1, 1.1, 0.2, 2], [3, 0.4, 0.1, 3], [0, 0, 0, 1.0]])
    points = np.array([[1.5, 2, 3], [4, 7.25, 1]])
    ends = [affine[:3, :3] @ point + affine[:3, 3] for point in points]
    assert length_mm(points, Grid((9, 9, 9), affine)) == pytest.approx(math.dist(*ends))


def test_places_go_to_the_patient_and_back():
    grid, points = grid_of(degrees=33), np.random.default_rng(1).random((5, 3)) * 9
    np.testing.assert_allclose(to_voxels(to_patient(points, grid), grid), points)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_ellipse_has_the_voxels_whose_centres_lie_in_it(axis):
    grid = grid_of(shape=(30, 30, 30))
    where = Slice(axis, 4)
    first, second = where.in_plane
    corners = np.full((2, 3), 4.0)
    corners[:, first], corners[:, second] = (5, 15), (10, 16)
    found = voxels_inside("ellipse", corners, where, grid)
    expected = {
        (i, j) for i in range(30) for j in range(30) if ((i - 10) / 5) ** 2 + ((j - 13) / 3) ** 2 <= 1
    }
    assert {(v[first], v[second]) for v in found.tolist()} == expected
    assert set(found[:, axis]) == {4} and len(found) == len(expected)
    outline = ellipse_outline(corners, where)
    values = ((outline[:, first] - 10) / 5) ** 2 + ((outline[:, second] - 13) / 3) ** 2
    np.testing.assert_allclose(values, 1)


def test_a_polygon_that_is_not_convex_has_the_voxels_that_skimage_finds():
    from skimage.draw import polygon2mask

    corners = np.array([[2, 1.5, 1.5], [2, 14.5, 3.2], [2, 6.3, 9.1], [2, 15.2, 18.4], [2, 3.3, 20.6]])
    found = voxels_inside("polygon", corners, Slice(0, 2), grid_of())
    mask = np.zeros((20, 30), bool)
    mask[tuple(found[:, 1:].T)] = True
    assert np.array_equal(mask, polygon2mask((20, 30), corners[:, 1:]))


def test_what_is_drawn_beside_the_scan_counts_only_where_the_scan_is():
    grid = grid_of()
    over_edge = voxels_inside("ellipse", [[0, -5, -5], [0, 5, 5]], Slice(0, 0), grid)
    assert len(over_edge) and (over_edge >= 0).all()
    assert len(voxels_inside("ellipse", [[0, 50, 50], [0, 60, 60]], Slice(0, 0), grid)) == 0
    assert len(voxels_inside("polygon", [[9, 1, 1], [9, 5, 1], [9, 1, 5]], Slice(0, 9), grid)) == 0
    assert len(voxels_inside("ellipse", [[0, 5, 5], [0, 5, 9]], Slice(0, 0), grid)) == 0


def test_volume_and_area_follow_the_voxels():
    grid, voxels = grid_of(degrees=20), np.zeros((10, 3), int)
    assert volume_ml(voxels, grid) == pytest.approx(10 * 1.5 / 1000)
    assert area_mm2(voxels, Slice(0, 0), grid) == pytest.approx(10 * 0.5)
    assert area_mm2(voxels, Slice(2, 0), grid) == pytest.approx(10 * 3.0)


DTYPES = ["uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_brightness_is_that_of_simpleitk(dtype):
    grid, rng = grid_of(), np.random.default_rng(7)
    data = (rng.random(grid.shape) * 100).astype(dtype)
    mask = rng.random(grid.shape) < 0.1
    values = measure(np.argwhere(mask), grid, "FLAIR", data, grid)
    oracle = sitk.LabelStatisticsImageFilter()
    oracle.Execute(
        sitk.GetImageFromArray(data.astype(np.float64)), sitk.GetImageFromArray(mask.astype(np.uint8))
    )
    assert values.voxels == oracle.GetCount(1) and not values.interpolated and values.unit == "scanner units"
    assert values.mean == pytest.approx(oracle.GetMean(1))
    assert values.sd == pytest.approx(oracle.GetSigma(1))
    assert (values.minimum, values.maximum) == (oracle.GetMinimum(1), oracle.GetMaximum(1))


def test_values_that_are_none_are_left_out_and_counted():
    grid = grid_of()
    data = np.full(grid.shape, 3.0)
    data[0, 0, :3] = np.nan, np.inf, 5
    voxels = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]])
    values = measure(voxels, grid, "map", data, grid, "nats")
    assert (values.voxels, values.missing, values.mean, values.maximum) == (2, 2, 4.0, 5.0)
    assert values.sd == pytest.approx(math.sqrt(2))
    one = measure(voxels[3:], grid, "map", data, grid)
    assert one.voxels == 1 and one.mean == 3 and math.isnan(one.sd)
    none = measure(voxels[:0], grid, "map", data, grid)
    assert (none.voxels, none.missing) == (0, 0) and math.isnan(none.mean)
    flags = measure(voxels, grid, "mask", data > 4, grid)
    assert flags.mean == 0.5  # of inf and 5, and not of NaN and 3


def test_an_image_on_another_grid_is_sampled_at_the_same_place_in_the_patient():
    grid, other = grid_of(degrees=10), grid_of((1.0, 2.0, 2.0), -25, (90, 60, 60), (-30, -50, -40))
    places = np.stack(np.meshgrid(*map(np.arange, other.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    weights = np.array([0.3, -1.2, 2.0])
    data = (to_patient(places, other) @ weights).reshape(other.shape)  # linear: interpolation is exact
    voxels = np.argwhere(np.ones((3, 4, 5), bool)) + 2
    expected = to_patient(voxels, grid) @ weights
    values = measure(voxels, grid, "T1", data, other)
    assert values.interpolated and (values.voxels, values.missing) == (60, 0)
    assert values.mean == pytest.approx(expected.mean()) and values.sd == pytest.approx(expected.std(ddof=1))
    away = Grid(other.shape, other.affine + np.pad([[500.0]], ((0, 3), (3, 0))))
    outside = measure(voxels, grid, "T1", data, away)
    assert (outside.voxels, outside.missing) == (0, 60) and math.isnan(outside.mean)


def test_the_outer_half_voxel_belongs_to_the_image_and_no_more():
    grid = Grid((4, 4, 4), np.eye(4)[[2, 1, 0, 3]])
    data = np.full((4, 4, 4), 7.0)
    for shift, n in ((0.4, 1), (0.6, 0)):
        affine = grid.affine.copy()
        affine[:3, 3] -= shift
        assert measure(np.zeros((1, 3), int), Grid((4, 4, 4), affine), "x", data, grid).voxels == n


@pytest.fixture
def measured():
    grid = grid_of(degrees=15)
    values = measure(
        np.array([[2, 3, 4], [2, 3, 5]]), grid, "FLAIR", np.random.default_rng(3).random(grid.shape), grid
    )
    ends = (2.0, 3.5, 4.0), (2.0, 9.0, 20.25)
    ruler = Measurement("ruler", ends, Slice(0, 2), length_mm=length_mm(np.array(ends), grid))
    region = Measurement(
        "ellipse", ((1, 3, 4), (6, 3, 9)), Slice(1, 3), "", math.nan, 2, 0.003, 3.0, (values, values)
    )
    lesion = Measurement(
        "lesion", ((2, 3, 4),), Slice(0, 2), "=lesion 7", math.nan, 2, 0.003, values=(values,)
    )
    return grid, [ruler, region, lesion]


def test_a_table_comes_back_as_it_was(measured, tmp_path):
    grid, made = measured
    write(tmp_path / "m.tsv", made, grid, "P14\tx", "FLAIR")
    back = read(tmp_path / "m.tsv", grid)
    for one, other in zip(made, back, strict=True):
        assert (one.kind, one.where, one.name, one.voxels) == (
            other.kind,
            other.where,
            other.name,
            other.voxels,
        )
        np.testing.assert_allclose(one.points, other.points, atol=0.002)
        np.testing.assert_allclose(one.length_mm, other.length_mm, atol=0.002)
        assert [v.image for v in one.values] == [v.image for v in other.values]
        for mine, theirs in zip(one.values, other.values, strict=True):
            assert mine.mean == pytest.approx(theirs.mean, rel=1e-5) and mine.voxels == theirs.voxels
    assert as_text(made, grid, "P14", "FLAIR").splitlines()[1].startswith("P14\t1\truler\t")
    write(tmp_path / "none.tsv", [], grid, "P14", "FLAIR")
    assert read(tmp_path / "none.tsv", grid) == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("ruler", "rule", "the column kind is 'rule'; it should be one of ruler"),
        ("axial", "oblique", "the column plane is 'oblique'; it should be one of axial"),
        ("points_ras_mm", "points", "lacks the column 'points_ras_mm'"),
        ("; ", " ", "points_ras_mm should be"),
        ("9.8", "long", "the column length_mm is 'long115'; it should be a number"),
    ],
)
def test_a_table_that_is_not_one_is_refused_with_its_row(measured, tmp_path, old, new, why):
    grid, made = measured
    path = tmp_path / "m.tsv"
    path.write_text(as_text(made, grid, "P14", "FLAIR").replace(old, new))
    with pytest.raises(InputError, match=r"m\.tsv") as error:
        read(path, grid)
    assert why in str(error.value)


def test_measurements_of_another_scan_are_refused(measured, tmp_path):
    grid, made = measured
    write(tmp_path / "m.tsv", made, grid, "P14", "FLAIR")
    with pytest.raises(InputError, match="made on another one"):
        read(tmp_path / "m.tsv", grid_of(degrees=40))


def test_the_length_of_a_ruler_from_a_file_is_that_of_its_places(tmp_path):
    grid = grid_of(degrees=20)
    ruler = Measurement("ruler", ((1.0, 2.0, 3.0), (1.0, 5.0, 11.0)), Slice(0, 1), length_mm=5.0)
    text = as_text([ruler], grid, "Ann", "FLAIR")
    path = tmp_path / "measurements.tsv"
    path.write_text(text.replace("\t5\t", "\t50\t"))
    assert "\t50\t" in path.read_text()
    (back,) = read(path, grid)
    assert back.length_mm == pytest.approx(5.0, abs=0.002)
