"""Verdicts and painting on one prediction, written into a session first where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.undo_history import (
    Change,
    History,
    Judgement,
    Stroke,
    changed,
    values_at,
)
from napari_uncertainseg.review.verdicts import Decision, Verdict, Voxel

At = Callable[[Voxel], int]
"""Number of the lesion (> 0) or candidate (< 0) at a voxel, as outlined at present; 0 where there is none."""

About = Callable[[Voxel], Mapping[str, Any]]
"""What else is kept of the lesion at a voxel: threshold, whether it was painted."""


class CaseReview:
    """What a reviewer decided so far.

    Attributes
    ----------
    recorder
        What writes it into a session; None where none was begun.
    left
        Whether a session was left: none begins by itself then, unless it was left because of `not_kept`.
    not_kept
        Why no session that nobody began could be written; empty where one could.
    verdicts
        All verdicts, in the order in which they were given.
    """

    def __init__(self, verdicts: tuple[Verdict, ...] = ()) -> None:
        self.recorder: Recorder | None = None
        self.left = False
        self.not_kept = ""
        self.verdicts = verdicts
        self._history = History()
        self._unwritten = False
        self._saved: tuple[tuple[Verdict, ...], np.ndarray | None] = ((), None)

    def judge(self, voxel: Voxel, decision: Decision | None, at: At, about: About) -> None:
        """Give a verdict, None takes one back; InputError, and nothing changed, if it cannot be written."""
        self._write(voxel, decision, at, about)
        component, before = at(voxel), self.verdicts
        kept = tuple(v for v in before if at(v.voxel) != component or component == 0)
        kept = tuple(v for v in kept if v.voxel != voxel)
        self.verdicts = kept if decision is None else (*kept, Verdict(voxel, decision))
        what = f"{decision or 'no verdict on'} {_name(component)}"
        self._history.add(Judgement(what, voxel, before, self.verdicts))

    def stroke(self, before: np.ndarray | None, after: np.ndarray | None, at: At, was: At) -> None:
        """Take note of what was painted; `paint` writes it.

        Parameters
        ----------
        before, after
            The painting.
        at, was
            The lesion at a voxel, after and before.
        """
        flat = changed(before, after)
        edit = before if after is None else after
        if not len(flat) or edit is None:
            return
        s, a, r = (int(i) for i in np.unravel_index(flat[len(flat) // 2], edit.shape))
        what = f"a stroke on {_name(at((s, a, r)) or was((s, a, r)))}"
        values = values_at(before, flat), values_at(after, flat)
        self._history.add(Stroke(what, (s, a, r), flat, *values))

    def step(self, repaint: Callable[[Stroke], None], *, back: bool) -> Change | None:
        """Take back what was done last, or do it again; None where there is nothing.

        Parameters
        ----------
        repaint
            Takes a stroke back, or paints it again.
        back
            Whether it is taken back.

        Raises
        ------
        InputError
            If a session is recorded and cannot be written: nothing is changed then.
        """
        change = self._history.last(back=back)
        if change is None:
            return None
        if isinstance(change, Stroke):
            repaint(change)
        else:
            if self.recorder is not None:
                self.recorder.undo() if back else self.recorder.redo()
            self.verdicts = change.before if back else change.after
        self._history.step(back=back)
        return change

    def begin(
        self, recorder: Recorder, edit: np.ndarray | None, painted: Mapping[str, Any], at: At, about: About
    ) -> None:
        """Write into a new session from now on, and first what there is: undo ends there."""
        self.recorder = recorder
        try:
            for verdict in self.verdicts:
                self._write(verdict.voxel, verdict.decision, at, about)
            if edit is not None:
                recorder.paint(edit, painted)
            self._history, self.not_kept = History(), ""
        except InputError:
            self.recorder = None
            raise

    def go_on(self, recorder: Recorder) -> None:
        """Take over what a session holds, and write into it from now on."""
        self.recorder, self.verdicts, self._history = recorder, recorder.verdicts, History()
        self.not_kept = ""

    def paint(self, edit: np.ndarray | None, painted: Mapping[str, Any]) -> None:
        """Write what was painted into the session, where there is one; InputError if it cannot be."""
        if self.recorder is not None:
            self._unwritten = True
            self.recorder.paint(edit, painted)
            self._unwritten = False

    def leave(self, edit: np.ndarray | None) -> None:
        """Stop recording; what the session holds, which is all that could be written, is saved."""
        if self.recorder is not None and not self._unwritten:
            self.mark_saved(edit)
        self.left = self.left or self.recorder is not None
        self.recorder = None

    def next_task(self, selected: Voxel | None, at: At) -> Voxel | None:
        """What the session has next, without what is selected; None without one, or with one by default."""
        if self.recorder is None or self.recorder.by_default:
            return None
        here = 0 if selected is None else at(selected)
        return self.recorder.next_task(lambda voxel: here != 0 and at(voxel) == here)

    def decisions(self, at: At) -> dict[int, Decision]:
        """Verdicts by number: lesions are positive, candidates negative.

        When lesions with different verdicts have grown together, the lesion
        is unsure: nobody has judged it as it is now.
        """
        found: dict[int, Decision] = {}
        for verdict in self.verdicts:
            key = at(verdict.voxel)
            if key == 0:
                continue
            same = found.get(key, verdict.decision) == verdict.decision
            found[key] = verdict.decision if same else "unsure"
        return found

    def mark_saved(self, edit: np.ndarray | None) -> None:
        """Say that verdicts and painting, as they are now, have been written to disk."""
        self._saved = (self.verdicts, edit)

    def unsaved(self, edit: np.ndarray | None) -> bool:
        """Whether something would be lost with the prediction; a session keeps it."""
        verdicts, painted = self._saved
        kept = self.recorder is not None and not self._unwritten
        return not kept and (self.verdicts != verdicts or edit is not painted)

    def _write(self, voxel: Voxel, decision: Decision | None, at: At, about: About) -> None:
        if self.recorder is not None:
            component = at(voxel)
            self.recorder.judge(
                voxel, decision, lambda other: component != 0 and at(other) == component, about(voxel)
            )


def _name(component: int) -> str:
    """What a component is called: lesions are positive, candidates negative."""
    if component == 0:
        return "no lesion"
    return f"lesion {component}" if component > 0 else f"candidate {-component}"
