"""Whose verdicts are on screen when a session begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.case import Case
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.verdicts import Verdict


@dataclass(frozen=True, eq=False)
class PreviousReview:
    """What a session held when it was left, which may still be on screen."""

    session: Session
    verdicts: tuple[Verdict, ...]
    edit: np.ndarray | None

    def is_all_of(self, case: Case) -> bool:
        """Whether nothing else is on screen."""
        return case.verdicts == self.verdicts and case.edit is self.edit and not case.unsaved

    def is_some_of(self, case: Case) -> bool:
        """Whether some of it is on screen."""
        painted = self.edit is not None and case.edit is self.edit
        return painted or any(verdict in self.verdicts for verdict in case.verdicts)


def question_of(kept: PreviousReview | None, case: Case, name: str) -> str | None:
    """What to ask before what is on screen is recorded as somebody's; None where another's session has it."""
    whose = ""
    if kept is not None and kept.session.annotator != name:
        if kept.is_all_of(case):
            return None
        if kept.is_some_of(case):
            whose = f", some of them {kept.session.annotator}'s,"
    return f"Record the verdicts and the painting that are on screen{whose} as {name}'s own?"
