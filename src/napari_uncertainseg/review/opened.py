"""What a session was when it was opened: its first entry holds a digest of it."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg.review import schema
from napari_uncertainseg.review.journal import Entry, canonical


def digest_of(connection: Connection, session: str, tasks: int | None = None) -> str:
    """SHA-256 of who judges, what, and how; of the first tasks only, where a number is given."""
    return hashlib.sha256(canonical(_as_opened(connection, session, tasks)).encode()).hexdigest()


def is_as_opened(connection: Connection, session: str, entries: list[Entry]) -> bool:
    """Whether a session is what its first entry says, but for what its journal tells of later."""
    opened, added = entries[0].values, [e.values for e in entries if e.kind == "added"]
    first = int(opened["tasks"])
    t, s = schema.tasks, schema.sessions
    later = connection.execute(
        sa.select(t.c.target, t.c.label, t.c.voxel_s, t.c.voxel_a, t.c.voxel_r)
        .where(t.c.session_id == session)
        .order_by(t.c.position)
        .offset(first)
    )
    said = [(a["target"], a["label"], *a["voxel"]) for a in added]
    closed = [e.at for e in entries if e.kind == "closed"]
    kept = connection.scalar(sa.select(s.c.closed).where(s.c.id == session))
    return (
        digest_of(connection, session, first) == opened["session"]
        and [tuple(row) for row in later] == said
        and ([kept] if kept is not None else []) == closed
    )


def _as_opened(connection: Connection, session: str, tasks: int | None = None) -> list[Any]:
    """All that is not to change once a session is open: who, what of, how, and its first tasks."""
    s, p, a = schema.sessions, schema.projects, schema.annotators
    about = (
        sa.select(p.c.name, a.c.name, s.c.kind, s.c.settings, s.c.opened)
        .join(p, s.c.project_id == p.c.id)
        .join(a, s.c.annotator_id == a.c.id)
        .where(s.c.id == session)
    )
    t, c, o = schema.tasks, schema.cases, schema.outputs
    what = (
        sa.select(t, c.c.name, c.c.folder, o.c.sha256, o.c.model_sha256, o.c.method)
        .join(c, t.c.case_id == c.c.id)
        .outerjoin(o, t.c.output_id == o.c.id)
        .where(t.c.session_id == session)
        .order_by(t.c.position)
        .limit(tasks)
    )
    return [[list(row) for row in connection.execute(query)] for query in (about, what)]
