"""All thresholds at once, against labelling the thresholded map anew."""

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._threshold import limit
from napari_uncertainseg.lesions.hierarchy import Hierarchy

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7)
FIELDS = hnp.arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32))
PLATEAUS = hnp.arrays(np.float32, SHAPES, elements=st.sampled_from([0, 0.1, 0.2, 0.3, 0.4, 0.5, 1]))
HALVES = hnp.arrays(np.float16, SHAPES, elements=st.floats(0, 1, width=16))
THRESHOLDS = st.one_of(st.floats(0.05, 1), st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]))


def labelled(components, shape):
    image = np.zeros(shape, np.int64)
    image.ravel()[components.where] = components.label
    return image


def same_partition(ours, theirs):
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    return (
        ours.max(initial=0) == theirs.max(initial=0) == np.count_nonzero((pairs > 0).all(0))
        and ((ours > 0) == (theirs > 0)).all()
    )


@settings(deadline=None, max_examples=300)
@given(p=st.one_of(FIELDS, PLATEAUS, HALVES), threshold=THRESHOLDS)
def test_a_cut_is_the_thresholded_map_labelled(p, threshold):
    mask = p.astype(np.float32) >= np.float32(threshold)
    roomy = np.pad(mask, 1)  # cc3d fails on some thin images
    theirs = cc3d.connected_components(roomy, connectivity=26)[1:-1, 1:-1, 1:-1]
    found, peaks = Hierarchy.from_map(p, 0.05).cut(threshold)
    ours = labelled(found, p.shape)
    assert same_partition(ours, theirs)
    np.testing.assert_array_equal(found.sizes[1:], np.bincount(ours.ravel())[1:])
    assert len(peaks) == found.n
    other = Hierarchy.from_map(p, 0.05).cut_in_any_order(threshold)
    np.testing.assert_array_equal(other.where, found.where)
    np.testing.assert_array_equal(other.sizes[other.label], found.sizes[found.label])
    assert len(np.unique(other.label * (found.n + 1) + found.label)) == found.n
    firsts = [np.flatnonzero(ours.ravel() == i)[0] for i in range(1, found.n + 1)]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("seed", range(3))
def test_smooth_noise_with_many_peaks(seed):
    rng = np.random.default_rng(seed)
    p = rng.random((24, 25, 26)).astype(np.float32)
    for axis in range(3):
        p = (p + np.roll(p, 1, axis) + np.roll(p, -1, axis)) / 3
    p[p < 0.45] = 0
    hierarchy = Hierarchy.from_map(p, 0.45)
    assert len(hierarchy.height) > 50
    for threshold in np.linspace(0.45, 0.6, 12).tolist():
        found, peaks = hierarchy.cut(threshold)
        ours = labelled(found, p.shape)
        assert same_partition(ours, cc3d.connected_components(p >= threshold, connectivity=26))
        for i in range(1, found.n + 1):
            assert hierarchy.height[peaks[i - 1]] == p[ours == i].max()


def by_falling_water(p, floor):
    """Height less death of every peak, by labelling at each of the map's values from the top."""
    died, alive = {}, {}
    for level in np.unique(p[p >= floor])[::-1]:
        labels = cc3d.connected_components(p >= level, connectivity=26)
        for i in range(1, labels.max() + 1):
            inside = [k for k in alive if labels.ravel()[k] == i]
            if not inside:
                alive[int(np.flatnonzero(labels.ravel() == i)[np.argmax(p.ravel()[labels.ravel() == i])])] = 1
            for k in sorted(inside, key=lambda k: -p.ravel()[k])[1:]:
                died[k] = level
                del alive[k]
    return sorted(
        [float(p.ravel()[k] - d) for k, d in died.items()] + [float(p.ravel()[k]) - floor for k in alive]
    )


def test_persistence_is_that_of_a_falling_water_level():
    rng = np.random.default_rng(4)
    p = rng.permutation(np.arange(1, 6 * 7 * 8 + 1)).reshape(6, 7, 8) / 337.0
    found = np.sort(Hierarchy.from_map(p, 0.2).persistence)
    np.testing.assert_allclose(found, by_falling_water(p, 0.2), atol=1e-12)


def test_two_hills_and_a_valley():
    p = np.zeros((3, 3, 9))
    p[1, 1] = [0, 0.9, 0.5, 0.3, 0.6, 0.7, 0, 0.2, 0]
    hierarchy = Hierarchy.from_map(p, 0.1)
    found, peaks = hierarchy.cut(0.3)
    assert found.sizes.tolist() == [0, 5]
    assert hierarchy.persistence[peaks] == pytest.approx([0.8])
    found, peaks = hierarchy.cut(0.31)
    assert found.sizes.tolist() == [0, 2, 2]
    assert hierarchy.persistence[peaks] == pytest.approx([0.8, 0.4])
    found, peaks = hierarchy.cut(0.2)
    assert found.sizes.tolist() == [0, 5, 1]
    assert hierarchy.persistence[peaks] == pytest.approx([0.8, 0.1])


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 2, 2), (1, 1, 1)])
def test_nothing_above_the_floor(shape):
    hierarchy = Hierarchy.from_map(np.zeros(shape, np.float32), 0.05)
    found, peaks = hierarchy.cut(0.5)
    assert found.n == 0 and len(peaks) == 0 and len(found.where) == 0


def test_everything_is_one():
    hierarchy = Hierarchy.from_map(np.ones((4, 5, 6), np.float32), 0.0)
    found, peaks = hierarchy.cut(0.0)
    assert found.sizes.tolist() == [0, 120] and hierarchy.persistence[peaks] == [1.0]


def test_below_the_floor_nothing_is_known():
    with pytest.raises(ValueError, match="floor"):
        Hierarchy.from_map(np.ones((2, 2, 2), np.float32), 0.1).cut(0.05)


@given(threshold=st.floats(0.01, 1))
def test_half_floats_reach_a_threshold_or_not_exactly(threshold):
    least = limit(threshold, np.dtype(np.float16))
    threshold = np.float32(threshold)
    assert float(least) >= threshold > float(np.nextafter(least, np.float16(0)))
