"""What a session's verdicts say of the tasks that have none: a posterior, updated with each.

Bayesian logistic regression of *wrong* on what the queue goes by, the logit of the largest probability and
LSU, apart for lesions and candidates, with a normal prior (Gelman et al., Ann Appl Stat 2:1360, 2008, take a
Cauchy) and Laplace's approximation. Since it is conditional on what the order goes by, that the doubtful were
shown first does not bias it; where doubt and probability do not tell wrong from right, it goes back to
the share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

_SPREAD = 2.5
"""Standard deviation of the prior, on standardised features."""
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Posterior:
    """Normal approximation of the coefficients' posterior.

    Attributes
    ----------
    mean, covariance
        Of the coefficients, shape (k,) and (k, k).
    """

    mean: np.ndarray
    covariance: np.ndarray

    def wrong(self, features: np.ndarray, *, level: float = 0.95, seed: int = 0) -> Expected:
        """How many of some tasks are wrong.

        Parameters
        ----------
        features
            From `features_of`, shape (tasks, k).
        level
            Of the largest number.
        seed
            Of the draws.
        """
        rng = np.random.default_rng(seed)
        draws = rng.multivariate_normal(self.mean, self.covariance, _DRAWS).astype(np.float32)
        each = draws @ features.T.astype(np.float32)  # of 10,000 tasks this is what takes the time
        expit(each, out=each)
        total, square = each.sum(1, dtype=float), np.einsum("ij,ij->i", each, each, dtype=float)
        number = rng.normal(total, np.sqrt(np.maximum(total - square, 0.0)))  # of many yes or no
        likely = expit(features @ self.mean)
        return Expected(likely, float(likely.sum()), max(float(np.quantile(number, level)), 0.0))


@dataclass(frozen=True, eq=False)
class Expected:
    """What is to be expected of tasks without a verdict.

    Attributes
    ----------
    probability
        Of each being wrong, at the most probable coefficients.
    number, most
        How many are wrong at the most probable coefficients, and the level's quantile over all of them: few
        verdicts leave a long tail, in which a mean would lie too high.
    """

    probability: np.ndarray
    number: float
    most: float


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
    kind = np.asarray(candidate, float)
    # A high peak speaks for a lesion, and against a candidate being right as none.
    return np.column_stack(
        [np.ones_like(p), logit(p) * (1 - 2 * kind) / 2, 2 * np.asarray(doubt, float) - 1, kind]
    )


def posterior(features: np.ndarray, wrong: np.ndarray) -> Posterior:
    """Fit to what was looked at; without any, the prior.

    Parameters
    ----------
    features
        From `features_of`.
    wrong
        bool.
    """
    k = features.shape[1]
    mean, precision = np.zeros(k), np.eye(k) / _SPREAD**2
    y = np.asarray(wrong, float)
    for _ in range(100):
        p = expit(features @ mean)
        gradient = features.T @ (y - p) - precision @ mean
        hessian = features.T @ (features * (p * (1 - p))[:, None]) + precision
        step = np.linalg.solve(hessian, gradient)
        mean = mean + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return Posterior(mean, np.linalg.inv(hessian))
