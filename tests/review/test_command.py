"""``uncertainseg session`` on files that are sound, and on one that is not."""

from __future__ import annotations

import sqlite3

from napari_uncertainseg.cli import main

from .conftest import fill


def test_sessions_are_listed_and_verified(store, path, capsys):
    first, second = fill(store), fill(store, annotator="reader 2")
    task = store.tasks(first)[0]
    store.record(first, "verdict", task.id, {"decision": "accepted"})
    store.record(first, "closed")
    assert main(["session", "list", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(first in line and "1/5" in line and "closed" in line for line in lines)
    assert any(second in line and "reader 2" in line and "0/5" in line for line in lines)
    head = store.head(first)
    assert main(["session", "verify", str(path), "--head", head]) == 0
    assert head in capsys.readouterr().out
    assert main(["session", "verify", str(path), "--session", second, "--head", head]) == 2
    assert "No session ends with that hash" in capsys.readouterr().err


def test_what_was_changed_is_told_with_status_2(store, path, capsys):
    session = fill(store)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE entry SET at = 'yesterday'")
    connection.close()
    assert main(["session", "verify", str(path)]) == 2
    captured = capsys.readouterr()
    assert f"{session}  NOT SOUND" in captured.out and "was changed after it was written" in captured.err


def test_a_file_that_is_not_there_is_not_made(tmp_path, capsys):
    assert main(["session", "list", str(tmp_path / "none.db")]) == 2
    assert "is not there" in capsys.readouterr().err and not list(tmp_path.iterdir())
    (tmp_path / "text.db").write_text("text " * 500)
    assert main(["session", "verify", str(tmp_path / "text.db")]) == 2
    assert "not a database" in capsys.readouterr().err
