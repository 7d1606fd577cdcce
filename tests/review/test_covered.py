"""Every column that is shown is under the chain; sessions of the first version keep verifying."""

from __future__ import annotations

import hashlib
import sqlite3

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import create_engine

from napari_uncertainseg.cli import main
from napari_uncertainseg.review.database import connection as database
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.store.journal import GENESIS, canonical
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

from .conftest import fill

_COLUMNS = [(table.name, column.name) for table in schema.metadata.sorted_tables for column in table.columns]


@pytest.fixture
def rich(path):
    """The file of a store in which every column is filled; the id of its session."""
    with Store(path) as store:
        project = store.project("study")
        case = store.case(project, "sub-01", "/data/sub-01", "ab" * 32)
        about = {"model": "m", "model_sha256": "c" * 64, "method": "layers", "threshold": 0.4}
        output = store.output(case, "d" * 64, **about)
        added = NewTask(case, output, "lesion", 0, (7, 8, 9), 0.5, 0.6, 12.0)
        tasks = [NewTask(case, output, "lesion", 1, (1, 2, 3), 0.5, 0.6, 12.0)]
        session = store.open_session(project, store.annotator("reader"), "review", tasks, {"order": "doubt"})
        store.add_task(session, added)
        store.add_task(session, added)
        mask = store.masks.keep(np.ones((2, 2, 2), bool))
        for task in store.tasks(session):
            said = {"decision": "accepted", "confidence": 0.5, "seconds": 2.0, "comment": "c", "mask": mask}
            store.record(session, "verdict", task.id, said)
        store.record(session, "closed")
        assert store.verify() == {session: ""}
    return session


def change(path, statement, *values) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement, values).rowcount >= 1
    connection.close()


def _other(value):
    """A value of the same type that could as well stand there."""
    if value in ("review", "lesion"):  # the tables hold some words only
        return {"review": "qc", "lesion": "candidate"}[value]
    if value is None:
        return 1
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + 1 if isinstance(value, int) else value / 2


@pytest.mark.parametrize(("table", "column"), _COLUMNS)
def test_a_change_of_any_column_is_told(path, rich, table, column) -> None:
    connection = sqlite3.connect(path)
    rows = connection.execute(f'SELECT rowid, "{column}" FROM "{table}"').fetchall()
    connection.close()
    row, value = rows[-1]
    change(path, f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', _other(value), row)
    with Store(path, reading=True) as store:
        assert any(store.verify().values())


@pytest.mark.parametrize("column", ["id", "position"])
def test_two_added_tasks_that_change_places_are_told(path, rich, column) -> None:
    connection = sqlite3.connect(path)
    (a, first), (b, second) = connection.execute(f"SELECT rowid, {column} FROM task").fetchall()[1:]
    connection.execute(f"UPDATE task SET {column} = 99 WHERE rowid = ?", (a,))
    if column == "id":
        a = 99  # SQLite's row id is the column
    connection.execute(f"UPDATE task SET {column} = ? WHERE rowid = ?", (first, b))
    if column == "id":
        b = first
    connection.execute(f"UPDATE task SET {column} = ? WHERE rowid = ?", (second, a))
    connection.commit()
    connection.close()
    with Store(path, reading=True) as store:
        assert "changed after it was opened" in store.verify()[rich]


def test_what_no_session_reaches_may_change(path, rich) -> None:
    """A project, a person or a case that no session names is in no export and no report."""
    with Store(path) as store:
        store.case(store.project("other"), "nobody's", "x")
        store.annotator("nobody")
    change(path, "UPDATE annotator SET created = 'x' WHERE name = 'nobody'")
    change(path, "UPDATE project SET created = 'x' WHERE name = 'other'")
    change(path, "UPDATE \"case\" SET folder = 'y' WHERE folder = 'x'")
    with Store(path) as store:
        assert store.verify() == {rich: ""}


# -- what only a hash kept elsewhere shows ----------------------------------------------------------


def test_hashes_beside_an_export_show_what_was_cut_or_taken_away(store, path, tmp_path, capsys) -> None:
    first, second = fill(store), fill(store, annotator="other")
    for id in (first, second):
        store.record(id, "verdict", store.tasks(id)[0].id, {"decision": "accepted"})
    assert main(["session", "export", str(path), "--out", str(tmp_path / "v.tsv")]) == 0
    kept = tmp_path / "v.hashes.tsv"
    assert store.head(first) in kept.read_text() and str(kept) in capsys.readouterr().out
    store.record(first, "verdict", store.tasks(first)[1].id, {"decision": "rejected"})  # it may go on
    check = ["session", "verify", str(path), "--hashes", str(kept)]
    assert main(check) == 0 and main([*check, "--session", first]) == 0
    store.close()
    change(path, "DELETE FROM verdict WHERE session_id = ?", second)
    change(path, "DELETE FROM entry WHERE number = 2 AND session_id = ?", second)
    with Store(path) as cut:
        assert cut.verify() == {first: "", second: ""}
    capsys.readouterr()
    assert main(check) == 2 and f"Session {second} is not the one of" in capsys.readouterr().err
    for table, column in (("entry", "session_id"), ("task", "session_id"), ("session", "id")):
        change(path, f"DELETE FROM {table} WHERE {column} = ?", second)
    assert main(check) == 2 and "taken away" in capsys.readouterr().err
    begin, last = "session\tentries\tlast_hash\nx\t", "ab" * 32
    odd = ["many\tz", f"{'9' * 5000}\t{last}", "", "1", f"1\t{last}\tmore", f"²\t{last}"]
    for content in ("", "a\tb\n1\t2\n", *(f"{begin}{row}\n" for row in odd)):
        kept.write_text(content)
        assert main(check) == 2
        told = capsys.readouterr().err
        assert "v.hashes.tsv" in told and told.count("\n") == 1


def test_entries_whose_session_was_taken_away_are_told(path, rich) -> None:
    change(path, "DELETE FROM session")
    with Store(path, reading=True) as store:
        assert store.verify().keys() == {rich} and store.verify()[rich]


# -- files of the first version ---------------------------------------------------------------------

_NOW = "2026-01-02T03:04:05.000006+00:00"
_NONE = hashlib.sha256(b"None").hexdigest()[:8]
"""What the first version put behind the name of a case whose scan was a folder."""


def old_file(path, *, closed: bool = False) -> tuple[str, str]:
    """A file as version 0.1.0 wrote it: two patients' sessions, both of a DICOM folder named flair."""
    engine = create_engine(f"sqlite:///{path}")
    config = database._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "a1")
    engine.dispose()
    db = sqlite3.connect(path)
    db.execute("INSERT INTO project VALUES (1, 'review', ?)", (_NOW,))
    db.execute("INSERT INTO annotator VALUES (1, 'reader', ?)", (_NOW,))
    db.execute("INSERT INTO \"case\" VALUES (1, 1, ?, '/data/patient A/flair')", (f"flair {_NONE}",))
    sessions = []
    for i in (1, 2):
        db.execute("INSERT INTO output VALUES (?, 1, ?, 'm', ?, 'layers', 0.4)", (i, f"{i}" * 64, "c" * 64))
        sessions.append(_old_session(db, i, closed))
    db.commit()
    db.close()
    return sessions[0], sessions[1]


