"""Distances of images and features against plain loops, and scans that are registered."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.stability.changes import changes_of, mean_change
from napari_uncertainseg.audit.stability.images import (
    RANGE,
    WINDOW,
    Distances,
    Frame,
    feature_distances,
    image_distances,
    mean_over_people,
    placed,
)
from napari_uncertainseg.audit.stability.measures import Measure, lesion_rows, matched_labels
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid, Volume

from ..builders import AFFINE

SHAPE = (12, 13, 14)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    base = 1 + 0.3 * ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1)
    others = [base + s * rng.standard_normal(SHAPE) for s in (0.05, 0.2)]
    return [one.astype(np.float32) for one in (base, *others)]


@pytest.fixture
def brain():
    mask = np.zeros(SHAPE, bool)
    mask[2:10, 2:11, 3:12] = True
    return mask


def plain_ssim(one, other, at):
    """Wang's formula in one window, with the unbiased covariances of skimage."""
    half = WINDOW // 2
    where = tuple(slice(a - half, a + half + 1) for a in at)
    x, y = one[where].astype(float).ravel(), other[where].astype(float).ravel()
    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    covariance = np.cov(x, y)
    above = (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
    below = (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
    return above / below


def test_distances_against_plain_loops(images, brain):
    found = image_distances(images, brain)
    for i in range(3):
        for j in range(3):
            square = np.mean((images[i].astype(float) - images[j])[brain] ** 2)
            assert found["rmse"][i, j] == pytest.approx(math.sqrt(square), rel=1e-5)
            if i != j:
                assert found["psnr"][i, j] == pytest.approx(10 * math.log10(RANGE**2 / square), rel=1e-5)
    middle = np.zeros(SHAPE, bool)
    middle[5:7, 5:8, 6:9] = True
    inner = image_distances(images, middle)
    expected = np.mean([plain_ssim(images[0], images[2], at) for at in np.argwhere(middle)])
    assert inner["ssim"][0, 2] == pytest.approx(expected, abs=1e-4)


def test_equal_images_and_symmetry(images, brain):
    found = image_distances([images[0], images[0].copy(), images[2]], brain)
    assert found["rmse"][0, 1] == 0 and math.isinf(found["psnr"][0, 1]) and found["ssim"][0, 1] == 1
    for matrix in found.values():
        assert np.array_equal(matrix, matrix.T)
    assert found["ssim"][0, 2] < 1


def test_a_brain_of_two_slices_has_no_ssim_and_all_else(images, brain):
    found = image_distances([one[:2] for one in images[:2]], brain[4:6])
    assert math.isnan(found["ssim"][0, 1]) and found["rmse"][0, 1] > 0


def test_a_mere_gain_does_not_count(images, brain):
    grid = Grid(SHAPE, AFFINE)
    frame = Frame.of(grid, brain)
    one, other = (frame.image(Volume(k * images[0], grid, "flair")) for k in (1, 250))
    assert one == pytest.approx(other) and np.median(one[frame.brain]) == pytest.approx(1)
    with pytest.raises(InputError, match="dark"):
        frame.image(Volume(np.zeros(SHAPE, np.float32), grid, "flair"))
    with pytest.raises(InputError, match="empty"):
        Frame.of(grid, np.zeros(SHAPE, bool))


def test_features_against_a_plain_loop():
    features = np.array([[1.0, 10, 5, 2], [2, 14, 5, math.nan], [4, 10, 5, 3]])
    spread = np.array([2.0, 4, math.nan, 1])
    found = feature_distances(features, spread)
    assert found[0, 1] == pytest.approx(math.sqrt((0.5**2 + 1**2) / 2))  # the fourth is not known there
    assert found[0, 2] == pytest.approx(math.sqrt((1.5**2 + 0 + 1) / 3))
    assert not np.diag(found).any()
    assert np.isnan(feature_distances(np.full((2, 1), math.nan), np.ones(1))).all()


def test_means_over_people_who_lack_an_acquisition():
    both = Distances(("a", "b", "c"), {"rmse": np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]])})
    few = Distances(("a", "c"), {"rmse": np.array([[0, 6], [6, 0.0]])})
    names, mean, deviation, counts = mean_over_people([both, few], "rmse")
    assert names == ("a", "b", "c")
    assert mean[0, 2] == 4 and deviation[0, 2] == pytest.approx(np.std([2, 6], ddof=1)) and counts[0, 2] == 2
    assert mean[0, 1] == 1 and math.isnan(deviation[0, 1]) and counts[0, 1] == 1


