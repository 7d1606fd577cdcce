"""Consensus of raters: by hand, against a plain STAPLE, as properties, and broken input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.raters.consensus import (
    UncertaintySource,
    as_masks,
    consensus_regions,
    disagreement,
    joint_box,
    majority,
    soft_mean,
    staple,
    uncertainty_sources,
)

THREE = np.zeros((3, 4, 5, 5), np.uint8)
for rater, voxels in enumerate((20, 25, 30)):
    THREE[rater].flat[:voxels] = 1

some_raters = st.integers(2, 3).flatmap(
    lambda n: hnp.arrays(bool, hnp.array_shapes(min_dims=n + 1, max_dims=n + 1, max_side=5))
)


def plain_staple(masks: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expectation and maximisation as in the paper, voxel by voxel."""
    d = masks.reshape(len(masks), -1).astype(float)
    prior = d.mean()
    p = q = np.full(len(d), 0.99999)
    w = np.zeros(d.shape[1])
    for _ in range(rounds):
        a = prior * np.where(d == 1, p[:, None], 1 - p[:, None]).prod(0)
        b = (1 - prior) * np.where(d == 0, q[:, None], 1 - q[:, None]).prod(0)
        w = a / (a + b)
        p = (d * w).sum(1) / w.sum()
        q = ((1 - d) * (1 - w)).sum(1) / (1 - w).sum()
    return w.reshape(masks.shape[1:]), p, q


def noisy_raters(seed: int = 0, shape=(12, 12, 12)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    truth = np.zeros(shape, bool)
    truth[3:8, 3:8, 3:8] = True
    wrong = rng.random((4, *shape)) < np.array([0.02, 0.05, 0.1, 0.15])[:, None, None, None]
    return truth ^ wrong


def test_majority_of_three_and_ties_of_two() -> None:
    assert majority(THREE).sum() == 25
    two = THREE[:2]
    assert majority(two).sum() == 20
    assert majority(two, ties="foreground").sum() == 25
    assert majority(THREE, ties="foreground").sum() == 25


def test_soft_mean_and_regions_of_three() -> None:
    mean = soft_mean(THREE)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean.flat[[0, 20, 25, 30]], [1, 2 / 3, 1 / 3, 0], atol=1e-7)
    regions = consensus_regions(THREE)
    assert [x.sum() for x in (regions.foreground, regions.background, regions.dissensus)] == [20, 70, 10]


def test_disagreement_of_three() -> None:
    maps = disagreement(THREE)
    third = -(np.log(1 / 3) + 2 * np.log(2 / 3)) / 3
    np.testing.assert_allclose(maps.entropy.flat[[0, 20, 25, 30]], [0, third, third, 0], atol=1e-7)
    np.testing.assert_allclose(maps.variance, THREE.var(0), atol=1e-7)


@pytest.mark.parametrize("shape", [(12, 12, 12), (40, 40)])
def test_staple_is_that_of_the_paper(shape) -> None:
    masks = noisy_raters().reshape(4, -1)[:, : np.prod(shape)].reshape(4, *shape)
    found = staple(masks)
    probability, sensitivity, specificity = plain_staple(masks, 400)
    assert found.probability.shape == shape
    np.testing.assert_allclose(found.probability, probability, atol=1e-4)
    np.testing.assert_allclose(found.sensitivity, sensitivity, atol=1e-4)
    np.testing.assert_allclose(found.specificity, specificity, atol=1e-4)
    assert 1 < found.iterations <= 100


def test_staple_ranks_raters_by_their_errors() -> None:
    masks = noisy_raters()
    found = staple(masks)
    assert np.argmax(found.specificity) == 0 and np.argmin(found.specificity) == 3
    truth = np.zeros((12, 12, 12), bool)
    truth[3:8, 3:8, 3:8] = True
    assert (found.mask != truth).sum() <= (masks[0] != truth).sum()


def test_staple_iterations_are_bounded() -> None:
    never = np.zeros((2, 10, 10), bool)  # converges in no number of iterations
    never[0].flat[:10] = never[1].flat[10:20] = True
    assert staple(never).iterations == 100
    assert staple(never, max_iterations=7).iterations == 7


def test_staple_in_a_region_is_that_of_the_crop() -> None:
    masks = THREE
    region = np.zeros(masks.shape[1:], bool)
    region[:2] = True
    whole, cropped = staple(masks, region=region), staple(masks[:, :2])
    np.testing.assert_array_equal(whole.probability[:2], cropped.probability)
    assert not whole.probability[2:].any()
    np.testing.assert_array_equal(whole.specificity, cropped.specificity)
    assert whole.specificity[2] < staple(masks).specificity[2]


