"""What a prepared scan is like, by constants."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg.images.preparation.appearance import measure_appearance
from napari_uncertainseg.images.preparation.normalise import UNIT
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.seen_scans import MEASURES


def measure(flair, spacing=(1.0, 1.0, 1.0), brain=None):
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[::-1]  # index order is superior, anterior, right
    brain = np.ones(flair.shape, bool) if brain is None else brain
    return measure_appearance(flair.astype(np.float32), brain, Grid(flair.shape, affine))


def test_every_measure_is_there_and_finite():
    found = measure(np.random.default_rng(0).normal(0, 0.3, (12, 14, 16)))
    assert list(found) == list(MEASURES) and np.isfinite(list(found.values())).all()
    assert all(type(value) is float for value in found.values())


def test_sizes_are_the_scan_s_own():
    found = measure(np.zeros((5, 10, 20)), spacing=(6.5, 0.9, 0.9))
    assert (found["slice_mm"], found["in_plane_mm"]) == (pytest.approx(6.5), pytest.approx(0.9))
    assert found["brain_ml"] == pytest.approx(1000 * 6.5 * 0.9 * 0.9 / 1000)


def test_shares_and_spread_are_of_the_brain_s_brightness():
    flair, brain = np.zeros((4, 10, 10)), np.zeros((4, 10, 10), bool)
    brain[:2] = True  # 200 voxels
    flair[0, 0, :4] = (0.5 - 1) / UNIT  # half as bright as tissue
    flair[0, 1, :6] = (1.5 - 1) / UNIT
    flair[2:] = -3.0  # not of the brain
    found = measure(flair, brain=brain)
    assert found["dark_share"] == pytest.approx(2.0) and found["bright_share"] == pytest.approx(3.0)
    halves = np.zeros((4, 10, 10))
    halves[:2] = 0.2 / UNIT
    assert measure(halves)["spread"] == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_white_noise_has_its_standard_deviation_and_slopes_have_none(sigma):
    rng = np.random.default_rng(1)
    slope = np.linspace(0, 2, 40)[:, None, None] + np.zeros((40, 40, 40))
    assert measure(slope)["noise"] == pytest.approx(0, abs=1e-4)
    noisy = slope + rng.normal(0, sigma / UNIT, slope.shape)
    assert measure(noisy)["noise"] == pytest.approx(100 * sigma, rel=0.03)


def test_steps_from_slice_to_slice_are_no_noise():
    rng = np.random.default_rng(2)
    steps = rng.normal(0, 1, (20, 1, 1)) + np.zeros((20, 30, 30))
    assert measure(steps, spacing=(6.0, 1.0, 1.0))["noise"] == pytest.approx(0, abs=1e-6)
    # with one row, only the axis across slices is left, and it does not count
    row = steps[:, :1]
    assert measure(row, spacing=(6.0, 1.0, 1.0))["noise"] == pytest.approx(0, abs=1e-6)
    assert measure(row[:, :, :1], spacing=(6.0, 1.0, 1.0))["noise"] == 0
    assert measure(row[:, :, :1], spacing=(1.0, 1.0, 1.0))["noise"] > 10
