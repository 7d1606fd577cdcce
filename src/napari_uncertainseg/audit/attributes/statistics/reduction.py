"""Standardised features, turned onto their principal axes: learned of the patients of a fit, for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_AXES = 20
KEPT = 0.95
"""Share of the variance that the axes keep."""
_FLAT = 1e-6
"""A feature whose deviation is a smaller share of its greatest value is the same in all patients."""


@dataclass(frozen=True, eq=False)
class Reductions:
    """What several fits see of all patients.

    Attributes
    ----------
    rows
        float64 (fits, patients, axes); an axis that is not kept is 0.
    back
        float64 (fits, features, axes): times weights of axes, it gives weights of the features themselves.
    """

    rows: np.ndarray
    back: np.ndarray


def reductions(features: np.ndarray, used: np.ndarray) -> Reductions:
    """Means, deviations and axes of the patients of each fit, applied to all patients.

    The rows are scaled by one over the root of the number of features, so that a penalty means the same
    however many there are.

    Parameters
    ----------
    features
        float64 (patients, features).
    used
        bool (fits, patients): whom a fit may learn of, at least two.
    """
    count = used.sum(1)
    weight = used / count[:, None]
    mean = weight @ features
    apart = features[None] - mean[:, None]
    deviation = np.sqrt((weight[:, None] @ apart**2)[:, 0])
    large = np.abs(features).max(0, initial=0)[None]
    unit = np.where(deviation > _FLAT * large, deviation, np.inf) * np.sqrt(features.shape[1])
    scaled = apart / unit[:, None]
    own = scaled * np.sqrt(weight)[:, :, None]
    axes = _axes(own, min(MOST_AXES, int(count.min()) - 1, features.shape[1]))
    return Reductions(scaled @ axes, axes / unit[:, :, None])


def _axes(own: np.ndarray, most: int) -> np.ndarray:
    """The first principal axes, float64 (fits, features, axes), from the smaller of the two products."""
    if own.shape[1] < own.shape[2]:
        size, turned = np.linalg.eigh(own @ own.transpose(0, 2, 1))
        size, turned = size[:, ::-1][:, :most], turned[:, :, ::-1][:, :, :most]
        length = np.sqrt(np.maximum(size, 1e-300))
        axes = own.transpose(0, 2, 1) @ (turned / length[:, None])
    else:
        size, axes = np.linalg.eigh(own.transpose(0, 2, 1) @ own)
        size, axes = size[:, ::-1][:, :most], axes[:, :, ::-1][:, :, :most]
    whole = np.maximum((own**2).sum((1, 2)), 1e-300)
    before = np.cumsum(np.maximum(size, 0), axis=1) - np.maximum(size, 0)
    kept = (before < KEPT * whole[:, None]) & (size > 1e-10 * whole[:, None])
    return np.where(kept[:, None], axes, 0.0)
