"""A work on its way: its steps, how far it is, and how long it takes still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from napari_uncertainseg._base import Progress
from napari_uncertainseg.progress.estimate import (
    NOTHING_LEFT,
    Seen,
    TimeLeft,
    Usual,
    left_by_share,
    time_left,
)
from napari_uncertainseg.progress.segmentation import READY, TRIAL
from napari_uncertainseg.progress.usual_times import UsualTimes, times_of_user
from napari_uncertainseg.progress.words import SOON_S

_NEARLY = 0.99
"""A work that is not done is never shown as done."""
_LEAST_S = 0.002
"""What takes less is kept as so much."""


@dataclass(frozen=True)
class Outlook:
    """How far a work is.

    Attributes
    ----------
    stage
        What is being done.
    share
        Of the whole, 0 to 1; never less than before.
    left
        How long it takes still; None while nothing is known of that.
    spent
        Seconds since the start.
    """

    stage: str
    share: float
    left: TimeLeft | None
    spent: float


@dataclass(eq=False)
class _Step:
    key: str
    size: float
    stage: str
    usual: Usual | None
    begun: float
    share: float = 0.0
    at_share: float = 0.0

    def seen(self, now: float) -> Seen:
        return Seen(self.usual, max(now - self.begun, 0.0), self.share, self.at_share)

    def rest(self, now: float) -> Usual | None:
        """What is usual of it still."""
        usual = self.usual
        left = 0.0 if usual is None else usual.seconds - max(now - self.begun, 0.0)
        return replace(usual, seconds=left) if usual is not None and left > 0 else None


class Course:
    """The one place where shares and times of a work are reckoned.

    It is the work's `Progress`: a work that knows no steps says its share of the whole, and the rest is
    expected to go as what is done. One that does says beforehand what is to do (`expect`), and does it step
    by step (`step`); shares that it tells are then of the step under way.

    Any thread may ask it at any time: while a library says nothing, the time left goes on.

    Parameters
    ----------
    tell
        Called at each report; may raise ``Cancelled``.
    times
        Gives what steps take as a rule, once a work has steps.
    clock
        Seconds that only grow.
    began
        When the work did, by that clock, where it was not now.
    """

    def __init__(
        self,
        tell: Callable[[Outlook], object] | None = None,
        times: Callable[[], UsualTimes] = UsualTimes,
        clock: Callable[[], float] = time.monotonic,
        began: float | None = None,
    ) -> None:
        self._tell, self._clock = tell, clock
        self._find_times = times
        self._lock = threading.RLock()
        self._started = clock() if began is None else began
        self._waiting: dict[str, float] = {}
        self._following: dict[str, dict[str, float]] = {}
        self._ended: list[Seen] = []
        self._taken: dict[str, tuple[float, float]] = {}
        self._open: list[_Step] = []  # a step within another one comes after it, and stops its clock
        self._whole = _Step("", 0.0, "", None, self._started)
        self._planned = self._done = False
        self._shown = 0.0

    @cached_property
    def _times(self) -> UsualTimes:
        return self._find_times()

    @property
    def planned(self) -> bool:
        """Whether the work has said what its steps are."""
        return self._planned

    def wants_trial(self, keys: Iterable[str]) -> bool:
        """Whether steps are worth a trial on a small piece, see `UsualTimes.wants_trial`."""
        return self._times.wants_trial(keys)

    def trial(self, work: Callable[[Callable[[], float]], Mapping[str, float]], stage: str) -> None:
        """Try steps on a small piece.

        Parameters
        ----------
        work
            Is given a clock, and returns the seconds that one unit of each step seems to take.
        stage
            What is being done, for the user.
        """
        with self.step(TRIAL, stage=stage):
            found = work(self._clock)
        with self._lock:
            self._times.learn_trial(found)

    # -- what a work says ---------------------------------------------------------------------

    def __call__(self, stage: str, fraction: float) -> None:
        """Tell what is being done, and the share of the step under way that is, or of the whole work."""
        with self._lock:
            step = self._open[-1] if self._open else self._whole
            step.stage = stage
            within = bool(self._open) or not self._planned  # between two steps a share says nothing
            if within and fraction > step.share:
                step.share, step.at_share = min(fraction, 1.0), self._clock() - step.begun
        self._report()

    def expect(self, steps: Mapping[str, float]) -> None:
        """Say what is to do still: sizes of steps by key, in place of what was said of their kinds before.

        The kind is what comes before the first slash of a key. A size of 0 takes back what is not needed.
        """
        kinds = {_kind(key) for key in steps}
        with self._lock:
            self._planned = True
            self._waiting = {key: size for key, size in self._waiting.items() if _kind(key) not in kinds}
            self._waiting |= {key: size for key, size in steps.items() if size > 0}

    def expect_after(self, key: str, steps: Mapping[str, float]) -> None:
        """Say what is to do as well if a step turns out to be needed: expected as soon as that one begins."""
        with self._lock:
            self._following[key] = dict(steps)

    @contextmanager
    def step(self, key: str, size: float = 1.0, stage: str = "") -> Iterator[None]:
        """Do a step; whether it was expected or not.

        Parameters
        ----------
        key
            Its kind, see `UsualTimes.usual`.
        size
            How much of what is expected under this key is done by it.
        stage
            What is being done, for the user.
        """
        self.expect(self._following.pop(key, {}))
        with self._lock:
            rest = self._waiting.pop(key, 0.0) - size
            if rest > 1e-9:
                self._waiting[key] = rest
            usual = self._times.usual(key, size)
            step = _Step(key, size, stage or self._stage, usual, self._clock())
            self._open.append(step)
        ended = False
        try:
            self._report()
            yield
            ended = True
        finally:
            with self._lock:
                self._end(step, ended)

    def _end(self, step: _Step, ended: bool) -> None:
        self._open.remove(step)
        took = self._clock() - step.begun
        if self._open:
            self._open[-1].begun += took
        self._whole.stage = step.stage
        if ended:
            if _kind(step.key) not in (READY, TRIAL):  # what these find says more than what they take
                self._ended.append(step.seen(self._clock()))
            seconds, size = self._taken.get(step.key, (0.0, 0.0))
            self._taken[step.key] = seconds + took, size + step.size

    def finish(self) -> None:
        """Say that all is done: only now a work of steps is shown as done."""
        with self._lock:
            self._done, tell = True, self._planned
            if tell:
                self._whole.stage = "done"
        if tell:
            self._report()

    def keep(self) -> None:
        """Keep for later works what steps have taken in this one; call it when the work is over."""
        with self._lock:
            taken = {key: max(s, _LEAST_S) / n for key, (s, n) in self._taken.items() if n > 0}
            self._taken.clear()
        if taken:
            self._times.learn(taken)

    def _report(self) -> None:
        if self._tell is not None:
            self._tell(self.outlook())

    # -- what others ask ----------------------------------------------------------------------

    @property
    def _stage(self) -> str:
        return (self._open[-1] if self._open else self._whole).stage

    def outlook(self) -> Outlook:
        """How far the work is at this moment."""
        with self._lock:
            now = self._clock()
            spent = max(now - self._started, 0.0)
            left = self._left(now, spent)
            self._shown = max(self._shown, self._share(spent, left))
            return Outlook(self._stage, self._shown, left, spent)

    def _left(self, now: float, spent: float) -> TimeLeft | None:
        if self._done or (not self._planned and self._whole.share >= 1):
            return NOTHING_LEFT
        if not self._planned:
            return left_by_share(self._whole.seen(now)) if spent >= SOON_S else None
        current = self._open[-1].seen(now) if self._open else None
        usual = [self._times.usual(key, size) for key, size in self._waiting.items()]
        usual += [step.rest(self._open[i + 1].begun) for i, step in enumerate(self._open[:-1])]
        coming = [one for one in usual if one is not None]
        return time_left(self._times.kept, self._ended, current, coming, spreads=self._times.spreads)

    def _share(self, spent: float, left: TimeLeft | None) -> float:
        if self._done:
            return 1.0
        if not self._planned:
            return self._whole.share
        return 0.0 if left is None or spent <= 0 else min(spent / (spent + left.seconds), _NEARLY)


def planned(progress: Progress, steps: Mapping[str, float]) -> Course:
    """The course of a whole work, which has these steps; see `Course.expect`."""
    course = progress if isinstance(progress, Course) else _within(progress)
    course.expect(steps)
    return course


def course_of(progress: Progress) -> Course:
    """The course whose steps include those of a work; one of its own where nobody has planned them.

    Then all that the work is a part of hears are shares, 0 to 1.
    """
    return progress if isinstance(progress, Course) and progress.planned else _within(progress)


def end_own(course: Course, progress: Progress) -> None:
    """Say that a work is done that has a course of its own; what it is a part of goes on."""
    if course is not progress:
        course.finish()


def course_of_user(tell: Callable[[Outlook], object] | None = None) -> Course:
    """A course by the times of this user's machine, which are kept."""
    return Course(tell, times_of_user)


def _kind(key: str) -> str:
    return key.partition("/")[0]


def _within(progress: Progress) -> Course:
    return Course(lambda now: progress(now.stage, now.share))
