"""Logistic regression of few coefficients within bounds."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

# As exact as the loss can be told apart in double precision; what the fits here need is reached long before.
_OPTIONS = {"ftol": 1e-15, "gtol": 1e-12, "maxiter": 2000, "maxfun": 5000}
_MOST_STARTS = 5
_SETTLED = 1e-12
"""Share of the loss that a further start must save, or the search ends."""


def logistic_regression(
    features: np.ndarray,
    is_lesion: np.ndarray,
    count: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Coefficients of the greatest likelihood within bounds (scipy's L-BFGS-B).

    Where the classes part without overlap, no finite coefficients are best. The search then ends at a
    bound, or before it where the loss is below 1e-11.

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
    from scipy.optimize import minimize  # here: it takes half a second, and a run does without it

    weight = count / count.sum()
    sign = np.where(is_lesion, -1.0, 1.0)
    # L-BFGS-B stops early where one coefficient moves the loss much more than another: log p and
    # log(1 - p) differ a thousandfold where nearly all voxels are background. So all features get the
    # mean square 1, and a search that stopped is begun again where it ended.
    square = weight @ features**2
    unit = np.sqrt(np.where(square > 0, square, 1.0))
    scaled = features / unit

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = scaled @ theta
        return float(weight @ np.logaddexp(0, sign * z)), scaled.T @ (weight * (expit(z) - is_lesion))

    theta = np.where(low < -1, 0.0, 1.0) * unit  # leaves every probability as it is
    bounds = np.column_stack([low, high]) * unit[:, None]
    before = np.inf
    for _ in range(_MOST_STARTS):
        found = minimize(loss, theta, jac=True, method="L-BFGS-B", bounds=bounds, options=_OPTIONS)
        theta = found.x
        if before - found.fun <= _SETTLED * found.fun:
            break
        before = found.fun
    return np.clip(theta / unit, low, high)
