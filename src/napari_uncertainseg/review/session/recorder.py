"""A session while it goes on: each verdict is on disk before it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.session.live_calibration import lesion_calibration
from napari_uncertainseg.review.session.remaining_errors import ErrorForecast, RemainingErrors
from napari_uncertainseg.review.session.replay import unpacked
from napari_uncertainseg.review.session.rereading import THIRD
from napari_uncertainseg.review.store.current_verdicts import WITHDRAWN, CurrentVerdict, current_verdicts
from napari_uncertainseg.review.store.journal import Entry
from napari_uncertainseg.review.store.reading_speed import reading_time
from napari_uncertainseg.review.store.records import NewTask, Task
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Decision, Verdict, Voxel, check_inside

KEPT, BY_DEFAULT = "kept", "by default"
"""Setting of a session that nobody began: it keeps a review by itself."""


class Recorder:
    """Writes what a reviewer does in one session, or goes on with one.

    Whatever cannot be written raises InputError, and has not happened then.

    Parameters
    ----------
    store
        Where to; stays open.
    session
        Its id.
    visible
        Names of what the reviewer sees, kept with each verdict.
    """

    def __init__(self, store: Store, session: str, visible: Callable[[], Sequence[str]] = lambda: ()) -> None:
        self._visible = visible
        self.session = store.session(session)
        self._store = store
        self.tasks: list[Task] = store.tasks(session)
        entries = store.entries(session)
        if not entries or not self.tasks:
            raise InputError(f"Session {session} has no entry or no task: something was taken away.")
        if {entry.task for entry in entries} - {None, *(task.id for task in self.tasks)}:
            raise Unreadable(
                f"Session {session} has entries on tasks of another one: it cannot be gone on with."
            )
        self._last = entries[-1].number
        self._ahead = ErrorForecast(self.tasks, self.session.settings)
        self._standing = current_verdicts(entries)
        self._of_task: dict[int | None, list[Entry]] = {}
        for entry in entries:
            self._of_task.setdefault(entry.task, []).append(entry)
        self._voxels = {e.number: tuple(e.values["voxel"]) for e in entries if "voxel" in e.values}
        self._done: list[list[tuple[int, int]]] = []
        self._undone: list[list[tuple[int, int]]] = []
        self._shown: tuple[Voxel | None, float] = (None, 0.0)

    @property
    def is_new(self) -> bool:
        """Whether nothing was done in it yet."""
        return self._last == 1

    @property
    def by_default(self) -> bool:
        """Whether nobody began it: the review is kept by itself, in the order of the list."""
        return self.session.settings.get(KEPT) == BY_DEFAULT

    @property
    def accepts_new_tasks(self) -> bool:
        """Whether other lesions than its tasks may be judged: not where only what two differ in is read."""
        return self.session.settings.get("reading") != THIRD

    @property
    def standing(self) -> Mapping[int, CurrentVerdict]:
        """The verdicts that stand, by task."""
        return self._standing

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The same by the voxel on which each was given."""
        return tuple(
            Verdict(self._voxels.get(found.number, self._voxel_of(task)), found.decision)  # type: ignore[arg-type]
            for task, found in self._standing.items()
        )

    @property
    def seconds_each(self) -> float | None:
        """Median time from when a lesion was shown to its verdict; None before there is one."""
        known = [v.seconds for v in self._standing.values() if v.seconds is not None]
        return float(np.median(known)) if known else None

    def last_seen_at(self, threshold: float, min_volume: float) -> tuple[float, float]:
        """Threshold and smallest volume of the last verdict, else of the beginning, else as given."""
        said = dict(self.session.settings)
        every = (e for entries in self._of_task.values() for e in entries if e.kind == "verdict")
        for entry in sorted(every, key=lambda e: e.number):
            said |= entry.values
        return float(said.get("threshold", threshold)), float(said.get("min_volume", min_volume))

    def calibration(self) -> Reliability:
        """How often what the model gave some probability is a lesion, by the verdicts that stand."""
        return lesion_calibration(self.tasks, self._standing, self._ahead.ranks, self._ahead.drawn)

    def outlook(self) -> RemainingErrors:
        """What is still wrong among the unseen."""
        return self._ahead.outlook(self._standing)

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
        to_do = (t.voxel for t in self.tasks if t.id not in self._standing)
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
        tasks = [t for t in self.tasks if t.voxel == voxel or same(t.voxel)] or [
            self._added(voxel, int(about.get("number", 0)))
        ]
        content = {
            "decision": decision or WITHDRAWN,
            "voxel": list(voxel),
            "visible": list(self._visible()),
            **about,
        }
        looked, since = self._shown
        if looked == voxel:
            content |= reading_time(since)
        self._done.append([(self._write("verdict", task.id, content), task.id) for task in tasks])
        self._undone.clear()
        self._update(task.id for task in tasks)

    def paint(self, edit: np.ndarray | None, about: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write what was painted.

        Parameters
        ----------
        edit
            int8 on the grid, +1 added, -1 removed; None where all of it was undone.
        about
            What else is kept, such as volumes.
        """
        if edit is None or not edit.any():
            self._write("painted", None, {"mask": None})
            return
        box = bounding_box(edit != 0)
        name = self._store.masks.keep(edit[box].astype(np.int8))
        starts = [s.start for s in box]
        self._write("painted", None, {**about, "mask": name, "start": starts, "shape": list(edit.shape)})

    def check_fits(self, shape: Sequence[int]) -> None:
        """See that all its places lie on a grid, or raise InputError."""
        check_inside([*(task.voxel for task in self.tasks), *self._voxels.values()], shape)

    def numbers(self) -> list[tuple[Voxel, int]]:
        """Numbers of lesions (> 0) and candidates (< 0) as the reviewer saw them, by voxel."""
        tasks = [(t.voxel, -t.label if t.target == "candidate" else t.label) for t in self.tasks]
        every = (e for entries in self._of_task.values() for e in entries)
        said = {e.number: int(e.values["number"]) for e in every if "number" in e.values}
        return [*tasks, *((_voxel(at), said[n]) for n, at in self._voxels.items() if n in said)]

    def painted(self) -> np.ndarray | None:
        """What was painted last, on the grid; None where nothing is."""
        entries = [e for e in self._store.entries(self.session.id) if e.kind == "painted"]
        said: dict[str, Any] = entries[-1].values if entries else {}
        if said.get("mask") is None:
            return None
        return unpacked(said, self._store.masks)

    def undo(self) -> bool:
        """Take back what was judged last here; False where nothing was."""
        return self._step("undo", self._done, self._undone)

    def redo(self) -> bool:
        """Judge again as was taken back; False where nothing was."""
        return self._step("redo", self._undone, self._done)

    def close(self) -> None:
        """End the session; nothing can be added to it afterwards."""
        self._write("closed", None, {"judged": len(self._standing), "tasks": len(self.tasks)})

    def hand_over(self, to: str) -> None:
        """Take all verdicts back and end the session: another one, whose id is given, has them now."""
        for task in list(self._standing):
            self._write("verdict", task, {"decision": WITHDRAWN, "moved_to": to})
        self._standing = {}
        self.close()

    def _step(
        self, kind: str, source: list[list[tuple[int, int]]], sink: list[list[tuple[int, int]]]
    ) -> bool:
        if not source:
            return False
        for number, task in source[-1]:
            self._write(kind, task, {"of": number})
        sink.append(source.pop())
        self._update(task for _, task in sink[-1])
        return True

    def _write(self, kind: str, task: int | None, content: Mapping[str, Any]) -> int:
        entry = self._store.record(self.session.id, kind, task, content, after=self._last)
        self._last = entry.number
        self._of_task.setdefault(task, []).append(entry)
        if "voxel" in content:
            self._voxels[entry.number] = tuple(content["voxel"])
        return entry.number

    def _added(self, voxel: Voxel, number: int) -> Task:
        """A task for what came up later: another threshold, or painting."""
        if not self.accepts_new_tasks:
            raise InputError(
                f"This third reading is about the {len(self.tasks)} places that the first two readers differ "
                "in, and this is none of them. N goes to the next."
            )
        first = self.tasks[0]
        target = "candidate" if number < 0 else "lesion"
        new = NewTask(first.case, first.output, target, abs(number), voxel)
        task = self._store.add_task(self.session.id, new, after=self._last)
        self._last += 1
        self.tasks.append(task)
        self._ahead = ErrorForecast(self.tasks, self.session.settings)
        return task

    def _update(self, tasks: Iterable[int]) -> None:
        """What stands of some tasks, after new entries on them."""
        for task in tasks:
            self._standing.pop(task, None)
            self._standing |= current_verdicts(self._of_task[task])
        self._standing = dict(sorted(self._standing.items(), key=lambda item: item[1].number))

    def _voxel_of(self, task: int) -> Voxel:
        return next(t.voxel for t in self.tasks if t.id == task)


def _voxel(said: Sequence[int]) -> Voxel:
    s, a, r = map(int, said)
    return s, a, r
