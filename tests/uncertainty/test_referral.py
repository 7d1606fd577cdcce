"""Referral: the authors' number, scikit-learn, and random orders."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.uncertainty.referral import average_precision, discarded_area, risk_coverage

LEVELS = hnp.arrays(float, 24, elements=st.integers(0, 5).map(lambda k: k / 5))
SHARES = hnp.arrays(float, 24, elements=st.floats(0, 1))
ERRORS = hnp.arrays(bool, 24)


def test_the_authors_number():
    found = risk_coverage(np.array([0.1, 0.4, 0.2, 0.9]), np.array([0.2, 0.4, 0.3, 0.7]))
    assert found.area == pytest.approx(0.2125)
    assert found.risk == pytest.approx([0.2, 0.25, 0.3, 0.4]) and found.excess == pytest.approx(0)


@settings(deadline=None, max_examples=60)
@given(u=SHARES, r=SHARES)
def test_no_order_is_better_than_the_ideal_one(u, r):
    found = risk_coverage(u, r)
    assert found.excess >= -1e-12 and risk_coverage(r, r).excess == pytest.approx(0, abs=1e-12)
    assert found.risk[-1] == pytest.approx(r.mean())


@settings(deadline=None, max_examples=20)
@given(r=SHARES, e=ERRORS)
def test_equal_doubt_is_a_random_order(r, e):
    flat = risk_coverage(np.zeros(24), r)
    np.testing.assert_allclose(flat.risk, r.mean(), atol=1e-12)
    if e.any():
        assert average_precision(np.zeros(24), e) == pytest.approx(e.mean())
        share = e.mean()
        assert discarded_area(np.zeros(24), e) == pytest.approx(0.5 - share / 2, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(u=LEVELS, e=ERRORS, seed=st.integers(0, 99))
def test_average_precision_is_that_of_scikit_learn(u, e, seed):
    metrics = pytest.importorskip("sklearn.metrics", reason="the oracle, scikit-learn, is not installed")
    found = average_precision(u, e)
    if not e.any():
        assert math.isnan(found)
        return
    assert found == pytest.approx(metrics.average_precision_score(e, u))
    order = np.random.default_rng(seed).permutation(24)
    assert average_precision(u[order], e[order]) == pytest.approx(found)


def test_discarded_area_by_hand():
    # of two poor cases 1, 1/2, 1/2, 0, 0, 0 are left: 0.3, ideally 0.2
    doubt, poor = np.array([5.0, 4, 3, 2, 1]), np.array([True, False, True, False, False])
    assert discarded_area(doubt, poor) == pytest.approx(0.1)


def test_poor_cases_that_are_most_doubtful_are_discarded_first():
    poor = np.array([True, False, False, True, False])
    assert discarded_area(poor.astype(float), poor) == pytest.approx(0)
    assert discarded_area(-poor.astype(float), poor) == pytest.approx(0.6)
    assert math.isnan(discarded_area(np.arange(5.0), np.zeros(5, bool)))


def test_what_does_not_fit_is_refused():
    for wrong in (
        (np.zeros(3), np.zeros(4)),
        (np.zeros(0), np.zeros(0)),
        (np.zeros((2, 2)), np.zeros((2, 2))),
    ):
        with pytest.raises(InputError, match="one value per case"):
            risk_coverage(*wrong)
    with pytest.raises(InputError, match="finite"):
        risk_coverage(np.array([np.nan]), np.array([1.0]))
    with pytest.raises(InputError, match="NaN"):
        average_precision(np.array([np.nan]), np.array([True]))
    with pytest.raises(InputError, match="2 values"):
        average_precision(np.zeros(2), np.zeros(3, bool))
