"""Verdicts and painting on one prediction, written into a session first where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from psygnal import Signal, SignalInstance

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.review.correction import Correction
from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.open_case.recording import Recording
from napari_uncertainseg.review.open_case.reviewed_case import (
    ReviewedCase,
    component_at,
    component_name,
    painted_volumes,
    same_component,
)
from napari_uncertainseg.review.open_case.undo_history import (
    Change,
    History,
    Judgement,
    Stroke,
    changed,
)
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.painted_volumes import PaintedVolumes
from napari_uncertainseg.review.verdicts import UNDECIDED, Decision, Verdict, Voxel

_T = TypeVar("_T")


class CaseReview:
    """What a reviewer decided and painted so far, and the session into which it goes.

    Parameters
    ----------
    case
        What is reviewed. It asks for `edit` when it outlines lesions.
    """

    verdicts_changed = Signal()
    stepped = Signal(str)
    """Something was taken back, or done again: what, in words."""
    not_recorded = Signal(str)
    """What was painted could not be written into the session, and why."""

    def __init__(self, case: ReviewedCase) -> None:
        self._case = case
        self._recording = Recording(case)
        self.locked = ""
        """Why nothing can be judged, painted or undone, as in a replay: a sentence; empty where it can."""
        self.played = ""
        """That this is a session played back, and at which step; empty where the review is one's own."""
        self.clear()

    def clear(self, verdicts: tuple[Verdict, ...] = (), edit: np.ndarray | None = None) -> None:
        """Forget everything, the session too, or start with what was saved; emits nothing."""
        self._recording.reset()
        self._verdicts = verdicts
        self._edit = edit
        self._history = History()
        self._saved = (verdicts, edit)

    def set_aside(self) -> Callable[[], None]:
        """Show an empty review in place of this one, as `clear`; gives what puts it back, undo too."""
        kept = self._verdicts, self._edit, self._history, self._saved
        put_back_recording = self._recording.set_aside()

        def put_back() -> None:
            self._verdicts, self._edit, self._history, self._saved = kept
            put_back_recording()

        self.clear()
        return put_back

    # -- what there is ------------------------------------------------------------------------

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, in the order in which they were given."""
        return self._verdicts

    @property
    def edit(self) -> np.ndarray | None:
        """What the reviewer painted: int8 on the grid, +1 added, -1 removed, 0 untouched."""
        return self._edit

    @property
    def recorder(self) -> Recorder | None:
        """What writes this review into a session; None where none was begun."""
        return self._recording.recorder

    @property
    def why_not_kept(self) -> str:
        """Why this review is in no session although nobody left one; empty where that is not so."""
        return self._recording.why_not

    @property
    def begins_by_itself(self) -> bool:
        """Whether the next verdict or stroke begins a session."""
        return self._recording.begins_by_itself

    @property
    def was_left(self) -> bool:
        """Whether this review is in no session because the reader left or closed it."""
        return self._recording.was_left

    @property
    def not_kept(self) -> SignalInstance:
        """See `AutomaticSaving.failed`."""
        return self._recording.failed

    @property
    def painted(self) -> PaintedVolumes | None:
        """How far painting changed the model's lesions; None without a prediction."""
        return painted_volumes(self._case, self._edit)

    def decisions(self) -> dict[int, Decision]:
        """Verdicts by number: lesions are positive, candidates negative.

        When lesions with different verdicts have grown together, the lesion
        is unsure: nobody has judged it as it is now.
        """
        found: dict[int, Decision] = {}
        for verdict in self._verdicts:
            key = component_at(self._case, verdict.voxel)
            if key == 0:
                continue
            same = found.get(key, verdict.decision) == verdict.decision
            found[key] = verdict.decision if same else UNDECIDED
        return found

    def verdict_on(self, voxel: Voxel) -> Verdict | None:
        """The verdict on the lesion or candidate at a voxel, the latest of several; None without one."""
        is_same = same_component(self._case, voxel)
        return next((v for v in reversed(self._verdicts) if v.voxel == voxel or is_same(v.voxel)), None)

    @property
    def unsaved(self) -> bool:
        """Whether verdicts or painting would be lost with the prediction; a session keeps them."""
        verdicts, edit = self._saved
        return not self._recording.holds_all and (self._verdicts != verdicts or self._edit is not edit)

    def mark_saved(self) -> None:
        """Say that verdicts and painting, as they are now, have been written to disk."""
        self._saved = (self._verdicts, self._edit)

    # -- what the reviewer does ---------------------------------------------------------------

    def _check_unlocked(self) -> None:
        if self.locked:
            raise InputError(self.locked)

    def judge(self, voxel: Voxel, decision: Decision | None) -> None:
        """Give a verdict on the lesion or candidate at a voxel; None takes it back.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written, or the review is locked: nothing is changed then.
        """
        self._check_unlocked()
        self._recording.start_by_default()
        self._or_without(lambda: self._judge(voxel, decision))
        self.verdicts_changed.emit()

    def _judge(self, voxel: Voxel, decision: Decision | None) -> None:
        self._recording.write_verdict(voxel, decision, self._edit)
        component, before = component_at(self._case, voxel), self._verdicts
        kept = tuple(v for v in before if component_at(self._case, v.voxel) != component or component == 0)
        kept = tuple(v for v in kept if v.voxel != voxel)
        self._verdicts = kept if decision is None else (*kept, Verdict(voxel, decision))
        what = f"{decision or 'no verdict on'} {component_name(component)}"
        self._history.add(Judgement(what, voxel, before, self._verdicts))

    def give_feedback(self, voxel: Voxel, feedback: Feedback) -> None:
        """Say why the verdict at a voxel was hard, and how sure it is; nothing happens without a verdict.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written, or the review is locked: nothing is changed then.
        """
        self._check_unlocked()
        verdict = self.verdict_on(voxel)
        if verdict is not None and verdict.feedback != feedback:
            self._or_without(lambda: self._give_feedback(verdict, feedback))
            self.verdicts_changed.emit()

    def _give_feedback(self, verdict: Verdict, feedback: Feedback) -> None:
        self._recording.write_feedback(verdict.voxel, feedback)
        before, after = self._verdicts, replace(verdict, feedback=feedback)
        self._verdicts = tuple(after if each is verdict else each for each in before)
        what = f"ticks on {component_name(component_at(self._case, verdict.voxel))}"
        self._history.add(Judgement(what, verdict.voxel, before, self._verdicts))

    def set_edit(
        self, edit: np.ndarray | None, correction: Correction | None = None, within: Box | None = None
    ) -> None:
        """Take the reviewer's painting, as one stroke; it outlives every change of the threshold.

        Parameters
        ----------
        edit
            int8 of the grid's shape: +1 added, -1 removed, 0 untouched; None for no painting.
        correction
            The tool that changed it; None for napari's brush.
        within
            A box outside of which the painting is as it was; None: anywhere.

        Raises
        ------
        InputError
            If the review is locked: nothing is changed then.
        """
        self._check_unlocked()
        flat = changed(self._edit, edit, within)
        if len(flat):
            self._recording.start_by_default()
        before, lesions = self._edit, self._case.lesions
        self._show_edit(edit)
        if lesions is not None:
            number = lambda at: component_at(self._case, at) or lesions.component_at(at)  # noqa: E731
            stroke = Stroke.between(before, edit, flat, correction, number)
            if stroke is not None:
                self._history.add(stroke)
        try:
            self._recording.write_edit(self._edit, {} if correction is None else correction.written())
        except InputError as error:  # the strokes are there already; the next ones may be recorded
            if not self._continue_without(error):
                self.not_recorded.emit(str(error))

    def undo(self) -> Change | None:
        """Take back what was done last, a verdict or a stroke; None where there is nothing.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written, or the review is locked: nothing is changed then.
        """
        return self._step(back=True)

    def redo(self) -> Change | None:
        """Do again what was taken back; as `undo`."""
        return self._step(back=False)

    def _step(self, *, back: bool) -> Change | None:
        self._check_unlocked()
        change = self._or_without(lambda: self._step_once(back=back))
        if change is not None:
            self.verdicts_changed.emit()
            self.stepped.emit(f"{'Undone' if back else 'Done again'}: {change.what}")
        return change

    def _step_once(self, *, back: bool) -> Change | None:
        change = self._history.last(back=back)
        if change is None:
            return None
        if isinstance(change, Stroke):
            self._repaint(change, back=back)
        else:
            self._recording.write_step(back=back)
            self._verdicts = change.before if back else change.after
        self._history.step(back=back)
        return change

    def _repaint(self, stroke: Stroke, *, back: bool) -> None:
        prediction, before = self._case.prediction, self._edit
        assert prediction is not None
        self._show_edit(stroke.on(before, prediction.grid.shape, back=back))
        try:
            self._recording.write_edit(self._edit, stroke.step(back=back))
        except InputError:
            self._show_edit(before)
            raise

    def _show_edit(self, edit: np.ndarray | None) -> None:
        self._edit = edit
        self._case.painting_changed()

    # -- the session --------------------------------------------------------------------------

    def set_recorder(self, recorder: Recorder | None) -> None:
        """Write verdicts and painting into a session from now on, or stop (None).

        What a resumed session holds, is taken over; a new one begins with what there is.

        Raises
        ------
        InputError
            If the session cannot be written, or its painting cannot be read or does not fit.
        """
        prediction = self._case.prediction
        if recorder is None or prediction is None:
            self._leave()
        elif recorder.is_new:
            self._recording.begin(recorder, self._verdicts, self._edit)
            self._history = History()  # undo ends where the session begins
        else:
            self._resume(recorder, prediction.grid.shape)
        self.verdicts_changed.emit()

    def catch_up(self, recorder: Recorder) -> None:
        """Write into a session again that was left, and first what was done since; the review stays as it is.

        Raises
        ------
        InputError
            If the session cannot be written, or its painting cannot be read; it goes on in no session then.
        """
        self._recording.catch_up(recorder, self._verdicts, self._edit)
        self._history = History()  # what was done in no session cannot be taken back step by step
        self.verdicts_changed.emit()

    def _resume(self, recorder: Recorder, shape: tuple[int, ...]) -> None:
        """Take over what a session holds, and write into it from now on."""
        edit = recorder.painted()
        if edit is not None:
            check_same_shape("The painting", edit.shape, "the scan", shape)
        self._recording.pause()  # what is taken over is not written again
        self._case.restart_numbers(recorder.numbers())
        self._show_edit(edit)
        self._verdicts, self._history = recorder.verdicts, History()
        self._recording.continue_in(recorder)

    def _leave(self) -> None:
        """Stop recording; what the session holds, which is all that could be written, is saved."""
        if self._recording.holds_all:
            self.mark_saved()
        self._recording.leave()

    def next_task(self, selected: Voxel | None) -> Voxel | None:
        """What the session has next, without what is selected; None without one, or with one by default."""
        recorder = self.recorder
        if recorder is None or recorder.by_default:
            return None
        here = (lambda _: False) if selected is None else same_component(self._case, selected)
        return recorder.next_task(here)

    def keep_with(self, begin: Callable[[], None] | None) -> None:
        """Have a session begun with the first verdict or stroke, where none is recorded; None to stop."""
        self._recording.keep_with(begin)

    def _or_without(self, act: Callable[[], _T]) -> _T:
        """Do what is recorded; where recording fails in a session that nobody started, do it without."""
        try:
            return act()
        except InputError as error:
            if not self._continue_without(error):
                raise
            return act()

    def _continue_without(self, error: InputError) -> bool:
        if not self._recording.may_go_on_without():
            return False
        self._leave()
        self._recording.note_failure(error)
        return True
