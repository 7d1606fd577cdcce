"""All that a report says of sessions, as numbers: one read of the store, with names or without."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.lessons.lesson import Lesson, is_lesson
from napari_uncertainseg.review.lessons.outlining import outlines
from napari_uncertainseg.review.lessons.scoring import Score
from napari_uncertainseg.review.reports.report_data import (
    LocationDecisions,
    MeanUncertainty,
    ReportTask,
    RereadPart,
    SessionPart,
    Summary,
    TrainingPart,
    WrongPart,
    finite,
    location_of,
)
from napari_uncertainseg.review.reports.verdict_table import verdict_table
from napari_uncertainseg.review.session.rereading import (
    Location,
    decisions,
    first_reading_id,
    is_reading_of,
    reading_status,
)
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.store.records import Session, Task
from napari_uncertainseg.review.store.session_settings import SECOND
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import says_lesion

MOST_UNCERTAIN = 12
"""Locations of a case that are shown."""
_UNSOUND = "This session is not sound; `uncertainseg session verify` says why."
_NO_SCORE = "This session cannot be scored; the report with names says why."


def summarise(
    store: Store, session_id: str | None = None, *, named: bool = True, progress: Progress = silent
) -> Summary:
    """Read what a report says.

    Parameters
    ----------
    store
        Of the sessions; nothing is written.
    session_id
        One, with the other readings of the same; all if None.
    named
        False calls people and cases by number as `verdict_table` does, and leaves out comments and files.
    progress
        Told which session is read; may raise `Cancelled`.

    Raises
    ------
    InputError
        If there is no such session, or the store cannot be read.
    """
    with store.reading():
        wanted, odd = _wanted(store, session_id)
        parts = _parts(store, wanted, named, progress)
        again = tuple(_reread(store, one, parts) for one in parts if _second_of(one, parts))
        differing = {location_of(one.task) for part in again for one in part.differing}
        return Summary(
            file=store.name if named else "",
            made=datetime.now(UTC),
            named=named,
            sessions=tuple(parts),
            reread=again,
            wrong=tuple(wrong for part in parts for wrong in _wrong(part)),
            training=tuple(
                _training(store, part, named) for part in parts if part.session.kind == "training"
            ),
            most_uncertain=_most_uncertain(parts, differing),
            odd=odd if named else dict.fromkeys(odd, _UNSOUND),
        )


def _wanted(store: Store, session_id: str | None) -> tuple[list[Session], dict[str, str]]:
    """The sessions of a report, the earliest first, and those that cannot be read."""
    every, odd = store.readable()
    every.reverse()
    if session_id is None:
        return every, odd
    if session_id in odd:
        raise Unreadable(odd[session_id])
    first = first_reading_id(store.session(session_id))
    later = {s.id for s in every if is_reading_of(s, first)}
    return [s for s in every if s.id in {first, session_id} | later], {}


def _parts(store: Store, wanted: Sequence[Session], named: bool, progress: Progress) -> list[SessionPart]:
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for row in verdict_table(store, named=named).astype(object).to_dict("records"):
        rows.setdefault(row["session"], {})[row["position"] - 1] = {str(k): v for k, v in row.items()}
    parts = []
    for i, session in enumerate(wanted):
        progress(f"session {i + 1} of {len(wanted)}", i / len(wanted))
        parts.append(_part(store, session, rows.get(session.id, {}), named))
    return parts


def _part(store: Store, session: Session, rows: Mapping[int, Mapping[str, Any]], named: bool) -> SessionPart:
    tasks = {task.position: task for task in store.tasks(session.id)}
    items = tuple(_judged(tasks[at], row) for at, row in rows.items() if at in tasks)
    called = next((str(row["annotator"]) for row in rows.values()), session.annotator if named else "")
    fault = store.verify(session.id)[session.id]
    if fault and not named:  # it may tell a path
        fault = _UNSOUND
    return SessionPart(
        session=session,
        annotator=called,
        items=items,
        head=store.head(session.id),
        fault=fault,
        painted=PaintedVolumes.at_last(store.entries(session.id)),
    )


def _judged(task: Task, row: Mapping[str, Any]) -> ReportTask:
    decision = str(row["decision"])
    wrong = bool(row["model_wrong"]) if decision else None
    seconds, comment = finite(row["seconds"]), str(row["comment"])
    return ReportTask(task, str(row["case"]), decision, wrong, seconds, comment, _feedback(row))


def _feedback(row: Mapping[str, Any]) -> Feedback:
    reasons, sureness = str(row["reasons"]), finite(row["sureness"])
    ticked = tuple(reasons.split(", ")) if reasons else ()
    return Feedback(ticked, None if sureness is None else int(sureness), str(row["note"]))


def _second_of(part: SessionPart, parts: Sequence[SessionPart]) -> bool:
    return any(is_reading_of(other.session, part.session.id, SECOND) for other in parts)


def _reread(store: Store, part: SessionPart, parts: Sequence[SessionPart]) -> RereadPart:
    found = reading_status(store, part.session.id)
    called = {other.session.id: other.annotator for other in parts}
    readings = [s for s in (found.first, found.second, found.third) if s is not None]
    names = tuple(called.get(s.id, "") for s in readings)
    said = [decisions(store, s.id) for s in readings]
    case = {location_of(one.task): one.case for one in part.items}
    differing = tuple(
        LocationDecisions(
            task,
            case.get(location_of(task), ""),
            tuple((name, _decision(theirs, task)) for name, theirs in zip(names, said, strict=True)),
        )
        for task in found.differing
    )
    places = {location_of(one.task): one.task for one in part.items}
    both = [at for at in said[0] if at in said[1] and at in places]
    same = [places[at] for at in both if said[0][at].decision == said[1][at].decision]
    return RereadPart(
        found, names, differing, mean_uncertainty(same), mean_uncertainty(one.task for one in differing)
    )


def _decision(said: Mapping[Location, CurrentVerdict], task: Task) -> str:
    found = said.get(location_of(task))
    return "" if found is None else found.decision


def mean_uncertainty(tasks: Iterable[Task]) -> MeanUncertainty:
    """Mean uncertainty (LSU, 0 to 1) of the tasks of which it is known; NaN of none."""
    known = [x for task in tasks if (x := finite(task.uncertainty)) is not None]
    return MeanUncertainty(float(np.mean(known)) if known else math.nan, len(known))


def _wrong(part: SessionPart) -> list[WrongPart]:
    found = []
    for target in ("lesion", "candidate"):
        judged = [one for one in part.judged if one.task.target == target]
        if part.session.kind not in READINGS or not judged:
            continue
        wrong = [says_lesion(one.decision) for one in judged if one.wrong]
        against, unsure = wrong.count(target == "candidate"), wrong.count(None)
        found.append(
            WrongPart(
                session=part.session.id,
                annotator=part.annotator,
                target=target,
                judged=len(judged),
                wrong=len(wrong),
                opposite=against,
                undecided=unsure,
                painted=len(wrong) - against - unsure,
            )
        )
    return found


def _training(store: Store, part: SessionPart, named: bool) -> TrainingPart:
    scores: dict[str, Score] = {}
    moved, outline, trouble = None, {}, ""
    try:
        if is_lesson(part.session):
            lesson = Lesson(store, part.session.id)
            if lesson.answered:
                scores = {"all": lesson.score(), **lesson.score_by_arm(), **lesson.score_by_size()}
                moved = lesson.influence()
        else:
            outline = _outline(store, part.session.id)
    except InputError as error:
        trouble = f"This session cannot be scored: {error}" if named else _NO_SCORE
    if not trouble and not scores and not outline:
        trouble = "No answer yet."
    return TrainingPart(part.session.id, part.annotator, scores, moved, outline, trouble)


def _outline(store: Store, session_id: str) -> dict[str, float]:
    made = outlines(store, session_id)
    return {name: x for name, x in made[-1].score.items() if x is not None} if made else {}


def _most_uncertain(
    parts: Sequence[SessionPart], without: set[Location]
) -> dict[int, tuple[LocationDecisions, ...]]:
    """Reviewed locations by case, the most uncertain first."""
    said: dict[Location, list[tuple[str, str]]] = {}
    first: dict[Location, ReportTask] = {}
    for part in parts:
        for one in part.judged if part.session.kind in READINGS else ():
            at = location_of(one.task)
            if one.task.target != "case" and finite(one.task.uncertainty) is not None and at not in without:
                first.setdefault(at, one)
                said.setdefault(at, []).append((part.annotator, one.decision))
    found: dict[int, list[LocationDecisions]] = {}
    for at in sorted(first, key=lambda at: -(first[at].task.uncertainty or 0.0)):
        mine = found.setdefault(at[0], [])
        if len(mine) < MOST_UNCERTAIN:
            mine.append(LocationDecisions(first[at].task, first[at].case, tuple(said[at])))
    return {case: tuple(found[case]) for case in sorted(found)}