def head(shape=(40, 46, 44)):
    """A head of 2 mm voxels that looks the same from no two sides."""
    at = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")).astype(float)
    middle = (np.array(shape) / 2)[:, None, None, None]
    radius = np.sqrt((((at - middle) / np.array([14, 18, 16])[:, None, None, None]) ** 2).sum(0))
    data = 100.0 * (radius < 1)
    rng = np.random.default_rng(5)
    data *= 1 + 0.8 * ndimage.gaussian_filter(rng.standard_normal(shape), 3) * 10
    data[22:27, 17:21, 28:32] += 80
    affine = AFFINE.copy()
    affine[:3] *= 2
    return Volume(np.maximum(data, 0).astype(np.float32), Grid(shape, affine), "flair", "flair")


def test_a_scan_that_lies_elsewhere_is_found_again():
    fixed = head()
    turn = math.radians(4)
    moved = np.eye(4)
    moved[1:3, 1:3] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    moved[:3, 3] = (5, -3, 4)
    data = resample_to(fixed, fixed.grid, moved)
    moving = Volume(data.astype(np.float32), fixed.grid, "flair", "flair")
    transform, far = placed(moving, fixed)
    assert transform is not None and far > 2
    back = resample_to(moving, fixed.grid, transform)
    inside = fixed.data > 20
    before, after = (np.abs(one - fixed.data)[inside].mean() for one in (data, back))
    assert after < 0.4 * before
    same, still = placed(fixed, fixed)
    assert same is None and still == 0


def test_lesions_are_matched_one_to_one_the_largest_overlap_first():
    targets = np.array([1, 1, 1, 1, 0, 2, 2, 0, 3, 0])
    others = np.array([5, 5, 5, 6, 6, 6, 0, 0, 0, 7])
    # 6 shares one voxel with 1 and one with 2; 1 is taken by 5.
    assert matched_labels(targets, others) == {1: 5, 2: 6}
    assert matched_labels(np.array([1, 1, 2]), np.array([4, 4, 4])) == {1: 4}
    assert matched_labels(np.zeros(3, int), np.ones(3, int)) == {}


def test_a_lesion_that_is_gone_has_no_volume_and_no_doubt():
    import pandas as pd

    table = pd.DataFrame({"label": [5, 6], "volume_mm3": [9.0, 4.0], "doubt": [0.1, math.nan]})
    rows = lesion_rows(table, {1: 6}, [1, 2])
    assert rows["target"].tolist() == [1, 2] and rows["volume_mm3"].tolist() == [4, 0]
    assert rows["doubt"].isna().all() and rows["lsu"].isna().all()


def test_changes_with_students_intervals():
    import pandas as pd
    from scipy.stats import ttest_1samp

    values = {"first": [10.0, 20, 0, 40], "second": [12.0, 19, 1, 52], "third": [10.0, math.nan, 0, 40]}
    rows = pd.DataFrame(
        [
            {"patient": f"p{p}", "acquisition": name, "volume_ml": own[p]}
            for name, own in values.items()
            for p in range(4)
        ]
    )
    measure = Measure("volume_ml", "Lesion volume", "ml")
    second, third = changes_of(rows, (measure, Measure("psu", "PSU")), tuple(values))
    bounds = ttest_1samp([2, -1, 1, 12], 0).confidence_interval()
    assert second.signed.value == 3.5 and (second.signed.low, second.signed.high) == pytest.approx(bounds)
    assert second.relative.value == pytest.approx(np.mean([0.2, -0.05, 0.3]))  # nothing is a share of 0
    assert second.size == pytest.approx(np.mean([0.2, 0.05, 0.3])) and second.people == 4
    assert third.people == 3 and third.signed.value == 0 and not third.shown
    alone = mean_change(np.array([2.0, math.nan]))
    assert alone.value == 2 and math.isnan(alone.low) and not mean_change(np.array([math.nan])).known
