"""Time left of works that only say their share of the whole, and the words for it."""

from __future__ import annotations

import pytest

from napari_uncertainseg.progress.course import Course, Outlook
from napari_uncertainseg.progress.parts import part_of
from napari_uncertainseg.progress.times import NOTHING_LEFT, TimeLeft
from napari_uncertainseg.progress.words import format_time_left

from .made_up import Clock


@pytest.fixture
def clock():
    return Clock()


def test_a_share_says_nothing_in_the_first_seconds(clock):
    course = Course(clock=clock)
    clock.now += 2.9
    course("working", 0.1)
    assert course.outlook().left is None
    clock.now += 0.1
    assert course.outlook().left is not None


def test_even_work_is_told_right(clock):
    course = Course(clock=clock)
    for done in range(1, 20):
        clock.now += 1
        course("working", done / 20)
        if done >= 3:
            assert course.outlook().left.seconds == pytest.approx(20 - done, rel=1e-6)
    course("working", 1.0)
    assert course.outlook() == Outlook("working", 1.0, NOTHING_LEFT, 19.0)


def test_the_time_goes_down_in_a_silent_call_and_never_runs_out(clock):
    course = Course(clock=clock)
    clock.now += 10
    course("one long call", 0.5)
    told = []
    for _ in range(400):
        told.append(course.outlook().left.seconds)
        clock.now += 1
    assert told[0] == pytest.approx(10) and told[5] == pytest.approx(5, abs=1)
    assert min(told) > 0
    assert told[-1] > 10  # what is so late is not expected at once
    assert course.outlook().share == 0.5  # its own word, however late it is


def test_nothing_done_yet_is_told_as_time_spent(clock):
    course = Course(clock=clock)
    course("reading", 0.0)
    clock.now += 12
    now = course.outlook()
    assert now.left is None and format_time_left(now.left, now.spent) == "12 s so far"


def test_the_share_never_goes_back(clock):
    told = []
    course = Course(told.append, clock=clock)
    for share in (0.2, 0.6, 0.3, 0.7, 2.0):
        clock.now += 1
        course("working", share)
    assert [now.share for now in told] == [0.2, 0.6, 0.6, 0.7, 1.0]


def test_a_work_that_began_before_it_was_looked_at(clock):
    course = Course(clock=clock, began=clock.now - 30)
    course("visits", 0.25)
    assert course.outlook().left.seconds == pytest.approx(90)


def test_a_part_is_told_as_shares_of_the_whole():
    told = []
    part_of(lambda *said: told.append(said), 0.5, 0.75, "T1")("reading", 0.5)
    assert told == [("T1: reading", 0.625)]


def sure(seconds):
    return TimeLeft(seconds, 0.8 * seconds, 1.25 * seconds)


@pytest.mark.parametrize(
    ("left", "spent", "words"),
    [
        (None, 2.9, "estimating the time left"),
        (None, 3.0, "3 s so far"),
        (TimeLeft(1, 0.1, 9), 100, "nearly done"),
        (sure(12.4), 0, "about 12 s left"),
        (sure(43), 0, "about 45 s left"),
        (sure(170), 0, "about 3 min left"),
        (TimeLeft(30, 18.2, 61), 0, "about 18 to 60 s left"),
        (TimeLeft(30, 10, 110), 0, "about 10 s to 2 min left"),
        (TimeLeft(400, 130, 800), 0, "about 2 to 13 min left"),
        (TimeLeft(2.5, 0.2, 4.0), 0, "about 1 to 4 s left"),
        (TimeLeft(2.0, 1.0, 3.4), 0, "about 1 to 3 s left"),
        (TimeLeft(1.6, 1.4, 2.5), 0, "about 1 to 2 s left"),
    ],
)
def test_in_words(left, spent, words):
    assert format_time_left(left, spent) == words
