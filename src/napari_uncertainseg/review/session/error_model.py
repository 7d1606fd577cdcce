"""What a session's verdicts say of the tasks that have none: a guess, updated with each verdict.

Logistic regression of *is a lesion* on what the queue goes by: the logit of the largest probability, LSU, and
whether it is a candidate. A normal prior holds the coefficients to the model's own word, the largest
probability itself, from which verdicts move them (on such priors: Gelman et al., Ann Appl Stat 2:1360, 2008).
It is a guess: where probability and doubt tell of lesions in another form than this, it is off. What holds in
any case is in `stopping`.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

_MODEL = np.array([0.0, 1.0, 0.0, 0.0])
"""Coefficients with which the chance is the largest probability: the prior's mean."""
_SPREAD = 1.0
"""The prior's standard deviation, of each."""


def features_of(peak: np.ndarray, doubt: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """What the regression goes by, shape (tasks, 4): one, logit of the peak, doubt, whether a candidate.

    Parameters
    ----------
    peak
        Largest probability, 0 to 1.
    doubt
        LSU, 0 to 1.
    candidate
        bool.
    """
    p = np.clip(np.asarray(peak, float), 1e-4, 1 - 1e-4)
    doubt = 2 * np.asarray(doubt, float) - 1
    return np.column_stack([np.ones_like(p), logit(p), doubt, np.asarray(candidate, float)])


def chance_of_lesion(features: np.ndarray, judged: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """Probability that each task is a lesion, at the most probable coefficients.

    Without a verdict it is the largest probability itself.

    Parameters
    ----------
    features
        From `features_of`, shape (tasks, 4).
    judged
        bool, whether there is a verdict on it.
    lesion
        bool, what that says; not looked at elsewhere.
    """
    x, y = features[judged], lesion[judged].astype(bool)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        z, off = x @ at, (at - _MODEL) / _SPREAD
        value = np.logaddexp(0, np.where(y, -z, z)).sum() + off @ off / 2
        return float(value), x.T @ (expit(z) - y) + off / _SPREAD

    return np.asarray(expit(features @ minimize(loss, _MODEL, jac=True, method="BFGS").x))
