"""Sessions, tasks and entries, as objects and as rows of the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import (
    Fits,
    Unreadable,
    is_amount,
    is_count,
    is_id,
    is_plain,
    is_share,
    is_whole,
    or_none,
    shown_id,
)
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.journal import Entry
from napari_uncertainseg.review.store.session_settings import SessionSettings, read_settings
from napari_uncertainseg.review.verdicts import Voxel


@dataclass(frozen=True)
class NewTask:
    """What an annotator is to look at.

    Attributes
    ----------
    case, output
        Their numbers in the store; no output where the annotator starts from nothing.
    target
        ``"lesion"``, ``"candidate"`` or ``"case"``.
    label
        Number in the output's label image, below 0 of a candidate; 0 of a case.
    voxel
        Index (s, a, r) to look at.
    uncertainty
        Of the lesion (LSU), 0 to 1; None where the model says nothing.
    probability
        The largest probability that the model gives to a voxel of it (its peak), 0 to 1; None likewise.
    volume_mm3
        mm3, as the model outlines it.
    """

    case: int
    output: int | None
    target: str
    label: int
    voxel: Voxel
    uncertainty: float | None = None
    probability: float | None = None
    volume_mm3: float | None = None


@dataclass(frozen=True)
class Task(NewTask):
    """A task in its session's order; ``id`` names it in the journal."""

    id: int = 0
    position: int = 0


@dataclass(frozen=True)
class Session:
    """A session as it was opened.

    Attributes
    ----------
    id
        32 hexadecimal digits.
    project, annotator
        Names.
    kind
        ``"review"``, ``"training"`` or ``"qc"``.
    settings
        What was chosen when it was opened.
    opened, closed
        ISO 8601, UTC; None while it is open.
    """

    id: str
    project: str
    annotator: str
    kind: str
    settings: SessionSettings
    opened: str
    closed: str | None


def session_of(row: Mapping[Any, Any]) -> Session:
    """A session from its row, which also holds ``project`` and ``annotator``, their names."""
    checked(schema.sessions, row, f"Session {shown_id(row['id'])}")
    for name in ("project", "annotator"):
        if not is_plain(row[name]):
            raise Unreadable(_odd(f"Session {row['id']}", name))
    return Session(
        id=row["id"],
        project=row["project"],
        annotator=row["annotator"],
        kind=row["kind"],
        settings=read_settings(row["kind"], row["settings"]),
        opened=row["opened"],
        closed=row["closed"],
    )


def checked(table: sa.Table, row: Mapping[Any, Any], what: str) -> Mapping[Any, Any]:
    """The row of a table, if every value in it is of the kind that its column holds.

    Parameters
    ----------
    table
        One of `schema`; columns that the row lacks are not looked at.
    row
        From a file, which may hold anything.
    what
        What to call it.

    Raises
    ------
    Unreadable
        If a value is of another kind.
    """
    for name, fits in _kinds(table):
        if name in row and not fits(row[name]):
            raise Unreadable(_odd(what, name))
    return row


@cache
def _kinds(table: sa.Table) -> tuple[tuple[str, Fits], ...]:
    found = []
    for column in table.columns:
        fits = _SPECIAL.get(f"{table.name}.{column.name}") or next(
            fits for kind, fits in _KINDS.items() if isinstance(column.type, kind)
        )
        found.append((column.name, or_none(fits) if column.nullable else fits))
    return tuple(found)


_KINDS: Mapping[type, Fits] = {
    sa.Integer: is_count,
    sa.Float: is_amount,
    sa.String: is_plain,
    sa.JSON: lambda value: True,
}
_SPECIAL: Mapping[str, Fits] = {
    "session.id": is_id,
    "task.session_id": is_id,
    "entry.session_id": is_id,
    "task.label": is_whole,
    "task.uncertainty": is_share,
    "task.probability": is_share,
    "verdict.confidence": is_share,
}
"""Columns that hold less than their type does."""


def _odd(what: str, name: str) -> str:
    return f"{what}: its {name} is not as this program writes it, so that somebody has changed the file."


def task_row(session_id: str, position: int, task: NewTask) -> dict[str, Any]:
    """A row of a task at a position of a session."""
    s, a, r = map(int, task.voxel)
    return {
        "session_id": session_id,
        "position": position,
        "case_id": task.case,
        "output_id": task.output,
        "target": task.target,
        "label": task.label,
        "voxel_s": s,
        "voxel_a": a,
        "voxel_r": r,
        "uncertainty": _known(task.uncertainty),
        "probability": _known(task.probability),
        "volume_mm3": _known(task.volume_mm3),
    }


def _known(value: float | None) -> float | None:
    """A column holds a number or nothing, and no NaN."""
    return None if value is None or math.isnan(value) else float(value)


def task_of(row: Mapping[Any, Any]) -> Task:
    """A task from its row."""
    checked(schema.tasks, row, f"Task {shown_id(row['id'])} of session {shown_id(row['session_id'])}")
    return Task(
        case=row["case_id"],
        output=row["output_id"],
        target=row["target"],
        label=row["label"],
        voxel=(row["voxel_s"], row["voxel_a"], row["voxel_r"]),
        uncertainty=row["uncertainty"],
        probability=row["probability"],
        volume_mm3=row["volume_mm3"],
        id=row["id"],
        position=row["position"],
    )


def entry_row(entry: Entry) -> dict[str, Any]:
    """A row of an entry."""
    return {
        "session_id": entry.session,
        "number": entry.number,
        "at": entry.at,
        "kind": entry.kind,
        "task_id": entry.task,
        "content": entry.content,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def verdict_row(session_id: str, task: int, found: CurrentVerdict) -> dict[str, Any]:
    """A row of a current verdict."""
    return {
        "task_id": task,
        "session_id": session_id,
        "number": found.number,
        "decision": found.decision,
        "confidence": found.confidence,
        "seconds": found.seconds,
        "comment": found.comment,
        "mask_sha256": found.mask,
        "reasons": ",".join(found.feedback.reasons) or None,
        "sureness": found.feedback.sureness,
        "note": found.feedback.note or None,
    }


def entry_of(row: Mapping[Any, Any]) -> Entry:
    """An entry from its row."""
    checked(schema.entries, row, f"Entry {shown_id(row['number'])} of session {shown_id(row['session_id'])}")
    names = ("session_id", "number", "at", "kind", "task_id", "content", "previous")
    return Entry(*(row[name] for name in names))
