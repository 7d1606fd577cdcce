"""The probability that a lesion is one: recovered where it is known, cautious where little is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.real_by_cases import (
    FEWEST,
    OutlinedLesions,
    RealByCases,
    fit_real_by_cases,
)


def drawn(n, seed, weights=(-1.0, 1.5, 0.4, -0.8), thresholds=(0.2, 0.5, 0.8)):
    rng = np.random.default_rng(seed)
    threshold = rng.choice(thresholds, n)
    peak = threshold + (0.99 - threshold) * rng.random(n)
    volume = rng.lognormal(3, 1, n)
    x = np.column_stack([np.ones(n), logit(peak), np.log(volume), logit(threshold)])
    return OutlinedLesions(peak, volume, threshold, rng.random(n) < expit(x @ weights), np.ones(n)), x


def test_known_weights_are_recovered() -> None:
    every, x = drawn(40_000, 0)
    found = fit_real_by_cases([every])
    assert found is not None and (found.components, found.true) == (40_000, every.real.sum())
    np.testing.assert_allclose(
        [found.constant, found.peak, found.volume, found.threshold], (-1.0, 1.5, 0.4, -0.8), atol=0.1
    )
    said = found.at(every.peak, every.volume, every.threshold)
    for low in np.arange(0, 1, 0.2):  # calibrated
        inside = (said >= low) & (said < low + 0.2)
        margin = 4 * np.sqrt(0.25 / inside.sum())
        assert said[inside].mean() == pytest.approx(every.real[inside].mean(), abs=margin)
    oracle = LogisticRegression(C=np.inf, fit_intercept=False, max_iter=1000).fit(x, every.real)
    np.testing.assert_allclose(said, oracle.predict_proba(x)[:, 1], atol=2e-3)


def test_cases_left_out_judge_it() -> None:
    cases = [drawn(80, seed)[0] for seed in range(8)]
    found = fit_real_by_cases(cases)
    assert found.brier < found.brier_of_share
    shuffled = [replace(case, real=np.random.default_rng(1).permutation(case.real)) for case in cases]
    none = fit_real_by_cases(shuffled)
    assert none.brier > none.brier_of_share - 0.02
    assert np.isnan(fit_real_by_cases(cases[:1]).brier)


def test_little_evidence_makes_no_certainty() -> None:
    few, _ = drawn(FEWEST - 1, 3)
    assert fit_real_by_cases([few]) is None and fit_real_by_cases([]) is None
    peak = np.linspace(0.2, 0.9, 12)
    same = np.full(12, 10.0), np.full(12, 0.1)  # a threshold that never changes, as of candidates
    every = fit_real_by_cases([OutlinedLesions(peak, *same, np.ones(12, bool), np.ones(12))])
    np.testing.assert_allclose(every.at(peak, *same), 13 / 14, atol=0.02)
    apart = fit_real_by_cases([OutlinedLesions(peak, *same, peak > 0.5, np.ones(12))])
    said = apart.at(peak, *same)
    assert said.min() > 0.01 and said.max() < 0.99 and (np.diff(said) > 0).all()


def test_a_lesion_counts_once_at_however_many_thresholds_it_was_outlined() -> None:
    once, _ = drawn(400, 6, thresholds=(0.5,))
    often = OutlinedLesions(
        *(np.tile(getattr(once, name), 7) for name in ("peak", "volume", "threshold", "real")),
        np.full(7 * 400, 1 / 7),
    )
    one, seven = (fit_real_by_cases([outlined]) for outlined in (once, often))
    assert (one.components, one.true) == (seven.components, seven.true) == (400, once.real.sum())
    np.testing.assert_allclose(
        one.at(once.peak, once.volume, 0.5), seven.at(once.peak, once.volume, 0.5), atol=1e-6
    )
    two = OutlinedLesions(*(np.full(14, x) for x in (0.9, 20.0, 0.5)), np.ones(14, bool), np.full(14, 1 / 7))
    assert fit_real_by_cases([two]) is None  # two lesions, at seven thresholds each


@given(st.integers(0, 10_000), st.integers(FEWEST, 60))
@settings(max_examples=25, deadline=None)
def test_it_never_falls_with_the_peak(seed, n) -> None:
    found = fit_real_by_cases([drawn(n, seed, weights=(0, -2.0, 0, 0))[0]])
    peak = np.linspace(0, 1, 50)
    said = found.at(peak, np.full(50, 20.0), 0.5)
    assert (np.diff(said) >= 0).all() and (said >= 0).all() and (said <= 1).all()


def test_what_cannot_be_a_fit_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be right"):
        RealByCases(0.0, -1.0, 0.0, 0.0, 20, 10, 0.1, 0.2)
    good = (0.0, 1.0, 0.0, 0.0, 20, 10, 0.1, 0.2)
    hostile = (
        (0, 10**400),
        (1, -1.0),
        (3, float("nan")),
        (4, 1e308),
        (4, 5),
        (5, 1.5),
        (6, -5.0),
        (7, np.inf),
    )
    for place, value in hostile:
        with pytest.raises(InputError, match="cannot be right"):
            RealByCases(*good[:place], value, *good[place + 1 :])
