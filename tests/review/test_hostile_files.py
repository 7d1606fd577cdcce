"""Files of sessions from elsewhere: nothing in them acts, nothing ends in an internal error."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import suppress

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate.readings import CaseReadings
from napari_uncertainseg.evaluate.session_report import write_report
from napari_uncertainseg.review.database import connection as database
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.lessons.lesson import earlier_scores
from napari_uncertainseg.review.lessons.outlining import earlier_outline_scores
from napari_uncertainseg.review.reports.snapshot import take_snapshot
from napari_uncertainseg.review.reports.statistics import compute_statistics
from napari_uncertainseg.review.reports.verdict_table import as_json, verdict_table
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.session.rereading import reading_status, sessions_being_reread
from napari_uncertainseg.review.store.journal import canonical
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

from .conftest import fill


def change(path, *statements) -> None:
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)
        connection.commit()
    finally:
        connection.close()


_RECURSIVE = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS version_num FROM n"
_OBJECTS = [
    "CREATE TRIGGER t AFTER INSERT ON verdict BEGIN DELETE FROM verdict; END",
    "CREATE TRIGGER t BEFORE INSERT ON entry BEGIN SELECT RAISE(IGNORE); END",
    f"CREATE VIEW v AS {_RECURSIVE}",
    "CREATE TABLE notes (a)",
    "CREATE INDEX i ON task (label)",
    "CREATE UNIQUE INDEX i ON verdict (decision)",
    "CREATE VIRTUAL TABLE f USING fts5(a)",
    "ALTER TABLE task ADD COLUMN more TEXT",
    "ALTER TABLE task ADD COLUMN more AS (label + 1)",
    "DROP TABLE verdict",
    "DROP INDEX ix_verdict_session_id",
    "INSERT INTO alembic_version VALUES ('a1')",
    "DELETE FROM alembic_version",
    "UPDATE alembic_version SET version_num = 'a1'",
]


@pytest.mark.parametrize("statement", _OBJECTS)
def test_what_this_program_did_not_make_is_refused(path, statement, capsys) -> None:
    with Store(path) as store:
        fill(store)
    change(path, statement)
    before = path.read_bytes()
    with pytest.raises(InputError, match="somebody changed it"):
        Store(path)
    for command in ("list", "verify"):
        assert main(["session", command, str(path)]) == 2
    assert "somebody changed it" in capsys.readouterr().err
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["alembic_version", "session", "entry"])
def test_a_view_in_place_of_a_table_is_not_run(path, name) -> None:
    with Store(path) as store:
        fill(store)
    change(path, f'DROP TABLE "{name}"', f'CREATE VIEW "{name}" AS {_RECURSIVE}')
    with pytest.raises(InputError, match=r"another program|somebody changed it"):
        Store(path)


def test_a_file_of_another_program_is_left_as_it_is(path) -> None:
    change(path, "CREATE TABLE things (a)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="another program"):
        Store(path)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_constraints_that_drop_rows_are_refused(path) -> None:
    """A table that looks the same, and takes no second verdict."""
    with Store(path) as store:
        fill(store)
    (made,) = sqlite3.connect(path).execute("SELECT sql FROM sqlite_master WHERE name = 'verdict'").fetchone()
    odd = made.replace("PRIMARY KEY (task_id)", "PRIMARY KEY (task_id) ON CONFLICT IGNORE")
    assert odd != made
    change(path, "DROP TABLE verdict", odd, "CREATE INDEX ix_verdict_session_id ON verdict (session_id)")
    with pytest.raises(InputError, match="somebody changed it"):
        Store(path)


def test_statistics_of_sqlite_are_no_harm(path) -> None:
    with Store(path) as store:
        session = fill(store)
    change(path, "ANALYZE", "VACUUM")
    with Store(path) as store:
        assert store.verify() == {session: ""}


@pytest.mark.parametrize(
    "trigger",
    [
        "AFTER INSERT ON verdict BEGIN DELETE FROM verdict; END",
        "BEFORE INSERT ON verdict BEGIN SELECT RAISE(IGNORE); END",
        "AFTER INSERT ON verdict BEGIN UPDATE verdict SET decision = 'accepted'; END",
        "AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE number = NEW.number; END",
        "AFTER INSERT ON entry BEGIN UPDATE entry SET at = 'x' WHERE number = NEW.number; END",
        "BEFORE INSERT ON entry BEGIN SELECT RAISE(IGNORE); END",
    ],
)
def test_a_verdict_that_is_swallowed_is_not_confirmed(store, path, trigger) -> None:
    """The trigger comes while the file is open, when it was looked at already."""
    session = fill(store)
    change(path, f"CREATE TRIGGER t {trigger}")
    with pytest.raises(InputError, match="was not kept as it was given"):
        store.record(session, "verdict", store.tasks(session)[0].id, {"decision": "rejected"})
    assert len(store.entries(session)) == 1 and not store.verdicts(session)


@pytest.mark.parametrize(
    "trigger",
    [
        "AFTER INSERT ON task BEGIN DELETE FROM task WHERE id = NEW.id; END",
        "AFTER INSERT ON session BEGIN DELETE FROM session; END",
        "AFTER INSERT ON task BEGIN UPDATE task SET label = 9; END",
        "AFTER UPDATE ON session BEGIN UPDATE session SET closed = NULL; END",
    ],
)
def test_sessions_and_tasks_are_there_or_it_is_said(store, path, trigger) -> None:
    session = fill(store)
    change(path, "PRAGMA foreign_keys = OFF", f"CREATE TRIGGER t {trigger}")
    task = NewTask(1, 1, "lesion", 1, (1, 1, 1))
    with pytest.raises(InputError):
        if "UPDATE ON session" in trigger:
            store.record(session, "closed")
        else:
            store.add_task(session, task)
            fill(store)
    assert [e.kind for e in store.entries(session)][:1] == ["opened"] and store.session(
        session
    ).closed is None


# -- odd values -------------------------------------------------------------------------------------

_ODD = {
    "blob": b"\xff\x00\xfe",
    "text": "<b>",
    "infinite": 9e999,
    "huge": 2**62,
    "negative": -5,
    "half a character": b"\xed\xa0\x80",
    "no UTF-8": b"caf\xe9",
    "nothing": None,
}
_AS_TEXT = ("half a character", "no UTF-8")


def look_at_everything(path, folder) -> None:
    """All that reads a file; the user is told, or it works."""
    try:
        made = Store(path)
    except InputError:
        return
    with made as store:
        faults = store.verify()
        assert all(isinstance(fault, str) for fault in faults.values())
        for act in (
            take_snapshot,
            verdict_table,
            as_json,
            sessions_being_reread,
            lambda s: earlier_scores(s, "reader"),
        ):
            act(store)
        compute_statistics(take_snapshot(store))
        earlier_outline_scores(store, "reader")
        CaseReadings(store).furthest([])
        store.reading_speed("reader")
        write_report(store, folder / "report.html")
        for id in store.ids():
            for make in (Recorder, Replay, reading_status):
                with suppress(InputError):
                    found = make(store, id)
                    if isinstance(found, Replay):
                        last = len(found.steps) - 1
                        found.verdicts(last), found.seen_at(last), found.painting(last)
                        found.score(np.zeros((9, 9, 9), bool))
                    if isinstance(found, Recorder):
                        found.verdicts, found.outlook(), found.last_seen_at(0.5, 3.0), found.painted()
                        found.seconds_each, found.calibration()


@pytest.fixture(scope="module")
def two_sessions(tmp_path_factory):
    """A file of two sessions, and their ids."""
    path = tmp_path_factory.mktemp("two") / "sessions.db"
    with Store(path) as store:
        first = fill(store)
        task = store.tasks(first)[0].id
        store.record(first, "verdict", task, {"decision": "accepted", "confidence": 0.9, "seconds": 1.0})
        project, case = store.project("mine"), store.case(store.project("mine"), "other", "there")
        tasks = [NewTask(case, None, "lesion", 1, (1, 1, 1), 0.5, 0.5, 9.0)]
        second = store.open_session(project, store.annotator("other"), "review", tasks, {})
    return path, (first, second)


@pytest.fixture
def two(path, two_sessions):
    """A file of two sessions, the second one sound whatever befalls the first; their ids."""
    made, ids = two_sessions
    shutil.copy(made, path)
    return ids


def told(path, folder, capsys) -> str:
    """What `list` and `verify` print, once all else has read the file."""
    look_at_everything(path, folder)
    assert {main(["session", command, str(path)]) for command in ("list", "verify")} <= {0, 2}
    said = capsys.readouterr()
    assert said.err.count("\n") <= 2 and "Traceback" not in said.err
    return said.out


@pytest.mark.slow
@pytest.mark.parametrize("odd", _ODD)
@pytest.mark.parametrize("table", [t.name for t in schema.metadata.sorted_tables])
def test_odd_values_end_in_a_sentence_and_keep_no_other_session_back(
    path, tmp_path, two, table, odd, capsys
) -> None:
    """Each column in turn; what the table itself refuses cannot be there."""
    clean = path.read_bytes()
    key = {"entry": "session_id", "verdict": "session_id", "task": "session_id", "session": "id"}.get(table)
    place = "CAST(? AS TEXT)" if odd in _AS_TEXT else "?"
    which = f"{key} = '{two[0]}'" if key else "id = 1"
    for column in schema.metadata.tables[table].columns:
        path.write_bytes(clean)
        try:
            change(path, (f'UPDATE "{table}" SET "{column.name}" = {place} WHERE {which}', (_ODD[odd],)))
        except sqlite3.Error:
            continue
        said = told(path, tmp_path, capsys)
        assert two[1] in said and f"{two[1]}  sound" in said, column.name


_CONTENTS = [
    '{"mask":5}', '{"voxel":5}', '{"voxel":[1,2]}', '{"voxel":[1,2,"3"]}', '{"voxel":[1e400,1,1]}', "{",
    '{"decision":5}', '{"decision":"accepted","seconds":NaN}', '{"comment":"\\ud800"}', '{"of":"x"}',
    '{"decision":"accepted","confidence":1' + "0" * 400 + "}", "[" * 100_000, '{"shape":[1,2,3],"mask":"x"}',
    '{"decision":"accepted","comment":5}', '{"threshold":"low"}', '{"is_lesion":"x"}', '{"score":5}', "5",
    '{"mask":"' + "a" * 64 + '","start":[0,0,0],"shape":[1000000,1000000,1000000]}',
]  # fmt: skip


@pytest.mark.parametrize("content", _CONTENTS, ids=range(len(_CONTENTS)))
def test_odd_entries_end_in_a_sentence(path, tmp_path, two, content, capsys) -> None:
    """Their hashes are right: whoever writes a file of his own can do that."""
    with Store(path) as store:
        last = store.entries(two[0])[-1]
    clean = path.read_bytes()
    for kind in ("verdict", "painted", "undo", "opened", "added"):
        path.write_bytes(clean)
        fields = [two[0], last.number + 1, last.at, kind, last.task, content, last.hash]
        hash = hashlib.sha256(canonical(fields).encode()).hexdigest()
        change(path, ("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?)", (*fields, hash)))
        assert f"{two[1]}  sound" in told(path, tmp_path, capsys), kind


@pytest.mark.parametrize(
    "settings",
    ["{", "5", "[]", '{"threshold":"x","min_volume":[]}', '{"ranks":["a"],"drawn":5}',
     '{"ranks":[0,0,0,0,9]}', '{"of":[],"reading":{}}', '{"exists":5,"arms":{},"depth_mm":"x"}',
     '{"a":1' + "0" * 400 + "}", "[" * 9999],
)  # fmt: skip
def test_odd_settings_end_in_a_sentence(path, tmp_path, two, settings, capsys) -> None:
    for kind in ("review", "qc", "training"):
        change(path, ("UPDATE session SET settings = ?, kind = ? WHERE id = ?", (settings, kind, two[0])))
        said = told(path, tmp_path, capsys)
        assert f"{two[0]}  NOT SOUND" in said and f"{two[1]}  sound" in said


def test_names_with_half_a_character_are_refused(store) -> None:
    for make in (store.project, store.annotator, lambda name: store.case(1, name, "x")):
        with pytest.raises(InputError, match="half a character"):
            make("a\ud800")
    session = fill(store)
    with pytest.raises(InputError, match="what JSON can"):
        store.record(session, "comment", None, {"comment": "a\ud800"})
    folder = os.fsdecode(b"/data/M\xfcller")
    case = store.case(1, os.fsdecode(b"M\xfcller"), folder, "a" * 64)
    assert store.case_name(case) == "M?ller" and store.folder(case) == "/data/M?ller"


# -- looking changes nothing ------------------------------------------------------------------------


def _state(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.iterdir()) if p.is_file()}


@pytest.mark.parametrize(
    "name", ["s.db", "what?.db", "a#b.db", "100%41.db", "ä b.db", "file:x.db", "x?mode=ro"]
)
def test_looking_at_a_file_changes_nothing(tmp_path, name, capsys) -> None:
    home = tmp_path / "home?#%41"
    home.mkdir()
    path = home / name
    with Store(path) as store:
        session = fill(store)
        store.record(session, "verdict", store.tasks(session)[0].id, {"decision": "accepted"})
    assert [p.name for p in home.iterdir()] == [name]
    before = _state(home)
    for command in (["list"], ["verify"], ["export", "--out", str(tmp_path / "x.tsv")]):
        assert main(["session", command[0], str(path), *command[1:]]) == 0
    assert session in capsys.readouterr().out and _state(home) == before


def test_a_copy_of_a_file_that_was_not_closed_is_read_whole(store, path, tmp_path, capsys) -> None:
    session = fill(store)
    reader = sqlite3.connect(path)  # keeps the log from being folded into the file
    reader.execute("SELECT count(*) FROM entry").fetchone()
    store.record(session, "verdict", store.tasks(session)[0].id, {"decision": "accepted"})
    assert path.with_name("sessions.db-wal").stat().st_size
    before = {name: content for name, (content, _) in _state(path.parent).items() if "shm" not in name}
    assert main(["session", "list", str(path)]) == 0 and "1/5" in capsys.readouterr().out  # while it is open
    after = {name: content for name, (content, _) in _state(path.parent).items() if "shm" not in name}
    assert after == before
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("sessions.db", "sessions.db-wal"):
        shutil.copy(path.with_name(name), copy)
    reader.close()
    state = _state(copy)
    assert main(["session", "list", str(copy / "sessions.db")]) == 0 and "1/5" in capsys.readouterr().out
    assert main(["session", "verify", str(copy / "sessions.db")]) == 0 and _state(copy) == state


@pytest.mark.parametrize(
    "name", ["sqlite:///none.db", "sqlite:none.db", "sqlite://none.db", "none.db", "postgresql:/none", "sqlite://",
             "sqlite:///:memory:", "sqlite:///none.db?mode=rwc", "none.db/x.db", "file:none.db"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["list", "verify", "migrate"])
def test_a_mistyped_name_makes_nothing(tmp_path, monkeypatch, name, command, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    masks = ["--masks", "."] if command != "migrate" else []
    assert main(["session", command, name, *masks]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "Traceback" not in err and not list(tmp_path.iterdir())


def test_a_url_of_a_file_is_the_file(path, capsys) -> None:
    with Store(path) as store:
        session = fill(store)
    assert main(["session", "list", f"sqlite:///{path}", "--masks", "x"]) == 0
    assert session in capsys.readouterr().out and [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_is_only_looked_at_cannot_be_written(path) -> None:
    with Store(path) as store:
        session = fill(store)
    with Store(path, reading=True) as sealed:
        with pytest.raises(InputError, match="cannot be written"):
            sealed.record(session, "closed")
        assert sealed.session(session).closed is None


def test_an_empty_file_holds_no_sessions(path, capsys) -> None:
    path.write_bytes(b"")
    assert main(["session", "list", str(path)]) == 2 and "holds no sessions" in capsys.readouterr().err
    assert path.read_bytes() == b"" and database.display_name(database._url(path)) == str(path)
