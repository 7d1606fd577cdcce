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
from napari_uncertainseg.progress.times import Spreads, Usual
from napari_uncertainseg.progress.usual_times import UsualTimes
from napari_uncertainseg.progress.words import is_sure

FACTOR, FROM, LEAST_S = 1.5, 1 / 3, 1.5
"""How far the time left may be off, after what share of the run; below so many seconds it does not matter."""

TRIED = 0.25
"""Standard deviation of the logarithm by which a trial is off: see docs/performance.md."""
_LOOKS = 8
"""At a silent step, where many runs are made up."""


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
    pace, kind, spread
        Standard deviations of logarithms: of all its steps together, of a kind of them, and of each.
    noise
        Of a step from run to run.
    """

    random: Random
    pace: float = 0.7
    kind: float = 0.0
    spread: float = 0.5
    noise: float = 0.15
    slow: Mapping[str, float] = field(default_factory=dict)
    """Times by which some steps take longer."""

    def __post_init__(self) -> None:
        self._pace = math.exp(self.random.gauss(0, self.pace))
        self._own: dict[str, float] = {}
        self._of_kind: dict[str, float] = {}

    @property
    def spreads(self) -> Spreads:
        """As it was drawn."""
        return Spreads(self.pace, self.kind, self.spread, self.noise)

    def seconds(self, key: str, size: float) -> float:
        """What a step takes this time."""
        return self.lasting(key) * size * math.exp(self.random.gauss(0, self.noise))

    def lasting(self, key: str) -> float:
        """What one unit of a step takes as a rule."""
        if key not in self._own:
            kind = usual(key).kind
            self._of_kind.setdefault(kind, math.exp(self.random.gauss(0, self.kind) if self.kind else 0.0))
            self._own[key] = self._of_kind[kind] * math.exp(self.random.gauss(0, self.spread))
        return usual(key).seconds * self._pace * self._own[key] * self.slow.get(key, 1.0)


def usual(key: str) -> Usual:
    """What one unit of a step takes, before a machine is known."""
    found = UsualTimes().usual(key, 1.0)
    assert found is not None, key
    return found


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

    @property
    def needed(self) -> dict[str, float]:
        """What it turns out to need."""
        found = {
            steps.REGISTER: self.registered,
            steps.BRAIN: self.skull,
            steps.BIAS: self.scans * self.skull,
        }
        passes = steps.passing(self.method, self.model, self.members, loaded=not self.first, box=self.box)
        return {**found, **passes}


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

    def __init__(
        self, run: Run, machine: Machine, times: UsualTimes, looks: int = 25, *, foreseen: bool = False
    ) -> None:
        self.run, self.machine, self.clock, self.foreseen = run, machine, Clock(), foreseen
        self.course = Course(None, lambda: times, self.clock)
        self.looks, self.seen = looks, list[Outlook]()

    def __call__(self) -> list[Outlook]:
        """What was shown: twice a second, or so often in each step."""
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
        n = min(max(1, math.ceil(seconds / 0.5)), self.looks)
        for _ in range(n):
            self.clock.now += seconds / n
            self.look()

    def silent(self, key: str, size: float, stage: str = "") -> Iterator[None]:
        """A step that says nothing."""
        if not size:
            return
        with self.course.step(key, size, stage or key):
            self.wait(self.machine.seconds(key, size))
            yield

    def trial(self, clock: Clock) -> dict[str, float]:
        """Some time goes by, and what is found is off, one error for all passes of the network."""
        self.clock.now += self.machine.seconds(steps.TRIAL, 1)
        run, off = self.run, math.exp(self.machine.random.gauss(0, TRIED))
        passes = steps.passing(run.method, run.model, run.members, loaded=not run.first)
        return {key: self.machine.lasting(key) * off for key, size in passes.items() if size}

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
        if self.foreseen:
            course.expect(run.needed)
        passes = steps.passing(run.method, run.model, run.members, loaded=not run.first, box=run.box)
        load, loaded = steps.of_model(steps.NETWORK, "load", run.model), not run.first
        if run.first:
            yield from self.silent(steps.IMPORT, 1)
        if course.wants_trial(key for key, size in passes.items() if size):
            yield from self.silent(load, not loaded)
            loaded = True
            yield from self.silent(steps.of_model(steps.READY, run.method, run.model), 1)
            course.trial(self.trial, "trying the network")
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
        yield from self.silent(load, not loaded)
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
            told = math.inf if now.left is None else max(now.left.seconds, LEAST_S)
            found = max(found, told / max(true, LEAST_S), max(true, LEAST_S) / told)
    return found


def moment_of(seen: list[Outlook], share: float) -> Outlook:
    """What was shown at a share of the run."""
    return next(now for now in seen if now.spent >= share * seen[-1].spent)


def at(seen: list[Outlook], share: float) -> float:
    """The factor by which it was off at a share of the run."""
    moment = moment_of(seen, share)
    true = max(seen[-1].spent - moment.spent, LEAST_S)
    told = math.inf if moment.left is None else max(moment.left.seconds, LEAST_S)
    return max(told / true, true / told)


def lies_between(seen: list[Outlook], share: float) -> bool:
    """Whether the time left lay between the two ends at a share of the run."""
    moment = moment_of(seen, share)
    true = max(seen[-1].spent - moment.spent, LEAST_S)
    return moment.left is not None and moment.left.least <= true <= max(moment.left.most, LEAST_S)


def is_number(seen: list[Outlook], share: float) -> bool:
    """Whether one number was shown at a share of the run, not two ends."""
    left = moment_of(seen, share).left
    return left is not None and (left.seconds < LEAST_S or is_sure(left))


def machines(
    count: int, runs: int, seed: int = 0, *, best: bool = False, tried: bool = True, **drawn: float
) -> list[list[list[Outlook]]]:
    """What was shown in the first runs of machines, by machine and run.

    `best`: as well as can be, by one who knows how far apart machines are, and what a run turns out to need.
    """
    random = Random(seed)
    shown = []
    for number in range(count):
        machine = Machine(Random(seed * 10_000 + number), **drawn)
        kept = UsualTimes(spreads=machine.spreads if best else None)
        kept.lasting = tried
        asked = [some_run(random, first=n == 0) for n in range(runs)]
        shown.append([FakeRun(run, machine, kept, _LOOKS, foreseen=best)() for run in asked])
    return shown


def settled(
    count: int, seed: int = 0, slower: float = 1.0, *, best: bool = False, **drawn: float
) -> list[list[Outlook]]:
    """What was shown by machines that did the same run three times before; then they may have become slow."""
    random = Random(seed)
    shown = []
    for number in range(count):
        machine = Machine(Random(seed * 10_000 + number), **drawn)
        kept = UsualTimes(spreads=machine.spreads if best else None)
        run = replace(some_run(random, first=False), first=False)
        for _ in range(3):
            FakeRun(run, machine, kept, 1)()
        machine.slow = dict.fromkeys(machine._own, slower)
        shown.append(FakeRun(run, machine, kept, _LOOKS, foreseen=best)())
    return shown


THIRDS = (1 / 3, 1 / 2, 2 / 3)
WORLDS = {
    "": {},
    ", steps alike": {"spread": 0.2},
    ", steps differ": {"spread": 0.8},
    ", as one machine in several settings": {"pace": 0.46, "kind": 0.18, "spread": 0.28},
}
"""The last one by `scripts/step_times.py`."""
RUNS = ("first run", "second run, another request", "third", "fourth")


def rows(count: int, *, best: bool = False) -> dict[str, list[list[Outlook]]]:
    """What was shown, by the name of a row."""
    found: dict[str, list[list[Outlook]]] = {}
    for name, drawn in WORLDS.items():
        shown = machines(count, len(RUNS), best=best, **drawn)
        found |= {f"{words}{name}": [runs[n] for runs in shown] for n, words in enumerate(RUNS)}
    found["the same request again"] = settled(count, best=best)
    found["the same, all five times slower than kept"] = settled(count, slower=5.0, best=best)
    return found


def _percent(found: list[bool]) -> str:
    return f"{sum(found) / len(found):4.0%}" if found else "none"


def main(count: int) -> None:
    """Print how often the time left is off by more than `FACTOR`, and how often between what is told."""
    print(
        "| run | at a third | at best | at half | at two thirds | at any moment | between the two ends "
        "| one number | off then |\n" + "| --- " * 9 + "|"
    )
    best = rows(count, best=True)
    for name, runs in rows(count).items():
        third, half, two_thirds = ([at(one, share) > FACTOR for one in runs] for share in THIRDS)
        bound = [at(one, FROM) > FACTOR for one in best[name]]
        between = [lies_between(one, share) for one in runs for share in THIRDS]
        number = [is_number(one, FROM) for one in runs]
        wrong = [off for off, one in zip(third, number, strict=True) if one]
        always = [worst(one) > FACTOR for one in runs]
        cells = map(_percent, (third, bound, half, two_thirds, always, between, number, wrong))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
