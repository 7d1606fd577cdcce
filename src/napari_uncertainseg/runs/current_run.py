"""The run over a cohort that a window shows: it outlives the dock, and the run outlives the window."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.folder_lock import is_claimed
from napari_uncertainseg.runs.places import COHORT
from napari_uncertainseg.runs.progress_file import RunProgress, ask_to_stop, watch
from napari_uncertainseg.runs.started import RunRequest, StartedRun

Phase = Literal[
    "none", "starting", "running", "stopping", "reporting", "ended", "stopped", "broken", "killed", "refused"
]
_ACTIVE = ("starting", "running", "stopping", "reporting")


@dataclass(frozen=True)
class RunView:
    """How the run is going.

    Attributes
    ----------
    phase
        ``"starting"`` until its folder says something, ``"killed"`` where it has gone without a word,
        ``"refused"`` where it could not begin.
    progress
        As its folder says; None before that.
    why
        Why it could not begin or go on, where that is known.
    """

    phase: Phase
    progress: RunProgress | None = None
    why: str = ""

    @property
    def active(self) -> bool:
        """Whether there is more to come."""
        return self.phase in _ACTIVE


class CurrentRun:
    """The run that the window shows, started here or elsewhere; one at a time.

    Parameters
    ----------
    start
        Starts a process.
    """

    def __init__(self, start: Callable[[RunRequest], StartedRun] = StartedRun) -> None:
        self._start = start
        self._process: StartedRun | None = None
        self._since = 0.0
        self._stopping = False
        self.folder: Path | None = None

    def start(self, request: RunRequest) -> None:
        """Start a run.

        Raises
        ------
        InputError
            If it cannot be started.
        """
        process = self._start(request)
        self.leave()
        self._process, self.folder, self._since = process, request.out, time.time()

    def show(self, folder: Path) -> None:
        """Show a run that was started elsewhere, or has ended.

        Raises
        ------
        InputError
            If the folder is not that of a run.
        """
        if watch(folder) is None and not (folder / COHORT).is_file():
            raise InputError(f"{folder} is not the folder of a run: it holds no {COHORT}.")
        self.leave()
        self.folder = folder

    def look(self) -> RunView:
        """How it is going now."""
        if self.folder is None:
            return RunView("none")
        process, lives = self._process, self._process is not None and self._process.lives
        try:
            found = watch(self.folder)
        except InputError as error:
            return RunView("broken", None, str(error))
        if found is None or found.progress.began < self._since:  # that of an earlier run
            if process is None:
                return self._look_at_older(self.folder)
            return RunView("starting") if lives else RunView("refused", None, process.refused)
        progress = found.progress
        if progress.state not in ("running", "reporting"):
            return RunView(progress.state, progress, progress.why)
        if found.goes_on or lives:
            stopping = self._stopping and progress.state == "running"
            return RunView("stopping" if stopping else progress.state, progress)
        why = "" if process is None else process.refused
        return RunView("broken" if why else "killed", progress, why)

    def _look_at_older(self, folder: Path) -> RunView:
        """A run of an older version, which did not say how it goes."""
        if not (folder / COHORT).is_file():
            return RunView("broken", None, f"{folder} has gone.")
        return RunView("running" if is_claimed(folder) else "ended")

    def stop(self) -> None:
        """Ask it to stop; what is done stays.

        Raises
        ------
        InputError
            If its folder cannot be written.
        """
        phase = self.look().phase
        if phase == "starting" and self._process is not None:
            self._process.end()
        elif phase in ("running", "reporting") and self.folder is not None:
            ask_to_stop(self.folder)
            self._stopping = True

    def leave(self) -> None:
        """Show none; a run goes on by itself. May be called twice."""
        if self._process is not None:
            self._process.leave()
        self._process, self.folder, self._since, self._stopping = None, None, 0.0, False
