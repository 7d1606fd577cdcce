"""Seconds left, whatever a work tells and when: always a number that can be, or nothing."""

from __future__ import annotations

import math
from contextlib import nullcontext
from random import Random

import pytest

from napari_uncertainseg.progress.course import Course
from napari_uncertainseg.progress.estimate import time_left
from napari_uncertainseg.progress.times import Seen, Spreads, Usual
from napari_uncertainseg.progress.usual_times import UsualTimes

from .made_up import THIRDS, Clock, lies_between, machines


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

    def usual(least: float, most: float) -> Usual:
        kind = random.choice(("files", "network"))
        return Usual(random.choice("abcd"), kind, seconds(least, most), runs=int(random.random() < 0.8))

    told = 0
    for _ in range(1500):
        known = None if random.random() < 0.3 else usual(-6, 6)
        share = random.choice((0.0, 1e-9, random.random(), 1.0))
        spent = seconds(-6, 5)
        current = Seen(known, spent, share, spent * random.random() ** 4 if share else 0.0)
        ended = [Seen(usual(-6, 6), seconds(-6, 5))]
        kept = [Usual("c", "files", seconds(-6, 5), seconds(-6, 4), 1)]
        left = time_left(kept, ended, current, [usual(-6, 4)], spreads=Spreads())
        if left is not None:
            assert 0 <= left.least <= left.seconds <= left.most and math.isfinite(left.most)
            told += 1
    assert told > 750


KINDS = ("files", "arrays", "arrays", "network")
SURE = Spreads(machine=0.5, kind=0.3, step=0.2, once=0.1)


def left(kept=(), ended=(), current=None, waiting=()):
    found = time_left(kept, ended, current, waiting, spreads=SURE)
    assert found is not None
    return found


def test_steps_of_one_kind_tell_more_of_each_other():
    slow = Seen(Usual("a", "arrays", 10.0), 30.0)
    alike = left(ended=[slow], waiting=[Usual("b", "arrays", 10.0)])
    other = left(ended=[slow], waiting=[Usual("c", "files", 10.0)])
    assert 10 < other.seconds < alike.seconds < 30
    assert alike.most / alike.least < other.most / other.least


def test_what_one_step_tells_is_what_the_formula_says():
    """With one kind of run only, the log of the next step is conditional normal: worked out here by hand."""
    slow = Seen(Usual("a", "arrays", 1000.0), 1000.0 * math.e)  # long ones: no clock and no blur counts
    found = left(ended=[slow], waiting=[Usual("b", "arrays", 1000.0)])
    common, own = 0.5**2 + 0.3**2 + 0.15**2, 0.2**2 + 0.1**2
    mean = common / (common + own)
    spread = math.sqrt(common + own - common**2 / (common + own))
    assert math.log(found.seconds / 1000) == pytest.approx(mean, abs=0.05)
    assert math.log(found.most / found.least) == pytest.approx(2 * 1.2816 * spread, rel=0.15)


def test_a_step_that_is_new_here_is_as_slow_as_those_that_are_known():
    new = Usual("new", "arrays", 10.0)
    kept = [Usual(name, "arrays", 5.0, 1.0, 3) for name in "abc"]
    assert left(kept, waiting=[new]).seconds == pytest.approx(50, rel=0.15)
    assert left(waiting=[new]).seconds == pytest.approx(10, rel=0.15)


def test_a_step_that_was_done_here_is_as_it_was_then():
    """However far from the table that was."""
    kept = [Usual("odd", "arrays", 1000.0, 1.0, 3), *(Usual(name, "arrays", 1.0, 1.0, 3) for name in "abc")]
    assert left(kept, waiting=[Usual("odd", "arrays", 1000.0, runs=1)]).seconds == pytest.approx(
        1000, rel=0.1
    )


