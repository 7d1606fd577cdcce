"""The time that is left: from what steps take as a rule, and from what this machine and this run have shown.

The logarithm of the seconds that a step takes is thought of as a sum:

    what the table of usual times says + the machine + the machine at this kind of step
    + the machine at this very step + this run + this run at this kind of step + this once

and of a step that this machine has done before, as what it took then + this run + ... + this once.
A trial of a step on a small piece shows the first of these sums but for the run; it is off as well, and for
all steps of a kind alike.
Each summand but the first is normal about 0, and `Spreads` says how wide. So all times that this machine
has ever taken, and all that are to come, are one normal distribution: what two of them have in common is
the sum of the variances of the summands that they share. What was seen fixes a part of it, and what is to
come follows by the rule of conditional normals. Nothing has to be decided beforehand: a machine of which
nothing is known is judged by the first steps of its first run, one that is known by all that it has done.

A run is as ever, or slower or faster as a whole, or at one kind of step only (a disk that is cold, another
graphics card); see `_RUNS`. Which of these it is, what was seen says as well: each explains it more or less
well (Bayes' rule). So a machine that is five times slower than ever before is believed after a step or two.

A step under way takes longer than it has taken so far. So one of which nothing is heard never runs out of
time, and if it is late, those after it are expected to be late as well. The sum of what is left has no
formula: it is drawn, from numbers that are always the same. What is told is its median, and between what
it lies with four chances in five.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from napari_uncertainseg.progress.times import NOTHING_LEFT, Seen, Spreads, TimeLeft, Usual

if TYPE_CHECKING:
    import numpy as np

_BLUR_S = 0.1
"""Times are compared with so many seconds added: what takes less says nothing of the pace."""
_CLOCK_S = 0.05
"""Standard deviation of what a clock, or other work, adds to each step."""
_UNEVEN = 0.3
"""Standard deviation of the log time that half a step shows of the whole: its work is not quite even."""
_LEAST_SPREAD = 0.05
_TELLS_NOTHING = 4.0
"""Variance from which on a share says nothing: it was told at once, or is next to none."""
_NORMAL = NormalDist()
_DRAWS = 80
_CHANCE = 0.8
"""Of the time left lying within what is told."""
_MOST = 2.0
"""Of a log ratio of seconds that one step may show: one that was hardly needed says little of the others."""
_MOST_TRIED = 5.0
"""The same of a trial: networks may be much larger or smaller than the table's."""
_MOST_RUNS = 3
"""So many runs of one kind make what is kept as sure as it gets."""


@dataclass(frozen=True)
class _Runs:
    chance: float
    whole: float
    kind: float


_RUNS = (_Runs(0.85, 0.15, 0.0), _Runs(0.1, 1.2, 0.0), _Runs(0.05, 0.15, 1.0))
"""As ever; slower or faster as a whole; at a kind of step. Standard deviations as in `Spreads`."""


@dataclass(frozen=True)
class _Guess:
    """A normal distribution of a logarithm."""

    mean: float
    variance: float

    def beyond(self, since: float, chances: Sequence[float]) -> list[float]:
        """The logarithms that are exceeded with these chances, where it is above that of `since`."""
        sigma, above = math.sqrt(self.variance), self.above(since)
        return [self.mean - sigma * _NORMAL.inv_cdf(max(above * chance, 1e-300)) for chance in chances]

    def above(self, since: float) -> float:
        """The chance that it is above the logarithm of `since`."""
        if since <= 0:
            return 1.0
        sigmas = (math.log(since) - self.mean) / math.sqrt(self.variance)
        return max(0.5 * math.erfc(sigmas / math.sqrt(2)), 1e-300)


# -- one step that says its share -----------------------------------------------------------


def left_by_share(step: Seen) -> TimeLeft | None:
    """Time left of a step of which nothing is known but the share that it says; None if that says nothing."""
    whole = _by_share(step)
    if whole is None:
        return None
    if step.share >= 1:
        return NOTHING_LEFT
    rest = _Guess(whole.mean + math.log1p(-step.share), whole.variance + _UNEVEN**2)
    if step.since <= 0:  # told just now
        rest = _Guess(rest.mean, whole.variance)
    chances = (0.5, (1 + _CHANCE) / 2, (1 - _CHANCE) / 2)
    found = [max(math.exp(log) - step.since, 0.0) for log in rest.beyond(step.since, chances)]
    return TimeLeft(*found)


def _by_share(step: Seen) -> _Guess | None:
    """The log of the seconds of a whole step, by the share that it says is done; None if it says nothing."""
    if not step.share > 0 or step.at_share <= 0:
        return None
    share = min(step.share, 1.0)
    variance = _UNEVEN**2 * (1 - share) / share + (_BLUR_S / step.at_share) ** 2
    if variance > _TELLS_NOTHING:
        return None
    return _Guess(math.log(step.at_share / share), max(variance, _LEAST_SPREAD**2))


