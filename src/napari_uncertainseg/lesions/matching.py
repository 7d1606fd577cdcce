"""A segmentation against a reference: voxels that agree, and lesions that were found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.lesions.components import Connectivity, label_mask


def dice(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Dice coefficient of two masks, 0 to 1; 1 where both are empty: there was nothing to find.

    Parameters
    ----------
    predicted, reference
        The same shape; nonzero is lesion.
    """
    p, r = np.asarray(predicted) != 0, np.asarray(reference) != 0
    total = np.count_nonzero(p) + np.count_nonzero(r)
    return 2 * np.count_nonzero(p & r) / total if total else 1.0


def touched(labels: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    """Which of the lesions 1 to n share a voxel with a mask: bool, shape (n,).

    Parameters
    ----------
    labels
        Label image.
    mask
        bool, the same shape.
    n
        Number of lesions.
    """
    return np.asarray(np.bincount(labels[mask], minlength=n + 1)[1:] > 0)


@dataclass(frozen=True)
class Detection:
    """Lesions found, invented and missed: any voxel in common counts as found.

    Attributes
    ----------
    tp
        Reference lesions that some predicted voxel touches.
    fp
        Predicted lesions that touch no reference voxel.
    fn
        Reference lesions that no predicted voxel touches.
    predicted
        Number of predicted lesions. Several may touch one reference lesion, so that
        ``predicted - fp`` need not be ``tp``.
    """

    tp: int
    fp: int
    fn: int
    predicted: int

    @property
    def precision(self) -> float:
        """Share of predicted lesions that touch a reference lesion; NaN when none is predicted."""
        return (self.predicted - self.fp) / self.predicted if self.predicted else math.nan

    @property
    def recall(self) -> float:
        """Share of reference lesions that were found; NaN when there is none."""
        total = self.tp + self.fn
        return self.tp / total if total else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN when both are empty, 0 when one is."""
        if not self.predicted and not self.tp + self.fn:
            return math.nan
        p, r = self.precision, self.recall
        return 2 * p * r / (p + r) if p + r > 0 else 0.0


def detections(
    predicted: np.ndarray, reference: np.ndarray, *, connectivity: Connectivity = 26, min_voxels: int = 1
) -> Detection:
    """Count found, invented and missed lesions.

    Parameters
    ----------
    predicted
        3-D. Integers are taken as labels of lesions, bool is split into components.
    reference
        Likewise, of the same shape.
    connectivity
        Of the components, 6, 18 or 26.
    min_voxels
        Smaller reference lesions neither count as found nor as missed, as no smaller lesions are
        predicted either; a prediction that touches one is not invented.
    """
    p, r = _lesions(predicted, connectivity), _lesions(reference, connectivity)
    both = (p > 0) & (r > 0)
    labels, sizes = np.unique(r[r > 0], return_counts=True)
    counted = labels[sizes >= min_voxels]
    found = len(np.intersect1d(r[both], counted))
    n_predicted = _number(p)
    return Detection(
        tp=found,
        fp=n_predicted - len(np.unique(p[both])),
        fn=len(counted) - found,
        predicted=n_predicted,
    )


def _lesions(image: np.ndarray, connectivity: Connectivity) -> np.ndarray:
    return label_mask(image, connectivity=connectivity)[0] if image.dtype == bool else image


def _number(labels: np.ndarray) -> int:
    return len(np.unique(labels[labels > 0]))
