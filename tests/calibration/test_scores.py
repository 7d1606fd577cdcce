"""Scores against scikit-learn, closed forms, the CURVAS challenge's numbers and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.scores import (
    EPSILON,
    brier,
    brier_parts,
    classwise,
    nll,
    static_ece,
    top_label,
)

P = np.array([0.05, 0.15, 0.15, 0.35, 0.55, 0.75, 0.95, 0.95], np.float32)
Y = np.array([0, 0, 1, 0, 1, 1, 1, 1])


def three_classes(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (3, n))
    p = np.exp(logits) / np.exp(logits).sum(0)
    return p, rng.integers(0, 3, n)


def sum_of(parts) -> float:
    return (
        parts.reliability
        - parts.resolution
        + parts.uncertainty
        + parts.within_variance
        - parts.within_covariance
    )


def test_scikit_learn_scores_the_same() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    p = rng.random((5, 6, 7))
    y = rng.random(p.shape) < p
    assert brier(p, y) == pytest.approx(metrics.brier_score_loss(y.ravel(), p.ravel()), rel=1e-12)
    assert nll(p, y) == pytest.approx(metrics.log_loss(y.ravel(), p.ravel()), rel=1e-12)
    classes, labels = three_classes()
    assert nll(classes, labels) == pytest.approx(metrics.log_loss(labels, classes.T), rel=1e-12)
    one_hot = np.eye(3)[labels].T
    assert brier(classes, labels) == pytest.approx(((classes - one_hot) ** 2).sum(0).mean(), rel=1e-12)


def test_two_classes_are_one_probability() -> None:
    p = np.random.default_rng(2).random((4, 5))
    y = (p > 0.7).astype(int)
    stack = np.stack([1 - p, p])
    assert brier(stack, y) == pytest.approx(2 * brier(p, y))
    assert nll(stack, y) == pytest.approx(nll(p, y))
    assert static_ece(stack, y) == static_ece(p, y)
    assert top_label(stack, y).ece == top_label(p, y).ece


def test_parts_by_hand() -> None:
    # Two bins: [.1, .3 | 0, 1] and [.8, .8 | 1, 1]; base rate 3/4.
    parts = brier_parts(np.array([0.1, 0.3, 0.8, 0.8]), np.array([0, 1, 1, 1]), bins=2)
    assert parts.score == pytest.approx((0.01 + 0.49 + 0.04 + 0.04) / 4)
    assert parts.reliability == pytest.approx((0.3**2 + 0.2**2) / 2)
    assert parts.resolution == pytest.approx(0.25**2)
    assert parts.uncertainty == pytest.approx(3 / 16)
    assert parts.within_variance == pytest.approx(2 * 0.1**2 / 4)
    assert parts.within_covariance == pytest.approx(2 * 0.1 / 4)
    assert sum_of(parts) == pytest.approx(parts.score, abs=1e-15)
    assert parts.generalised_resolution == pytest.approx(0.0625 - 0.005 + 0.05)


@given(
    arrays(np.float32, 40, elements=st.floats(0, 1, width=32)),
    arrays(bool, 40),
    arrays(bool, 40),
    st.integers(1, 30),
    st.sampled_from(["width", "mass"]),
)
@settings(max_examples=150, deadline=None)
def test_parts_add_up_to_the_score(p, y, region, bins, scheme) -> None:
    parts = brier_parts(p, y, region=region, bins=bins, scheme=scheme)
    if not region.any():
        assert np.isnan(list(vars(parts).values())).all()
        return
    assert sum_of(parts) == pytest.approx(parts.score, abs=1e-12)
    assert parts.score == pytest.approx(brier(p[region], y[region]))
    assert min(parts.reliability, parts.resolution, parts.uncertainty, parts.within_variance) >= 0
    binned = reliability(p, y, region=region, bins=bins, scheme=scheme)
    assert binned.ece**2 <= parts.reliability + 1e-9  # Jensen


def test_one_value_a_bin_leaves_nothing_within() -> None:
    p = np.repeat([0.1, 0.4, 0.9], 100)
    y = np.random.default_rng(3).random(300) < p
    parts = brier_parts(p, y, bins=10)
    assert parts.within_variance == pytest.approx(0, abs=1e-15)
    assert parts.within_covariance == pytest.approx(0, abs=1e-15)
    assert parts.generalised_resolution == pytest.approx(parts.resolution)


def test_likelihood_is_clamped_where_it_would_be_infinite() -> None:
    sure = np.array([0.0, 1.0], np.float32)
    assert nll(sure, np.array([1, 0])) == pytest.approx(-np.log(EPSILON))
    assert nll(sure, np.array([0, 1])) == pytest.approx(EPSILON, rel=1e-6)
    assert nll(sure, np.array([1, 0]), epsilon=1e-3) == pytest.approx(-np.log(1e-3))
    # The largest float32 below 1 is not clamped.
    nearly = np.nextafter(np.float32(1), np.float32(0))
    assert nll(np.array([nearly]), np.array([0])) == pytest.approx(-np.log(1 - float(nearly)))


def test_ece_of_the_curvas_challenge() -> None:
    flat = np.arange(100).reshape(4, 5, 5)
    p = np.select([flat < 20, flat < 40], [0.9, 0.3], 0.0)
    for voxels, expected in ((20, 0.08), (25, 0.03), (30, 0.06)):
        assert top_label(p, flat < voxels, bins=50).ece == pytest.approx(expected, abs=1e-9)


def brute_ece(p, right, bins) -> float:
    of = np.clip(np.ceil(p * bins - 1e-9) - 1, 0, None).astype(int)
    return sum(abs(p[of == k].sum() - right[of == k].sum()) for k in range(bins)) / len(p)


def test_classes_against_brute_force() -> None:
    p, labels = three_classes(seed=5)
    region = np.random.default_rng(6).random(len(labels)) < 0.6
    inside, truth = p[:, region], labels[region]
    found = top_label(p, labels, region=region, bins=15)
    assert found.ece == pytest.approx(brute_ece(inside.max(0), inside.argmax(0) == truth, 15), abs=1e-9)
    each = [brute_ece(inside[c], truth == c, 15) for c in range(3)]
    assert static_ece(p, labels, region=region, bins=15) == pytest.approx(np.mean(each), abs=1e-9)
    assert [one.ece for one in classwise(p, labels, region=region, bins=15)] == pytest.approx(each, abs=1e-9)


def test_torchmetrics_agrees() -> None:
    functional = pytest.importorskip("torchmetrics.functional.classification")
    torch = pytest.importorskip("torch")
    p, labels = three_classes(seed=7)
    theirs = functional.multiclass_calibration_error(
        torch.from_numpy(p.T.copy()), torch.from_numpy(labels), num_classes=3, n_bins=50
    )
    assert top_label(p, labels, bins=50).ece == pytest.approx(float(theirs), abs=1e-6)


def test_a_lesion_s_own_class_is_the_plain_reliability() -> None:
    lesion = classwise(P, Y, bins=5)[1]
    assert lesion.ece == pytest.approx(0.225, abs=1e-6)
    np.testing.assert_array_equal(lesion.count, reliability(P, Y, bins=5).count)


def test_an_empty_region_is_nan() -> None:
    nowhere = np.zeros(len(P), bool)
    for score in (brier, nll, static_ece):
        assert np.isnan(score(P, Y, region=nowhere))
        assert np.isnan(score(np.stack([1 - P, P]), Y, region=nowhere))
    assert np.isnan(top_label(P, Y, region=nowhere).ece)


@pytest.mark.parametrize("score", [brier, nll, brier_parts, top_label, static_ece])
@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5])
def test_bad_probabilities_are_refused(score, bad) -> None:
    with pytest.raises(InputError, match="0 to 1"):
        score(np.array([0.5, bad]), np.array([0, 1]))


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="same grid"):
        brier_parts(P, Y[:3])
    with pytest.raises(InputError, match="region"):
        nll(P, Y, region=np.ones(3, bool))
    with pytest.raises(InputError, match="smallest probability"):
        nll(P, Y, epsilon=0)
    stack = np.stack([1 - P, P])
    with pytest.raises(InputError, match="classes"):
        top_label(stack, Y[:3])
    with pytest.raises(InputError, match="sum to 1"):
        top_label(stack / 2, Y)
    with pytest.raises(InputError, match="from 0 to 1, one"):
        static_ece(stack, Y + 1)
    with pytest.raises(InputError, match="whole numbers"):
        static_ece(stack, Y * 0.5)
