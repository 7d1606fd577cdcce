"""How well fits tell the doubt of lesions that they have not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.explain.drivers.statistics.cross_validation import CrossValidated
from napari_uncertainseg.explain.drivers.statistics.intervals import Draws, Interval


@dataclass(frozen=True, eq=False)
class Squares:
    """Squared errors of left-out lesions, each float64 (lesions, targets).

    Attributes
    ----------
    error, spread
        Of the fit, and of the mean of the lesions of the fit.
    error_within, spread_within
        The same after the mean of each patient is taken away from errors and targets: how lesions of one
        patient differ, whatever their common level.
    """

    error: np.ndarray
    spread: np.ndarray
    error_within: np.ndarray
    spread_within: np.ndarray

    @classmethod
    def of(cls, found: CrossValidated, x: np.ndarray, targets: np.ndarray, patients: np.ndarray) -> Squares:
        """Of fits with lesions left out.

        Parameters
        ----------
        found
            The fits.
        x, targets
            What they were fitted on, float64 (lesions, features) and (lesions, targets).
        patients
            Of each lesion, whole numbers from 0 up without gaps.
        """
        error, spread = np.empty(targets.shape), np.empty(targets.shape)
        for number, fit in enumerate(found.fits):
            out = found.fold == number
            error[out] = targets[out] - fit.predict(x[out])
            spread[out] = targets[out] - fit.constant
        return cls(
            error**2,
            spread**2,
            _without_means(error, patients) ** 2,
            _without_means(targets, patients) ** 2,
        )

    def r2(self, drawn: Draws) -> Interval:
        """Of the first target: share of its variance that the fits explain."""
        return drawn.ratio(self.spread[:, 0] - self.error[:, 0], self.spread[:, 0])

    def within(self, drawn: Draws) -> Interval:
        """The same of the variance between lesions of one patient."""
        return drawn.ratio(self.spread_within[:, 0] - self.error_within[:, 0], self.spread_within[:, 0])

    def all_within(self) -> np.ndarray:
        """The latter of each target, without intervals; NaN where no patient has lesions that differ."""
        spread = self.spread_within.sum(0)
        return np.where(spread > 0, 1 - self.error_within.sum(0) / np.where(spread > 0, spread, 1), np.nan)


def _without_means(values: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Values less the mean of their patient's, float64 (lesions, targets)."""
    order = np.argsort(patients, kind="stable")
    first = np.searchsorted(patients[order], np.arange(patients.max() + 1))
    means = np.add.reduceat(values[order], first) / np.bincount(patients)[:, None]
    return np.asarray(values - means[patients])


def permuted(doubt: np.ndarray, patients: np.ndarray, permutations: int, seed: int = 0) -> np.ndarray:
    """Doubt, and beside it permutations within each patient, float64 (lesions, 1 + permutations).

    Whatever differs between patients stays as it is, so that a patient who is doubtful as a whole is not
    taken for a driver.
    """
    rng, found = np.random.default_rng(seed), np.empty((len(doubt), 1 + permutations))
    found[:, 0] = doubt
    places = np.argsort(patients, kind="stable")
    for column in range(1, 1 + permutations):
        found[places, column] = doubt[np.lexsort((rng.random(len(doubt)), patients))]
    return found
