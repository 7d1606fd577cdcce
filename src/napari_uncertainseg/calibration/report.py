"""What is written about a reliability: its table, its size, and when not to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.reliability import Reliability

_FEW_VOXELS = 100
"""With fewer voxels of lesion, the bands are wider than the differences that matter."""


def bins_table(reliability: Reliability) -> pd.DataFrame:
    """One row per bin.

    Returns
    -------
    pd.DataFrame
        Columns ``from`` and ``to`` (edges), ``mean_probability``, ``fraction`` (share that is lesion in the
        reference), ``low`` and ``high`` (95 % Wilson band), ``count`` (voxels). Empty bins hold NaN.
    """
    return pd.DataFrame(
        {
            "from": reliability.edges[:-1],
            "to": reliability.edges[1:],
            "mean_probability": reliability.mean_probability,
            "fraction": reliability.fraction,
            "low": reliability.low,
            "high": reliability.high,
            "count": reliability.count,
        }
    )


def voxels(reliability: Reliability) -> int:
    """Number of voxels in the region."""
    return int(reliability.count.sum())


def reference_voxels(reliability: Reliability) -> int:
    """Number of voxels in the region that are lesion in the reference."""
    some = reliability.count > 0
    return round(float(np.sum(reliability.fraction[some] * reliability.count[some])))


def caution(reliability: Reliability) -> str:
    """One sentence on why the numbers say little, or nothing."""
    if voxels(reliability) == 0:
        return "The region has no voxel: choose another region or slice."
    lesion = reference_voxels(reliability)
    nothing_found = not reliability.count[1:].any()
    if lesion == 0 and nothing_found:
        return "Neither the reference nor the prediction has a lesion here: the numbers say nothing."
    if lesion == 0:
        return "The reference has no lesion here: every probability above 0 counts as overconfident."
    if nothing_found:
        return "The prediction finds nothing here: all of its probabilities lie in the lowest bin."
    if lesion < _FEW_VOXELS:
        return f"The reference has only {lesion} voxels of lesion here: mind the width of the bands."
    return ""
