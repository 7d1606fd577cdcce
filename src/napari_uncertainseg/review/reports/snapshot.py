"""All sessions of a store at one moment, in four queries: what the numbers of a dashboard come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import Unreadable, is_plain
from napari_uncertainseg.review.session.rereading import Location
from napari_uncertainseg.review.store.case_names import labels
from napari_uncertainseg.review.store.queries import sessions_in
from napari_uncertainseg.review.store.records import Session, checked
from napari_uncertainseg.review.store.store import Store


@dataclass(frozen=True, slots=True)
class SnapshotTask:
    """A task, and its current verdict.

    Attributes
    ----------
    position
        In its session, from 0.
    location
        Number of the case, target, voxel.
    uncertainty
        The model's: structural uncertainty (LSU), 0 to 1; None where it is not known.
    decision
        None without a verdict; then the two below are None, too.
    confidence
        Stated by the annotator, 0 to 1; None where none was asked for.
    seconds
        From when it was shown to the verdict; None where that is not known.
    """

    position: int
    location: Location
    uncertainty: float | None
    decision: str | None
    confidence: float | None
    seconds: float | None


@dataclass(frozen=True)
class Snapshot:
    """Sessions, tasks and verdicts.

    Attributes
    ----------
    sessions
        The first one first.
    tasks
        By session, in their order.
    cases
        Names by number, each once.
    last
        When something was last written about a case, ISO 8601 in UTC, by session and case; with None, what is
        about no task.
    odd
        Sessions that cannot be read, and why, by id: they are in none of the above.
    """

    sessions: tuple[Session, ...]
    tasks: Mapping[str, tuple[SnapshotTask, ...]]
    cases: Mapping[int, str]
    last: Mapping[tuple[str, int | None], str]
    odd: Mapping[str, str] = field(default_factory=dict)

    @property
    def annotators(self) -> tuple[str, ...]:
        """Names, in the order of their first sessions."""
        return tuple(dict.fromkeys(session.annotator for session in self.sessions))

    def is_done(self, session: Session) -> bool:
        """Whether a session is closed, or all of it is judged: before, its verdicts may still be blinded."""
        return session.closed is not None or all(t.decision is not None for t in self.tasks[session.id])

    def pseudonymous(self) -> Snapshot:
        """The same with ``annotator 1``, ``case 1`` and so on, in the order of their first sessions.

        The numbers are those of `verdict_table`.
        """
        people = _numbered("annotator", self.annotators)
        seen = dict.fromkeys(t.location[0] for s in self.sessions for t in self.tasks[s.id])
        cases = _numbered("case", (self.cases[case] for case in seen))
        return replace(
            self,
            sessions=tuple(replace(s, annotator=people[s.annotator]) for s in self.sessions),
            cases={case: cases[self.cases[case]] for case in seen},
        )


def take_snapshot(store: Store) -> Snapshot:
    """Read all sessions of a store at one moment."""
    with store.reading() as connection:
        found, odd = sessions_in(connection)
        cases = labels(connection)
        tasks, last = _tasks(connection, cases, odd), _last(connection, odd)
        sessions = tuple(s for s in found[::-1] if s.id not in odd)
        return Snapshot(
            sessions,
            {session.id: tuple(tasks.get(session.id, ())) for session in sessions},
            cases,
            last,
            odd,
        )


def _tasks(
    connection: Connection, cases: Mapping[int, str], odd: dict[str, str]
) -> Mapping[str, list[SnapshotTask]]:
    """Tasks by session; sessions in which one cannot be read are added to the odd ones."""
    t, v = schema.tasks, schema.verdicts
    names = ("id", "session_id", "position", "case_id", "target", "voxel_s", "voxel_a", "voxel_r")
    task = [t.c[name] for name in (*names, "uncertainty")]
    verdict = [v.c.decision, v.c.confidence, v.c.seconds]
    query = (
        sa.select(*task, *verdict).outerjoin(v, v.c.task_id == t.c.id).order_by(t.c.session_id, t.c.position)
    )
    found: dict[str, list[SnapshotTask]] = defaultdict(list)
    for row in connection.execute(query):
        try:
            found[row.session_id].append(_judged(dict(row._mapping), cases))
        except Unreadable as error:
            odd[str(row.session_id)] = str(error)
    return found


def _judged(row: dict[str, Any], cases: Mapping[int, str]) -> SnapshotTask:
    what = f"Task {row['id']} of session {row['session_id']}"
    checked(schema.tasks, row, what)
    if row["case_id"] not in cases:
        raise Unreadable(f"{what} is about a case that is not there: somebody has changed the file.")
    if row["decision"] is not None:
        checked(schema.verdicts, {name: row[name] for name in ("decision", "confidence", "seconds")}, what)
    place = (row["case_id"], row["target"], (row["voxel_s"], row["voxel_a"], row["voxel_r"]))
    return SnapshotTask(
        row["position"], place, row["uncertainty"], row["decision"], row["confidence"], row["seconds"]
    )


def _last(connection: Connection, odd: dict[str, str]) -> dict[tuple[str, int | None], str]:
    """Times of one form sort as text does."""
    e, t = schema.entries, schema.tasks
    query = (
        sa.select(e.c.session_id, t.c.case_id, sa.func.max(e.c.at).label("at"))
        .outerjoin(t, e.c.task_id == t.c.id)
        .group_by(e.c.session_id, t.c.case_id)
    )
    found = {}
    for session, case, at in connection.execute(query):
        if is_plain(at):
            found[session, case] = at
        else:
            odd[str(session)] = f"An entry of session {session} has no time: somebody has changed the file."
    return found


def _numbered(kind: str, names: Iterable[str]) -> dict[str, Any]:
    return {name: f"{kind} {i}" for i, name in enumerate(dict.fromkeys(names), start=1)}