# -- all steps together ---------------------------------------------------------------------


def time_left(
    kept: Iterable[Usual],
    ended: Iterable[Seen],
    current: Seen | None,
    waiting: Sequence[Usual] = (),
    *,
    spreads: Spreads,
) -> TimeLeft | None:
    """How long it takes until all steps are done; None where nothing is known of the step under way.

    Parameters
    ----------
    kept
        What a unit of each step took in earlier runs on this machine, or seems to take by a trial.
    ended
        Steps of this run that are done.
    current
        The one under way.
    waiting
        Those to come.
    spreads
        How far apart machines and their steps are.
    """
    alone = None
    if current is not None and current.usual is None:
        alone, current = left_by_share(current), None
        if alone is None:
            return None
    over = tuple((step.usual, step.spent) for step in ended if step.usual is not None)
    first = () if current is None or current.usual is None else (current.usual,)
    coming = (*first, *(one for one in waiting if one.seconds > 0))
    return _world(tuple(kept), over, coming, spreads).left(current, alone)


class _World:
    """All that was seen and is to come, as one normal distribution; first comes the step under way."""

    def __init__(
        self,
        kept: Sequence[Usual],
        ended: Sequence[tuple[Usual, float]],
        coming: Sequence[Usual],
        spreads: Spreads,
    ) -> None:
        import numpy as np

        self._spreads = spreads
        told = [one for one in kept if one.by_table is not None]  # of steps that are new here
        usual = [*(one for one, _ in ended), *coming]
        steps = [*told, *usual]
        kinds: dict[str, int] = {}
        keys: dict[str, int] = {}
        self._kind = np.array([kinds.setdefault(one.kind, len(kinds)) for one in steps], int)
        self._key = np.array([keys.setdefault(one.key, len(keys)) for one in steps], int)
        self._of_run = np.arange(len(steps)) >= len(told)
        self._by_table = np.array([True] * len(told) + [not one.measured for one in usual], bool)
        self._tried = np.array([not one.measured for one in told] + [False] * len(usual), bool)
        # A step of next to no time takes the same on any machine: its time, with the blur, hardly varies.
        blurred = np.array([one.seconds + _BLUR_S for one in usual], float)
        weight, clock = 1 - _BLUR_S / blurred, _CLOCK_S / blurred
        before = np.array([min(max(one.runs - 1, 1), _MOST_RUNS) for one in told], float)
        self._weight = np.concatenate([np.ones(len(told)), weight])
        earlier = (spreads.once**2 + _RUNS[0].whole ** 2) / before
        earlier = np.where(self._tried[: len(told)], _LEAST_SPREAD**2, earlier)
        self._own = np.concatenate([earlier, spreads.once**2 * weight**2 + clock**2])
        shown = [
            _log_ratio(one.seconds, one.by_table, _MOST if one.measured else _MOST_TRIED)
            for one in told
            if one.by_table
        ]
        shown += [_log_ratio(took + _BLUR_S, one.seconds + _BLUR_S) for one, took in ended]
        self._shown = np.array(shown)
        self._base = np.log([one.seconds + _BLUR_S for one in coming])
        self._mean, self._cov, self._likely = self._given()

    def left(self, current: Seen | None, alone: TimeLeft | None) -> TimeLeft:
        """The time left, with what a step takes of which nothing is known."""
        import numpy as np

        drawn, likely = self._drawn(current)
        if not drawn.any():
            return alone or NOTHING_LEFT
        weights = np.repeat(np.exp(likely - likely.max()), _DRAWS)
        drawn = drawn.ravel()
        order = np.argsort(drawn)
        reached = np.cumsum(weights[order]) / weights.sum()
        at = np.searchsorted(reached, [0.5, (1 - _CHANCE) / 2, (1 + _CHANCE) / 2])
        middle, least, most = drawn[order[np.minimum(at, len(order) - 1)]].tolist()
        if alone is not None:
            return TimeLeft(middle + alone.seconds, least + alone.least, most + alone.most)
        return TimeLeft(middle, least, most)

    def _drawn(self, step: Seen | None) -> tuple[np.ndarray, np.ndarray]:
        """Times left that may be, for each kind of run, and how likely each is (logarithms)."""
        import numpy as np

        mean, cov, likely = self._mean, self._cov, self._likely
        total, base = np.zeros((len(_RUNS), _DRAWS)), self._base
        mean = mean[:, None]
        if step is not None:
            mean, cov, likely = self._with_share(step, mean, cov, likely)
            rests = self._rests(step, mean[:, 0, 0], cov[:, 0, 0])
            if rests:
                since = step.since + _BLUR_S
                likely = likely + [math.log(rest.above(since)) for rest in rests]
                logs = np.array([rest.beyond(since, _even(_DRAWS)) for rest in rests])
                logs = np.maximum(logs, math.log(since))
                total += np.maximum(np.exp(logs) - since, 0)
                gain = cov[:, 0] / np.array([[rest.variance] for rest in rests])
                off = logs - np.array([[rest.mean] for rest in rests])
                mean, cov = mean + off[..., None] * gain[:, None], cov - gain[:, :, None] * cov[:, None, 0]
            mean, cov, base = mean[..., 1:], cov[:, 1:, 1:], base[1:]
        if len(base):
            root = np.linalg.cholesky(cov + 1e-9 * np.eye(len(base)))
            logs = base + mean + _normal(len(base)) @ root.swapaxes(1, 2)
            total += np.maximum(np.exp(logs) - _BLUR_S, 0).sum(-1)
        return total, likely

    def _with_share(
        self, step: Seen, mean: np.ndarray, cov: np.ndarray, likely: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is to come, where the step under way has said its share as well."""
        import numpy as np

        shown = _by_share(step)
        if shown is None:
            return mean, cov, likely
        total = cov[:, 0, 0] + shown.variance
        off = math.log(math.exp(shown.mean) + _BLUR_S) - self._base[0] - mean[:, 0, 0]
        gain = cov[:, 0] / total[:, None]
        more = -0.5 * (off**2 / total + np.log(total))
        mean = mean + (off[:, None] * gain)[:, None]
        return mean, cov - gain[:, :, None] * cov[:, None, 0], likely + more

    def _rests(self, step: Seen, means: np.ndarray, variances: np.ndarray) -> list[_Guess]:
        """The log of what a step takes from its last word on; empty where that was that it is done."""
        if step.share >= 1:
            return []
        uneven = _UNEVEN**2 if step.share and step.since > 0 else 0.0
        whole = [max(math.exp(self._base[0] + mean) - _BLUR_S, 1e-3) for mean in means]
        return [
            _Guess(math.log(seconds * (1 - step.share) + _BLUR_S), variance + uneven)
            for seconds, variance in zip(whole, variances.tolist(), strict=True)
        ]

    def _given(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and covariance of what is to come, given what was seen, and the log likelihood of that."""
        import numpy as np

        n, cov = len(self._shown), self._covariance()
        chance = np.log([run.chance for run in _RUNS])
        if not n:
            return np.zeros(cov.shape[:2]), cov, chance
        root = np.linalg.cholesky(cov[:, :n, :n])
        beside = np.concatenate(
            [cov[:, :n, n:], np.broadcast_to(self._shown[:, None], (len(_RUNS), n, 1))], 2
        )
        solved = np.linalg.solve(root, beside)
        gain, scaled = solved[..., :-1], solved[..., -1]
        diagonal = np.diagonal(root, axis1=1, axis2=2)
        likely = -0.5 * (scaled**2).sum(-1) - np.log(diagonal).sum(-1)
        across = gain.swapaxes(1, 2)
        return (across @ scaled[..., None])[..., 0], cov[:, n:, n:] - across @ gain, likely + chance

    def _covariance(self) -> np.ndarray:
        """By what two times have in common, for each kind of run."""
        import numpy as np

        spreads = self._spreads
        kind, key = (codes[:, None] == codes for codes in (self._kind, self._key))
        table, now = (flags[:, None] & flags for flags in (self._by_table, self._of_run))
        tried = self._tried[:, None] & self._tried & kind
        measured = ~self._by_table[:, None] & ~self._by_table & key
        of_machine = spreads.machine**2 + spreads.kind**2 * kind + spreads.step**2 * key
        lasting = of_machine * table + spreads.again**2 * measured + spreads.tried**2 * tried
        shared = np.stack([lasting + now * (run.whole**2 + run.kind**2 * kind) for run in _RUNS])
        result: np.ndarray = shared * np.outer(self._weight, self._weight) + np.diag(self._own)
        return result


def _log_ratio(seconds: float, usual: float, most: float = _MOST) -> float:
    """Of seconds to what is usual; one that is beyond belief says no more than one that is not."""
    return min(max(math.log(seconds / usual), -most), most)


@lru_cache(maxsize=8)
def _world(
    kept: tuple[Usual, ...],
    ended: tuple[tuple[Usual, float], ...],
    coming: tuple[Usual, ...],
    spreads: Spreads,
) -> _World:
    """The same until a step ends, or another one is expected."""
    return _World(kept, ended, coming, spreads)


@cache
def _even(count: int) -> list[float]:
    return [(n + 0.5) / count for n in range(count)]


@cache
def _normal(columns: int) -> np.ndarray:
    """Independent normal numbers, always the same; each column has mean 0 and variance 1."""
    import numpy as np

    numbers = np.array([_NORMAL.inv_cdf(chance) for chance in _even(_DRAWS)])
    numbers /= numbers.std()
    return np.stack([np.random.default_rng(column).permutation(numbers) for column in range(columns)], 1)
