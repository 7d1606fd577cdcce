"""A file of sessions as it is now, in memory: to look at it changes nothing, in it or beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

_TRIES = 5
_MODE, _NO_LOG = slice(18, 20), b"\x01\x01"
"""Where a file says that it has a log beside it, and what says that it has none: in memory there is none."""


def snapshot(path: Path) -> bytes:
    """What a SQLite file holds at one moment, with what is not folded into it yet.

    Raises
    ------
    sqlite3.Error
        If it cannot be read, or is none.
    OSError
        Likewise.
    """
    for _ in range(_TRIES):
        before = _state(path)
        content = _read(path)
        if _state(path) == before or _beside(path, "-shm").exists():
            return content
    raise sqlite3.OperationalError("database is locked")


def _read(path: Path) -> bytes:
    """By SQLite's rules where the file is open somewhere, else without a lock, which would leave a trace."""
    if _beside(path, "-shm").exists():
        return _copied(path, "mode=ro")
    beside = [_beside(path, ending) for ending in ("-wal", "-journal")]
    if not any(file.exists() and file.stat().st_size for file in beside):
        return _copied(path, "mode=ro&immutable=1")
    with tempfile.TemporaryDirectory() as folder:  # it was not closed: SQLite would mend the file itself
        for file in (path, *beside):
            if file.exists():
                shutil.copyfile(file, Path(folder) / file.name)
        return _copied(Path(folder) / path.name, "mode=rw")


def _copied(path: Path, how: str) -> bytes:
    source = sqlite3.connect(f"{path.as_uri()}?{how}", uri=True)
    target = sqlite3.connect(":memory:")
    try:
        source.backup(target)
        content = bytearray(target.serialize())
        content[_MODE] = _NO_LOG[: len(content[_MODE])]
        return bytes(content)
    finally:
        source.close()
        target.close()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _state(path: Path) -> list[tuple[int, int] | None]:
    files = (path, _beside(path, "-wal"), _beside(path, "-journal"))
    return [(s.st_mtime_ns, s.st_size) if (s := _stat(file)) else None for file in files]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
