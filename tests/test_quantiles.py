"""Percentiles: those of numpy, bit for bit, also where a sample tells little."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg._quantiles import median, percentiles, quantiles

WANTED = (0, 0.1, 1, 25, 50, 75, 99, 99.9, 100)
N = 50_001


def kinds():
    rng = np.random.default_rng(0)
    regular = rng.normal(100, 20, N)
    misleading = regular.copy()
    misleading[6::12] = 1e6  # just what a sample of every twelfth number would see
    return {
        "normal": regular,
        "heavy tails": rng.standard_cauchy(N),
        "whole numbers": np.rint(rng.gamma(2, 3, N)),
        "one value": np.full(N, 7.0),
        "nearly one value": np.where(rng.random(N) < 1e-4, 5.0, 0.0),
        "two values": rng.random(N) < 0.5,
        "ascending": np.arange(N),
        "misleading": misleading,
        "tiny": rng.normal(0, 1e-40, N),
        "few": rng.random(7),
        "one": np.array([3.5]),
        "even": rng.random(N - 1),
    }


@pytest.mark.parametrize("kind", list(kinds()))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_those_of_numpy(kind, dtype):
    values = kinds()[kind].astype(dtype)
    before = values.copy()
    found, expected = percentiles(values, WANTED), np.percentile(values, WANTED)
    assert found.dtype == expected.dtype and np.array_equal(found, expected)
    assert np.array_equal(quantiles(values, (0.005, 0.995)), np.quantile(values, (0.005, 0.995)))
    assert median(values) == np.median(values) and median(values).dtype == dtype
    assert np.array_equal(values, before)


def test_any_shape_and_what_is_no_single_block():
    values = np.random.default_rng(1).random((40, 50, 60)).astype(np.float32)[:, ::2, 1:]
    assert np.array_equal(percentiles(values, (1, 99)), np.percentile(values, (1, 99)))
    assert median(values) == np.median(values)


def test_the_sample_saves_sorting(monkeypatch):
    """Of a million numbers only those near the percentile are sorted; all if the sample is odd."""
    sorted_numbers = []
    partition = np.partition

    def counted(values, places):
        sorted_numbers.append(len(values))
        return partition(values, places)

    monkeypatch.setattr(np, "partition", counted)
    values = np.random.default_rng(2).normal(size=1_000_000).astype(np.float32)
    percentiles(values, (1, 50))
    assert max(sorted_numbers) < 100_000
    values[122::244] = np.float32(9)
    percentiles(values, (50,))
    assert sorted_numbers[-1] == 1_000_000
