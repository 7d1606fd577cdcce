"""What all annotators of a store did: progress, time, agreement, and what came of training.

Verdicts of an open session may be hidden from whoever reads the same again: agreement and scores come
from sessions that are done, and the others only count.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from napari_uncertainseg.review.reports.learning_curves import Trained, training_of
from napari_uncertainseg.review.reports.snapshot import Snapshot, SnapshotTask
from napari_uncertainseg.review.session.rereading import Location, kappa
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import THIRD, RereadingSettings


@dataclass(frozen=True)
class ReviewProgress:
    """How far an annotator is, or a case, in sessions of one kind.

    Attributes
    ----------
    name, kind
        Of the annotator or case; ``"review"``, ``"qc"`` or ``"training"``.
    sessions, open
        How many there are, and how many of them go on.
    tasks, judged
        Tasks in them, and how many of these have a verdict.
    last
        When something was last written, ISO 8601 in UTC.
    """

    name: str
    kind: str
    sessions: int
    open: int
    tasks: int
    judged: int
    last: str

    @property
    def share(self) -> float:
        """Share of the tasks that are judged."""
        return self.judged / self.tasks if self.tasks else math.nan


@dataclass(frozen=True)
class Times:
    """How long somebody takes for a lesion or candidate, in sessions of one kind.

    Attributes
    ----------
    annotator, kind
        Who, and in what.
    number
        Verdicts whose time is known.
    low, median, high
        Quartiles, seconds.
    """

    annotator: str
    kind: str
    number: int
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class ReaderAgreement:
    """Two annotators on the places that both have judged.

    Attributes
    ----------
    first, second
        Who.
    both, same
        Places that both have judged, and how many of them with the same decision.
    third
        Of both, those that one of them saw in a third reading, because two others differed there: they agree
        less than other places do.
    kappa
        Cohen's; NaN where chance alone would agree, as `rereading.kappa`.
    uncertainty_same, uncertainty_differ
        The model's mean doubt (LSU, 0 to 1) where they agree and where they differ; NaN without a place.
    known_same, known_differ
        Places that these rest on: where the doubt is known.
    """

    first: str
    second: str
    both: int
    same: int
    third: int
    kappa: float
    uncertainty_same: float
    uncertainty_differ: float
    known_same: int
    known_differ: int

    @property
    def share(self) -> float:
        """Share of places with the same decision."""
        return self.same / self.both if self.both else math.nan


@dataclass(frozen=True, eq=False)
class Statistics:
    """All of it.

    Attributes
    ----------
    annotators, cases
        Progress of each, by kind of session, in the order of their first sessions.
    times, agreements, trained
        Of those of whom there is something to say.
    waiting
        Reviews and second readings that go on: they count for agreement once they are done.
    """

    annotators: tuple[ReviewProgress, ...]
    cases: tuple[ReviewProgress, ...]
    times: tuple[Times, ...]
    agreements: tuple[ReaderAgreement, ...]
    trained: tuple[Trained, ...]
    waiting: int


def compute_statistics(found: Snapshot) -> Statistics:
    """The numbers of all sessions."""
    readings = [s for s in found.sessions if s.kind != "training"]
    done = [s for s in readings if found.is_done(s)]
    return Statistics(
        annotators=_of_annotators(found),
        cases=_of_cases(found),
        times=_times(found),
        agreements=_agreements(found, done),
        trained=training_of(found),
        waiting=len(readings) - len(done),
    )


def _of_annotators(found: Snapshot) -> tuple[ReviewProgress, ...]:
    groups: dict[tuple[str, str], list[tuple[Session, Sequence[SnapshotTask], str]]] = defaultdict(list)
    for session in found.sessions:
        cases = {task.location[0] for task in found.tasks[session.id]}
        at = max(_last(found, session, case) for case in (*cases, None))
        groups[session.annotator, session.kind].append((session, found.tasks[session.id], at))
    order = {name: i for i, name in enumerate(found.annotators)}
    return tuple(_progress(*key, groups[key]) for key in sorted(groups, key=lambda k: (order[k[0]], k[1])))


def _of_cases(found: Snapshot) -> tuple[ReviewProgress, ...]:
    groups: dict[tuple[int, str], list[tuple[Session, Sequence[SnapshotTask], str]]] = defaultdict(list)
    for session in found.sessions:
        by_case: dict[int, list[SnapshotTask]] = defaultdict(list)
        for task in found.tasks[session.id]:
            by_case[task.location[0]].append(task)
        for case, tasks in by_case.items():
            at = max(_last(found, session, case), _last(found, session, None))
            groups[case, session.kind].append((session, tasks, at))
    order = {case: i for i, case in enumerate(dict.fromkeys(case for case, _ in groups))}
    keys = sorted(groups, key=lambda k: (order[k[0]], k[1]))
    return tuple(_progress(found.cases[case], kind, groups[case, kind]) for case, kind in keys)


def _last(found: Snapshot, session: Session, case: int | None) -> str:
    return found.last.get((session.id, case), session.opened)


def _progress(
    name: str, kind: str, parts: Iterable[tuple[Session, Sequence[SnapshotTask], str]]
) -> ReviewProgress:
    sessions, tasks, last = zip(*parts, strict=True)
    return ReviewProgress(
        name=name,
        kind=kind,
        sessions=len(sessions),
        open=sum(s.closed is None for s in sessions),
        tasks=sum(map(len, tasks)),
        judged=sum(task.decision is not None for each in tasks for task in each),
        last=max(last),
    )


def _times(found: Snapshot) -> tuple[Times, ...]:
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for session in found.sessions:
        seconds[session.annotator, session.kind] += [
            t.seconds for t in found.tasks[session.id] if t.seconds is not None and t.location[1] != "case"
        ]
    order = {name: i for i, name in enumerate(found.annotators)}
    rows = []
    for who, kind in sorted(seconds, key=lambda k: (order[k[0]], k[1])):
        if values := seconds[who, kind]:
            low, median, high = map(float, np.quantile(values, (0.25, 0.5, 0.75)))
            rows.append(Times(who, kind, len(values), low, median, high))
    return tuple(rows)


_Said = tuple[str, float | None, bool]
"""Decision, the model's doubt, and whether it was a third reading."""


