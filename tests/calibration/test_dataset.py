"""Calibration of several cases against the authors' numbers and plain pooling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.dataset import dataset_calibration, join, reliability_histogram
from napari_uncertainseg.calibration.reliability import Reliability, reliability


def case(mean, fraction, count) -> Reliability:
    nothing = np.full(len(count), np.nan)
    edges = np.linspace(0, 1, len(count) + 1)
    return Reliability(edges, np.array(mean), np.array(fraction), np.array(count), nothing, nothing)


# The two cases and the results of the authors' code, methods b.
TWO = [case([0.1, 0.9], [0.0, 1.0], [90, 10]), case([0.3, 0.7], [0.5, 0.5], [10, 90])]


def cohort(seed, n=5, bins=10):
    rng = np.random.default_rng(seed)
    voxels = [(p := rng.random(rng.integers(1, 400)) ** 2, rng.random(len(p)) < p) for _ in range(n)]
    return voxels, [reliability(p, y, bins=bins) for p, y in voxels]


def test_constants_of_the_authors_code() -> None:
    theirs, pooled = join(TWO, micro="reference"), join(TWO)
    assert (theirs.ece, theirs.ace, theirs.mce) == pytest.approx((0.20, 0.20, 0.25))
    assert (pooled.ece, pooled.ace, pooled.mce) == pytest.approx((0.12, 0.12, 0.17))
    assert theirs.count.tolist() == pooled.count.tolist() == [100, 100]


def test_heat_map_of_the_authors_code() -> None:
    found = reliability_histogram(TWO)
    assert found.cases.tolist() == [[0, 1], [2, 1]]
    assert found.count.tolist() == [100, 100]
    assert found.edges.tolist() == [0, 0.5, 1]


def test_macro_is_the_mean_of_the_cases() -> None:
    found = dataset_calibration(TWO)
    assert found.macro_ece == pytest.approx((0.1 + 0.2) / 2)
    assert found.macro_ace == pytest.approx((0.1 + 0.2) / 2)
    assert found.macro_mce == pytest.approx((0.1 + 0.2) / 2)
    assert found.cases == 2 and found.micro.ece == pytest.approx(0.12)
    assert dataset_calibration(TWO, micro="reference").micro.ece == pytest.approx(0.20)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_pooled_is_one_case_of_all_voxels(seed) -> None:
    voxels, cases = cohort(seed)
    found = join(cases)
    one = reliability(*(np.concatenate(x) for x in zip(*voxels, strict=True)), bins=10)
    np.testing.assert_array_equal(found.count, one.count)
    for name in ("mean_probability", "fraction", "low", "high"):
        np.testing.assert_allclose(getattr(found, name), getattr(one, name), rtol=1e-12, atol=1e-15)
    again = join(cases[::-1])
    assert again.ece == pytest.approx(one.ece, abs=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_reference_against_its_formula(seed) -> None:
    _, cases = cohort(seed)
    found = join(cases, micro="reference")
    means = np.stack([one.mean_probability for one in cases])
    count = np.stack([one.count for one in cases])
    for k in range(10):
        filled = count[:, k] > 0
        if not filled.any():
            assert np.isnan(found.mean_probability[k])
            continue
        assert found.mean_probability[k] == pytest.approx(means[filled, k].mean())
        assert found.fraction[k] == pytest.approx(join(cases).fraction[k])


def test_modes_agree_on_one_case() -> None:
    _, cases = cohort(3, n=1)
    a, b = join(cases), join(cases, micro="reference")
    np.testing.assert_allclose(a.mean_probability, b.mean_probability)
    assert a.ace == pytest.approx(cases[0].ace)


@given(st.integers(0, 10_000), st.integers(1, 25))
@settings(max_examples=40, deadline=None)
def test_heat_map_counts_every_filled_bin_once(seed, bins) -> None:
    _, cases = cohort(seed, bins=bins)
    found = reliability_histogram(cases)
    filled = np.stack([one.count > 0 for one in cases])
    np.testing.assert_array_equal(found.cases.sum(axis=0), filled.sum(axis=0))
    np.testing.assert_array_equal(found.count, sum(one.count for one in cases))


def test_heat_map_of_a_calibrated_cohort_is_a_diagonal() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat((np.arange(5) + 0.5) / 5, 4000)
    cases = [reliability(centres, rng.random(len(centres)) < centres, bins=5) for _ in range(7)]
    np.testing.assert_array_equal(reliability_histogram(cases).cases, 7 * np.eye(5, dtype=int)[::-1])


def test_a_case_without_a_voxel_does_not_count() -> None:
    nobody = case([np.nan, np.nan], [np.nan, np.nan], [0, 0])
    found = dataset_calibration([*TWO, nobody])
    assert found.cases == 2 and found.macro_ece == pytest.approx(0.15)
    assert found.micro.ece == pytest.approx(0.12)
    assert join([*TWO, nobody], micro="reference").ece == pytest.approx(0.20)
    empty = dataset_calibration([nobody])
    assert empty.cases == 0 and np.isnan([empty.macro_ece, empty.micro.ece, empty.micro.mce]).all()
    assert not reliability_histogram([nobody]).cases.any()


def test_bins_of_the_reference_cases(shared_data) -> None:
    path = shared_data.parent / "reference" / "average_calibration_error_0.npz"
    if not path.exists():
        pytest.skip(f"the reference case {path} is not there")
    with np.load(path) as data:
        logits, labels = data["logits"].astype(float), data["labels"]
        mean, target, count = (data[f"hard_bin_{x}"][:, 1] for x in ("prediction", "target", "count"))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    cases = [reliability(p[b, 1], labels[b] == 1) for b in range(len(p))]
    found = join(cases, micro="reference")
    n = np.nan_to_num(count)
    filled = n.sum(0) > 0
    expected = np.abs(
        np.nanmean(mean[:, filled], 0) - (np.nan_to_num(target) * n).sum(0)[filled] / n.sum(0)[filled]
    )
    assert found.ace == pytest.approx(expected.mean(), abs=2e-6)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="no case"):
        join([])
    with pytest.raises(InputError, match="different bins"):
        join([TWO[0], case([0.1] * 3, [0.0] * 3, [1, 1, 1])])
    with pytest.raises(InputError, match="pooled"):
        dataset_calibration(TWO, micro="other")
    p = np.random.default_rng(0).random(100)
    with pytest.raises(InputError, match="equal width"):
        reliability_histogram([reliability(p, p > 0.5, scheme="mass")])
