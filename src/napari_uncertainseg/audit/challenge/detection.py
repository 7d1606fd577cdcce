"""Lesions found, missed and invented as the benchmark of cortical lesions counts them (arXiv 2507.12092)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._checks import as_mask, check_dimensions, check_same_shape
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.lesions.matching import adjusted_overlaps, pairs_in_common

LEAST = 0.25
"""Adjusted intersection over union that a true lesion reaches."""


@dataclass(frozen=True)
class Scores:
    """Detection scores, 0 to 1; NaN where one is not defined."""

    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Detected:
    """Counts of lesions.

    Attributes
    ----------
    tpl, usl, fpl
        Predicted lesions that reach the adjusted overlap; that touch the reference and do not reach it
        (under-segmented); that touch nothing.
    fnl
        Reference lesions that no predicted voxel touches.
    found
        Reference lesions that a TPL touches.
    reference
        All reference lesions.
    """

    tpl: int
    usl: int
    fpl: int
    fnl: int
    found: int
    reference: int

    @property
    def predicted(self) -> int:
        """All predicted lesions."""
        return self.tpl + self.usl + self.fpl

    @property
    def published(self) -> Scores:
        """As the authors' code: recall sets TPL (predicted lesions) against FNL (reference lesions).

        Where it divides by 0 it says 1, for precision only if nothing is missed.
        """
        total = 2 * self.tpl + self.fpl + self.usl + self.fnl
        f1 = 2 * self.tpl / total if total else 1.0
        recall = self.tpl / (self.tpl + self.fnl) if self.tpl + self.fnl else 1.0
        precision = self.tpl / self.predicted if self.predicted else float(self.fnl == 0)
        return Scores(f1, precision, recall)

    @property
    def mended(self) -> Scores:
        """Recall is the share of the reference lesions that a TPL touches, F1 the harmonic mean.

        What cannot be divided is NaN; F1 is 0 where lesions are on one side only.
        """
        recall = self.found / self.reference if self.reference else math.nan
        precision = self.tpl / self.predicted if self.predicted else math.nan
        if not self.reference and not self.predicted:
            return Scores(math.nan, precision, recall)
        both = precision + recall
        return Scores(2 * precision * recall / both if both > 0 else 0.0, precision, recall)


def detected(predicted: np.ndarray, reference: np.ndarray, *, least: float = LEAST) -> Detected:
    """Count lesions of two masks, 26-connected and of any size.

    Parameters
    ----------
    predicted, reference
        Masks in 3-D of one shape; nonzero is lesion.
    least
        Adjusted intersection over union that a true lesion reaches.

    Raises
    ------
    InputError
        If one is no mask or not in 3-D, or the shapes differ.
    """
    p, r = as_mask(predicted, "The prediction"), as_mask(reference, "The reference")
    check_same_shape("The prediction", p.shape, "the reference", r.shape)
    check_dimensions("The prediction", p)
    lesions, others = (label_mask(mask, connectivity=26)[0] for mask in (p, r))
    sizes, other_sizes = (np.bincount(labels.ravel(), minlength=1) for labels in (lesions, others))
    pairs = pairs_in_common(lesions, others)
    overlap = adjusted_overlaps(pairs, sizes, other_sizes)
    good = np.concatenate([[False], overlap >= least])
    touched, found = np.zeros(len(other_sizes), bool), np.zeros(len(other_sizes), bool)
    touched[pairs[1]] = True
    found[pairs[1][good[pairs[0]]]] = True
    tpl, fpl = int(good.sum()), int((overlap == 0).sum())
    number = len(other_sizes) - 1
    return Detected(
        tpl=tpl,
        usl=len(overlap) - tpl - fpl,
        fpl=fpl,
        fnl=number - int(touched.sum()),
        found=int(found.sum()),
        reference=number,
    )
