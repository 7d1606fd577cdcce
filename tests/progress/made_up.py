"""Runs of machines that are made up, on a clock that does not wait.

``python -m tests.progress.made_up`` prints how often the time left is off, see docs/performance.md.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import Course, Outlook, planned
from napari_uncertainseg.progress.usual_times import UsualTimes

FACTOR, FROM, LEAST_S = 1.5, 1 / 3, 1.5
"""How far the time left may be off, after what share of the run; below so many seconds it does not matter."""


class Clock:
    """Seconds that pass only where somebody says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Machine:
    """How fast a machine does each kind of step, drawn at random around the defaults.

    Attributes
    ----------
    pace, spread
        Standard deviations of the logarithms: of all its steps together, and of each of them.
    noise
        Of a step from run to run.
    """

    random: Random
    pace: float = 0.7
    spread: float = 0.5
    noise: float = 0.15
    slow: Mapping[str, float] = field(default_factory=dict)
    """Times by which some steps take longer."""

    def __post_init__(self) -> None:
        self._pace = math.exp(self.random.gauss(0, self.pace))
        self._own: dict[str, float] = {}

    def seconds(self, key: str, size: float) -> float:
        """What a step takes this time."""
        if key not in self._own:
            self._own[key] = math.exp(self.random.gauss(0, self.spread))
        noise = math.exp(self.random.gauss(0, self.noise))
        return default(key) * size * self._pace * self._own[key] * self.slow.get(key, 1.0) * noise


def default(key: str) -> float:
    """Seconds for one unit of a step, before a machine is known."""
    usual = UsualTimes().usual(key, 1.0)
    assert usual is not None, key
    return usual.seconds


@dataclass(frozen=True)
class Run:
    """What a user asks for, and what is found on the way."""

    scans: int = 2
    method: str = "one-pass"
    members: int = 10
    model: str = "bundled"
    skull: bool = False
    registered: int = 0
    first: bool = True
    voxels: float = 7.2
    box: float = 2.6

    @property
    def expected(self) -> dict[str, float]:
        """What the window knows beforehand."""
        known = steps.segmenting(
            self.scans, self.voxels, self.method, self.model, self.members, loaded=not self.first
        )
        return {steps.IMPORT: float(self.first), **known, f"{steps.LESIONS}/shown": 1}


def some_run(random: Random, *, first: bool) -> Run:
    """A run as a user may ask for it."""
    method = random.choice(("one-pass", "one-pass", "mc-dropout", "flips", "ensemble"))
    scans = random.randint(1, 3)
    return Run(
        scans=scans,
        method=method,
        members=random.randint(1, 30),
        model=random.choice(("bundled", "another")),
        skull=random.random() < 0.5,
        registered=int(scans > 1 and random.random() < 0.15),
        first=first,
        voxels=random.uniform(1.0, 12.0),
        box=random.uniform(2.2, 3.4),
    )


class FakeRun:
    """Goes through the steps of a run as the segmenter does, with a machine's times."""

    def __init__(self, run: Run, machine: Machine, times: UsualTimes) -> None:
        self.run, self.machine, self.clock = run, machine, Clock()
        self.course = Course(None, lambda: times, self.clock)
        self.seen: list[Outlook] = []

    def __call__(self) -> list[Outlook]:
        """What was shown, twice a second at least."""
        for _ in self.parts():
            pass
        self.course.finish()
        self.look()
        self.course.keep()
        return self.seen

    def look(self) -> None:
        """What is shown now."""
        self.seen.append(self.course.outlook())

    def wait(self, seconds: float) -> None:
        """Let time go by, of which the work says nothing."""
        n = max(1, math.ceil(seconds / 0.5))
        for _ in range(min(n, 400)):
            self.clock.now += seconds / min(n, 400)
            self.look()

    def silent(self, key: str, size: float, stage: str = "") -> Iterator[None]:
        """A step that says nothing."""
        with self.course.step(key, size, stage or key):
            self.wait(self.machine.seconds(key, size))
            yield

    def told(self, key: str, size: float, parts: int) -> Iterator[None]:
        """A step that says how far it is; the parts take differently long."""
        whole = self.machine.seconds(key, size)
        shares = [math.exp(self.machine.random.gauss(0, 0.2)) for _ in range(parts)]
        with self.course.step(key, size):
            for n, share in enumerate(shares, start=1):
                self.wait(whole * share / sum(shares))
                self.course(f"{key} {n}", n / parts)
                yield

    def parts(self) -> Iterator[None]:
        """All steps, one after the other; stops wherever it is left."""
        run, course = self.run, planned(self.course, self.run.expected)
        if run.first:
            yield from self.silent(steps.IMPORT, 1)
        course.expect_after(steps.BRAIN, {steps.BIAS: run.scans})
        for n in range(run.scans - 1):
            with course.step(steps.ALIGN, run.voxels, "aligning T1"):
                if n < run.registered:
                    yield from self.told(steps.REGISTER, 1, 40)
                self.wait(self.machine.seconds(steps.ALIGN, run.voxels))
        yield from self.silent(steps.SKULL, run.voxels)
        course.expect({steps.SKULL: 0})
        if run.skull:
            yield from self.silent(steps.BRAIN, 1)
        course.expect({steps.BIAS: run.scans if run.skull else 0})
        for _ in range(run.scans):
            if run.skull:
                yield from self.told(steps.BIAS, 1, 20)
            yield from self.silent(steps.NORMALISE, run.voxels)
        if run.first:
            yield from self.silent(steps.of_model(steps.NETWORK, "load", run.model), 1)
        passes = steps.passing(run.method, run.model, run.members, loaded=not run.first, box=run.box)
        course.expect(passes)
        (first, size), (later, rest) = passes.items()
        yield from self.silent(first, size)
        if rest:
            yield from self.told(later, rest, run.members - 1)
        yield from self.silent(steps.MAPS, run.voxels)
        yield from self.silent(steps.FEATURES, run.voxels)
        yield from self.silent(f"{steps.LESIONS}/shown", 1)


