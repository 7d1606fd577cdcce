"""Sessions that lose nothing: projects, cases, annotators, tasks, verdicts, and a journal of it all.

What is confirmed is on disk: `Store.record` returns when the database has committed, and masks are
written before the entry that names them. The journal is the truth; the table of verdicts is what it
amounts to at present, changed in the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review import schema
from napari_uncertainseg.review.database import READING, connect, home_of, plainly, shown
from napari_uncertainseg.review.journal import GENESIS, Entry, first_fault, follow
from napari_uncertainseg.review.masks import MaskStore
from napari_uncertainseg.review.opened import digest_of, is_as_opened
from napari_uncertainseg.review.pace import Pace, learn
from napari_uncertainseg.review.rows import (
    NewTask,
    Session,
    Task,
    entry_of,
    entry_row,
    session_of,
    task_of,
    task_row,
    verdict_row,
)
from napari_uncertainseg.review.standing import Standing, standing

_RECENT = 1000
"""Verdicts that a pace is learnt from: slopes of all pairs of them are compared."""
DATABASE = "sessions.db"
"""Name of the file where none is given."""


class Store:
    """A database of sessions, and the masks beside it.

    Parameters
    ----------
    target
        A file, made when it is not there, or a ``postgresql://`` URL.
    masks
        Folder of the masks; beside the file if None. Readers on one server need one that all reach.

    Raises
    ------
    InputError
        If they cannot be used. So do all methods where the database does not answer, and nothing is half
        done then.
    """

    def __init__(self, target: str | Path, masks: Path | None = None) -> None:
        if masks is None and "://" in str(target):
            raise InputError("With a database server, say in which folder the masks are kept.")
        self._engine = connect(target)
        self._reading = self._engine.execution_options(**{READING: True})
        self.name = shown(self._engine.url)
        self.masks = MaskStore(home_of(target) / "masks" if masks is None else Path(masks))

    def close(self) -> None:
        """Let the database go. May be called twice."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries over all sessions, which sees one moment of them; it cannot write."""
        with plainly(self._engine.url), self._reading.connect() as connection:
            yield connection

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- what sessions are about --------------------------------------------------------------

    def project(self, name: str) -> int:
        """Number of a project, made when it is not there."""
        return self._known_or_new(schema.projects, {"name": _name(name)}, {"created": _now()})

    def annotator(self, name: str) -> int:
        """Number of an annotator, made when it is not there; a pseudonym will do."""
        return self._known_or_new(schema.annotators, {"name": _name(name)}, {"created": _now()})

    def case(self, project: int, name: str, folder: str) -> int:
        """Number of a case of a project, made when it is not there; its folder is what it was first."""
        return self._known_or_new(
            schema.cases, {"project_id": project, "name": _name(name)}, {"folder": folder}
        )

    def output(self, case: int, sha256: str, **about: Any) -> int:
        """Number of a model's output for a case, by its hash; ``about`` holds the table's other columns."""
        return self._known_or_new(schema.outputs, {"case_id": case, "sha256": sha256}, about)

    def outputs(self, sha256: str) -> set[int]:
        """Numbers of the models' outputs with a hash, of whatever case."""
        query = sa.select(schema.outputs.c.id).where(schema.outputs.c.sha256 == sha256)
        with self.reading() as connection:
            return set(connection.scalars(query))

    def folder(self, case: int) -> str:
        """Where a case lies."""
        return self._of_case(case, schema.cases.c.folder)

    def case_name(self, case: int) -> str:
        """What a case is called."""
        return self._of_case(case, schema.cases.c.name)

    def _of_case(self, case: int, column: sa.Column) -> str:
        query = sa.select(column).where(schema.cases.c.id == case)
        with plainly(self._engine.url), self._reading.connect() as connection:
            found = connection.scalar(query)
        if found is None:
            raise InputError(f"{self.name}: there is no case {case}.")
        return str(found)

    def _known_or_new(self, table: sa.Table, key: dict[str, Any], rest: dict[str, Any]) -> int:
        query = sa.select(table.c.id).where(*(table.c[name] == value for name, value in key.items()))
        with plainly(self._engine.url):
            for _ in range(2):
                with self._reading.connect() as connection:
                    if (found := connection.scalar(query)) is not None:
                        return int(found)
                try:
                    with self._engine.begin() as connection:
                        made = connection.execute(table.insert().values(**key, **rest))
                        assert made.inserted_primary_key is not None
                        return int(made.inserted_primary_key[0])
                except IntegrityError:  # another program was faster
                    continue
        raise InputError(f"{self.name}: {table.name} {key} cannot be kept.")

    # -- sessions -----------------------------------------------------------------------------

    def open_session(
        self, project: int, annotator: int, kind: str, tasks: Sequence[NewTask], settings: Mapping[str, Any]
    ) -> str:
        """Begin a session; gives its id. The order of the tasks is the order in which they are shown."""
        if kind not in schema.KINDS:
            raise InputError(f"A session is of kind {', '.join(schema.KINDS)}, not {kind!r}.")
        if not tasks:
            raise InputError("There is nothing to look at: a session needs at least one task.")
        session = uuid.uuid4().hex
        row = {
            "id": session,
            "project_id": project,
            "annotator_id": annotator,
            "kind": kind,
            "settings": dict(settings),
            "opened": _now(),
        }
        with plainly(self._engine.url), self._engine.begin() as connection:
            connection.execute(schema.sessions.insert().values(**row))
            rows = [task_row(session, i, task) for i, task in enumerate(tasks)]
            connection.execute(schema.tasks.insert(), rows)
            opened = {"session": digest_of(connection, session), "tasks": len(tasks)}
            self._append(connection, session, "opened", None, opened, None)
        return session

    def sessions(self) -> list[Session]:
        """All sessions, the latest first."""
        return self._sessions()

    def session(self, id: str) -> Session:
        """One session by its id."""
        for found in self._sessions(schema.sessions.c.id == id):
            return found
        raise InputError(f"{self.name}: there is no session {id}.")

    def _sessions(self, *which: sa.ColumnElement[bool]) -> list[Session]:
        with self.reading() as connection:
            return sessions_in(connection, *which)

    def pace(self, annotator: str) -> Pace:
        """How fast somebody reads, from all their verdicts here."""
        v, t, s, a = schema.verdicts, schema.tasks, schema.sessions, schema.annotators
        query = (
            sa.select(t.c.volume_mm3, v.c.seconds)
            .join(t, v.c.task_id == t.c.id)
            .join(s, v.c.session_id == s.c.id)
            .join(a, s.c.annotator_id == a.c.id)
            .where(a.c.name == _name(annotator), v.c.seconds.is_not(None), t.c.volume_mm3.is_not(None))
            .order_by(s.c.opened.desc(), v.c.number.desc())
            .limit(_RECENT)
        )
        with plainly(self._engine.url), self._reading.connect() as connection:
            known = [tuple(row) for row in connection.execute(query)]
        rows = np.array([r for r in known if all(isinstance(x, int | float) for x in r)], float).reshape(
            -1, 2
        )
        return learn(rows[:, 0], rows[:, 1])

    def tasks(self, session: str) -> list[Task]:
        """The tasks of a session, in their order."""
        t = schema.tasks
        query = sa.select(t).where(t.c.session_id == session).order_by(t.c.position)
        with plainly(self._engine.url), self._reading.connect() as connection:
            return [task_of(dict(row)) for row in connection.execute(query).mappings()]

    def add_task(self, session: str, task: NewTask, *, after: int | None = None) -> Task:
        """Add what came up later to the end of a session; an entry says so. ``after`` as for `record`."""
        t = schema.tasks
        with plainly(self._engine.url), self._engine.begin() as connection:
            said = {"target": task.target, "label": task.label, "voxel": list(task.voxel)}
            self._append(connection, session, "added", None, said, after)
            query = sa.select(sa.func.max(t.c.position)).where(t.c.session_id == session)
            row = task_row(session, int(connection.scalar(query) or 0) + 1, task)
            made = connection.execute(t.insert().values(**row)).inserted_primary_key
            assert made is not None
            return task_of({**row, "id": int(made[0])})

    # -- the journal --------------------------------------------------------------------------

    def record(
        self,
        session: str,
        kind: str,
        task: int | None = None,
        content: Mapping[str, Any] | None = None,
        *,
        after: int | None = None,
    ) -> Entry:
        """Write an entry; it is on disk when this returns.

        Parameters
        ----------
        session
            Which session's.
        kind
            ``"verdict"``, ``"undo"``, ``"redo"``, ``"shown"``, ``"comment"``, ``"closed"``; see `standing`.
        task
            Of this session, where the entry is about one.
        content
            What JSON can hold.
        after
            Number of the last entry that the caller knows. If there are others since, another window has
            gone on with the session, and nothing is written.
        """
        with plainly(self._engine.url), self._engine.begin() as connection:
            return self._append(connection, session, kind, task, content or {}, after)

    def entries(self, session: str) -> list[Entry]:
        """The journal of a session."""
        with plainly(self._engine.url), self._reading.connect() as connection:
            return [entry for entry, _ in self._read(connection, session)]

    def verdicts(self, session: str) -> dict[int, Standing]:
        """What stands at present, by task."""
        return standing(self.entries(session))

    def verify(self, session: str | None = None) -> dict[str, str]:
        """Check that nothing was changed after it was written.

        Parameters
        ----------
        session
            One session, or all.

        Returns
        -------
        Per session what is wrong with it, in a sentence; empty where nothing is.
        """
        wanted = [s.id for s in self.sessions()] if session is None else [self.session(session).id]
        return {id: self._fault(id) for id in wanted}

    def head(self, session: str) -> str:
        """Hash of a session's last entry: kept elsewhere, it proves that the journal was not cut short."""
        entries = self.entries(session)
        return entries[-1].hash if entries else GENESIS

    def _fault(self, session: str) -> str:
        with plainly(self._engine.url), self._reading.connect() as connection:
            chain = self._read(connection, session)
            query = sa.select(schema.verdicts).where(schema.verdicts.c.session_id == session)
            kept = {row["task_id"]: dict(row) for row in connection.execute(query).mappings()}
            if not chain:
                return f"Session {session} has no entry: its journal was taken away."
            if fault := first_fault(chain):
                return fault
            if not is_as_opened(connection, session, [entry for entry, _ in chain]):
                return f"Session {session} was changed after it was opened: its annotator, tasks or settings."
        found = standing(entry for entry, _ in chain)
        if kept != {task: verdict_row(session, task, verdict) for task, verdict in found.items()}:
            return f"The verdicts of session {session} are not those of its journal."
        for entry, _ in chain:
            if mask := entry.values.get("mask"):
                try:
                    self.masks.read(mask)
                except InputError as error:
                    return str(error)
        return ""

    def _append(
        self,
        connection: Connection,
        session: str,
        kind: str,
        task: int | None,
        content: Mapping[str, Any],
        after: int | None,
    ) -> Entry:
        # Whoever holds the session's row writes the next entry.
        s, e = schema.sessions, schema.entries
        held = connection.execute(sa.select(s.c.closed).where(s.c.id == session).with_for_update()).first()
        if held is None:
            raise InputError(f"{self.name}: there is no session {session}.")
        if held.closed is not None:
            raise InputError("This session is closed; open a new one.")
        last_query = (
            sa.select(e.c.number, e.c.hash).where(e.c.session_id == session).order_by(e.c.number.desc())
        )
        last = connection.execute(last_query.limit(1)).first()
        number, previous = (0, GENESIS) if last is None else (int(last.number), str(last.hash))
        if after is not None and after != number:
            raise InputError(
                "This session went on in another window; open it again here to see what was done."
            )
        if task is not None:
            self._check_task(connection, session, task)
        try:
            entry = follow((number, previous), session, _now(), kind, task, content)
        except (TypeError, ValueError) as error:
            raise InputError(f"An entry holds what JSON can; this does not: {error}.") from error
        connection.execute(e.insert().values(**entry_row(entry)))
        if kind == "closed":
            connection.execute(s.update().where(s.c.id == session).values(closed=entry.at))
        if task is not None:
            self._update_verdict(connection, session, task)
        return entry

    def _check_task(self, connection: Connection, session: str, task: int) -> None:
        t = schema.tasks
        query = sa.select(t.c.id).where(t.c.id == task, t.c.session_id == session)
        if connection.scalar(query) is None:
            raise InputError(f"{self.name}: session {session} has no task {task}.")

    def _update_verdict(self, connection: Connection, session: str, task: int) -> None:
        entries = [entry for entry, _ in self._read(connection, session, task)]
        v = schema.verdicts
        connection.execute(v.delete().where(v.c.task_id == task))
        if (found := standing(entries).get(task)) is not None:
            connection.execute(v.insert().values(**verdict_row(session, task, found)))

    def _read(self, connection: Connection, session: str, task: int | None = None) -> list[tuple[Entry, str]]:
        e = schema.entries
        query = sa.select(e).where(e.c.session_id == session).order_by(e.c.number)
        if task is not None:
            query = query.where(e.c.task_id == task)
        found = connection.execute(query).mappings()
        return [(entry_of(dict(row)), row["hash"]) for row in found]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def sessions_in(connection: Connection, *which: sa.ColumnElement[bool]) -> list[Session]:
    """Sessions, all or some, the latest first."""
    s, p, a = schema.sessions, schema.projects, schema.annotators
    query = (
        sa.select(s.c.id, p.c.name, a.c.name, s.c.kind, s.c.settings, s.c.opened, s.c.closed)
        .join(p, s.c.project_id == p.c.id)
        .join(a, s.c.annotator_id == a.c.id)
        .where(*which)
        .order_by(s.c.opened.desc(), s.c.id)
    )
    return [session_of(row) for row in connection.execute(query)]


def _name(text: str) -> str:
    found = " ".join(text.split())
    if not found or len(found) > 200:
        raise InputError("A name has from 1 to 200 characters.")
    return found
