"""What to look at next: the order in which a session shows its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.rows import NewTask
from napari_uncertainseg.review.stopping import draw_checks, mixed
from napari_uncertainseg.uncertainty.ranking import Lesions

CHECKS, EVERY = 0.25, 4
"""Share of the tasks that are drawn at random, and how often one is shown."""

Order = Literal["doubt", "size", "random"]

ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "doubt": "the most doubtful first (LSU), then candidates by their largest probability",
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
        Ranks of those that were drawn at random to be checked.
    """

    tasks: tuple[NewTask, ...]
    ranks: tuple[int, ...]
    drawn: tuple[int, ...]


def queue_of(
    lesions: Lesions,
    case: int,
    output: int | None,
    order: Order = "doubt",
    *,
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
        One of `ORDERS`; lesions come before candidates but at random and by size.
    checks
        Share of the tasks that are drawn at random and mixed in, so that what is unseen can be bounded;
        `CHECKS` if None.
    seed
        Of what is random.

    Raises
    ------
    InputError
        If there is no such order.
    """
    if order not in ORDERS:
        raise InputError(f"Tasks come by {', '.join(ORDERS)}, not by {order!r}.")
    found = [
        NewTask(
            case,
            output,
            target,
            int(row["label"]),
            (int(row["slice_s"]), int(row["slice_a"]), int(row["slice_r"])),
            float(row["lsu"]),
            float(row["max_probability"]),
            float(row["volume_mm3"]),
        )
        for target, table in (("lesion", lesions.table), ("candidate", lesions.candidate_table))
        for row in table.to_dict("records")
    ]
    if order == "size":
        found.sort(key=lambda task: -(task.volume_mm3 or 0.0))
    n = len(found)
    if order == "random":
        shown = draw_checks(n, 1.0, seed).tolist()
        return Queue(tuple(found[i] for i in shown), tuple(shown), tuple(shown))
    drawn = draw_checks(n, CHECKS if checks is None else checks, seed)
    shown = mixed(n, drawn, EVERY)
    return Queue(tuple(found[i] for i in shown), tuple(shown), tuple(drawn.tolist()))
