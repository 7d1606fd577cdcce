"""Recalibration against scikit-learn and scipy on the voxels themselves, and against its own promises."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.logistic import logistic_regression
from napari_uncertainseg.calibration.recalibration import (
    Beta,
    Isotonic,
    Platt,
    ProbabilityHistogram,
    Temperature,
    fit,
    from_json,
)
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.scores import EPSILON, brier, nll

KINDS = ["temperature", "platt", "beta", "isotonic"]
EXAMPLES = [
    Temperature(0.3, 0.2, 1.7),
    Temperature(0.3, 0.2, 1 / 64),
    Platt(0.3, 0.2, 0.4, -1.5),
    Platt(0.3, 0.2, 0.0, 900.0),
    Beta(0.3, 0.2, 0.5, 1.3, 0.2),
    Beta(0.3, 0.2, 0.0, 64.0, 0.0),
    Isotonic(0.3, 0.2, (0.1, 0.4, 0.6), (0.3, 0.6, 0.9), (0.0, 0.25, 1.0)),
]


def overconfident(n=60_000, seed=0, slope=2.0, shift=-1.0):
    """Probabilities as float32, and a reference whose true logit is (logit p - shift) / slope."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-2, 2, n)
    return expit(slope * z + shift).astype(np.float32), rng.random(n) < expit(z)


def exact_loss(p, y, link) -> float:
    q = np.clip(p.astype(float), EPSILON, 1 - EPSILON)
    z = link(np.log(q), np.log1p(-q))
    return np.logaddexp(0, np.where(y, -z, z)).mean()


def test_temperature_of_scipy() -> None:
    p, y = overconfident()
    found = fit(ProbabilityHistogram.from_probability(p, y), "temperature")
    best = minimize_scalar(
        lambda a: exact_loss(p, y, lambda n, f: a * (n - f)), bounds=(0.1, 3), options={"xatol": 1e-9}
    )
    assert 1 / found.temperature == pytest.approx(best.x, abs=2e-5)
    assert found.nll_after == pytest.approx(best.fun, abs=1e-7)


@pytest.mark.parametrize("seed", [0, 1])
def test_platt_and_beta_of_scikit_learn(seed) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    p, y = overconfident(seed=seed)
    q = np.clip(p.astype(float), EPSILON, 1 - EPSILON)
    near, far = np.log(q), np.log1p(-q)
    for kind, features in (("platt", [near - far]), ("beta", [near, -far])):
        model = linear.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
        model.fit(np.column_stack(features), y)
        found = fit(ProbabilityHistogram.from_probability(p, y), kind)
        numbers = [found.scale, found.shift] if kind == "platt" else [found.a, found.b, found.c]
        np.testing.assert_allclose(numbers, [*model.coef_[0], model.intercept_[0]], atol=3e-5)
        theirs = model.predict_proba(np.column_stack(features))[:, 1]
        np.testing.assert_allclose(found.apply(p), theirs, rtol=1e-4)


def test_isotonic_of_scikit_learn() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    rng = np.random.default_rng(2)
    # Values that lie in bins of their own: then the histogram loses nothing.
    values = np.concatenate([np.geomspace(1e-6, 0.4, 300), 1 - np.geomspace(0.4, 1e-5, 300)])
    p = rng.choice(values, 20_000).astype(np.float32)
    y = rng.random(len(p)) < p**1.5
    found = fit(ProbabilityHistogram.from_probability(p, y), "isotonic")
    model = isotonic.IsotonicRegression().fit(p.astype(float), y)
    expected = np.clip(model.predict(p.astype(float)), EPSILON, 1 - EPSILON)
    np.testing.assert_allclose(found.apply(p), expected, atol=1e-7)
    assert brier(found.apply(p), y) <= brier(
        fit(ProbabilityHistogram.from_probability(p, y), "beta").apply(p), y
    )


