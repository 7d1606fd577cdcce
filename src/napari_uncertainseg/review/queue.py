"""What to look at next: the order in which a session shows its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.rows import NewTask
from napari_uncertainseg.uncertainty.ranking import Lesions

Order = Literal["doubt", "size", "random"]

ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "doubt": "the most doubtful first (LSU), then candidates by their largest probability",
        "size": "the largest first",
        "random": "in random order",
    }
)


def tasks_of(
    lesions: Lesions, case: int, output: int | None, order: Order = "doubt", *, seed: int = 0
) -> list[NewTask]:
    """A task for each lesion and candidate, in the order in which they are to be shown.

    Parameters
    ----------
    lesions
        Of one case at one threshold.
    case, output
        Their numbers in the store.
    order
        One of `ORDERS`; lesions come before candidates but at random and by size.
    seed
        Of the random order.

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
    if order == "random":
        found = [found[i] for i in np.random.default_rng(seed).permutation(len(found))]
    return found
