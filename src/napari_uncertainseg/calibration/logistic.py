"""Logistic regression of few coefficients within bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit


def logistic_regression(
    features: np.ndarray,
    is_lesion: np.ndarray,
    count: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Coefficients of a logistic regression within bounds, by Newton's method where no bound holds them."""
    weight = count / count.sum()
    theta = np.where(low < -1, 0.0, 1.0)  # the identity

    def loss(at: np.ndarray) -> float:
        z = features @ at
        return float(weight @ np.logaddexp(0, np.where(is_lesion, -z, z)))

    now = loss(theta)
    for _ in range(200):
        p = expit(features @ theta)
        gradient = features.T @ (weight * (p - is_lesion))
        curvature = features.T @ (features * (weight * p * (1 - p))[:, None])
        step = _step(gradient, curvature, theta, low, high)
        expected = -gradient @ step
        if expected <= 1e-13 * now:
            break
        theta, now, moved = _shorten(loss, theta, now, step, expected, low, high)
        if not moved:
            break
    return theta


def _step(
    gradient: np.ndarray, curvature: np.ndarray, theta: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Newton's step that leaves at its bound what would leave the bounds."""
    held = (theta <= low) & (gradient >= 0) | (theta >= high) & (gradient <= 0)
    step = np.zeros_like(theta)
    ridge = 1e-10 * np.trace(curvature) + 1e-300
    while not held.all():
        free = np.flatnonzero(~held)
        step[:] = 0
        step[free] = -np.linalg.solve(
            curvature[np.ix_(free, free)] + ridge * np.eye(len(free)), gradient[free]
        )
        out = (theta <= low) & (step < 0) | (theta >= high) & (step > 0)
        if not out.any():
            return step
        held |= out
    return np.zeros_like(theta)


def _shorten(
    loss: Callable[[np.ndarray], float],
    theta: np.ndarray,
    now: float,
    step: np.ndarray,
    expected: float,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, float, bool]:
    """Go as far along the step, up to the first bound, as the loss truly falls; at least halving 40 times."""
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (high - theta) / step, np.where(step < 0, (low - theta) / step, np.inf))
    length = min(1.0, float(room.min()))
    for _ in range(40):
        tried = np.clip(theta + length * step, low, high)
        value = loss(tried)
        if value <= now - 1e-4 * length * expected:
            return tried, value, True
        length /= 2
    return theta, now, False
