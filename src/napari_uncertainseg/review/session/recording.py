"""What of a case goes into a session, and whether anything would be lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from psygnal import Signal

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.case_review import CaseReview
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.verdicts import Verdict

_T = TypeVar("_T")


class RecordedReview:
    """The part of a case that knows its session."""

    not_recorded = Signal(str)
    """What was painted could not be written into the session, and why."""
    not_kept = Signal(str)
    """A session that keeps the review by default could not be written, and why: it continues without."""

    def __init__(self) -> None:
        self._reviewed = CaseReview()
        self._begin_keeping: Callable[[], None] | None = None

    @property
    def edit(self) -> np.ndarray | None:
        """What the reviewer painted."""
        raise NotImplementedError

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, in the order in which they were given."""
        return self._reviewed.verdicts

    @property
    def recorder(self) -> Recorder | None:
        """What writes this review into a session; None where none was begun."""
        return self._reviewed.recorder

    @property
    def unsaved(self) -> bool:
        """Whether verdicts or painting would be lost with the prediction; a session keeps them."""
        return self._reviewed.unsaved(self.edit)

    def mark_saved(self) -> None:
        """Say that verdicts and painting, as they are now, have been written to disk."""
        self._reviewed.mark_saved(self.edit)

    def keep_with(self, begin: Callable[[], None] | None) -> None:
        """Have a session begun with the first verdict or stroke, where none is recorded; None to stop."""
        self._begin_keeping = begin

    @property
    def why_not_kept(self) -> str:
        """Why this review is in no session although nobody left one; empty where that is not so."""
        return self._reviewed.not_kept

    def _keep(self) -> None:
        """Begin a session where none is recorded; one that could not be written is tried again."""
        left = self._reviewed.left and not self._reviewed.not_kept
        if self._begin_keeping is not None and self.recorder is None and not left:
            try:
                self._begin_keeping()
            except InputError as error:
                self._note_not_kept(error)

    def _note_not_kept(self, error: InputError) -> None:
        """Say why, once for each reason."""
        before, self._reviewed.not_kept = self._reviewed.not_kept, str(error)
        self._reviewed.left = True
        if before != str(error):
            self.not_kept.emit(str(error))

    def _or_without(self, act: Callable[[], _T]) -> _T:
        """Do what is recorded; where recording fails in a session that nobody started, do it without."""
        try:
            return act()
        except InputError as error:
            if not self._go_on_without(error):
                raise
            return act()

    def _go_on_without(self, error: InputError) -> bool:
        if self.recorder is None or not self.recorder.by_default:
            return False
        self._reviewed.leave(self.edit)
        self._note_not_kept(error)
        return True
