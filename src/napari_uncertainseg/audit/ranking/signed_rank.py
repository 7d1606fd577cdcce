"""Wilcoxon's signed-rank test of one model against another, one-sided, as R's ``wilcox.test`` computes it.

scipy's function agrees with it on whole cases; here cases may count several times, for all draws at once.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

_EXACT_BELOW = 50
"""R takes the exact distribution for fewer differences than this."""


def better_p(differences: np.ndarray, counts: np.ndarray, *, exact: bool = False) -> np.ndarray:
    """Probability of differences that are so clearly above 0 if they lie around 0 evenly.

    Zeros are left out; tied differences share their mean rank. The normal approximation has the correction
    for continuity (0.5) and for ties.

    Parameters
    ----------
    differences
        First model minus second, positive where the first is better; float64 (cases,), NaN where one of the
        values is missing.
    counts
        How often each case counts, int (draws, cases).
    exact
        Take the exact distribution as R does unless told otherwise: of fewer than 50 differences without
        ties and zeros. challengeR never does.

    Returns
    -------
    ndarray
        float64 (draws,): 1 where all differences are 0, NaN where there is none.
    """
    known = ~np.isnan(differences)
    used = known & (differences != 0)
    order = np.flatnonzero(used)[np.argsort(np.abs(differences[used]), kind="stable")]
    own, drawn = differences[order], counts[:, order].astype(float)
    size = np.abs(own)
    starts = np.flatnonzero(np.append(True, size[1:] != size[:-1]))  # of equal sizes
    tied = np.add.reduceat(drawn, starts, axis=1) if len(own) else drawn
    rank = np.cumsum(tied, axis=1) - tied + (tied + 1) / 2
    positive = np.add.reduceat(drawn * (own > 0), starts, axis=1) if len(own) else drawn
    statistic = (positive * rank).sum(1)
    n = tied.sum(1)
    variance = n * (n + 1) * (2 * n + 1) / 24 - (tied**3 - tied).sum(1) / 48
    p = np.ones(len(counts))
    some = n > 0
    z = (statistic - n * (n + 1) / 4 - 0.5)[some] / np.sqrt(variance[some])
    p[some] = scipy.stats.norm.sf(z)
    if exact:
        zeros = counts[:, known & ~used].sum(1) > 0
        for i in np.flatnonzero(some & ~zeros & (n < _EXACT_BELOW) & (tied.max(1, initial=0) <= 1)):
            p[i] = _exact_tail(int(n[i]))[int(statistic[i])]
    return np.where(counts[:, known].sum(1) > 0, p, np.nan)


@lru_cache(maxsize=_EXACT_BELOW)
def _exact_tail(n: int) -> np.ndarray:
    """Probability that the sum of the positive ranks of n differences is at least 0, 1, and so on."""
    ways = np.ones(1)
    for rank in range(1, n + 1):
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))  # this rank is negative, or positive
    return np.cumsum(ways[::-1])[::-1] / 2.0**n
