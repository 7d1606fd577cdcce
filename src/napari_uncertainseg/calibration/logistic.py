"""Logistic regression of few coefficients within bounds."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

# As exact as the loss can be told apart in double precision; what the fits here need is reached long before.
_OPTIONS = {"ftol": 1e-15, "gtol": 1e-12, "maxiter": 2000, "maxfun": 5000}


def logistic_regression(
    features: np.ndarray,
    is_lesion: np.ndarray,
    count: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Coefficients of the greatest likelihood within bounds (scipy's L-BFGS-B).

    Where the classes part without overlap, no finite coefficients are best: the bounds hold them.

    Parameters
    ----------
    features
        float, shape (n, coefficients).
    is_lesion
        bool, shape (n,).
    count
        How often each row was seen, float, shape (n,); not all 0.
    low, high
        Bounds, shape (coefficients,). The search begins at 1, or at 0 where the lower bound is below -1.

    Returns
    -------
    np.ndarray
        float64, shape (coefficients,).
    """
    weight = count / count.sum()
    sign = np.where(is_lesion, -1.0, 1.0)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = features @ theta
        return float(weight @ np.logaddexp(0, sign * z)), features.T @ (weight * (expit(z) - is_lesion))

    start = np.where(low < -1, 0.0, 1.0)  # leaves every probability as it is
    bounds = np.column_stack([low, high])
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_OPTIONS).x
