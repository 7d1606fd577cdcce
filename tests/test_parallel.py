"""Steps side by side: what they return, what they raise, and how many there are at a time."""

from __future__ import annotations

import os
import threading

import pytest

from napari_uncertainseg._base import Cancelled
from napari_uncertainseg._parallel import in_parallel, thread_count


@pytest.mark.parametrize(("said", "expected"), [("3", 3), ("5,2", 5), (" 2 ", 2)])
def test_threads_are_as_many_as_the_environment_says(monkeypatch, said, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert thread_count() == expected


@pytest.mark.parametrize("said", ["", "0", "-2", "many", ",4"])
def test_otherwise_they_are_as_many_as_the_processors(monkeypatch, said):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert 1 <= thread_count() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_first_that_failed_is_told_when_all_have_ended(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    ended: list[int] = []

    def task(number: int) -> int:
        if number in (1, 2):
            raise Cancelled if number == 1 else ValueError("the second")
        ended.append(number)
        return number

    before = set(threading.enumerate())
    with pytest.raises(Cancelled):
        in_parallel([lambda n=n: task(n) for n in range(5)])
    assert set(threading.enumerate()) <= before
    assert sorted(ended) == ([0] if threads == "1" else [0, 3, 4])
    assert in_parallel([lambda n=n: n * n for n in range(5)]) == [0, 1, 4, 9, 16]
    assert in_parallel([]) == []
