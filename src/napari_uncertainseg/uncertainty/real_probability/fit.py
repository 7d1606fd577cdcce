"""Fits what each feature is worth, on lesions and candidates that experts have judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask
from napari_uncertainseg.networks.real_probability import FEATURES, LARGEST, Weight

RIDGE = 10.0
"""Against large weights, in lesions: where there are few, or they part without overlap, weights are small."""


def fit_weights(
    values: Mapping[str, np.ndarray],
    real: np.ndarray,
    counts: np.ndarray,
    features: Sequence[str],
    *,
    ridge: float = RIDGE,
) -> tuple[float, dict[str, Weight]]:
    """Constant and weights of a logistic regression with a ridge, as `RealProbability` has them.

    Targets are smoothed as by Platt (1999), so that no lesion is certain. A weight never has a sign
    that its feature cannot have.

    Parameters
    ----------
    values
        By feature, as `measure_lesion_features` gives them, shape (lesions,); NaN where not known.
    real
        bool (lesions,): whether experts marked any of it.
    counts
        How often each counts, 0 or more, (lesions,). Their sum is what the ridge is measured by.
    features
        Which features to weigh.

    Raises
    ------
    InputError
        If a feature is not known, or there are no lesions, or the arrays have different lengths.
    """
    unknown = [name for name in features if name not in FEATURES]
    if unknown or not features:
        raise InputError(f"There is no feature '{''.join(unknown[:1])}'; known are {', '.join(FEATURES)}.")
    real = as_mask(real, "What is real")
    counts = np.asarray(counts, float)
    if not len(real) or any(np.shape(x) != real.shape for x in (counts, *(values[k] for k in features))):
        raise InputError(
            "The probability is fitted on one value of each feature, one count and one verdict per lesion."
        )
    clipped = [np.clip(np.asarray(values[k], float), FEATURES[k].low, FEATURES[k].high) for k in features]
    centres, units = zip(*(_moments(x, counts) for x in clipped), strict=True)
    scaled = [np.nan_to_num((x - c) / u) for x, c, u in zip(clipped, centres, units, strict=True)]
    found = _logistic(np.column_stack([np.ones(len(real)), *scaled]), real, counts, features, ridge)
    weights = {
        name: Weight(weight=float(np.clip(w / u, -LARGEST, LARGEST)), centre=float(c))
        for name, w, c, u in zip(features, found[1:], centres, units, strict=True)
    }
    return float(found[0]), weights


def _moments(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of what is known; a unit of 1 where all values are alike."""
    known = ~np.isnan(values)
    if not counts[known].sum() > 0:
        return 0.0, 1.0
    mean = float(np.average(values[known], weights=counts[known]))
    deviation = float(np.sqrt(np.average((values[known] - mean) ** 2, weights=counts[known])))
    return mean, deviation if deviation > 1e-6 else 1.0


def _logistic(
    rows: np.ndarray, real: np.ndarray, counts: np.ndarray, features: Sequence[str], ridge: float
) -> np.ndarray:
    """Weights of the rows' columns, the first of which is 1 and is not held by the ridge."""
    n_real, n_false = float(counts[real].sum()), float(counts[~real].sum())
    target = np.where(real, (n_real + 1) / (n_real + 2), 1 / (n_false + 2))
    held = np.r_[0.0, np.full(len(features), ridge)]
    bounds: list[tuple[int | None, int | None]] = [(None, None)]
    bounds += [(0 if FEATURES[k].sign > 0 else None, 0 if FEATURES[k].sign < 0 else None) for k in features]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logit = rows @ weights
        value = counts @ (np.logaddexp(0, logit) - target * logit) + held @ weights**2 / 2
        return float(value), rows.T @ (counts * (expit(logit) - target)) + held * weights

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x)
