"""What readers ticked in the sessions of a report, as one table of verdicts on lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.feedback import REASONS
from napari_uncertainseg.review.reports.report_data import SessionPart, Summary, finite

ANY = "any"
"""The column that says whether at least one reason was ticked."""
VOLUME = "volume_mm3"


@dataclass(frozen=True, eq=False)
class Answers:
    """Verdicts on lesions of readings in which something was ticked.

    Attributes
    ----------
    table
        A row for each verdict: ``reading``, ``reader`` (as the report calls them), ``case`` (its number),
        ``voxel``, ``doubt`` (LSU; NaN where it is not known), `VOLUME`, ``sureness`` (NaN where it
        was not said), `ANY` and one column for each reason, bool.
    silent
        Readings in which nothing was ticked: whether their lesions were easy, nobody knows.
    candidates
        Verdicts on candidates with a tick: no lesions of the model, and not compared.
    notes
        Reader, case and note, of a report with names.
    """

    table: pd.DataFrame
    silent: int
    candidates: int
    notes: tuple[tuple[str, str, str], ...]


def answers_in(found: Summary) -> Answers:
    """The verdicts of the sessions that a report is about."""
    readings = [part for part in found.sessions if part.session.kind in READINGS and part.judged]
    spoken = [part for part in readings if any(one.feedback for one in part.judged)]
    rows = [row for part in spoken for row in _rows(part)]
    ticked = [(part, one) for part in spoken for one in part.judged if one.feedback]
    columns = ["reading", "reader", "case", "voxel", "doubt", VOLUME, "sureness", ANY, *REASONS]
    return Answers(
        table=pd.DataFrame(rows, columns=columns).astype(dict.fromkeys((ANY, *REASONS), bool)),
        silent=len(readings) - len(spoken),
        candidates=sum(one.task.target == "candidate" for _, one in ticked),
        notes=tuple(
            (part.annotator, one.case, one.feedback.note) for part, one in ticked if one.feedback.note
        ),
    )


def _rows(part: SessionPart) -> list[tuple[object, ...]]:
    found = []
    for one in part.judged:
        if one.task.target == "lesion":
            known = [finite(one.task.uncertainty), finite(one.task.volume_mm3), finite(one.feedback.sureness)]
            doubt, volume, sureness = (np.nan if value is None else value for value in known)
            said = [reason in one.feedback.reasons for reason in REASONS]
            row = (part.session.id, part.annotator, one.task.case, one.task.voxel, doubt, volume, sureness)
            found.append((*row, any(said), *said))
    return found
