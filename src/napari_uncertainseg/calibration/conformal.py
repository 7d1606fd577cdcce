"""Thresholds with a guarantee for scans like the calibration cases.

Losses of calibration cases, from 0 to 1 at each threshold of a grid fixed beforehand (`calibration.risks`),
give a threshold at which the loss of a further case stays below a limit: on average (conformal risk
control, Angelopoulos et al., ICLR 2024, arXiv 2208.02814), or with a confidence (learn then test,
Angelopoulos et al., arXiv 2110.01052). Both hold for any model and any data, as long as the further
case is exchangeable with the calibration cases: same kind of scanner, patients, readers and model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import xlogy

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_numbers

Safest = Literal["low", "high"]
"""Where a loss is smallest: at low thresholds (what is missed) or at high ones (what is false)."""


@dataclass(frozen=True)
class Guarantee:
    """A threshold whose loss stays below a limit, or why there is none.

    Attributes
    ----------
    threshold
        The least cautious threshold with the guarantee; None where no threshold has it.
    limit
        What the loss stays below, 0 to 1.
    confidence
        Of the mean loss being below the limit; None where the mean loss itself is guaranteed.
    loss
        Mean loss of the calibration cases at the threshold; NaN where there is none.
    cases
        Number of calibration cases.
    needed
        With fewer cases no threshold could have such a guarantee, whatever the losses.
    """

    threshold: float | None
    limit: float
    confidence: float | None
    loss: float
    cases: int
    needed: int

    @property
    def reason(self) -> str:
        """Why there is no threshold; empty where there is one."""
        if self.threshold is not None:
            return ""
        if self.cases < self.needed:
            have = "1 case" if self.cases == 1 else f"{self.cases} cases"
            return f"{have} cannot support this guarantee: it needs at least {self.needed}."
        return "These cases lose too much at every threshold: choose a higher limit, or another model."


def control_mean(losses: np.ndarray, grid: np.ndarray, limit: float, *, safest: Safest = "low") -> Guarantee:
    """Threshold at which the expected loss of a further case is at most a limit (conformal risk control).

    Parameters
    ----------
    losses
        (cases, thresholds), 0 to 1. Where they do not rise steadily away from the safest threshold,
        the largest loss on the way counts, so that the guarantee still holds.
    grid
        Thresholds, increasing, fixed before the cases were seen.
    limit
        Above 0, below 1.
    safest
        ``"low"`` for what is missed, ``"high"`` for what is false.

    Returns
    -------
    Guarantee
        ``confidence`` is None.

    Raises
    ------
    InputError
        If there is no case, a loss is not from 0 to 1, the shapes do not fit, or the limit is unusable.
    """
    ordered, thresholds = _ordered(losses, grid, safest)
    _check_share("limit", limit)
    n = len(ordered)
    mean = np.maximum.accumulate(ordered, axis=1).mean(axis=0)
    kept = (n * mean + 1) / (n + 1) <= limit + 1e-12
    needed = math.ceil(1 / limit - 1 - 1e-9)
    return _last_threshold(kept, ordered.mean(axis=0), thresholds, limit, None, n, needed)


def control_with_confidence(
    losses: np.ndarray, grid: np.ndarray, limit: float, *, confidence: float = 0.9, safest: Safest = "low"
) -> Guarantee:
    """Threshold at which the mean loss is at most a limit, with a confidence (learn then test).

    Thresholds are tested one after the other, beginning with the safest, until one fails (fixed
    sequence testing): the losses need not be monotone. The p-values are Hoeffding-Bentkus.

    Parameters
    ----------
    losses, grid, limit, safest
        As of `control_mean`.
    confidence
        That the calibration cases were not misleading, above 0, below 1.

    Returns
    -------
    Guarantee

    Raises
    ------
    InputError
        As `control_mean`, or if the confidence is unusable.
    """
    ordered, thresholds = _ordered(losses, grid, safest)
    _check_share("limit", limit)
    _check_share("confidence", confidence)
    n, mean = len(ordered), ordered.mean(axis=0)
    kept = hoeffding_bentkus(mean, n, limit) <= 1 - confidence
    needed = math.ceil(math.log(1 - confidence) / math.log(1 - limit) - 1e-9)
    return _last_threshold(kept, mean, thresholds, limit, confidence, n, needed)


def hoeffding_bentkus(mean: np.ndarray, n: int, limit: float) -> np.ndarray:
    """P-value of a true mean loss above a limit, given the mean of n losses from 0 to 1.

    The smaller of Hoeffding's bound and Bentkus' (Bates et al., J. ACM 2021, arXiv 2101.02703).

    Parameters
    ----------
    mean
        Observed mean losses, any shape.
    n
        Number of losses that each is a mean of.
    limit
        Above 0, below 1.
    """
    from scipy.stats import binom  # here: it takes half a second, and a run does without it

    low = np.minimum(mean, limit)
    distance = xlogy(low, low / limit) + xlogy(1 - low, (1 - low) / (1 - limit))
    # rounding must not push a whole number of losses over itself
    bentkus = np.e * binom.cdf(np.ceil(n * mean - 1e-9), n, limit)
    return np.minimum(1.0, np.minimum(np.exp(-n * distance), bentkus))


def _last_threshold(
    kept: np.ndarray,
    mean: np.ndarray,
    thresholds: np.ndarray,
    limit: float,
    confidence: float | None,
    n: int,
    needed: int,
) -> Guarantee:
    """The last threshold before the first that loses too much."""
    last = (len(kept) if kept.all() else int(np.argmin(kept))) - 1
    if last < 0:
        return Guarantee(None, limit, confidence, math.nan, n, needed)
    return Guarantee(float(thresholds[last]), limit, confidence, float(mean[last]), n, needed)


def _ordered(losses: np.ndarray, grid: np.ndarray, safest: Safest) -> tuple[np.ndarray, np.ndarray]:
    """Losses and thresholds, the safest threshold first."""
    losses = as_numbers(losses, "Losses", unknown=True).astype(float)
    grid = as_numbers(grid, "Thresholds").astype(float)
    if losses.ndim != 2 or losses.shape[1:] != grid.shape or not grid.size:
        raise InputError(
            f"The losses have the shape {losses.shape}: it should be (cases, {grid.size} thresholds)."
        )
    if not len(losses):
        raise InputError("There is no calibration case: a guarantee needs cases with a reference.")
    if not ((losses >= 0) & (losses <= 1)).all():
        raise InputError("Losses should lie from 0 to 1, and none may be missing.")
    if not (np.diff(grid) > 0).all():
        raise InputError("The thresholds should increase.")
    return (losses, grid) if safest == "low" else (losses[:, ::-1], grid[::-1])


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"The {name} should lie between 0 and 1, not be {value}.")
