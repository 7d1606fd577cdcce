"""The stop rule holds as often as it says, in any world and at any look; the guess begins at the model."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.error_model import chance_of_lesion, features_of
from napari_uncertainseg.review.session.stopping import (
    ErrorBound,
    bound_remaining_errors,
    draw_checks,
    draws_of,
    mixed,
)

WORLDS = {
    "all wrong": lambda n, rng: np.ones(n, bool),
    "second half wrong": lambda n, rng: np.arange(n) >= n // 2,
    "first 70 % wrong": lambda n, rng: np.arange(n) < 0.7 * n,
    "rising with rank": lambda n, rng: rng.random(n) < 0.6 * np.arange(n) / n,
    "falling with rank": lambda n, rng: rng.random(n) < 0.9 * (1 - np.arange(n) / n) ** 2,
    "one in ten": lambda n, rng: rng.random(n) < 0.1,
    "a handful": lambda n, rng: np.isin(np.arange(n), rng.choice(n, min(n, 4), replace=False)),
    "the last four": lambda n, rng: np.arange(n) >= n - 4,
}


def mixed_as_in_0_1_0(n, checks, every):
    """What sessions of 0.1.0 have stored: a drawn task waits for its draw when its rank is reached."""
    drawn, rest, shown = list(checks), [i for i in range(n) if i not in set(checks)], []
    while drawn or rest:
        take = drawn if drawn and (not rest or (len(shown) + 1) % every == 0) else rest
        shown.append(take.pop(0))
    return shown


def session(n, share, every, seed, mix=mixed):
    checks = draw_checks(n, share, seed)
    return mix(n, [int(rank) for rank in checks], every), {int(rank) for rank in checks}


def left_wrong(shown, truth, wrong):
    return sum(bool(truth[rank]) for rank in shown if rank not in wrong)


def violated(shown, drawn, truth, order=None):
    """Whether the bound, looked at after every verdict, is ever below what is wrong."""
    wrong = {}
    for rank in shown if order is None else order:
        wrong[rank] = bool(truth[rank])
        if bound_remaining_errors(shown, drawn, wrong).most < left_wrong(shown, truth, wrong):
            return True
    return False


def ever_refuted(shown, drawn, truth, confidence=0.95):
    """The same, quicker: what is refuted stays so, in whatever order the verdicts come (tested below)."""
    everything = dict(enumerate(map(bool, truth)))
    return draws_of(shown, drawn, everything, range(len(shown))).refute(int(truth.sum()), confidence)


def too_often(errors, trials, share=0.05):
    return errors > share * trials + 3 * np.sqrt(trials * share * (1 - share))


def test_unseen_checks_are_not_forgotten():
    assert bound_remaining_errors([1, 2, 3, 0], {0}, {1: True}).most == 3
    # a session of 0.1.0 with all drawn tasks but the first unseen below the depth
    shown = [4, 5, 6, 0, 7, 8, 9, 1, 2, 3]
    assert bound_remaining_errors(shown, {0, 1, 2, 3}, dict.fromkeys(shown[:7], False)).most == 3


def test_in_random_order_all_that_was_seen_is_a_sample():
    seen = dict.fromkeys(range(70), False)
    assert bound_remaining_errors(range(100), range(100), seen) == ErrorBound(
        30, 2, 70
    )  # as the hypergeometric at one look
    assert 3 <= bound_remaining_errors(range(100), range(100), {**seen, 0: True}).most <= 6  # there it is 3


def test_the_bets_are_those_of_a_plain_loop():
    n = 14
    for seed in range(12):
        shown, drawn = session(n, 0.8, 2, seed)
        wrong = {rank: (rank + seed) % 5 == 1 for rank in shown[: 8 + seed % 5]}
        draws, unseen = [], list(range(n))
        for rank in shown[: len(wrong)]:
            pool = unseen[1:]
            if rank in drawn and rank in pool:
                draws.append(
                    (len(pool), sum(wrong.get(r, True) for r in range(n) if r not in pool), wrong[rank])
                )
            unseen.remove(rank)
        for total in range(sum(wrong.values()), n + 1):
            assert draws_of(shown, drawn, wrong, range(n)).refute(total, 0.61) == loop_refutes(draws, total)


def loop_refutes(draws, total):
    """In fractions, for a confidence of 0.61."""
    capitals = [Fraction(1, 2)] + [Fraction(1, 8)] * 4
    for pool, outside, was_wrong in draws:
        share = Fraction(max(total - outside, 0), pool)
        if share > 1 or (share == 1 and not was_wrong):
            return True
        for k in range(5):
            fewer = Fraction(2 * k, 10)
            capitals[k] *= fewer if was_wrong else (1 - fewer * share) / (1 - share)
        if sum(capitals) >= Fraction(100, 39):
            return True
    return False


@pytest.mark.parametrize("confidence", [0.1, 0.4])
@pytest.mark.parametrize(("n", "share", "every"), [(4, 1, 1), (5, 0.8, 2), (5, 0.6, 1), (6, 0.5, 2)])
@pytest.mark.parametrize("mix", [mixed, mixed_as_in_0_1_0])
def test_it_holds_exactly_over_all_worlds_and_all_draws(n, share, every, confidence, mix):
    """Low confidence, so that there is something to refute with few tasks."""
    size = round(share * n)
    plans = Counter(
        (tuple(mix(n, list(checks), every)), frozenset(checks)) for checks in permutations(range(n), size)
    )

    @cache
    def most(shown, drawn, seen):
        return bound_remaining_errors(shown, drawn, dict(seen), confidence=confidence).most

    refuted_any = False
    for truth in product([False, True], repeat=n):
        bad = 0
        for (shown, drawn), often in plans.items():
            seen = [(rank, truth[rank]) for rank in shown]
            ever = any(
                most(shown, drawn, tuple(seen[:k])) < sum(w for _, w in seen[k:]) for k in range(n + 1)
            )
            bad += often * ever
            refuted_any |= ever or any(most(shown, drawn, tuple(seen[:k])) < n - k for k in range(n))
        assert bad <= (1 - confidence) * sum(plans.values())
    assert refuted_any  # it says something


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("n", "sessions"), [(8, 60), (40, 20)])
def test_looked_at_after_every_verdict_it_holds(world, n, sessions):
    errors = 0
    for seed in range(sessions):
        rng = np.random.default_rng([n, seed])
        shown, drawn = session(n, (0.1, 0.25, 0.75, 1.0)[seed % 4], 4, seed)
        errors += violated(shown, drawn, WORLDS[world](n, rng))
    assert not too_often(errors, sessions)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("mix", [mixed, mixed_as_in_0_1_0])
def test_in_many_sessions_the_truth_is_seldom_refuted(world, mix):
    errors = 0
    for seed in range(320):
        rng = np.random.default_rng([7, seed])
        n = (8, 40, 120, 400)[seed % 4]
        shown, drawn = session(n, (0.1, 0.25, 0.75, 1.0)[seed // 4 % 4], (4, 2)[seed // 16 % 2], seed, mix)
        errors += ever_refuted(shown, drawn, WORLDS[world](n, rng))
    assert not too_often(errors, 320)


@pytest.mark.parametrize("world", ["second half wrong", "falling with rank", "one in ten"])
def test_out_of_order_it_holds(world):
    """A third is judged out of turn, those the reader knows to be right first; some are skipped for good."""
    errors = 0
    for seed in range(30):
        rng = np.random.default_rng([9, seed])
        shown, drawn = session(40, 0.75, 4, seed)
        truth = WORLDS[world](40, rng)
        early = sorted(rng.choice(40, 14, replace=False), key=lambda rank: truth[rank])
        late = [rank for rank in shown if rank not in early and (rng.random() < 0.9 or not truth[rank])]
        errors += violated(shown, drawn, truth, [int(rank) for rank in [*early, *late]])
    assert not too_often(errors, 30)


@given(st.data(), st.integers(1, 24), st.floats(0, 1), st.integers(1, 5), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_more_verdicts_never_allow_more(data, n, share, every, seed):
    """Whatever is judged beside, and whatever is taken back: so a look at all verdicts is the strictest."""
    shown, drawn = session(n, share, every, seed, data.draw(st.sampled_from([mixed, mixed_as_in_0_1_0])))
    truth = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    more = data.draw(st.sets(st.integers(0, n - 1)))
    few = data.draw(st.sets(st.sampled_from(sorted(more)))) if more else set()
    about = data.draw(st.one_of(st.none(), st.sets(st.integers(0, n - 1))))
    totals = []
    for seen in (few, more):
        wrong = {rank: truth[rank] for rank in seen}
        found = bound_remaining_errors(shown, drawn, wrong, confidence=0.6, among=about)
        inside = range(n) if about is None else about
        assert 0 <= found.most <= found.unseen == len(set(inside) - seen)
        totals.append(sum(truth[rank] for rank in seen & set(inside)) + found.most)
    full = draws_of(shown, drawn, dict(enumerate(truth)), range(n) if about is None else about)
    known = sum(truth[rank] for rank in more & set(inside))  # more than was allowed, where that was too low
    assert totals[1] <= max(totals[0], known)
    all_wrong = sum(truth[rank] for rank in (range(n) if about is None else about))
    assert totals[1] >= all_wrong or full.refute(all_wrong, 0.6)


def test_it_says_something():
    """With none wrong of 300, half of them seen, at most a tenth of the unseen; in random order 4."""
    shown, drawn = session(300, 0.75, 4, 1)
    assert bound_remaining_errors(shown, drawn, dict.fromkeys(shown[:150], False)).most < 22
    assert bound_remaining_errors(range(300), range(300), dict.fromkeys(range(150), False)).most <= 5
    assert (
        bound_remaining_errors(range(9000), range(9000), dict.fromkeys(range(8000), False)).most <= 2
    )  # large numbers


@given(st.integers(1, 60), st.floats(0, 1), st.integers(2, 6), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_task_is_shown_once(tasks, share, every, seed) -> None:
    checks = draw_checks(tasks, share, seed)
    shown = mixed(tasks, checks, every)
    assert sorted(shown) == list(range(tasks)) and len(set(checks)) == len(checks) == round(share * tasks)
    if len(checks) == tasks:
        assert shown == list(checks)
    else:
        by_rank = [rank for place, rank in enumerate(shown, 1) if place % every]
        assert by_rank == sorted(by_rank)
    assert bound_remaining_errors(shown, set(checks), {}) == ErrorBound(tasks, tasks, 0)
    everything = bound_remaining_errors(shown, set(checks), dict.fromkeys(shown, True))
    assert everything.unseen == everything.most == 0


def test_what_is_found_is_taken_off_and_what_is_taken_back_counts_again() -> None:
    shown, drawn = session(40, 0.5, 2, 1)
    first = dict.fromkeys(shown[:21], False)
    by_rank = next(rank for rank in shown[21:] if rank not in drawn)
    before = bound_remaining_errors(shown, drawn, first)
    after = bound_remaining_errors(shown, drawn, {**first, by_rank: True})
    assert after.unseen == before.unseen - 1 and after.most == before.most - 1
    taken_back = {rank: value for rank, value in first.items() if rank != shown[1]}
    assert bound_remaining_errors(shown, drawn, taken_back).most > before.most


def test_what_is_no_session_is_refused() -> None:
    for bad in (([0, 0], set(), {}), ([0, 1], {2}, {}), ([0, 1], set(), {5: True})):
        with pytest.raises(InputError, match="shown once"):
            bound_remaining_errors(*bad)
    for confidence in (0.0, 1.0, float("nan"), 95.0):
        with pytest.raises(InputError, match="between 0 and 1"):
            bound_remaining_errors([0, 1], {0}, {}, confidence=confidence)
    assert bound_remaining_errors([], [], {}) == ErrorBound(0, 0, 0)


def test_the_guess_follows_though_the_doubtful_came_first() -> None:
    rng = np.random.default_rng(0)
    numbers = []
    for _ in range(60):
        n = 120
        doubt, peak = rng.random(n), rng.uniform(0.4, 1, n)
        x = features_of(peak, doubt, np.zeros(n, bool))
        lesion = rng.random(n) < expit(x @ [1.5, 0.25, -1.5, 0])
        seen = np.argsort(-doubt) < 0
        seen[np.argsort(-doubt)[:60]] = True  # as the queue shows them
        said = (1 - chance_of_lesion(x, seen, lesion))[~seen].sum()
        numbers.append((said, (~lesion[~seen]).sum(), (~lesion[seen]).mean() * 60))
    said, was, naive = np.median(numbers, axis=0)
    assert 0.7 * was < said < 0.75 * naive  # what the doubtful half says of itself


def test_without_verdicts_the_guess_is_the_models_own_word() -> None:
    peak = np.array([0.03, 0.5, 0.97, 1.0, 0.0])
    x = features_of(peak, np.array([0.5, 0.9, 0.1, 0.0, 1.0]), np.array([True, False, False, False, True]))
    nothing = np.zeros(5, bool)
    np.testing.assert_allclose(chance_of_lesion(x, nothing, nothing), peak, atol=1.1e-4)
    assert chance_of_lesion(x[:0], nothing[:0], nothing[:0]).shape == (0,)


def test_the_guess_is_the_most_probable() -> None:
    """Against scipy's other optimiser, without a gradient."""
    from scipy.optimize import minimize
    from scipy.stats import norm

    rng = np.random.default_rng(3)
    x = features_of(rng.random(30), rng.random(30), rng.random(30) < 0.3)
    seen, lesion = rng.random(30) < 0.5, rng.random(30) < 0.6

    def minus_log(at):
        p = expit(x[seen] @ at)
        likelihood = np.log(np.where(lesion[seen], p, 1 - p)).sum()
        return -likelihood - norm.logpdf(at, [0, 1, 0, 0], 1).sum()

    best = minimize(
        minus_log, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 9999}
    )
    np.testing.assert_allclose(chance_of_lesion(x, seen, lesion), expit(x @ best.x), atol=1e-4)
