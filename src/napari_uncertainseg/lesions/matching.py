"""A segmentation against a reference: voxels that agree, and lesions that were found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import (
    as_labels,
    as_mask,
    as_number,
    check_dimensions,
    check_same_shape,
    numbered,
)
from napari_uncertainseg.lesions.components import Connectivity, label_mask

Rule = Literal["iou", "adjusted_iou"]


def dice(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Dice coefficient of two masks, 0 to 1; 1 where both are empty: there was nothing to find.

    Parameters
    ----------
    predicted, reference
        Masks of any type and one shape; nonzero is lesion.

    Raises
    ------
    InputError
        If one is no mask, or the shapes differ.
    """
    p, r = as_mask(predicted, "The prediction"), as_mask(reference, "The reference")
    check_same_shape("The prediction", p.shape, "the reference", r.shape)
    total = np.count_nonzero(p) + np.count_nonzero(r)
    return 2 * np.count_nonzero(p & r) / total if total else 1.0


def lesions_touching(labels: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    """Which of the lesions 1 to n share a voxel with a mask: bool, shape (n,).

    Parameters
    ----------
    labels
        Label image.
    mask
        The same shape; nonzero is marked.
    n
        Number of lesions.

    Raises
    ------
    InputError
        If the shapes differ, or a label is above n.
    """
    labels, mask = as_labels(labels), as_mask(mask)
    check_same_shape("The mask", mask.shape, "the labels", labels.shape)
    found = np.zeros(n + 1, bool)
    hit = labels[mask]
    if hit.max(initial=0) > n:
        raise InputError(f"There are labels up to {hit.max()}, and only {n} lesions.")
    found[hit] = True
    return found[1:]


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

    Raises
    ------
    InputError
        If the shapes differ, or an image is neither a mask nor labels.
    """
    p, r = _both(predicted, reference, connectivity)
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


def pairs_in_common(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of labels that share voxels, and how many.

    Parameters
    ----------
    first, second
        Labels of the same voxels from 1 up, 0 where there is none.

    Returns
    -------
    Label of the first, label of the second, voxels in common; one entry per pair, each from 1 up.
    """
    a, b = first.ravel(), second.ravel()
    n = int(b.max(initial=0)) + 1
    if (int(a.max(initial=0)) + 1) * n <= max(len(a), 1 << 18):
        counts = np.bincount(a.astype(np.int64, copy=False) * n + b)
        pair = np.flatnonzero(counts > 0)  # of bools: much faster
        common = counts[pair]
    else:
        both = np.flatnonzero((a > 0) & (b > 0))
        pair, common = np.unique(a[both].astype(np.int64) * n + b[both], return_counts=True)
    one, other = np.divmod(pair, n)
    kept = (one > 0) & (other > 0)
    return one[kept], other[kept], common[kept]


def best_overlaps(
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray], sizes: np.ndarray, other_sizes: np.ndarray
) -> np.ndarray:
    """Intersection over union of each lesion with the lesion of another segmentation that fits best.

    Parameters
    ----------
    pairs
        From `pairs_in_common`, the lesions first.
    sizes
        Voxels of each lesion, its number as index, shape (n + 1,).
    other_sizes
        Likewise of the other segmentation's.

    Returns
    -------
    float64, shape (n,), 0 to 1; 0 where it touches nothing.
    """
    lesion, other, common = pairs
    best = np.zeros(len(sizes))
    np.maximum.at(best, lesion, common / (sizes[lesion] + other_sizes[other] - common))
    return best[1:]


def adjusted_overlaps(
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray], sizes: np.ndarray, other_sizes: np.ndarray
) -> np.ndarray:
    """Adjusted intersection over union of each lesion with another segmentation.

    Its counterpart is all that it touches there, less what other lesions cover of it: neither a lesion
    that was split in two nor two that were joined are held against it (arXiv 2507.12092).

    Parameters
    ----------
    pairs
        From `pairs_in_common`, the lesions first.
    sizes
        Voxels of each lesion, its number as index, shape (n + 1,).
    other_sizes
        Likewise of the other segmentation's.

    Returns
    -------
    float64, shape (n,), 0 to 1; 0 where it touches nothing.
    """
    lesion, other, common = pairs
    n = len(sizes)
    free = other_sizes - np.bincount(other, common, minlength=len(other_sizes))
    inside = np.bincount(lesion, common, minlength=n)
    union = sizes + np.bincount(lesion, free[other], minlength=n)
    return np.asarray(inside[1:] / np.maximum(union[1:], 1))


