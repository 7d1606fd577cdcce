"""Reliability against the literature, MONAI and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import Binned, reliability, wilson_band

P = np.array([0.05, 0.15, 0.15, 0.35, 0.55, 0.75, 0.95, 0.95], np.float32)
Y = np.array([0, 0, 1, 0, 1, 1, 1, 1])


def test_constants_of_the_paper() -> None:
    found = reliability(P, Y, bins=5)
    np.testing.assert_allclose(found.mean_probability, [0.116667, 0.35, 0.55, 0.75, 0.95], atol=1e-6)
    np.testing.assert_allclose(found.fraction, [0.333333, 0, 1, 1, 1], atol=1e-6)
    assert found.count.tolist() == [3, 1, 1, 1, 2]
    assert found.ace == pytest.approx(0.263333, abs=1e-6)
    assert found.ece == pytest.approx(0.225, abs=1e-6)
    assert found.mce == pytest.approx(0.45, abs=1e-6)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_bins_of_the_authors_code(shared_data, case) -> None:
    path = shared_data.parent / "reference" / f"average_calibration_error_{case}.npz"
    if not path.exists():
        pytest.skip(f"the reference case {path} is not there")
    with np.load(path) as data:
        logits = data["logits"]
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        for b in range(p.shape[0]):
            for c in range(p.shape[1]):
                found = reliability(p[b, c], data["labels"][b] == c)
                expected = data["hard_bin_count"][b, c]
                np.testing.assert_array_equal(found.count, np.nan_to_num(expected))
                filled = found.count > 0
                for ours, theirs in (("mean_probability", "prediction"), ("fraction", "target")):
                    np.testing.assert_allclose(
                        getattr(found, ours)[filled], data[f"hard_bin_{theirs}"][b, c][filled], atol=2e-6
                    )


def monai_bins(p: np.ndarray, y: np.ndarray, bins: int):
    torch = pytest.importorskip("torch")
    pytest.importorskip("monai", minversion="1.6")  # the first with bins for calibration
    binning = pytest.importorskip("monai.metrics").calibration_binning
    tensors = (torch.from_numpy(np.ascontiguousarray(x, np.float32)).reshape(1, 1, -1, 1, 1) for x in (p, y))
    return [np.nan_to_num(x.numpy()[0, 0]) for x in binning(*tensors, num_bins=bins, right=False)]


@pytest.mark.parametrize("bins", [1, 5, 10, 15, 20, 100])
def test_monai_also_at_the_edges(bins) -> None:
    rng = np.random.default_rng(bins)
    p = np.concatenate([np.linspace(0, 1, bins + 1), rng.random(500)]).astype(np.float32)
    y = rng.random(len(p)) < p
    mean, fraction, count = monai_bins(p, y, bins)
    found = reliability(p, y, bins=bins)
    np.testing.assert_array_equal(found.count, count)
    np.testing.assert_allclose(np.nan_to_num(found.mean_probability), mean, atol=1e-6)
    np.testing.assert_allclose(np.nan_to_num(found.fraction), fraction, atol=1e-6)


@given(
    arrays(np.float32, 60, elements=st.floats(0, 1, width=32)),
    arrays(bool, 60),
    arrays(bool, 60),
    st.integers(1, 30),
    st.sampled_from(["width", "mass"]),
)
@settings(max_examples=100, deadline=None)
def test_properties(p, y, region, bins, scheme) -> None:
    found = reliability(p, y, region=region, bins=bins, scheme=scheme)
    assert found.count.sum() == region.sum()
    assert len(found.edges) - 1 == len(found.count) <= bins
    assert (np.diff(found.edges) > 0).all()
    filled = found.count > 0
    if not region.any():
        assert np.isnan([found.ece, found.ace, found.mce]).all() and not filled.any()
        return
    assert 0 <= found.ece <= found.mce + 1e-12 <= 1 + 1e-11 and found.ace <= found.mce + 1e-12
    inside = found.mean_probability[filled]
    assert (inside >= found.edges[:-1][filled] - 1e-6).all()
    assert (inside <= found.edges[1:][filled] + 1e-6).all()
    assert np.isnan(found.fraction[~filled]).all()
    assert (found.low[filled] <= found.fraction[filled]).all()
    assert (found.high[filled] >= found.fraction[filled]).all()
    assert (found.fraction[filled] * found.count[filled]).sum() == pytest.approx((y & region).sum())
    shuffled = np.random.default_rng(0).permutation(60)
    again = reliability(p[shuffled], y[shuffled], region=region[shuffled], bins=bins, scheme=scheme)
    assert again.ece == pytest.approx(found.ece, abs=1e-9)


def test_equal_mass_holds_equally_many() -> None:
    p = np.random.default_rng(0).random((10, 20, 20), np.float32) ** 3
    found = reliability(p, p > 0.5, bins=10, scheme="mass")
    assert len(found.count) == 10 and np.abs(found.count - 400).max() <= 1
    tied = reliability(np.where(p < 0.5, 0, p), p > 0.5, bins=10, scheme="mass")
    assert tied.count[0] >= (p < 0.5).sum() and len(tied.count) < 10 and tied.count.sum() == p.size


def test_a_calibrated_prediction_is_found_calibrated() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(400_000)
    found = reliability(p, rng.random(p.shape) < p)
    assert found.ece < 0.01 and found.mce < 0.02
    covered = (found.low <= found.mean_probability) & (found.mean_probability <= found.high)
    assert covered.mean() >= 0.8


def test_binned_once_serves_many_references() -> None:
    rng = np.random.default_rng(5)
    p, region = rng.random((6, 7, 8)), rng.random((6, 7, 8)) < 0.5
    binned = Binned.from_probability(p, region=region)
    for seed in range(3):
        y = np.random.default_rng(seed).random(p.shape) < 0.2
        one, two = binned.against(y), reliability(p[region], y[region])
        np.testing.assert_array_equal(one.fraction, two.fraction)
        np.testing.assert_array_equal(binned.against(y * 7).fraction, two.fraction)


def test_wilson_band_of_textbooks() -> None:
    # 9 of 10: Brown, Cai, DasGupta 2001 give the formula; scipy's is the same.
    from scipy.stats import binomtest

    for k, n in ((9, 10), (0, 5), (5, 5), (37, 400)):
        expected = binomtest(k, n).proportion_ci(method="wilson")
        low, high = wilson_band(np.array([k]), np.array([n]))
        assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    low, high = wilson_band(np.array([0]), np.array([0]))
    assert np.isnan(low[0]) and np.isnan(high[0])


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5])
def test_bad_probabilities_are_refused(bad) -> None:
    with pytest.raises(InputError, match="0 to 1"):
        reliability(np.array([0.5, bad]), np.array([0, 1]))


def test_bad_shapes_and_settings_are_refused() -> None:
    with pytest.raises(InputError, match="same grid"):
        reliability(P, Y[:3])
    with pytest.raises(InputError, match="region"):
        reliability(P, Y, region=np.ones(3, bool))
    for bins in (0, 255):
        with pytest.raises(InputError, match="bins"):
            reliability(P, Y, bins=bins)
    with pytest.raises(InputError, match="mass"):
        reliability(P, Y, scheme="other")
