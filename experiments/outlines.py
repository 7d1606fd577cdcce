"""Rules that make outlines of probabilities, and how each agrees with the masks: tried by the thousand.

A rule takes the 26-connected components of what reaches a threshold, and keeps those that are large enough
and sure enough. Components are found once for each threshold.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from left_out import LeftOut
from scipy.special import expit, logit

from napari_uncertainseg.lesions.components import label_components, label_mask, voxels_of

SMALLEST = 3.0
"""Smaller lesions of a mask are not counted, mm3."""


@dataclass(frozen=True)
class Rule:
    """What becomes a lesion.

    Attributes
    ----------
    threshold
        Probability that its voxels reach.
    min_volume
        Smaller components are left out, mm3.
    peak
        Probability that one voxel reaches, in components smaller than `large`; above the threshold this is
        hysteresis, or, with a finite `large`, a threshold that depends on size.
    large
        mm3.
    """

    threshold: float
    min_volume: float = SMALLEST
    peak: float = 0.0
    large: float = np.inf


OWN = "its own threshold"
KINDS = (OWN, "and a smallest lesion", "and a peak", "and a peak of small ones", "another threshold")
"""From the simplest on; each may also do what the first does."""
_VOLUMES = (4.0, 6.0, 8.0, 12.0, 20.0, 30.0)
_PEAKS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Above the threshold, in logits."""
_LARGE = (10.0, 30.0, 100.0, 300.0)


def rules(kind: str, own: float) -> list[Rule]:
    """All rules of a kind, for a model's own threshold, which comes first."""
    peaks = expit(logit(own) + np.array(_PEAKS)).tolist()
    more = {
        OWN: [],
        KINDS[1]: [Rule(own, v) for v in _VOLUMES],
        KINDS[2]: [Rule(own, peak=peak) for peak in peaks],
        KINDS[3]: [Rule(own, peak=peak, large=large) for peak, large in itertools.product(peaks, _LARGE)],
        KINDS[4]: [Rule(round(0.05 * i, 2)) for i in range(1, 17)],
    }
    return [Rule(own), *more[kind]]


class Agreement(NamedTuple):
    """Of outlines with a mask."""

    dice: float
    f1: float

    @property
    def score(self) -> float:
        """What rules are chosen by: the mean of both."""
        return (self.dice + self.f1) / 2


@dataclass(frozen=True, eq=False)
class _Components:
    """Components at a threshold: voxels, greatest probability and lesion voxels; whom they touch."""

    size: np.ndarray
    peak: np.ndarray
    hits: np.ndarray
    component: np.ndarray
    lesion: np.ndarray


class Outliner:
    """Outlines of one scan by any rule.

    Parameters
    ----------
    found
        The scan.
    probability
        At its voxels, (n,).
    """

    def __init__(self, found: LeftOut, probability: np.ndarray) -> None:
        self._found = found
        self._probability = found.image(probability.astype(np.float32))
        truth = found.image(found.truth)
        self._lesions, n = label_mask(truth)
        sizes = np.bincount(self._lesions.ravel(), minlength=n + 1)
        self._counted = sizes >= voxels_of(SMALLEST, found.voxel_volume)
        self._counted[0] = False
        self._true = int(np.count_nonzero(truth))
        self._known: dict[float, _Components] = {}

    def agreement(self, rule: Rule) -> Agreement:
        """How outlines by this rule agree with the mask; as `evaluate.agreement.reference_agreement`."""
        parts = self._components(rule.threshold)
        volume = parts.size * self._found.voxel_volume
        kept = parts.size >= voxels_of(rule.min_volume, self._found.voxel_volume)
        kept &= (volume >= rule.large) | (parts.peak >= np.float32(rule.peak))
        size, hits = int(parts.size[kept].sum()), int(parts.hits[kept].sum())
        dice = 2 * hits / (size + self._true) if size + self._true else 1.0
        touched = np.zeros(len(self._counted), bool)
        touched[parts.lesion[kept[parts.component]]] = True
        lesions, found = int(self._counted.sum()), int((touched & self._counted).sum())
        precision = (parts.hits[kept] > 0).mean() if kept.any() else 0.0
        recall = found / lesions if lesions else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return Agreement(float(dice), float(f1))

    def _components(self, threshold: float) -> _Components:
        if threshold not in self._known:
            labels, n = label_components(self._probability, threshold)
            where = np.flatnonzero(labels)
            label, lesion = labels.ravel()[where].astype(np.int64) - 1, self._lesions.ravel()[where]
            peak = np.zeros(n, np.float32)
            np.maximum.at(peak, label, self._probability.ravel()[where])
            pairs = np.unique(np.column_stack([label, lesion])[lesion > 0], axis=0).astype(np.int64)
            self._known[threshold] = _Components(
                np.bincount(label, minlength=n),
                peak,
                np.bincount(label, weights=lesion > 0, minlength=n),
                *pairs.reshape(-1, 2).T,
            )
        return self._known[threshold]


def choose(outliners: Sequence[Outliner], possible: Sequence[Rule], weights: np.ndarray) -> Rule:
    """The rule with the best weighted mean score over scans; where several are, the middle one.

    Parameters
    ----------
    outliners
        Of the scans.
    possible
        Rules.
    weights
        Of the scans, (scans,).
    """
    scores = np.array([[one.agreement(rule).score for rule in possible] for one in outliners])
    mean = weights @ scores / weights.sum()
    best = np.flatnonzero(mean >= mean.max() - 1e-9)
    return possible[int(best[len(best) // 2])]
