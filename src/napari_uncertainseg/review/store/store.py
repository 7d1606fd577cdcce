"""Sessions that lose nothing: projects, cases, annotators, tasks, verdicts, and a journal of it all.

What is confirmed is on disk: `Store.record` returns when the database has committed, and masks are
written before the entry that names them. The journal is the truth; the table of verdicts is what it
amounts to at present, changed in the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import (
    Unreadable,
    is_plain,
    is_sha256,
    made_plain,
    shown_id,
)
from napari_uncertainseg.review.database.checked_writes import insert, insert_all
from napari_uncertainseg.review.database.connection import (
    connect,
    database_errors_as_input_errors,
    display_name,
    home_of,
)
from napari_uncertainseg.review.database.readings import Readings
from napari_uncertainseg.review.store.case_names import free_name, labels, name_of
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict, current_verdicts
from napari_uncertainseg.review.store.journal import GENESIS, Entry, NewEntry
from napari_uncertainseg.review.store.journal_writer import JournalWriter, moment
from napari_uncertainseg.review.store.masks import MaskStore
from napari_uncertainseg.review.store.queries import (
    chain_of,
    look_through,
    session_rows,
    sessions_in,
    tasks_query,
    times_of,
)
from napari_uncertainseg.review.store.reading_speed import ReadingSpeed, fit_reading_speed
from napari_uncertainseg.review.store.records import (
    NewTask,
    Session,
    Task,
    session_of,
    task_of,
    task_row,
)
from napari_uncertainseg.review.store.session_settings import settings_to_store
from napari_uncertainseg.review.store.verification.faults import fault_of
from napari_uncertainseg.review.store.verification.session_digest import (
    LEFT_OUT,
    is_covered,
    seal,
    seal_of_task,
)

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
    reading
        Whether it is only looked at: then nothing is made or changed, in the file or beside it.

    Raises
    ------
    InputError
        If they cannot be used. So do all methods where the database does not answer, and nothing is half
        done then.
    """

    def __init__(self, target: str | Path, masks: Path | None = None, *, reading: bool = False) -> None:
        if masks is None and "://" in str(target):
            raise InputError("With a database server, say in which folder the masks are kept.")
        self._engine = connect(target, reading=reading)
        self._readings = Readings(self._engine)
        self.name = display_name(self._engine.url)
        self.masks = MaskStore(home_of(target) / "masks" if masks is None else Path(masks))

    def close(self) -> None:
        """Let the database go. May be called twice."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that only reads one moment; what its thread reads meanwhile is of it, too."""
        return self._readings.open()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- what sessions are about --------------------------------------------------------------

    def project(self, name: str) -> int:
        """Number of a project, made when it is not there."""
        return self._known_or_new(schema.projects, {"name": name_of(name)}, lambda _: {"created": moment()})

    def annotator(self, name: str) -> int:
        """Number of an annotator, made when it is not there; a pseudonym will do."""
        return self._known_or_new(schema.annotators, {"name": name_of(name)}, lambda _: {"created": moment()})

    def case(self, project: int, name: str, folder: str, sha256: str | None = None) -> int:
        """Number of a case of a project, made when it is not there.

        Parameters
        ----------
        project
            Its number.
        name
            What it is called; a new one gets some of its hash behind the name where another case has it.
        folder
            Where its scans lie; that of a known case stays as it was first.
        sha256
            What it is, see `images.identity.case_sha256`. Without it, the name alone tells what is the same.
        """
        folder = made_plain(folder)
        if sha256 is None:
            key = {"project_id": project, "name": name_of(name)}
            return self._known_or_new(schema.cases, key, lambda _: {"folder": folder})
        if not is_sha256(sha256):
            raise InputError("A case is known by 64 hexadecimal digits.")
        key = {"project_id": project, "sha256": sha256}

        def rest(connection: Connection) -> dict[str, Any]:
            return {"name": free_name(connection, name, sha256), "folder": folder}

        return self._known_or_new(schema.cases, key, rest)

    def output(self, case: int, sha256: str, **about: Any) -> int:
        """Number of a model's output for a case, by its hash; ``about`` holds the table's other columns."""
        return self._known_or_new(schema.outputs, {"case_id": case, "sha256": sha256}, lambda _: about)

    def outputs(self, sha256: str) -> set[int]:
        """Numbers of the models' outputs with a hash, of whatever case."""
        query = sa.select(schema.outputs.c.id).where(schema.outputs.c.sha256 == sha256)
        with self.reading() as connection:
            return set(connection.scalars(query))

    def folder(self, case: int) -> str:
        """Where a case lies; empty where nobody knows."""
        query = sa.select(schema.cases.c.folder).where(schema.cases.c.id == case)
        with self.reading() as connection:
            found = connection.scalar(query)
        if found is None:
            raise Unreadable(f"{self.name}: there is no case {case}.")
        return found if is_plain(found) and "\0" not in found else ""

    def case_name(self, case: int) -> str:
        """What a case is called; no other of the store is."""
        if (found := self.case_names().get(case)) is None:
            raise InputError(f"{self.name}: there is no case {case}.")
        return found

    def case_names(self) -> Mapping[int, str]:
        """What all cases are called, by their numbers."""
        with self.reading() as connection:
            return labels(connection)

    def _known_or_new(
        self, table: sa.Table, key: dict[str, Any], rest: Callable[[Connection], Mapping[str, Any]]
    ) -> int:
        query = sa.select(table.c.id).where(*(table.c[name] == value for name, value in key.items()))
        with database_errors_as_input_errors(self._engine.url):
            for _ in range(2):
                with self.reading() as connection:
                    if (found := connection.scalar(query)) is not None:
                        return int(found)
                try:
                    with self._engine.begin() as connection:
                        return int(insert(connection, table, {**key, **rest(connection)}))
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
            "settings": settings_to_store(settings),
            "opened": moment(),
        }
        with database_errors_as_input_errors(self._engine.url), self._engine.begin() as connection:
            insert(connection, schema.sessions, row)
            rows = [task_row(session, i, task) for i, task in enumerate(tasks)]
            insert_all(connection, schema.tasks, rows, schema.tasks.c.session_id == session)
            opened = seal(connection, session, len(tasks))
            JournalWriter(connection, self.name, session).append("opened", None, opened)
        return session

    def sessions(self) -> list[Session]:
        """All sessions, the latest first, but for those whose own row cannot be read, see `readable`."""
        with self.reading() as connection:
            return sessions_in(connection)[0]

    def session(self, session_id: str) -> Session:
        """One session by its id."""
        with self.reading() as connection:
            for row in connection.execute(session_rows(schema.sessions.c.id == session_id)).mappings():
                return session_of(row)
        raise InputError(f"{self.name}: there is no session {session_id}.")

    def readable(self) -> tuple[list[Session], dict[str, str]]:
        """Sessions of which all can be read, the latest first; and of the others by id what cannot be."""
        with self.reading() as connection:
            sessions, odd = sessions_in(connection)
            for session in sessions:
                try:
                    look_through(connection, session.id)
                except Unreadable as error:
                    odd[session.id] = str(error)
        return [session for session in sessions if session.id not in odd], odd

    def reading_speed(self, annotator: str) -> ReadingSpeed:
        """How fast a reader is, from all their verdicts here."""
        with self.reading() as connection:
            return fit_reading_speed(*times_of(connection, name_of(annotator)))

    def tasks(self, session_id: str) -> list[Task]:
        """The tasks of a session, in their order."""
        with self.reading() as connection:
            return [task_of(row) for row in connection.execute(tasks_query(session_id)).mappings()]

    def add_task(self, session_id: str, task: NewTask, *, after: int | None = None) -> Task:
        """Add what came up later to the end of a session; an entry says so. ``after`` as for `record`."""
        t = schema.tasks
        with database_errors_as_input_errors(self._engine.url), self._engine.begin() as connection:
            journal = JournalWriter(connection, self.name, session_id, after=after)
            query = sa.select(sa.func.max(t.c.position)).where(t.c.session_id == session_id)
            row = task_row(session_id, int(connection.scalar(query) or 0) + 1, task)
            task_id = int(insert(connection, t, row))
            said = {"target": task.target, "label": row["label"], "voxel": list(map(int, task.voxel))}
            said["row"] = seal_of_task(connection, task_id)
            journal.append("added", None, said)
            return task_of({**row, "id": task_id})

    # -- the journal --------------------------------------------------------------------------

    def record(
        self,
        session_id: str,
        kind: str,
        task: int | None = None,
        content: Mapping[str, Any] | None = None,
        *,
        after: int | None = None,
    ) -> Entry:
        """Write an entry; it is on disk when this returns.

        Parameters
        ----------
        session_id
            Which session's.
        kind
            ``"verdict"``, ``"undo"``, ``"redo"``, ``"shown"``, ``"comment"``, ``"closed"``.
        task
            Of this session, where the entry is about one.
        content
            What JSON can hold.
        after
            Number of the last entry that the caller knows. If there are later ones, another window has
            resumed the session, and nothing is written.
        """
        return self.record_all(session_id, kind, [(task, content or {})], after=after)[0]

    def record_all(
        self, session_id: str, kind: str, new: Iterable[NewEntry], *, after: int | None = None
    ) -> list[Entry]:
        """Write entries of a kind, each on a task; all of them or none. As `record` otherwise."""
        with database_errors_as_input_errors(self._engine.url), self._engine.begin() as connection:
            journal = JournalWriter(connection, self.name, session_id, after=after)
            return [journal.append(kind, task, content) for task, content in new]

    def entries(self, session_id: str) -> list[Entry]:
        """The journal of a session."""
        with self.reading() as connection:
            return [entry for entry, _ in chain_of(connection, session_id)]

    def verdicts(self, session_id: str) -> dict[int, CurrentVerdict]:
        """The current verdicts, by task."""
        return current_verdicts(self.entries(session_id))

    def verify(self, session_id: str | None = None) -> dict[str, str]:
        """Check that nothing was changed after it was written.

        Parameters
        ----------
        session_id
            One session, or all.

        Returns
        -------
        Per session what is wrong with it, in a sentence; empty where nothing is.
        """
        with self.reading() as connection:
            if session_id is not None and session_id not in self.ids():
                raise InputError(f"{self.name}: there is no session {session_id}.")
            chosen = self.ids() if session_id is None else [session_id]
            return {each: fault_of(connection, each, self.masks) for each in chosen}

    def ids(self) -> list[str]:
        """Of all sessions, readable or not, the latest first; and of those of which only entries are left."""
        s, e = schema.sessions, schema.entries
        with self.reading() as connection:
            found = connection.scalars(sa.select(s.c.id).order_by(s.c.opened.desc(), s.c.id)).all()
            left = connection.scalars(sa.select(e.c.session_id).distinct().order_by(e.c.session_id)).all()
            return list(dict.fromkeys(map(shown_id, [*found, *left])))

    def not_covered(self, session_id: str) -> str:
        """What the chain of a session of an older version does not tell of; empty where it tells of all."""
        return "" if is_covered(self.entries(session_id)) else LEFT_OUT

    def head(self, session_id: str) -> str:
        """Hash of a session's last entry: kept elsewhere, it proves that the journal was not cut short."""
        entries = self.entries(session_id)
        return entries[-1].hash if entries else GENESIS
