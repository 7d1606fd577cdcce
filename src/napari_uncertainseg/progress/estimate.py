"""The time that is left, from what steps usually take and from what this run has shown.

A step takes log-normally long about its usual time. All steps of a run share one pace, which is not known
beforehand (another machine, or a busy one): each step that ends, and each share that a step reports, says
something of it. Estimates are medians, so that a step of which nothing is heard never runs out of time: what
has taken longer than usual is expected to take some longer still.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

_PACE, _PACE_KNOWN = 0.9, 0.3
"""Standard deviation of a run's log pace before anything is seen of it: half or twice are likely.

And where the usual times are this machine's own: only other work makes it slower.
"""
_BLUR_S = 0.1
"""Seconds by which any time may be off."""
_SHORT_S = 0.3
"""What takes less says little of the pace."""
_MOST = 2.0
"""Of a log pace that one step may show: one that was hardly needed says nothing of the others."""
_UNEVEN = 0.3
"""Standard deviation of the log time that half a step shows of the whole: its work is not quite even."""
_LEAST_SPREAD = 0.05
_TELLS_NOTHING = 4.0
"""Variance from which on a share says nothing: it was told at once, or is next to none."""
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Usual:
    """What a step takes as a rule.

    Attributes
    ----------
    seconds
        The median.
    spread
        Standard deviation of its logarithm.
    """

    seconds: float
    spread: float


@dataclass(frozen=True)
class Seen:
    """What is known of a step that has begun.

    Attributes
    ----------
    usual
        None where nothing is known.
    spent
        Seconds since it began, or that it took.
    ended
        Whether it has.
    share
        Of its work done, as it last said; 0 where it says nothing.
    at_share
        Seconds after which it said so.
    """

    usual: Usual | None
    spent: float
    ended: bool = False
    share: float = 0.0
    at_share: float = 0.0


@dataclass(frozen=True)
class _Guess:
    """A normal distribution of a logarithm."""

    mean: float
    variance: float

    def and_also(self, other: _Guess) -> _Guess:
        """Both at once, by their precisions."""
        total = 1 / self.variance + 1 / other.variance
        mean = (self.mean / self.variance + other.mean / other.variance) / total
        return _Guess(mean, 1 / total)


def seconds_left(
    ended: Iterable[Seen], current: Seen | None, waiting: Sequence[Usual] = (), *, known: bool = False
) -> float | None:
    """Seconds until all steps are done; None where nothing is known of the step under way.

    Parameters
    ----------
    ended
        Steps that are done.
    current
        The one under way.
    waiting
        What those to come take as a rule.
    known
        Whether that was measured on this machine.
    """
    pace = _pace(ended, _PACE_KNOWN if known else _PACE)
    rest: float | None = 0.0
    if current is not None:
        rest, shown = _rest(current, pace)
        pace = pace if shown is None else pace.and_also(shown)
    if rest is None:
        return None
    return rest + sum(usual.seconds for usual in waiting) * math.exp(pace.mean)


def _pace(ended: Iterable[Seen], spread: float) -> _Guess:
    """The log of how many times its usual time a step of this run takes."""
    pace = _Guess(0.0, spread**2)
    for step in ended:
        if step.usual is not None:
            took, usual = step.spent, step.usual.seconds
            blur = _SHORT_S / max(took, usual, _BLUR_S)
            ratio = (took + _BLUR_S) / (usual + _BLUR_S)
            told = min(max(math.log(ratio), -_MOST), _MOST)
            pace = pace.and_also(_Guess(told, step.usual.spread**2 + blur**2))
    return pace


def _rest(step: Seen, pace: _Guess) -> tuple[float | None, _Guess | None]:
    """What a step takes still, in seconds, and what it says of the pace."""
    shown = _by_share(step)
    known = step.usual is not None and step.usual.seconds > 0
    if step.usual is None or not known:
        if shown is None:
            return (0.0 if step.usual is not None else None), None
        return _rest_beyond(shown, step), None
    base, own = math.log(step.usual.seconds), step.usual.spread**2
    usual = _Guess(base + pace.mean, own + pace.variance)
    rest = _rest_beyond(usual if shown is None else usual.and_also(shown), step)
    if shown is not None:
        return rest, _Guess(shown.mean - base, own + shown.variance)
    if step.spent > math.exp(usual.mean):  # longer than it should
        return rest, _Guess(math.log(step.spent + rest) - base, own + _UNEVEN**2)
    return rest, None


def _by_share(step: Seen) -> _Guess | None:
    """The log of the seconds of a whole step, by the share that it says is done; None if it says nothing."""
    if not step.share > 0 or step.at_share <= 0:
        return None
    share = min(step.share, 1.0)
    uneven = _UNEVEN**2 * (1 - share) / share
    variance = uneven + (_BLUR_S / step.at_share) ** 2
    if variance > _TELLS_NOTHING:
        return None
    return _Guess(math.log(step.at_share / share), max(variance, _LEAST_SPREAD**2))


def _rest_beyond(whole: _Guess, step: Seen) -> float:
    """The median of what a step takes still: of its last share what has not ended since it was told."""
    share = min(step.share, 1.0)
    since = step.spent - step.at_share
    if share >= 1:
        return 0.0
    mean = whole.mean + math.log1p(-share)
    if since <= 0:
        return math.exp(mean)
    sigma = math.sqrt(whole.variance + (_UNEVEN**2 if share else 0.0))
    beyond = max(0.5 * math.erfc((math.log(since) - mean) / sigma / math.sqrt(2)), 1e-300)
    return max(math.exp(mean - sigma * _NORMAL.inv_cdf(beyond / 2)) - since, 0.0)
