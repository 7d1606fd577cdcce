"""Statistics of doubt: planted drivers are found, nothing where there is nothing, and nothing leaks."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.drivers.definitions import PLACES
from napari_uncertainseg.explain.drivers.design import Scale, design
from napari_uncertainseg.explain.drivers.sentences import describe, direction, groups_with_evidence
from napari_uncertainseg.explain.drivers.statistics.cross_validation import cross_validated, folds_of
from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import (
    DoubtDrivers,
    explain_doubt,
    explain_doubt_within,
)
from napari_uncertainseg.explain.drivers.statistics.elastic_net import elastic_nets
from napari_uncertainseg.explain.drivers.statistics.rank_correlation import (
    rank_correlations,
    weighted_ranks,
)


def world(
    seed: int, sizes: list[int], *, effect: float = 1.0, level: float = 0.0
) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """Lesions of patients: doubt = -0.1 size + 0.06 sphericity + noise of 0.1 + a level of each patient."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(len(sizes)), sizes)
    n, own = len(patients), rng.normal(size=len(sizes))
    size, round_ = rng.normal(size=n), rng.normal(size=n)
    table = pd.DataFrame(
        {
            "volume_mm3": np.expm1(3 + size),
            "surface_mm2": np.expm1(3 + 0.7 * size + 0.1 * rng.normal(size=n)),
            "sphericity": 0.7 + 0.05 * round_,
            "place": rng.choice([*PLACES, "unknown"], n),
            "to_edge_mm": rng.uniform(0, 20, n),
            "contrast_flair": rng.normal(2, 1, n),
            "noise": rng.random(n),
            "slice_mm": rng.choice([1.0, 6.0], len(sizes))[patients],
        }
    )
    doubt = 0.5 + effect * (-0.1 * size + 0.06 * round_) + 0.1 * rng.normal(size=n) + level * own[patients]
    return table, pd.Series(doubt, name="lsu"), patients


TRUE_R2 = (0.1**2 + 0.06**2) / (0.1**2 + 0.06**2 + 0.1**2)


def test_planted_drivers_are_found_with_their_signs_shares_and_r2() -> None:
    table, doubt, patients = world(0, [30] * 12)
    found = explain_doubt(table, doubt, patients)
    low, high = found.r2[1:]
    assert low < TRUE_R2 < high
    assert found.is_finding and found.p == pytest.approx(0.01)
    assert found.null[1] < 0.05 and found.null[0] < 0
    assert groups_with_evidence(found)[0] == ["size", "shape"]
    assert (direction(found, "size"), direction(found, "shape")) == ("small", "round")
    shares = found.groups["share"]
    assert shares.sum() == pytest.approx(1)
    assert shares["size"] == pytest.approx(0.1 / 0.16, abs=0.06)  # mean |x| of both is alike
    assert found.correlations.loc["volume_mm3", "high"] < 0 < found.correlations.loc["sphericity", "low"]
    assert "goes with size (small; share" in describe(found) and "no evidence for" in describe(found)
    # What the model says of lesions is what was planted.
    told = found.model.contributions(table).to_numpy().sum(1)
    planted = doubt.to_numpy() - 0.5
    assert np.corrcoef(told, planted)[0, 1] ** 2 == pytest.approx(TRUE_R2, abs=0.1)


def test_without_an_effect_there_is_hardly_ever_a_finding() -> None:
    found = [
        explain_doubt(*world(seed, [15, 9, 7, 6, 5, 4], effect=0, level=0.1), seed=seed, permutations=19)
        for seed in range(6)
    ]
    assert sum(one.is_finding for one in found) <= 1
    assert np.median([one.within[0] for one in found]) <= 0
    assert np.mean([one.null[1] for one in found]) < 0.1
    quiet = next(one for one in found if not one.is_finding)
    assert describe(quiet).startswith("There is no evidence that 'lsu' goes with any of the drivers")


