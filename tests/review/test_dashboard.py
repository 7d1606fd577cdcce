"""The numbers of a dashboard, against plain loops over the store."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from napari_uncertainseg._base import InputError
from napari_uncertainseg.export import write_table
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.lessons.lesson import earlier_scores
from napari_uncertainseg.review.reports.snapshot import Snapshot, SnapshotTask, take_snapshot
from napari_uncertainseg.review.reports.statistics import compute_statistics
from napari_uncertainseg.review.reports.statistics_table import COLUMNS, statistics_table
from napari_uncertainseg.review.reports.verdict_table import verdict_table
from napari_uncertainseg.review.session.rereading import decisions, kappa, open_next_reading, reading_status
from napari_uncertainseg.review.store.records import NewTask, Session
from napari_uncertainseg.review.store.store import Store

from .many_sessions import DECISIONS, a_department, judge, lesson, read, some_case


def numbers(store):
    return compute_statistics(take_snapshot(store))


def a_task(case, output, i):
    return NewTask(case, output, "lesion", i + 1, (i, 0, 0))


def test_an_empty_store(store) -> None:
    found = numbers(store)
    assert found.annotators == found.cases == found.times == found.agreements == found.trained == ()
    assert found.waiting == 0
    assert list(statistics_table(found).columns) == list(COLUMNS) and statistics_table(found).empty
    assert take_snapshot(store).pseudonymous() == take_snapshot(store)


def test_progress_is_what_a_loop_over_the_store_counts(store) -> None:
    a_department(store)
    found = numbers(store)
    for by, rows in (("annotator", found.annotators), ("case", found.cases)):
        table = verdict_table(store)
        groups = dict(iter(table.groupby([by, "kind"], sort=False)))
        assert {(row.name, row.kind) for row in rows} == set(groups) and len(rows) == len(groups)
        for row in rows:
            group = groups[row.name, row.kind]
            sessions = [store.session(id) for id in group["session"].unique()]
            assert row.sessions == len(sessions)
            assert row.open == sum(s.closed is None for s in sessions)
            assert (row.tasks, row.judged) == (len(group), int((group["decision"] != "").sum()))
            assert row.share == row.judged / row.tasks
            assert row.last == max(entry.at for s in sessions for entry in store.entries(s.id))


def test_a_session_of_two_cases_counts_for_each(store) -> None:
    cases = [some_case(store, name) for name in ("a", "b")]
    tasks = [a_task(case, output, i) for case, output in cases for i in range(3)]
    session = store.open_session(store.project("x"), store.annotator("r"), "review", tasks, {})
    first, *_, last = store.tasks(session)
    store.record(session, "verdict", last.id, {"decision": "accepted"})
    then = store.record(session, "verdict", first.id, {"decision": "accepted"})
    one, other = numbers(store).cases
    assert (one.name, one.judged, one.tasks, one.last) == ("a", 1, 3, then.at)
    assert (other.name, other.judged, other.tasks) == ("b", 1, 3) and other.last < then.at
    (row,) = numbers(store).annotators
    assert (row.sessions, row.judged, row.tasks, row.last) == (1, 2, 6, then.at)


def test_cases_of_one_name_in_two_projects_stay_apart(store) -> None:
    for project in ("one", "two"):
        case, output = some_case(store, "scan", project)
        store.open_session(
            store.project(project), store.annotator("r"), "review", [a_task(case, output, 0)], {}
        )
    assert [row.name for row in numbers(store).cases] == ["scan (one)", "scan (two)"]


def test_times_are_quartiles_of_the_verdicts_that_stand(store) -> None:
    session = read(store, "r", ["accepted"] * 5, close=False)  # 1 to 5 s
    (row,) = numbers(store).times
    assert (row.annotator, row.kind, row.number) == ("r", "review", 5)
    assert (row.low, row.median, row.high) == (2.0, 3.0, 4.0)
    task = store.tasks(session)[0]
    store.record(
        session, "verdict", task.id, {"decision": "rejected"}
    )  # takes the place of the first, no time
    store.record(session, "verdict", store.tasks(session)[1].id, {"decision": "withdrawn"})
    (row,) = numbers(store).times
    assert (row.number, row.median) == (3, 4.0)


def test_agreement_is_that_of_the_rereading_and_of_a_loop(store) -> None:
    a_department(store)
    found = {(row.first, row.second): row for row in numbers(store).agreements}
    first = next(s.id for s in reversed(store.sessions()) if s.kind == "review")
    reading = reading_status(store, first)
    pair = found["Anna Weber", "Ben"]  # of patient07 only: patient12 is being read
    assert (pair.both, pair.same) == (reading.both, reading.same) and pair.kappa == reading.kappa
    ours, theirs = decisions(store, first), decisions(store, reading.second.id)
    assert pair.kappa == pytest.approx(
        cohen_kappa_score([ours[p].decision for p in ours], [theirs[p].decision for p in ours])
    )
    doubts = {True: [], False: []}
    for task in store.tasks(first):
        place = (task.case, task.target, task.voxel)
        doubts[ours[place].decision == theirs[place].decision].append(task.uncertainty)
    assert pair.uncertainty_same == pytest.approx(np.mean(doubts[True])) and pair.known_same == len(
        doubts[True]
    )
    assert pair.uncertainty_differ == pytest.approx(np.mean(doubts[False]))
    assert pair.known_differ == len(doubts[False]) == pair.both - pair.same
    assert pair.third == 0
    third = found["Anna Weber", "Chiara"]  # a third reading, judged in full though not closed
    assert third.third == third.both == len(reading.differing)
    assert numbers(store).waiting == 1


def test_nothing_is_said_of_a_reading_that_goes_on(store) -> None:
    first = read(store, "a", ["accepted", "rejected", "accepted", "accepted"])
    second = open_next_reading(store, first, "b", seed=0)
    judge(store, second, ["accepted", "accepted", "accepted", None])
    found = numbers(store)
    assert found.agreements == () and found.waiting == 1
    assert [(row.name, row.judged) for row in found.annotators] == [("a", 4), ("b", 3)]
    judge(store, second, [None, None, None, "rejected"])  # judged in full
    (pair,) = numbers(store).agreements
    assert (pair.both, pair.same, numbers(store).waiting) == (4, 2, 0)


def test_an_open_first_reading_counts_once_it_is_closed(store) -> None:
    first = read(store, "a", ["accepted", None], close=False)
    read(store, "b", ["accepted", "accepted"])
    assert numbers(store).agreements == ()
    store.record(first, "closed")
    assert [(pair.both, pair.same) for pair in numbers(store).agreements] == [(1, 1)]
    assert math.isnan(numbers(store).agreements[0].kappa) and math.isnan(
        numbers(store).agreements[0].uncertainty_differ
    )


def test_who_judged_a_place_twice_counts_with_the_last(store) -> None:
    read(store, "a", ["accepted"])
    read(store, "b", ["rejected"])
    read(store, "a", ["rejected"])
    assert [(pair.both, pair.same) for pair in numbers(store).agreements] == [(1, 1)]


def test_scores_of_training_are_those_of_the_training_dock(store) -> None:
    a_department(store)
    for trained in numbers(store).trained:
        scores = earlier_scores(store, trained.annotator)
        answers = sum(one.answers for one in scores)
        assert trained.score.answers == answers == 100
        assert trained.score.accuracy == pytest.approx(sum(s.accuracy * s.answers for s in scores) / answers)
        assert trained.score.brier == pytest.approx(sum(s.brier * s.answers for s in scores) / answers)
        counts = sum(one.confidence.count for one in scores)
        np.testing.assert_array_equal(trained.score.confidence.count, counts)
        assert len(trained.curve) == len(scores)


def test_only_first_answers_are_on_the_curve(store) -> None:
    lesson(store, "t", [0, 1, 2, 3], [True, False, True, False])
    lesson(
        store, "t", [1, 3, 4, 5], [True, True, False, False], arms=["first", "without", "after", "without"]
    )
    lesson(store, "t", [0, 1], [True, True])
    lesson(store, "u", [0, 1], [True, True])  # another annotator has seen nothing yet
    t, u = numbers(store).trained
    assert [(p.right, p.first, p.repeats, p.aided) for p in t.curve] == [
        (2, 4, 0, 0),
        (0, 2, 2, 1),
        (0, 0, 2, 0),
    ]
    assert [(p.right, p.first) for p in u.curve] == [(2, 2)]
    assert t.score.accuracy == 6 / 10
    assert math.isnan(t.curve[2].accuracy) and math.isnan(t.curve[2].low)
    # Wilson's interval of 2 of 4, from the formula of his paper
    z, n, p = 1.959963984540054, 4, 0.5
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (t.curve[0].low, t.curve[0].high) == pytest.approx((centre - half, centre + half))


def test_a_lesson_that_goes_on_does_not_tell_its_answers(store) -> None:
    lesson(store, "t", [0, 1], [True, True])
    lesson(store, "t", [2, 3, 4], [False, None, None], close=False)
    (t,) = numbers(store).trained
    assert t.score.answers == 2 and len(t.curve) == 1
    lesson(store, "t", [2, 5], [True, True])  # the other was left
    (t,) = numbers(store).trained
    assert [(p.right, p.first, p.repeats) for p in t.curve] == [(2, 2, 0), (0, 1, 0), (1, 1, 1)]


def test_pseudonyms_are_those_of_the_shared_table_and_change_nothing_else(store) -> None:
    a_department(store)
    named, hidden = numbers(store), compute_statistics(take_snapshot(store).pseudonymous())
    text = statistics_table(hidden).to_csv()
    assert not any(name in text for name in ("Anna", "Ben", "Chiara", "trainee", "patient"))
    both = verdict_table(store), verdict_table(store, named=False)
    for column, rows in (("annotator", "annotators"), ("case", "cases")):
        called = dict(zip(*(table[column] for table in both), strict=True))
        pairs = zip(getattr(named, rows), getattr(hidden, rows), strict=True)
        assert all(called[one.name] == other.name for one, other in pairs)
    assert [r.kappa for r in named.agreements] == [r.kappa for r in hidden.agreements]
    assert [r.key for r in named.trained] == [r.key for r in hidden.trained]


def test_the_table_has_all_numbers_and_can_be_written(store, tmp_path) -> None:
    a_department(store)
    found = numbers(store)
    table = statistics_table(found)
    assert set(table["section"]) == {"progress", "time", "agreement", "training", "learning"}
    kappas = table[table["measure"] == "kappa"]
    assert list(pd.to_numeric(kappas["value"])) == pytest.approx(
        [pair.kappa for pair in found.agreements], rel=1e-5, nan_ok=True
    )
    assert not table.duplicated([c for c in COLUMNS if c != "value"]).any()
    write_table(tmp_path / "t.tsv", table)
    lines = (tmp_path / "t.tsv").read_text().splitlines()
    assert len(lines) == len(table) + 1 and all(line.count("\t") == len(COLUMNS) - 1 for line in lines)


def test_a_confidence_that_is_none_is_said(store) -> None:
    lesson(store, "t", [0, 1], [True, True])
    with store._engine.begin() as connection:
        connection.execute(schema.verdicts.update().values(confidence=7.0))
    found = take_snapshot(store)
    assert not found.sessions and "its confidence is not as this program writes it" in str(found.odd)


def test_settings_of_other_programs_are_no_lessons(store) -> None:
    case, output = some_case(store)
    for exists in (None, "yes", [True]):
        tasks = [a_task(case, output, i) for i in range(2)]
        session = store.open_session(
            store.project("t"), store.annotator("t"), "training", tasks, {"exists": exists}
        )
        for task in store.tasks(session):
            store.record(session, "verdict", task.id, {"decision": "accepted", "confidence": 0.9})
    (t,) = numbers(store).trained
    assert t.score.answers == 1  # of two questions one has a truth


def test_looking_changes_nothing(path) -> None:
    with Store(path) as store:
        a_department(store, lessons=1)
        before = [store.head(s.id) for s in store.sessions()]
        with pytest.raises(InputError, match="no such table"), store.reading() as connection:
            connection.execute(sa.text("SELECT * FROM elsewhere"))
        numbers(store)
        assert [store.head(s.id) for s in store.sessions()] == before
        assert set(store.verify().values()) == {""}


@st.composite
def readings(draw):
    """Sessions of a few annotators over a few places of one case."""
    sessions, tasks = [], {}
    for i in range(draw(st.integers(1, 6))):
        id = f"s{i}"
        closed = draw(st.sampled_from([None, "2026-01-02T00:00:00+00:00"]))
        who = draw(st.sampled_from("abc"))
        sessions.append(Session(id, "p", who, "review", {}, f"2026-01-01T00:00:0{i}+00:00", closed))
        places = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True))
        tasks[id] = tuple(
            SnapshotTask(
                n,
                (1, "lesion", (place, 0, 0)),
                draw(st.sampled_from([None, 0.25, 0.75])),
                draw(st.sampled_from([None, *DECISIONS])),
                None,
                draw(st.sampled_from([None, 1.0, 4.0])),
            )
            for n, place in enumerate(places)
        )
    return Snapshot(tuple(sessions), tasks, {1: "case"}, {})


@given(readings())
@settings(max_examples=200, deadline=None)
def test_properties_of_any_readings(found) -> None:
    numbers = compute_statistics(found)
    given_ = [t for each in found.tasks.values() for t in each if t.decision is not None]
    for rows in (numbers.annotators, numbers.cases):
        assert sum(row.judged for row in rows) == len(given_)
        assert all(0 <= row.share <= 1 and row.open <= row.sessions for row in rows)
    done = [s for s in found.sessions if s.closed or all(t.decision for t in found.tasks[s.id])]
    assert numbers.waiting == len(found.sessions) - len(done)
    rows = {frozenset((row.first, row.second)): row for row in numbers.agreements}
    for a, b in combinations("abc", 2):  # plainly: the last verdict of each on each place
        said = {
            who: {t.location: t for s in done if s.annotator == who for t in found.tasks[s.id] if t.decision}
            for who in (a, b)
        }
        common = [place for place in said[a] if place in said[b]]
        row = rows.get(frozenset((a, b)))
        assert (row is not None) == bool(common)
        if row is not None:
            pairs = [(said[a][p].decision, said[b][p].decision) for p in common]
            assert row.both == len(common) and row.same == sum(x == y for x, y in pairs)
            assert row.kappa == pytest.approx(kappa(pairs), nan_ok=True)
            assert row.known_same <= row.same and row.known_differ <= row.both - row.same


def test_ten_thousand_verdicts_take_few_questions_to_the_database(store) -> None:
    case, output = some_case(store)
    people = [f"reader {i}" for i in range(20)]
    for i in range(50):
        rows = [a_task(case, output, n) for n in range(200)]
        store.open_session(store.project("x"), store.annotator(people[i % 20]), "review", rows, {"n": i})
    v, t, s = schema.verdicts, schema.tasks, schema.sessions
    with store._engine.begin() as connection:
        every = connection.execute(sa.select(t.c.id, t.c.session_id)).all()
        connection.execute(
            v.insert(),
            [
                {
                    "task_id": task,
                    "session_id": session,
                    "number": 2,
                    "decision": DECISIONS[task % 3],
                    "seconds": 1.0,
                    "comment": "",
                }
                for task, session in every
            ],
        )
        connection.execute(s.update().values(closed="2026-01-01T00:00:00.000000+00:00"))
    statements: list[str] = []
    sa.event.listen(store._engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    found = numbers(store)
    assert sum(row.judged for row in found.annotators) == 10_000 and len(found.agreements) == 190
    assert len(statements) < 20, statements
