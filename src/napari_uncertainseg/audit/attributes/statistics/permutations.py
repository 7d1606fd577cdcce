"""How often permuted labels are told as well as the true ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ENOUGH = 20
"""Once so many permutations reached the true value, more would not change what is said."""
FEWEST = 100
"""Permutations that are made in any case: their spread is needed too."""


@dataclass(frozen=True)
class PermutationTest:
    """What permutations say.

    Attributes
    ----------
    p
        One-sided: how often chance reaches the value.
    made
        How many permutations.
    variance
        Of the value, where the labels say nothing: about the value that chance gives on average.
    """

    p: float
    made: int
    variance: float


def permutation_test(
    value: float,
    statistic: Callable[[np.ndarray, np.random.Generator], float],
    labels: np.ndarray,
    most: int,
    rng: np.random.Generator,
    told: Callable[[float], object] = lambda share: None,
) -> PermutationTest:
    """Compare a value with those of permuted labels, and stop where the answer is clear.

    Permutations end when `ENOUGH` of them reached the value (Besag and Clifford, Biometrika 78:301, 1991):
    p is then that number over how many were made. Both that p and the usual one are valid for any number.

    Parameters
    ----------
    value
        For the true labels.
    statistic
        For other labels; it draws its random numbers from the second argument.
    labels
        Of each patient, any dtype.
    most
        Permutations, at most.
    rng
        Permutes.
    told
        Called with the share that is done; what it raises ends the work.
    """
    reached = stopped = 0
    found: list[float] = []
    while len(found) < most:
        told(len(found) / most)
        found.append(statistic(rng.permutation(labels), rng))
        reached += found[-1] >= value - 1e-12
        if reached == ENOUGH and not stopped:
            stopped = len(found)
        if stopped and len(found) >= FEWEST:
            break
    made = len(found)
    p = ENOUGH / stopped if stopped else (reached + 1) / (made + 1)
    variance = float(np.var(found, ddof=1)) if made > 1 else float("nan")
    return PermutationTest(float(p), made, variance)
