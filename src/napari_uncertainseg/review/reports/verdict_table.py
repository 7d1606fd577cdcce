"""Sessions as tables and JSON, to share: with names, or without."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from napari_uncertainseg.review.session.remaining_errors import is_wrong
from napari_uncertainseg.review.store.store import Store

COLUMNS = (
    "session",
    "annotator",
    "kind",
    "case",
    "position",
    "target",
    "label",
    "slice_s",
    "slice_a",
    "slice_r",
    "uncertainty",
    "max_probability",
    "volume_mm3",
    "decision",
    "model_wrong",
    "confidence",
    "seconds",
    "comment",
    "reasons",
    "sureness",
    "note",
)


def verdict_table(store: Store, *, named: bool = True) -> pd.DataFrame:
    """One row per task of all sessions that can be read, with its verdict where there is one.

    Parameters
    ----------
    store
        Of the sessions.
    named
        False writes ``annotator 1``, ``case 1`` and so on, in the order of their first sessions, and leaves
        comments and notes out: they may name somebody.
    """
    rows: list[dict[str, Any]] = []
    names: dict[tuple[str, str], str] = {}
    with store.reading():
        called = store.case_names()
        for session in reversed(store.readable()[0]):
            verdicts = store.verdicts(session.id)
            for task in store.tasks(session.id):
                found = verdicts.get(task.id)
                s, a, r = task.voxel
                rows.append(
                    {
                        "session": session.id,
                        "annotator": _called("annotator", session.annotator, names, named),
                        "kind": session.kind,
                        "case": _called("case", called[task.case], names, named),
                        "position": task.position + 1,
                        "target": task.target,
                        "label": task.label,
                        "slice_s": s,
                        "slice_a": a,
                        "slice_r": r,
                        "uncertainty": task.uncertainty,
                        "max_probability": task.probability,
                        "volume_mm3": task.volume_mm3,
                        "decision": "" if found is None else found.decision,
                        "model_wrong": None if found is None else is_wrong(task, found),
                        "confidence": None if found is None else found.confidence,
                        "seconds": None if found is None else found.seconds,
                        "comment": found.comment if found is not None and named else "",
                        "reasons": "" if found is None else ", ".join(found.feedback.reasons),
                        "sureness": None if found is None else found.feedback.sureness,
                        "note": found.feedback.note if found is not None and named else "",
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def as_json(store: Store) -> dict[str, Any]:
    """All sessions with their journals as they stand, hashes and names among them: for an archive."""
    with store.reading():
        sessions, odd = store.readable()
        called = store.case_names()
        return {
            "sessions": [
                {
                    **{**asdict(session), "settings": session.settings.written()},
                    "tasks": [
                        {**asdict(task), "case_name": called[task.case]} for task in store.tasks(session.id)
                    ],
                    "journal": [{**asdict(e), "hash": e.hash} for e in store.entries(session.id)],
                    "head": store.head(session.id),
                    "fault": store.verify(session.id)[session.id],
                }
                for session in sessions
            ],
            "not_readable": odd,
        }


def _called(kind: str, name: str, names: dict[tuple[str, str], str], named: bool) -> str:
    if named:
        return name
    known = sum(1 for other, _ in names if other == kind)
    return names.setdefault((kind, name), f"{kind} {known + 1}")
