"""Recalibration of several classes against what made the labels, and against that of two."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.recalibration import fit
from napari_uncertainseg.calibration.scores import nll
from napari_uncertainseg.calibration.vector import VectorScaling, fit_vector


def drawn(seed, scale, shift, n=30_000):
    """Probabilities, and labels that are drawn by them as they ought to be."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, (len(scale), n))
    p = softmax(z, axis=0)
    true = softmax(np.log(p) * np.array(scale)[:, None] + np.array(shift)[:, None], axis=0)
    labels = (rng.random(n)[None] > np.cumsum(true, 0)).sum(0)
    return p, labels


def test_what_was_distorted_is_found() -> None:
    scale, shift = (0.5, 1.5, 0.8), (0.0, -0.7, 0.4)
    p, labels = drawn(0, scale, shift)
    found = fit_vector(p, labels)
    np.testing.assert_allclose(found.scale, scale, atol=0.1)
    np.testing.assert_allclose(found.shift, shift, atol=0.1)
    q = found.apply(p)
    assert q.dtype == np.float32 and q.shape == p.shape
    np.testing.assert_allclose(q.sum(0), 1, atol=1e-5)
    assert nll(q, labels) == pytest.approx(found.nll_after, rel=1e-4)
    assert nll(p, labels) == pytest.approx(found.nll_before, rel=1e-4)
    again, _ = drawn(1, scale, shift)
    assert VectorScaling((1.0,) * 3, (0.0,) * 3, 0, 0).apply(again) == pytest.approx(again, abs=1e-6)


def test_one_temperature_keeps_the_winner() -> None:
    p, labels = drawn(2, (0.4,) * 4, (0.0,) * 4)
    found = fit_vector(p, labels, one_temperature=True)
    assert 1 / found.scale[0] == pytest.approx(2.5, rel=0.05) and len(set(found.scale)) == 1
    np.testing.assert_array_equal(found.apply(p).argmax(0), p.argmax(0))


def test_of_two_classes_it_is_beta_calibration() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(0.7, 2.0, 20_000).clip(1e-4, 1 - 1e-4)
    labels = (rng.random(p.size) < p**1.7).astype(int)
    found = fit_vector(np.stack([1 - p, p]), labels)
    beta = fit(ProbabilityHistogram.from_probability(p, labels > 0), "beta")
    np.testing.assert_allclose(found.apply(np.stack([1 - p, p]))[1], beta.apply(p), atol=2e-3)
    assert found.nll_after == pytest.approx(beta.nll_after, abs=1e-5)


@given(st.integers(0, 1000), st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_it_is_never_worse_than_one_temperature_nor_that_than_nothing(seed, classes) -> None:
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(0, 2, (classes, 6, 7, 8)), axis=0)
    labels = rng.integers(0, classes, (6, 7, 8))
    region = rng.random(labels.shape) < 0.8
    labels[region] = np.where(rng.random(region.sum()) < 0.1, labels[region], p.argmax(0)[region])
    if len(np.unique(labels[region])) < classes:
        return
    one, each = (fit_vector(p, labels, region=region, one_temperature=x) for x in (True, False))
    assert each.nll_after <= one.nll_after + 1e-6 <= one.nll_before + 2e-6


def test_bad_input_is_named() -> None:
    p, labels = drawn(4, (1, 1, 1), (0, 0, 0), n=50)
    with pytest.raises(InputError, match="every class"):
        fit_vector(p, labels % 2)
    with pytest.raises(InputError, match="sum to 1"):
        fit_vector(p * 0.9, labels)
    with pytest.raises(InputError, match="3 classes, not on 2"):
        fit_vector(p, labels).apply(p[:2])
