"""The longest diameter, against all pairs of points of the mesh."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import pdist

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.lesions.shapes.diameter import longest_diameter
from napari_uncertainseg.lesions.shapes.mesh import mesh_of


def test_one_voxel_and_a_row():
    steps = np.diag([3.0, 1.0, 1.0])
    assert longest_diameter(np.ones((1, 1, 1), bool), steps) == pytest.approx(3.0)
    assert longest_diameter(np.ones((1, 1, 7), bool), steps) == pytest.approx(7.0)


def test_a_ball_is_as_long_as_it_is():
    s, a, r = np.indices((21, 21, 21)) - 10
    ball = s**2 + a**2 + r**2 <= 9.5**2
    assert 19 <= longest_diameter(ball, np.eye(3)) <= 20  # half a voxel beyond the outermost centres


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_largest_distance_of_all_pairs_on_the_mesh_also_in_sheared_scans(seed):
    rng = np.random.default_rng(seed)
    labels, _ = label_mask(gaussian_filter(rng.random((12, 16, 14)), 1.5) > 0.5)
    inside = labels == 1 + np.bincount(labels[labels > 0])[1:].argmax()
    mask = inside[bounding_box(inside)]
    steps = np.diag([2.0, 0.9, 1.1]) + 0.2 * rng.standard_normal((3, 3))
    expected = pdist(mesh_of(mask).points @ steps.T).max()
    assert longest_diameter(mask, steps) == pytest.approx(expected)
