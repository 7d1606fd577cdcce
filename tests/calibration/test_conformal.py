"""Promises: the published example, an independent library, and what happens when they are put to the test."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.conformal import (
    control_mean,
    control_with_confidence,
    hoeffding_bentkus,
)

GRID = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
MISSED = np.array(
    [[0, 0.1, 0.2, 0.4, 0.8], [0, 0, 0.1, 0.3, 0.9], [0.05, 0.1, 0.3, 0.5, 0.9], [0, 0.05, 0.1, 0.2, 0.6]]
)
LOSSES = hnp.arrays(float, st.tuples(st.integers(1, 30), st.just(5)), elements=st.floats(0, 1))


@pytest.mark.parametrize(
    ("limit", "threshold"), [(0.20, None), (0.21, 0.1), (0.3, 0.3), (0.4, 0.5), (0.5, 0.7), (0.85, 0.9)]
)
def test_the_mean_is_controlled_as_by_hand(limit, threshold):
    # (n * mean + 1) / (n + 1) is 0.21, 0.25, 0.34, 0.48, 0.84
    assert control_mean(MISSED, GRID, limit).threshold == threshold


def test_too_few_cases_are_named():
    nothing_missed = np.zeros((8, 5))
    promise = control_mean(nothing_missed, GRID, 0.1)
    assert promise.threshold is None and promise.needed == 9
    assert promise.reason == "8 cases cannot support this guarantee: it needs at least 9."
    assert control_mean(np.zeros((9, 5)), GRID, 0.1).threshold == 0.9
    promise = control_with_confidence(nothing_missed, GRID, 0.1, confidence=0.9)
    assert promise.threshold is None and promise.needed == 22
    assert control_with_confidence(np.zeros((22, 5)), GRID, 0.1).threshold == 0.9
    assert control_with_confidence(np.zeros((21, 5)), GRID, 0.1).threshold is None
    one = control_mean(np.zeros((1, 5)), GRID, 0.1)
    assert one.reason.startswith("1 case cannot") and math.isnan(one.loss)


def test_large_losses_are_named_too():
    promise = control_mean(np.full((50, 5), 0.6), GRID, 0.1)
    assert promise.threshold is None and "lose too much" in promise.reason
    assert control_mean(np.full((50, 5), 0.05), GRID, 0.1).reason == ""


@settings(deadline=None, max_examples=60)
@given(losses=LOSSES, limit=st.floats(0.02, 0.98), confidence=st.floats(0.5, 0.99))
def test_a_kept_promise_is_below_its_limit_and_no_more_daring_than_a_weaker_one(losses, limit, confidence):
    losses = np.sort(losses, axis=1)
    for control in (
        control_mean,
        lambda *a, **k: control_with_confidence(*a, confidence=confidence, **k),
    ):
        strict, weak = control(losses, GRID, limit), control(losses, GRID, min(0.99, limit * 1.5))
        if strict.threshold is not None:
            assert strict.loss <= limit + 1e-9
            assert weak.threshold >= strict.threshold
        mirrored = control(losses[:, ::-1], GRID, limit, safest="high")
        expected = None if strict.threshold is None else GRID[::-1][np.searchsorted(GRID, strict.threshold)]
        assert mirrored.threshold == expected


@settings(deadline=None, max_examples=40)
@given(losses=LOSSES)
def test_where_losses_fall_again_the_largest_before_counts(losses):
    promise = control_mean(losses, GRID, 0.3)
    steady = control_mean(np.maximum.accumulate(losses, axis=1), GRID, 0.3)
    assert promise.threshold == steady.threshold


def test_p_values_are_those_of_an_independent_library():
    methods = pytest.importorskip("mapie.risk_control.methods", reason="the oracle, mapie, is not installed")
    mean = np.linspace(0, 0.999, 41) + 1e-4  # no whole number of losses, where the library's rounding decides
    for n, limit in ((5, 0.1), (30, 0.2), (200, 0.5)):
        theirs = methods.compute_hoeffding_bentkus_p_value(mean, n, limit)[:, 0]
        np.testing.assert_allclose(hoeffding_bentkus(mean, n, limit), np.minimum(theirs, 1), atol=1e-12)


def test_the_bound_on_the_mean_is_that_of_an_independent_library():
    methods = pytest.importorskip("mapie.risk_control.methods", reason="the oracle, mapie, is not installed")
    rng = np.random.default_rng(0)
    losses = np.sort(rng.random((40, 99)) ** 2, axis=1)
    grid = np.arange(1, 100) / 100
    _, bound = methods.get_r_hat_plus(losses, grid, "crc", None, None, None)
    for limit in (0.1, 0.25, 0.4):
        assert control_mean(losses, grid, limit).threshold == grid[bound <= limit][-1]


def worlds(rng, n):
    """Losses of n cases drawn from one distribution, rising with the threshold."""
    grid = np.arange(1, 100) / 100
    quality = rng.beta(2, 6, size=(n, 1))
    return np.clip(grid[None] ** 2 * 2 * quality, 0, 1), grid


def test_further_cases_keep_the_promise():
    """In 400 worlds: a further case's loss on average, and how often the true mean is above the limit."""
    rng = np.random.default_rng(1)
    further, broken = [], 0
    truth, _ = worlds(np.random.default_rng(2), 20000)
    for _ in range(400):
        losses, grid = worlds(rng, 40)
        mean = control_mean(losses[:-1], grid, 0.2)
        further.append(losses[-1, np.searchsorted(grid, mean.threshold)])
        sure = control_with_confidence(losses[:-1], grid, 0.2, confidence=0.9)
        if sure.threshold is not None:
            broken += truth.mean(axis=0)[np.searchsorted(grid, sure.threshold)] > 0.2
    assert np.mean(further) <= 0.2 + 2 * np.std(further) / 20
    assert np.mean(further) > 0.12  # and is not idle
    assert broken <= 40


@pytest.mark.parametrize(
    ("losses", "grid", "limit", "wrong"),
    [
        (np.zeros((0, 5)), GRID, 0.1, "no calibration case"),
        (np.zeros((3, 4)), GRID, 0.1, r"shape \(3, 4\).*5 thresholds"),
        (np.zeros(5), GRID, 0.1, "shape"),
        (np.full((3, 5), 1.5), GRID, 0.1, "from 0 to 1"),
        (np.full((3, 5), np.nan), GRID, 0.1, "none may be missing"),
        (np.zeros((3, 5)), GRID[::-1], 0.1, "increase"),
        (np.zeros((3, 5)), GRID, 0.0, "limit should lie between 0 and 1"),
        (np.zeros((3, 5)), GRID, math.nan, "limit should lie"),
    ],
)
def test_what_cannot_be_used_is_refused(losses, grid, limit, wrong):
    with pytest.raises(InputError, match=wrong):
        control_mean(losses, grid, limit)
    with pytest.raises(InputError, match=wrong):
        control_with_confidence(losses, grid, limit)


def test_a_confidence_must_be_one():
    with pytest.raises(InputError, match="confidence should lie"):
        control_with_confidence(MISSED, GRID, 0.1, confidence=1.0)
