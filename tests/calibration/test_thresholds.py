"""The best threshold against a loop over all thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.thresholds import GRID, best_dice, dice_curve


def brute_force(probability, reference, grid):
    """Dice coefficient from the two masks themselves, at one threshold after the other."""
    values = []
    for t in grid:
        mask = probability >= float(t)
        total = mask.sum() + reference.sum()
        values.append(2 * (mask & reference).sum() / total if total else 0.0)
    return np.array(values)


@settings(deadline=None, max_examples=50)
@given(
    p=hnp.arrays(np.float32, (4, 5, 6), elements=st.floats(0, 1, width=32)),
    y=hnp.arrays(bool, (4, 5, 6)),
)
def test_the_curve_is_that_of_the_masks(p, y):
    grid = GRID[::20]
    np.testing.assert_array_equal(dice_curve(p, y, grid), brute_force(p, y, grid))


def test_probabilities_on_the_thresholds_themselves_count_as_lesion():
    p = GRID.astype(np.float32)
    y = p >= np.float32(0.3)
    np.testing.assert_array_equal(dice_curve(p, y), brute_force(p, y, GRID))
    assert best_dice(p, y).threshold == pytest.approx(0.3)
    assert best_dice(p, y).dice == 1.0


def test_the_best_is_the_best_of_all():
    rng = np.random.default_rng(3)
    y = rng.random((20, 20, 20)) < 0.1
    p = np.clip(0.35 * y + 0.25 * rng.normal(size=y.shape) + 0.2, 0, 1).astype(np.float32)
    every = brute_force(p, y, GRID)
    best = best_dice(p, y)
    assert best.dice == every.max()
    assert every[np.searchsorted(GRID, best.threshold)] == best.dice


def test_a_plateau_gives_its_middle():
    y = np.array([True, True, False])
    p = np.array([0.8, 0.8, 0.2], np.float32)
    assert best_dice(p, y).threshold == pytest.approx(0.5, abs=0.02)


def test_empty_and_unfitting_masks_are_refused():
    p = np.full((2, 3), 0.6, np.float32)
    with pytest.raises(InputError, match="no voxel"):
        best_dice(p, np.zeros((2, 3), bool))
    with pytest.raises(InputError, match=r"\(3, 2\)"):
        best_dice(p, np.ones((3, 2), bool))
    with pytest.raises(InputError, match="lowest threshold"):
        best_dice(np.zeros((2, 3), np.float32), np.ones((2, 3), bool))