@pytest.mark.parametrize("value", [0, 1])
def test_staple_without_anything_to_estimate(value) -> None:
    found = staple(np.full((3, 4, 4), value))
    assert (found.probability == value).all()
    assert np.isnan(found.sensitivity).all() and np.isnan(found.specificity).all()
    region = np.eye(4, dtype=bool)
    assert staple(np.stack([region * value] * 2), region=region).probability.sum() == 4 * value


def test_staple_of_one_rater_is_their_mask() -> None:
    found = staple(THREE[:1])
    np.testing.assert_array_equal(found.probability, THREE[0])


@given(some_raters)
@settings(max_examples=60, deadline=None)
def test_properties(masks) -> None:
    regions = consensus_regions(masks)
    together = regions.foreground.astype(int) + regions.background + regions.dissensus
    assert (together == 1).all()
    maps = disagreement(masks)
    np.testing.assert_array_equal(maps.variance > 0, regions.dissensus)
    np.testing.assert_array_equal(maps.entropy > 0, regions.dissensus)
    assert maps.variance.max() <= 0.25 and maps.entropy.max() <= np.float32(np.log(2))
    strict, generous = majority(masks), majority(masks, ties="foreground")
    assert (strict <= generous).all()
    np.testing.assert_array_equal(strict, soft_mean(masks) > 0.5)
    np.testing.assert_array_equal(generous, majority(~masks) == 0)
    np.testing.assert_array_equal(majority(masks[::-1]), strict)
    box = joint_box(masks)
    assert masks[(slice(None), *box)].sum() == masks.sum()


def test_joint_box() -> None:
    masks = np.zeros((2, 5, 6, 7), bool)
    assert joint_box(masks) == (slice(0, 0),) * 3
    masks[0, 1, 2, 3] = masks[1, 3, 2, 6] = True
    assert joint_box(masks) == (slice(1, 4), slice(2, 3), slice(3, 7))


def test_more_raters_than_a_byte_holds() -> None:
    masks = np.ones((300, 2, 2), bool)
    masks[:, 0] = False
    np.testing.assert_array_equal(majority(masks), [[0, 0], [1, 1]])
    assert soft_mean(masks).max() == 1 and disagreement(masks).entropy.max() == 0


def test_who_doubts() -> None:
    raters, model = np.array([[0, 0.2], [0, 0.2]]), np.array([[0.1, 0.5], [0.5, 0.1]])
    found = uncertainty_sources(raters, model, uncertainty_above=0.3)
    np.testing.assert_array_equal(
        found,
        [
            [UncertaintySource.NEITHER, UncertaintySource.BOTH],
            [UncertaintySource.MODEL, UncertaintySource.RATERS],
        ],
    )
    assert (uncertainty_sources(raters, model, disagreement_above=0.2, uncertainty_above=0.5) == 0).all()
    with pytest.raises(InputError, match="shape"):
        uncertainty_sources(raters, model[0], uncertainty_above=0.3)
    with pytest.raises(InputError, match="NaN"):
        uncertainty_sources(raters, model * np.nan, uncertainty_above=0.3)


def test_masks_of_any_number_type_and_sequences() -> None:
    masks = [np.array([[0, 2], [0.0, 0]]), np.array([[0, 1], [1, 0]], np.uint8)]
    found = as_masks(masks)
    assert found.dtype == bool and found.shape == (2, 2, 2) and found.sum() == 3
    assert as_masks(found) is found


@pytest.mark.parametrize(
    ("raters", "message"),
    [
        ([], "At least 1"),
        ([np.zeros((3, 3)), np.zeros((3, 4))], r"Rater 2 .*\(3, 4\)"),
        ([np.zeros((3, 3)), np.zeros((3, 3, 1))], "Rater 2"),
        (np.zeros((2, 5)), "2-D or 3-D"),
        (np.zeros((2, 2, 2, 2, 2)), "2-D or 3-D"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], "rater 2 holds NaN"),
    ],
)
def test_broken_raters(raters, message) -> None:
    for function in (majority, soft_mean, staple, consensus_regions, disagreement, joint_box):
        with pytest.raises(InputError, match=message):
            function(raters)


def test_broken_options() -> None:
    with pytest.raises(InputError, match="Ties"):
        majority(THREE, ties="nobody")
    with pytest.raises(InputError, match="iteration"):
        staple(THREE, max_iterations=0)
    with pytest.raises(InputError, match="shape"):
        staple(THREE, region=np.ones((4, 5), bool))
    with pytest.raises(InputError, match="leaves out"):
        staple(THREE, region=np.arange(100).reshape(4, 5, 5) < 10)
    with pytest.raises(InputError, match="empty"):
        staple(THREE * 0, region=np.zeros((4, 5, 5), bool))
