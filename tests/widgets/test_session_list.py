"""The list of sessions is read in the window's thread: with the same few queries for any number of them."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.widgets.session import agreement, file_buttons
from napari_uncertainseg.widgets.session.session_list import SessionList
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.session_file import SessionFile


@contextmanager
def counted_statements(store):
    statements = []

    def count(connection, cursor, statement, *rest):
        if statement.startswith("SELECT"):
            statements.append(statement)

    sa.event.listen(store._engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        sa.event.remove(store._engine, "before_cursor_execute", count)


def add_session(store, prediction, annotator, decisions):
    """A session with a task for each decision, and one more without a verdict; gives its id."""
    case, output = register_prediction(store, prediction)
    tasks = [NewTask(case, output, "lesion", i + 1, (1, 2, i)) for i in range(len(decisions) + 1)]
    session = store.open_session(store.project("x"), store.annotator(annotator), "review", tasks, {})
    for task, decision in zip(store.tasks(session), decisions, strict=False):
        store.record(session, "verdict", task.id, {"decision": decision})
    return session


@pytest.fixture
def file(tmp_path):
    made = SessionFile(tmp_path / "sessions.db")
    yield made
    made.close()


def test_the_number_of_queries_does_not_grow_with_the_sessions(file, prediction) -> None:
    store, counts = file.store(), []
    for number in (1, 6):
        for _ in range(number):
            add_session(store, prediction, "anna", ["accepted", "rejected"])
        with counted_statements(store) as statements:
            sessions, rows, problems = file.listed()
        counts.append(len(statements))
        assert not problems and [row[2] for row in rows] == ["2 of 3"] * len(sessions)
    assert len(sessions) == 7 and counts[0] == counts[1] <= 6


def test_it_counts_what_the_journals_amount_to(file, prediction) -> None:
    store = file.store()
    session = add_session(store, prediction, "anna", ["accepted", "rejected", "accepted"])
    first, second, *_ = store.tasks(session)
    store.record(session, "verdict", first.id, {"decision": "rejected"})  # instead of the earlier one
    store.record(session, "undo", second.id, {"of": store.entries(session)[2].number})
    (row,) = file.listed()[1]
    assert row[2] == f"{len(store.verdicts(session))} of 4" == "2 of 4"


def test_sessions_are_listed_the_latest_first(file, prediction) -> None:
    store = file.store()
    ids = [add_session(store, prediction, name, []) for name in ("anna", "bert")]
    sessions, rows, _ = file.listed()
    assert [s.id for s in sessions] == [s.id for s in store.sessions()]
    assert {s.id for s in sessions} == set(ids) and {row[1] for row in rows} == {"anna", "bert"}


def test_an_open_session_of_the_prediction_is_found_with_one_query(file, prediction, qtbot) -> None:
    store = file.store()
    for _ in range(5):
        add_session(store, prediction, "anna", [])
    shown = SessionList(file)
    qtbot.addWidget(shown)
    shown.refresh()
    assert prediction.sha256  # computed once, outside of the count
    with counted_statements(store) as statements:
        session = shown.select_unfinished("anna", prediction)
    assert session is not None and shown.selected_row == 0 and len(statements) == 1
    assert shown.select_unfinished("bert", prediction) is None


def test_verifying_and_agreement_are_read_beside_the_window(file, prediction, qtbot, monkeypatch) -> None:
    """Both go through whole journals: neither may run in the thread of the window."""
    store = file.store()
    add_session(store, prediction, "anna", ["accepted"])
    (session,) = store.sessions()
    ran: dict[str, list[threading.Thread]] = {"verify": [], "agreement": []}

    def noted(name, original):
        def run(*told):
            ran[name].append(threading.current_thread())
            return original(*told)

        return run

    monkeypatch.setattr(file_buttons, "_verification", noted("verify", file_buttons._verification))
    monkeypatch.setattr(agreement, "_read", noted("agreement", agreement._read))
    tools, label = file_buttons.FileButtons(file), agreement.AgreementLine(file)
    qtbot.addWidget(tools)
    qtbot.addWidget(label)
    tools.verify()
    label.show_readings(session)
    qtbot.waitUntil(lambda: all(ran.values()) and label.known and tools._jobs.state is JobState.IDLE)
    assert threading.main_thread() not in [thread for each in ran.values() for thread in each]
    tools.cleanup()
    label.cleanup()
