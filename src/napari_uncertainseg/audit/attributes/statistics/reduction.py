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
    unit = _units(features, weight) * np.sqrt(features.shape[1])
    most = min(MOST_AXES, int(count.min()) - 1, features.shape[1])
    if features.shape[0] >= features.shape[1]:
        return _by_features(features, weight, unit, most)
    return _by_patients(features, weight, unit, most)


def _units(features: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Deviations of each fit, float64 (fits, features); infinite where a feature is the same in all."""
    near = features - features.mean(0)  # squares of large numbers would cancel
    deviation = np.sqrt(np.maximum(weight @ near**2 - (weight @ near) ** 2, 0))
    return np.where(deviation > _FLAT * np.abs(features).max(0, initial=0), deviation, np.inf)


def _by_features(features: np.ndarray, weight: np.ndarray, unit: np.ndarray, most: int) -> Reductions:
    """Axes from products of features, which are fewer than patients."""
    scaled = (features - (weight @ features)[:, None]) / unit[:, None]
    own = scaled * np.sqrt(weight)[:, :, None]
    size, axes = _largest(own.transpose(0, 2, 1) @ own, most)
    axes = axes * _kept(size, (own**2).sum((1, 2)))[:, None]
    return Reductions(scaled @ axes, axes / unit[:, :, None])


def _by_patients(features: np.ndarray, weight: np.ndarray, unit: np.ndarray, most: int) -> Reductions:
    """The same axes from products of patients, which are fewer than features."""
    near = features - features.mean(0)
    products = (near / unit[:, None] ** 2) @ near.T
    apart = (products @ weight[:, :, None])[:, :, 0]  # about the mean of the fit's own patients
    products += (weight * apart).sum(1)[:, None, None] - apart[:, :, None] - apart[:, None, :]
    root = np.sqrt(weight)
    own = products * root[:, :, None] * root[:, None, :]
    size, turned = _largest(own, most)
    kept = _kept(size, np.trace(own, axis1=1, axis2=2))
    turned = turned * root[:, :, None] * (kept / np.sqrt(np.maximum(size, 1e-300)))[:, None]
    middle = (weight @ near)[:, :, None] * turned.sum(1)[:, None]
    return Reductions(products @ turned, (near.T @ turned - middle) / (unit**2)[:, :, None])


def _largest(products: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    size, turned = np.linalg.eigh(products)
    return np.maximum(size[:, ::-1][:, :most], 0), turned[:, :, ::-1][:, :, :most]


def _kept(size: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Which axes are kept, bool (fits, axes)."""
    whole = np.maximum(whole, 1e-300)[:, None]
    before = np.cumsum(size, axis=1) - size
    return np.asarray((before < KEPT * whole) & (size > 1e-10 * whole))
