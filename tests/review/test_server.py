"""Many annotators at once, on a real PostgreSQL server."""

from __future__ import annotations

import os
import threading

import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.review.database import connection as database
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

from .conftest import fill

ANNOTATORS = 20
VERDICTS = 200 if os.environ.get("UNCERTAINSEG_SOAK") else 15


@pytest.fixture
def on_server(server, tmp_path):
    with Store(server, tmp_path / "masks") as made:
        yield made


def at_once(work, number):
    """Run work(0) to work(number - 1), each in a thread, all from the same moment; their errors."""
    errors, together = [], threading.Barrier(number)

    def one(i):
        together.wait()
        try:
            work(i)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.slow
def test_twenty_annotators_lose_and_double_nothing(server, tmp_path, on_server):
    done = {}

    def annotate(i):
        with Store(server, tmp_path / "masks") as store:
            session = fill(store, annotator=f"annotator {i}", lesions=VERDICTS)
            for task in store.tasks(session):
                store.record(session, "verdict", task.id, {"decision": "accepted", "comment": f"{i}"})
            done[session] = f"annotator {i}"

    assert at_once(annotate, ANNOTATORS) == []
    assert len(done) == ANNOTATORS == len(set(done.values()))
    faults = on_server.verify()
    assert {faults[session] for session in done} == {""}
    for session, annotator in done.items():
        assert on_server.session(session).annotator == annotator
        assert len(on_server.verdicts(session)) == VERDICTS == len(on_server.entries(session)) - 1


@pytest.mark.slow
def test_many_windows_on_one_session_take_turns(server, tmp_path, on_server):
    session = fill(on_server, lesions=ANNOTATORS)
    tasks, written = on_server.tasks(session), []

    def judge(i):
        with Store(server, tmp_path / "masks") as store:
            for _ in range(3):
                entry = store.record(session, "verdict", tasks[i].id, {"decision": "rejected"})
                written.append(entry.number)

    assert at_once(judge, ANNOTATORS) == []
    assert sorted(written) == list(range(2, 3 * ANNOTATORS + 2))
    assert on_server.verify(session) == {session: ""} and len(on_server.verdicts(session)) == ANNOTATORS


@pytest.mark.slow
def test_a_server_that_restarts_is_found_again(on_server):
    session = fill(on_server)
    with on_server._engine.connect() as connection:  # as a restart does: all connections are cut
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
    task = on_server.tasks(session)[0]
    on_server.record(session, "verdict", task.id, {"decision": "accepted"})
    assert on_server.verify(session) == {session: ""}


@pytest.mark.slow
def test_an_older_server_is_changed_only_when_asked(server, tmp_path, become_newer, capsys):
    import sqlalchemy

    engine = database.connect(server)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CREATE DATABASE older")
    engine.dispose()
    url = server.replace("/postgres?", "/older?")
    with Store(url, tmp_path) as store:
        session = fill(store)
    become_newer()
    with pytest.raises(InputError, match="back it up"):
        Store(url, tmp_path)
    assert main(["session", "migrate", url]) == 0 and "up to date" in capsys.readouterr().out
    with Store(url, tmp_path) as newer:
        assert newer.verify() == {session: ""}
        columns = sqlalchemy.inspect(newer._engine).get_columns("case")
    assert "site" in {column["name"] for column in columns}


def test_the_command_line_reads_a_server(server, tmp_path, on_server, capsys):
    session = fill(on_server, annotator="somebody far away")
    task = on_server.tasks(session)[0].id
    given = on_server.record(session, "verdict", task, {"decision": "accepted"})
    on_server.record(session, "feedback", task, {"of": given.number, "reasons": ["border"], "sureness": 2})
    masks = ["--masks", str(tmp_path / "masks")]
    assert main(["session", "list", server, *masks]) == 0
    assert "somebody far away" in capsys.readouterr().out
    assert main(["session", "verify", server, "--session", session, *masks]) == 0
    out = tmp_path / "verdicts.tsv"
    assert main(["session", "export", server, "--out", str(out), *masks]) == 0
    assert session in out.read_text() and "border\t2\t" in out.read_text()
    capsys.readouterr()
    assert main(["session", "list", server]) == 2
    assert "in which folder the masks are kept" in capsys.readouterr().err


def test_a_foreign_key_and_a_wrong_url(server, on_server, tmp_path):
    with pytest.raises(InputError, match="foreign key"):
        on_server.open_session(999, 999, "qc", [NewTask(1, None, "case", 0, (0, 0, 0))], {})
    with pytest.raises(InputError, match="nowhere"):
        Store(server.replace("/postgres?", "/nowhere?"), tmp_path)
