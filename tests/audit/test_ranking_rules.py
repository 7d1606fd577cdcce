"""The rules of ranking, against constants, R's definitions worked out by hand, and scipy."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import pytest
from scipy.stats import kendalltau, wilcoxon

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.methods import (
    beaten,
    corrected_p,
    method_named,
    once,
    p_values,
    rank_draws,
    ranks,
)
from napari_uncertainseg.audit.ranking.ranking import RankingSetting, rank_models
from napari_uncertainseg.audit.ranking.resampling import draw_cases, kendall, rank_shares
from napari_uncertainseg.audit.ranking.scores import Scores, with_missing
from napari_uncertainseg.audit.ranking.signed_rank import better_p
from napari_uncertainseg.audit.ranking.weighted import mean, quantile
from napari_uncertainseg.explain.drivers.statistics.holm import holm

A = np.array([0.81, 0.78, 0.85, 0.9, 0.77, 0.83, 0.88, 0.8])
B = A - np.array([0.02, 0.01, 0.03, 0.05, -0.01, 0.04, 0.06, 0.015])
NAN = np.nan


def make_scores(values, *, high=True, patients=None, task="") -> Scores:
    values = np.asarray(values, float)
    cases = tuple(f"c{i}" for i in range(values.shape[1]))
    models = tuple("ABCDEFGHIJ"[: len(values)])
    return Scores(task, "dice", high, models, cases, tuple(patients or cases), values)


def ranked(values, way, *, ties="min", high=True, missing=None):
    scores = with_missing(make_scores(values, high=high), missing)
    p = p_values(scores, once(scores))
    found = rank_draws(scores, method_named(way), once(scores), p, ties=ties)
    return found.aggregate[:, 0].tolist(), found.ranks[:, 0].tolist()


def test_signed_ranks_have_the_constant_of_the_paper():
    """`methods.md` n, from R's wilcox.test(exact=FALSE)."""
    assert better_p(A - B, np.ones((1, 8), int))[0] == pytest.approx(0.012442, abs=5e-7)
    assert better_p(B - A, np.ones((1, 8), int))[0] > 0.98