def worst(seen: list[Outlook], share: float = FROM, until: float = 0.95) -> float:
    """The largest factor by which the time left was off, from a share of the run on."""
    total = seen[-1].spent
    found = 1.0
    for now in seen:
        true = total - now.spent
        if share * total <= now.spent <= until * total:
            told = math.inf if now.left is None else max(now.left, LEAST_S)
            found = max(found, told / max(true, LEAST_S), max(true, LEAST_S) / told)
    return found


def at(seen: list[Outlook], share: float) -> float:
    """The factor by which it was off at a share of the run."""
    total = seen[-1].spent
    moment = next(now for now in seen if now.spent >= share * total)
    true = max(total - moment.spent, LEAST_S)
    told = math.inf if moment.left is None else max(moment.left, LEAST_S)
    return max(told / true, true / told)


def machines(count: int, runs: int, seed: int = 0, **drawn: float) -> list[list[list[Outlook]]]:
    """What was shown in the first runs of machines, by machine and run."""
    random = Random(seed)
    shown = []
    for number in range(count):
        machine = Machine(Random(seed * 10_000 + number), **drawn)
        kept = UsualTimes()
        shown.append([FakeRun(some_run(random, first=n == 0), machine, kept)() for n in range(runs)])
    return shown


def settled(count: int, seed: int = 0, slower: float = 1.0, **drawn: float) -> list[list[Outlook]]:
    """What was shown by machines that did the same run three times before; then they may have become slow."""
    random = Random(seed)
    shown = []
    for number in range(count):
        machine = Machine(Random(seed * 10_000 + number), **drawn)
        kept, run = UsualTimes(), replace(some_run(random, first=False), first=False)
        for _ in range(3):
            FakeRun(run, machine, kept)()
        machine.slow = dict.fromkeys(machine._own, slower)
        shown.append(FakeRun(run, machine, kept)())
    return shown


def _share(factors: list[float]) -> str:
    return f"{sum(f > FACTOR for f in factors) / len(factors):6.1%}"


def main(count: int) -> None:
    """Print the share of runs in which the time left is off by more than `FACTOR`."""
    rows: dict[str, list[list[Outlook]]] = {}
    for name, drawn in (("", {}), (", steps alike", {"spread": 0.2}), (", steps differ", {"spread": 0.8})):
        found = machines(count, 4, **drawn)
        for n, words in enumerate(("first run", "second run, another request", "third", "fourth")):
            rows[f"{words}{name}"] = [runs[n] for runs in found]
    rows["the same request again"] = settled(count)
    rows["the same, all five times slower than kept"] = settled(count, slower=5.0)
    print(
        "| run | at a third | at half | at two thirds | at any moment from a third to 95 % |\n"
        + "| --- " * 5
        + "|"
    )
    for name, runs in rows.items():
        moments = [_share([at(one, share) for one in runs]) for share in (1 / 3, 1 / 2, 2 / 3)]
        print(f"| {name} | {' | '.join(moments)} | {_share([worst(one) for one in runs])} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
