"""Entries on their way into the database: one after the other, and one window at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.checked_writes import insert, replace, update
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.journal import GENESIS, Entry, append_entry
from napari_uncertainseg.review.store.queries import chain_of, has_task
from napari_uncertainseg.review.store.records import entry_of, entry_row, verdict_row


class JournalWriter:
    """Writes into the journal of one session; nobody else can until the transaction ends.

    Parameters
    ----------
    connection
        In a transaction.
    store
        What the store is called, for sentences.
    session_id
        Whose journal.
    after
        Number of the last entry that the caller knows, if it knows one.

    Raises
    ------
    InputError
        If there is no such session, it is closed, or there are later entries than the caller knows: another
        window has resumed it.
    """

    def __init__(
        self, connection: Connection, store: str, session_id: str, *, after: int | None = None
    ) -> None:
        self._connection, self._store, self._session = connection, store, session_id
        self._last = self._find_last()
        if after is not None and after != self._last[0]:
            raise InputError(
                "This session was continued in another window. Resume it here again to see what was done."
            )

    def _find_last(self) -> tuple[int, str]:
        """Number and hash of the last entry."""
        s, e, session = schema.sessions, schema.entries, self._session
        # Whoever holds the session's row writes the next entry.
        row = sa.select(s.c.closed).where(s.c.id == session).with_for_update()
        held = self._connection.execute(row).first()
        if held is None:
            raise InputError(f"{self._store}: there is no session {session}.")
        if held.closed is not None:
            raise InputError("This session is closed; open a new one.")
        query = sa.select(e).where(e.c.session_id == session).order_by(e.c.number.desc()).limit(1)
        last = self._connection.execute(query).mappings().first()
        return (0, GENESIS) if last is None else (entry_of(last).number, str(last["hash"]))

    def append(self, kind: str, task: int | None, content: Mapping[str, Any]) -> Entry:
        """Write an entry, and what follows from it in the tables; parameters as for `Store.record`."""
        if task is not None and not has_task(self._connection, self._session, task):
            raise InputError(f"{self._store}: session {self._session} has no task {task}.")
        entry = append_entry(self._last, self._session, moment(), kind, task, content)
        entry.details  # noqa: B018 - reading it checks it: nothing is written that could not be read
        insert(self._connection, schema.entries, entry_row(entry))
        if kind == "closed":
            update(self._connection, schema.sessions, [self._session], {"closed": entry.at})
        if task is not None:
            self._update_verdict(task)
        self._last = entry.number, entry.hash
        return entry

    def _update_verdict(self, task: int) -> None:
        chain = chain_of(self._connection, self._session, task)
        found = current_verdicts(entry for entry, _ in chain).get(task)
        row = None if found is None else verdict_row(self._session, task, found)
        replace(self._connection, schema.verdicts, [task], row)


def moment() -> str:
    """Now, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
