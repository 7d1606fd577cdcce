"""A run that was started by a window, as a process of its own: the window stays quick, and may be closed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from napari_uncertainseg._base import InputError

_NICE = 5
"""How far the run steps back for the window, where the system knows that."""
_LONGEST = 5000
"""Characters of what a run said last that are looked at."""


@dataclass(frozen=True)
class RunRequest:
    """What a window starts.

    Attributes
    ----------
    cohort, out
        As for `uncertainseg run`.
    model, method
        As for `uncertainseg run`.
    members
        0 for the usual number of the method.
    brightness
        ``"auto"``, ``"on"`` or ``"off"``.
    target
        Classes to segment; empty for the model's own target.
    """

    cohort: Path
    out: Path
    model: str
    method: str
    members: int = 0
    brightness: str = "auto"
    target: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Of the command."""
        found = ["run", str(self.cohort), "--out", str(self.out)]
        found += ["--model", self.model, "--method", self.method]
        if self.members:
            found += ["--members", str(self.members)]
        if self.brightness != "auto":
            found += [f"--{'' if self.brightness == 'on' else 'no-'}bias-correction"]
        if self.target:
            found += ["--target", *self.target]
        return found


class StartedRun:
    """The process of a run; it goes on when this is let go.

    Parameters
    ----------
    request
        What to run.
    command
        What carries it out; this program's command unless a test has another.

    Raises
    ------
    InputError
        If it cannot be started.
    """

    def __init__(self, request: RunRequest, command: Sequence[str] = ()) -> None:
        self.out = request.out
        self._said = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - it lives as long as this
        program = list(command) or [sys.executable, "-m", "napari_uncertainseg.cli"]
        apart: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            apart = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        try:
            self._process = subprocess.Popen(
                [*program, *request.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                **apart,
            )
        except OSError as error:
            self._said.close()
            raise InputError(f"The run cannot be started ({error.strerror or error}).") from error
        if os.name == "posix":
            with suppress(psutil.Error):
                psutil.Process(self._process.pid).nice(_NICE)

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def refused(self) -> str:
        """Why it could not run, as it said; empty while it lives, and where it ran."""
        if self.lives or self._process.returncode in (0, 3):
            return ""
        self._said.seek(0)
        text = self._said.read()[-_LONGEST:].decode("utf-8", "replace")
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        return last.removeprefix("uncertainseg: ") or "The run ended without a word."

    def end(self) -> None:
        """End it before it has begun to write; one that has is asked by `ask_to_stop`."""
        if self.lives:
            self._process.terminate()

    def leave(self) -> None:
        """Let it go on by itself. May be called twice."""
        self._said.close()
        if self._process.poll() is None:
            self._process.returncode = 0  # else Python warns that nobody waits for it, which is meant here
