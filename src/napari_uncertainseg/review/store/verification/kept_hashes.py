"""Last hashes of journals, as a table that is kept elsewhere, and what is no longer as it says.

A chain of hashes shows every change but one: that somebody wrote all of it anew, cut off its end, or took the
whole session away. Only what was kept elsewhere shows that.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.review.database.allowed_content import Unreadable, is_sha256
from napari_uncertainseg.review.store.store import Store

_COLUMNS = ["session", "entries", "last_hash"]
_MOST_DIGITS = 18


def hashes_file(exported: Path) -> Path:
    """Where the hashes go that belong to an exported table.

    Raises
    ------
    InputError
        If a file is there that is no table of hashes: it is somebody's, and would be replaced.
    """
    path = exported.with_name(f"{exported.stem}.hashes.tsv")
    if path.exists():
        try:
            _read(path)
        except InputError as error:
            raise InputError(
                f"{path} would be replaced by the last hashes of this export, and holds something else; "
                "move it away or choose another name."
            ) from error
    return path


def hashes(store: Store) -> pd.DataFrame:
    """The last hash of each journal that can be read, and how many entries it had then."""
    rows = []
    for session in reversed(store.readable()[0]):
        if entries := store.entries(session.id):
            rows.append((session.id, len(entries), entries[-1].hash))
    return pd.DataFrame(rows, columns=_COLUMNS)


def not_as_kept(store: Store, path: Path, session_id: str | None = None) -> list[str]:
    """What differs from a table of hashes, in sentences; later entries of a session are no difference.

    Parameters
    ----------
    store
        Of the sessions.
    path
        The table, as `hashes` made it.
    session_id
        One session only.

    Raises
    ------
    InputError
        If the table cannot be read or is another one.
    """
    kept = [row for row in _read(path) if session_id in (None, row[0])]
    if session_id is not None and not kept:
        return [f"{path.name} says nothing of session {session_id}."]
    return [
        f"Session {session_id} is not the one of {path.name}: its journal was rewritten, cut, or taken away."
        for session_id, number, last in kept
        if _hash_at(store, session_id, number) != last
    ]


def _hash_at(store: Store, session_id: str, number: int) -> str:
    try:
        return next((entry.hash for entry in store.entries(session_id) if entry.number == number), "")
    except Unreadable:
        return ""


def _read(path: Path) -> list[tuple[str, int, str]]:
    try:
        table = read_tsv(path, texts=True)
    except InputError as error:
        raise InputError(f"{path} is no table of hashes; name the one beside an export. {error}") from error
    table = table[(table != "").any(axis=1)]  # but for blank lines
    if list(table.columns) != _COLUMNS or not all(
        number.isdecimal() and len(number) <= _MOST_DIGITS and is_sha256(last)
        for number, last in zip(table.entries, table.last_hash, strict=True)
    ):
        raise InputError(f"{path} is no table of hashes; name the one beside an export.")
    return [(session_id, int(number), last) for session_id, number, last in table.itertuples(index=False)]
