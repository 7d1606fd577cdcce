"""Areas, intervals, folds and classifiers of the audit of attributes, against oracles and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from napari_uncertainseg.audit.attributes.statistics.cross_validation import FOLDS, divided, folds_for, tell
from napari_uncertainseg.audit.attributes.statistics.delong import (
    components,
    delong_interval,
    score_interval,
    usual_variance,
)
from napari_uncertainseg.audit.attributes.statistics.logistic import fit_many
from napari_uncertainseg.audit.attributes.statistics.permutations import ENOUGH, FEWEST, permutation_test
from napari_uncertainseg.audit.attributes.statistics.reduction import reductions
from napari_uncertainseg.audit.attributes.telling import tell_input


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=4, max_size=30))
def test_components_are_those_of_all_pairs_and_of_midranks(rows):
    scores, positive = np.array([s for s, _ in rows], float), np.array([p for _, p in rows])
    if not 2 <= positive.sum() <= len(rows) - 2:
        return
    found = components(scores, positive)
    own, other = scores[positive], scores[~positive]
    pairs = (own[:, None] > other) + 0.5 * (own[:, None] == other)
    assert np.allclose(found.of_positive, pairs.mean(1)) and np.allclose(found.of_negative, pairs.mean(0))
    # Sun and Xu (2014): from ranks.
    ranks = rankdata(scores)
    m, n = len(own), len(other)
    assert np.allclose(found.of_positive, (ranks[positive] - rankdata(own)) / n)
    assert np.allclose(found.of_negative, 1 - (ranks[~positive] - rankdata(other)) / m)
    # DeLong: the variance of a two-sample U statistic, written out.
    s10 = ((pairs.mean(1) - pairs.mean()) ** 2).sum() / (m - 1)
    s01 = ((pairs.mean(0) - pairs.mean()) ** 2).sum() / (n - 1)
    assert found.auc == pytest.approx(pairs.mean()) and found.variance == pytest.approx(s10 / m + s01 / n)


def test_areas_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=50).round(1), rng.random(50) < 0.4
    assert components(scores, positive).auc == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_delong_holds_what_it_says_for_a_score_that_was_not_fitted():
    rng, held = np.random.default_rng(1), 0
    for _ in range(300):  # the true area of two normal distributions 1 apart is Phi(1 / sqrt 2)
        found = components(np.r_[rng.normal(1, 1, 40), rng.normal(0, 1, 60)], np.arange(100) < 40)
        low, high = delong_interval(found)
        held += low <= 0.7602499 <= high
    assert 0.90 <= held / 300 <= 0.985


def test_the_variance_of_hanley_and_mcneil():
    """Their own form, with Q1 and Q2, where the two sizes are equal and Newcombe's is the same."""
    a, n = 0.8, 25
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    theirs = (a * (1 - a) + (n - 1) * (q1 - a**2) + (n - 1) * (q2 - a**2)) / n**2
    assert usual_variance(a, n, n) == pytest.approx(theirs)


def test_the_interval_keeps_a_width_where_delong_has_none():
    perfect = components(np.arange(12.0), np.arange(12) >= 6)
    assert delong_interval(perfect) == (1.0, 1.0)
    low, high = score_interval(1.0, [(6, 6)])
    assert high == 1.0 and 0.6 < low < 0.8
    assert (1 - low) ** 2 == pytest.approx(1.959964**2 * usual_variance(low, 6, 6), rel=1e-6)
    mirrored = score_interval(0.0, [(6, 6)])
    assert mirrored[0] == 0.0 and mirrored[1] == pytest.approx(1 - low)
    wide = score_interval(0.7, [(6, 6)], variance=4 * usual_variance(0.5, 6, 6))
    usual = score_interval(0.7, [(6, 6)], variance=0.5 * usual_variance(0.5, 6, 6))
    assert usual == score_interval(0.7, [(6, 6)]) and wide[0] < usual[0] < 0.7 < usual[1] < wide[1]


def test_logistic_regressions_are_scikit_learns():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(4, 30, 5))
    positive = rng.random(30) < 0.4
    used = rng.random((4, 30)) < 0.8
    strength = np.array([10.0, 1.0, 0.1, 0.001])
    found = fit_many(rows, positive, used, strength)
    for i in range(4):
        oracle = linear.LogisticRegression(C=1 / strength[i], tol=1e-10, max_iter=10_000)
        oracle.fit(rows[i][used[i]], positive[used[i]])
        assert np.allclose(found[i], [*oracle.coef_[0], oracle.intercept_[0]], atol=2e-3, rtol=2e-3)


def test_classes_that_part_without_overlap_have_finite_weights():
    rows = np.array([[[-2.0], [-1.0], [1.0], [2.0]]])
    found = fit_many(rows, np.array([False, False, True, True]), np.ones((1, 4), bool), np.array([1e-3]))
    assert np.isfinite(found).all() and 3 < found[0, 0] < 20


@pytest.mark.parametrize("shape", [(9, 20), (30, 6)])
def test_a_reduction_is_learned_of_its_own_patients_and_lets_weights_back(shape):
    rng = np.random.default_rng(3)
    features = rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1]))
    features[:, 0] = 7  # tells nothing
    used = np.ones((2, shape[0]), bool)
    used[1, :3] = False
    found = reductions(features, used)
    other = features.copy()
    other[:3] += 100
    again = reductions(other, used)
    assert np.allclose(np.abs(found.rows[1, 3:]), np.abs(again.rows[1, 3:]))  # the first three are not seen
    own = found.rows[1, 3:]
    assert np.allclose(own.mean(0), 0, atol=1e-9)
    assert np.allclose(own.T @ own, np.diag(np.diag(own.T @ own)), atol=1e-8)
    whole = ((features - features[3:].mean(0))[3:] / np.maximum(features[3:].std(0), 1e-9))[:, 1:]
    kept = (own**2).sum() / ((whole**2).sum() / shape[1])
    assert 0.95 <= kept <= 1 + 1e-9
    weights = rng.normal(size=own.shape[1])
    back = found.back[1] @ weights
    difference = features @ back - found.rows[1] @ weights
    assert np.ptp(difference) < 1e-8 * max(1, np.abs(features @ back).max())  # but for a constant


