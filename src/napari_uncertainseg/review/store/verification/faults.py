"""Whether a session is as it was written: its chain, its rows, its verdicts and its masks."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import Unreadable, is_id
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.entry_details import PaintedDetails, VerdictDetails
from napari_uncertainseg.review.store.journal import Entry, first_fault
from napari_uncertainseg.review.store.masks import MaskStore
from napari_uncertainseg.review.store.queries import chain_of, look_through, session_rows
from napari_uncertainseg.review.store.records import checked, session_of, verdict_row
from napari_uncertainseg.review.store.session_settings import settings_fault
from napari_uncertainseg.review.store.verification.session_digest import is_as_opened


def fault_of(connection: Connection, session_id: str, masks: MaskStore) -> str:
    """What is wrong with a session, in a sentence; empty where nothing is."""
    if not is_id(session_id):
        return (
            f"Session {session_id} has an id that this program does not write: somebody has changed the file."
        )
    try:
        return _fault(connection, session_id, masks)
    except Unreadable as error:
        return str(error)


def _fault(connection: Connection, session_id: str, masks: MaskStore) -> str:
    chain = chain_of(connection, session_id)
    if not chain:
        return f"Session {session_id} has no entry: its journal was taken away."
    if fault := first_fault(chain):
        return fault
    entries = [entry for entry, _ in chain]
    settings = ""
    for row in connection.execute(session_rows(schema.sessions.c.id == session_id)).mappings():
        settings = settings_fault(session_of(row).kind, row["settings"])
    look_through(connection, session_id)
    if not is_as_opened(connection, session_id, entries):
        return f"Session {session_id} was changed after it was opened: its annotator, tasks or settings."
    if settings:
        return f"Session {session_id} has settings that this program does not write: {settings}."
    if _verdicts(connection, session_id) != {
        task: verdict_row(session_id, task, verdict) for task, verdict in current_verdicts(entries).items()
    }:
        return f"The verdicts of session {session_id} are not those of its journal."
    return _fault_of_masks(entries, masks)


def _verdicts(connection: Connection, session_id: str) -> dict[int, dict[str, object]]:
    v = schema.verdicts
    query = sa.select(v).where(v.c.session_id == session_id)
    rows = connection.execute(query).mappings()
    return {row["task_id"]: dict(checked(v, row, f"A verdict of session {session_id}")) for row in rows}


def _fault_of_masks(entries: list[Entry], masks: MaskStore) -> str:
    for entry in entries:
        mask = entry.details.mask if isinstance(entry.details, VerdictDetails | PaintedDetails) else None
        if mask is not None:
            try:
                masks.read(mask)
            except InputError as error:
                return str(error)
    return ""
