"""Uncertainty per voxel: maps over members that arrive one by one.

Works on numpy and torch arrays alike (on any device), through the array API, and
imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from array_api_compat import array_namespace, device, is_numpy_array

from napari_uncertainseg._checks import as_exact, as_probabilities, check_members, check_same_shape
from napari_uncertainseg.voxel_maps import Array, MemberStatistics

_CACHED = 1 << 17
"""Voxels handled at a time on numpy: the temporaries then stay in the processor's cache."""

LEAST = 1e-10
"""Probabilities below it count as this much where their logarithm would go to infinity."""


def binary_entropy(p: Array) -> Array:
    """Entropy of a yes-or-no outcome with probability ``p``, nats.

    Exactly 0 at 0 and at 1, at most ln 2.

    Parameters
    ----------
    p
        Probabilities, 0 to 1, any shape.

    Raises
    ------
    InputError
        If these are no probabilities.
    """
    return _entropy(as_exact(p))


def _entropy(p: Array) -> Array:
    xp = array_namespace(p)
    smallest = float(xp.finfo(p.dtype).smallest_normal)
    q = 1 - p
    return -p * xp.log(xp.clip(p, smallest, None)) - q * xp.log(xp.clip(q, smallest, None))


class MapAccumulator:
    """Voxel maps over members, added one by one; the members are not kept.

    Holds three float32 arrays of a member's shape, whatever the number of members.
    Mean and variance are updated as Welford does (Technometrics 4:419, 1962), which
    does not cancel where the members agree.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: Array = None
        self._squares: Array = None
        self._entropy: Array = None

    def add(self, member: Array) -> None:
        """Take one member's probabilities: any shape, always the same, numpy or torch.

        Parameters
        ----------
        member
            Probabilities, 0 to 1, of the shape of the first member, numpy or torch.

        Raises
        ------
        InputError
            If the shape is another than before, or these are no probabilities.
        """
        member = as_probabilities(member)
        xp = array_namespace(member)
        if self._mean is None:
            self._mean, self._squares, self._entropy = (
                xp.zeros(member.shape, dtype=xp.float32, device=device(member)) for _ in range(3)
            )
        check_same_shape("A member", member.shape, "the first one", self._mean.shape)
        self.count += 1
        arrays = (member, self._mean, self._squares, self._entropy)
        for new, mean, squares, entropy in _blocks(*arrays):
            p = xp.astype(new, xp.float32)
            before = p - mean  # Welford: the deviation before and after the mean has moved
            mean += before / self.count
            squares += before * (p - mean)
            entropy += _entropy(p)

    def result(self) -> MemberStatistics:
        """Maps over the members added so far; more may be added afterwards.

        Raises
        ------
        InputError
            If there is none.
        """
        check_members(self.count)
        xp = array_namespace(self._mean)
        mean = xp.clip(self._mean, 0, 1)  # a copy; a mean of ones may exceed 1 by rounding
        expected = self._entropy / self.count
        entropy, mutual = xp.empty_like(mean), xp.empty_like(mean)
        for p, shared, whole, differing in _blocks(mean, expected, entropy, mutual):
            whole[...] = _entropy(p)
            differing[...] = xp.clip(whole - shared, 0, None)
        return MemberStatistics(mean, entropy, expected, mutual, self._squares / self.count)


def negated_confidence(mean: Array) -> Array:
    """Minus the probability of the likelier class, -1 (sure) to -0.5.

    Parameters
    ----------
    mean
        Mean lesion probability, 0 to 1, any shape.

    Raises
    ------
    InputError
        If these are no probabilities.
    """
    mean = as_exact(mean)
    xp = array_namespace(mean)
    return -xp.maximum(mean, 1 - mean)


@dataclass(frozen=True, eq=False)
class DivergenceMaps:
    """By how much members diverge, float32 and of a member's shape; neither has an upper bound.

    After Malinin and Gales, "Uncertainty estimation in autoregressive structured prediction",
    arXiv 2002.07650.

    Attributes
    ----------
    pairwise
        Mean Kullback-Leibler divergence over all pairs of members ("EPKL"), nats.
    reverse_mutual_information
        Mean divergence of the members from their mean, nats: ``pairwise`` less the mutual information.
    """

    pairwise: Array
    reverse_mutual_information: Array


def divergence_maps(members: Iterable[Array], maps: MemberStatistics) -> DivergenceMaps:
    """EPKL and reverse mutual information, from the members one by one.

    They cost two logarithms and two more arrays, which predictions that do not show them should not pay:
    so they are not among `MemberStatistics`.

    Parameters
    ----------
    members
        The members' probabilities, numpy or torch.
    maps
        Theirs, from a `MapAccumulator`.

    Raises
    ------
    InputError
        If there is no member, one has another shape, or is no probability.
    """
    xp = array_namespace(maps.mean)
    yes, no = xp.zeros_like(maps.mean), xp.zeros_like(maps.mean)
    count = 0
    for count, given in enumerate(members, start=1):  # noqa: B007
        member = as_probabilities(given)
        check_same_shape("A member", member.shape, "the maps", maps.mean.shape)
        for new, sum_yes, sum_no in _blocks(member, yes, no):
            p = xp.astype(new, xp.float32)
            sum_yes += xp.log(xp.clip(p, LEAST, None))
            sum_no += xp.log(xp.clip(1 - p, LEAST, None))
    check_members(count)
    cross = -(maps.mean * yes + (1 - maps.mean) * no) / count
    pairwise = xp.clip(cross - maps.expected_entropy, 0, None)
    return DivergenceMaps(pairwise, xp.clip(pairwise - maps.mutual_information, 0, None))


def _blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The arrays in pieces of the same voxels, as views where the arrays are contiguous.

    The first array is only read; the others are contiguous by construction. Only numpy
    on the CPU gains from pieces.
    """
    xp = array_namespace(*arrays)
    flat = [xp.reshape(a, (-1,)) for a in arrays]
    size = flat[0].shape[0]
    step = _CACHED if is_numpy_array(arrays[0]) else max(size, 1)
    for start in range(0, size, step):
        yield tuple(a[start : start + step] for a in flat)
