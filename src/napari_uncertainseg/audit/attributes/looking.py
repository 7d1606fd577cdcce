"""Where a classifier looks: what of the distance of two classes comes from inside the brain, and outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.audit.attributes.encoder import Pooled
from napari_uncertainseg.audit.attributes.statistics.cross_validation import Told


@dataclass(frozen=True, eq=False)
class Looking:
    """The distance between the mean scores of two classes, taken apart exactly.

    Attributes
    ----------
    inside, outside
        What places in the brain and outside it add, in standard deviations of the score; their sum is the
        distance.
    places
        float64 (2, blocks along z, y, x): what each block adds, inside first; the sums are the two.
    """

    inside: float
    outside: float
    places: np.ndarray

    @property
    def distance(self) -> float:
        """Of the mean scores of patients left out."""
        return self.inside + self.outside

    @property
    def share_outside(self) -> float:
        """Of the distance; below 0 or above 1 where one side speaks against it. NaN if there is none."""
        return self.outside / self.distance if self.distance > 0 else float("nan")

    @property
    def attention_outside(self) -> float:
        """Share of the blocks outside in all that blocks add or take away, 0 to 1."""
        amount = np.abs(self.places).sum((1, 2, 3))
        return float(amount[1] / amount.sum()) if amount.sum() > 0 else float("nan")


def look(told: Told, positive: np.ndarray, visits: Sequence[Sequence[Pooled]]) -> Looking:
    """Take apart how far classifiers set two classes apart whom they had not seen.

    A score is a sum of weights times pooled features, and a pooled feature is the mean of a map: what a place
    adds to the score is the weights times the map there (class activation mapping, Zhou et al., CVPR 2016,
    for a linear classifier of the pooled features themselves, so that nothing is left over). Scores are
    compared within the parts in which patients were left out together.

    Parameters
    ----------
    told
        The classifiers.
    positive
        bool (patients,).
    visits
        Of each patient.
    """
    weights = _signed_weights(told, positive)
    inside = outside = 0.0
    places: np.ndarray | float = 0.0
    for weight, own in zip(weights, visits, strict=True):
        for one in own:
            inside += float(weight @ one.inside) / len(own)
            outside += float(weight @ one.outside) / len(own)
            blocks = one.blocks.astype(np.float32)
            places = places + np.einsum("c,scxyz->sxyz", weight, blocks) / len(own)
    places = np.asarray(places)
    return Looking(inside, outside, places / np.prod(places.shape[1:]))


def _signed_weights(told: Told, positive: np.ndarray) -> np.ndarray:
    """For each patient, weights whose products with all patients' features sum to the distance."""
    repeats, parts = told.weights.shape[:2]
    found = np.zeros((len(positive), told.weights.shape[2]))
    for fold, weights in zip(told.fold, told.weights, strict=True):
        for part in range(parts):
            for which, sign in ((positive, 1.0), (~positive, -1.0)):
                own = (fold == part) & which
                found[own] += sign * weights[part] / own.sum()
    return found / (repeats * parts)
