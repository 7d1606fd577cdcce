"""Agreement between acquisitions: constants of the literature, planted components, intervals that hold."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.stability.reliability import MeanSquares, complete_block, reliability

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
SOAK = bool(os.environ.get("UNCERTAINSEG_SOAK"))


def test_the_table_of_shrout_and_fleiss():
    found = reliability(SHROUT_FLEISS)
    assert found.icc3.value == pytest.approx(0.7148, abs=5e-5)
    assert found.icc2.value == pytest.approx(0.2898, abs=5e-5)
    squares = MeanSquares.of(SHROUT_FLEISS)
    # As their table 2 has it.
    assert (squares.between, squares.columns, squares.error) == pytest.approx((11.24, 32.49, 1.02), abs=5e-3)
    # The intervals that R's psych::ICC documents for this table.
    assert (found.icc2.low, found.icc2.high) == pytest.approx((0.019, 0.76), abs=2e-3)
    assert (found.icc3.low, found.icc3.high) == pytest.approx((0.34, 0.95), abs=5e-3)


def planted(rng, targets, acquisitions, person, setting, error):
    """Values of planted standard deviations: of people, of what an acquisition adds to all, and the rest."""
    return (
        rng.normal(5, person, (targets, 1))
        + rng.normal(0, setting, acquisitions)
        + rng.normal(0, error, (targets, acquisitions))
    )


def test_planted_components_come_back():
    rng = np.random.default_rng(1)
    found = reliability(planted(rng, 4000, 300, 1.0, 0.5, 0.8))
    assert found.icc2.value == pytest.approx(1 / (1 + 0.25 + 0.64), abs=0.02)
    assert found.icc3.value == pytest.approx(1 / (1 + 0.64), abs=0.01)
    assert found.sem.value == pytest.approx(math.sqrt(0.25 + 0.64), rel=0.06)
    assert found.sem_consistency.value == pytest.approx(0.8, rel=0.01)
    assert found.detectable.value == pytest.approx(1.96 * math.sqrt(2) * found.sem.value)


def test_the_detectable_change_is_bland_and_altmans_repeatability():
    rng = np.random.default_rng(2)
    values = planted(rng, 7, 4, 1.0, 0.3, 0.5)
    within = np.mean([np.var(row, ddof=1) for row in values])
    assert reliability(values).detectable.value == pytest.approx(1.96 * math.sqrt(2 * within))
    one = reliability(values[:1])
    assert one.sem.value == pytest.approx(np.std(values[0], ddof=1)) and not one.icc3.known
    assert not one.sem_consistency.known and "fewer than 3" in one.why


def test_what_an_acquisition_adds_to_all_counts_in_one_of_both_only():
    values = planted(np.random.default_rng(3), 6, 4, 1.0, 0.0, 0.4)
    moved = values + np.array([0.0, 3.0, -2.0, 5.0])
    plain, shifted = reliability(values), reliability(moved)
    assert shifted.icc3.value == pytest.approx(plain.icc3.value)
    assert shifted.icc2.value < plain.icc2.value - 0.2
    scaled = reliability(values * 100)
    assert scaled.icc2.value == pytest.approx(plain.icc2.value)
    assert (scaled.icc2.low, scaled.icc2.high) == pytest.approx((plain.icc2.low, plain.icc2.high))


@pytest.mark.parametrize("targets", [3, 5, 12])
@pytest.mark.parametrize("setting", [0.0, 0.3])
@pytest.mark.parametrize("people", [1.0, 0.0])
def test_intervals_hold_what_they_say(targets, setting, people):
    """95 % intervals hold 95 % but for chance, with few people too, and where people do not differ at all.

    There more than half of the estimates are negative, and once in a while one had no interval.
    """
    worlds, rng = 4000 if SOAK else 400, np.random.default_rng(targets)
    truth2, truth3 = people / (people + setting**2 + 0.25), people / (people + 0.25)
    inside = np.zeros(3)
    for _ in range(worlds):
        found = reliability(planted(rng, targets, 5, people, setting, 0.5))
        assert found.icc2.low <= found.icc2.value <= found.icc2.high
        inside += [
            found.icc2.low <= truth2 <= found.icc2.high,
            found.icc3.low <= truth3 <= found.icc3.high,
            found.sem.low <= math.sqrt(setting**2 + 0.25) <= found.sem.high,
        ]
    share = inside / worlds
    chance = 3 * math.sqrt(0.95 * 0.05 / worlds)
    assert share[1] == pytest.approx(0.95, abs=chance)
    # Both are approximations (Satterthwaite's); McGraw and Wong's too.
    assert (share[[0, 2]] > 0.95 - chance - 0.02).all(), share


def test_targets_with_the_same_means_have_no_interval():
    """By hand: mean squares 0, 1/6 and 2/3. Both ends of an interval by F would be the value itself."""
    alike = reliability(np.array([[1, 2], [2, 1], [1, 2.0]]))
    assert alike.icc3.value == pytest.approx(-1) and alike.icc2.value == pytest.approx(-2)
    assert np.isnan([alike.icc2.low, alike.icc2.high, alike.icc3.low, alike.icc3.high]).all()


def test_nothing_varies():
    same = reliability(np.full((5, 3), 7.0))
    assert not same.icc2.known and "same values" in same.why and same.detectable.value == 0
    rows = reliability(np.repeat([[1.0], [2.0], [4.0]], 3, axis=1))
    assert (rows.icc2.value, rows.icc3.value, rows.sem.value) == (1, 1, 0)
    # 0.1 * 3 is not 0.3: rounding is no variance.
    rounded = reliability(np.array([[0.1 * 3, 0.3], [0.1 * 3, 0.3], [0.3, 0.3]]))
    assert not rounded.icc2.known


def test_identical_people_that_acquisitions_move():
    found = reliability(np.array([[1.0, 2.0, 4.0]] * 4))
    assert not found.icc2.known and "same values" in found.why
    assert found.sem.value == pytest.approx(np.std([1, 2, 4], ddof=1)) and found.sem_consistency.value == 0


@pytest.mark.parametrize(
    "values", [np.zeros(3), np.zeros((0, 3)), np.zeros((3, 1)), np.array([[1.0, math.nan]])]
)
def test_no_table_of_agreement(values):
    with pytest.raises(InputError, match="at least one target"):
        reliability(values)


def test_missing_cells_take_whatever_lacks_more():
    values = np.arange(20.0).reshape(5, 4)
    values[:4, 3] = math.nan  # an acquisition that hardly anybody has
    values[2, 0] = math.nan  # and one cell
    rows, columns = complete_block(values)
    assert rows.tolist() == [True, True, False, True, True] and columns.tolist() == [True, True, True, False]
    rows, columns = complete_block(np.full((2, 2), math.nan))
    assert not (rows.any() and columns.any())