@pytest.mark.parametrize(("positives", "others"), [(2, 10), (3, 3), (6, 6), (11, 5), (40, 61)])
def test_each_part_has_both_classes_and_nobody_twice(positives, others):
    positive = np.arange(positives + others) < positives
    fold = divided(positive, 7, np.random.default_rng(0))
    count = folds_for(positive)
    assert count == min(FOLDS, positives, others) and fold.shape == (7, len(positive))
    for own in fold:
        for which in (positive, ~positive):
            sizes = np.bincount(own[which], minlength=count)
            assert sizes.min() >= 1 and np.ptp(sizes) <= 1
        assert np.ptp(np.bincount(own)) <= 1
    assert len({tuple(own) for own in fold}) > 1


def test_what_is_left_out_has_no_part_in_what_is_learned():
    rng = np.random.default_rng(4)
    features, positive = rng.normal(size=(15, 30)), np.arange(15) < 6
    told = tell(features, positive, np.random.default_rng(5), repeats=1)
    changed = features.copy()
    own = told.fold[0] == 0
    changed[own] = rng.normal(size=(own.sum(), 30)) * 50
    again = tell(changed, positive, np.random.default_rng(5), repeats=1)
    assert np.allclose(told.weights[0, 0], again.weights[0, 0], atol=1e-7)
    assert not np.allclose(told.weights[0, 1], again.weights[0, 1])


def _null(seed, number=12, positives=6, features=40):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(number, 6)) @ rng.normal(size=(6, features)) + rng.normal(
        size=(number, features)
    )
    return values, np.arange(number) < positives, rng


def test_the_area_is_one_half_where_nothing_can_be_told():
    """And that of the usual way, to leave out one and compare all scores, is not: it is far below."""
    own, one_by_one = [], []
    for seed in range(150):
        values, positive, rng = _null(seed)
        own.append(tell(values, positive, rng, repeats=3).components.auc)
        used = ~np.eye(len(values), dtype=bool)
        rows = reductions(values, used).rows
        fitted = fit_many(rows, positive, used, np.full(len(values), 1.0))
        scores = (rows @ fitted[:, :-1, None])[:, :, 0] + fitted[:, -1:]
        one_by_one.append(components(np.diag(scores), positive).auc)
    error = np.std(own) / np.sqrt(len(own))
    assert abs(np.mean(own) - 0.5) < 3 * error and error < 0.02
    assert np.mean(one_by_one) < 0.5 - 3 * np.std(one_by_one) / np.sqrt(len(own))


def test_permutations_of_labels_are_told_by_chance():
    """p of a statistic without a signal is uniform: 5 % of it at most lies below 0.05."""
    rng, found = np.random.default_rng(6), []
    labels = np.arange(20) < 10
    for _ in range(200):
        values = rng.normal(size=20)

        def statistic(own, draws, values=values):
            return float(values[own].mean() - values[~own].mean())

        found.append(permutation_test(statistic(labels, rng), statistic, labels, 199, rng))
    p = np.array([one.p for one in found])
    assert (p <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200) and 0.4 < p.mean() < 0.6
    early = [one for one in found if one.made < 199]
    assert early and all(one.made >= FEWEST and one.p * one.made >= ENOUGH - 1e-9 for one in early)


def test_a_cancelled_permutation_ends():
    class Stop(Exception):
        pass

    def stop(share):
        if share > 0.1:
            raise Stop

    with pytest.raises(Stop):
        permutation_test(1.0, lambda own, draws: 0.0, np.arange(5) < 2, 100, np.random.default_rng(0), stop)


def test_a_signal_is_told_and_its_interval_holds_it():
    values, positive, _ = _null(7, 24, 12)
    values[positive] += 3
    found = tell_input("image", values, np.arange(24), positive.astype(int), "ab", permutations=49, seed=0)
    assert found.auc > 0.95 and found.p == pytest.approx(0.02) and found.interval[0] > 0.5
    assert found.drawn[0] <= found.auc <= found.drawn[1] and len(found.classes) == 1


def test_few_are_shown_and_not_tested_and_one_is_not_even_told():
    values, _, _ = _null(8, 9, 3)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 2])
    found = tell_input("image", values, np.arange(9), labels, "abc", permutations=99, seed=0)
    assert [one.tested for one in found.classes] == [False, False, False] and np.isnan(found.p)
    assert np.isfinite(found.auc) and [one.told is None for one in found.classes] == [False, False, True]
    assert np.isnan(found.classes[2].auc) and np.isnan(found.interval[0])


def test_several_classes_are_each_told_from_the_rest():
    rng = np.random.default_rng(9)
    labels = np.repeat([0, 1, 2], 7)
    values = rng.normal(size=(21, 20)) + 4 * np.eye(3, 20)[labels]
    found = tell_input("image", values, np.arange(21), labels, ("a", "b", "c"), permutations=5, seed=0)
    assert [one.name for one in found.classes] == ["a", "b", "c"]
    assert found.auc == pytest.approx(np.mean([one.auc for one in found.classes])) and found.auc > 0.9


def test_the_same_features_in_all_tell_nothing():
    found = tell_input(
        "image", np.full((12, 5), 3.0), np.arange(12), np.arange(12) % 2, "ab", permutations=30, seed=0
    )
    assert found.same and found.auc == 0.5 and found.p == 1.0
