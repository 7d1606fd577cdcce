"""Steps side by side on the processors that this process may use; numpy and scipy let go of the lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def thread_count() -> int:
    """How many threads a step may take: ``OMP_NUM_THREADS`` where it is set, else the processors.

    Where it is a list, for loops in loops, the first number counts.
    """
    return threads_told("OMP_NUM_THREADS") or usable_processors()


def threads_told(variable: str) -> int:
    """The number of threads that a variable of the environment asks for; 0 where it asks for none."""
    said = os.environ.get(variable, "").split(",")[0].strip()
    return int(said) if said.isdecimal() else 0


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Call all tasks, several at once; what they return, in their order.

    Parameters
    ----------
    tasks
        Of no arguments. Those that take long come first.

    Raises
    ------
    Whatever the first task that failed raised, when all have ended.
    """
    waiting = list(tasks)
    count = min(thread_count(), len(waiting))
    if count < 2:
        return [task() for task in waiting]
    with ThreadPoolExecutor(count) as pool:
        started = [pool.submit(task) for task in waiting]
    return [one.result() for one in started]
