"""A session that is open: each verdict is on disk before it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import painted_box
from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.session.live_calibration import lesion_calibration
from napari_uncertainseg.review.session.remaining_errors import ErrorForecast, RemainingErrors
from napari_uncertainseg.review.session.replay import last_painting
from napari_uncertainseg.review.store.current_verdicts import WITHDRAWN, CurrentVerdict, current_verdicts
from napari_uncertainseg.review.store.entry_details import EntryDetails, PaintedDetails, VerdictDetails
from napari_uncertainseg.review.store.journal import Entry, NewEntry
from napari_uncertainseg.review.store.reading_speed import SINCE_OPENED, reading_time
from napari_uncertainseg.review.store.records import NewTask, Task
from napari_uncertainseg.review.store.session_settings import (
    BY_DEFAULT,
    THIRD,
    RereadingSettings,
    ReviewSettings,
    SessionSettings,
)
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Decision, Verdict, Voxel, check_inside

_OF_NO_PAINTING = ("tool", "settings", "step", "threshold", "min_volume", "numbered")
"""What is kept of a stroke after which nothing is painted any more."""


class Recorder:
    """Writes what a reader does into a session, new or resumed.

    What cannot be written raises InputError, and then nothing has changed.

    Parameters
    ----------
    store
        Where to; stays open.
    session
        Its id.
    visible
        Names of what the reviewer sees, kept with each verdict.
    """

    def __init__(
        self, store: Store, session_id: str, visible: Callable[[], Sequence[str]] = lambda: ()
    ) -> None:
        self._visible = visible
        self._store = store
        with store.reading():
            self.session = store.session(session_id)
            self.tasks: list[Task] = store.tasks(session_id)
            entries = store.entries(session_id)
        if not isinstance(self.session.settings, ReviewSettings):
            raise InputError(f"Session {session_id} is an exercise, and no reading of a case.")
        self._settings = self.session.settings
        if not entries or not self.tasks:
            raise InputError(f"Session {session_id} has no entry or no task: something was taken away.")
        if {entry.task for entry in entries} - {None, *(task.id for task in self.tasks)}:
            raise Unreadable(
                f"Session {session_id} has entries on tasks of another one: it cannot be resumed."
            )
        self._last = entries[-1].number
        self._opened_again: float | None = None if self.is_new else time.monotonic()
        self._ahead = ErrorForecast(self.tasks, self._settings.ranks, self._settings.drawn)
        self._current = current_verdicts(entries)
        self._of_task: dict[int | None, list[Entry]] = {}
        for entry in entries:
            self._of_task.setdefault(entry.task, []).append(entry)
        self._voxels = {e.number: voxel for e in entries if (voxel := e.details.voxel) is not None}
        self._done: list[list[tuple[int, int]]] = []
        self._undone: list[list[tuple[int, int]]] = []
        self._shown: tuple[Voxel | None, float] = (None, 0.0)

    @property
    def is_new(self) -> bool:
        """Whether nothing was done in it yet."""
        return self._last == 1

    @property
    def last_entry(self) -> int:
        """Number of the last entry that it knows; another window may have written more."""
        return self._last

    @property
    def by_default(self) -> bool:
        """Whether nobody started it: the review is kept automatically, in the order of the list."""
        return self._settings.kept == BY_DEFAULT

    @property
    def accepts_new_tasks(self) -> bool:
        """Whether lesions that are no tasks may be reviewed: not in a third reading."""
        return not (isinstance(self._settings, RereadingSettings) and self._settings.reading == THIRD)

    @property
    def current_verdicts(self) -> Mapping[int, CurrentVerdict]:
        """The current verdicts, by task."""
        return self._current

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The current verdicts, each with the voxel on which it was given."""
        return tuple(
            Verdict(self._voxels.get(found.number, self._voxel_of(task)), found.shown, found.feedback)
            for task, found in self._current.items()
        )

    @property
    def seconds_each(self) -> float | None:
        """Median time from when a lesion was shown to its verdict; None before there is one."""
        known = [v.seconds for v in self._current.values() if v.seconds is not None]
        return float(np.median(known)) if known else None

    def last_seen_at(self, threshold: float, min_volume: float) -> tuple[float, float]:
        """Threshold and smallest volume of the last verdict or stroke, else of the beginning or as given."""
        every_seen: list[SessionSettings | EntryDetails] = [self._settings]
        every_seen += [d for d in self._details() if isinstance(d, VerdictDetails | PaintedDetails)]
        for seen in every_seen:
            threshold = threshold if seen.threshold is None else seen.threshold
            min_volume = min_volume if seen.min_volume is None else seen.min_volume
        return threshold, min_volume

    def calibration(self) -> Reliability:
        """How often what the model gave some probability is a lesion, by the current verdicts."""
        return lesion_calibration(self.tasks, self._current, self._ahead.ranks, self._ahead.drawn)

    def outlook(self) -> RemainingErrors:
        """How many of the tasks without a verdict are still wrong."""
        return self._ahead.outlook(self._current)

    def show(self, voxel: Voxel | None) -> None:
        """Say that a lesion is being looked at, from now on."""
        if voxel != self._shown[0]:
            self._shown = (voxel, time.monotonic())

    def next_task(self, same: Callable[[Voxel], bool]) -> Voxel | None:
        """The first task without a verdict, in the session's order.

        Parameters
        ----------
        same
            Whether a voxel belongs to what is shown at present, which does not count.
        """
        to_do = (t.voxel for t in self.tasks if t.id not in self._current)
        return next((voxel for voxel in to_do if not same(voxel)), None)

    def judge(
        self,
        voxel: Voxel,
        decision: Decision | None,
        same: Callable[[Voxel], bool],
        about: Mapping[str, Any],
    ) -> None:
        """Write a verdict.

        Parameters
        ----------
        voxel
            On which it is given.
        decision
            None takes a verdict back.
        same
            Whether a voxel belongs to the same lesion, as outlined at present.
        about
            What else is kept, such as the threshold.
        """
        tasks = self._tasks_at(voxel, same) or [self._added(voxel, int(about.get("number", 0)))]
        content = {
            "decision": decision or WITHDRAWN,
            "voxel": list(voxel),
            "visible": list(self._visible()),
            **about,
        }
        looked, since = self._shown
        if looked == voxel:
            content |= reading_time(since)
        self._do("verdict", [(task.id, content) for task in tasks])

    def give_feedback(self, voxel: Voxel, feedback: Feedback, same: Callable[[Voxel], bool]) -> None:
        """Write all that is ticked of the verdict at a voxel, which undo takes back like a verdict.

        Parameters
        ----------
        voxel, same
            As for `judge`.
        feedback
            What is ticked now.
        """
        said = feedback.written()
        judged = [t.id for t in self._tasks_at(voxel, same) if t.id in self._current]
        self._do("feedback", [(id, {"of": self._current[id].number, **said}) for id in judged])
        looked, _ = self._shown
        if looked != voxel:  # the next lesion is on screen: its reading begins when the ticks are done
            self._shown = (looked, time.monotonic())

    def _tasks_at(self, voxel: Voxel, same: Callable[[Voxel], bool]) -> list[Task]:
        return [t for t in self.tasks if t.voxel == voxel or same(t.voxel)]

    def _do(self, kind: str, new: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Write what one undo takes back: entries of a kind, each on a task."""
        entries = self._write_all(kind, new)
        tasks = [task for task, _ in new]
        self._done.append([(entry.number, task) for entry, task in zip(entries, tasks, strict=True)])
        self._undone.clear()
        self._update(tasks)

    def paint(self, edit: np.ndarray | None, about: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write what was painted.

        Parameters
        ----------
        edit
            int8 on the grid, +1 added, -1 removed; None where all of it was undone.
        about
            What else is kept, such as volumes and the tool.
        """
        if edit is None or not edit.any():
            kept = {name: about[name] for name in _OF_NO_PAINTING if name in about}
            self._write("painted", None, {**kept, "mask": None})
            return
        box = painted_box(edit)
        name = self._store.masks.keep(edit[box].astype(np.int8))
        starts = [s.start for s in box]
        self._write("painted", None, {**about, "mask": name, "start": starts, "shape": list(edit.shape)})

    def check_fits(self, shape: Sequence[int]) -> None:
        """See that all its locations lie on a grid, or raise InputError."""
        check_inside([*(voxel for voxel, _ in self.numbers()), *self._voxels.values()], shape)

    def numbers(self) -> list[tuple[Voxel, int]]:
        """Numbers of lesions (> 0) and candidates (< 0) as the reviewer saw them, by voxel."""
        tasks = [(t.voxel, -t.label if t.target == "candidate" else t.label) for t in self.tasks]
        seen: list[tuple[Voxel, int]] = []
        for details in self._details():
            seen += details.numbered
            number = details.number if isinstance(details, VerdictDetails) else None
            if details.voxel is not None and number is not None:
                seen.append((details.voxel, number))
        return [*tasks, *seen]

    def _details(self) -> list[EntryDetails]:
        """What all entries say, in their order."""
        every = (entry for entries in self._of_task.values() for entry in entries)
        return [entry.details for entry in sorted(every, key=lambda entry: entry.number)]

    def painted(self) -> np.ndarray | None:
        """What was painted last, on the grid; None where nothing is."""
        return last_painting(self._store.entries(self.session.id), self._store.masks)

    def undo(self) -> bool:
        """Undo the last verdict of this window; False where there is none."""
        return self._step("undo", self._done, self._undone)

    def redo(self) -> bool:
        """Give the verdict again that was undone; False where there is none."""
        return self._step("redo", self._undone, self._done)

    def close(self) -> None:
        """End the session; nothing can be added to it afterwards."""
        self._write("closed", None, {"judged": len(self._current), "tasks": len(self.tasks)})

    def hand_over(self, to: str) -> None:
        """Take all verdicts back and end the session: another one, whose id is given, has them now."""
        moved = {"decision": WITHDRAWN, "moved_to": to}
        self._write_all("verdict", [(task, moved) for task in self._current])
        self._current = {}
        self.close()

    def _step(
        self, kind: str, source: list[list[tuple[int, int]]], sink: list[list[tuple[int, int]]]
    ) -> bool:
        if not source:
            return False
        self._write_all(kind, [(task, {"of": number}) for number, task in source[-1]])
        sink.append(source.pop())
        self._update(task for _, task in sink[-1])
        return True

    def _write(self, kind: str, task: int | None, content: Mapping[str, Any]) -> None:
        self._write_all(kind, [(task, content)])

    def _write_all(self, kind: str, new: Sequence[NewEntry]) -> list[Entry]:
        """Write entries, each on a task: all of them or none."""
        if self._opened_again is not None and new:  # what passed before is no reading time
            since = {SINCE_OPENED: round(time.monotonic() - self._opened_again, 3)}
            new = [(new[0][0], {**new[0][1], **since}), *new[1:]]
        entries = self._store.record_all(self.session.id, kind, new, after=self._last)
        self._opened_again = None if new else self._opened_again
        for (task, _), entry in zip(new, entries, strict=True):
            self._last = entry.number
            self._of_task.setdefault(task, []).append(entry)
            if entry.details.voxel is not None:
                self._voxels[entry.number] = entry.details.voxel
        return entries

    def _added(self, voxel: Voxel, number: int) -> Task:
        """A task for what came up later: another threshold, or painting."""
        if not self.accepts_new_tasks:
            raise InputError(
                f"This third reading is about the {len(self.tasks)} locations on which the first two readers "
                "differ, and this is none of them. Press Next in Lesions for the next one."
            )
        first = self.tasks[0]
        target = "candidate" if number < 0 else "lesion"
        new = NewTask(first.case, first.output, target, abs(number), voxel)
        task = self._store.add_task(self.session.id, new, after=self._last)
        self._last += 1
        self.tasks.append(task)
        self._ahead = ErrorForecast(self.tasks, self._settings.ranks, self._settings.drawn)
        return task

    def _update(self, tasks: Iterable[int]) -> None:
        """Find the current verdicts of some tasks after new entries on them."""
        for task in tasks:
            self._current.pop(task, None)
            self._current |= current_verdicts(self._of_task[task])
        self._current = dict(sorted(self._current.items(), key=lambda item: item[1].number))

    def _voxel_of(self, task: int) -> Voxel:
        return next(t.voxel for t in self.tasks if t.id == task)
