"""What to look at next: the order in which a session shows its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.session.stopping import draw_checks, mixed
from napari_uncertainseg.review.store.reading_speed import ReadingSpeed
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.uncertainty.listing.listed_lesion import voxel_in_table

CHECKS, EVERY = 0.7, 4
"""Share of the tasks that are drawn at random, and how often the next of them that is left is shown.

So many last nearly to the end: most of them are shown by their rank before their draw comes.
"""

_READ = ("label", "slice_s", "slice_a", "slice_r", "lsu", "max_probability", "volume_mm3")

Order = Literal["gain", "doubt", "size", "random"]

ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "gain": "the most expected errors removed per second first: lesions that are likely none, and "
        "candidates that are likely ones, by the probability of being real where the model knows it, else by "
        "their largest probability; the quick before the slow",
        "doubt": "the most doubtful first, as in the list: lesions that are likely none, then candidates "
        "that are likely ones",
        "size": "the largest first",
        "random": "in random order",
    }
)


@dataclass(frozen=True)
class Queue:
    """Tasks in the order in which they are shown.

    Attributes
    ----------
    tasks
        The tasks.
    ranks
        Of each in the order that was asked for, from 0.
    drawn
        Ranks of those that were drawn at random, in the order of drawing. Each fourth task that is shown is
        the next of them that was not shown yet.
    """

    tasks: tuple[NewTask, ...]
    ranks: tuple[int, ...]
    drawn: tuple[int, ...]


def ranking(table: pd.DataFrame, order: str, speed: ReadingSpeed, rng: np.random.Generator) -> np.ndarray:
    """Rows in an order, the first to be shown first.

    Parameters
    ----------
    table
        One row per lesion or candidate: ``candidate`` (bool), ``peak`` (how probably it is a lesion, such as
        its largest probability; NaN for what a human drew), ``volume_mm3``.
    order
        One of `ORDERS`.
    speed
        Whose seconds count for the gain.
    rng
        For what is random.

    Raises
    ------
    InputError
        If there is no such order.
    """
    candidate, peak = table["candidate"].to_numpy(bool), table["peak"].to_numpy(float)
    volume = table["volume_mm3"].to_numpy(float)
    if order == "doubt":  # what a human drew has none, and comes after the model's lesions
        return np.lexsort([np.where(candidate, -peak, peak), candidate])
    if order == "size":
        return np.argsort(-volume, kind="stable")
    if order == "random":
        return rng.permutation(len(table))
    if order == "gain":
        wrong = np.nan_to_num(np.where(candidate, peak, 1 - peak))  # what a human drew is not in question
        return np.argsort(-wrong / speed.seconds_for(volume), kind="stable")
    raise InputError(f"Tasks come by {', '.join(ORDERS)}, not by {order!r}.")


def queue_of(
    lesions: Lesions,
    case: int,
    output: int | None,
    order: Order = "gain",
    *,
    speed: ReadingSpeed | None = None,
    checks: float | None = None,
    seed: int = 0,
) -> Queue:
    """A task for each lesion and candidate.

    Parameters
    ----------
    lesions
        Of one case at one threshold.
    case, output
        Their numbers in the store.
    order
        One of `ORDERS`.
    speed
        Of the annotator; the usual one if None.
    checks
        Share of the tasks that are drawn at random, to be mixed in so that what is unseen can be bounded;
        `CHECKS` if None.
    seed
        Of what is random.

    Raises
    ------
    InputError
        If there is no such order.
    """
    found = _tasks(lesions, case, output)
    known = pd.DataFrame(
        {
            "candidate": [task.target == "candidate" for task in found],
            "peak": np.concatenate([_chance(lesions, table) for _, table in _tables(lesions)]),
            "volume_mm3": [task.volume_mm3 for task in found],
        }
    )
    ranked = ranking(known, order, speed or ReadingSpeed(), np.random.default_rng(seed))
    n = len(found)
    if order == "random":  # then all that was shown is a random sample
        shown, drawn = list(range(n)), np.arange(n)
    else:
        drawn = draw_checks(n, CHECKS if checks is None else checks, seed + 1)
        shown = mixed(n, drawn, EVERY)
    return Queue(tuple(found[ranked[i]] for i in shown), tuple(shown), tuple(map(int, drawn)))


def _tables(lesions: Lesions) -> tuple[tuple[str, pd.DataFrame], ...]:
    return ("lesion", lesions.table), ("candidate", lesions.candidate_table)


def _tasks(lesions: Lesions, case: int, output: int | None) -> list[NewTask]:
    """One for each lesion, then one for each candidate, by their rows."""
    return [
        NewTask(
            case=case,
            output=output,
            target=target,
            label=int(row["label"]),
            voxel=voxel_in_table(row),
            uncertainty=_known(row["lsu"]),
            probability=_known(row["max_probability"]),
            volume_mm3=float(row["volume_mm3"]),
        )
        for target, table in _tables(lesions)
        for row in table[list(_READ)].to_dict("records")  # of all columns it takes five times as long
    ]


def _chance(lesions: Lesions, table: pd.DataFrame) -> np.ndarray:
    """How probably each row is a lesion: by what orders lists, ``p_real`` or the largest probability."""
    doubt = table["doubt"].to_numpy(float)
    return 1 - doubt if table is lesions.table else doubt


def _known(value: float) -> float | None:
    """None where the model says nothing."""
    return None if np.isnan(value) else float(value)
