"""What tasks and metrics count in a consensus. Without heavy imports: a wrong name is said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from napari_uncertainseg._base import InputError


class Ranked(Protocol):
    """What is ranked: a metric, of a task where there are several."""

    @property
    def task(self) -> str:
        """Its name; empty where there is one only."""
        ...

    @property
    def metric(self) -> str:
        """Its name."""
        ...


def check_weights(scores: Sequence[Ranked], weights: Mapping[str, float]) -> None:
    """See that weights are of tasks and metrics that there are, before anything is ranked.

    Raises
    ------
    InputError
        If not, or if there is nothing to combine.
    """
    names = {name for one in scores for name in (one.task, one.metric) if name}
    for name in weights:
        if name not in names:
            raise InputError(
                f"The weight of {name!r} is of no task or metric; there are {', '.join(sorted(names))}."
            )
    if weights and len(scores) < 2:
        raise InputError("There is one ranking only: a weight needs several tasks or metrics.")
