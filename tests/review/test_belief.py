"""Live recalibration: bands that hold, and no bias from showing the doubtful first."""

from __future__ import annotations

import time

import numpy as np
import pytest

from napari_uncertainseg.review.belief import lesion_calibration
from napari_uncertainseg.review.rows import Task
from napari_uncertainseg.review.standing import Standing


def simulated(seed, n=120, *, gain=1.0):
    """Lesions whose chance to exist is that of the peak, or sharper; the doubtful are nearer to one half."""
    rng = np.random.default_rng(seed)
    peak = rng.uniform(0.1, 0.99, n)
    chance = 1 / (1 + ((1 - peak) / peak) ** gain)
    doubt = np.clip(1 - 2 * np.abs(peak - 0.5) + rng.normal(0, 0.1, n), 0, 1)
    exists = rng.random(n) < chance
    tasks = [
        Task(1, 1, "lesion" if p >= 0.4 else "candidate", i, (i, 0, 0), d, p, 10.0, i, i)
        for i, (p, d) in enumerate(zip(peak, doubt, strict=True))
    ]
    order = np.argsort(-doubt)
    return tasks, exists, order


def verdicts(exists, which):
    return {int(i): Standing(int(i) + 1, "accepted" if exists[i] else "rejected") for i in which}


def fractions(tasks, exists, bins=5):
    where = np.minimum((np.array([t.probability for t in tasks]) * bins).astype(int), bins - 1)
    return np.array([exists[where == b].mean() if (where == b).any() else np.nan for b in range(bins)])


def test_all_judged_is_what_was_judged():
    tasks, exists, order = simulated(0)
    found = lesion_calibration(tasks, verdicts(exists, order))
    np.testing.assert_allclose(found.fraction, fractions(tasks, exists))
    np.testing.assert_allclose(found.low, found.fraction)
    np.testing.assert_allclose(found.high, found.fraction)
    assert found.count.sum() == len(tasks)


@pytest.mark.parametrize("gain", [1.0, 2.0, 0.4])
def test_the_band_holds_though_the_doubtful_come_first(gain):
    inside = []
    for seed in range(30):
        tasks, exists, order = simulated(seed, gain=gain)
        found = lesion_calibration(tasks, verdicts(exists, order[:40]))
        truth = fractions(tasks, exists)
        inside.append((found.low <= truth + 1e-9) & (truth <= found.high + 1e-9))
    assert np.mean(inside) > 0.88


def test_the_doubtful_alone_would_mislead():
    """The share among those that were shown is farther off than what the posterior says of all."""
    off_shown, off_believed = [], []
    for seed in range(30):
        tasks, exists, order = simulated(seed, gain=2.0)
        shown = order[:40]
        truth = exists.mean()
        found = lesion_calibration(tasks, verdicts(exists, shown))
        believed = np.nansum(found.fraction * found.count) / found.count.sum()
        off_shown.append(abs(exists[shown].mean() - truth))
        off_believed.append(abs(believed - truth))
    assert np.mean(off_believed) < np.mean(off_shown)


def test_more_verdicts_narrow_the_band():
    tasks, exists, order = simulated(3)
    width = [
        np.nanmean((f := lesion_calibration(tasks, verdicts(exists, order[:k]))).high - f.low)
        for k in (0, 20, 60, 120)
    ]
    assert width[0] > width[1] > width[2] > width[3] == 0


def test_undecided_says_nothing_and_nothing_to_judge_is_no_error():
    tasks, _, _ = simulated(1, n=20)
    unsure = {0: Standing(1, "unsure")}
    np.testing.assert_array_equal(
        lesion_calibration(tasks, unsure).fraction, lesion_calibration(tasks, {}).fraction
    )
    empty = lesion_calibration([], {})
    assert not empty.count.any() and np.isnan(empty.ace)
    plain = [Task(1, None, "lesion", 0, (0, 0, 0), None, None, None, 7, 0)]
    assert not lesion_calibration(plain, {7: Standing(1, "accepted")}).count.any()


def test_it_is_quick_with_many_lesions():
    tasks, exists, order = simulated(5, n=2000)
    start = time.perf_counter()
    lesion_calibration(tasks, verdicts(exists, order[:500]))
    assert time.perf_counter() - start < 1
