"""CURVAS scores: the challenge's own answers, closed forms, other libraries, properties, and broken input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from napari_uncertainseg._base import InputError
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.raters.consensus import joint_box, majority
from napari_uncertainseg.raters.curvas import (
    THRESHOLDS,
    consensus_confidence,
    consensus_dice,
    member_crps,
    member_rank,
    score,
    thresholded_soft_dice,
    top_label_ece,
    volume_crps,
)

RATERS = np.zeros((3, 4, 5, 5), bool)
for rater, voxels in enumerate((20, 25, 30)):
    RATERS[rater].flat[:voxels] = True
PROBABILITY = np.zeros((4, 5, 5))
PROBABILITY.flat[:20], PROBABILITY.flat[20:40] = 0.9, 0.3
VOLUMES = np.array([20.0, 25.0, 30.0])

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
some_volumes = st.lists(numbers, min_size=1, max_size=8).map(np.array)


def random_case(seed: int = 0, shape=(6, 9, 8)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.random(shape).astype(np.float32)
    return p, rng.random((3, *shape)) < p


def test_constants_of_the_challenge() -> None:
    assert PROBABILITY.sum() == pytest.approx(24)
    assert volume_crps(24, VOLUMES, mode="curvas") == pytest.approx(1.052208, abs=1e-6)
    assert volume_crps(24, VOLUMES) == pytest.approx(1.051291, abs=2e-6)
    assert thresholded_soft_dice(PROBABILITY, RATERS) == pytest.approx(0.896825, abs=1e-6)
    assert dice(majority(RATERS), PROBABILITY >= 0.5) == pytest.approx(0.888889, abs=1e-6)
    np.testing.assert_allclose(top_label_ece(PROBABILITY, RATERS), [0.08, 0.03, 0.06])


@pytest.mark.parametrize(("volume", "exact"), [(60, 32.6967), (100, 72.6967), (0, 22.6967)])
def test_published_crps_saturates_and_ours_does_not(volume, exact) -> None:
    assert volume_crps(volume, VOLUMES, mode="curvas") == pytest.approx(9.9714, abs=1e-4)
    assert volume_crps(volume, VOLUMES) == pytest.approx(exact, abs=1e-4)


def test_crps_where_raters_agree() -> None:
    for alike in (np.full(3, 25.0), np.full(3, 0.1)):
        assert volume_crps(60, alike, mode="curvas") == 0
        assert volume_crps(60, alike) == pytest.approx(60 - alike[0])


def test_all_scores_at_once() -> None:
    found = score(PROBABILITY, RATERS, (2.0, 1.0, 0.5))
    assert found.consensus_dice == 1
    assert found.confidence == pytest.approx((1 - 3 / 70 + 0.9) / 2)
    assert found.crps == pytest.approx(1.051291, abs=2e-6)
    assert found.soft_dice == pytest.approx(0.896825, abs=1e-6)
    np.testing.assert_allclose(found.ece, [0.08, 0.03, 0.06])
    assert score(PROBABILITY, RATERS, (2, 1, 0.5), crps_mode="curvas").crps == pytest.approx(
        1.052208, abs=1e-6
    )
    # CRPS is in the unit of the volumes.
    assert score(PROBABILITY, RATERS, (2, 2, 2)).crps == pytest.approx(8 * found.crps)


def test_scores_of_a_slice() -> None:
    found = score(PROBABILITY.reshape(10, 10), RATERS.reshape(3, 10, 10), (1, 1))
    assert found.soft_dice == pytest.approx(0.896825, abs=1e-6)
    assert found.crps == pytest.approx(1.051291, abs=2e-6)


def test_consensus_dice_leaves_out_dissensus() -> None:
    predicted = np.zeros((4, 5, 5))
    predicted.flat[10:40] = 1
    # Consensus lesion 0 to 19, dissensus 20 to 29: of the mask, 10 right and 10 wrong are left.
    assert consensus_dice(predicted, RATERS) == pytest.approx(2 * 10 / 40)
    assert consensus_dice(predicted * 0, RATERS) == 0


def test_without_a_consensus() -> None:
    apart = RATERS.copy()
    apart[0] = False
    assert np.isnan(consensus_dice(PROBABILITY >= 0.5, apart))
    assert np.isnan(consensus_confidence(PROBABILITY, apart))
    assert np.isnan(consensus_confidence(PROBABILITY, np.ones_like(RATERS)))
    found = score(PROBABILITY * 0, np.zeros_like(RATERS), (1, 1, 1))
    assert np.isnan(found.consensus_dice) and np.isnan(found.confidence)
    assert found.soft_dice == 1 and found.crps == 0 and not found.ece.any()


def test_consensus_dice_is_the_f1_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    p, raters = random_case()
    agreed = raters.all(0) | ~raters.any(0)
    expected = metrics.f1_score(raters[0][agreed], (p > 0.5)[agreed])
    assert consensus_dice(p > 0.5, raters) == pytest.approx(expected)


@pytest.mark.parametrize("bins", [50, 7])
def test_ece_is_that_of_torchmetrics(bins) -> None:
    classification = pytest.importorskip("torchmetrics.classification")
    import torch

    p, raters = random_case()
    p.flat[:40], p.flat[40:80] = 0, 1  # certainty is a bin of its own
    both = torch.stack([torch.as_tensor(1 - p).ravel(), torch.as_tensor(p).ravel()], 1)
    metric = classification.MulticlassCalibrationError(num_classes=2, n_bins=bins, norm="l1")
    expected = [float(metric(both, torch.as_tensor(mask).ravel().long())) for mask in raters]
    np.testing.assert_allclose(top_label_ece(p, raters, bins=bins), expected, atol=1e-6)


def plain_ece(p: np.ndarray, mask: np.ndarray, bins: int) -> float:
    """Voxel by voxel."""
    held: dict[int, list[tuple[float, bool]]] = {}
    for value, lesion in zip(p.ravel().tolist(), mask.ravel().tolist(), strict=True):
        confidence = max(value, 1 - value)
        held.setdefault(int(confidence * bins), []).append((confidence, (value > 0.5) == lesion))
    gaps = [abs(sum(c for c, _ in rows) - sum(right for _, right in rows)) for rows in held.values()]
    return sum(gaps) / p.size


def test_ece_voxel_by_voxel_and_in_the_joint_box() -> None:
    p, raters = random_case(3)
    p = p.astype(float)
    p.flat[:40], p.flat[40:80] = 0, 1
    np.testing.assert_allclose(top_label_ece(p, raters), [plain_ece(p, m, 50) for m in raters])
    raters[:, :2] = raters[..., 6:] = False
    region = np.zeros(p.shape, bool)
    box = joint_box(raters)
    region[box] = True
    inside = top_label_ece(p, raters, region=region)
    np.testing.assert_allclose(inside, [plain_ece(p[box], m[box], 50) for m in raters])
    assert not np.allclose(inside, top_label_ece(p, raters))


def test_ece_takes_a_mask_as_certain() -> None:
    for kind in (bool, np.uint8, np.float16):
        certain = RATERS[1].astype(kind)
        np.testing.assert_allclose(top_label_ece(certain, RATERS), [0.05, 0, 0.05], atol=1e-9)


def test_closed_form_is_the_integral() -> None:
    volumes = np.array([3.0, 8.0, 4.5, 6.0])
    mean, deviation = volumes.mean(), volumes.std()
    for volume in (-2.0, 5.0, 11.0):
        below = quad(lambda y: norm.cdf(y, mean, deviation) ** 2, -30, volume)[0]
        above = quad(lambda y: norm.sf(y, mean, deviation) ** 2, volume, 50)[0]
        assert volume_crps(volume, volumes) == pytest.approx(below + above, abs=1e-6)


def test_crps_is_that_of_scoringrules() -> None:
    rules = pytest.importorskip("scoringrules")
    rng = np.random.default_rng(0)
    members, seen = rng.normal(5, 2, 12), rng.normal(5, 3, 4)
    expected = [rules.crps_ensemble(y, members, estimator="nrg") for y in seen]
    np.testing.assert_allclose(member_crps(members, seen), expected)
    assert volume_crps(4, seen) == pytest.approx(float(rules.crps_normal(4.0, seen.mean(), seen.std())))


@given(some_volumes, some_volumes)
@settings(max_examples=80, deadline=None)
def test_member_crps_pair_by_pair(members, seen) -> None:
    between = np.abs(members[:, None] - members).mean() / 2
    expected = np.abs(members - seen[:, None]).mean(1) - between
    found = member_crps(members, seen)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    # It is never below 0, and the error itself for a single member.
    assert found.min() >= -1e-9
    np.testing.assert_allclose(member_crps(members[:1], seen), np.abs(members[0] - seen))
    rank = member_rank(members, seen)
    assert rank.min() >= 0 and rank.max() <= 1
    np.testing.assert_allclose(member_rank(-members, -seen), 1 - rank)


@given(numbers, some_volumes, st.floats(0.01, 100))
@settings(max_examples=80, deadline=None)
def test_volume_crps_properties(volume, volumes, unit) -> None:
    found = volume_crps(volume, volumes)
    error = abs(volume - volumes.mean())
    assert -1e-9 <= found <= error + volumes.std() + 1e-9
    assert found >= error - volumes.std() / np.sqrt(np.pi) - 1e-9
    assert volume_crps(unit * volume, unit * volumes) == pytest.approx(unit * found, rel=1e-6, abs=1e-6)
    published = volume_crps(volume, volumes, mode="curvas")
    assert -1e-9 <= published <= 6 * volumes.std() + 1e-9


def test_members_of_one_volume() -> None:
    np.testing.assert_allclose(member_crps(np.array([1.0, 3.0]), 2.0), [0.5])
    np.testing.assert_allclose(member_rank(np.array([1.0, 3.0]), [0.0, 1.0, 2.0, 3.0]), [0, 0.25, 0.5, 0.75])


def test_thresholds_are_those_of_the_challenge() -> None:
    np.testing.assert_allclose(THRESHOLDS, np.linspace(0.1, 0.8, 6))


def test_soft_dice_of_the_raters_mean_is_one() -> None:
    _, raters = random_case()
    assert thresholded_soft_dice(raters.mean(0), raters) == 1
    assert thresholded_soft_dice(raters.mean(0, dtype=np.float32), raters) == 1
    assert thresholded_soft_dice(np.zeros((4, 5, 5)), RATERS) == 0
    assert thresholded_soft_dice(PROBABILITY, RATERS, thresholds=[0.95]) == 0


@pytest.mark.parametrize("wrong", [PROBABILITY * 2, PROBABILITY - 0.5, PROBABILITY * np.nan])
def test_broken_probability(wrong) -> None:
    for function in (consensus_confidence, top_label_ece, thresholded_soft_dice):
        with pytest.raises(InputError, match="from 0 to 1"):
            function(wrong, RATERS)
    with pytest.raises(InputError, match="from 0 to 1"):
        score(wrong, RATERS, (1, 1, 1))


def test_broken_shapes() -> None:
    for function in (consensus_dice, consensus_confidence, top_label_ece, thresholded_soft_dice):
        with pytest.raises(InputError, match="prediction has shape"):
            function(PROBABILITY[1:], RATERS)
        with pytest.raises(InputError, match="Rater 2"):
            function(PROBABILITY, [RATERS[0], RATERS[1][1:]])
    with pytest.raises(InputError, match="region has shape"):
        top_label_ece(PROBABILITY, RATERS, region=np.ones((4, 5), bool))
    with pytest.raises(InputError, match="no voxel"):
        top_label_ece(PROBABILITY, RATERS, region=np.zeros((4, 5, 5), bool))
    with pytest.raises(InputError, match="spacing"):
        score(PROBABILITY, RATERS, (1, 1))


def test_broken_options() -> None:
    with pytest.raises(InputError, match="one bin"):
        top_label_ece(PROBABILITY, RATERS, bins=0)
    with pytest.raises(InputError, match="threshold"):
        thresholded_soft_dice(PROBABILITY, RATERS, thresholds=())
    with pytest.raises(InputError, match="closed_form"):
        volume_crps(1, VOLUMES, mode="reference")
    for volumes in ([], [np.nan], [1, np.inf], [[1, 2]]):
        with pytest.raises(InputError, match="finite"):
            volume_crps(1, volumes)
        for function in (member_crps, member_rank):
            with pytest.raises(InputError, match="finite"):
                function(np.array(volumes), 1.0)
    with pytest.raises(InputError, match="finite"):
        volume_crps(np.nan, VOLUMES)
