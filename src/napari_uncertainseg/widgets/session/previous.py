"""The annotator of the verdicts that are on screen when a session starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.case import Case
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.verdicts import Verdict
from napari_uncertainseg.widgets.session import texts


@dataclass(frozen=True, eq=False)
class PreviousReview:
    """Verdicts and painting of the session that was left last; they may still be on screen."""

    session: Session
    verdicts: tuple[Verdict, ...]
    edit: np.ndarray | None
    last_entry: int
    """Of the session when it was left."""

    def goes_on_from(self, session: Session, case: Case) -> bool:
        """Whether what is on screen was done after this session was left, and would be lost."""
        review = case.review
        return (
            session.id == self.session.id and session.kind == "review" and review.was_left and review.unsaved
        )

    def is_all_of(self, case: Case) -> bool:
        """Whether nothing else is on screen."""
        review = case.review
        return review.verdicts == self.verdicts and review.edit is self.edit and not review.unsaved

    def is_some_of(self, case: Case) -> bool:
        """Whether some of it is on screen."""
        painted = self.edit is not None and case.review.edit is self.edit
        return painted or any(verdict in self.verdicts for verdict in case.review.verdicts)


def question_before_recording(previous: PreviousReview | None, case: Case, name: str) -> str | None:
    """The question before the review on screen is recorded under a name.

    None where the session of another annotator has all of it: then there is nothing to record.
    """
    other = ""
    if previous is not None and previous.session.annotator != name:
        if previous.is_all_of(case):
            return None
        if previous.is_some_of(case):
            other = previous.session.annotator
    return texts.ask_to_record(name, other)
