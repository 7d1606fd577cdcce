"""Live calibration: it begins at the model's own word, and its bars hold whatever the form and the order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from napari_uncertainseg.review.session.live_calibration import lesion_calibration
from napari_uncertainseg.review.session.stopping import draw_checks, mixed
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.records import Task

FORMS = {
    "as the model says": lambda p, doubt: p,
    "sharper": lambda p, doubt: expit(2 * logit(p)),
    "step at 0.7": lambda p, doubt: np.where(p > 0.7, 0.95, 0.05),
    "U": lambda p, doubt: np.clip(4 * (p - 0.5) ** 2, 0.02, 0.98),
    "constant 0.2": lambda p, doubt: 0.2,
    "the doubtful are none": lambda p, doubt: np.where(doubt > 0.5, 0.05, 0.9),
    "the doubtful are lesions": lambda p, doubt: np.where(doubt > 0.5, 0.95, 0.1),
}


def simulated(seed, n=120, form="as the model says"):
    """Tasks as they are shown, the doubtful first with random checks; what is a lesion; ranks and drawn."""
    rng = np.random.default_rng(seed)
    peak, doubt = rng.uniform(0.1, 0.99, n), rng.random(n)
    exists = rng.random(n) < FORMS[form](peak, doubt)
    drawn = draw_checks(n, 0.7, seed)
    ranks = mixed(n, drawn, 4)
    order = np.argsort(-doubt)[ranks]
    tasks = [
        Task(1, 1, "lesion" if peak[i] >= 0.4 else "candidate", k, (k, 0, 0), doubt[i], peak[i], 10.0, k, k)
        for k, i in enumerate(order)
    ]
    return tasks, exists[order], ranks, set(map(int, drawn))


def verdicts(exists, which):
    return {int(i): CurrentVerdict(int(i) + 1, "accepted" if exists[i] else "rejected") for i in which}


def fractions(tasks, exists, bins=5):
    where = np.minimum((np.array([t.probability for t in tasks]) * bins).astype(int), bins - 1)
    return np.array([exists[where == b].mean() if (where == b).any() else np.nan for b in range(bins)])


def test_without_a_verdict_it_says_what_the_model_says():
    tasks = [Task(1, 1, "lesion", i, (i, 0, 0), 0.1, 0.97, 10.0, i, i) for i in range(10)]
    found = lesion_calibration(tasks, {})
    assert found.fraction[4] == pytest.approx(0.97) and (found.low[4], found.high[4]) == (0, 1)
    one = lesion_calibration(tasks, {0: CurrentVerdict(1, "rejected")})
    assert 0.2 < one.fraction[4] < 0.9 and one.high[4] == pytest.approx(0.9)  # it moves, and does not leap


def test_all_judged_is_what_was_judged():
    tasks, exists, ranks, drawn = simulated(0)
    for plan in ((), (ranks, drawn)):
        found = lesion_calibration(tasks, verdicts(exists, range(120)), *plan)
        for value in (found.fraction, found.low, found.high):
            np.testing.assert_allclose(value, fractions(tasks, exists))
        assert found.count.sum() == len(tasks)


@pytest.mark.parametrize("form", FORMS)
def test_the_bars_hold_though_the_doubtful_come_first(form):
    """At any look, so in 95 of 100 sessions and bins no look is outside."""
    inside, certain = [], []
    for seed in range(16):
        tasks, exists, ranks, drawn = simulated(seed, 60 if seed % 2 else 160, form)
        truth = fractions(tasks, exists)
        held = np.ones(5, bool)
        for judged in range(0, len(tasks), 20):
            said = verdicts(exists, range(judged))
            found = lesion_calibration(tasks, said, ranks, drawn)
            held &= (found.low <= truth + 1e-9) & (truth <= found.high + 1e-9)
            assert (found.low <= found.fraction).all() and (found.fraction <= found.high).all()
            wide = lesion_calibration(tasks, said)  # of a session without checks nothing else is certain
            assert (wide.low <= truth + 1e-9).all() and (truth <= wide.high + 1e-9).all()
            certain.append((found.high - found.low <= wide.high - wide.low + 1e-9).all())
        inside.append(held)
    assert np.mean(inside) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / np.size(inside))
    assert all(certain)


def test_random_checks_shorten_the_bars():
    tasks, exists, _, _ = simulated(4, 200)
    order = np.random.default_rng(0).permutation(200)
    shuffled = [tasks[i] for i in order]
    said = verdicts(exists, order[:100])
    wide, found = (
        lesion_calibration(shuffled, said),
        lesion_calibration(shuffled, said, range(200), range(200)),
    )
    assert np.mean(found.high - found.low) < 0.85 * np.mean(wide.high - wide.low)


def test_the_doubtful_alone_would_mislead():
    """The share among those that were shown is farther off than what is believed of all."""
    off_shown, off_believed = [], []
    for seed in range(30):
        tasks, exists, ranks, drawn = simulated(seed, form="the doubtful are none")
        truth = exists.mean()
        found = lesion_calibration(tasks, verdicts(exists, range(40)), ranks, drawn)
        believed = np.nansum(found.fraction * found.count) / found.count.sum()
        off_shown.append(abs(exists[:40].mean() - truth))
        off_believed.append(abs(believed - truth))
    assert np.mean(off_believed) < np.mean(off_shown)


def test_more_verdicts_shorten_the_bars():
    tasks, exists, ranks, drawn = simulated(3)
    width = [
        np.nanmean((f := lesion_calibration(tasks, verdicts(exists, range(k)), ranks, drawn)).high - f.low)
        for k in (0, 20, 60, 120)
    ]
    assert width[0] > width[1] > width[2] > width[3] == pytest.approx(0)


def test_undecided_says_nothing_and_nothing_to_judge_is_no_error():
    tasks, _, ranks, drawn = simulated(1, n=20)
    unsure = lesion_calibration(tasks, {0: CurrentVerdict(1, "unsure")}, ranks, drawn)
    nothing = lesion_calibration(tasks, {}, ranks, drawn)
    for name in ("fraction", "low", "high"):
        np.testing.assert_array_equal(getattr(unsure, name), getattr(nothing, name))
    empty = lesion_calibration([], {})
    assert not empty.count.any() and np.isnan(empty.ace)
    plain = [Task(1, None, "lesion", 0, (0, 0, 0), None, None, None, 7, 0)]
    assert not lesion_calibration(plain, {7: CurrentVerdict(1, "accepted")}).count.any()


def test_a_task_that_came_later_does_not_matter():
    tasks, exists, ranks, drawn = simulated(2, n=30)
    later = Task(1, 1, "lesion", 0, (99, 0, 0), None, None, None, 99, 30)
    said = verdicts(exists, range(15))
    found = lesion_calibration([*tasks, later], {**said, 99: CurrentVerdict(99, "accepted")}, ranks, drawn)
    np.testing.assert_array_equal(found.low, lesion_calibration(tasks, said, ranks, drawn).low)