def test_signed_ranks_of_a_hand_sum():
    """Of 3, -1, 2: V = 3 + 2 = 5; mean 3, variance 3 * 4 * 7 / 24 = 3.5; z = (5 - 3 - 0.5) / sqrt 3.5."""
    expected = erfc(1.5 / sqrt(3.5) / sqrt(2)) / 2
    assert better_p(np.array([3.0, -1, 2]), np.ones((1, 3), int))[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("exact", [False, True])
def test_signed_ranks_agree_with_scipy_and_count_repeats(exact):
    rng = np.random.default_rng(4)
    for _ in range(60):
        n = int(rng.integers(3, 25))
        differences = np.round(rng.normal(size=n), 5 if exact else int(rng.integers(1, 3)))
        counts = np.ones((1, n), int) if exact else rng.multinomial(n, np.full(n, 1 / n), 2)
        for count, p in zip(counts, better_p(differences, counts, exact=exact), strict=True):
            repeated = np.repeat(differences, count)
            if not np.any(repeated):
                assert p == 1
                continue
            method = "exact" if exact else "asymptotic"
            known = wilcoxon(repeated, alternative="greater", correction=True, method=method)
            assert p == pytest.approx(known.pvalue, abs=1e-12)


def test_exact_tests_are_of_few_differences_without_ties_and_zeros_only():
    five = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    one = np.ones((1, 5), int)
    assert better_p(five, one, exact=True)[0] == pytest.approx(1 / 32)
    for differences in (np.append(five, 0.0), np.append(five, 0.5), np.arange(1.0, 51)):
        every = np.ones((1, len(differences)), int)
        assert better_p(differences, every, exact=True) == better_p(differences, every)


def test_nothing_to_compare_has_no_p_and_equal_models_have_one():
    every = np.ones((1, 3), int)
    assert np.isnan(better_p(np.full(3, NAN), every)[0])
    assert better_p(np.zeros(3), every)[0] == 1


def test_holm_by_hand():
    found = holm(np.array([0.01, 0.04, 0.03, NAN, 0.005]))
    assert found == pytest.approx([0.03, 0.06, 0.06, NAN, 0.02], nan_ok=True)


def test_what_is_missing_is_last_as_in_challenger():
    """Ties at the end take no further ranks: the missing one comes straight after the largest rank."""
    values = np.array([0.9, 0.5, 0.5, NAN, NAN])
    assert ranks(values, ties="min", high=True).tolist() == [1, 2, 2, 3, 3]
    assert ranks(values, ties="average", high=True).tolist() == [1, 2.5, 2.5, 4, 4]
    assert ranks(np.full(3, NAN), ties="min", high=True).tolist() == [1, 1, 1]
    assert ranks(np.array([1.0, np.inf, np.inf, NAN]), ties="min", high=False).tolist() == [1, 2, 2, 3]


def test_aggregate_then_rank():
    values = [[0.6, 0.4, 0.8], [0.8, 1.0, 0.3], [0.6, 0.4, 0.8]]
    assert ranked(values, "mean-then-rank") == (pytest.approx([0.6, 0.7, 0.6]), [2, 1, 2])
    assert ranked(values, "mean-then-rank", ties="average")[1] == [2.5, 1, 2.5]
    assert ranked(values, "median-then-rank", high=False) == (pytest.approx([0.6, 0.8, 0.6]), [1, 3, 1])
    assert ranked(values, "min-then-rank") == ([0.4, 0.3, 0.4], [1, 3, 1])


def test_means_that_are_equal_are_tied_whatever_the_order_of_the_cases():
    values = np.array([[0.1, 0.7, 0.3, 0.2], [0.7, 0.3, 0.2, 0.1], [0.2, 0.1, 0.7, 0.3]])
    assert ranked(values, "mean-then-rank")[1] == [1, 1, 1]


def test_rank_then_aggregate():
    """Ranks by case: 1 1 3 2, 3 2 1 1, 2 3 1 2; means 1.75, 1.75, 2."""
    values = [[0.9, 0.8, 0.1, NAN], [0.1, 0.5, 0.9, 0.7], [0.5, 0.2, 0.9, NAN]]
    assert ranked(values, "rank-then-mean", missing="drop") == ([1.75, 1.75, 2.0], [1, 1, 3])
    assert ranked(values, "rank-then-median", missing="drop") == ([1.5, 1.5, 2.0], [1, 1, 3])


def test_test_then_rank_counts_the_models_that_are_beaten():
    """Four equal differences are significant, two are not, as challengeR's own tests have it."""
    assert ranked([[0.2] * 4, [1.0] * 4], "test-then-rank", high=False) == ([1, 0], [1, 2])
    assert ranked([[0.2] * 4, [1.0] * 4], "test-then-rank") == ([0, 1], [2, 1])
    assert ranked([[0.6] * 2, [0.8] * 2], "test-then-rank") == ([0, 0], [1, 1])
    assert ranked([[A[0] + 1, *A[1:]], A, B], "test-then-rank")[0] == [0.5, 0.5, 0]


def test_missing_scores():
    lacking = [[NAN, 0.2, 0.2, 0.2], [1.0] * 4]
    assert ranked(lacking, "test-then-rank", high=False, missing=100.0)[1] == [1, 1]
    assert ranked(lacking, "test-then-rank", high=False, missing=0.0)[1] == [1, 2]
    assert ranked(lacking, "test-then-rank", high=False, missing="drop")[1] == [1, 1]
    assert ranked(lacking, "mean-then-rank", high=False, missing="worst")[0] == pytest.approx([0.4, 1.0])
    with pytest.raises(InputError, match="1 score missing, such as that of 'A' for 'c0'"):
        with_missing(make_scores(lacking), None)
    with pytest.raises(InputError, match="'A' has no score"):
        with_missing(make_scores([[NAN, NAN], [1, 2]]), "worst")


def test_quantiles_and_means_count_repeats_as_repeated_cases():
    rng = np.random.default_rng(1)
    values = rng.random((3, 9))
    values[0, 2], values[1, 5] = NAN, np.inf
    counts = rng.multinomial(9, np.full(9, 1 / 9), 6)
    for draw, count in enumerate(counts):
        for model, own in enumerate(np.repeat(values, count, axis=1)):
            own = own[~np.isnan(own)]
            assert mean(values, counts)[model, draw] == pytest.approx(own.mean())
            for share in (0, 0.05, 0.5, 0.9, 1):
                with np.errstate(invalid="ignore"):
                    known = np.quantile(own, share)
                found = quantile(values, counts, share)[model, draw]
                assert np.isnan(known) or found == pytest.approx(known)


def test_kendall_is_tau_b():
    rng = np.random.default_rng(2)
    first, drawn = rng.integers(1, 5, 6).astype(float), rng.integers(1, 5, (6, 20)).astype(float)
    known = [kendalltau(first, drawn[:, i]).statistic for i in range(20)]
    assert kendall(first, drawn) == pytest.approx(known, nan_ok=True)
    assert np.isnan(kendall(np.ones(3), np.ones((3, 2)))).all()


def test_visits_are_drawn_with_their_patient():
    patient_of = np.array([0, 0, 1, 2, 2, 2])
    counts = draw_cases(patient_of, 50)
    assert (counts[:, 0] == counts[:, 1]).all() and (counts[:, 3] == counts[:, 5]).all()
    assert (counts[:, [0, 2, 3]].sum(1) == 3).all()


def test_visits_of_a_patient_are_one_piece_of_evidence():
    """Nine visits of three patients say no more than three patients: p is that of the means."""
    gaps = np.array([0.1, 0.2, 0.3])
    visits = make_scores([np.repeat(gaps, 3), np.zeros(9)], patients=[f"p{i // 3}" for i in range(9)])
    patients = make_scores([gaps, np.zeros(3)])
    assert p_values(visits, once(visits))[0, 1] == p_values(patients, once(patients))[0, 1]


def test_a_dominated_model_is_always_last():
    rng = np.random.default_rng(0)
    good = rng.uniform(0.5, 0.9, 10)
    ranking = rank_models(make_scores([good, good - 0.2]), RankingSetting(draws=200))
    for found in ranking.methods.values():
        assert found.ranks.tolist() == [1, 2]
    assert np.all(ranking.main.tau == 1) and ranking.beats.tolist() == [[False, True], [False, False]]
    assert ranking.behind[1, 0] == pytest.approx(0.2)
    there, shares = rank_shares(ranking.main.drawn.ranks)
    assert there.tolist() == [1, 2] and shares.tolist() == [[1, 0], [0, 1]]


def test_identical_models_are_equal_in_all_ways():
    ranking = rank_models(make_scores([A, A, A]), RankingSetting(draws=20))
    assert all(found.ranks.tolist() == [1, 1, 1] for found in ranking.methods.values())
    assert np.nanmin(ranking.p) == 1 and not ranking.beats.any() and np.isnan(ranking.main.mean_tau)


def test_one_and_two_cases_have_a_ranking_and_no_difference():
    one = rank_models(make_scores([[0.6], [0.8]]))
    assert one.main.ranks.tolist() == [2, 1] and one.main.drawn is None and np.isnan(one.low).all()
    two = rank_models(make_scores([[0.6, 0.5], [0.8, 0.9]]), RankingSetting(draws=20))
    assert two.main.ranks.tolist() == [2, 1] and not two.beats.any()


def test_corrected_wins_are_fewer():
    rng = np.random.default_rng(7)
    scores = make_scores(rng.random((5, 12)))
    p = p_values(scores, once(scores))
    assert (beaten(p, corrected=True) <= beaten(p, corrected=False)).all()
    assert np.nanmin(corrected_p(p) - p) >= 0


def test_ways_that_do_not_exist():
    for name in ("mean", "rank-then-test", "q500-then-rank", ""):
        with pytest.raises(InputError, match="There is no way to rank called"):
            method_named(name)
