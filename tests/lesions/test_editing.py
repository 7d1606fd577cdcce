"""Tools that change outlines, against other implementations and by what must hold of any result."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.lesions.editing.at_click import ClickedPlace, moved
from napari_uncertainseg.lesions.editing.boxes import Change, painted_after, parts_of, touching
from napari_uncertainseg.lesions.editing.brush import Brightness, footprint, placed, usual_level, way
from napari_uncertainseg.lesions.editing.dividing import split_by_line, split_by_seeds
from napari_uncertainseg.lesions.editing.interpolation import interpolated
from napari_uncertainseg.lesions.editing.joining import joined
from napari_uncertainseg.lesions.editing.morphology import filled, grown, shrunk, smallest_side
from napari_uncertainseg.lesions.hierarchy import Hierarchy

ALL = np.ones((3, 3, 3), bool)
SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.9, 0.9), (1.0, 2.5, 0.7), (5.0, 0.5, 0.5)]


def blobs(seed, shape=(14, 22, 18), sigma=1.4, share=0.16):
    """Lesions of odd shapes, some of them at the edge."""
    soft = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), sigma)
    return soft > np.quantile(soft, 1 - share)


def ellipsoid(shape, centre, radii):
    index = np.ogrid[tuple(slice(n) for n in shape)]
    return sum(((i - c) / r) ** 2 for i, c, r in zip(index, centre, radii, strict=True)) <= 1


def near(mask, spacing, distance):
    """Dilation by an exact distance map: another way to the same."""
    if not mask.any():
        return mask
    return ndimage.distance_transform_edt(~mask, sampling=spacing) <= distance * (1 + 1e-6)


# -- grow, shrink, fill ---------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("distance", [0.5, 0.9, 1.0, 2.6])
def test_grow_and_shrink_are_distances_in_mm(spacing, distance):
    for seed in range(3):
        mask = blobs(seed)
        np.testing.assert_array_equal(grown(mask, spacing, distance), near(mask, spacing, distance))
        np.testing.assert_array_equal(shrunk(mask, spacing, distance), ~near(~mask, spacing, distance))


def test_grow_by_a_voxel_of_cubes_is_the_dilation_of_itk_and_scipy():
    mask = blobs(5)
    cross = ndimage.generate_binary_structure(3, 1)
    np.testing.assert_array_equal(grown(mask, (1.0,) * 3, 1.0), ndimage.binary_dilation(mask, cross))
    itk = sitk.BinaryDilate(sitk.GetImageFromArray(mask.astype(np.uint8)), (1, 1, 1), sitk.sitkCross)
    np.testing.assert_array_equal(grown(mask, (1.0,) * 3, 1.0), sitk.GetArrayFromImage(itk) > 0)
    # Erosion: what lies beyond the edge of the image does not eat.
    np.testing.assert_array_equal(
        shrunk(mask, (1.0,) * 3, 1.0), ndimage.binary_erosion(mask, cross, border_value=1)
    )


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.int64, np.float32, np.float64])
def test_any_type_of_mask_gives_the_same(dtype):
    mask = blobs(2)
    other = mask.astype(dtype) * dtype(1 if dtype is bool else 3)
    spacing = (3.0, 1.0, 1.0)
    for tool in (
        lambda m: grown(m, spacing, 1),
        lambda m: shrunk(m, spacing, 1),
        filled,
        lambda m: filled(m, 0),
    ):
        found = tool(other)
        assert found.dtype == bool and found.shape == mask.shape
        np.testing.assert_array_equal(found, tool(mask))


@pytest.mark.parametrize("shape", [(1, 20, 16), (12, 1, 16), (12, 20, 1), (1, 1, 9), (1, 1, 1)])
def test_images_of_one_slice_one_row_and_one_voxel(shape):
    mask = np.random.default_rng(0).random(shape) < 0.4
    mask.ravel()[0] = True
    spacing = (3.0, 1.0, 1.0)
    np.testing.assert_array_equal(grown(mask, spacing, 1), near(mask, spacing, 1))
    assert (shrunk(mask, spacing, 1) <= mask).all() and (filled(mask) >= mask).all()
    np.testing.assert_array_equal(filled(mask), mask)  # nothing is closed on all sides there
    assert (filled(mask, 0) >= mask).all()


def test_nothing_and_everything():
    empty, full = np.zeros((5, 6, 7), bool), np.ones((5, 6, 7), bool)
    for tool in (lambda m: grown(m, (1, 1, 1), 2), lambda m: shrunk(m, (1, 1, 1), 2), filled):
        assert not tool(empty).any() and tool(full).all()


def test_a_lesion_grows_next_to_another_but_not_into_it():
    mask, other = np.zeros((5, 9, 12), bool), np.zeros((5, 9, 12), bool)
    mask[2, 4, 2:4], other[2, 4, 7:9] = True, True
    found = grown(mask, (1.0,) * 3, 4.0, others=other)
    both = ndimage.label(found | other, ALL)[1]
    assert both == 2 and found.sum() > 50 and (found >= mask).all()
    touched = touching(mask)  # one that touches already keeps its own voxels
    assert (grown(mask, (1.0,) * 3, 2.0, others=touched & ~mask) == mask).all()
    assert ndimage.label(grown(mask, (1.0,) * 3, 4.0) | other, ALL)[1] == 1


def test_the_default_step_is_the_smaller_side_in_the_slice():
    assert smallest_side((3.0, 0.9, 1.1), 0) == 0.9
    assert smallest_side((3.0, 0.9, 1.1), 1) == 1.1


@pytest.mark.parametrize("seed", range(4))
def test_holes_are_filled_as_scipy_fills_them(seed):
    mask = blobs(seed, share=0.5, sigma=0.8)
    np.testing.assert_array_equal(filled(mask), ndimage.binary_fill_holes(mask))
    for axis in range(3):
        slices = [ndimage.binary_fill_holes(part) for part in np.moveaxis(mask, axis, 0)]
        np.testing.assert_array_equal(filled(mask, axis), np.moveaxis(np.stack(slices), 0, axis))


def test_a_ring_has_a_hole_in_its_slice_and_none_in_space():
    ring = ellipsoid((3, 15, 15), (1, 7, 7), (0.4, 6, 6)) & ~ellipsoid((3, 15, 15), (1, 7, 7), (0.4, 3, 3))
    assert filled(ring).sum() == ring.sum() and filled(ring, 0)[1, 7, 7]
    shell = ellipsoid((15, 15, 15), (7, 7, 7), (6, 6, 6)) & ~ellipsoid((15, 15, 15), (7, 7, 7), (3, 3, 3))
    assert filled(shell)[7, 7, 7]
    shell[7, 7, :8] = False  # a way out through faces
    assert not filled(shell)[7, 7, 7]


# -- brush ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_brush_is_a_ball_in_mm(spacing):
    for diameter in (0.1, 1.0, 3.0, 6.4):
        ball = footprint(diameter, spacing)
        grid = np.zeros((15, 41, 41), bool)
        grid[7, 20, 20] = True
        box, part = placed(ball, (7, 20, 20), grid.shape)
        expected = near(grid, spacing, diameter / 2)
        assert expected[box].shape == part.shape and expected.sum() == part.sum()
        np.testing.assert_array_equal(expected[box], part)
        disc = footprint(diameter, spacing, axis=0)
        assert disc.shape[0] == 1
        np.testing.assert_array_equal(disc[0], ball[ball.shape[0] // 2])


def test_a_brush_of_thick_slices_stays_in_its_slice():
    assert footprint(5.9, (3.0, 1.0, 1.0)).shape == (1, 5, 5)
    assert footprint(6.0, (3.0, 1.0, 1.0)).shape == (3, 7, 7)


@pytest.mark.parametrize("centre", [(0, 0, 0), (4, 5, 6), (0, 5, 3), (-3, 2, 2), (9, 2, 2), (40, -40, 0)])
def test_a_brush_at_the_edge_is_cut_off(centre):
    shape, ball = (5, 6, 7), footprint(5.0, (1.0, 1.0, 1.0))
    box, part = placed(ball, centre, shape)
    found = np.zeros(shape, bool)
    found[box] |= part
    index = np.indices(shape)
    far = sum((i - c) ** 2 for i, c in zip(index, centre, strict=True))
    np.testing.assert_array_equal(found, far <= 2.5**2)


def test_a_stroke_has_no_gap():
    for start, stop in [((0, 0, 0), (3, 9, 5)), ((2, 2, 2), (2, 2, 2)), ((5, 5, 5), (0, 5, 1))]:
        path = [start, *way(start, stop)]
        assert path[-1] == stop
        steps = np.abs(np.diff(np.array(path), axis=0))
        assert (steps.max(axis=1) == 1).all() if len(path) > 1 else not len(steps)


def test_a_brush_bound_to_brightness():
    scan = np.array([0.0, 1.0, 2.0, np.nan])
    assert Brightness(1.0).allows(scan).tolist() == [False, True, True, False]
    assert Brightness(1.0, below=True).allows(scan).tolist() == [True, False, False, False]


def test_the_usual_level_lies_between_brain_and_lesions():
    scan = np.full((4, 5, 6), 10.0)
    lesion = np.zeros(scan.shape, bool)
    lesion[1, 1, 1:4] = True
    scan[lesion], scan[0] = 20.0, 0.0
    assert usual_level(scan, lesion, None) == 15.0
    assert usual_level(scan, lesion, scan > 0) == 15.0
    assert usual_level(scan, lesion & False, None) < 20.0
    assert usual_level(np.zeros((2, 2, 2)), np.zeros((2, 2, 2), bool), None) == 0.0
    assert usual_level(np.full((2, 2, 2), np.nan), np.zeros((2, 2, 2), bool), None) == 0.0


# -- smart click ----------------------------------------------------------------------------------


def soft_map(seed, shape=(12, 18, 16), dtype=np.float32):
    soft = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    return ((soft - soft.min()) / np.ptp(soft)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_component_at_a_click_is_that_of_labelling_at_any_threshold(dtype):
    p = soft_map(1, dtype=dtype)
    big = np.zeros((20, 24, 22), dtype)
    box = (slice(3, 15), slice(4, 22), slice(2, 18))
    big[box] = p
    hierarchy = Hierarchy.from_map(p, 0.05)
    rng = np.random.default_rng(2)
    seen = 0
    for _ in range(60):
        voxel = tuple(int(rng.integers(part.start, part.stop)) for part in box)
        if big[voxel] < 0.05:
            continue
        place = ClickedPlace.at(hierarchy, box, voxel)
        assert place.highest == big[voxel] and place.lowest == 0.05
        threshold = float(rng.uniform(0.05, float(big[voxel])))
        found = np.zeros(big.shape, bool)
        change = place.component(threshold)
        found[change.box] = change.wanted
        label = ndimage.label(big.astype(np.float32) >= np.float32(threshold), ALL)[0]
        if label[voxel]:
            np.testing.assert_array_equal(found, label == label[voxel])
            seen += 1
        assert found[voxel] and change.wanted.any(axis=(1, 2))[[0, -1]].all()
    assert seen > 30


def test_a_higher_threshold_gives_a_part_and_its_own_probability_the_smallest():
    p = soft_map(4)
    hierarchy = Hierarchy.from_map(p, 0.05)
    box = tuple(slice(0, n) for n in p.shape)
    voxel = np.unravel_index(np.argsort(p.ravel())[-40], p.shape)
    place = ClickedPlace.at(hierarchy, box, tuple(int(i) for i in voxel))
    before = np.ones(p.shape, bool)
    for threshold in np.linspace(0, 1.2, 25):  # brought into its range
        found = np.zeros(p.shape, bool)
        change = place.component(threshold)
        found[change.box] = change.wanted
        assert found[voxel] and (found <= before).all()
        before = found
    assert (p[before] >= p[voxel]).all()


def test_where_the_model_sees_nothing_a_sentence_says_so():
    hierarchy = Hierarchy.from_map(np.pad(np.full((2, 2, 2), 0.9, np.float32), 1), 0.05)
    box = (slice(2, 6), slice(2, 6), slice(2, 6))
    for voxel in [(2, 2, 2), (0, 0, 0), (9, 9, 9)]:
        with pytest.raises(InputError, match="The model sees nothing here"):
            ClickedPlace.at(hierarchy, box, voxel)
    nothing = Hierarchy.from_map(np.zeros((2, 2, 2), np.float32), 0.05)
    with pytest.raises(InputError, match="sees nothing"):
        ClickedPlace.at(nothing, (slice(0, 2),) * 3, (0, 0, 0))


def test_steps_of_the_threshold_stay_in_range_and_go_back():
    assert moved(0.5, 3, 0.05, 0.9) > 0.5 > moved(0.5, -3, 0.05, 0.9)
    assert moved(moved(0.3, 4, 0, 1), -4, 0, 1) == pytest.approx(0.3)
    assert moved(0.5, 1000, 0.05, 0.9) == 0.9 and moved(0.5, -1000, 0.05, 0.9) == 0.05
    assert moved(1.0, 1, 0.05, 1.0) <= 1.0 and moved(0.0, -1, 0.05, 1.0) == 0.05


# -- interpolation --------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_oblique_cylinder_comes_back_from_two_of_its_slices(spacing, axis):
    whole = np.zeros((9, 30, 30), bool)
    for i in range(9):
        whole[i] = ellipsoid((1, 30, 30), (0, 8 + 1.5 * i, 7 + 2 * i), (1, 5.3, 4.1))[0]
    painted = whole.copy()
    painted[1:8] = False
    whole, painted = np.moveaxis(whole, 0, axis), np.moveaxis(painted, 0, axis)
    found = interpolated(painted, spacing, axis)
    both = 2 * (found & whole).sum() / (found.sum() + whole.sum())
    assert both > 0.97
    for end in (0, -1):
        np.testing.assert_array_equal(np.take(found, end, axis), np.take(painted, end, axis))


def test_without_a_shift_it_is_the_average_of_signed_distances():
    small, large = (ellipsoid((1, 25, 25), (0, 12, 12), (1, r, r))[0] for r in (3.2, 9.1))
    painted = np.stack([small, *np.zeros((3, 25, 25), bool), large])
    found = interpolated(painted, (2.0, 1.0, 1.0), 0)
    itk = [
        sitk.GetArrayFromImage(
            sitk.SignedMaurerDistanceMap(
                sitk.GetImageFromArray(one.astype(np.uint8)), squaredDistance=False, useImageSpacing=True
            )
        )
        for one in (small, large)
    ]
    areas = [int(part.sum()) for part in found]
    assert areas == sorted(areas) and areas[0] < areas[1] < areas[3] < areas[4]
    for i in (1, 2, 3):
        # ITK measures from the centres of the outline's voxels, and their edge is half a voxel farther out.
        other = (1 - i / 4) * itk[0] + i / 4 * itk[1] <= 0.5
        assert (found[i] != other).mean() < 0.02
        radius = np.sqrt(found[i].sum() / np.pi)
        assert radius == pytest.approx(3.2 + i / 4 * (9.1 - 3.2), abs=0.5)


def test_shapes_that_do_not_overlap_are_joined_and_equal_ones_stay():
    painted = np.zeros((5, 12, 30), bool)
    painted[0, 3:8, 2:7] = painted[4, 3:8, 22:27] = True
    found = interpolated(painted, (1.0,) * 3, 0)
    assert found[2, 3:8, 12:17].all() and found[2].sum() == 25
    painted = np.zeros((4, 6, 6), bool)
    painted[[0, 3], 2:5, 1:4] = True
    np.testing.assert_array_equal(interpolated(painted, (3.0, 1.0, 1.0), 0), np.stack([painted[0]] * 4))
    one = np.zeros((4, 1, 1), bool)
    one[[0, 3]] = True
    assert interpolated(one, (1.0,) * 3, 0).all()  # a single voxel, which fills its image


def test_several_gaps_and_none():
    painted = np.zeros((9, 8, 8), bool)
    painted[[1, 3, 4, 7], 2:5, 2:5] = True
    found = interpolated(painted, (1.0,) * 3, 0)
    assert found.any(axis=(1, 2)).tolist() == [False, *[True] * 7, False]
    np.testing.assert_array_equal(found[[1, 3, 4, 7]], painted[[1, 3, 4, 7]])
    for nothing in (np.zeros((4, 4, 4), bool), painted[3:5], painted[1:2]):
        with pytest.raises(InputError, match="nothing to interpolate"):
            interpolated(nothing, (1.0,) * 3, 0)


# -- split and merge ------------------------------------------------------------------------------


def dumbbell(shape=(15, 21, 40)):
    """Two balls of different size, and a neck between them at 23 to 26."""
    mask = ellipsoid(shape, (7, 10, 12), (6, 9, 11)) | ellipsoid(shape, (7, 10, 31), (4, 5, 6))
    mask[6:9, 9:12, 12:31] = True
    return mask


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (1.0, 0.5, 0.5)])
@pytest.mark.parametrize(("first", "second"), [((7, 10, 8), (7, 10, 33)), ((7, 10, 34), (6, 8, 16))])
def test_a_dumbbell_is_cut_at_its_neck_wherever_the_seeds_are(spacing, first, second):
    mask = dumbbell()
    found = split_by_seeds(mask, spacing, first, second)
    label, n = ndimage.label(found, ALL)
    assert n == 2 and label[first] != label[second] and (found <= mask).all()
    lost = np.argwhere(mask & ~found)
    assert 0 < len(lost) <= 30 and lost[:, 2].min() >= 21 and lost[:, 2].max() <= 28


@pytest.mark.parametrize("spacing", SPACINGS)
def test_two_seeds_in_one_ball_share_it(spacing):
    mask = ellipsoid((21, 21, 21), (10, 10, 10), (9, 9, 9))
    found = split_by_seeds(mask, spacing, (10, 10, 5), (10, 10, 15))
    label, n = ndimage.label(found, ALL)
    sizes = np.bincount(label.ravel())[1:]
    assert n == 2 and sizes.min() > 0.6 * sizes.max()


def test_what_cannot_be_cut_is_left_with_a_sentence():
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2:4] = True
    with pytest.raises(InputError, match="too small"):
        split_by_seeds(mask, (1.0,) * 3, (2, 2, 2), (2, 2, 3))
    for pair in [((2, 2, 2), (2, 2, 2)), ((2, 2, 2), (0, 0, 0)), ((0, 0, 0), (0, 0, 1))]:
        with pytest.raises(InputError, match="two different places"):
            split_by_seeds(mask, (1.0,) * 3, *pair)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_line_cuts_through_all_slices(axis):
    mask = np.moveaxis(ellipsoid((9, 21, 21), (4, 10, 10), (4, 8, 8)), 0, axis)
    start, stop = (np.insert(np.array(end, float), axis, 4.0) for end in ((0, 9.5), (20, 11.0)))
    found = split_by_line(mask, (3.0, 1.0, 1.0), tuple(start), tuple(stop), axis)
    label, n = ndimage.label(found, ALL)
    sizes = np.bincount(label.ravel())[1:]
    assert n == 2 and sizes.min() > 0.6 * sizes.max() and (mask & ~found).sum() < 0.2 * mask.sum()
    lost = np.argwhere(np.moveaxis(mask & ~found, axis, 0))
    assert np.abs(lost[:, 2] - 9.5 - 1.5 * lost[:, 1] / 20).max() <= 1.6


def test_a_line_that_is_too_short_or_outside_cuts_nothing():
    mask = ellipsoid((5, 21, 21), (2, 10, 10), (2, 8, 8))
    for start, stop in [((2, 8, 10), (2, 12, 10)), ((2, 0, 0), (2, 20, 0)), ((2, 3, 3), (2, 3, 3))]:
        with pytest.raises(InputError, match="does not cut the lesion in two"):
            split_by_line(mask, (1.0,) * 3, start, stop, 0)
    with pytest.raises(InputError, match="does not cut"):
        split_by_line(np.zeros((3, 3, 3), bool), (1.0,) * 3, (1, 0, 1), (1, 2, 1), 0)


def test_a_line_may_end_within_a_lesion_that_it_cuts():
    """Of a ring: two lines cut it, each across one of its sides, and the second makes two of it."""
    ring = ellipsoid((1, 25, 25), (0, 12, 12), (1, 11, 11)) & ~ellipsoid((1, 25, 25), (0, 12, 12), (1, 6, 6))
    with pytest.raises(InputError):
        split_by_line(ring, (1.0,) * 3, (0, 12, 12), (0, 12, 24), 0)
    ring[0, 12, 12:] = False
    assert ndimage.label(ring, ALL)[1] == 1
    assert ndimage.label(split_by_line(ring, (1.0,) * 3, (0, 12, 12), (0, 12, 0), 0), ALL)[1] == 2


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_joined_lesions_are_one_and_the_bridge_stays_between_them(spacing, seed):
    rng = np.random.default_rng(seed)
    shape = (12, 30, 40)
    first = ellipsoid(shape, rng.uniform((3, 8, 8), (8, 20, 12)), (2, 5, 4))
    second = ellipsoid(shape, rng.uniform((3, 8, 28), (8, 20, 32)), (2, 4, 5))
    gap = float(ndimage.distance_transform_edt(~first, sampling=spacing)[second].min())
    found = joined(first, second, spacing, gap)
    assert ndimage.label(found, ALL)[1] == 1
    bridge = found & ~first & ~second
    assert bridge.any()
    both = sum(ndimage.distance_transform_edt(~one, sampling=spacing) for one in (first, second))
    assert both[bridge].max() <= gap + 2 * max(spacing)
    with pytest.raises(InputError, match=f"{gap:.1f} mm apart"):
        joined(first, second, spacing, gap - 0.1)


def test_a_bridge_keeps_away_from_others_where_it_can():
    first, second, other = (np.zeros((7, 15, 20), bool) for _ in range(3))
    first[1:6, 2:13, 2:5], second[1:6, 2:13, 10:13], other[3, 9, 7] = True, True, True
    found = joined(first, second, (1.0,) * 3, 10.0, others=other)
    assert ndimage.label(found, ALL)[1] == 1 and not (found & touching(other) & ~first & ~second).sum() > 6
    assert joined(first, second, (1.0,) * 3, 10.0).sum() > found.sum()
    with pytest.raises(InputError, match="two lesions"):
        joined(first, first & False, (1.0,) * 3, 5.0)


# -- what becomes painting ------------------------------------------------------------------------


def test_a_change_becomes_painting_that_gives_the_wanted_outline():
    rng = np.random.default_rng(0)
    p = rng.random((8, 9, 10))
    edit = rng.integers(-1, 2, p.shape).astype(np.int8)
    labels = (((p >= 0.5) | (edit > 0)) & (edit >= 0)).astype(np.uint16) * 7
    box = (slice(2, 6), slice(0, 9), slice(3, 10))
    wanted = rng.random((4, 9, 7)) < 0.5
    before = edit.copy()
    found = painted_after(edit, labels, Change(box, wanted))
    now = ((p >= 0.5) | (found > 0)) & (found >= 0)
    expected = labels > 0
    expected[box] = wanted
    np.testing.assert_array_equal(now, expected)
    np.testing.assert_array_equal(edit, before)
    assert painted_after(edit, labels, Change(box, labels[box] > 0)) is edit
    assert painted_after(None, labels, Change(box, labels[box] > 0)) is None


def test_components_hang_together_over_corners():
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    assert parts_of(mask).max() == 1 and parts_of(mask[:1]).max() == 1 and parts_of(mask & False).max() == 0
    np.testing.assert_array_equal(touching(mask), ndimage.binary_dilation(mask, ALL))
