"""Parts of the benchmark that need the real window: in a process and on a screen of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_SCREEN = "-screen 0 1920x1200x24"


class NoScreen(Exception):
    """The window cannot be opened; why, in words."""


def printed_by(code: str) -> Any:
    """What a piece of Python prints in its last line, as JSON.

    The user's own settings, sessions and lists stay as they are.

    Raises
    ------
    NoScreen
        Where there is neither a screen nor a virtual one, or the window does not open.
    """
    command = [sys.executable, "-c", code]
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        xvfb_run = shutil.which("xvfb-run")
        if xvfb_run is None:
            raise NoScreen("there is no screen, and no xvfb-run to make one")
        command = [xvfb_run, "--auto-servernum", f"--server-args={_SCREEN}", *command]
    with tempfile.TemporaryDirectory() as home:
        own = {f"XDG_{kind}_HOME": home for kind in ("DATA", "STATE", "CONFIG")}
        own["NAPARI_CONFIG"] = str(Path(home) / "settings.yaml")
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **own})
    if done.returncode:
        raise NoScreen((done.stderr.strip() or "the window did not open").splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])