@pytest.mark.parametrize(
    ("kind", "features", "most"),
    [
        ("temperature", lambda n, f: [n - f], lambda c: c[0] ** 2 + c[0]),
        ("platt", lambda n, f: [n - f, n * 0 + 1], lambda c: c[0] ** 2 + c[0]),
        ("beta", lambda n, f: [n, -f, n * 0 + 1], lambda c: (c[0] + c[1]) ** 2 / 4 + max(c[0], c[1])),
    ],
)
@pytest.mark.parametrize("slope", [0.5, 3.0])
def test_the_histogram_costs_no_more_than_proven(kind, features, most, slope) -> None:
    p, y = overconfident(30_000, seed=4, slope=slope)
    p[:50], p[50:99], p[99:200] = 0, 1, 0.5
    y[:50], y[50:99] = False, True  # wrong and sure, they would be clamped once more in the result
    found = fit(ProbabilityHistogram.from_probability(p, y), kind)
    best = minimize(
        lambda c: exact_loss(p, y, lambda n, f: np.stack(features(n, f), 1) @ c),
        np.ones(len(features(np.ones(1), np.ones(1)))),
        method="Nelder-Mead",
        bounds=[(0, 64), (0, 64), (-99, 99)] if kind == "beta" else None,
        options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 2000},
    )
    allowed = 1.2e-7 * most(best.x) + 1e-9
    assert abs(found.nll_after - best.fun) <= allowed
    assert nll(found.apply(p), y) <= best.fun + 2 * allowed + 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_told_likelihood_is_that_of_the_result(kind) -> None:
    p, y = overconfident(seed=5)
    region = np.random.default_rng(6).random(p.shape) < 0.5
    p[:100], p[100:150] = 0, 1
    found = fit(ProbabilityHistogram.from_probability(p, y, region=region), kind)
    assert found.nll_before == pytest.approx(nll(p, y, region=region), abs=3e-7)
    assert found.nll_after == pytest.approx(nll(found.apply(p), y, region=region), abs=3e-7)
    assert found.nll_after < found.nll_before


def test_suppler_kinds_fit_better_and_all_calibrate() -> None:
    p, y = overconfident(300_000)
    evidence = ProbabilityHistogram.from_probability(p, y)
    after = {kind: fit(evidence, kind).nll_after for kind in KINDS}
    assert after["platt"] <= after["temperature"] and after["beta"] <= after["platt"] + 1e-12
    assert after["isotonic"] <= after["beta"]
    for kind in ("platt", "beta", "isotonic"):
        assert reliability(fit(evidence, kind).apply(p), y).ece < 0.1 * reliability(p, y).ece
    assert fit(evidence, "platt").scale == pytest.approx(0.5, abs=0.01)
    assert fit(evidence, "platt").shift == pytest.approx(0.5, abs=0.03)


def test_what_is_calibrated_stays() -> None:
    p, y = overconfident(300_000, slope=1, shift=0)
    assert fit(ProbabilityHistogram.from_probability(p, y), "temperature").temperature == pytest.approx(
        1, abs=0.01
    )
    identity = Beta(0, 0, 1, 1, 0).apply(p)
    np.testing.assert_allclose(identity, p, rtol=1e-6)


@pytest.mark.parametrize("one", EXAMPLES[:1] + EXAMPLES[2:3] + EXAMPLES[4:5])
def test_the_table_is_the_formula(one) -> None:
    rng = np.random.default_rng(7)
    p = np.concatenate([np.exp(rng.uniform(-16.6, 0, 5000)), 1 - np.exp(rng.uniform(-16, -1, 5000)), [0.5]])
    p = p.astype(np.float32)
    q = np.clip(p.astype(float), EPSILON, 1 - EPSILON)
    z = {
        "temperature": lambda: logit(q) / one.temperature,
        "platt": lambda: one.scale * logit(q) + one.shift,
        "beta": lambda: one.a * np.log(q) - one.b * np.log1p(-q) + one.c,
    }[one.kind]()
    np.testing.assert_allclose(one.apply(p), np.clip(expit(z), EPSILON, 1 - EPSILON), rtol=1e-6)


@pytest.mark.parametrize("one", EXAMPLES)
def test_never_decreases_and_stays_finite(one) -> None:
    rng = np.random.default_rng(8)
    around = np.concatenate([rng.random(50), np.exp(-rng.uniform(0, 18, 50)), [0.5, EPSILON, 1 - EPSILON]])
    # Runs of neighbouring floats, which rounding would put out of order.
    bits = around.astype(np.float32).view(np.int32)[:, None] + np.arange(-300, 300, dtype=np.int32)
    p = bits.view(np.float32).ravel()
    p = np.sort(np.concatenate([p[(p >= 0) & (p <= 1)], np.float32([0, 1, 1e-40])]))
    out = one.apply(p)
    assert out.dtype == np.float32
    assert (np.diff(out) >= 0).all()
    assert np.isfinite(logit(out)).all() and out.min() >= EPSILON and out.max() <= 1 - EPSILON
    assert np.isfinite(logit(one.apply(one.apply(p)))).all()


