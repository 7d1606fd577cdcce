"""Tests write in memory where there is a place for it; what a killed run left there goes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from . import memory_folder
from .memory_folder import FREE, folder_for

pytestmark = pytest.mark.posix
Found = namedtuple("Found", "f_bavail f_frsize f_flag")


@pytest.fixture
def room(monkeypatch):
    """What a file system says of itself can be changed."""

    def of(free, flag=0):
        monkeypatch.setattr(memory_folder.os, "statvfs", lambda _: Found(free, 1, flag))

    of(FREE)
    return of


def test_in_memory_where_it_has_room(tmp_path, room):
    assert folder_for(1, tmp_path).parent == tmp_path


@pytest.mark.parametrize("found", [(FREE - 1, 0), (FREE, getattr(os, "ST_NOEXEC", 8))])
def test_on_the_disk_where_memory_is_short_or_runs_no_programs(tmp_path, room, found):
    room(*found)
    made = folder_for(1, tmp_path)
    assert made.is_dir() and made.parent != tmp_path
    assert folder_for(1, tmp_path / "none").is_dir()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs Linux's list of processes")
def test_what_a_killed_run_left_goes_and_nothing_else(tmp_path, room):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    others = ["unseg-abc-x", f"unseg-{os.getpid()}-x", f"other-{gone.pid}-x"]
    for name in (f"unseg-{gone.pid}-x", *others):
        (tmp_path / name).mkdir()
    made = folder_for(os.getpid(), tmp_path)
    assert sorted(x.name for x in tmp_path.iterdir()) == sorted([*others, made.name])
