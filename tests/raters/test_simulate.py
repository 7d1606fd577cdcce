"""Simulated raters differ as real ones do, and cancel out around the mask."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.raters.simulate import (
    RaterStyle,
    _distance_to,
    _JitterField,
    _radius,
    draw_styles,
    simulate_raters,
)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def ball(shape, centre, radius, spacing=None) -> np.ndarray:
    spacing = spacing or (1.0,) * len(shape)
    grid = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij")
    return sum((g - c * s) ** 2 for g, c, s in zip(grid, centre, spacing, strict=True)) <= radius**2


EXACT = RaterStyle(bias=0, jitter=0, miss=0)


@pytest.mark.parametrize("name", ["patient05", "patient16", "patient27"])
def test_real_masks_majority_and_agreement(shared_data, name) -> None:
    path = shared_data / "3d-mr-ms" / "masks" / f"{name}.nii.gz"
    mask = np.asarray(nibabel.load(path).dataobj) > 0
    raters = simulate_raters(mask, (1, 1, 1), 9, seed=5)
    pairs = [dice(a > 0, b > 0) for a, b in combinations(raters, 2)]
    # Readers of five patients: 0.58 to 0.86; many small lesions give less.
    assert 0.5 < np.median(pairs) < 0.9
    assert min(pairs) > 0.3
    # Small lesions are missed by most. Where none is missed, the majority is the mask.
    styles = [replace(style, miss=0) for style in draw_styles(9)]
    raters = simulate_raters(mask, (1, 1, 1), 9, seed=5, styles=styles)
    assert dice(raters.mean(0) >= 0.5, mask) > 0.9


@pytest.mark.parametrize("name", ["patient07", "patient22", "patient25", "patient29"])
def test_mean_volume_and_majority_are_the_masks(shared_data, name) -> None:
    path = shared_data / "3d-mr-ms" / "masks" / f"{name}.nii.gz"
    mask = np.asarray(nibabel.load(path).dataobj) > 0
    mask = np.pad(mask[ndimage.find_objects(mask.astype(int))[0]], 4)
    styles = [replace(style, miss=0) for style in draw_styles(15)]
    raters = simulate_raters(mask, (1, 1, 1), 15, seed=2, styles=styles)
    # 316 mm3 in all leave more to chance than the others, with 1.3 to 23 ml.
    assert raters.mean(0).sum() / mask.sum() == pytest.approx(1, abs=0.1 if name == "patient29" else 0.03)
    assert dice(raters.mean(0) > 0.5, mask) > 0.98


@given(st.floats(1.0, 9.0), st.sampled_from([(1.0, 1.0, 1.0), (3.0, 0.8, 0.8), (0.7, 0.7)]))
@settings(max_examples=12, deadline=None)
def test_mean_volume_of_balls(radius, spacing) -> None:
    shape = tuple(int(2 * (radius + 5) / s) + 1 for s in spacing)
    mask = ball(shape, [n // 2 for n in shape], radius, spacing)
    raters = simulate_raters(mask, spacing, 200, styles=[replace(s, miss=0) for s in draw_styles(200)])
    assert raters.mean(0).sum() / mask.sum() == pytest.approx(1, abs=0.1)


def test_radius_of_a_ball_and_width_of_a_rod() -> None:
    assert _radius(ball((9, 40, 40), (4, 20, 20), 9, (3.0, 1.0, 1.0)), (3, 1, 1)) == pytest.approx(
        9, rel=0.05
    )
    assert _radius(ball((50, 50), (25, 25), 10, (0.5, 0.5)), (0.5, 0.5)) == pytest.approx(10, rel=0.05)
    rod = np.zeros((100, 9, 9), bool)
    rod[:, 2:7, 2:7] = True
    assert 2.5 < _radius(rod, (1, 1, 1)) < 6


def test_a_rater_without_faults_returns_the_mask() -> None:
    mask = ball((20, 21, 22), (9, 10, 11), 4.3) | ball((20, 21, 22), (3, 3, 3), 1)
    np.testing.assert_array_equal(simulate_raters(mask, (1, 1, 1), 1, styles=[EXACT])[0], mask)


def test_bias_moves_the_boundary_by_millimetres() -> None:
    spacing = (0.5, 0.5, 0.5)
    mask = ball((60, 60, 60), (30, 30, 30), 8, spacing)
    styles = [RaterStyle(bias=b, jitter=0, miss=0, growth=0) for b in (-2.0, 0.0, 2.0)]
    volumes = simulate_raters(mask, spacing, 3, styles=styles).sum((1, 2, 3)) * 0.125
    radii = np.cbrt(volumes * 3 / (4 * np.pi))
    # Biases are relative to the mean rater, whose volume is less than the raters' mean volume.
    np.testing.assert_allclose(np.diff(radii), 2, atol=0.5)
    assert volumes.mean() == pytest.approx(mask.sum() * 0.125, rel=0.1)


def test_small_lesions_are_missed_as_stated() -> None:
    mask = np.zeros((6, 6, 4000), bool)
    mask[2, 2, 5::10] = True
    style = RaterStyle(jitter=0, miss=0.4, miss_volume=2, miss_power=1)
    drawn = simulate_raters(mask, (1, 1, 1), 1, seed=3, styles=[style])[0]
    expected = 0.4 * np.exp(-0.5)
    assert style.miss_probability(1.0) == pytest.approx(expected)
    assert 1 - drawn.sum() / mask.sum() == pytest.approx(expected, abs=0.07)


def test_invented_lesions_only_when_asked_for() -> None:
    empty = np.zeros((100, 100, 100), np.uint8)
    assert not simulate_raters(empty, (1, 1, 1)).any()
    style = RaterStyle(invented=40)
    drawn = simulate_raters(empty, (1, 1, 1), 1, styles=[style])[0]
    assert 20 < ndimage.label(drawn, np.ones((3, 3, 3)))[1] < 60


def test_jitter_has_the_stated_size_and_reach() -> None:
    style = RaterStyle(bias=0.3, jitter=0.5, correlation=4)
    field = _JitterField((400, 50, 60), (1, 2, 1), style, np.random.default_rng(0))
    values = field((slice(None),) * 3)
    assert values.shape == (400, 50, 60)
    assert values.mean() == pytest.approx(0.3, abs=0.05)
    assert values.std() == pytest.approx(0.5, rel=0.05)
    centred = values - values.mean()
    correlation = (centred[4:] * centred[:-4]).mean() / centred.var()
    assert correlation == pytest.approx(np.exp(-0.5), abs=0.05)
    part = (slice(10, 30), slice(5, 9), slice(40, 60))
    np.testing.assert_allclose(field(part), values[part], atol=1e-5)


@given(st.integers(0, 99), st.sampled_from([(1.0, 1.0, 1.0), (4.0, 0.72, 0.72), (0.3, 1.0, 2.0)]))
@settings(max_examples=20, deadline=None)
def test_distance_is_exact_within_reach(seed, spacing) -> None:
    target = np.random.default_rng(seed).random((9, 11, 12)) < 0.03
    target[0, 0, 0] = True
    reach = 4.5
    everywhere = np.moveaxis(np.indices(target.shape), 0, -1).reshape(-1, 1, 3)
    steps = np.maximum(np.abs(everywhere - np.argwhere(target)) - 0.5, 0) * spacing
    expected = np.minimum(np.sqrt((steps**2).sum(-1)).min(1), reach).reshape(target.shape)
    np.testing.assert_allclose(_distance_to(target, spacing, reach), expected, atol=1e-5)


@given(st.integers(0, 999), st.integers(1, 4), st.sampled_from([(17, 14), (9, 12, 13)]))
@settings(max_examples=25, deadline=None)
def test_deterministic_binary_and_of_the_right_shape(seed, n, shape) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.05
    spacing = (4.0, 0.7, 0.7)[: len(shape)]
    first = simulate_raters(mask, spacing, n, seed=seed)
    assert first.dtype == np.uint8 and first.shape == (n, *shape) and first.max(initial=0) <= 1
    np.testing.assert_array_equal(first, simulate_raters(mask.astype(float), spacing, n, seed=seed))


def test_boundaries_move_mostly_within_thick_slices() -> None:
    mask = ball((9, 60, 60), (4, 30, 30), 9, (5.0, 0.7, 0.7))
    styles = [RaterStyle(bias=b, jitter=0.54) for b in (-0.37, 0.0, 0.37)]
    drawn = simulate_raters(mask, (5.0, 0.7, 0.7), 3, seed=1, styles=styles)
    changed = drawn != mask
    assert np.count_nonzero(changed[:, ~mask.any((1, 2))]) < 0.1 * np.count_nonzero(changed)
    assert all(not np.array_equal(d, mask) for d in drawn)


def test_different_seeds_differ() -> None:
    mask = ball((20, 20, 20), (10, 10, 10), 5)
    assert not np.array_equal(simulate_raters(mask, (1, 1, 1)), simulate_raters(mask, (1, 1, 1), seed=1))


def test_whole_image_lesion_and_border() -> None:
    full = np.ones((8, 8, 8), bool)
    np.testing.assert_array_equal(simulate_raters(full, (1, 1, 1), 2), np.ones((2, 8, 8, 8)))


@given(st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_biases_cancel(n, seed) -> None:
    biases = [s.bias for s in draw_styles(n, seed)]
    assert sum(biases) == pytest.approx(0, abs=1e-12)
    assert sorted(biases) == sorted(s.bias for s in draw_styles(n, seed + 1))


@pytest.mark.parametrize(
    ("shape", "spacing", "n", "styles"),
    [
        ((4,), (1,), 3, None),
        ((4, 4, 4), (1, 1), 3, None),
        ((4, 4), (1, 0), 3, None),
        ((4, 4), (1, np.nan), 3, None),
        ((4, 4), (1, 1), 3, [EXACT]),
    ],
)
def test_unusable_input_is_named(shape, spacing, n, styles) -> None:
    with pytest.raises(InputError):
        simulate_raters(np.zeros(shape), spacing, n, styles=styles)
