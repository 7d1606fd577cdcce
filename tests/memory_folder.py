"""Where tests write: in memory, where the system has a folder for that, as nobody reads it after the run.

A database waits for the disk with each change that it keeps, 18 ms on a virtual disk, and tests keep
thousands. In memory they do all the same, and wait for nothing.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
"""A file system in memory, on Linux."""
FREE = 4 * 2**30
"""Bytes that have to be free there; a whole run writes a fourth of it."""
_NAME = "unseg-"
"""Short, as menus and tables leave out the middle of a long path."""


def folder_for(process: int, memory: Path = MEMORY) -> Path:
    """A new folder for a process, which goes with it; on the disk where memory is short."""
    fits = _serves(memory)
    if fits:
        _clear(memory)
    made = Path(tempfile.mkdtemp(prefix=f"{_NAME}{process}-", dir=memory if fits else None))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _serves(memory: Path) -> bool:
    """Whether there is room, and programs that tests write may run from there."""
    if not hasattr(os, "statvfs") or not memory.is_dir() or not os.access(memory, os.W_OK):
        return False
    found = os.statvfs(memory)
    return found.f_bavail * found.f_frsize >= FREE and not found.f_flag & getattr(os, "ST_NOEXEC", 0)


def _clear(memory: Path) -> None:
    """Give back the memory of runs that were killed."""
    for left in memory.glob(f"{_NAME}*"):
        process = left.name.removeprefix(_NAME).partition("-")[0]
        if process.isdigit() and not Path("/proc", process).exists() and left.stat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)
