"""Calibration over the cases of a cohort: per case and averaged, pooled, and case by case as a heat map.

Definitions of Barfoot et al., MICCAI 2024, arXiv 2403.06759. Each case enters as its `Reliability`, a
few numbers, so that a cohort is never held in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import Binned, Reliability, wilson_band

Micro = Literal["pooled", "reference"]


@dataclass(frozen=True, eq=False)
class DatasetCalibration:
    """Calibration of several cases.

    Attributes
    ----------
    macro_ece, macro_ace, macro_mce
        Mean over the cases whose region holds a voxel; NaN where none does.
    micro
        The bins of all cases together, with their own ``ece``, ``ace`` and ``mce``.
    cases
        Number of cases whose region holds a voxel.
    """

    macro_ece: float
    macro_ace: float
    macro_mce: float
    micro: Reliability
    cases: int


@dataclass(frozen=True, eq=False)
class ReliabilityHistogram:
    """How the bins of single cases scatter: the dataset reliability histogram.

    Attributes
    ----------
    edges
        Shape (K + 1,), of the K bins of probability, and of the K bins of the fraction of lesion.
    cases
        Shape (K, K), int64: number of cases whose fraction of lesion in a bin of probability (column)
        lies in a bin of fractions (row). Row 0 is the highest fraction, as a picture is drawn: a
        calibrated cohort lies on the diagonal from bottom left to top right.
    count
        Shape (K,), int64: voxels of all cases per bin of probability.
    """

    edges: np.ndarray
    cases: np.ndarray
    count: np.ndarray


def dataset_calibration(cases: Sequence[Reliability], *, micro: Micro = "pooled") -> DatasetCalibration:
    """Macro and micro calibration of several cases.

    Parameters
    ----------
    cases
        One reliability per case, all with the same bins (``scheme="width"``).
    micro
        How bins are joined, see `join`.

    Raises
    ------
    InputError
        If there is no case, bins differ, or ``micro`` is neither of the two.
    """
    together = join(cases, micro=micro)
    seen = [case for case in cases if case.count.any()]
    ece, ace, mce = (
        float(np.mean([getattr(case, name) for case in seen])) if seen else np.nan
        for name in ("ece", "ace", "mce")
    )
    return DatasetCalibration(ece, ace, mce, together, len(seen))


def join(cases: Sequence[Reliability], *, micro: Micro = "pooled") -> Reliability:
    """The bins of several cases as one reliability.

    Parameters
    ----------
    cases
        One reliability per case, all with the same bins.
    micro
        ``"pooled"``: as if all voxels came from one case. ``"reference"``: as the authors' code, where
        the mean probability of a bin is the plain mean over the cases that fill it, while the fraction
        is weighted by voxels; only to compare with published numbers.

    Returns
    -------
    Reliability
        Its Wilson band takes all voxels of all cases as independent: much too narrow.

    Raises
    ------
    InputError
        If there is no case, bins differ, or ``micro`` is neither of the two.
    """
    if micro not in ("pooled", "reference"):
        raise InputError(f'Cases are joined as "pooled" or as in the "reference", not {micro!r}.')
    edges, counts, means, fractions = _table(cases)
    count = counts.sum(axis=0)
    # Lesion voxels are whole numbers: rounding undoes the division that made them a fraction.
    positive = np.rint(fractions * counts).astype(np.int64).sum(axis=0)
    total, weight = (means * counts).sum(axis=0), count
    if micro == "reference":
        total, weight = means.sum(axis=0), (counts > 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean, fraction = total / weight, positive / count
    low, high = wilson_band(positive, count)
    return Reliability(edges, mean, fraction, count, low, high)


def reliability_histogram(cases: Sequence[Reliability]) -> ReliabilityHistogram:
    """Count the cases in each cell of probability and fraction of lesion.

    Parameters
    ----------
    cases
        One reliability per case, all with the same bins of equal width. A case is not counted in
        a bin that it leaves empty.

    Raises
    ------
    InputError
        If there is no case, bins differ, or are not of equal width.
    """
    edges, counts, _, fractions = _table(cases)
    bins = len(edges) - 1
    if not np.allclose(edges, np.linspace(0, 1, bins + 1), rtol=0, atol=1e-9):
        raise InputError("The histogram needs bins of equal width; these are of equal mass.")
    filled = counts > 0
    # The fraction goes by the same rule as the probability: a bin holds its right edge.
    row = Binned.from_probability(fractions, region=filled, bins=bins).index[filled]
    cells = np.zeros((bins, bins), np.int64)
    np.add.at(cells, (bins - 1 - row.astype(np.intp), np.nonzero(filled)[1]), 1)
    return ReliabilityHistogram(edges, cells, counts.sum(axis=0))


def _table(cases: Sequence[Reliability]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges, and counts, mean probabilities and fractions, (cases, bins), 0 where a bin is empty."""
    if not cases:
        raise InputError("There is no case: calibration of a dataset needs at least one.")
    edges = cases[0].edges
    if any(not np.array_equal(case.edges, edges) for case in cases):
        raise InputError('The cases have different bins: use as many for all, with scheme "width".')
    counts = np.stack([case.count for case in cases])
    means, fractions = (
        np.where(counts > 0, np.stack([getattr(case, name) for case in cases]), 0.0)
        for name in ("mean_probability", "fraction")
    )
    return edges, counts, means, fractions
