"""Agreement of raters: published tables, MONAI, scikit-learn, by hand, as properties, and broken input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.raters.agreement import (
    SurfaceDistances,
    check_spacing,
    cohen_kappa,
    deviations,
    fleiss_kappa,
    intraclass_correlation,
    mean_agreement,
    mean_with_others,
    pairwise_dice,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
"""Six targets by four judges, Shrout and Fleiss, 1979, table 2."""

THIN = (3.0, 0.7, 1.1)
EMPTY, DOT = np.zeros((6, 6, 6), bool), np.zeros((6, 6, 6), bool)
DOT[2, 2, 2] = True

masks_of_raters = st.integers(2, 3).flatmap(
    lambda n: hnp.arrays(bool, hnp.array_shapes(min_dims=n + 1, max_dims=n + 1, min_side=2, max_side=5))
)


def blobs(r: int = 4, shape=(10, 16, 14), seed: int = 0) -> np.ndarray:
    """Ragged masks that overlap."""
    rng = np.random.default_rng(seed)
    index = np.indices(shape).reshape(len(shape), -1).T
    centre, size = np.array(shape) / 2, np.array(shape) / 3
    found = []
    for _ in range(r):
        distance = (((index - centre - rng.normal(size=len(shape))) / size) ** 2).sum(1)
        found.append((distance + rng.normal(0, 0.15, len(index)) < 1).reshape(shape))
    return np.stack(found)


def batch(mask: np.ndarray):
    import torch

    return torch.as_tensor(mask[None, None].astype(np.float32))


def pairs(matrix: np.ndarray, function) -> None:
    """The matrix holds what the function says of each pair."""
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            assert matrix[i, j] == pytest.approx(function(i, j), abs=1e-5), (i, j)


def test_intraclass_correlation_of_shrout_and_fleiss() -> None:
    assert intraclass_correlation(SHROUT_FLEISS) == pytest.approx(0.2898, abs=5e-5)
    assert intraclass_correlation(SHROUT_FLEISS, "ICC(3,1)") == pytest.approx(0.7148, abs=5e-5)


def test_intraclass_correlation_by_the_textbook() -> None:
    x = np.random.default_rng(1).normal(size=(7, 3)) + np.arange(7)[:, None]
    n, k = x.shape
    rows = k * ((x.mean(1) - x.mean()) ** 2).sum() / (n - 1)
    columns = n * ((x.mean(0) - x.mean()) ** 2).sum() / (k - 1)
    total = ((x - x.mean()) ** 2).sum()
    error = (total - rows * (n - 1) - columns * (k - 1)) / ((n - 1) * (k - 1))
    assert intraclass_correlation(x, "ICC(3,1)") == pytest.approx((rows - error) / (rows + (k - 1) * error))
    absolute = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    assert intraclass_correlation(x, "ICC(2,1)") == pytest.approx(absolute)


def test_intraclass_correlation_of_a_constant_difference() -> None:
    shifted = np.array([0.1, 0.5, 0.9])[:, None] + np.array([0.0, 0.3])
    assert intraclass_correlation(shifted, "ICC(3,1)") == pytest.approx(1)
    assert 0 < intraclass_correlation(shifted, "ICC(2,1)") < 1


@pytest.mark.parametrize("kind", ["ICC(2,1)", "ICC(3,1)"])
def test_intraclass_correlation_at_the_ends(kind) -> None:
    assert intraclass_correlation(np.repeat([[0.1], [0.7], [0.3]], 3, axis=1), kind) == pytest.approx(1)
    assert np.isnan(intraclass_correlation(np.full((4, 3), 0.1), kind))
    only_raters_differ = intraclass_correlation(np.tile([0.1, 0.7, 0.35], (5, 1)), kind)
    assert np.isnan(only_raters_differ) if kind == "ICC(3,1)" else only_raters_differ == 0


@given(hnp.arrays(float, (5, 3), elements=st.integers(-50, 50).map(float)), st.floats(0.1, 10))
@settings(max_examples=60, deadline=None)
def test_intraclass_correlation_does_not_depend_on_the_unit(x, factor) -> None:
    for kind in ("ICC(2,1)", "ICC(3,1)"):
        found = intraclass_correlation(x, kind)
        assert np.isnan(found) or found <= 1 + 1e-9
        other = intraclass_correlation(factor * x + 7, kind)
        assert other == pytest.approx(found, abs=1e-6, nan_ok=True)


def test_fleiss_kappa_of_a_table_by_hand() -> None:
    # Votes 3, 2, 1, 0 of three raters: found disagreement 1/3, expected 1/2.
    masks = np.array([[[1, 1], [1, 0]], [[1, 1], [0, 0]], [[1, 0], [0, 0]]])
    assert fleiss_kappa(masks) == pytest.approx(1 / 3)


def test_fleiss_kappa_by_the_definition() -> None:
    masks = blobs()
    r = len(masks)
    table = np.stack([masks.sum(0), r - masks.sum(0)], -1).reshape(-1, 2)
    agreement = ((table**2).sum(1) - r) / (r * (r - 1))
    chance = ((table.sum(0) / table.sum()) ** 2).sum()
    assert fleiss_kappa(masks) == pytest.approx((agreement.mean() - chance) / (1 - chance))


def test_cohen_kappa_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    masks = blobs()
    region = np.zeros(masks.shape[1:], bool)
    region[2:9, 3:] = True
    for where in (None, region):
        inside = masks.reshape(4, -1) if where is None else masks[:, where]
        found = cohen_kappa(masks, region=where)
        pairs(found, lambda i, j, v=inside: metrics.cohen_kappa_score(v[i], v[j]))


def test_kappas_where_all_say_the_same() -> None:
    for masks in (np.zeros((3, 4, 4), bool), np.ones((3, 4, 4), bool)):
        assert fleiss_kappa(masks) == 1
        np.testing.assert_array_equal(cohen_kappa(masks), np.ones((3, 3)))
    np.testing.assert_allclose(cohen_kappa([EMPTY, DOT]), [[1, 0], [0, 1]])
    opposite = np.stack([np.eye(4), 1 - np.eye(4)])
    np.testing.assert_allclose(fleiss_kappa(opposite), -1)


def test_dice_is_that_of_each_pair() -> None:
    masks = blobs()
    pairs(pairwise_dice(masks), lambda i, j: dice(masks[i], masks[j]))
    np.testing.assert_array_equal(pairwise_dice([EMPTY, EMPTY, DOT]), [[1, 1, 0], [1, 1, 0], [0, 0, 1]])


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(("shape", "spacing"), [((10, 16, 14), THIN), ((18, 20), (0.8, 2.5))])
def test_surfaces_are_those_of_monai(shape, spacing) -> None:
    metrics = pytest.importorskip("monai.metrics")
    masks = blobs(3, shape)
    found = SurfaceDistances.between(masks, spacing)
    images = [batch(mask) for mask in masks]
    options = {"include_background": True, "spacing": spacing}

    def hausdorff(i, j):
        return metrics.compute_hausdorff_distance(images[i], images[j], percentile=95, **options).item()

    def share(i, j):
        return metrics.compute_surface_dice(images[i], images[j], [1.5], **options).item()

    def average(i, j):
        return metrics.compute_average_surface_distance(
            images[i], images[j], symmetric=True, **options
        ).item()

    pairs(found.hausdorff(), hausdorff)
    pairs(found.surface_dice(1.5), share)
    pairs(found.mean(), average)


def test_surfaces_of_two_planes() -> None:
    masks = np.zeros((2, 9, 8, 8), bool)
    masks[0, 2], masks[1, 4] = True, True
    found = SurfaceDistances.between(masks, THIN)
    np.testing.assert_allclose(found.hausdorff(), [[0, 6], [6, 0]])
    np.testing.assert_allclose(found.mean(), [[0, 6], [6, 0]])
    np.testing.assert_allclose(found.surface_dice(5.9), np.eye(2))
    np.testing.assert_allclose(found.surface_dice(6), np.ones((2, 2)))


def test_the_whole_image_has_its_border_as_boundary() -> None:
    found = SurfaceDistances.between(np.ones((1, 5, 5), bool), (1, 1))
    assert found.directed[0][0].size == 16


def test_surfaces_of_empty_masks() -> None:
    found = SurfaceDistances.between([EMPTY, EMPTY, DOT], THIN)
    infinite = np.array([[0, 0, np.inf], [0, 0, np.inf], [np.inf, np.inf, 0]])
    np.testing.assert_array_equal(found.hausdorff(), infinite)
    np.testing.assert_array_equal(found.mean(), infinite)
    np.testing.assert_array_equal(found.surface_dice(1), [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert mean_agreement(found.mean()) == np.inf
    np.testing.assert_array_equal(SurfaceDistances.between([EMPTY] * 2, THIN).mean(), np.zeros((2, 2)))


@given(masks_of_raters)
@settings(max_examples=60, deadline=None)
def test_properties(masks) -> None:
    spacing = THIN[: masks.ndim - 1]
    surfaces = SurfaceDistances.between(masks, spacing)
    for matrix in (pairwise_dice(masks), cohen_kappa(masks), surfaces.surface_dice(1.0)):
        np.testing.assert_allclose(matrix, matrix.T)
        np.testing.assert_allclose(np.diag(matrix), 1)
        assert matrix.max() <= 1 + 1e-12
    for matrix in (surfaces.hausdorff(), surfaces.hausdorff(100), surfaces.mean()):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diag(matrix), 0)
    assert (surfaces.hausdorff() <= surfaces.hausdorff(100)).all()
    assert (surfaces.surface_dice(1.0) <= surfaces.surface_dice(2.0)).all()
    twice = SurfaceDistances.between(masks, [2 * s for s in spacing])
    np.testing.assert_allclose(twice.mean(), 2 * surfaces.mean())
    if len(masks) > 1:
        assert fleiss_kappa(masks) == pytest.approx(fleiss_kappa(masks[::-1]))
        assert fleiss_kappa(masks) == pytest.approx(fleiss_kappa(~masks))


def test_mean_leaves_out_the_diagonal() -> None:
    matrix = np.array([[1, 0.5, 0.7], [0.5, 1, 0.6], [0.7, 0.6, 1]])
    np.testing.assert_allclose(mean_with_others(matrix), [0.6, 0.55, 0.65])
    assert mean_agreement(matrix) == pytest.approx(0.6)


def test_deviations_by_hand() -> None:
    masks = np.zeros((3, 10, 8, 8), bool)
    masks[0, 4:6, 2:6, 2:6] = masks[1, 4:6, 2:6, 2:6] = masks[2, 4:7, 2:6, 2:6] = True
    found = deviations(masks, (2.0, 1.0, 1.5))
    np.testing.assert_allclose(found.volume_mm3, [0, 0, 16 * 3])
    np.testing.assert_allclose(found.volume_share, [0, 0, 0.5])
    assert found.distance_mm[0] == 0 and 0 < found.distance_mm[2] < 2
    against = deviations(masks, (2.0, 1.0, 1.5), consensus=masks[2])
    np.testing.assert_allclose(against.volume_mm3, [-48, -48, 0])
    np.testing.assert_allclose(against.volume_share, [-1 / 3, -1 / 3, 0])
    assert against.distance_mm[0] == pytest.approx(found.distance_mm[2])


def test_deviations_from_an_empty_consensus() -> None:
    found = deviations([EMPTY, EMPTY, DOT], THIN)
    np.testing.assert_array_equal(found.volume_share, [0, 0, np.inf])
    np.testing.assert_array_equal(found.distance_mm, [0, 0, np.inf])
    np.testing.assert_allclose(found.volume_mm3, [0, 0, np.prod(THIN)])
    missed = deviations([EMPTY, DOT, DOT], THIN)
    np.testing.assert_allclose(missed.volume_share, [-1, 0, 0])
    np.testing.assert_array_equal(missed.distance_mm, [np.inf, 0, 0])


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, 1, -2), (1, 1, np.nan), (1, 1, np.inf)])
def test_broken_spacing(spacing) -> None:
    for function in (SurfaceDistances.between, deviations):
        with pytest.raises(InputError, match="spacing"):
            function([EMPTY, DOT], spacing)
    with pytest.raises(InputError, match="spacing"):
        check_spacing(spacing, 3)


def test_broken_input() -> None:
    for function in (pairwise_dice, cohen_kappa, fleiss_kappa):
        with pytest.raises(InputError, match="Rater 2"):
            function([EMPTY, EMPTY[1:]])
    with pytest.raises(InputError, match="At least 2"):
        fleiss_kappa([DOT])
    with pytest.raises(InputError, match="no voxel"):
        cohen_kappa([EMPTY, DOT], region=EMPTY)
    with pytest.raises(InputError, match="region has shape"):
        fleiss_kappa([EMPTY, DOT], region=EMPTY[0])
    with pytest.raises(InputError, match="shape"):
        deviations([EMPTY, DOT], THIN, consensus=EMPTY[0])
    surfaces = SurfaceDistances.between([EMPTY, DOT], THIN)
    for percentile in (-1, 101, np.nan):
        with pytest.raises(InputError, match="percentile"):
            surfaces.hausdorff(percentile)
    for tolerance in (-1, np.nan, np.inf):
        with pytest.raises(InputError, match="tolerance"):
            surfaces.surface_dice(tolerance)
    for matrix in (np.ones((1, 1)), np.ones((2, 3)), np.ones(4)):
        with pytest.raises(InputError, match="pairwise"):
            mean_agreement(matrix)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.ones(5), "table"),
        (np.ones((5, 1)), "table"),
        (np.ones((1, 5)), "table"),
        (np.array([[1, 2], [np.nan, 3]]), "missing"),
        (np.array([[1, 2], [np.inf, 3]]), "missing"),
    ],
)
def test_broken_scores(scores, message) -> None:
    with pytest.raises(InputError, match=message):
        intraclass_correlation(scores)
    with pytest.raises(InputError, match="not 'ICC'"):
        intraclass_correlation(SHROUT_FLEISS, "ICC")
