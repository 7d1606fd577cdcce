"""Whether readers tick the same reasons for the same lesions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from napari_uncertainseg.raters.kappa import kappa_of_counts
from napari_uncertainseg.review.feedback import REASONS

FEWEST_TICKS = 10
"""Lesions on which at least one of two readers ticked a reason, before a kappa says anything."""


def reader_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """For each reason, how far two readers agree on the lesions that both have judged, over all pairs.

    Parameters
    ----------
    table
        As `Answers.table`. Who judged a lesion twice counts with the later reading.

    Returns
    -------
    pandas.DataFrame
        By reason: ``lesions`` (of all pairs of readers), ``both``, ``one`` (of the two ticked it), and
        Cohen's ``kappa`` from the counts of all pairs together; NaN below `FEWEST_TICKS`.
    """
    latest = table.drop_duplicates(["reader", "case", "voxel"], keep="last")
    counts = np.zeros((len(REASONS), 2, 2))
    by_reader = {
        name: mine.set_index(["case", "voxel"])[list(REASONS)] for name, mine in latest.groupby("reader")
    }
    for ours, theirs in combinations(by_reader.values(), 2):
        shared = ours.index.intersection(theirs.index)
        a, b = (one.loc[shared].to_numpy(bool).T.astype(int) for one in (ours, theirs))
        for i in range(len(REASONS)):
            np.add.at(counts[i], (a[i], b[i]), 1)
    one = counts[:, 0, 1] + counts[:, 1, 0]
    both = counts[:, 1, 1]
    kappa = kappa_of_counts(counts, undefined=np.nan)
    return pd.DataFrame(
        {
            "lesions": counts.sum((1, 2)).astype(int),
            "both": both.astype(int),
            "one": one.astype(int),
            "kappa": np.where(both + one >= FEWEST_TICKS, kappa, np.nan),
        },
        index=list(REASONS),
    )
