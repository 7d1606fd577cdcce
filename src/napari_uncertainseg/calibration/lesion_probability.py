"""How probable it is that a lesion or candidate is one, from cases with a reference.

Logistic regression on what is known of a component without a reference: its largest probability, its
volume, and the threshold that outlined it. Targets are smoothed as by Platt (1999), so that a few
components, or such as all exist, do not make certainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.logistic import logistic_regression
from napari_uncertainseg.calibration.scores import EPSILON

FEWEST = 10
"""Components that a fit needs."""
_LOW = np.array([-1000.0, 0.0, -64.0, -64.0])
_HIGH = np.array([1000.0, 64.0, 64.0, 64.0])


@dataclass(frozen=True, eq=False)
class Outlined:
    """Components that a segmentation outlined, arrays of one length.

    Attributes
    ----------
    peak
        Largest probability of each.
    volume
        mm3.
    threshold
        At which it was outlined.
    exists
        bool: whether the reference has a voxel of it.
    """

    peak: np.ndarray
    volume: np.ndarray
    threshold: np.ndarray
    exists: np.ndarray

    def __len__(self) -> int:
        return len(self.peak)


@dataclass(frozen=True)
class LesionProbability:
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
        How many it was fitted on, and how many of them exist.
    brier, brier_of_share
        Mean squared difference when each case is left out of the fit for it, and of always saying the share
        that exists in the others; NaN with fewer than two cases.
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
        weights = np.array([self.constant, self.peak, self.volume, self.threshold])
        within = np.isfinite(weights).all() and (weights >= _LOW).all() and (weights <= _HIGH).all()
        if not (within and 0 <= self.true <= self.components):
            raise InputError("The weights of the lesions' probability in this record cannot be right.")

    def of(self, peak: np.ndarray, volume: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
        """Probability that components exist, float64, the shape of ``peak``."""
        weights = np.array([self.constant, self.peak, self.volume, self.threshold])
        return np.asarray(expit(_features(peak, volume, threshold) @ weights))


def fit_lesion_probability(cases: Sequence[Outlined]) -> LesionProbability | None:
    """Fit on components of known truth, case by case; None where there are fewer than `FEWEST`."""
    outlined = [case for case in cases if len(case)]
    if sum(map(len, outlined)) < FEWEST:
        return None
    every = joined(outlined)
    exists = every.exists
    held_out = [_of_others(outlined, i) for i in range(len(outlined))] if len(outlined) > 1 else []
    fitted, share = (np.concatenate(x) for x in zip(*held_out, strict=True)) if held_out else (np.nan,) * 2
    constant, peak, volume, threshold = map(float, _weights(every))
    return LesionProbability(
        constant,
        peak,
        volume,
        threshold,
        components=len(every),
        true=int(np.count_nonzero(exists)),
        brier=float(np.mean((fitted - exists) ** 2)),
        brier_of_share=float(np.mean((share - exists) ** 2)),
    )


def joined(cases: Sequence[Outlined]) -> Outlined:
    """All components of several."""
    return Outlined(*(np.concatenate([getattr(c, f.name) for c in cases]) for f in fields(Outlined)))


def _of_others(cases: Sequence[Outlined], i: int) -> tuple[np.ndarray, np.ndarray]:
    """What a fit on the other cases says of a case's components, and their share that exists."""
    others = joined([*cases[:i], *cases[i + 1 :]])
    case = cases[i]
    fitted = expit(_features(case.peak, case.volume, case.threshold) @ _weights(others))
    return fitted, np.full(len(case), others.exists.mean())


def _weights(outlined: Outlined) -> np.ndarray:
    features = _features(outlined.peak, outlined.volume, outlined.threshold)
    exist = outlined.exists.astype(bool)
    n_true, n_false = np.count_nonzero(exist), np.count_nonzero(~exist)
    share = np.where(exist, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    return logistic_regression(
        np.concatenate([features, features]),
        np.repeat([True, False], len(outlined)),
        np.concatenate([share, 1 - share]),
        _LOW,
        _HIGH,
    )


def _features(peak: np.ndarray, volume: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(peak, float), EPSILON, 1 - EPSILON)
    size = np.log(np.maximum(np.asarray(volume, float), 1e-3))
    t = np.broadcast_to(np.clip(np.asarray(threshold, float), EPSILON, 1 - EPSILON), p.shape)
    return np.column_stack([np.ones_like(p), logit(p), size, logit(t)])
