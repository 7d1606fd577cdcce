"""Doubt per voxel where there are several classes: maps over members that arrive one by one.

With two classes, lesion and background, the maps are those of `voxel`, which is faster. Works on numpy and
torch arrays alike, through the array API, and imports no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace, device

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_classes, check_members, check_same_shape
from napari_uncertainseg.uncertainty.voxel import LEAST

Array = Any


@dataclass(frozen=True, eq=False)
class ClassMaps:
    """What the members say together. All but ``mean`` have a member's shape without the classes.

    After Malinin and Gales, arXiv 2002.07650, and Molchanova et al., arXiv 2311.08931.

    Attributes
    ----------
    mean
        Mean probabilities, (C, ...).
    negated_confidence
        Minus the largest of them.
    entropy, expected_entropy, mutual_information
        Of the mean; the members' mean; the first less the second: nats, at most ln C.
    pairwise, reverse_mutual_information
        Mean Kullback-Leibler divergence over all pairs of members (EPKL), and that less the mutual
        information: nats, without an upper bound.
    variance
        Mean over the classes of the members' population variance.
    """

    mean: Array
    negated_confidence: Array
    entropy: Array
    expected_entropy: Array
    mutual_information: Array
    pairwise: Array
    reverse_mutual_information: Array
    variance: Array


class ClassAccumulator:
    """Voxel maps over members with several classes, added one by one; the members are not kept."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: Array = None
        self._squares: Array = None
        self._logs: Array = None
        self._entropy: Array = None

    def add(self, member: Array) -> None:
        """Take one member's probabilities, (C, ...), that sum to 1 over the classes, see `_checks`.

        Parameters
        ----------
        member
            Probabilities of C classes, shape (C, ...), numpy or torch.

        Raises
        ------
        InputError
            If it has fewer than two classes, another shape than the members before, or no probabilities
            that sum to 1.
        """
        p = as_classes(member)
        xp = array_namespace(p)
        p = xp.astype(p, xp.float32)
        if self._mean is None:
            self._mean, self._squares, self._logs = (
                xp.zeros(p.shape, dtype=xp.float32, device=device(p)) for _ in range(3)
            )
            self._entropy = xp.zeros(p.shape[1:], dtype=xp.float32, device=device(p))
        check_same_shape("A member", p.shape, "the first one", self._mean.shape)
        self.count += 1
        before = p - self._mean
        self._mean = self._mean + before / self.count
        self._squares = self._squares + before * (p - self._mean)
        self._logs = self._logs + xp.log(xp.clip(p, LEAST, None))
        self._entropy = self._entropy + _entropy(p)

    def result(self) -> ClassMaps:
        """Maps over the members added so far; more may be added afterwards.

        Raises
        ------
        InputError
            If there is no member.
        """
        check_members(self.count)
        xp = array_namespace(self._mean)
        mean, expected = self._mean, self._entropy / self.count
        whole = _entropy(mean)
        mutual = xp.clip(whole - expected, 0, None)
        cross = -xp.sum(mean * self._logs, axis=0) / self.count
        pairwise = xp.clip(cross - expected, 0, None)
        return ClassMaps(
            mean=mean,
            negated_confidence=-xp.max(mean, axis=0),
            entropy=whole,
            expected_entropy=expected,
            mutual_information=mutual,
            pairwise=pairwise,
            reverse_mutual_information=xp.clip(pairwise - mutual, 0, None),
            variance=xp.mean(self._squares, axis=0) / self.count,
        )


def entropy(probability: Array) -> Array:
    """Entropy over the classes, nats, exactly 0 where one class is certain.

    Parameters
    ----------
    probability
        (C, ...), sums to 1 over the classes.

    Raises
    ------
    InputError
        If it does not, or these are no probabilities.
    """
    return _entropy(as_classes(probability))


def _entropy(p: Array) -> Array:
    xp = array_namespace(p)
    return -xp.sum(p * xp.log(xp.clip(p, float(xp.finfo(p.dtype).smallest_normal), None)), axis=0)


def renyi_entropy(probability: Array, alpha: float = 0.8) -> Array:
    """Entropy of order alpha over the classes, nats: ``ln(sum p^alpha) / (1 - alpha)``; at 1 Shannon's.

    The doubt of the mean, or the mean of the members', as `ClassMaps` has it of Shannon's entropy.

    Parameters
    ----------
    probability
        (C, ...), sums to 1 over the classes.
    alpha
        Above 0. Below 1 improbable classes count more, above less.

    Raises
    ------
    InputError
        If alpha is not above 0, or as for `entropy`.
    """
    if not 0 < alpha < math.inf:
        raise InputError(f"The order of an entropy should be above 0, not {alpha}.")
    p = as_classes(probability)
    if alpha == 1:
        return _entropy(p)
    xp = array_namespace(p)
    total = xp.sum(p**alpha, axis=0)
    return xp.log(total) / (1 - alpha)
