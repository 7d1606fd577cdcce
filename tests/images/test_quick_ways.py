"""Preparing takes short ways where they lead to the same: holes, straight grids, one look at the skull."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from napari_uncertainseg._distances import distance_inside
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.preparation import align, brain_search, skull
from napari_uncertainseg.images.preparation.found_brain import STRIPPED
from napari_uncertainseg.images.preparation.prepare import prepare, smoothed
from napari_uncertainseg.images.preparation.skull import without_gaps, without_holes
from napari_uncertainseg.images.resample import antialias, resample_to
from napari_uncertainseg.images.volume import Grid, Volume


@pytest.mark.parametrize("seed", range(40))
def test_holes_are_filled_as_scipy_fills_them(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(rng.integers(1, 12, 3))) < rng.choice([0.0, 0.3, 0.6, 0.8, 0.95, 1.0])
    given = mask.copy()
    assert np.array_equal(without_holes(mask), ndimage.binary_fill_holes(mask))
    for axis in range(3):
        sections = [ndimage.binary_fill_holes(one) for one in np.moveaxis(mask, axis, 0)]
        assert np.array_equal(without_holes(mask, across=axis), np.moveaxis(np.stack(sections), 0, axis))
    assert np.array_equal(mask, given)


@pytest.mark.parametrize("seed", range(40))
def test_gaps_are_closed_as_scipy_closes_them(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(rng.integers(1, 14, 3))) < rng.choice([0.02, 0.1, 0.3, 0.6, 1.0])
    given = mask.copy()
    for width in (0, 1, 2, 3):
        expected = ndimage.binary_closing(mask, iterations=width) if width else mask
        assert np.array_equal(without_gaps(mask, width), expected)
    assert np.array_equal(mask, given)


@pytest.mark.parametrize("seed", range(60))
def test_the_threshold_between_head_and_air_is_that_of_itk(seed):
    rng = np.random.default_rng(seed)
    count = int(10 ** rng.uniform(0.5, 5))
    kinds = [
        rng.normal(100, 20, count),
        np.where(rng.random(count) < 0.6, rng.normal(10, 3, count), rng.normal(100, 20, count)),
        np.rint(rng.gamma(2, 30, count)),
        rng.integers(0, 4, count),
        rng.normal(1, 1e-3, count),
        np.full(count, 3.5),
    ]
    values = kinds[seed % len(kinds)].astype(np.float32)
    low, high = np.percentile(values, (0.1, 99.5))
    inside = values[(values >= low) & (values <= high)]
    expected = float(low)
    if low != high and len(inside):
        otsu = sitk.OtsuThresholdImageFilter()
        otsu.SetNumberOfHistogramBins(128)
        otsu.Execute(sitk.GetImageFromArray(inside[None]))
        expected = otsu.GetThreshold()
    assert align._otsu(values) == expected


def test_a_threshold_is_found_of_numbers_that_are_nearly_too_large():
    assert np.isfinite(align._otsu(np.array([-3e38, -1e38, 0, 1e38, 3e38], np.float32)))


@pytest.mark.parametrize("seed", range(10))
def test_air_of_zeros_changes_nothing_of_what_is_resampled(seed):
    """Only the box of what is not 0 is computed: with one voxel in a far corner all of it is."""
    rng = np.random.default_rng(seed)
    grid = a_grid(rng, (26, 28, 30))
    target = a_grid(rng, (20, 21, 22), grid)
    data = np.zeros(grid.shape, np.float32)
    low = rng.integers(0, 12, 3)
    part = tuple(slice(n, n + size) for n, size in zip(low, rng.integers(1, 14, 3), strict=True))
    data[part] = rng.uniform(50, 150, data[part].shape)
    alone = resample_to(Volume(data, grid, "scan"), target)
    whole = data.copy()
    whole[data == 0] = np.float32(1e-30)  # too little to change a sum, and nothing is left out
    everywhere = resample_to(Volume(whole, grid, "scan"), target)
    assert np.array_equal(np.where(everywhere < 1e-20, 0, everywhere), alone)


def a_stripped_scan(seed) -> Volume:
    rng = np.random.default_rng(seed)
    shape = (60, 72, 64)
    where = np.stack(np.meshgrid(*(np.linspace(-1.3, 1.3, n) for n in shape), indexing="ij"))
    inside = (where**2).sum(0) + ndimage.gaussian_filter(rng.normal(size=shape), 3) < 0.8
    data = (ndimage.gaussian_filter(rng.normal(100, 30, shape), 1) * inside).astype(np.float32)
    return Volume(data, Grid(shape, np.diag([2.0, 2.0, 2.0, 1.0])[[2, 1, 0, 3]]), "scan")


@pytest.mark.parametrize("seed", range(3))
def test_the_surface_is_looked_at_in_its_box_as_in_the_whole_scan(seed, monkeypatch):
    scan = a_stripped_scan(seed)
    found = skull.surroundings(scan)
    monkeypatch.setattr(skull, "_around", lambda mask, spacing: tuple(slice(0, n) for n in mask.shape))
    monkeypatch.setattr(skull, "distance_inside", lambda m, s: ndimage.distance_transform_edt(m, sampling=s))
    assert skull.surroundings(scan) == found and found.skull is not None


@pytest.mark.parametrize("seed", range(3))
def test_information_is_shared_in_the_box_of_the_head_as_in_the_whole_scan(seed):
    """The same numbers as with whole scans moved by `numpy.roll`, zeros coming in."""
    scan = a_stripped_scan(seed)
    rng = np.random.default_rng(seed)
    fixed = align.Coarse(scan)
    moved = (200 - fixed.copy.data + rng.normal(0, 5, fixed.copy.data.shape)).astype(np.float32)
    moved[:, :9] = 0
    here, multiple = align.shared_information(fixed, moved)
    off = 0.0
    for axis in range(3):
        for by in (-5, 5):
            other = np.roll(moved, by, axis)
            other[(slice(None),) * axis + (slice(by) if by > 0 else slice(by, None),)] = 0
            off = max(off, align._mutual_information(fixed.copy.data, other, fixed.inside))
    assert here == align._mutual_information(fixed.copy.data, moved, fixed.inside) > 0
    assert multiple == here / off


def a_grid(rng, shape, near=None) -> Grid:
    """Axes in any order and direction, voxels of any size, near another grid."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, rng.permutation(3)] * rng.choice([-1, 1], 3) * rng.uniform(0.5, 4, 3)
    affine[:3, 3] = (0 if near is None else near.affine[:3, 3]) + rng.normal(0, 3, 3)
    return Grid(shape, affine)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
