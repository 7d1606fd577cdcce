"""``uncertainseg session`` on files that are sound, and on one that is not."""

from __future__ import annotations

import json
import sqlite3

import pandas as pd
import pytest

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


def test_verdicts_are_shared_with_names_and_without(store, path, tmp_path, capsys):
    first, second = fill(store), fill(store, annotator="Dr Who")
    task, other = store.tasks(first)[1], store.tasks(second)[0]
    store.record(first, "verdict", task.id, {"decision": "rejected", "seconds": 2.5, "comment": "Mr Smith"})
    store.record(second, "verdict", other.id, {"decision": "accepted"})
    out, journal = tmp_path / "verdicts.tsv", tmp_path / "journal.json"
    assert main(["session", "export", str(path), "--out", str(out), "--json", str(journal)]) == 0
    assert "10 tasks, 2 with a verdict" in capsys.readouterr().out
    table = pd.read_csv(out, sep="\t")
    judged = table[table["decision"].notna()]
    assert judged["annotator"].tolist() == ["reader", "Dr Who"]
    assert judged["model_wrong"].tolist() == [True, False] and judged["comment"].tolist()[0] == "Mr Smith"
    said = json.loads(journal.read_text())["sessions"]
    assert {s["id"] for s in said} == {first, second} and all(s["fault"] == "" for s in said)
    assert said[0]["journal"][-1]["hash"] == said[0]["head"]

    assert main(["session", "export", str(path), "--out", str(out), "--without-names"]) == 0
    text = out.read_text()
    assert "annotator 1" in text and "annotator 2" in text and "case 1" in text
    assert not any(name in text for name in ("Who", "Smith", "reader", "patient07"))
    command = ["session", "export", str(path), "--out", str(out), "--without-names", "--json", str(journal)]
    assert main(command) == 2


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


@pytest.mark.parametrize("content", ["{broken", "[1]", "null"])
def test_an_entry_that_is_no_json_is_said_everywhere(store, path, tmp_path, capsys, content):

    session = fill(store)
    store.record(session, "verdict", store.tasks(session)[0].id, {"decision": "accepted"})
    connection = sqlite3.connect(path)
    connection.execute("UPDATE entry SET content = ? WHERE number = 2", (content,))
    connection.commit()
    connection.close()
    for command in (["list"], ["export", "--out", str(tmp_path / "x.tsv")], ["verify"]):
        assert main(["session", command[0], str(path), *command[1:]]) == 2
        assert session in capsys.readouterr().err
