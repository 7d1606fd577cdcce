"""No password that a user typed is told again, and a full disk is called one."""

from __future__ import annotations

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from sqlalchemy.engine import make_url

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.review.database import connection as database
from napari_uncertainseg.review.database.passwords import check_target, has_password, masked, without_secrets
from napari_uncertainseg.review.store.store import Store

SECRET = "hunter2"
MISTYPED = [
    "postgresql:/r:hunter2@h/d",
    "postgresql:r:hunter2@h/d",
    "postgres:/r:hunter2@h/d",
    "postgresql//r:hunter2@h/d",
    "//r:hunter2@h/d",
    "r:hunter2@h/d",
    "host=h user=r password=hunter2",
    "host=h user=r password='hunter2 x'",
    " dbname = d  password = hunter2 ",
    "sslpassword=hunter2",
    "postgresql+psycopg:/r:hunter2@h/d",
    "jdbc:postgresql:/h/d?password=hunter2",
]
URLS = [
    "postgres://r:hunter2@h/d",
    "postgresql://r:hunter2@h:1/d",
    "postgresql://r:hunter2@127.0.0.1:1/d",
    "postgresql://r@127.0.0.1:1/d?sslpassword=hunter2",
    "postgresql://r@127.0.0.1:1/d?options=-c%20hunter2%3D1",
    "postgresql://r%3Ahunter2@127.0.0.1:1/d",
    "postgresql://127.0.0.1:1/d?password=hunter2",
    "postgresql://r:hunter2@[::1/d",
    "postgresql://r:hunter2@127.0.0.1:port/d",
    "postgresql://r@127.0.0.1:1/d?connect_timeout=hunter2",
    "postgresql://r@127.0.0.1:1/d?hunter2=1",
    "jdbc:postgresql://h/d?password=hunter2",
]


@pytest.mark.parametrize("url", [*MISTYPED, *URLS])
@pytest.mark.parametrize("action", ["list", "verify", "migrate", "export"])
def test_the_command_tells_no_password(url, action, tmp_path, capsys, monkeypatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr(database, "_PATIENCE_S", 2)
    monkeypatch.chdir(tmp_path)
    line = ["session", action, url]
    line += ["--masks", str(tmp_path)] if action != "migrate" else []
    line += ["--out", "t.tsv"] if action == "export" else []
    assert main(line) == 2
    told = "".join(capsys.readouterr())
    assert SECRET not in told and told.count("\n") == 1
    assert told.count("list of processes") == has_password(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", MISTYPED)
def test_what_was_meant_to_be_a_server_is_no_file(url, tmp_path) -> None:
    with pytest.raises(InputError, match="no database URL") as said:
        check_target(url)
    assert SECRET not in str(said.value)
    with pytest.raises(InputError):
        Store(url, tmp_path)


@pytest.mark.parametrize(
    "name", ["a.db", "C:/Users/x/a.db", r"C:\x\a.db", "/data/me@site/a.db", "user.db", "x?#%.db"]
)
def test_files_are_files(name) -> None:
    check_target(name)
    assert not has_password(name)


def test_a_file_that_is_there_is_taken_whatever_its_name(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b@c").touch()
    check_target("a:b@c")


def test_what_is_shown_has_neither_password_nor_options() -> None:
    url = make_url(
        "postgresql://r%3Ahunter2:hunter2@h/d?sslpassword=hunter2&options=hunter2&application_name=x"
    )
    assert without_secrets(url) == "postgresql://r:***@h/d"
    text = "bad option hunter2, hunter%202, hunter+2"
    url = make_url("postgresql://r:hunter%202@h/d?options=hunter2")
    assert masked(text, url) == "bad option ***, ***, ***"


def test_a_password_is_warned_about_once(capsys, monkeypatch) -> None:
    engine = SimpleNamespace(url=make_url("postgresql://r:hunter2@h/d"), dispose=lambda: None)
    monkeypatch.setattr(database, "connect", lambda *_, **__: engine)
    assert main(["session", "migrate", "postgresql://r:hunter2@h/d"]) == 0
    out, error = capsys.readouterr()
    assert error.count("\n") == 1 and "~/.pgpass or in PGPASSWORD" in error and SECRET not in out + error
    assert main(["session", "migrate", "postgresql://r@h/d"]) == 0
    assert capsys.readouterr().err == ""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB, or where none can be mounted, a skip."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=400k", "none", folder]).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder) -> None:
    descriptor = os.open(folder / "fill", os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(descriptor, bytes(512))
    except OSError:
        os.close(descriptor)


@pytest.mark.parametrize("command", ["export", "report"])
@pytest.mark.parametrize("where", ["database", "output"])
def test_a_full_disk_is_called_full(small_disk, tmp_path, command, where, capsys) -> None:
    home, out = (small_disk, tmp_path) if where == "database" else (tmp_path, small_disk)
    Store(home / "s.db").close()
    fill(small_disk)
    ending = {"export": "tsv", "report": "html"}[command]
    status = main(["session", command, str(home / "s.db"), "--out", str(out / f"o.{ending}")])
    error = capsys.readouterr().err
    if where == "output" or status:  # a file that is only read needs no space
        assert status == 2 and error.count("\n") == 1 and "share" not in error
        assert "disk is full" in error or "No space left" in error
        assert not list(out.glob("*o.*"))


def test_a_disk_that_does_not_answer_is_called_that(tmp_path) -> None:
    url = make_url(f"sqlite:///{tmp_path / 's.db'}")
    assert "does not answer" in database._why_no_disk(url)