@dataclass(frozen=True, eq=False)
class Match:
    """Predicted lesions that agree well enough with the reference, by a rule.

    Attributes
    ----------
    rule, least
        The measure, and what it must reach.
    overlap
        The measure of each predicted lesion, shape (n,), 0 to 1.
    found
        bool, of each reference lesion, shape (m,): whether some predicted voxel touches it.
    """

    rule: Rule
    least: float
    overlap: np.ndarray
    found: np.ndarray

    @property
    def tp(self) -> int:
        """Predicted lesions that agree well enough."""
        return int(np.count_nonzero(self.overlap >= self.least))

    @property
    def under(self) -> int:
        """Under-segmented: they touch the reference, but agree too little."""
        return int(np.count_nonzero((self.overlap > 0) & (self.overlap < self.least)))

    @property
    def fp(self) -> int:
        """Predicted lesions that touch no reference lesion."""
        return int(np.count_nonzero(self.overlap == 0))

    @property
    def fn(self) -> int:
        """Reference lesions that no predicted voxel touches."""
        return int(np.count_nonzero(~self.found))

    @property
    def precision(self) -> float:
        """Share of predicted lesions that agree well enough; NaN when none is predicted."""
        return self.tp / len(self.overlap) if len(self.overlap) else math.nan

    @property
    def recall(self) -> float:
        """TP / (TP + FN): as in the paper the under-segmented count in neither; NaN when both are 0."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else math.nan

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + under-segmented + FN); NaN when nothing is there on either side."""
        total = 2 * self.tp + self.fp + self.under + self.fn
        return 2 * self.tp / total if total else math.nan


def match_lesions(
    predicted: np.ndarray,
    reference: np.ndarray,
    *,
    rule: Rule = "adjusted_iou",
    least: float = 0.25,
    connectivity: Connectivity = 26,
    min_voxels: int = 1,
) -> Match:
    """Match lesions by how well they agree, where `detections` asks for a voxel in common only.

    Parameters
    ----------
    predicted, reference
        3-D, the same shape. Integers are taken as labels of lesions, bool is split into components.
    rule
        ``"iou"``: intersection over union with the reference lesion that fits best (arXiv 2311.08931);
        ``"adjusted_iou"``: see `adjusted_overlaps`.
    least
        What a true lesion reaches, above 0 and at most 1.
    connectivity
        Of the components, 6, 18 or 26.
    min_voxels
        Smaller reference lesions cannot be missed; a prediction that touches one is compared with it.

    Raises
    ------
    InputError
        If the shapes differ or ``least`` is unusable.
    """
    if not 0 < as_number(least, "The least overlap") <= 1:
        raise InputError(f"The least overlap of a true lesion lies above 0 and at most at 1, not at {least}.")
    p, r = _both(predicted, reference, connectivity)
    sizes, other_sizes = np.bincount(p.ravel(), minlength=1), np.bincount(r.ravel(), minlength=1)
    pairs = pairs_in_common(p, r)
    if rule == "adjusted_iou":
        overlap = adjusted_overlaps(pairs, sizes, other_sizes)
    elif rule == "iou":
        overlap = best_overlaps(pairs, sizes, other_sizes)
    else:
        raise InputError(f"Lesions are matched by iou or adjusted_iou, not by {rule!r}.")
    found = np.zeros(len(other_sizes), bool)
    found[pairs[1]] = True
    return Match(rule, float(least), overlap, found[1:][other_sizes[1:] >= min_voxels])


def _both(
    predicted: np.ndarray, reference: np.ndarray, connectivity: Connectivity
) -> tuple[np.ndarray, np.ndarray]:
    """Labels without gaps of two images, of which those of bool are split into components."""
    p, r = _lesions(predicted, connectivity), _lesions(reference, connectivity)
    check_same_shape("The prediction", p.shape, "the reference", r.shape)
    check_dimensions("The prediction", p)
    return p, r


def _lesions(image: np.ndarray, connectivity: Connectivity) -> np.ndarray:
    if np.asanyarray(image).dtype == bool:
        return label_mask(image, connectivity=connectivity)[0]
    return numbered(image)[0]


def _number(labels: np.ndarray) -> int:
    return len(np.unique(labels[labels > 0]))
