"""What a session was when it was opened, and what was added later: its journal holds digests of it.

Version 1 of the digest left out what `LEFT_OUT` names; sessions of it keep verifying as far as it went.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import (
    Unreadable,
    canonical,
    from_json,
    is_number,
    is_plain,
)
from napari_uncertainseg.review.store.entry_details import AddedDetails, OpenedDetails
from napari_uncertainseg.review.store.journal import Entry, details_of

COVERS = 2
"""Version of the digest that new sessions have."""
LEFT_OUT = (
    "opened by an older version: not covered are model and threshold of the outputs, times at which people "
    "and projects were first named, and of tasks that it added case, output, doubt, probability and volume"
)
"""What the chain of a session of version 1 does not tell of."""


def seal(connection: Connection, session_id: str, tasks: int) -> dict[str, Any]:
    """What the first entry of a session says: how many tasks it has, and a digest of all that it is."""
    return {"session": _digest(_whole, connection, session_id, tasks), "tasks": tasks, "covers": COVERS}


def seal_of_task(connection: Connection, task: int) -> str:
    """SHA-256 of a task that was added later, with its case and output."""
    return _digest(_of_tasks, connection, schema.tasks.c.id == task, None)


def is_covered(entries: list[Entry]) -> bool:
    """Whether the chain covers all that is shown of a session, see `LEFT_OUT`."""
    return _opened(entries).covers == COVERS


def is_as_opened(connection: Connection, session_id: str, entries: list[Entry]) -> bool:
    """Whether a session is what its first entry says, but for what its journal tells of later."""
    opened = _opened(entries)
    what = _whole if opened.covers == COVERS else _version_1
    added = [details for _, details in details_of(entries, AddedDetails)]
    return (
        _digest(what, connection, session_id, opened.tasks) == opened.session
        and _is_as_added(connection, session_id, opened.tasks, added)
        and _is_closed_as(connection, session_id, [e.at for e in entries if e.kind == "closed"])
    )


def _opened(entries: list[Entry]) -> OpenedDetails:
    """What the first entry says; a digest of nothing where somebody has put another kind in its place."""
    first = entries[0].details
    return first if isinstance(first, OpenedDetails) else OpenedDetails()


def _is_as_added(connection: Connection, session_id: str, first: int, said: list[AddedDetails]) -> bool:
    t = schema.tasks
    query = sa.select(t).where(t.c.session_id == session_id).order_by(t.c.position).offset(first)
    later = [dict(row) for row in connection.execute(query).mappings()]
    return len(later) == len(said) and all(
        (row["target"], row["label"], (row["voxel_s"], row["voxel_a"], row["voxel_r"]))
        == (told.target, told.label, told.voxel)
        and (told.row is None or seal_of_task(connection, row["id"]) == told.row)
        for row, told in zip(later, said, strict=True)
    )


def _is_closed_as(connection: Connection, session_id: str, said: list[str]) -> bool:
    s = schema.sessions
    kept = connection.scalar(sa.select(s.c.closed).where(s.c.id == session_id))
    return ([] if kept is None else [kept]) == said


def _digest(what: Callable[..., list[Any]], connection: Connection, about: Any, tasks: int | None) -> str:
    """SHA-256 of rows; `Unreadable` where they hold what no row of this program does."""
    return hashlib.sha256(canonical(what(connection, about, tasks)).encode()).hexdigest()


def _whole(connection: Connection, session_id: str, tasks: int | None) -> list[Any]:
    """All rows that a session rests on: who, in which project, how, and its first tasks with theirs."""
    s, t = schema.sessions, schema.tasks
    columns = [column for column in s.c if column is not s.c.closed]
    rows = _rows(connection, sa.select(*_as_text(columns)).where(s.c.id == session_id))
    if len(rows) != 1:
        raise Unreadable(
            f"Session {session_id} is not there, only its entries: somebody has changed the file."
        )
    about = dict(zip((column.name for column in columns), rows[0], strict=True))
    about["settings"] = _settings(about["settings"])
    return [
        [about[column.name] for column in columns],
        _by_id(connection, schema.projects, {about["project_id"]}),
        _by_id(connection, schema.annotators, {about["annotator_id"]}),
        _of_tasks(connection, t.c.session_id == session_id, tasks),
    ]


def _of_tasks(connection: Connection, which: sa.ColumnElement[bool], first: int | None) -> list[Any]:
    t, c = schema.tasks, schema.cases
    query = sa.select(t).where(which).order_by(t.c.position).limit(first)
    rows = connection.execute(query).all()
    _check_values(rows)
    cases = _by_id(connection, c, {row.case_id for row in rows})
    projects = {row[list(c.c.keys()).index("project_id")] for row in cases}
    outputs = {row.output_id for row in rows if row.output_id is not None}
    return [
        [list(row) for row in rows],
        cases,
        _by_id(connection, schema.projects, projects),
        _by_id(connection, schema.outputs, outputs),
    ]


def _by_id(connection: Connection, table: sa.Table, ids: Collection[Any]) -> list[Any]:
    return _rows(connection, sa.select(table).where(table.c.id.in_(ids)).order_by(table.c.id))


def _rows(connection: Connection, query: sa.Select[Any]) -> list[Any]:
    rows = [list(row) for row in connection.execute(query)]
    _check_values(rows)
    return rows


def _check_values(rows: Iterable[Iterable[Any]]) -> None:
    """Text, numbers, and what a server has made of JSON: else a row has no canonical form."""
    for value in (value for row in rows for value in row):
        if not (
            value is None or is_plain(value) or is_number(value) or isinstance(value, dict | list | bool)
        ):
            raise Unreadable("A row that the session rests on holds what no column does: it was changed.")


def _as_text(columns: list[Any]) -> list[Any]:
    """The same columns, JSON as it is written: what is none is found out here, and not in the driver."""
    return [sa.type_coerce(c, sa.Text) if isinstance(c.type, sa.JSON) else c for c in columns]


def _settings(said: Any) -> Any:
    return from_json(said, "The session's settings") if isinstance(said, str) else said


def _version_1(connection: Connection, session_id: str, tasks: int | None) -> list[Any]:
    """What the first version made its digest of, as the tables were then."""
    s, p, a = schema.sessions, schema.projects, schema.annotators
    about = (
        sa.select(p.c.name, a.c.name, s.c.kind, sa.type_coerce(s.c.settings, sa.Text), s.c.opened)
        .join(p, s.c.project_id == p.c.id)
        .join(a, s.c.annotator_id == a.c.id)
        .where(s.c.id == session_id)
    )
    t, c, o = schema.tasks, schema.cases, schema.outputs
    was = c.alias()  # the case that it was, before it was taken apart
    then = [was.c.id if column is t.c.case_id else column for column in t.c]
    what = (
        sa.select(*then, was.c.name, was.c.folder, o.c.sha256, o.c.model_sha256, o.c.method)
        .join(c, t.c.case_id == c.c.id)
        .join(was, was.c.id == sa.func.coalesce(c.c.split_of, c.c.id))
        .outerjoin(o, t.c.output_id == o.c.id)
        .where(t.c.session_id == session_id)
        .order_by(t.c.position)
        .limit(tasks)
    )
    who = [[*row[:3], _settings(row[3]), row[4]] for row in _rows(connection, about)]
    return [who, _rows(connection, what)]
