"""Sums over lesions from which fits and their errors follow: a fit costs the same for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_uncertainseg.explain.drivers.design import Scale

_CONSTANT = 1e-12
"""A variance below this share of that of all lesions is none."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Of standardised drivers and targets.

    Attributes
    ----------
    gram, covariance
        Mean products of the drivers, and of drivers and targets; float64 (features, features) and
        (features, targets).
    mean, deviation
        Of the targets, (targets,); the deviation of one that is constant is 1.
    """

    gram: np.ndarray
    covariance: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over some lesions.

    A driver that is not known counts as the mean of the lesions of the fit. So each driver is held as two
    columns, its value (0 where unknown) and whether it is known: whatever the mean m and the deviation s, its
    scaled value is value / s - known m / s, and sums of scaled values follow from sums of these columns.

    Attributes
    ----------
    lesions
        How many.
    products
        Of the 2 p columns with each other, float64 (2 p, 2 p).
    with_targets
        Of the columns with the targets, float64 (2 p, targets).
    columns
        Sums of the columns, float64 (2 p,).
    targets, squares
        Sums of the targets and of their squares, float64 (targets,).
    shift, unit
        Values and targets are counted from these, in these, for sums to be exact: those of all lesions.
        What comes out does not depend on them.
    """

    lesions: int
    products: np.ndarray
    with_targets: np.ndarray
    columns: np.ndarray
    targets: np.ndarray
    squares: np.ndarray
    shift: np.ndarray
    unit: np.ndarray

    @classmethod
    def of_folds(cls, values: np.ndarray, targets: np.ndarray, fold: np.ndarray) -> list[Sums]:
        """Of each fold, numbered from 0."""
        over_all = Scale.of(values)
        unit = np.where(np.isfinite(over_all.unit), over_all.unit, 1.0)
        known = ~np.isnan(values)
        columns = np.hstack([np.where(known, (values - over_all.centre) / unit, 0.0), known])
        found = []
        for own in range(fold.max() + 1):
            a, y = columns[fold == own], targets[fold == own]
            found.append(
                cls(len(a), a.T @ a, a.T @ y, a.sum(0), y.sum(0), (y**2).sum(0), over_all.centre, unit)
            )
        return found

    @classmethod
    def together(cls, parts: Sequence[Sums]) -> Sums:
        """Of several folds."""
        names = ("lesions", "products", "with_targets", "columns", "targets", "squares")
        return replace(parts[0], **{name: sum(getattr(one, name) for one in parts) for name in names})

    def scale(self) -> Scale:
        """Of the drivers of these lesions."""
        mean, unit = self._scale()
        return Scale(self.shift + self.unit * mean, self.unit * unit)

    def moments(self) -> Moments:
        """Of these lesions, by their own scale."""
        mean = self.targets / self.lesions
        deviation = np.sqrt(np.maximum(self.squares / self.lesions - mean**2, 0))
        deviation = np.where(deviation > 1e-7 * np.maximum(np.abs(mean), 1e-12), deviation, 1.0)
        to_scaled = self._to_scaled()
        gram = to_scaled.T @ self.products @ to_scaled / self.lesions
        apart = self.with_targets - np.outer(self.columns, mean)
        return Moments(gram, to_scaled.T @ apart / deviation / self.lesions, mean, deviation)

    def scaled_by(self, fit: Sums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Products of drivers, of drivers and targets, and of targets, all scaled by the lesions of a fit."""
        to_scaled, of_fit = fit._to_scaled(), fit.moments()
        apart = self.with_targets - np.outer(self.columns, of_fit.mean)
        square = self.squares - 2 * of_fit.mean * self.targets + self.lesions * of_fit.mean**2
        return (
            to_scaled.T @ self.products @ to_scaled,
            to_scaled.T @ apart / of_fit.deviation,
            square / of_fit.deviation**2,
        )

    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of each driver, counted from `shift` in `unit`; infinite for a constant."""
        n = len(self.shift)
        number = np.maximum(self.columns[n:], 1)
        mean = self.columns[:n] / number
        variance = np.diag(self.products)[:n] / number - mean**2
        return mean, np.where(variance > _CONSTANT, np.sqrt(np.maximum(variance, _CONSTANT)), np.inf)

    def _to_scaled(self) -> np.ndarray:
        """What makes scaled drivers of the 2 p columns, float64 (2 p, p)."""
        mean, unit = self._scale()
        return np.vstack([np.diag(1 / unit), np.diag(-mean / unit)])