def _old_session(db, i: int, closed: bool) -> str:
    id = f"{i}" * 32
    end = _NOW if closed else None
    settings = '{"order": "doubt", "threshold": 0.4}'
    db.execute("INSERT INTO session VALUES (?, 1, 1, 'review', ?, ?, ?)", (id, settings, _NOW, end))
    task = [10 * i, id, 0, 1, i, "lesion", 1, 4, 5, 6, 0.5, 0.75, 12.0]
    added = [10 * i + 1, id, 1, 1, i, "lesion", 0, 7, 5, 6, None, None, None]
    for row in (task, added):
        db.execute("INSERT INTO task VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", row)
    # The digest of version 0.1.0, written out: who and how, then the tasks with name, folder and hashes.
    about = [["review", "reader", "review", {"order": "doubt", "threshold": 0.4}, _NOW]]
    what = [[*task, f"flair {_NONE}", "/data/patient A/flair", f"{i}" * 64, "c" * 64, "layers"]]
    digest = hashlib.sha256(canonical([about, what]).encode()).hexdigest()
    said = [
        ("opened", None, {"session": digest, "tasks": 1}),
        ("added", None, {"target": "lesion", "label": 0, "voxel": [7, 5, 6]}),
        ("verdict", 10 * i, {"decision": "accepted" if i == 1 else "rejected", "voxel": [4, 5, 6]}),
        *([("closed", None, {})] if closed else []),
    ]
    previous = GENESIS
    for number, (kind, about_task, content) in enumerate(said, start=1):
        fields = [id, number, _NOW, kind, about_task, canonical(content), previous]
        hash = hashlib.sha256(canonical(fields).encode()).hexdigest()
        db.execute("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?)", (*fields, hash))
        previous = hash
    verdict = (10 * i, id, 3, said[2][2]["decision"], None, None, "", None)
    db.execute("INSERT INTO verdict VALUES (?,?,?,?,?,?,?,?)", verdict)
    return id


@pytest.mark.parametrize("closed", [False, True])
def test_an_old_file_verifies_and_says_how_far_its_chain_goes(path, closed, capsys) -> None:
    first, second = old_file(path, closed=closed)
    before = path.read_bytes()
    assert main(["session", "verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.count("sound, last hash") == 2 and said.count("not covered are model and threshold") == 2
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
    with Store(path) as store:  # which brings it up to date
        assert store.verify() == {first: "", second: ""}
        if not closed:
            store.record(first, "verdict", 11, {"decision": "unsure"})
            store.add_task(first, store.tasks(first)[0])
            assert store.verify() == {first: "", second: ""}
    change(path, "UPDATE task SET label = 7 WHERE id = 20")
    with Store(path) as store:
        assert store.verify()[first] == "" and "changed after it was opened" in store.verify()[second]


def test_two_patients_that_an_old_file_took_for_one_are_told_apart(path) -> None:
    old_file(path)
    with Store(path) as store:
        a, b = (store.tasks(s.id)[0].case for s in store.sessions())
        assert a != b and store.folder(a) == "/data/patient A/flair" and store.folder(b) == ""
        assert store.case_name(a) == "patient A/flair" and store.case_name(b) == "flair (2)"


def test_what_is_added_to_an_old_session_is_covered(path) -> None:
    first, _ = old_file(path)
    with Store(path) as store:
        added = store.add_task(first, store.tasks(first)[0])
        assert store.verify()[first] == ""
    change(path, "UPDATE task SET probability = 0.01 WHERE id = ?", added.id)
    with Store(path) as store:
        assert "changed after it was opened" in store.verify()[first]


def test_the_tables_are_those_of_the_migrations(path) -> None:
    with Store(path) as store:
        found = sa.inspect(store._engine)
        for table in schema.metadata.sorted_tables:
            assert [c["name"] for c in found.get_columns(table.name)] == list(table.c.keys())
            made = {(i["name"], i["unique"]) for i in found.get_indexes(table.name)}
            assert made == {(i.name, int(i.unique)) for i in table.indexes}
