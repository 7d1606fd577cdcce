"""Rows of the benchmark, and how they are timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One ratio.

    Attributes
    ----------
    what, against
        The two things.
    ratio
        How many times faster, or how many times as much, see `at_least`; a plain number where
        `unit` is empty.
    target
        What it should be at least or at most.
    at_least
        Whether more is better.
    detail
        The two measurements.
    limit_share
        Share of what the machine can do at all, where that is known.
    unit
        Written after ratio and target.
    """

    what: str
    against: str
    ratio: float
    target: float
    at_least: bool
    detail: str
    limit_share: float | None = None
    unit: str = "x"

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    @property
    def measured(self) -> str:
        """The ratio and what it comes from, as text."""
        return f"{self.ratio:.3g}{self.unit} ({self.detail})"

    @property
    def goal(self) -> str:
        """The target as text."""
        return f"{'at least' if self.at_least else 'at most'} {self.target:g}{self.unit}"


def seconds(function: Callable[[], Any], repeats: int, *, warm: bool = True) -> float:
    """Median time of a function, s; one run before does not count if `warm`."""
    return statistics.median(times(function, repeats, warm=warm))


def times(function: Callable[[], Any], repeats: int, *, warm: bool = True) -> list[float]:
    """Time of each run of a function, s; one run before does not count if `warm`."""
    if warm:
        function()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return found


def in_turns(functions: Sequence[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Times of several functions, s, run one after the other in each round; a first round does not count."""
    found: list[list[float]] = [[] for _ in functions]
    for _ in range(1 + repeats):
        for one, spent in zip(functions, found, strict=True):
            spent += times(one, 1, warm=False)
    return [spent[1:] for spent in found]


def faster(
    what: str, against: str, own: float, other: float, target: float, limit: float | None = None
) -> Row:
    """Make a row that says how many times faster; `limit` is the least possible time, s."""
    share = None if limit is None else limit / own
    return Row(what, against, other / own, target, True, f"{_time(own)} against {_time(other)}", share)


def costlier(what: str, against: str, own: float, other: float, target: float) -> Row:
    """Make a row that says how many times the time of something else it takes."""
    return Row(what, against, own / other, target, False, f"{_time(own)} against {_time(other)}")


def _time(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"
