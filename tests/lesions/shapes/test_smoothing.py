"""Meshes without steps: rounder than their voxels, still closed, about as large."""

import numpy as np
import pytest

from napari_uncertainseg.lesions.shapes.mesh import Mesh, mesh_of
from napari_uncertainseg.lesions.shapes.smoothing import smoothed


def ball(radius, sides=(1.0, 1.0, 1.0)):
    """A ball in a mask, and its middle, in voxels."""
    half = [int(np.ceil(radius / side)) + 1 for side in sides]
    axes = [np.arange(-n, n + 1) * side for n, side in zip(half, sides, strict=True)]
    return sum(x**2 for x in np.meshgrid(*axes, indexing="ij")) <= radius**2, np.array(half, float)


def test_a_ball_becomes_rounder():
    mask, middle = ball(10)
    rough = mesh_of(mask)
    fine = smoothed(rough, volume=mask.sum())
    off = [np.linalg.norm(mesh.points - middle, axis=1) for mesh in (rough, fine)]
    assert off[1].std() < 0.6 * off[0].std() and off[1].mean() == pytest.approx(10, abs=0.05)
    assert fine.volume == pytest.approx(mask.sum())
    assert fine.watertight and fine.euler == 2 and fine.triangles is rough.triangles


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_torn_and_all_are_as_large_as_their_voxels(seed):
    """Also where voxels meet at an edge only."""
    mask = np.random.default_rng(seed).random((6, 5, 7)) < 0.3
    fine = smoothed(mesh_of(mask), volume=mask.sum())
    assert fine.watertight and fine.volume == pytest.approx(mask.sum(), rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 2, 3), (1, 10, 10), (1, 1, 12), (4, 4, 4)])
def test_small_and_thin_lesions_neither_vanish_nor_grow_long(shape):
    fine = smoothed(mesh_of(np.ones(shape, bool)), volume=np.prod(shape))
    assert fine.volume == pytest.approx(np.prod(shape), rel=0.02)
    np.testing.assert_allclose(np.ptp(fine.points, axis=0), shape, atol=1)


def test_smoothing_and_placing_can_be_done_in_any_order():
    mask, _ = ball(4, (3.0, 1.0, 1.0))
    rough, rng = mesh_of(mask), np.random.default_rng(1)
    affine = np.eye(4)
    affine[:3] = rng.standard_normal((3, 4))
    one, other = smoothed(rough).moved(affine), smoothed(rough.moved(affine))
    np.testing.assert_allclose(one.points, other.points)


def test_nothing_stays_nothing():
    nothing = Mesh(np.empty((0, 3)), np.empty((0, 3), np.int32))
    assert smoothed(nothing) is nothing
