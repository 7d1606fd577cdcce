"""Elastic nets chosen and judged by leaving patients out, for a doubt and for its permutations at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from napari_uncertainseg.explain.drivers.design import Scale
from napari_uncertainseg.explain.drivers.statistics.elastic_net import elastic_nets
from napari_uncertainseg.explain.drivers.statistics.sums import Sums

FOLDS = 5
"""Parts into which patients are divided, or as many as there are patients."""
STRENGTHS = np.logspace(0, -2, 5)
"""Penalties that are tried, the strongest first; doubt and drivers are in standard deviations."""
RATIOS = np.linspace(0, 1, 5)
"""Shares of the lasso in the penalty that are tried, as published (arXiv 2504.04814)."""
_COARSE, _FINE = 3e-3, 1e-4
"""How exact weights are, to choose a penalty, and in the end."""


@dataclass(frozen=True, eq=False)
class LinearFit:
    """Weights with the scale of the lesions that they were fitted on.

    Attributes
    ----------
    scale
        Of the drivers.
    constant, weights
        Of each target, in its own unit; float64 (targets,) and (features, targets).
    """

    scale: Scale
    constant: np.ndarray
    weights: np.ndarray

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Of other lesions, scaled by those of the fit; float64 (lesions, targets)."""
        return np.asarray(self.scale.apply(values) @ self.weights + self.constant)


@dataclass(frozen=True, eq=False)
class CrossValidated:
    """A fit on all lesions, and what fits said of lesions that they had not seen.

    Attributes
    ----------
    whole
        Fitted on all; its constant is the mean of the targets.
    fold
        In which fold each lesion was left out, int (lesions,).
    fits
        Of each fold, from all other lesions; the constant is their mean.
    """

    whole: LinearFit
    fold: np.ndarray
    fits: tuple[LinearFit, ...]


def folds_of(groups: np.ndarray, count: int = FOLDS) -> np.ndarray:
    """A fold for each row; rows of one group are in one fold, and folds are as equal as that allows.

    Parameters
    ----------
    groups
        Whole numbers from 0 up, without gaps, (rows,).
    count
        Of the folds, at most one for each group.
    """
    sizes = np.bincount(groups)
    fold, filled = np.zeros(len(sizes), int), np.zeros(min(count, len(sizes)))
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = int(np.argmin(filled))
        filled[fold[group]] += sizes[group]
    return np.asarray(fold[groups])


def cross_validated(values: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> CrossValidated:
    """Fit without each fold of patients, and on all; penalties are chosen by leaving further folds out.

    Everything that is learned of a fold's lesions is learned without them: means, deviations, weights and
    the penalty (nested cross-validation; the inner folds are the other outer ones).

    Parameters
    ----------
    values
        As `design` gives them, float64 (lesions, features), NaN where unknown.
    targets
        float64 (lesions, targets), such as a doubt and its permutations.
    groups
        The patient of each lesion, whole numbers from 0 up without gaps; three patients at least.
    """
    fold = folds_of(groups)
    sums = Sums.of_folds(values, targets, fold)
    every = range(len(sums))
    inner: dict[tuple[int, int], np.ndarray] = {}
    for j, k in combinations(every, 2):  # fold k chooses for the outer fold j, and the other way round
        own = _without(sums, {j, k})
        paths = _paths(own)
        inner[j, k], inner[k, j] = _errors(paths, own, sums[k]), _errors(paths, own, sums[j])
    outer = [_without(sums, {j}) for j in every]
    fits = [_fit(outer[j], _added([inner[j, k] for k in every if k != j])) for j in every]
    errors = _added([_errors(_paths(own), own, sums[j]) for j, own in enumerate(outer)])
    return CrossValidated(_fit(_without(sums, set()), errors), fold, tuple(fits))


def _added(errors: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.sum(errors, 0))


def _without(sums: Sequence[Sums], left_out: set[int]) -> Sums:
    return Sums.together([own for fold, own in enumerate(sums) if fold not in left_out])


def _fit(own: Sums, errors: np.ndarray) -> LinearFit:
    """The fit of each target with the penalty of the least error."""
    strength, ratio = np.unravel_index(errors.reshape(-1, errors.shape[-1]).argmin(0), errors.shape[:2])
    moments = own.moments()
    weights = elastic_nets(
        moments.gram,
        moments.covariance,
        STRENGTHS[strength] * RATIOS[ratio],
        STRENGTHS[strength] * (1 - RATIOS[ratio]),
        tolerance=_FINE,
    )
    return LinearFit(own.scale(), moments.mean, weights * moments.deviation)


def _paths(own: Sums) -> list[np.ndarray]:
    """Weights for each strength, (features, ratios * targets)."""
    moments = own.moments()
    ratios = np.repeat(RATIOS, len(moments.mean))
    repeated, weights, found = np.tile(moments.covariance, len(RATIOS)), None, []
    for strength in STRENGTHS:  # each begins where the stronger one ended
        weights = elastic_nets(
            moments.gram, repeated, strength * ratios, strength * (1 - ratios), weights, tolerance=_COARSE
        )
        found.append(weights)
    return found


def _errors(paths: Sequence[np.ndarray], own: Sums, others: Sums) -> np.ndarray:
    """Sums of squared errors on others, of each strength, ratio and target."""
    gram, covariance, square = others.scaled_by(own)
    repeated = 2 * np.tile(covariance, len(RATIOS))
    told = [(weights * (gram @ weights - repeated)).sum(0) for weights in paths]
    # In the target's own unit, so that folds can be added.
    shape = (len(STRENGTHS), len(RATIOS), len(square))
    return np.asarray((np.reshape(told, shape) + square) * own.moments().deviation ** 2)
