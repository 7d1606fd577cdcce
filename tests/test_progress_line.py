"""The line that says how far `make test` is, and the slowest tests at its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from .progress_line import Tally, minutes

QUICK, SLOW = "tests/lesions/test_a.py", "tests/widgets/test_b.py"


def tally(known=None, **numbers):
    numbers = numbers or {QUICK: 80, SLOW: 20}
    names = [f"{file}::test[{i}]" for file, number in numbers.items() for i in range(number)]
    return names, Tally(names, known or {QUICK: 1.0, SLOW: 6.0}, 100.0)


def test_what_is_left_goes_by_the_work_and_not_by_the_number_of_tests():
    names, told = tally()  # 80 s and 120 s of work
    assert told.sentence(101.0) == "0 of 100 tests done, none failed; 1 s gone, time left not known yet"
    for name in names[:80]:
        told.add(name, 0.5, False)
        told.end(name)
    assert told.sentence(140.0) == "80 of 100 tests done, none failed; 40 s gone, about 60 s left"
    for name in names[80:90]:
        told.end(name)
    assert told.sentence(100.0 + 210) == "90 of 100 tests done, none failed; 4 min gone, about 2 min left"


def test_a_test_without_a_time_of_before_counts_by_its_folder():
    names, told = tally({"tests/elsewhere.py": 100.0})
    for name in names[:80]:
        told.end(name)
    seconds = re.search(r"about (\d+) s left", told.sentence(120.0))[1]
    assert int(seconds) == pytest.approx(20 * (20 * 1.2) / (80 * 0.15), abs=1)


def test_parts_of_a_test_are_one_and_each_counts_once():
    names, told = tally()
    for seconds in (1.0, 2.0, 4.0):
        told.add(names[0], seconds, False)
    told.add(names[99], 6.5, True)
    told.add(names[98], 1.5, False)
    told.end(names[0])
    told.end(names[0])
    told.end(names[99])
    assert "2 of 100 tests done, 1 FAILED" in told.sentence(200.0)
    tests, files = told.slowest(2)
    assert tests == [(names[0], 7.0), (names[99], 6.5)]
    assert files == [(SLOW, 8.0), (QUICK, 7.0)]
    assert told.seconds_per_test() == {QUICK: 7.0, SLOW: 6.5}


def test_times_in_words():
    assert [minutes(s) for s in (0, 59.6, 89, 91, 600)] == ["0 s", "60 s", "89 s", "2 min", "10 min"]


TESTS = """
import time

def test_long():
    time.sleep(0.2)

def test_short():
    pass

def test_wrong():
    assert False
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_log_tells_in_words_how_far_it_is_and_what_was_slow(checkout, tmp_path, workers):
    """A run of three tests in a process of its own, with and without workers; there is no terminal."""
    (tmp_path / "test_three.py").write_text(TESTS)
    options = ["-n", workers, "-p", "xdist", "-p", "tests.progress_line", "--rootdir=.", "-c", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-o", "console_output_style=classic", "test_three.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 of 3 tests done, 1 FAILED; " in done.stdout
    after = done.stdout.partition("the ten slowest tests")[2].splitlines()
    assert re.fullmatch(r" +\d+\.\d s  test_three.py::test_long", after[1])
    assert re.search(r"the ten slowest files =+\n +\d+\.\d s  test_three.py\n", done.stdout)
    assert "test_three.py .F" not in done.stdout and "[100%]" not in done.stdout
