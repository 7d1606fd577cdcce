"""How a run is going, in files beside its results: its log, and what a window shows; and how it is stopped.

A run is a process of its own, on this computer or another one: all that it and a window share is the folder.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from napari_uncertainseg._base import Cancelled, InputError, Progress
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.folder_lock import is_claimed
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.evaluate.worklist import UnusableCase

PROGRESS = "progress.json"
LOG = "run.log"
STOP = ".uncertainseg.stop"
_MOST_FAILURES = 1000
"""Whose sentences the file holds; the report has all."""
_MOST_BYTES = 20_000_000
_EVERY_S = 0.5
"""Between two states that are written while nothing fails."""

State = Literal["running", "reporting", "ended", "stopped", "broken"]


@dataclass(frozen=True)
class Log:
    """A line in ``run.log`` for each event, with its time; a full disk does not stop a run for its log."""

    path: Path

    def __call__(self, text: str) -> None:
        """Write a line."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError), self.path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{now}  {text.rstrip()}\n")


class FailedVisit(Strict):
    """A visit that failed, and the sentence."""

    name: str = Field(description="text")
    why: str = Field(description="text")


class RunProgress(Strict):
    """How a run is going.

    Attributes
    ----------
    state
        ``"reporting"`` after the last visit, ``"ended"`` when the report is there, ``"stopped"`` by the user,
        ``"broken"`` by an error.
    visits
        Of the cohort.
    done, done_before, failed
        How many are done, were done by an earlier run, and failed; those before are among those done.
    failures
        The failed ones, the first of them where they are many.
    began
        Seconds since 1970.
    why
        What ended a broken run.
    """

    state: State = Field(description="how the run goes")
    visits: int = Field(description="a whole number")
    done: int = Field(description="a whole number")
    done_before: int = Field(description="a whole number")
    failed: int = Field(description="a whole number")
    failures: list[FailedVisit] = Field(description="a list")
    began: float = Field(description="a number")
    why: str = Field(default="", description="text")

    @property
    def share(self) -> float:
        """Of what this run has to do, how much it has done."""
        to_do = self.visits - self.done_before
        return (self.done + self.failed - self.done_before) / to_do if to_do > 0 else 1.0


@dataclass(frozen=True)
class WatchedRun:
    """How a run is going, as its folder says.

    Attributes
    ----------
    progress
        As it was written last.
    lives
        Whether a run still has the folder; without one, one that is running was killed.
    """

    progress: RunProgress
    lives: bool

    @property
    def goes_on(self) -> bool:
        """Whether there is more to come."""
        return self.lives and self.progress.state in ("running", "reporting")


def watch(out: Path) -> WatchedRun | None:
    """How the run in a folder is going; None where none has begun there.

    Raises
    ------
    InputError
        If what the folder says is not what this program writes.
    """
    if not (out / PROGRESS).is_file():
        return None
    # The lock first: a run that ends between the two looks has written its end.
    lives = is_claimed(out)
    return WatchedRun(
        validated(RunProgress, read_json(out / PROGRESS, most_bytes=_MOST_BYTES), PROGRESS), lives
    )


def ask_to_stop(out: Path) -> None:
    """Ask the run in a folder to stop; it does so within a second.

    Raises
    ------
    InputError
        If nothing can be written there.
    """
    with replaced_file(out / STOP) as file:
        file.write(b"stop\n")


def mark_ended(out: Path) -> None:
    """Say that the report of a run is written, where the run said how it went."""
    with suppress(InputError, OSError):
        found = watch(out)
        if found is not None and found.progress.state == "reporting":
            _write(out, found.progress.model_copy(update={"state": "ended"}))


class ProgressFile:
    """Writes how a run is going; a full disk does not stop a run for this. Use it as a context manager.

    Parameters
    ----------
    out
        Folder of the run, which has it.
    visits, done_before
        As for `RunProgress`.
    failed
        Visits that cannot be used, before anything was done.
    """

    def __init__(self, out: Path, visits: int, done_before: int, failed: list[UnusableCase]) -> None:
        self._out = out
        self._now = RunProgress(
            state="running",
            visits=visits,
            done=done_before,
            done_before=done_before,
            failed=0,
            failures=[],
            began=time.time(),
        )
        self._written = 0.0
        for one in failed:
            self._count(one)

    def __enter__(self) -> ProgressFile:
        (self._out / STOP).unlink(missing_ok=True)
        self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._now = self._now.model_copy(update={"state": "reporting"})
        elif isinstance(error, InputError):
            self._now = self._now.model_copy(update={"state": "broken", "why": str(error)})
        else:
            stopped = isinstance(error, Cancelled | KeyboardInterrupt)
            self._now = self._now.model_copy(update={"state": "stopped" if stopped else "broken"})
        self._write()
        with suppress(OSError):
            (self._out / STOP).unlink(missing_ok=True)

    def add(self, failed: UnusableCase | None) -> None:
        """Count a visit that has ended, with its failure if it has failed."""
        self._count(failed)
        if failed is not None or time.monotonic() - self._written >= _EVERY_S:
            self._write()

    def check(self) -> None:
        """Raise `Cancelled` if the run was asked to stop."""
        if (self._out / STOP).exists():
            raise Cancelled

    def _count(self, failed: UnusableCase | None) -> None:
        now = self._now
        if failed is None:
            self._now = now.model_copy(update={"done": now.done + 1})
            return
        failures = now.failures
        if len(failures) < _MOST_FAILURES:
            failures = [*failures, FailedVisit(name=failed.name, why=failed.why)]
        self._now = now.model_copy(update={"failed": now.failed + 1, "failures": failures})

    def _write(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError, InputError):
            _write(self._out, self._now)


class CountedVisits:
    """Tells how many visits have ended, here and in the file; ends the run where it was asked to stop.

    Parameters
    ----------
    total
        Visits that this run has to do.
    progress
        Told so.
    kept
        The file.
    """

    def __init__(self, total: int, progress: Progress, kept: ProgressFile) -> None:
        self._total, self._progress, self._kept = total, progress, kept
        self._ended = self._failed = 0

    def add(self, failed: UnusableCase | None) -> None:
        """Count a visit that has ended, with its failure if it has failed."""
        self._ended += 1
        self._failed += failed is not None
        self._kept.add(failed)
        self.show()

    def show(self) -> None:
        """Tell how many there are; may raise `Cancelled`."""
        self._kept.check()
        failed = f", {self._failed} failed" if self._failed else ""
        at = min(self._ended + 1, self._total)
        self._progress(f"visit {at} of {self._total}{failed}", self._ended / max(self._total, 1))


def _write(out: Path, progress: RunProgress) -> None:
    with replaced_file(out / PROGRESS) as file:
        file.write(progress.model_dump_json(indent=1).encode("utf-8", "replace"))