@pytest.mark.slow
@pytest.mark.skipif("UNCERTAINSEG_SOAK" not in os.environ, reason="minutes: set UNCERTAINSEG_SOAK=1")
def test_findings_by_chance_and_intervals_over_many_worlds() -> None:
    worlds = [
        explain_doubt(*world(seed, [15, 12, 10, 8, 7, 6], effect=0, level=0.1), seed=seed)
        for seed in range(100)
    ]
    assert sum(one.p <= 0.05 for one in worlds) <= 11  # 5 expected
    for sizes, least in (([12] * 12, 88), ([90, *[8] * 9], 85), ([14] * 5, 80)):
        found = [explain_doubt(*world(seed, sizes, level=0.05), permutations=0) for seed in range(100)]
        truth = spearmanr(*_large_world(sizes)).statistic
        rows = [one.correlations.loc["volume_mm3"] for one in found]
        covered = sum(row["low"] <= truth <= row["high"] for row in rows)
        assert covered >= least, (sizes, covered)


def _large_world(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    table, doubt, _ = world(0, [20] * 1000, level=0.05)
    return table["volume_mm3"].to_numpy(), doubt.to_numpy()


def test_nothing_of_left_out_patients_is_in_the_fit_not_even_the_scale() -> None:
    table, doubt, patients = world(1, [12] * 6)
    x, y = design(table).to_numpy(), doubt.to_numpy()[:, None]
    found = cross_validated(x, y, patients)
    for number, fit in enumerate(found.fits):
        out = found.fold == number
        assert not set(patients[out]) & set(patients[~out])
        spoiled, wrong = x.copy(), y.copy()
        spoiled[out] = spoiled[out] * -50 + 7
        wrong[out] = 9 - wrong[out]
        again = cross_validated(spoiled, wrong, patients).fits[number]
        np.testing.assert_allclose(again.scale.centre, fit.scale.centre, rtol=1e-6)
        np.testing.assert_allclose(again.scale.unit, fit.scale.unit, rtol=1e-6)
        np.testing.assert_allclose(again.scale.centre, Scale.of(x[~out]).centre, rtol=1e-9)
        np.testing.assert_allclose(again.scale.unit, Scale.of(x[~out]).unit, rtol=1e-9)
        np.testing.assert_allclose(again.weights, fit.weights, atol=1e-6)
        assert fit.constant == pytest.approx(y[~out].mean())


def test_the_fit_is_that_of_scikit_learn_with_the_penalty_it_chose() -> None:
    from sklearn.linear_model import ElasticNet
    from sklearn.model_selection import GridSearchCV, PredefinedSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from napari_uncertainseg.explain.drivers.statistics.cross_validation import RATIOS, STRENGTHS

    rng = np.random.default_rng(2)
    x = rng.normal(3, 5, (60, 4)) * [1, 10, 0.1, 1]
    x[:, 3] = x[:, 0] + rng.normal(0, 1, 60)
    y = x @ [0.2, 0, 3, 0.1] + rng.normal(size=60)
    patients = np.repeat(np.arange(5), 12)
    mine = cross_validated(x, y[:, None], patients).whole
    grid = {
        "elasticnet__alpha": STRENGTHS * y.std(),  # there the doubt is not standardised
        "elasticnet__l1_ratio": RATIOS[1:],  # its solver wants some lasso
    }
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ElasticNet(max_iter=100_000, tol=1e-10)),
        grid,
        cv=PredefinedSplit(folds_of(patients)),
        scoring="neg_mean_squared_error",
    ).fit(x, y)
    theirs = search.best_estimator_[-1].coef_
    np.testing.assert_allclose(mine.weights[:, 0], theirs, atol=0.03 * np.abs(theirs).max())
    for lasso, ridge in ((0.1, 0.1), (0.02, 0.3), (0.4, 0.0)):
        z, t = (x - x.mean(0)) / x.std(0), y - y.mean()
        own = elastic_nets(
            z.T @ z / 60, (z.T @ t / 60)[:, None], np.array([lasso]), np.array([ridge]), tolerance=1e-12
        )
        oracle = ElasticNet(alpha=lasso + ridge, l1_ratio=lasso / (lasso + ridge), tol=1e-12, max_iter=10**6)
        np.testing.assert_allclose(own[:, 0], oracle.fit(z, t).coef_, atol=1e-8)