def test_temperature_keeps_decisions() -> None:
    p = np.random.default_rng(9).random(20_000).astype(np.float32)
    for t in (0.5, 1.5, 4.0):
        np.testing.assert_array_equal(Temperature(0, 0, t).apply(p) > 0.5, p > 0.5)
    assert Temperature(0, 0, 3.0).apply(np.array([0.5]))[0] == 0.5


def test_isotonic_is_constant_in_blocks_and_linear_between() -> None:
    found = EXAMPLES[-1].apply(np.array([0.0, 0.2, 0.35, 0.5, 0.75, 0.95]))
    np.testing.assert_allclose(found, [EPSILON, EPSILON, 0.125, 0.25, 1, 1], atol=1e-3)
    linear = Isotonic(0, 0, (0.1, 0.6), (0.2, 0.7), (0.2, 0.8))
    np.testing.assert_allclose(linear.apply(np.array([0.3, 0.4, 0.5])), [0.35, 0.5, 0.65], atol=1e-6)


@given(st.integers(0, 10_000), st.sampled_from(KINDS))
@settings(max_examples=60, deadline=None)
def test_any_small_case_fits(seed, kind) -> None:
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(30), rng.integers(1, 8)).astype(np.float32)
    y = rng.random(30) < 0.5
    y[:2] = True, False
    found = fit(ProbabilityHistogram.from_probability(p, y), kind)
    assert found.nll_after <= found.nll_before + 1e-9
    out = found.apply(np.linspace(0, 1, 1000))
    assert (np.diff(out) >= 0).all() and np.isfinite(out).all()
    assert from_json(found.to_json()) == found


