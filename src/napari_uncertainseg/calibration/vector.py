"""Recalibration of several classes: temperature and vector scaling (Guo et al., arXiv 1706.04599).

The logits are the logarithms of the probabilities, which differ from a network's own by one number per
voxel; temperature scaling does not mind. Vector scaling of two classes is then beta calibration
(`recalibration.Beta`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_classes
from napari_uncertainseg.calibration.scores import EPSILON, stacked

_STEEPEST, _FARTHEST = 64.0, 1000.0


@dataclass(frozen=True)
class VectorScaling:
    """``softmax(scale log p + shift)``, class by class.

    Attributes
    ----------
    scale
        One per class, 0 to 64; all alike for temperature scaling, its inverse.
    shift
        One per class; the first is 0, as one number for all changes nothing.
    nll_before, nll_after
        Nats per voxel of those that it was fitted on.
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]
    nll_before: float
    nll_after: float

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """Recalibrate probabilities of several classes.

        Parameters
        ----------
        probability
            Shape (C, ...), with a sum of 1 over the classes.

        Returns
        -------
        np.ndarray
            float32, the same shape.

        Raises
        ------
        InputError
            If there are other classes, or the probabilities are none.
        """
        found = (*np.shape(probability), 1)[0]
        if found != len(self.scale):
            raise InputError(f"This was fitted on {len(self.scale)} classes, not on {found}.")
        probability = as_classes(probability)
        classes = probability.reshape(len(probability), -1)
        found = softmax(_scaled(_logits(classes), np.array(self.scale), np.array(self.shift)), axis=0)
        return found.astype(np.float32).reshape(probability.shape)


def fit_vector(
    probability: np.ndarray,
    labels: np.ndarray,
    *,
    region: np.ndarray | None = None,
    one_temperature: bool = False,
) -> VectorScaling:
    """Fit by likelihood.

    Parameters
    ----------
    probability
        Shape (C, ...) with a sum of 1 over the classes.
    labels
        Shape (...): integers from 0 to C - 1.
    region
        bool: the voxels that count; never the whole of an image that is mostly background.
    one_temperature
        One scale for all classes and no shift: the winning class stays.

    Raises
    ------
    InputError
        As for `scores.top_label`; or if a class never occurs in the region.
    """
    classes, truth = stacked(probability, labels, region)
    n = len(classes)
    if len(np.unique(truth)) < n:
        raise InputError("Vector scaling needs voxels of every class in the region; one is missing.")
    logits = _logits(classes)
    own = np.eye(n)[:, truth]  # one-hot, (classes, voxels)

    def unpack(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if one_temperature:
            return np.repeat(x, n), np.zeros(n)
        return x[:n], np.concatenate([[0.0], x[n:]])

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        log_q = log_softmax(_scaled(logits, *unpack(x)), axis=0)
        error = (np.exp(log_q) - own) / truth.size
        by_scale, by_shift = (error * logits).sum(1), error.sum(1)
        gradient = by_scale.sum(keepdims=True) if one_temperature else np.append(by_scale, by_shift[1:])
        return -float((log_q * own).sum()) / truth.size, gradient

    start = np.ones(1) if one_temperature else np.append(np.ones(n), np.zeros(n - 1))
    slopes = [(0.0, _STEEPEST)] * (1 if one_temperature else n)
    shifts = [] if one_temperature else [(-_FARTHEST, _FARTHEST)] * (n - 1)
    options = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-9}
    from scipy.optimize import minimize  # here: it takes half a second, and a run does without it

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=slopes + shifts, options=options)
    scale, shift = unpack(found.x)
    return VectorScaling(tuple(map(float, scale)), tuple(map(float, shift)), loss(start)[0], float(found.fun))


def _logits(classes: np.ndarray) -> np.ndarray:
    return np.log(np.clip(classes.astype(float), EPSILON, 1))


def _scaled(logits: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return logits * scale[:, None] + shift[:, None]
