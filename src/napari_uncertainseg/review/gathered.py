"""All sessions of a store at one moment, in four queries: what the numbers of a dashboard come from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg.review import schema
from napari_uncertainseg.review.rereading import Place
from napari_uncertainseg.review.rows import Session
from napari_uncertainseg.review.store import Store, sessions_in


@dataclass(frozen=True, slots=True)
class Judged:
    """A task, and the verdict that stands on it.

    Attributes
    ----------
    position
        In its session, from 0.
    place
        Number of the case, target, voxel.
    doubt
        The model's: structural uncertainty (LSU), 0 to 1; None where it is not known.
    decision
        None without a verdict; then the two below are None, too.
    confidence
        Stated by the annotator, 0 to 1; None where none was asked for.
    seconds
        From when it was shown to the verdict; None where that is not known.
    """

    position: int
    place: Place
    doubt: float | None
    decision: str | None
    confidence: float | None
    seconds: float | None


@dataclass(frozen=True)
class Gathered:
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
    """

    sessions: tuple[Session, ...]
    tasks: Mapping[str, tuple[Judged, ...]]
    cases: Mapping[int, str]
    last: Mapping[tuple[str, int | None], str]

    @property
    def annotators(self) -> tuple[str, ...]:
        """Names, in the order of their first sessions."""
        return tuple(dict.fromkeys(session.annotator for session in self.sessions))

    def is_done(self, session: Session) -> bool:
        """Whether a session is closed, or all of it is judged: before, its verdicts may still be blinded."""
        return session.closed is not None or all(t.decision is not None for t in self.tasks[session.id])

    def pseudonymous(self) -> Gathered:
        """The same with ``annotator 1``, ``case 1`` and so on, in the order of their first sessions.

        The numbers are those of `sharing.verdict_table`.
        """
        people = _numbered("annotator", self.annotators)
        seen = dict.fromkeys(t.place[0] for s in self.sessions for t in self.tasks[s.id])
        cases = _numbered("case", (self.cases[case] for case in seen))
        return replace(
            self,
            sessions=tuple(replace(s, annotator=people[s.annotator]) for s in self.sessions),
            cases={case: cases[self.cases[case]] for case in seen},
        )


def gather(store: Store) -> Gathered:
    """Read all sessions of a store at one moment."""
    with store.reading() as connection:
        sessions, tasks = tuple(sessions_in(connection)[::-1]), _tasks(connection)
        return Gathered(
            sessions,
            {session.id: tuple(tasks.get(session.id, ())) for session in sessions},
            _cases(connection),
            _last(connection),
        )


def _tasks(connection: Connection) -> Mapping[str, list[Judged]]:
    t, v = schema.tasks, schema.verdicts
    place = (t.c.case_id, t.c.target, t.c.voxel_s, t.c.voxel_a, t.c.voxel_r)
    query = (
        sa.select(
            t.c.session_id, t.c.position, *place, t.c.uncertainty, v.c.decision, v.c.confidence, v.c.seconds
        )
        .outerjoin(v, v.c.task_id == t.c.id)
        .order_by(t.c.session_id, t.c.position)
    )
    found: dict[str, list[Judged]] = defaultdict(list)
    for session, position, case, target, s, a, r, doubt, *verdict in connection.execute(query):
        found[session].append(Judged(position, (case, target, (s, a, r)), doubt, *verdict))
    return found


def _cases(connection: Connection) -> dict[int, str]:
    """Names of cases; with the project where two projects have a case of one name."""
    c, p = schema.cases, schema.projects
    query = sa.select(c.c.id, c.c.name, p.c.name).join(p, c.c.project_id == p.c.id)
    rows = [tuple(row) for row in connection.execute(query)]
    often = Counter(name for _, name, _ in rows)
    return {id: name if often[name] == 1 else f"{name} ({project})" for id, name, project in rows}


def _last(connection: Connection) -> dict[tuple[str, int | None], str]:
    """Times of one form sort as text does."""
    e, t = schema.entries, schema.tasks
    query = (
        sa.select(e.c.session_id, t.c.case_id, sa.func.max(e.c.at))
        .outerjoin(t, e.c.task_id == t.c.id)
        .group_by(e.c.session_id, t.c.case_id)
    )
    return {(session, case): at for session, case, at in connection.execute(query)}


def _numbered(kind: str, names: Iterable[str]) -> dict[str, Any]:
    return {name: f"{kind} {i}" for i, name in enumerate(dict.fromkeys(names), start=1)}