@pytest.mark.parametrize("seed", range(25))
def test_a_grid_along_the_same_axes_is_reached_as_by_scipy(seed, dtype):
    rng = np.random.default_rng(seed)
    shape, wanted = (tuple(int(n) for n in rng.integers(1, 24, 3)) for _ in range(2))
    grid = a_grid(rng, shape)
    target = a_grid(rng, wanted, grid)
    data = (100 * rng.random(shape)).astype(dtype)
    ratios = tuple(new / old for new, old in zip(target.spacing, grid.spacing, strict=True))
    matrix = np.linalg.solve(grid.affine, target.affine)
    expected = ndimage.affine_transform(
        antialias(data, ratios), matrix, output_shape=wanted, order=1, output=np.float32, mode="constant"
    )
    found = resample_to(Volume(data, grid, "scan"), target)
    assert found.dtype == np.float32 and found.shape == wanted and found.flags.c_contiguous
    assert np.abs(found - expected).max() <= 1e-4


def test_where_the_flair_is_stripped_the_other_scans_are_not_looked_at(shared_data, monkeypatch):
    folder = shared_data / "3d-mr-ms/patient07"
    images = {m: read_volume(folder / f"{m.upper()}.nii.gz", modality=m) for m in ("flair", "t1")}
    looked_at = []
    look = skull.surroundings
    for room in (skull, brain_search):
        monkeypatch.setattr(room, "surroundings", lambda scan: looked_at.append(scan.modality) or look(scan))
    assert prepare(images).brain_source == STRIPPED
    assert looked_at == ["flair"]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0)])
def test_distances_that_are_asked_for_are_those_of_scipy(spacing):
    rng = np.random.default_rng(0)
    mask = np.pad(rng.random((9, 14, 11)) < 0.97, 1)
    at = tuple(rng.integers(0, n, 50) for n in mask.shape)
    expected = ndimage.distance_transform_edt(mask, sampling=spacing)[at]
    assert np.array_equal(distance_inside(mask, spacing, at), expected)


@pytest.mark.parametrize("seed", range(30))
def test_smoothing_near_the_brain_is_that_of_scipy(seed):
    """Brains of any shape, in parts, at the ends of the scan, or none: 0 outside, as prepared scans are."""
    rng = np.random.default_rng(seed)
    shape, sigma = tuple(rng.integers(1, 45, 3)), float(rng.choice([0.3, 0.5, 0.9, 2.0]))
    brain = ndimage.gaussian_filter(rng.normal(size=shape), 2) > rng.choice([-0.1, 0.0, 0.1, 1.0])
    flair = (rng.normal(size=shape) * brain).astype(np.float32)
    assert np.array_equal(smoothed(flair, brain, sigma), ndimage.gaussian_filter(flair, sigma) * brain)


def test_smoothing_in_slabs_is_that_of_scipy():
    rng = np.random.default_rng(0)
    flair, brain = rng.normal(size=(40, 35, 17)).astype(np.float32), rng.random((40, 35, 17)) < 0.8
    assert np.array_equal(smoothed(flair, brain, 0.5), ndimage.gaussian_filter(flair, 0.5) * brain)


@pytest.mark.parametrize("seed", range(60))
def test_parts_are_numbered_as_scipy_numbers_them(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12, 3)) if seed % 2 else (1, *rng.integers(1, 40, 2))
    mask = rng.random(shape) < rng.choice([0.0, 0.2, 0.5, 0.8, 1.0])
    mask = np.asfortranarray(mask) if seed % 3 == 0 else mask
    labels, count = skull._parts(mask)
    expected, n = ndimage.label(mask)
    assert count == n
    assert np.array_equal(labels, expected)


@pytest.mark.parametrize("seed", range(40))
def test_the_most_common_value_is_that_of_counting_all(seed):
    rng = np.random.default_rng(seed)
    air = np.float32(rng.integers(-3, 3))
    data = np.where(rng.random((9, 10, 11)) < rng.uniform(0.3, 0.9), air, rng.normal(0, 5, (9, 10, 11)))
    data = data.astype(np.float32)
    values, counts = np.unique(data, return_counts=True)
    low, bright = np.quantile(data, (0.005, 0.995))
    assert skull._background(data, low, bright) == values[counts.argmax()]
