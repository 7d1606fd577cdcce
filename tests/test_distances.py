"""Distances within masks against scipy's, which is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg._distances import distance_inside


def random_mask(seed, shape=(23, 31, 27), share=0.5):
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    return smooth > np.quantile(smooth, share)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spacing", [1.0, 2.0, 0.5])
def test_cubic_voxels_give_what_scipy_gives(seed, spacing):
    mask = random_mask(seed, share=(0.02, 0.2, 0.5, 0.9, 0.99)[seed])
    expected = ndimage.distance_transform_edt(mask, sampling=(spacing,) * 3)
    assert np.array_equal(distance_inside(mask, (spacing,) * 3), expected)


def test_other_cubes_differ_by_no_more_than_rounding():
    mask = random_mask(0)
    expected = ndimage.distance_transform_edt(mask, sampling=(0.9,) * 3)
    np.testing.assert_allclose(distance_inside(mask, (0.9,) * 3), expected, rtol=1e-15, atol=0)


def test_voxels_that_are_no_cubes_are_left_to_scipy():
    mask, spacing = random_mask(0), (3.0, 0.7, 0.7)
    assert np.array_equal(
        distance_inside(mask, spacing), ndimage.distance_transform_edt(mask, sampling=spacing)
    )


@pytest.mark.parametrize(
    "shape", [(1, 1, 400), (1, 400, 1), (400, 1, 1), (2, 300, 300), (1, 1, 1), (0, 3, 3)]
)
def test_far_from_the_only_voxel_that_is_not_marked(shape):
    """Beyond what 16 bits hold, at the ends of thin arrays, and where there is nothing at all."""
    mask = np.ones(shape, bool)
    if mask.size:
        mask[0, 0, 0] = False
    expected = ndimage.distance_transform_edt(mask) if mask.size else np.zeros(shape)
    np.testing.assert_allclose(distance_inside(mask, (1.0, 1.0, 1.0)), expected)
    nothing = np.zeros(shape, bool)
    assert not distance_inside(nothing, (1.0, 1.0, 1.0)).any()
