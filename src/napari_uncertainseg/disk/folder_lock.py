"""One run at a time into a folder, and no rest of a run that was killed."""

from __future__ import annotations

import glob
import json
import os
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.result_folder import SUMMARY

LOCK = ".uncertainseg.lock"
_DRIFT_S = 60.0
"""By which the beginning of a process seems to move when the clock is set."""
_OLD_S = 3600.0
"""After which a hidden folder that does not say whose it is counts as left behind."""
_YOUNG_S = 10.0
"""A lock that is still empty is being written; after this many seconds its writer was killed."""


@dataclass(frozen=True)
class Claim:
    """A folder that this run alone writes into, until it lets go."""

    folder: Path


@contextmanager
def claimed(folder: Path) -> Iterator[Claim]:
    """Keep other runs out of a folder. It is made where it is not there, and goes if it stays empty.

    Raises
    ------
    InputError
        If another run has it, or it cannot be written.
    """
    folder = folder.absolute()
    made = False
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir()
            made = True
        mine = _take(folder / LOCK)
    except OSError as error:
        _leave(folder, made)
        raise InputError(f"{folder}: nothing can be written there {why_not(error)}.") from error
    try:
        _clear(folder)
        yield Claim(folder)
    finally:
        with suppress(OSError):
            if said_by_lock(folder) == mine:  # after the clock was set, another may have taken us for dead
                (folder / LOCK).unlink()
        _leave(folder, made)


def said_by_lock(folder: Path) -> str:
    """What the lock in a folder says, which no other lock says: it tells one run from another.

    Not its time, which file systems round, and other computers may see rounded in another way.

    Raises
    ------
    OSError
        If there is none.
    """
    return (folder / LOCK).read_text(encoding="utf-8", errors="replace")


def is_claimed(folder: Path) -> bool:
    """Whether a run has a folder, as far as can be told: of one on another computer, its lock is believed."""
    try:
        host, process, began = _owner((folder / LOCK).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return False
    except (ValueError, KeyError, TypeError, OverflowError):
        return True  # it is being written
    return host != platform.node() or _lives(process, began)


def _owner(lock: str) -> tuple[str, int, float]:
    """Whose lock it is: host, process, and when that began, by the text of the lock."""
    owner = json.loads(lock)
    return str(owner["host"]), int(owner["process"]), float(owner["began"])


def is_of_runs(path: Path) -> bool:
    """Whether a file or folder is the lock of a run, or its hidden folder."""
    return path.name == LOCK or (path.name.startswith(".") and path.name.endswith(".partial"))


def partial_folder(folder: Path) -> Path:
    """A new hidden folder within a claimed one, to write into before all is moved."""
    path = folder / f".{secrets.token_hex(4)}.partial"
    path.mkdir()
    return path


def partial_prefix(path: Path) -> str:
    """How the hidden file begins that is written before it takes the place of a file: it tells whose."""
    return f".{path.name[:100]}.{os.getpid()}@{platform.node()[:50]}."


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A hidden folder beside a place, for what is moved there once it is whole; gone afterwards.

    Parameters
    ----------
    path
        Its folder must be there.
    """
    clear_partials(path)
    scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=partial_prefix(path)))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def clear_partials(path: Path) -> None:
    """Take away what killed runs on this computer left, hidden, where they were writing this place."""
    begin = f".{path.name[:100]}."
    for rest in path.parent.glob(f"{glob.escape(begin)}*"):
        process, _, host = rest.name.removeprefix(begin).partition("@")
        here = host.startswith(f"{platform.node()[:50]}.")
        if process.isdigit() and here and not psutil.pid_exists(int(process)):
            _remove(rest)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _leave(folder: Path, made: bool) -> None:
    if made:
        with suppress(OSError):  # it holds results now
            folder.rmdir()


def _take(lock: Path) -> str:
    me = json.dumps(_me())
    for _ in range(3):
        try:
            descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            _clear_dead(lock)
            continue
        try:
            os.write(descriptor, me.encode())
        finally:
            os.close(descriptor)
        return me
    raise InputError(f"{lock.parent}: another run is writing there; wait until it has ended.")


def _me() -> dict[str, Any]:
    began = psutil.Process().create_time()
    return {"host": platform.node(), "process": os.getpid(), "began": began, "run": secrets.token_hex(8)}


def _clear_dead(lock: Path) -> None:
    """Take away the lock of a run that is no more.

    Raises
    ------
    InputError
        If that run is not finished, or cannot be asked.
    """
    try:
        state, text = lock.stat(), lock.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    try:
        host, process, began = _owner(text)
    except (ValueError, KeyError, TypeError, OverflowError):
        if time.time() - state.st_mtime < _YOUNG_S:
            raise InputError(f"{lock.parent}: another run begins to write there; try again.") from None
        _take_away(lock, state)
        return
    if host != platform.node():
        raise InputError(
            f"{lock.parent}: a run on {host} writes there; if that run is no more, delete {lock}."
        )
    if _lives(process, began):
        raise InputError(
            f"{lock.parent}: another run (process {process}) writes there; wait until it has ended."
        )
    _take_away(lock, state)


def _take_away(lock: Path, state: os.stat_result) -> None:
    """Take a dead lock away: of two that find it dead, the slower one finds the other's new lock there."""
    aside = lock.with_name(f".{secrets.token_hex(4)}.partial")
    with suppress(FileNotFoundError):
        lock.rename(aside)
        found = aside.stat()
        if (found.st_ino, found.st_mtime_ns) == (state.st_ino, state.st_mtime_ns):
            aside.unlink()
        else:
            aside.rename(lock)


def _lives(process: int, began: float) -> bool:
    """Whether a process is still the one that began then: numbers are used again."""
    try:
        return abs(psutil.Process(process).create_time() - began) < _DRIFT_S
    except (psutil.Error, ValueError, OverflowError):
        return False


def _clear(folder: Path) -> None:
    """Take away what killed runs left; what they were moving stays, with its hashes, until it is replaced."""
    for path in folder.glob(".*.partial"):
        if not (path / SUMMARY).is_file():
            _remove(path)
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):  # of version 0.1.0
        if time.time() - path.stat().st_mtime > _OLD_S:
            _remove(path)
