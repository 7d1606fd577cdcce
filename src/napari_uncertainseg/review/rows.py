"""What stands in a store, as objects and as rows of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.journal import Entry
from napari_uncertainseg.review.standing import Standing
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
        Number in the output's label image; 0 of a case.
    voxel
        Index (s, a, r) to look at.
    uncertainty, probability, volume_mm3
        What is known of it beforehand.
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
        What was chosen: order, arm, target of the stop rule.
    opened, closed
        ISO 8601, UTC; None while it goes on.
    """

    id: str
    project: str
    annotator: str
    kind: str
    settings: Mapping[str, Any]
    opened: str
    closed: str | None


def session_of(row: Sequence[Any]) -> Session:
    """A session from its row; settings that somebody made into something else are none."""
    id, project, annotator, kind, settings, opened, closed = row
    known = settings if isinstance(settings, dict) else {}
    return Session(id, project, annotator, kind, known, opened, closed)


def task_row(session: str, position: int, task: NewTask) -> dict[str, Any]:
    """A row of a task at a position of a session."""
    s, a, r = task.voxel
    return {
        "session_id": session,
        "position": position,
        "case_id": task.case,
        "output_id": task.output,
        "target": task.target,
        "label": task.label,
        "voxel_s": s,
        "voxel_a": a,
        "voxel_r": r,
        "uncertainty": task.uncertainty,
        "probability": task.probability,
        "volume_mm3": task.volume_mm3,
    }


def task_of(row: Mapping[str, Any]) -> Task:
    """A task from its row."""
    return Task(
        row["case_id"],
        row["output_id"],
        row["target"],
        row["label"],
        (row["voxel_s"], row["voxel_a"], row["voxel_r"]),
        _number(row, "uncertainty"),
        _number(row, "probability"),
        _number(row, "volume_mm3"),
        row["id"],
        row["position"],
    )


def _number(row: Mapping[str, Any], name: str) -> float | None:
    """A number of a row: a file from elsewhere may hold anything there."""
    value = row[name]
    if value is not None and not isinstance(value, int | float):
        raise InputError(f"Task {row['id']} of session {row['session_id']} has a {name} that is no number.")
    return value


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


def verdict_row(session: str, task: int, found: Standing) -> dict[str, Any]:
    """A row of a verdict that stands."""
    return {
        "task_id": task,
        "session_id": session,
        "number": found.number,
        "decision": found.decision,
        "confidence": found.confidence,
        "seconds": found.seconds,
        "comment": found.comment,
        "mask_sha256": found.mask,
    }


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An entry from its row."""
    names = ("session_id", "number", "at", "kind", "task_id", "content", "previous")
    return Entry(*(row[name] for name in names))
