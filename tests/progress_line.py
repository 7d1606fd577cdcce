"""How far a long run of the tests is, and what took longest: ``pytest -p tests.progress_line``.

In place of a dot for each test there is one line of words, drawn anew each second on a terminal and written
every 30 seconds to a log. At the end come the ten slowest tests and the ten slowest files. How long a run
takes is told from the run before (pytest's cache), or else from what a test takes in the middle.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import Any

import pytest

TERMINAL_SECONDS, LOG_SECONDS = 1.0, 30.0
KEPT = "uncertainseg/seconds_per_test"
SECONDS = {"tests/widgets/": 1.2, "": 0.15}
"""What a test takes in the middle, by the beginning of its name, where no run before has told it."""


def file_of(test: str) -> str:
    """The file of a test, from its name."""
    return test.partition("::")[0]


class Tally:
    """Tests to do and done, and the work that is left.

    Parameters
    ----------
    tests
        Names of all tests.
    known
        Seconds that a test of a file took in the run before, by file.
    now
        A clock's time in seconds at the beginning, like ``at`` of the other calls.
    """

    def __init__(self, tests: Iterable[str], known: dict[str, float], now: float):
        self._expected = {test: self._guess(test, known) for test in tests}
        self._work = sum(self._expected.values())
        self._begun = now
        self._done: set[str] = set()
        self._done_work = 0.0
        self.failed = 0
        self.seconds: dict[str, float] = defaultdict(float)

    @staticmethod
    def _guess(test: str, known: dict[str, float]) -> float:
        if file_of(test) in known:
            return max(known[file_of(test)], 0.001)
        return next(seconds for start, seconds in SECONDS.items() if test.startswith(start))

    def add(self, test: str, seconds: float, failed: bool) -> None:
        """Count what a part of a test (set-up, call or end) took, and whether it failed."""
        self.seconds[test] += seconds
        self.failed += failed

    def end(self, test: str) -> None:
        """Count a test as done."""
        if test not in self._done:
            self._done.add(test)
            self._done_work += self._expected.get(test, 0.0)

    def sentence(self, at: float) -> str:
        """How far the run is, in one line."""
        gone = at - self._begun
        failed = f"{self.failed:,} FAILED" if self.failed else "none failed"
        return (
            f"{len(self._done):,} of {len(self._expected):,} tests done, {failed}; "
            f"{minutes(gone)} gone, {self._left(gone)}"
        )

    def _left(self, gone: float) -> str:
        if gone < 10 or self._done_work < 0.02 * self._work:
            return "time left not known yet"
        return f"about {minutes(gone * (self._work / self._done_work - 1))} left"

    def slowest(self, number: int = 10) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """The slowest tests and the slowest files, each with its seconds."""
        files: dict[str, float] = defaultdict(float)
        for test, seconds in self.seconds.items():
            files[file_of(test)] += seconds
        first, second = (
            sorted(found.items(), key=lambda item: -item[1])[:number] for found in (self.seconds, files)
        )
        return first, second

    def seconds_per_test(self) -> dict[str, float]:
        """What a test took in the middle, by file."""
        found: dict[str, list[float]] = defaultdict(list)
        for test in self._done:
            found[file_of(test)].append(self.seconds[test])
        return {file: sum(all_of) / len(all_of) for file, all_of in found.items()}


def minutes(seconds: float) -> str:
    """A time in words: seconds below a minute and a half, or else minutes."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


class ProgressLine:
    """Listens to pytest, with and without workers, and writes the line and the list of the slowest."""

    def __init__(self, config: pytest.Config):
        self._config = config
        self._tally: Tally | None = None
        self._said = 0.0

    @property
    def _terminal(self) -> pytest.TerminalReporter:
        return self._config.pluginmanager.getplugin("terminalreporter")

    def pytest_sessionstart(self) -> None:
        self._terminal.showfspath = self._config.get_verbosity() > 0
        self._terminal.write_line("Looking for the tests: about half a minute.")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:  # none where workers have them
            self._begin(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._begin(ids)

    def _begin(self, tests: Iterable[str]) -> None:
        if self._tally is None:
            cache = getattr(self._config, "cache", None)
            known = cache.get(KEPT, {}) if cache is not None else {}
            self._tally = Tally(tests, known, time.monotonic())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, tuple[str, str, Any]]:
        category, _, word = yield
        return category, "", word  # no dots; words stay, for -v

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._tally is None:
            return
        self._tally.add(report.nodeid, report.duration, report.failed)
        if report.when not in ("setup", "call"):  # its end, or that of a worker which died
            self._tally.end(report.nodeid)
        self._say()

    def _say(self) -> None:
        at, on_screen = time.monotonic(), self._terminal.isatty()
        if at - self._said < (TERMINAL_SECONDS if on_screen else LOG_SECONDS):
            return
        self._said = at
        if on_screen:
            self._terminal.rewrite(self._tally.sentence(at), erase=True)
        else:
            self._terminal.write_line(self._tally.sentence(at))

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self) -> None:
        if self._tally is None:
            return
        self._terminal.write_line(self._tally.sentence(time.monotonic()))
        for kind, found in zip(("tests", "files"), self._tally.slowest(), strict=True):
            self._terminal.section(f"the ten slowest {kind}")
            for name, seconds in found:
                self._terminal.write_line(f"{seconds:7.1f} s  {name}")
        cache = getattr(self._config, "cache", None)
        if cache is not None:
            cache.set(KEPT, {**cache.get(KEPT, {}), **self._tally.seconds_per_test()})


def pytest_configure(config: pytest.Config) -> None:
    """Listen in the process that the user began, not in its workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ProgressLine(config), "progress-line")
