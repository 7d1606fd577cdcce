"""Seconds left, whatever a work tells and when: always a number that can be, or nothing."""

from __future__ import annotations

import math
from contextlib import nullcontext
from random import Random

import pytest

from napari_uncertainseg.progress.course import Course
from napari_uncertainseg.progress.estimate import Seen, Usual, seconds_left
from napari_uncertainseg.progress.usual_times import UsualTimes

from .made_up import Clock


@pytest.mark.parametrize("planned", [False, True])
@pytest.mark.parametrize(("at", "share"), [(1e-6, 0.5), (1e-4, 0.99), (1e-3, 0.5), (0.01, 0.2), (1.0, 1e-9)])
def test_a_share_that_is_told_at_once_ends_no_work_and_promises_nothing(planned, at, share):
    """What was there already, or the very first voxel, says nothing of what is to come."""
    clock = Clock()
    course = Course(None, UsualTimes, clock)
    with course.step("nothing is known of its kind") if planned else nullcontext():
        clock.now += at
        course("reading", share)
        for spent in (4, 60, 3600):
            clock.now += spent
            assert course.outlook().left is None


def test_no_step_makes_a_time_left_that_cannot_be():
    random = Random(0)

    def seconds(least: float, most: float) -> float:
        return 10 ** random.uniform(least, most)

    told = 0
    for _ in range(20_000):
        usual = None if random.random() < 0.3 else Usual(seconds(-6, 6), random.choice((0.2, 0.6)))
        share = random.choice((0.0, 1e-9, random.random(), 1.0))
        spent = seconds(-6, 5)
        current = Seen(usual, spent, False, share, spent * random.random() ** 4 if share else 0.0)
        ended = [Seen(Usual(seconds(-6, 6), 0.2), seconds(-6, 5), True)]
        left = seconds_left(ended, current, [Usual(seconds(-6, 4), 0.6)])
        assert left is None or (math.isfinite(left) and left >= 0)
        told += left is not None
    assert told > 10_000
