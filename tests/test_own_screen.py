"""Workers side by side do not take the keyboard from each other: each has a screen of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from .own_screen import WORKER

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not os.environ.get("DISPLAY") or not shutil.which("Xvfb"),
    reason="needs a screen and Xvfb, on Linux",
)
SAYS = """
import os, sys
from tests.own_screen import take_screen
take_screen()
print(os.environ["DISPLAY"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def begin(checkout):
    """Begin a process as a worker would, or as one that is alone; it, and its screen."""
    begun = []

    def make(worker: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SAYS],
            cwd=checkout,
            env={**os.environ, WORKER: worker},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process, process.stdout.readline().strip()

    yield make
    for process in begun:
        process.kill()
        process.communicate()


def test_each_worker_has_its_own_and_it_goes_with_the_worker(begin):
    (one, first), (other, second) = begin("gw0"), begin("gw1")
    assert len({first, second, os.environ["DISPLAY"]}) == 3
    servers = [psutil.Process(process.pid).children()[0] for process in (one, other)]
    assert all(server.name() == "Xvfb" for server in servers)
    one.send_signal(signal.SIGKILL)  # a worker that hangs is ended so
    other.communicate("")
    assert not psutil.wait_procs(servers, timeout=60)[1]


def test_one_that_is_alone_keeps_the_screen_that_is_there(begin):
    process, shown = begin("")
    assert shown == os.environ["DISPLAY"] and not psutil.Process(process.pid).children()
