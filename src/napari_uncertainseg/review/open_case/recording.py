"""The session into which a review is written: one that the reader began, one by default, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from psygnal import SignalInstance

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.open_case.automatic_saving import AutomaticSaving
from napari_uncertainseg.review.open_case.reviewed_case import (
    ReviewedCase,
    about_lesion,
    about_numbers,
    painted_volumes,
    same_component,
)
from napari_uncertainseg.review.open_case.undo_history import changed
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.verdicts import Decision, Verdict, Voxel


class Recording:
    """Writes a review into a session, where there is one.

    What cannot be written raises InputError.

    Parameters
    ----------
    case
        Under review.

    Attributes
    ----------
    recorder
        Writes into the session; None where none was begun.
    """

    def __init__(self, case: ReviewedCase) -> None:
        self._case = case
        self._saving = AutomaticSaving()
        self.reset()

    def reset(self) -> None:
        """Begin with another review, in no session."""
        self.recorder: Recorder | None = None
        self._unwritten = False
        self._saving.reset()

    def set_aside(self) -> Callable[[], None]:
        """Begin with another review, as `reset`; gives what goes back to the one before."""
        kept = self.recorder, self._unwritten
        put_back_saving = self._saving.set_aside()

        def put_back() -> None:
            self.recorder, self._unwritten = kept
            put_back_saving()

        self.reset()
        return put_back

    @property
    def holds_all(self) -> bool:
        """Whether all that the reader did is in the session."""
        return self.recorder is not None and not self._unwritten

    @property
    def why_not(self) -> str:
        """See `AutomaticSaving.why_not`."""
        return self._saving.why_not

    @property
    def begins_by_itself(self) -> bool:
        """Whether what comes next begins a session."""
        return self.recorder is None and self._saving.waits

    @property
    def was_left(self) -> bool:
        """Whether nothing is written because the reader left or closed the session."""
        return self.recorder is None and self._saving.was_left

    @property
    def failed(self) -> SignalInstance:
        """See `AutomaticSaving.failed`."""
        return self._saving.failed

    # -- which session --------------------------------------------------------------------------

    def keep_with(self, begin: Callable[[], None] | None) -> None:
        """Take the function that begins a session by default; None to save nothing by default."""
        self._saving.begin_with(begin)

    def start_by_default(self) -> None:
        """Begin a session where there is none, unless the reader left one."""
        if self.recorder is None:
            self._saving.start()

    def begin(self, recorder: Recorder, verdicts: tuple[Verdict, ...], edit: np.ndarray | None) -> None:
        """Write into a new session from now on, and first what there is."""
        self.recorder = recorder
        try:
            for verdict in verdicts:
                self.write_verdict(verdict.voxel, verdict.decision, edit)
                if verdict.feedback:
                    self.write_feedback(verdict.voxel, verdict.feedback)
            if edit is not None:
                recorder.paint(edit, self._about_painting(edit))
        except InputError:
            self.recorder = None
            raise
        self._saving.note_session()

    def catch_up(self, recorder: Recorder, verdicts: tuple[Verdict, ...], edit: np.ndarray | None) -> None:
        """Go on in a session that was left: write first in what the review differs from it by now."""
        painted = recorder.painted()
        self.recorder = recorder
        try:
            for verdict in recorder.verdicts:
                if not any(verdict.voxel == other.voxel for other in verdicts):
                    self.write_verdict(verdict.voxel, None, edit)
            for verdict in verdicts:
                if verdict not in recorder.verdicts:
                    self.write_verdict(verdict.voxel, verdict.decision, edit)
                    if verdict.feedback:
                        self.write_feedback(verdict.voxel, verdict.feedback)
            if len(changed(painted, edit)):
                recorder.paint(edit, self._about_painting(edit))
        except InputError:
            self.recorder = None
            raise
        self._unwritten = False
        self._saving.note_session()

    def pause(self) -> None:
        """Write nothing until `continue_in`."""
        self.recorder = None

    def continue_in(self, recorder: Recorder) -> None:
        """Write into a session from now on that has all there is."""
        self.recorder = recorder
        self._saving.note_session()

    def leave(self) -> None:
        """Stop writing."""
        if self.recorder is not None:
            self._saving.note_left()
        self.recorder = None

    def may_go_on_without(self) -> bool:
        """Whether a review goes on where the session cannot be written: nobody started it."""
        return self.recorder is not None and self.recorder.by_default

    def note_failure(self, error: InputError) -> None:
        """Take note of why a session could not be written."""
        self._saving.note_failure(error)

    # -- what is written ------------------------------------------------------------------------

    def write_verdict(self, voxel: Voxel, decision: Decision | None, edit: np.ndarray | None) -> None:
        """Write a verdict on what is at a voxel; None takes it back. ``edit`` is what was painted."""
        if self.recorder is not None:
            about = about_lesion(self._case, voxel, edit) | about_numbers(self._case, self.recorder.numbers())
            self.recorder.judge(voxel, decision, same_component(self._case, voxel), about)

    def write_feedback(self, voxel: Voxel, feedback: Feedback) -> None:
        """Write what is ticked beside the verdict at a voxel."""
        if self.recorder is not None:
            self.recorder.give_feedback(voxel, feedback, same_component(self._case, voxel))

    def write_edit(self, edit: np.ndarray | None, how: Mapping[str, Any]) -> None:
        """Write the painting, int8 on the grid, and how it was changed."""
        if self.recorder is not None:
            self._unwritten = True
            self.recorder.paint(edit, {**self._about_painting(edit), **how})
            self._unwritten = False

    def write_step(self, *, back: bool) -> None:
        """Write that the last verdict or ticks were taken back, or given again."""
        if self.recorder is not None:
            self.recorder.undo() if back else self.recorder.redo()

    def _about_painting(self, edit: np.ndarray | None) -> Mapping[str, Any]:
        """What is kept beside a stroke."""
        painted = painted_volumes(self._case, edit)
        if painted is None or self.recorder is None:
            return {}
        seen = {"threshold": self._case.threshold, "min_volume": self._case.min_volume}
        return {**painted.as_json(), **seen, **about_numbers(self._case, self.recorder.numbers())}
