"""What a session's verdicts say of the tasks without one: an estimate, updated with each verdict.

Bayesian logistic regression of *is a lesion* on what orders the queue: the logit of the largest probability
(peak), the uncertainty (LSU), and whether the task is a candidate. A normal prior is centred on the model's
own peak, and verdicts move the coefficients away from it (on such priors: Gelman et al., Ann Appl Stat
2:1360, 2008). The estimate is biased where lesions depend on peak and uncertainty in another way than this.
The bound that always holds is in `stopping`.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

_MODEL = np.array([0.0, 1.0, 0.0, 0.0])
"""Coefficients with which the chance is the largest probability: the prior's mean."""
_SPREAD = 1.0
"""The prior's standard deviation, of each."""


def features_of(peak: np.ndarray, uncertainty: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Features of the regression: one, logit of the peak, uncertainty from -1 to 1, whether a candidate.

    Parameters
    ----------
    peak
        float, shape (tasks,): largest probability, 0 to 1.
    uncertainty
        float, shape (tasks,): LSU, 0 to 1.
    candidate
        bool, shape (tasks,).

    Returns
    -------
    numpy.ndarray
        float64, shape (tasks, 4).
    """
    # A peak of exactly 0 or 1 has an infinite logit.
    p = np.clip(np.asarray(peak, float), 1e-4, 1 - 1e-4)
    centred = 2 * np.asarray(uncertainty, float) - 1  # of the size of the others, for one prior
    return np.column_stack([np.ones_like(p), logit(p), centred, np.asarray(candidate, float)])


def chance_of_lesion(features: np.ndarray, reviewed: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """Probability that each task is a lesion, at the most probable coefficients.

    Without a verdict it is the largest probability itself.

    Parameters
    ----------
    features
        From `features_of`, shape (tasks, 4).
    reviewed
        bool, shape (tasks,): whether there is a verdict.
    lesion
        bool, shape (tasks,): whether the verdict is a lesion; ignored where there is none.

    Returns
    -------
    numpy.ndarray
        float64, shape (tasks,), 0 to 1.
    """
    x, y = features[reviewed], lesion[reviewed].astype(bool)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log posterior at some coefficients, and its gradient; convex, so one minimum."""
        z, off = x @ at, (at - _MODEL) / _SPREAD
        value = np.logaddexp(0, np.where(y, -z, z)).sum() + off @ off / 2
        return float(value), x.T @ (expit(z) - y) + off / _SPREAD

    return np.asarray(expit(features @ minimize(loss, _MODEL, jac=True, method="BFGS").x))
