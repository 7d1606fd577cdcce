"""Components against scipy, at every threshold, whatever box they are looked for in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg._boxes import bounding_box, union_box
from napari_uncertainseg.lesions.components import Foreground, label_components, label_mask, neighbourhood

EIGHT = np.ones((3, 3, 3))


def field(seed: int, shape=(11, 12, 13), smooth: float = 1.0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), smooth)
    return (1 / (1 + np.exp(-3 * noise / noise.std()))).astype(np.float32)


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(pairs[0]) == len(np.unique(pairs[0])) == len(np.unique(pairs[1]))


@given(st.integers(0, 9999), st.floats(0.001, 1))
@settings(max_examples=60, deadline=None)
def test_components_are_those_of_scipy(seed, threshold) -> None:
    p = field(seed)
    expected, n_expected = ndimage.label(p >= threshold, EIGHT)
    labels, n = label_components(p, threshold)
    assert n == n_expected and labels.shape == p.shape
    assert same_partition(labels, expected)
    live, n_live = Foreground.from_probability(p).label(threshold)
    assert n_live == n
    np.testing.assert_array_equal(live > 0, labels > 0)


@given(st.integers(0, 9999), st.floats(0.01, 0.99), st.floats(0, 0.5))
@settings(max_examples=40, deadline=None)
def test_a_lower_threshold_never_loses_a_voxel(seed, threshold, less) -> None:
    p = Foreground.from_probability(field(seed))
    high, _ = p.label(threshold)
    low, _ = p.label(threshold - less)
    assert not ((high > 0) & (low == 0)).any()


@given(st.integers(0, 9999), st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_small_components_are_left_out_and_labels_stay_dense(seed, smallest) -> None:
    p = field(seed, smooth=0.7)
    labels, n = label_components(p, 0.7, min_voxels=smallest)
    counts = np.bincount(labels.ravel())
    assert len(counts) == n + 1 and (counts[1:] >= smallest).all()
    whole, n_whole = ndimage.label(p >= 0.7, EIGHT)
    assert n == (np.bincount(whole.ravel())[1:] >= smallest).sum() <= n_whole


@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_connectivity(connectivity) -> None:
    mask = np.zeros((5, 5, 5), bool)
    mask[1, 1, 1] = mask[2, 2, 1] = mask[3, 3, 2] = True  # an edge, then a corner
    assert label_mask(mask, connectivity=connectivity)[1] == {6: 3, 18: 2, 26: 1}[connectivity]


@given(st.tuples(*[st.integers(1, 6)] * 3), st.integers(0, 9999), st.sampled_from([6, 18, 26]))
@settings(max_examples=100, deadline=None)
def test_thin_images(shape, seed, connectivity) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.4
    structure = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])
    expected, n_expected = ndimage.label(mask, structure)
    labels, n = label_mask(mask, connectivity=connectivity)
    assert n == n_expected and labels.shape == shape and same_partition(labels, expected)
    checkered = np.zeros(shape, bool)
    checkered[::2, ::2, ::2] = True
    assert label_mask(checkered, connectivity=connectivity)[1] == checkered.sum()


def test_empty_one_voxel_all_and_the_edge_value() -> None:
    p = np.zeros((4, 5, 6), np.float32)
    labels, n = label_components(p, 0.5)
    assert n == 0 and not labels.any() and labels.shape == p.shape
    p[1, 2, 3] = 0.5
    assert label_components(p, 0.5)[1] == 1
    assert label_components(p, np.nextafter(np.float32(0.5), np.float32(1)))[1] == 0
    assert label_components(np.ones_like(p), 0.5)[0].all()
    assert Foreground.from_probability(p).label(0.0)[0].all()


def test_more_components_than_16_bits_hold() -> None:
    p = np.zeros((90, 90, 90), np.float32)
    p[::2, ::2, ::2] = 1
    labels, n = label_components(p, 0.5)
    assert n == 45**3 == labels.max() and labels.dtype == np.uint32


@given(st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_bounding_box(seed) -> None:
    mask = np.random.default_rng(seed).random((6, 7, 8)) < 0.01
    box = bounding_box(mask)
    where = np.argwhere(mask)
    if len(where):
        assert [s.start for s in box] == where.min(0).tolist()
        assert [s.stop for s in box] == (where.max(0) + 1).tolist()
    else:
        assert mask[box].size == 0


def test_union_box() -> None:
    a, none = (slice(1, 3), slice(2, 4), slice(0, 1)), (slice(0, 0),) * 3
    b = (slice(2, 9), slice(0, 3), slice(0, 5))
    assert union_box(a, b) == (slice(1, 9), slice(0, 4), slice(0, 5))
    assert union_box(a, none) == union_box(none, a) == a


@given(
    st.integers(0, 999),
    st.sampled_from([(1.0, 1.0, 1.0), (4.0, 0.7, 0.7), (0.9, 1.1, 2.3)]),
    st.floats(0, 7),
)
@settings(max_examples=40, deadline=None)
def test_neighbourhood_is_a_distance(seed, spacing, distance) -> None:
    mask = np.random.default_rng(seed).random((10, 11, 12)) < 0.01
    found = neighbourhood(mask, spacing, distance)
    if not mask.any():
        assert not found.any()
        return
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    sure = np.abs(away - distance) > 1e-4
    np.testing.assert_array_equal(found[sure], (away <= distance)[sure])


def test_neighbourhood_includes_what_is_exactly_so_far() -> None:
    mask = np.zeros((1, 1, 12), bool)
    mask[0, 0, 0] = True
    assert neighbourhood(mask, (1, 1, 1), 5.0).sum() == 6
    assert neighbourhood(mask, (1, 1, 0.1), 0.3).sum() == 4
