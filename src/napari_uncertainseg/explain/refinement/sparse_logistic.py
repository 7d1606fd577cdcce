"""Logistic regression in which most weights are 0 (a lasso)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

_OPTIONS = {"ftol": 1e-12, "gtol": 1e-8, "maxiter": 5000, "maxfun": 20000}


def sparse_logistic(
    x: np.ndarray, real: np.ndarray, counts: np.ndarray, *, strength: float = 1.0
) -> tuple[float, np.ndarray]:
    """Constant and weights of the least sum of log losses and absolute weights.

    The loss is that of scikit-learn's ``LogisticRegression(l1_ratio=1, C=1 / strength)`` with ``saga``: the
    constant is free. (Its ``liblinear``, which the published refinement uses, holds the constant too.)

    Parameters
    ----------
    x
        Standardised features, float64 (rows, features).
    real
        bool (rows,).
    counts
        How often each row counts, float (rows,).
    strength
        What one unit of a weight costs, in losses of one row.

    Returns
    -------
    tuple
        The constant, and float64 (features,); a weight is exactly 0 where the feature does not pay.
    """
    n = x.shape[1]
    target = real.astype(float)

    # |w| has a kink at 0. Written as a difference of two parts, none below 0, the loss has none.
    def loss(parts: np.ndarray) -> tuple[float, np.ndarray]:
        weights = parts[1 : n + 1] - parts[n + 1 :]
        z = parts[0] + x @ weights
        value = counts @ (np.logaddexp(0, z) - target * z) + strength * parts[1:].sum()
        apart = counts * (expit(z) - target)
        slope = x.T @ apart
        return float(value), np.r_[apart.sum(), slope + strength, strength - slope]

    bounds = [(None, None)] + [(0, None)] * (2 * n)
    found = minimize(loss, np.zeros(2 * n + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=_OPTIONS)
    return float(found.x[0]), np.asarray(found.x[1 : n + 1] - found.x[n + 1 :])
