"""How probable it is that a lesion or candidate is one, from cases with a reference.

Logistic regression on what is known of a component without a reference: its largest probability, its
volume, and the threshold that outlined it. Targets are smoothed as by Platt (1999), so that a few
components, or such as all are real, do not make certainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_numbers, as_probabilities
from napari_uncertainseg.calibration.logistic import logistic_regression
from napari_uncertainseg.calibration.scores import EPSILON

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""At which lesions are outlined to learn how many of them are real: the reader's may be any between."""
FEWEST = 10
"""Lesions that a fit needs."""
_MOST = 1_000_000_000
_LOW = np.array([-1000.0, 0.0, -64.0, -64.0])
_HIGH = np.array([1000.0, 64.0, 64.0, 64.0])


@dataclass(frozen=True, eq=False)
class OutlinedLesions:
    """Components that a segmentation outlined, arrays of one length.

    Attributes
    ----------
    peak
        Largest probability of each.
    volume
        mm3.
    threshold
        At which it was outlined.
    real
        bool: whether the reference has a voxel of it.
    weight
        One over the number of thresholds at which the lesion was outlined: each lesion counts once.
    """

    peak: np.ndarray
    volume: np.ndarray
    threshold: np.ndarray
    real: np.ndarray
    weight: np.ndarray

    def __post_init__(self) -> None:
        for name in ("peak", "threshold"):
            object.__setattr__(self, name, as_probabilities(getattr(self, name), f"The {name}"))
        for name in ("volume", "weight"):
            object.__setattr__(self, name, as_numbers(getattr(self, name), f"The {name}"))
        object.__setattr__(self, "real", as_mask(self.real, "What is real"))
        if len({np.shape(getattr(self, f.name)) for f in fields(self)}) > 1:
            raise InputError("What is known of outlined lesions must have one value for each of them.")

    @property
    def lesions(self) -> float:
        """How many there are."""
        return float(self.weight.sum())


@dataclass(frozen=True)
class RealByCases:
    """A fit: the logit of the probability is a sum of these times what is known.

    Attributes
    ----------
    constant
        By itself.
    peak
        Times the logit of the largest probability; never below 0.
    volume
        Times the logarithm of the volume in mm3.
    threshold
        Times the logit of the threshold.
    components, true
        How many lesions it was fitted on, each counted once, and how many of them are real.
    brier, brier_of_share
        Mean squared difference when each case is left out of the fit for it, and of always saying the share
        that is real in the others; NaN with fewer than two cases.
    """

    constant: float
    peak: float
    volume: float
    threshold: float
    components: int
    true: int
    brier: float
    brier_of_share: float

    def __post_init__(self) -> None:
        weights = (self.constant, self.peak, self.volume, self.threshold)
        bounds = zip(weights, _LOW.tolist(), _HIGH.tolist(), strict=True)
        within = all(low <= weight <= high for weight, low, high in bounds)
        counts = type(self.components) is int and type(self.true) is int
        known = all(s != s or 0 <= s <= 1 for s in (self.brier, self.brier_of_share))
        if not (within and known and counts and 0 <= self.true <= self.components <= _MOST):
            raise InputError("The weights of the lesions' probability in this record cannot be right.")

    def at(self, peak: np.ndarray, volume: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
        """Probability that components are real, float64, the shape of ``peak``.

        Parameters
        ----------
        peak
            Largest probability of each, 0 to 1, any shape.
        volume
            mm3, same shape.
        threshold
            At which they were outlined, 0 to 1: one for all, or the same shape.

        Raises
        ------
        InputError
            If a peak or threshold is no probability, or a volume no finite number.
        """
        peak, threshold = as_probabilities(peak, "The peak"), as_probabilities(threshold, "The threshold")
        volume = as_numbers(volume, "The volume")
        peak, volume, threshold = np.broadcast_arrays(peak, volume, threshold)
        weights = np.array([self.constant, self.peak, self.volume, self.threshold])
        real = expit(_features(peak.ravel(), volume.ravel(), threshold.ravel()) @ weights)
        return np.asarray(real).reshape(peak.shape)


def fit_real_by_cases(cases: Sequence[OutlinedLesions]) -> RealByCases | None:
    """Fit on components of known truth, case by case; None where there are fewer lesions than `FEWEST`."""
    outlined = [case for case in cases if len(case.peak)]
    if sum(case.lesions for case in outlined) < FEWEST - 1e-9:
        return None
    every = joined(outlined)
    brier, brier_of_share = _held_out(outlined)
    constant, peak, volume, threshold = map(float, _weights(every))
    return RealByCases(
        constant,
        peak,
        volume,
        threshold,
        components=round(every.lesions),
        true=round(float(every.weight[every.real].sum())),
        brier=brier,
        brier_of_share=brier_of_share,
    )


def joined(cases: Sequence[OutlinedLesions]) -> OutlinedLesions:
    """All components of several."""
    return OutlinedLesions(
        *(np.concatenate([getattr(c, f.name) for c in cases]) for f in fields(OutlinedLesions))
    )


def _held_out(cases: Sequence[OutlinedLesions]) -> tuple[float, float]:
    """Brier scores of fits without the case, and of the share without it; NaN where no rest is enough."""
    errors, weights = [], []
    for i, case in enumerate(cases):
        rest = [*cases[:i], *cases[i + 1 :]]
        if sum(one.lesions for one in rest) < FEWEST - 1e-9:
            continue
        others = joined(rest)
        predicted = expit(_features(case.peak, case.volume, case.threshold) @ _weights(others))
        share = np.average(others.real, weights=others.weight)
        errors.append(np.stack([predicted - case.real, share - case.real]) ** 2)
        weights.append(case.weight)
    if not errors:
        return np.nan, np.nan
    mean = np.average(np.concatenate(errors, axis=1), axis=1, weights=np.concatenate(weights))
    return float(mean[0]), float(mean[1])


def _weights(outlined: OutlinedLesions) -> np.ndarray:
    features = _features(outlined.peak, outlined.volume, outlined.threshold)
    is_real = outlined.real.astype(bool)
    n_true, n_false = float(outlined.weight[is_real].sum()), float(outlined.weight[~is_real].sum())
    share = np.where(is_real, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    return logistic_regression(
        np.concatenate([features, features]),
        np.repeat([True, False], len(is_real)),
        np.concatenate([share, 1 - share]) * np.tile(outlined.weight, 2),
        _LOW,
        _HIGH,
    )


def _features(peak: np.ndarray, volume: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(peak, float), EPSILON, 1 - EPSILON)
    size = np.log(np.maximum(np.asarray(volume, float), 1e-3))
    t = np.broadcast_to(np.clip(np.asarray(threshold, float), EPSILON, 1 - EPSILON), p.shape)
    return np.column_stack([np.ones_like(p), logit(p), size, logit(t)])