def _agreements(found: Snapshot, done: Sequence[Session]) -> tuple[ReaderAgreement, ...]:
    said: dict[str, dict[Location, _Said]] = {name: {} for name in found.annotators}
    for session in done:  # the first one first: who judged a place twice counts with the last verdict
        settings = session.settings
        third = isinstance(settings, RereadingSettings) and settings.reading == THIRD
        said[session.annotator] |= {
            t.location: (t.decision, t.uncertainty, third)
            for t in found.tasks[session.id]
            if t.decision is not None
        }
    pairs = (_agreement(a, b, said[a], said[b]) for a, b in combinations(found.annotators, 2))
    return tuple(pair for pair in pairs if pair.both)


def _agreement(
    first: str, second: str, ours: dict[Location, _Said], theirs: dict[Location, _Said]
) -> ReaderAgreement:
    both = [(ours[place], theirs[place]) for place in ours if place in theirs]
    doubts: dict[bool, list[float]] = {True: [], False: []}
    for (decision, doubt, _), (other, known, _) in both:
        doubt = known if doubt is None else doubt
        if doubt is not None:
            doubts[decision == other].append(doubt)
    return ReaderAgreement(
        first=first,
        second=second,
        both=len(both),
        same=sum(a[0] == b[0] for a, b in both),
        third=sum(a[2] or b[2] for a, b in both),
        kappa=kappa([(a[0], b[0]) for a, b in both]),
        uncertainty_same=_mean(doubts[True]),
        uncertainty_differ=_mean(doubts[False]),
        known_same=len(doubts[True]),
        known_differ=len(doubts[False]),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
