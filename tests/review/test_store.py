"""Sessions: what was confirmed stands, what was changed afterwards is seen, and nothing else gets in."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database import connection as database
from napari_uncertainseg.review.store.journal import GENESIS, Entry, append_entry, canonical
from napari_uncertainseg.review.store.masks import MaskStore
from napari_uncertainseg.review.store.reading_speed import ReadingSpeed
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

from .conftest import LESIONS, fill

_SAFE = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}
"""What keeps a commit on the disk through a power cut."""


def accept(store, session, task, **more):
    return store.record(session, "verdict", task.id, {"decision": "accepted", **more})


def test_a_session_is_kept(store, path):
    session = fill(store)
    (found,) = store.sessions()
    assert (found.id, found.project, found.annotator, found.kind) == (session, "study", "reader", "review")
    assert found.settings.written() == {"order": "doubt"} and found.closed is None
    tasks = store.tasks(session)
    assert [t.position for t in tasks] == list(range(LESIONS)) and tasks[2].voxel == (2, 2, 3)
    assert tasks[0].uncertainty == 0.9 and store.folder(tasks[0].case) == "cases/patient07"
    entry = accept(store, session, tasks[1], confidence=0.75, seconds=4.5, comment="sure")
    store.close()
    with Store(path) as again:
        assert again.tasks(session) == tasks
        assert [e.kind for e in again.entries(session)] == ["opened", "verdict"]
        assert again.entries(session)[-1] == entry
        stands = again.verdicts(session)[tasks[1].id]
        assert (stands.decision, stands.confidence, stands.seconds, stands.comment) == (
            "accepted",
            0.75,
            4.5,
            "sure",
        )
        assert again.verify() == {session: ""}


def test_names_are_kept_once(store):
    assert store.project("a  b") == store.project("a b") != store.project("c")
    case = store.case(store.project("c"), "x", "here")
    assert store.case(store.project("c"), "x", "elsewhere") == case and store.folder(case) == "here"
    for name in ("", "  ", "x" * 201):
        with pytest.raises(InputError, match="1 to 200"):
            store.annotator(name)
    with pytest.raises(InputError, match="no case 99"):
        store.folder(99)


def test_the_pace_is_that_of_the_annotator(store):
    session, other = fill(store, lesions=20), fill(store, annotator="somebody else", lesions=20)
    for id, seconds in ((session, 3.0), (other, 9.0)):
        for task in store.tasks(id):
            accept(store, id, task, seconds=seconds)
    assert (
        store.reading_speed("reader").seconds == 3.0 and store.reading_speed("somebody else").seconds == 9.0
    )
    assert store.reading_speed("nobody") == ReadingSpeed()


def test_undo_and_redo_are_entries_too(store):
    session = fill(store)
    first, second = store.tasks(session)[:2]
    one, two = accept(store, session, first), accept(store, session, second)
    three = store.record(session, "verdict", first.id, {"decision": "rejected"})
    assert store.verdicts(session)[first.id].decision == "rejected"
    store.record(session, "undo", first.id, {"of": three.number})
    assert store.verdicts(session)[first.id].number == one.number
    store.record(session, "undo", second.id, {"of": two.number})
    assert second.id not in store.verdicts(session)
    store.record(session, "redo", second.id, {"of": two.number})
    assert list(store.verdicts(session)) == [first.id, second.id]
    assert store.verify() == {session: ""} and len(store.entries(session)) == 7


def test_a_closed_session_stays_as_it_is(store):
    session = fill(store)
    store.record(session, "closed")
    assert store.session(session).closed == store.entries(session)[-1].at
    with pytest.raises(InputError, match="closed"):
        accept(store, session, store.tasks(session)[0])


def test_two_windows_on_one_session(store, path):
    session = fill(store)
    task, other = store.tasks(session)[:2]
    with Store(path) as window:
        store.record(session, "verdict", task.id, {"decision": "accepted"}, after=1)
        with pytest.raises(InputError, match="another window"):
            window.record(session, "verdict", other.id, {"decision": "rejected"}, after=1)
        assert list(window.verdicts(session)) == [task.id]
        window.record(session, "verdict", other.id, {"decision": "rejected"}, after=2)
    assert len(store.verdicts(session)) == 2 and store.verify() == {session: ""}


@pytest.mark.parametrize(
    ("act", "wrong"),
    [
        (lambda s, i, t: s.record("nobody", "verdict"), "no session nobody"),
        (lambda s, i, t: s.record(i, "verdict", 999, {"decision": "accepted"}), "has no task 999"),
        (lambda s, i, t: s.record(i, "verdict", t, {"decision": np.zeros(3)}), "what JSON can"),
        (lambda s, i, t: s.record(i, "verdict", t, {"seconds": float("nan")}), "what JSON can"),
        (lambda s, i, t: s.open_session(1, 1, "party", [NewTask(1, 1, "lesion", 1, (0, 0, 0))], {}), "party"),
        (lambda s, i, t: s.open_session(1, 1, "review", [], {}), "nothing to look at"),
        (lambda s, i, t: s.session("x"), "no session x"),
        (
            lambda s, i, t: s.open_session(7, 1, "qc", [NewTask(1, 1, "case", 0, (0, 0, 0))], {}),
            "FOREIGN KEY",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(store, act, wrong):
    session = fill(store)
    with pytest.raises(InputError, match=wrong):
        act(store, session, store.tasks(session)[0].id)
    assert len(store.entries(session)) == 1 and len(store.sessions()) == 1 and not store.verdicts(session)


# -- what was changed afterwards ---------------------------------------------------------------


def tamper(path, statement, *values):
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("UPDATE entry SET content = replace(content, 'accepted', 'rejected') WHERE number = 3", "Entry 3"),
        ("UPDATE entry SET at = '2020-01-01T00:00:00.000000+00:00' WHERE number = 1", "Entry 1"),
        ("DELETE FROM entry WHERE number = 2", "Entry 2 .* is missing"),
        ("UPDATE entry SET hash = previous WHERE number = 4", "Entry 4"),
        ("UPDATE entry SET kind = 'shown' WHERE number = 4", "Entry 4"),
        ("UPDATE verdict SET decision = 'rejected' WHERE number = 2", "not those of its journal"),
        ("DELETE FROM verdict WHERE number = 4", "not those of its journal"),
        ("UPDATE annotator SET name = 'Reader Z'", "changed after it was opened"),
        ("UPDATE task SET target = 'candidate' WHERE position = 4", "changed after it was opened"),
        ("UPDATE task SET probability = 0.01 WHERE position = 0", "changed after it was opened"),
        ("UPDATE session SET settings = '{}'", "changed after it was opened"),
        ("UPDATE session SET opened = '2020-01-01'", "changed after it was opened"),
        ("UPDATE session SET closed = '2020-01-01'", "changed after it was opened"),
        ("UPDATE \"case\" SET name = 'patient 99'", "changed after it was opened"),
        ("UPDATE output SET sha256 = 'x'", "changed after it was opened"),
        ("DELETE FROM task WHERE position = 4", "changed after it was opened"),
    ],
)
def test_changes_are_seen(store, path, statement, wrong):
    session = fill(store)
    for task in store.tasks(session)[:3]:
        accept(store, session, task)
    assert store.verify() == {session: ""}
    tamper(path, statement)
    assert re.search(wrong, store.verify()[session])


def test_a_journal_cut_short_has_another_head(store, path):
    session = fill(store)
    accept(store, session, store.tasks(session)[0])
    head = store.head(session)
    tamper(path, "DELETE FROM verdict")
    tamper(path, "DELETE FROM entry WHERE number = 2")
    assert store.verify() == {session: ""} and store.head(session) != head  # hence reports print it
    tamper(path, "DELETE FROM entry")
    assert "taken away" in store.verify()[session] and store.head(session) == GENESIS


def test_a_forged_chain_would_have_to_be_forged_whole(store):
    session = fill(store)
    entry = accept(store, session, store.tasks(session)[0])
    forged = Entry(*(getattr(entry, n) for n in ("session", "number", "at", "kind", "task")), "{}", "0" * 64)
    assert forged.hash != entry.hash
    following = append_entry((entry.number, entry.hash), session, entry.at, "closed", None, {})
    assert following.previous == entry.hash and following.number == entry.number + 1
    assert canonical({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'


# -- masks -------------------------------------------------------------------------------------


def test_masks_are_named_by_their_content(store, path):
    painted = np.zeros((20, 30, 40), np.int8)
    painted[3:6, 4:9, 5:8], painted[10, 2, 2] = 1, -1
    name = store.masks.keep(painted)
    file = store.masks.path(name)
    assert file.is_file() and path.parent in file.parents and file.stat().st_size < 500
    before = file.stat().st_mtime_ns
    assert store.masks.keep(painted.copy(order="F")) == name and file.stat().st_mtime_ns == before
    np.testing.assert_array_equal(store.masks.read(name), painted)
    session = fill(store)
    accept(store, session, store.tasks(session)[0], mask=name)
    assert store.verify() == {session: ""}
    file.write_bytes(file.read_bytes()[:-9])
    assert "changed or damaged" in store.verify()[session]
    file.unlink()
    assert "cannot be read" in store.verify()[session]


def test_hostile_masks(tmp_path):
    import gzip
    import hashlib

    masks = MaskStore(tmp_path)
    for name in ("../../etc/passwd", "", "g" * 64, "a" * 63, "A" * 64):
        with pytest.raises(InputError, match="64 hexadecimal"):
            masks.read(name)
    pickled = (
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) + b"x"
    )
    huge = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }" % 10**15
    contents = (b"nothing", *map(gzip.compress, (b"nothing", pickled, huge.ljust(127) + b"\n")))
    for content in contents:
        name = hashlib.sha256(content).hexdigest()
        masks.path(name).parent.mkdir(exist_ok=True)
        masks.path(name).write_bytes(content)
        with pytest.raises(InputError, match="not a mask"):
            masks.read(name)
    with pytest.raises(InputError, match="whole numbers"):
        masks.keep(np.zeros(3))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        MaskStore(tmp_path / "file").keep(np.zeros(3, bool))


# -- the file ----------------------------------------------------------------------------------


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "text.db").write_text("nothing " * 100)
    with pytest.raises(InputError, match="is not a database"):
        Store(tmp_path / "text.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE things (a)")
    other.close()
    with pytest.raises(InputError, match="another program"):
        Store(tmp_path / "other.db")
    with pytest.raises(InputError, match="is a folder"):
        Store(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        Store(tmp_path / "a" / "b.db")
    with pytest.raises(InputError, match="not in mysql"):
        Store("mysql://x@y/z", tmp_path)
    with pytest.raises(InputError, match="in which folder the masks"):
        Store("postgresql://x@y/z")
    with pytest.raises(InputError, match="no database URL"):
        Store("://", tmp_path)


def test_a_newer_store_is_refused(store, path):
    tamper(path, "UPDATE alembic_version SET version_num = 'zz99'")
    with pytest.raises(InputError, match="newer version of this program"):
        Store(path)


def test_an_older_store_is_changed_after_a_backup(store, path, monkeypatch, become_newer):
    session = fill(store)
    become_newer()
    with Store(path) as newer:
        assert newer.tasks(session) and newer.verify() == {session: ""}
    backup = path.with_name("sessions.db.a3.backup")
    monkeypatch.undo()
    with pytest.raises(InputError, match="newer version"):
        Store(path)
    with Store(backup) as older:
        assert older.verify() == {session: ""}


def test_a_locked_file_is_waited_for_and_then_named(store, path, monkeypatch):
    session = fill(store)
    monkeypatch.setattr(database, "_PATIENCE_S", 0.2)
    with Store(path) as impatient:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="in use by another program"):
            impatient.record(session, "shown")
        other.close()
        impatient.record(session, "shown")
    assert [e.kind for e in store.entries(session)] == ["opened", "shown"]


def test_an_archived_copy_is_read_and_not_written(store, path, monkeypatch):
    session = fill(store)
    accept(store, session, store.tasks(session)[0])
    store.close()
    before = path.read_bytes()
    monkeypatch.setattr(database, "_is_sealed", lambda path: True)  # root may write anything
    with Store(path) as sealed:
        assert sealed.verify() == {session: ""} and len(sealed.verdicts(session)) == 1
        assert sealed.name == str(path)
        with pytest.raises(InputError, match="cannot be written"):
            accept(sealed, session, sealed.tasks(session)[1])
    assert path.read_bytes() == before


def test_a_full_disk_loses_only_what_was_not_confirmed(store, path):
    from sqlalchemy import event

    session = fill(store)
    task = store.tasks(session)[0]

    def no_more_room(connection, record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")

    event.listen(store._engine, "connect", no_more_room)
    confirmed = 1
    with pytest.raises(InputError, match="disk is full"):
        for _ in range(1000):
            store.record(session, "verdict", task.id, {"decision": "accepted", "comment": "x" * 2000})
            confirmed += 1
    event.remove(store._engine, "connect", no_more_room)
    assert len(store.entries(session)) == confirmed and store.verify() == {session: ""}


def test_a_power_cut_leaves_a_prefix_of_what_was_written(store, path, tmp_path):
    """The database syncs at each commit; a log that breaks off anywhere loses only its end."""
    with store._engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in _SAFE]
    assert pragmas == list(_SAFE.values())
    session = fill(store)
    task, kept = store.tasks(session)[0], []
    reader = sqlite3.connect(path)  # keeps the log from being folded into the file
    reader.execute("SELECT count(*) FROM entry").fetchone()
    for i in range(12):
        store.record(session, "verdict", task.id, {"decision": "accepted", "comment": str(i)})
        kept.append(path.with_name("sessions.db-wal").stat().st_size)
    log, before = path.with_name("sessions.db-wal").read_bytes(), path.read_bytes()
    reader.close()
    rng = np.random.default_rng(0)
    for cut in (*kept, *rng.integers(kept[0], len(log), 20)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir(exist_ok=True)
        (folder / "sessions.db").write_bytes(before)
        (folder / "sessions.db-wal").write_bytes(log[:cut])
        with Store(folder / "sessions.db") as after:
            found = [e.details.comment for e in after.entries(session)[1:]]
            assert found == [str(i) for i in range(len(found))]
            assert len(found) >= sum(size <= cut for size in kept)
            assert after.verify() == {session: ""}


def test_a_mask_is_on_the_disk_before_it_is_named(store, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_mode), real(handle))[1]
    )
    store.masks.keep(np.ones((2, 2), bool))
    assert [stat.S_ISDIR(mode) for mode in synced] == [False, True]  # the file, then its name


def test_a_share_that_goes_away_and_comes_back_loses_nothing(store):
    from sqlalchemy import event

    session = fill(store)
    task = store.tasks(session)[0]
    store.record(session, "verdict", task.id, {"decision": "accepted"})
    gone = True

    def fail(cursor, statement, parameters, context):
        if gone and statement.lstrip().upper().startswith(("INSERT", "SELECT", "UPDATE")):
            raise sqlite3.OperationalError("disk I/O error")

    event.listen(store._engine, "do_execute", fail)
    for act in (lambda: store.record(session, "undo", task.id, {"of": 2}), lambda: store.entries(session)):
        with pytest.raises(InputError, match=r"sessions\.db"):
            act()
    gone = False
    store.record(session, "verdict", task.id, {"decision": "rejected"})
    event.remove(store._engine, "do_execute", fail)
    assert [e.kind for e in store.entries(session)] == ["opened", "verdict", "verdict"]
    assert store.verify() == {session: ""}


def test_the_password_is_never_told(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(InputError) as said:
        Store("postgresql://reader:hunter2@127.0.0.1:1/study", tmp_path)
    assert "hunter2" not in str(said.value) and "127.0.0.1" in str(said.value)
    assert "no connection" in str(said.value) and said.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/d?user=r&password=hunter2",
        "postgresql://r:hunter2@x@h/d",
        "postgresql://r:hunter2@h:54x2/d",
        "postgresql+asyncpg://r:hunter2@h/d",
        "postgresql",
        "mysql://r:hunter2@h/d",
    ],
)
def test_urls_that_will_not_do_are_refused_without_their_password(url, tmp_path):
    with pytest.raises(InputError) as said:
        database.with_password(url, "")
    assert "hunter2" not in str(said.value)
    if "://" in url:
        with pytest.raises(InputError) as said:
            Store(url, tmp_path)
        assert "hunter2" not in str(said.value)


def test_content_is_data(store):
    session = fill(store)
    task = store.tasks(session)[0]
    said = {"decision": "accepted", "comment": "'; DROP TABLE entry; -- <script>\n\u202e"}
    store.record(session, "verdict", task.id, said)
    assert store.verdicts(session)[task.id].comment == said["comment"]
    assert json.loads(store.entries(session)[-1].content) == said and store.verify() == {session: ""}


def test_what_is_read_within_a_reading_is_of_the_same_moment(store, path) -> None:
    session = fill(store)
    with store.reading() as connection, ThreadPoolExecutor(1) as other:
        assert len(store.entries(session)) == 1
        with Store(path) as elsewhere:
            elsewhere.record(session, "comment", None, {"comment": "later"})
        with pytest.raises(InputError, match="no session"), store.reading() as again:
            assert again is connection
            store.verify("none")
        assert len(store.entries(session)) == 1  # and the connection outlives what was refused
        assert other.submit(lambda: len(store.entries(session))).result() == 2
    assert len(store.entries(session)) == 2
