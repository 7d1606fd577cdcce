"""What is read from a store, row by row; what is not as this program writes it is `Unreadable`."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import Unreadable, is_amount, shown_id
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.journal import Entry
from napari_uncertainseg.review.store.records import Session, entry_of, session_of, task_of

_RECENT = 1000
"""Verdicts from which a reading speed is learnt: slopes of all pairs of them are compared."""


def chain_of(connection: Connection, session_id: str, task: int | None = None) -> list[tuple[Entry, str]]:
    """The journal of a session, or what of it is about one task, with the hash kept beside each entry."""
    e = schema.entries
    query = sa.select(e).where(e.c.session_id == session_id).order_by(e.c.number)
    if task is not None:
        query = query.where(e.c.task_id == task)
    return [(entry_of(row), row["hash"]) for row in connection.execute(query).mappings()]


def tasks_query(session_id: str) -> sa.Select:
    """The tasks of a session, in their order."""
    t = schema.tasks
    return sa.select(t).where(t.c.session_id == session_id).order_by(t.c.position)


def session_rows(*which: sa.ColumnElement[bool]) -> sa.Select:
    """Sessions with the names of project and annotator, all or some, the latest first."""
    s, p, a = schema.sessions, schema.projects, schema.annotators
    columns = [sa.type_coerce(c, sa.Text).label(c.name) if isinstance(c.type, sa.JSON) else c for c in s.c]
    return (
        sa.select(*columns, p.c.name.label("project"), a.c.name.label("annotator"))
        .outerjoin(p, s.c.project_id == p.c.id)
        .outerjoin(a, s.c.annotator_id == a.c.id)
        .where(*which)
        .order_by(s.c.opened.desc(), s.c.id)
    )


def sessions_in(connection: Connection) -> tuple[list[Session], dict[str, str]]:
    """Sessions, the latest first; and by id, why others cannot be read."""
    found, odd = [], {}
    for row in connection.execute(session_rows()).mappings():
        try:
            found.append(session_of(row))
        except Unreadable as error:
            odd[shown_id(row["id"])] = str(error)
    return found, odd


def has_task(connection: Connection, session_id: str, task: int) -> bool:
    """Whether a task is one of a session."""
    t = schema.tasks
    query = sa.select(t.c.id).where(t.c.id == task, t.c.session_id == session_id)
    return connection.scalar(query) is not None


def look_through(connection: Connection, session_id: str) -> None:
    """Read all of a session.

    Raises
    ------
    Unreadable
        If something in it cannot be read.
    """
    tasks = [task_of(row) for row in connection.execute(tasks_query(session_id)).mappings()]
    cases = set(connection.scalars(sa.select(schema.cases.c.id)))
    if not {task.case for task in tasks} <= cases:
        raise Unreadable(
            f"Session {session_id} is about a case that is not there: somebody has changed the file."
        )
    entries = [entry for entry, _ in chain_of(connection, session_id)]
    if {entry.task for entry in entries} - {None, *(task.id for task in tasks)}:
        raise Unreadable(
            f"Session {session_id} has entries on tasks of another one: somebody has changed the file."
        )
    for entry in entries:
        entry.details  # noqa: B018 - reading it checks it
    current_verdicts(entries)


def times_of(connection: Connection, annotator: str) -> tuple[np.ndarray, np.ndarray]:
    """Volumes (mm3) of what somebody judged lately, and the seconds that each took."""
    v, t, s, a = schema.verdicts, schema.tasks, schema.sessions, schema.annotators
    query = (
        sa.select(t.c.volume_mm3, v.c.seconds)
        .join(t, v.c.task_id == t.c.id)
        .join(s, v.c.session_id == s.c.id)
        .join(a, s.c.annotator_id == a.c.id)
        .where(a.c.name == annotator, v.c.seconds.is_not(None), t.c.volume_mm3.is_not(None))
        .order_by(s.c.opened.desc(), v.c.number.desc())
        .limit(_RECENT)
    )
    known = [tuple(row) for row in connection.execute(query) if all(map(is_amount, row))]
    rows = np.array(known, float).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
