"""No handler holds the window's thread for long, on the whole way from opening a scan to closing it."""

from __future__ import annotations

import pytest

from napari_uncertainseg.bench import heartbeat, holding
from napari_uncertainseg.bench.heartbeat import Heartbeat
from napari_uncertainseg.bench.screen import NoScreen

from .test_bench import painting_can_be_measured

SLOWEST, NAPARIS_OWN = 1.0, 3.0
"""Seconds of the thread's own processor time: ten times the limit of the benchmark, so that it holds on any
machine and beside any work; and where napari removes or inserts a dozen layers at once."""
MANY_LAYERS = ("beginning", "ending", "deleting")
FEWEST_STEPS = 20


class FakeTime:
    """A clock that somebody turns."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.now / 2


@pytest.fixture
def clock(monkeypatch):
    fake = FakeTime()
    monkeypatch.setattr(heartbeat, "time", fake)
    return fake


@pytest.fixture
def beat():
    made = Heartbeat()
    yield made
    made.close()


def test_painting_within_a_hold_is_set_aside(beat, clock) -> None:
    beat.row, beat.step = "a row", "a step"
    with beat.during("a click"):
        clock.now += 0.2
        with beat.painting():
            clock.now += 1.0
            with beat.painting():  # of a part of the window
                clock.now += 1.0
        with beat.during("what it sends on"):
            clock.now += 0.4
    (hold,) = beat.holds
    assert (hold.row, hold.step, hold.what) == ("a row", "a step", "a click")
    assert hold.clock == pytest.approx(0.6) and hold.cpu == pytest.approx(0.3)
    assert hold.painting == pytest.approx(2.0)


def test_what_is_over_at_once_is_not_kept(beat, clock) -> None:
    with beat.during("a move of the mouse"):
        clock.now += 0.001
    assert not beat.holds


def test_a_row_is_the_step_that_takes_longest_by_the_median_of_walks() -> None:
    def walk(first: float, second: float) -> holding.Found:
        return [
            {"row": "views", "step": "flip", "cpu": first, "clock": 2 * first},
            {"row": "views", "step": "flip", "cpu": first / 2, "clock": 9.0},
            {"row": "views", "step": "side by side", "cpu": second, "clock": 2 * second},
        ]

    (row,) = holding.rows_of([walk(0.02, 0.04), walk(0.03, 0.25), walk(0.9, 0.05)])
    assert row.what.endswith("views") and row.ratio == pytest.approx(0.5) and row.met
    assert row.detail.startswith("side by side: 50 ms, 100 ms")


def test_without_a_screen_that_is_said_and_nothing_measured(monkeypatch, capsys) -> None:
    def refuse(code: str) -> None:
        raise NoScreen("there is no screen")

    monkeypatch.setattr(holding, "printed_by", refuse)
    assert holding.rows(quick=True) == []
    assert "not measured: there is no screen" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.viewer
@pytest.mark.skipif(not painting_can_be_measured(), reason="there is no screen to open a window on")
def test_no_step_of_the_whole_way_holds_the_window_for_long() -> None:
    holds = holding.drive(real=False)
    assert len({hold["step"] for hold in holds}) >= FEWEST_STEPS
    limits = dict.fromkeys(MANY_LAYERS, NAPARIS_OWN)
    slow = [
        f"{h['step']}: {h['what']}, {h['cpu']:.2f} s"
        for h in holds
        if h["cpu"] > limits.get(h["step"], SLOWEST)
    ]
    assert not slow
