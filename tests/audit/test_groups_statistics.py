"""Tests, intervals and pairs of groups, against scipy, formulas written out, and what must be so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_uncertainseg.audit.groups.adjusting import CALIPER, design_of, matched_pairs
from napari_uncertainseg.audit.groups.intervals import (
    _drawn_gaps,
    adjusted_interval,
    paired_interval,
    raw_interval,
)
from napari_uncertainseg.audit.groups.patients import Covariate
from napari_uncertainseg.audit.groups.permutation import (
    AdjustedGap,
    adjusted_test,
    farthest_test,
    paired_test,
    raw_test,
    welch,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def groups(*sizes: int) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def welch_of(one, two, axis):
    return stats.ttest_ind(two, one, equal_var=False, axis=axis).statistic


@pytest.mark.parametrize("sizes", [(5, 5), (5, 8), (7, 6)])
def test_the_exact_test_is_that_of_scipy_or_of_t(rng, sizes):
    for shift in (0.0, 1.5):
        values = rng.normal(0, 1, sum(sizes))
        second = groups(*sizes) == 1
        values[second] = 2 * values[second] + shift
        found = raw_test(values, second, 999, rng)
        split = values[~second], values[second]
        exact = stats.permutation_test(
            split, lambda x, y, axis: abs(welch_of(x, y, axis)), alternative="greater"
        )
        t = 2 * stats.t.sf(abs(welch_of(*split, 0)), min(sizes) - 1)
        assert found.exact and found.p == pytest.approx(max(exact.pvalue, t))
        assert found.floor <= found.p


def test_drawn_permutations_come_near_all_of_them(rng, monkeypatch):
    values, second = rng.normal(0, 1, 14), groups(7, 7) == 1
    exact = raw_test(values, second, 999, rng)
    monkeypatch.setattr("napari_uncertainseg.audit.groups.permutation.MOST_EXACT", 10)
    drawn = raw_test(values, second, 20_000, rng)
    assert not drawn.exact and drawn.p == pytest.approx(exact.p, abs=0.02) and drawn.floor == 1 / 20_001


def test_ties_and_equal_values_have_a_p_of_one(rng):
    second = groups(6, 6) == 1
    for values in (np.zeros(12), np.full(12, 0.1), np.tile([0.0, 1.0], 6)):
        assert raw_test(values, second, 999, rng).p == 1
    assert raw_test(np.where(second, 1.0, 0.0), second, 999, rng).p == pytest.approx(
        2 / 924
    )  # no spread at all
    assert raw_interval(np.zeros(12), second, rng) == pytest.approx((np.nan, np.nan), nan_ok=True)
    assert paired_test(np.zeros(6), 999, rng).p == 1
    flat = AdjustedGap(second, np.arange(12.0)[:, None] % 5)
    assert adjusted_test(np.full(12, 0.3), flat, 199, rng).p == 1
    assert adjusted_test(np.arange(12.0) % 5 + 1, flat, 199, rng).p == 1  # the covariate says all


@given(st.lists(st.integers(0, 3), min_size=10, max_size=10), st.floats(-1e5, 1e5), st.floats(1e-6, 1e6))
@settings(max_examples=40)
def test_p_does_not_hang_on_unit_and_origin(values, origin, unit):
    """The origin in units: farther off, rounding of the values themselves parts equal ones."""
    second, rng = groups(5, 5) == 1, np.random.default_rng(0)
    own = np.array(values, float)
    assert raw_test(own, second, 999, rng).p == pytest.approx(
        raw_test(unit * (own + origin), second, 999, rng).p, rel=0.02
    )


def test_a_gap_without_covariates_is_welchs(rng):
    values, second = rng.normal(0, 1, 17), groups(6, 11) == 1
    gap, variance = AdjustedGap(second, np.empty((17, 0))).of(values)
    plain, statistic = welch(values, second[None])
    assert gap == pytest.approx(plain[0]) and gap / np.sqrt(variance) == pytest.approx(statistic[0])
    assert statistic[0] == pytest.approx(welch_of(values[~second], values[second], 0))


def test_an_adjusted_gap_is_that_of_least_squares_with_hc2(rng):
    n = 30
    second, design = groups(12, 18) == 1, rng.normal(0, 1, (n, 3))
    values = rng.normal(0, 1, n) + design @ [1, 2, 3] + 0.5 * second
    x = np.column_stack([second, np.ones(n), design])
    inverse = np.linalg.inv(x.T @ x)
    weights = inverse @ x.T @ values
    residuals, leverage = values - x @ weights, np.einsum("ij,jk,ik->i", x, inverse, x)
    hc2 = inverse @ (x.T * (residuals**2 / (1 - leverage))) @ x @ inverse
    gap, variance = AdjustedGap(second, design).of(values)
    assert gap == pytest.approx(weights[0]) and variance == pytest.approx(hc2[0, 0])
    drawn = _drawn_gaps(*(part[None] for part in (values, second, design)))
    assert np.ravel(drawn) == pytest.approx([float(gap), float(variance)])


def test_draws_in_which_groups_follow_from_covariates_have_no_gap():
    values, second = np.arange(8.0), groups(4, 4) == 1
    design = np.column_stack([second, np.arange(8) % 2]).astype(float)
    with pytest.raises(ValueError, match="follow"):
        AdjustedGap(second, design)
    gap, _ = _drawn_gaps(values[None], second[None], design[None])
    assert np.isnan(gap).all()


def test_the_test_of_pairs_is_that_of_scipy(rng):
    differences = rng.normal(0.5, 1, 9)
    exact = stats.permutation_test(
        (differences, np.zeros(9)), lambda x, y, axis: (x - y).sum(axis), permutation_type="samples"
    )
    found = paired_test(differences, 999, rng)
    assert (
        found.exact and found.p == pytest.approx(exact.pvalue, abs=1 / 512 + 1e-12) and found.floor == 2 / 512
    )
    assert paired_test(np.ones(20), 999, rng).p == 1 / 1000


def test_the_farthest_of_many_groups_are_tested_as_such(rng):
    of = groups(8, 8, 8, 8, 8, 8)
    chosen, alone = [], []
    for _ in range(60):
        values = rng.normal(0, 1, 48)
        means = [values[of == i].mean() for i in range(6)]
        pair = int(np.argmin(means)), int(np.argmax(means))
        who = np.isin(of, pair)
        chosen.append(farthest_test(values, of, pair, 199, rng).p)
        alone.append(raw_test(values[who], of[who] == pair[1], 199, rng).p)
    assert np.mean(np.array(chosen) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(np.array(alone) <= 0.05) > 0.12  # as if nobody had chosen
    values[of == 5] += 5
    assert farthest_test(values, of, (0, 5), 999, rng).p < 0.05


def test_an_interval_lies_around_the_gap_and_shrinks(rng):
    widths = []
    for n in (6, 24, 96):
        values, second = rng.normal(0, 1, 2 * n), groups(n, n) == 1
        low, high = raw_interval(values, second, rng)
        assert low < values[second].mean() - values[~second].mean() < high
        widths.append(high - low)
        t = stats.ttest_ind(values[second], values[~second], equal_var=False).confidence_interval()
        assert high - low == pytest.approx(t.high - t.low, rel=0.35)
    assert widths[0] > widths[1] > widths[2]
    values, age = rng.normal(0, 1, 40), rng.normal(0, 1, (40, 1))
    low, high = adjusted_interval(values, groups(20, 20) == 1, age, rng)
    assert low < AdjustedGap(groups(20, 20) == 1, age).of(values)[0] < high
    differences = rng.normal(0, 1, 10)
    low, high = paired_interval(differences, rng)
    assert low < differences.mean() < high


def test_one_outlier_in_a_constant_group_gives_no_interval(rng):
    """In a third of the draws nothing differs: how far the gap could lie cannot be said."""
    values = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 0], float)
    assert np.isnan(raw_interval(values, groups(5, 5) == 1, rng)).all()


def numbers(*values: float) -> Covariate:
    return Covariate("age", np.array(values, float))


def words(*values: str) -> Covariate:
    return Covariate("scanner", np.array(values, dtype=object))


def test_as_many_pairs_as_there_can_be_the_nearest_of_them():
    age = numbers(0, 10, 20, 30, 40, 50, 0.5, 10.5, 10.2, 100, 31)
    second = groups(6, 5) == 1
    pairs = matched_pairs([age], np.arange(11), second)
    assert pairs.tolist() == [[0, 6], [1, 8], [3, 10]]  # 8 is nearer to 1 than 7 is
    scanner = words(*"AABBAA", *"BABAB")
    assert matched_pairs([age, scanner], np.arange(11), second).tolist() == [[1, 7], [3, 10]]
    same = numbers(*[7.0] * 11)
    assert len(matched_pairs([same], np.arange(11), second)) == 5
    apart = numbers(*[7.0] * 6, *[8.0] * 5)
    assert len(matched_pairs([apart], np.arange(11), second)) == 0


@pytest.mark.parametrize("unit", [1e300, 1e-300])
def test_covariates_do_not_hang_on_their_unit(rng, unit):
    """Not even where squares leave what numbers can hold."""
    second, age = np.arange(20) >= 10, rng.normal(50, 5, 20)
    plain, scaled = ([Covariate("age", one)] for one in (age, age * unit))
    who = np.arange(20)
    np.testing.assert_allclose(
        design_of(scaled, who, second).columns, design_of(plain, who, second).columns, rtol=1e-9
    )
    assert matched_pairs(scaled, who, second).tolist() == matched_pairs(plain, who, second).tolist()


def test_pairs_differ_by_the_caliper_at_most(rng):
    values = rng.normal(0, 1, 60)
    second = groups(30, 30) == 1
    pairs = matched_pairs([numbers(*values)], np.arange(60), second)
    within = np.sqrt((np.var(values[~second]) + np.var(values[second])) / 2 * 30 / 29)
    assert len(pairs) > 20 and np.abs(np.diff(values[pairs])).max() <= CALIPER * within + 1e-12
    assert len(np.unique(pairs)) == pairs.size and not second[pairs[:, 0]].any() and second[pairs[:, 1]].all()


@pytest.mark.parametrize(
    ("covariates", "says"),
    [
        ([numbers(*[1.0] * 12)], "all patients have the same age"),
        ([words(*"ABCDEFABCDEF")], "scanner take 5 numbers to estimate, and 12 patients are enough for 2"),
        ([words(*"AAAAAABBBBBB")], "who is in which group follows from scanner"),
        ([numbers(*range(12)), words(*"ABABABABABAB")], ""),
    ],
)
def test_why_covariates_cannot_be_adjusted_for(covariates, says):
    found = design_of(covariates, np.arange(12), groups(6, 6) == 1)
    assert says in found.why_not and bool(says) == bool(found.why_not)