def test_cases_add_up() -> None:
    (p, y), (q, z) = overconfident(seed=1), overconfident(5000, seed=2, slope=0.7)
    together = ProbabilityHistogram.from_probability(p, y) + ProbabilityHistogram.from_probability(q, z)
    once = ProbabilityHistogram.from_probability(np.concatenate([p, q]), np.concatenate([y, z]))
    np.testing.assert_array_equal(together.lesion, once.lesion)
    assert together.lesion.sum() == y.sum() + z.sum()
    assert together.background.sum() == (~y).sum() + (~z).sum()
    for kind in KINDS:
        assert fit(together, kind).nll_after == pytest.approx(fit(once, kind).nll_after, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_no_overlap_and_upside_down_stay_within_bounds(kind) -> None:
    p = np.array([0.1, 0.2, 0.8, 0.9], np.float32)
    apart = fit(ProbabilityHistogram.from_probability(p, p > 0.5), kind)
    assert apart.nll_after < 1e-3 and np.isfinite(apart.apply(p)).all()
    rng = np.random.default_rng(0)
    p = rng.random(5000).astype(np.float32)
    inverted = fit(ProbabilityHistogram.from_probability(p, rng.random(5000) < 1 - p), kind)
    out = inverted.apply(np.array([0.05, 0.95]))
    assert out[1] - out[0] < (0.12 if kind == "isotonic" else 0.05)
    assert inverted.nll_after == pytest.approx(np.log(2), abs=1e-2)


def test_region_and_memory_order() -> None:
    p = np.random.default_rng(3).random((6, 7, 8)).astype(np.float32)
    one = EXAMPLES[2]
    plain = one.apply(p)
    np.testing.assert_array_equal(one.apply(p.transpose(2, 1, 0)), plain.transpose(2, 1, 0))
    np.testing.assert_array_equal(one.apply(p[::-1, :, ::2]), plain[::-1, :, ::2])
    np.testing.assert_array_equal(one.apply(p.astype(float)), plain)
    region = p > 0.3
    inside = one.apply(p, region=region)
    np.testing.assert_array_equal(inside, np.where(region, plain, p))
    assert one.apply(np.zeros((0, 3))).shape == (0, 3)


def test_bad_input_is_refused() -> None:
    p, y = overconfident(100)
    with pytest.raises(InputError, match="one is missing"):
        fit(ProbabilityHistogram.from_probability(p, y * 0))
    with pytest.raises(InputError, match="one is missing"):
        fit(ProbabilityHistogram.from_probability(p, y, region=np.zeros(100, bool)))
    with pytest.raises(InputError, match="not by 'spline'"):
        fit(ProbabilityHistogram.from_probability(p, y), "spline")
    for bad in (np.nan, -0.1, 1.1):
        with pytest.raises(InputError, match="0 to 1"):
            EXAMPLES[0].apply(np.array([0.5, bad]))
        with pytest.raises(InputError, match="0 to 1"):
            ProbabilityHistogram.from_probability(np.array([0.5, bad]), np.array([0, 1]))
    with pytest.raises(InputError, match="region"):
        EXAMPLES[0].apply(p, region=np.ones(3, bool))
    with pytest.raises(InputError, match="same grid"):
        ProbabilityHistogram.from_probability(p, y[:4])


@pytest.mark.parametrize("one", EXAMPLES)
def test_json_there_and_back(one) -> None:
    assert from_json(one.to_json()) == one
    assert set(map(type, json.loads(one.to_json()).values())) <= {str, float, list}


PLATT = {"kind": "platt", "nll_before": 1.0, "nll_after": 0.5, "scale": 1.0, "shift": 0.0}
STEPS = {"kind": "isotonic", "nll_before": 1, "nll_after": 0, "left": [0.1], "right": [0.2], "value": [0.3]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[1, 2]",
        "{",
        '"platt"',
        "[" * 100_000,
        " " * 10_000_001,
        "9" * 10_000,
        json.dumps({**PLATT, "kind": "spline"}),
        json.dumps({**PLATT, "kind": ["platt"]}),
        json.dumps({**PLATT, "extra": 1}),
        json.dumps({k: v for k, v in PLATT.items() if k != "shift"}),
        json.dumps({**PLATT, "scale": -1.0}),
        json.dumps({**PLATT, "scale": 1e300}),
        json.dumps({**PLATT, "scale": 10**400}),
        json.dumps({**PLATT, "scale": True}),
        json.dumps({**PLATT, "scale": "1"}),
        json.dumps({**PLATT, "scale": [1]}),
        json.dumps({**PLATT, "shift": float("nan")}),
        json.dumps({**PLATT, "nll_after": float("inf")}),
        json.dumps({"kind": "temperature", "nll_before": 1, "nll_after": 1, "temperature": 0}),
        json.dumps({**STEPS, "left": []}),
        json.dumps({**STEPS, "left": [], "right": [], "value": []}),
        json.dumps({**STEPS, "left": 0.1}),
        json.dumps({**STEPS, "left": [0.3]}),
        json.dumps({**STEPS, "value": [1.5]}),
        json.dumps({**STEPS, "value": [None]}),
        json.dumps({**STEPS, "left": [0.1, 0.3], "right": [0.2, 0.4], "value": [0.3, 0.2]}),
        json.dumps({**STEPS, "left": [0.1, 0.15], "right": [0.2, 0.4], "value": [0.1, 0.2]}),
    ],
    ids=range(29),
)
def test_hostile_json_is_refused_in_one_sentence(text) -> None:
    with pytest.raises(InputError) as refused:
        from_json(text)
    message = str(refused.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 200


def test_the_best_coefficients_where_features_differ_much_in_size() -> None:
    """At the best, no coefficient that is free to move gains by moving. One search of L-BFGS-B fails here."""
    rng = np.random.default_rng(193)
    p = np.clip(rng.beta(0.3, 0.3, 200), 1e-6, 1 - 1e-6)
    is_lesion, count = rng.random(200) < p**2, np.exp(rng.normal(0, 4, 200))
    features = np.column_stack([np.log(p), -np.log1p(-p), np.ones_like(p)])
    low, high = np.array([0.0, 0, -1000]), np.array([64.0, 64, 1000])
    found = logistic_regression(features, is_lesion, count, low, high)
    weight = count / count.sum()
    slope = features.T @ (weight * (expit(features @ found) - is_lesion)) / np.sqrt(weight @ features**2)
    held = (found == low) & (slope > 0) | (found == high) & (slope < 0)
    assert np.abs(slope[~held]).max() < 1e-8
