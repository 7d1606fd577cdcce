"""Many small logistic regressions with an L2 penalty at once: those of all folds and penalties."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

_STEPS = 30
_EXACT = 1e-12
_HALVINGS = 12
_CONSTANT = 1e-10
"""Penalty of the constant: nothing, but for a class without a patient."""


def fit_many(
    rows: np.ndarray,
    positive: np.ndarray,
    used: np.ndarray,
    strength: np.ndarray,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Weights that minimise the sum of the log losses plus ``strength / 2`` times the sum of squared weights.

    Newton's method; a step that does not lower the loss is halved.

    Parameters
    ----------
    rows
        float64 (problems, patients, features).
    positive
        bool (patients,).
    used
        bool (problems, patients): which patients a problem is fitted on.
    strength
        float64 (problems,), above 0; the constant has none.
    start
        As what is returned, to begin from.

    Returns
    -------
    numpy.ndarray
        float64 (problems, features + 1), the constant last.
    """
    design = np.concatenate([rows, np.ones((*rows.shape[:2], 1))], axis=2)
    penalty = np.repeat(strength[:, None], design.shape[2], axis=1)
    penalty[:, -1] = _CONSTANT
    weights = np.zeros((len(rows), design.shape[2])) if start is None else start.copy()
    weight, diagonal = used.astype(float), np.arange(design.shape[2])
    loss = _loss(design, positive, weight, penalty, weights)
    for _ in range(_STEPS):
        p = expit((design @ weights[:, :, None])[:, :, 0])
        slope = ((weight * (p - positive))[:, None, :] @ design)[:, 0] + penalty * weights
        curved = design * (weight * p * (1 - p))[:, :, None]
        hessian = design.transpose(0, 2, 1) @ curved
        hessian[:, diagonal, diagonal] += penalty
        step = np.linalg.solve(hessian, slope[:, :, None])[:, :, 0]
        if (np.abs(slope * step).sum(1) < _EXACT * np.maximum(loss, 1e-300)).all():
            break
        weights, loss = _walked(design, positive, weight, penalty, weights, step, loss)
    return weights


def _walked(
    design: np.ndarray, positive: np.ndarray, weight: np.ndarray, penalty: np.ndarray, weights: np.ndarray,
    step: np.ndarray, loss: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """As far along the step as lowers the loss of each problem."""
    length = np.ones(len(weights))
    for _ in range(_HALVINGS):
        tried = weights - length[:, None] * step
        found = _loss(design, positive, weight, penalty, tried)
        worse = found > loss
        if not worse.any():
            return tried, found
        length[worse] /= 2
    tried[worse], found[worse] = weights[worse], loss[worse]
    return tried, found


def _loss(
    design: np.ndarray, positive: np.ndarray, weight: np.ndarray, penalty: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    logits = (design @ weights[:, :, None])[:, :, 0]
    return np.asarray((weight * log_losses(logits, positive)).sum(1) + (penalty * weights**2).sum(1) / 2)


def log_losses(logits: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """The log loss of each logit, of its shape."""
    return np.asarray(np.logaddexp(0, np.where(positive, -logits, logits)))
