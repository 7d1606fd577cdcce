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


@dataclass(frozen=True, eq=False)
class ClassDoubt:
    """The maps of `ClassMaps` that a window shows, for which little has to be kept.

    Attributes
    ----------
    mean
        Mean probabilities, (C, ...).
    entropy, expected_entropy, mutual_information
        Of the mean; the members' mean; the first less the second: nats, at most ln C.
    """

    mean: Array
    entropy: Array
    expected_entropy: Array
    mutual_information: Array


class DoubtAccumulator:
    """Mean and entropies over members with several classes, added one by one; the members are not kept."""

    def __init__(self) -> None:
        self.count = 0
        self._mean: Array = None
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
            self._mean = xp.zeros(p.shape, dtype=xp.float32, device=device(p))
            self._entropy = xp.zeros(p.shape[1:], dtype=xp.float32, device=device(p))
        check_same_shape("A member", p.shape, "the first one", self._mean.shape)
        self.count += 1
        before = p - self._mean
        self._mean = self._mean + before / self.count
        self._entropy = self._entropy + _entropy(p)
        self._take(p, before)

    def _take(self, p: Array, before: Array) -> None:
        """Take a member, and how far it was from the mean of those before it."""

    def doubt(self) -> ClassDoubt:
        """Maps over the members added so far; more may be added afterwards.

        Raises
        ------
        InputError
            If there is no member.
        """
        check_members(self.count)
        xp = array_namespace(self._mean)
        expected, whole = self._entropy / self.count, _entropy(self._mean)
        return ClassDoubt(self._mean, whole, expected, xp.clip(whole - expected, 0, None))


class ClassAccumulator(DoubtAccumulator):
    """All voxel maps over members with several classes; it keeps three times as much."""

    def __init__(self) -> None:
        super().__init__()
        self._squares: Array = 0.0
        self._logs: Array = 0.0

    def _take(self, p: Array, before: Array) -> None:
        xp = array_namespace(p)
        self._squares = self._squares + before * (p - self._mean)
        self._logs = self._logs + xp.log(xp.clip(p, LEAST, None))

    def result(self) -> ClassMaps:
        """Maps over the members added so far; more may be added afterwards.

        Raises
        ------
        InputError
            If there is no member.
        """
        found = self.doubt()
        xp = array_namespace(found.mean)
        cross = -xp.sum(found.mean * self._logs, axis=0) / self.count
        pairwise = xp.clip(cross - found.expected_entropy, 0, None)
        return ClassMaps(
            mean=found.mean,
            negated_confidence=-xp.max(found.mean, axis=0),
            entropy=found.entropy,
            expected_entropy=found.expected_entropy,
            mutual_information=found.mutual_information,
            pairwise=pairwise,
            reverse_mutual_information=xp.clip(pairwise - found.mutual_information, 0, None),
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
