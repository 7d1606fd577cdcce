"""What a recalibration would do is what it does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg import InputError
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.recalibration import Beta, Platt, Recalibration, Temperature, fit
from napari_uncertainseg.calibration.recalibration_preview import fixed_temperature, reliability_after
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.scores import nll


@pytest.fixture(scope="module")
def voxels() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    z = rng.normal(-2, 3, 60_000)
    p = (1 / (1 + np.exp(-1.7 * z))).astype(np.float32)
    return p, rng.random(len(z)) < 1 / (1 + np.exp(-z))


KINDS = [
    Temperature(0, 0, 1.7),
    Temperature(0, 0, 0.3),
    Platt(0, 0, 0.5, -1.0),
    Beta(0, 0, 0.4, 0.7, 0.2),
]


@pytest.mark.parametrize("how", KINDS, ids=lambda one: one.kind)
def test_it_is_the_reliability_of_the_recalibrated_voxels(voxels, how: Recalibration):
    p, y = voxels
    tried, done = (
        reliability_after(ProbabilityHistogram.from_probability(p, y), how),
        reliability(how.apply(p), y),
    )
    assert np.abs(tried.count - done.count).sum() <= 2e-3 * len(p)
    assert tried.count.sum() == len(p)
    full = done.count > 200
    np.testing.assert_allclose(tried.mean_probability[full], done.mean_probability[full], atol=1e-3)
    np.testing.assert_allclose(tried.fraction[full], done.fraction[full], atol=5e-3)
    assert tried.ece == pytest.approx(done.ece, abs=1e-3)
    np.testing.assert_array_equal(tried.edges, done.edges)


def test_isotonic_too(voxels):
    p, y = voxels
    evidence = ProbabilityHistogram.from_probability(p, y)
    how = fit(evidence, "isotonic")
    assert reliability_after(evidence, how).ece < 2e-3 < reliability_after(evidence).ece


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=80))
def test_without_a_recalibration_it_is_that_of_the_voxels(pairs):
    """Voxels in the middle of coarse bins: none lies across an edge."""
    p = np.array([(np.floor(x * 9.999) + 0.5) / 10 for x, _ in pairs], np.float32)
    y = np.array([lesion for _, lesion in pairs])
    tried, done = (
        reliability_after(ProbabilityHistogram.from_probability(p, y), bins=10),
        reliability(p, y, bins=10),
    )
    np.testing.assert_array_equal(tried.count, done.count)
    np.testing.assert_allclose(tried.fraction, done.fraction)
    np.testing.assert_allclose(tried.mean_probability, done.mean_probability, atol=1e-6)
    np.testing.assert_allclose(tried.low, done.low)


def test_a_temperature_by_hand_knows_its_likelihood(voxels):
    p, y = voxels
    evidence = ProbabilityHistogram.from_probability(p, y)
    found = fixed_temperature(evidence, 1.7)
    assert found.nll_before == pytest.approx(nll(p, y), rel=1e-4)
    assert found.nll_after == pytest.approx(nll(found.apply(p), y), rel=1e-4)
    best = fit(evidence)
    assert fixed_temperature(evidence, best.temperature).nll_after == pytest.approx(best.nll_after)  # type: ignore[attr-defined]


def test_an_empty_region_has_empty_bins_and_no_temperature():
    nothing = ProbabilityHistogram.from_probability(np.zeros(3), np.zeros(3), region=np.zeros(3, bool))
    assert not reliability_after(nothing).count.any() and np.isnan(reliability_after(nothing).ace)
    with pytest.raises(InputError, match="no voxel in the region"):
        fixed_temperature(nothing, 2.0)


@pytest.mark.parametrize("bins", [0, 255])
def test_bins_are_few(voxels, bins):
    with pytest.raises(InputError, match="1 to 254 bins"):
        reliability_after(ProbabilityHistogram.from_probability(*voxels), bins=bins)


@pytest.mark.parametrize("temperature", [0.0, -1.0, 65.0, np.nan])
def test_a_temperature_out_of_bounds_is_said(voxels, temperature):
    with pytest.raises(InputError, match="temperature of a recalibration lies"):
        fixed_temperature(ProbabilityHistogram.from_probability(*voxels), temperature)