def test_a_known_machine_that_is_slow_today_is_believed_at_once():
    steps = [Usual(name, kind, 10.0, runs=1) for name, kind in zip("abcd", KINDS, strict=True)]
    as_ever = left((), [Seen(steps[0], 11.0), Seen(steps[1], 9.0)], waiting=steps[2:])
    slow = left((), [Seen(steps[0], 50.0), Seen(steps[1], 50.0)], waiting=steps[2:])
    assert as_ever.seconds == pytest.approx(20, rel=0.1)
    assert slow.seconds == pytest.approx(100, rel=0.15)


def test_one_step_that_is_slow_today_does_not_make_all_slow():
    """A disk that is cold: its steps are slow, not the others."""
    steps = [Usual(name, kind, 10.0, runs=1) for name, kind in zip("abcd", KINDS, strict=True)]
    found = left((), [Seen(steps[0], 60.0), Seen(steps[1], 10.0), Seen(steps[2], 10.0)], waiting=steps[3:])
    assert found.seconds == pytest.approx(10, rel=0.15)


def test_a_step_that_is_late_makes_those_after_it_late():
    first, then = Usual("a", "network", 10.0), Usual("b", "network", 10.0)
    told = [left(current=Seen(first, spent), waiting=[then]) for spent in (0.0, 10.0, 40.0, 4000.0)]
    assert told[0].seconds < 25
    assert told[2].seconds > told[1].seconds and told[3].seconds > 1000


def test_a_step_of_no_time_is_no_news():
    """Whether it took 1 or 20 ms does not say that a machine is 20 times slower."""
    short, then = Usual("a", "arrays", 0.001), Usual("b", "arrays", 10.0)
    assert left(ended=[Seen(short, 0.02)], waiting=[then]).seconds == pytest.approx(10, rel=0.15)


def test_between_the_two_ends_it_lies_in_four_of_five():
    """Where the world is as it is thought to be; without what runs turn out to need."""
    shown = machines(30, 3, seed=3, best=True)
    inside = [lies_between(one, share) for runs in shown for one in runs for share in THIRDS]
    assert 0.70 <= sum(inside) / len(inside) <= 0.95


def tried(name: str, ratio: float) -> Usual:
    return Usual(name, "network", 1000.0 * ratio, 1000.0)


def new(name: str, kind: str = "network") -> Usual:
    return Usual(name, kind, 1000.0)  # long: no clock and no blur counts


@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 3.0, 20.0])
def test_what_a_trial_tells_is_what_the_formula_says(ratio):
    """However far from the table it is: the network may be another than the table's."""
    found = left([tried("a", ratio)], waiting=[new("a")])
    lasting = SURE.machine**2 + SURE.kind**2 + SURE.step**2
    share = lasting / (lasting + SURE.tried**2 + 0.05**2)
    spread = math.sqrt(lasting * (1 - share) + 0.15**2 + SURE.once**2)
    assert math.log(found.seconds / 1000) == pytest.approx(share * math.log(ratio), abs=0.06)
    assert math.log(found.most / found.least) == pytest.approx(2 * 1.2816 * spread, rel=0.25)


def test_a_trial_is_off_alike_for_all_that_was_tried():
    """So it says no more for being kept under three names, and the first pass puts the later ones right."""
    one = left([tried("a", 3.0)], waiting=[new("a")])
    three = left([tried(name, 3.0) for name in "abc"], waiting=[new("a")])
    assert three.seconds == pytest.approx(one.seconds, rel=0.1)
    assert three.most / three.least == pytest.approx(one.most / one.least, rel=0.15)
    alone = left([tried("a", 3.0), tried("b", 3.0)], waiting=[new("b")]).seconds
    after = left([tried("a", 3.0), tried("b", 3.0)], [Seen(new("a"), 5000.0)], waiting=[new("b")]).seconds
    assert alone < 3100 and after > 1.2 * alone


def test_a_trial_tells_of_steps_that_were_not_tried():
    same, other = (left([tried("a", 3.0)], waiting=[new("c", kind)]) for kind in ("network", "files"))
    assert 3000 > same.seconds > other.seconds > 1500
    assert left(waiting=[new("c")]).seconds == pytest.approx(1000, rel=0.15)
