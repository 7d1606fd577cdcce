"""One run at a time writes into a folder, and what killed runs left is cleared by the next."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk import folder_lock as claims
from napari_uncertainseg.disk.folder_lock import (
    LOCK,
    claimed,
    clear_partials,
    partial_folder,
    partial_prefix,
    scratch_beside,
)
from napari_uncertainseg.disk.replaced_file import replaced_file

HELD = """
import sys, time
from pathlib import Path
from napari_uncertainseg.disk.folder_lock import claimed, partial_folder, partial_prefix
from napari_uncertainseg.disk.replaced_file import replaced_file
folder = Path(sys.argv[1])
with claimed(folder), replaced_file(folder.parent / "t.json") as file:
    partial_folder(folder)
    file.write(b"half")
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path):
    """Another program that is writing into a folder."""
    process = subprocess.Popen([sys.executable, "-c", HELD, tmp_path / "o"], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_folder_is_of_one_run(tmp_path, other) -> None:
    with pytest.raises(InputError, match=rf"process {other.pid}\) writes there"), claimed(tmp_path / "o"):
        pass
    assert (tmp_path / "o" / LOCK).exists()


def test_what_a_killed_run_left_is_cleared(tmp_path, other) -> None:
    with replaced_file(tmp_path / "t.json") as file:
        file.write(b"{}")  # the other lives, and its file stays
    assert len(list(tmp_path.glob(".t.json.*"))) == 1
    other.kill()
    other.wait()
    assert len(list((tmp_path / "o").iterdir())) == 2  # the lock, and a hidden folder
    with claimed(tmp_path / "o"):
        assert [p.name for p in (tmp_path / "o").iterdir()] == [LOCK]
    assert list((tmp_path / "o").iterdir()) == []
    with replaced_file(tmp_path / "t.json") as file:
        file.write(b"{}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o", "t.json"]


def test_the_lock_of_another_run_is_left_alone(tmp_path) -> None:
    """Where the clock was set, a run that lives may be taken for dead, and its folder for free."""
    with claimed(tmp_path / "o"):
        (tmp_path / "o" / LOCK).write_text("of another run")
    assert (tmp_path / "o" / LOCK).read_text() == "of another run"


def test_within_one_program_too(tmp_path) -> None:
    with (
        claimed(tmp_path / "o"),
        pytest.raises(InputError, match="another run"),
        claimed(tmp_path / "x" / ".." / "o"),
    ):
        pass


def test_a_folder_that_was_made_for_nothing_goes(tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path / "a"):
        raise KeyboardInterrupt
    with claimed(tmp_path / "a") as claim:
        (claim.folder / "something").touch()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["something"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"host": 1}', '{"host": "h", "process": "x", "began": 1}', "\0" * 9, "9" * 400],
)
def test_a_lock_that_says_nothing_is_of_nobody(text, tmp_path) -> None:
    lock = tmp_path / LOCK
    lock.write_text(text)
    with pytest.raises(InputError, match="try again"), claimed(tmp_path):
        pass  # it may be half written
    os.utime(lock, (1, 1))
    with claimed(tmp_path):
        pass
    assert not lock.exists()


def test_a_number_that_another_process_has_now(tmp_path) -> None:
    began = psutil.Process().create_time()
    owner = {"host": platform.node(), "process": os.getpid(), "began": began - 5000}
    (tmp_path / LOCK).write_text(json.dumps(owner))
    with claimed(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", json.dumps({"host": platform.node(), "process": 1 << 30, "began": 1})])
def test_of_two_that_find_a_lock_dead_one_gets_it(text, tmp_path, monkeypatch) -> None:
    """The other clears the lock and takes the folder between this one's look at it and its clearing it."""
    lock = tmp_path / LOCK
    lock.write_text(text)
    os.utime(lock, (1, 1))
    look, others = json.loads, []

    def slow(read):
        if not others:
            others.append(claimed(tmp_path))
            others[0].__enter__()
        return look(read)

    monkeypatch.setattr(claims.json, "loads", slow)
    with pytest.raises(InputError, match="another run"), claimed(tmp_path):
        pass
    assert json.loads(lock.read_text())["process"] == os.getpid()
    others[0].__exit__(None, None, None)
    assert not list(tmp_path.iterdir())


def test_a_run_on_another_computer_is_named(tmp_path) -> None:
    (tmp_path / LOCK).write_text(json.dumps({"host": "elsewhere", "process": 1, "began": 0}))
    with pytest.raises(InputError, match=rf"elsewhere writes there.*delete .*{LOCK}"), claimed(tmp_path):
        pass


def test_files_of_others_are_not_taken_for_rests(tmp_path) -> None:
    path = tmp_path / "t.json"
    kept = [tmp_path / f".t.json.{tail}" for tail in ("mine", "12@elsewhere.x", "swp", "99999999")]
    for one in kept:
        one.touch()
    (tmp_path / f"{partial_prefix(path)}abc").touch()
    clear_partials(path)
    assert all(one.exists() for one in kept) and len(list(tmp_path.iterdir())) == len(kept) + 1


def test_hidden_folders_have_names_of_their_own(tmp_path) -> None:
    assert len({partial_folder(Path(tmp_path)) for _ in range(5)}) == 5


def test_scratch_folders_of_killed_runs_are_cleared_too(tmp_path, other) -> None:
    target = tmp_path / "model"
    dead = tmp_path / f".model.{other.pid}@{platform.node()[:50]}.abc"
    (dead / "inside").mkdir(parents=True)
    with scratch_beside(target) as scratch:
        assert scratch.is_dir() and dead.is_dir()
    other.kill()
    other.wait()
    with scratch_beside(target):
        assert not dead.exists()
    assert not list(tmp_path.glob(".model*"))


def test_what_version_0_1_0_left_beside_the_folder_goes_after_an_hour(tmp_path) -> None:
    old, young = tmp_path / ".o.0123abcd.partial", tmp_path / ".o.fedc4321.partial"
    for one in (old, young):
        one.mkdir()
    os.utime(old, (1, 1))
    with claimed(tmp_path / "o"):
        assert not old.exists() and young.exists()
