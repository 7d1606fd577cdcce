"""The stop rule holds as often as it says, whatever the doubt is worth; the live posterior is calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import hypergeom

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.live import features_of, posterior
from napari_uncertainseg.review.stopping import Remaining, draw_checks, mixed, most_wrong, remaining


def test_the_bound_is_that_of_the_hypergeometric_distribution() -> None:
    assert most_wrong(100, 0, 0, 0.95) == 100
    assert most_wrong(100, 100, 7, 0.95) == 7
    # none wrong of 59 of 1,000: 48 are still possible (the rule of three says 51 with replacement)
    assert most_wrong(1000, 59, 0, 0.95) == max(
        w for w in range(1001) if hypergeom.pmf(0, 1000, w, 59) > 0.05
    )
    for tasks, looked_at in ((20, 5), (60, 12)):
        for truth in range(tasks + 1):
            covered = sum(
                hypergeom.pmf(k, tasks, truth, looked_at)
                for k in range(looked_at + 1)
                if hypergeom.pmf(k, tasks, truth, looked_at) > 0
                and most_wrong(tasks, looked_at, k, 0.9) >= truth
            )
            assert covered >= 0.9 - 1e-12
    for bad in ((5, 6, 0, 0.9), (5, 3, 4, 0.9), (5, 3, 1, 1.0)):
        with pytest.raises(InputError):
            most_wrong(*bad)


@given(st.integers(1, 60), st.floats(0, 1), st.integers(2, 6), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_task_is_shown_once(tasks, share, every, seed) -> None:
    checks = draw_checks(tasks, share, seed)
    shown = mixed(tasks, checks, every)
    assert sorted(shown) == list(range(tasks)) and len(set(checks)) == len(checks) == round(share * tasks)
    rest = [rank for rank in shown if rank not in set(checks)]
    assert rest == sorted(rest)
    nothing = remaining(shown, set(checks), {})
    assert nothing == Remaining(tasks, tasks, 0, 0)
    everything = remaining(shown, set(checks), dict.fromkeys(shown, True))
    assert everything.unseen == everything.most == 0


@pytest.mark.parametrize("kind", ["doubt tells", "doubt tells nothing", "doubt misleads"])
@pytest.mark.slow
def test_whoever_stops_by_it_errs_as_seldom_as_it_says(kind) -> None:
    rng, n, errors, stopped = np.random.default_rng(5), 300, 0, 0
    for trial in range(200):
        rank = np.arange(n) / n
        p = {"doubt tells": 0.3 * (1 - rank) ** 4, "doubt tells nothing": 0.04, "doubt misleads": 0.15 * rank}
        truth = rng.random(n) < p[kind]
        checks = draw_checks(n, 0.5, trial)
        shown, drawn = mixed(n, checks, 3), set(map(int, checks))
        wrong: dict[int, bool] = {}
        for k, task in enumerate(shown, start=1):
            wrong[task] = bool(truth[task])
            if k % 5:
                continue
            found = remaining(shown, drawn, wrong, confidence=0.9)
            if found.checks and found.most <= 0.06 * n:  # the reader's target
                stopped += k < n
                errors += truth.sum() - sum(wrong.values()) > found.most
                break
    assert errors <= 0.1 * 200 + 3 * np.sqrt(200 * 0.09)
    if kind == "doubt tells":
        assert stopped > 150


def test_what_was_found_since_the_last_look_is_taken_off() -> None:
    n = 40
    checks = draw_checks(n, 0.5, 1)
    shown, drawn = mixed(n, checks, 2), set(map(int, checks))
    first = dict.fromkeys(shown[: n // 2], False)
    before = remaining(shown, drawn, first)
    after = remaining(shown, drawn, {**first, shown[n // 2]: True})
    assert after.unseen == before.unseen - 1 and after.most == before.most - 1
    with pytest.raises(InputError, match="shown once"):
        remaining([0, 0], set(), {})


def test_the_posterior_is_calibrated_though_the_doubtful_came_first() -> None:
    rng = np.random.default_rng(0)
    inside, numbers = [], []
    for _ in range(60):
        n = 120
        doubt, peak = rng.random(n), rng.uniform(0.4, 1, n)
        x = features_of(peak, doubt, np.zeros(n, bool))
        truth = rng.random(n) < expit(x @ [-1.5, -0.5, 1.5, 0])
        seen = np.argsort(-doubt)[:60]  # as the queue shows them
        unseen = np.setdiff1d(np.arange(n), seen)
        found = posterior(x[seen], truth[seen]).wrong(x[unseen])
        inside.append(truth[unseen].sum() <= found.most)
        numbers.append((found.number, truth[unseen].sum(), truth[seen].mean() * len(unseen)))
    assert np.mean(inside) >= 0.9
    said, was, naive = np.median(numbers, axis=0)
    assert 0.7 * was < said < 0.6 * naive  # what the doubtful half says of itself


def test_without_verdicts_it_is_the_prior_and_nothing_is_no_error() -> None:
    x = features_of(np.array([0.5, 0.9]), np.array([0.5, 0.1]), np.array([False, True]))
    prior = posterior(x[:0], np.zeros(0, bool))
    np.testing.assert_allclose(prior.mean, 0)
    np.testing.assert_allclose(prior.covariance, 6.25 * np.eye(4))
    found = prior.wrong(x[:0])
    assert found.number == found.most == 0 and found.probability.shape == (0,)
