"""A virtual screen for each worker: on one screen one window has the keyboard, and two workers fought for it.

A key then went into a window that was no longer active, and a key that was held counted as let go.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import sys

WORKER = "PYTEST_XDIST_WORKER"
_DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux: a worker that hangs is ended without a farewell."""


def take_screen() -> None:
    """Begin a screen for this process and those that it starts, where it is one of several workers."""
    several = os.environ.get(WORKER) and os.environ.get("DISPLAY")
    if sys.platform != "linux" or not several or not shutil.which("Xvfb"):
        return
    told, tell = os.pipe()
    prctl = ctypes.CDLL(None).prctl
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1920x1200x24", "-nolisten", "tcp"],
        pass_fds=[tell],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: prctl(_DIES_WITH_PARENT, signal.SIGTERM),
    )
    os.close(tell)
    with os.fdopen(told) as lines:
        number = lines.readline().strip()  # empty where it ended without a screen
    if number:
        os.environ["DISPLAY"] = f":{number}"
        atexit.register(_end, server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait()