def test_ranks_and_correlations_are_those_of_scipy_ties_and_unknown_values_included() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(0, 6, 40).astype(float)
    often = rng.integers(0, 3, (40, 5)).astype(np.float32)
    ranks = weighted_ranks(values, often)
    for draw in range(5):
        repeated = np.repeat(values, often[:, draw].astype(int))
        known = often[:, draw] > 0
        expected = dict(zip(repeated, rankdata(repeated), strict=True))
        assert ranks[known, draw].tolist() == [expected[one] for one in values[known]]
    doubt = rng.normal(size=40)
    holes = np.where(rng.random(40) < 0.3, np.nan, values)
    table = pd.DataFrame({"whole": values, "holes": holes, "same": np.ones(40), "none": np.full(40, np.nan)})
    found = rank_correlations(table, doubt, np.repeat(np.arange(8), 5))
    known = np.isfinite(holes)
    assert found.loc["whole", "rho"] == pytest.approx(spearmanr(values, doubt).statistic)
    assert found.loc["holes", "rho"] == pytest.approx(spearmanr(holes[known], doubt[known]).statistic)
    assert found.loc["whole", "low"] < found.loc["whole", "rho"] < found.loc["whole", "high"]
    assert found.loc[["same", "none"], ["rho", "low", "high"]].isna().all().all()
    assert found["lesions"].tolist() == [40, known.sum(), 40, 0]


def test_what_is_too_little_is_refused_and_what_is_odd_is_defined() -> None:
    table, doubt, patients = world(5, [20, 20])
    with pytest.raises(InputError, match="3 patients at least, not 2"):
        explain_doubt(table, doubt, patients)
    few = np.arange(len(doubt)) % 3
    with pytest.raises(InputError, match="30 lesions at least, not 20"):
        explain_doubt(table[:20], doubt[:20], few[:20])
    with pytest.raises(InputError, match="same 'lsu'"):
        explain_doubt(table, doubt * 0, few)
    with pytest.raises(InputError, match="No driver differs"):
        explain_doubt(table[["slice_mm"]] * 0, doubt, few)
    table["noise"], table["place"] = np.nan, "unknown"
    table.loc[:4, "contrast_flair"] = np.nan
    drawn = doubt.where(np.arange(len(doubt)) > 2)
    found = explain_doubt(table, drawn, few, permutations=9)
    assert found.lesions == 37 and "noise" not in found.model.weights
    assert any(note.startswith("3 lesions without a doubt") for note in found.notes)
    assert any(note.startswith("Contrast, FLAIR, SD: not known for 2 lesions") for note in found.notes)
    assert np.isnan(found.correlations.loc["noise", "rho"]) and "noise" not in found.groups.index
    alone = explain_doubt_within(table, doubt, permutations=9)
    assert isinstance(alone, DoubtDrivers) and alone.patients == 1
    assert alone.r2[0] == pytest.approx(alone.within[0], abs=0.1)


def test_importance_is_the_mean_over_permutations() -> None:
    from napari_uncertainseg.explain.drivers.statistics.shares import _lost

    table, doubt, patients = world(6, [10] * 4)
    x, y = design(table).to_numpy(), doubt.to_numpy()
    found, where = cross_validated(x, y[:, None], patients), np.array([0, 1])
    rng, lost = np.random.default_rng(0), []
    for _ in range(600):
        mixed = x.copy()
        mixed[:, where] = x[rng.permutation(len(x))][:, where]
        rows = np.empty(len(x))
        for number, fit in enumerate(found.fits):
            out = found.fold == number
            rows[out] = (y[out] - fit.predict(mixed[out])[:, 0]) ** 2
            rows[out] -= (y[out] - fit.predict(x[out])[:, 0]) ** 2
        lost.append(rows.sum())
    assert _lost(found, x, y, where).sum() == pytest.approx(np.mean(lost), rel=0.03)
