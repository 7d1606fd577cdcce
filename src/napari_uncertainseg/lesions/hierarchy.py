"""Lesions at all thresholds at once: one structure, built once per probability map.

Every voxel climbs to a local maximum, its peak, through voxels that are never less probable: so at any
threshold that it reaches it is connected to its peak. What remains is which peaks are connected, and that
is the maximum spanning tree of their saddles: a few hundred numbers in place of millions of voxels. Written
in the order in which it joins them, the peaks of a component stand side by side at every threshold.

Why not a library: a cut takes 0.2 ms where labelling the thresholded box took 3.5 ms (`docs/performance.md`),
and a slider needs it in every frame. `skimage.morphology.max_tree` gives one node for each level of each
component, so on a map of floating-point values almost one for each voxel; a cut would still have to walk
them all. higra and numba would have been further dependencies for what takes 0.15 s, once, in the run's own
thread. Only numpy and scipy are used; the tests compare with plain labelling at every threshold.

The steps of `Hierarchy.from_map`: `_climb` finds the peak of each voxel, `_saddles` where voxels of two
peaks touch, `_join` joins the peaks from the highest saddle down. All work on the voxels at or above the
floor only, in one row (`where`, ascending): ``index`` leads from a position in the padded map to the number
in that row, and to its length, one past the last, where there is no such voxel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from napari_uncertainseg._checks import as_probabilities, check_dimensions
from napari_uncertainseg._threshold import at_least, limit
from napari_uncertainseg.lesions.components import Components

_HALF = tuple(o for o in product((-1, 0, 1), repeat=3) if o > (0, 0, 0))
"""Thirteen of the 26 neighbours; the others are their opposites."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The 26-connected components of ``map >= threshold`` for every threshold from ``floor``.

    Attributes
    ----------
    shape
        Of the map.
    floor
        Lowest threshold that can be asked for.
    where
        Flat positions of the voxels at or above the floor, ascending.
    value
        Their values; half floats as float32, which compares many times faster.
    precision
        The map's own, in which thresholds are compared, see `limit`.
    peak
        For each of them the number of the peak that it climbs to.
    height
        Values of the peaks.
    saddle
        Level at which each peak joins the one before it; below the floor, minus infinity.
    death
        Level at which each peak joins a higher one, the floor where it does so below it or never.
    """

    shape: tuple[int, ...]
    floor: float
    where: np.ndarray
    value: np.ndarray
    precision: np.dtype
    peak: np.ndarray
    height: np.ndarray
    saddle: np.ndarray
    death: np.ndarray

    @classmethod
    def from_map(cls, values: np.ndarray, floor: float) -> Hierarchy:
        """Build it.

        Parameters
        ----------
        values
            3-D, 0 to 1.
        floor
            Lowest threshold that will be asked for: the lower, the more voxels are kept.

        Raises
        ------
        InputError
            If the values are no probabilities in 3-D.
        """
        values = as_probabilities(values)
        check_dimensions("A map of lesions", values)
        # A border of one voxel, which no threshold reaches: every voxel inside then has all 26 neighbours at
        # fixed distances in the flat map, and none needs a test of whether it lies at an edge.
        padded = np.pad(values, 1, constant_values=-np.inf)
        seen = at_least(padded, floor)
        seen[[0, -1]] = seen[:, [0, -1]] = seen[:, :, [0, -1]] = False
        where = np.flatnonzero(seen)
        value = padded.ravel()[where]
        index = np.full(padded.size, len(where), np.int32)
        index[where] = np.arange(len(where), dtype=np.int32)
        steps = [(z * padded.shape[1] + y) * padded.shape[2] + x for z, y, x in _HALF]
        peak, height = _climb(value, where, index, steps)
        pairs, levels = _saddles(value, peak, where, index, steps)
        order, saddle, death = _join(height, pairs, levels, float(floor))
        # Peaks are numbered anew in the order in which `_join` put them.
        number = np.empty(len(order), np.int32)
        number[order] = np.arange(len(order), dtype=np.int32)
        inside = np.array(np.unravel_index(where, padded.shape)) - 1
        return cls(
            shape=values.shape,
            floor=float(floor),
            where=np.ravel_multi_index(tuple(inside), values.shape) if len(where) else where,
            value=_wide(value),
            precision=values.dtype,
            peak=number[peak],
            height=_wide(height[order]),
            saddle=_wide(saddle),
            death=death[order],
        )

    @property
    def persistence(self) -> np.ndarray:
        """How far each peak stands above the level at which it joins a higher one, or above the floor.

        Near 0 it is a bump of another lesion, or noise; near 1 no threshold takes it for a part of another
        (topological persistence, Edelsbrunner et al., Discrete Comput Geom 28:511, 2002).
        """
        return self.height - self.death

    def death_at(self, positions: np.ndarray) -> np.ndarray:
        """Where the peak that each voxel climbs to joins a higher one; 1 below the floor.

        Parameters
        ----------
        positions
            Flat positions in the map, integers, shape (n,), any order.

        Returns
        -------
        np.ndarray
            float64, shape (n,), in the map's unit.
        """
        found = np.ones(len(positions))
        if len(self.where):
            at = np.searchsorted(self.where, positions).clip(max=len(self.where) - 1)
            there = self.where[at] == positions
            found[there] = self.death[self.peak[at[there]]]
        return found

    def cut(self, threshold: float) -> tuple[Components, np.ndarray]:
        """Components at a threshold, numbered by their first voxels, and the highest peak of each.

        Returns
        -------
        components
            Of the voxels with at least this value; see `limit` for the precision.
        peaks
            Index into `height`, `death` and `persistence` for component 1, 2, ... n.

        Raises
        ------
        ValueError
            If the threshold lies below the floor.
        """
        here, component, starts = self._runs(threshold)
        # The first voxel of each component: written backwards, so that the first one is written last and
        # stays. A component of peaks below the threshold keeps len(here), and sorts behind all others.
        first = np.full(len(starts), len(here))
        first[component[::-1]] = np.arange(len(here))[::-1]
        order = np.argsort(first, kind="stable")
        n = np.count_nonzero(first < len(here))
        number = np.empty(len(starts), np.int64)
        number[order] = np.arange(1, len(starts) + 1)
        label = number[component]
        return Components(self.where[here], label, np.bincount(label, minlength=n + 1)), starts[order[:n]]

    def cut_in_any_order(self, threshold: float) -> Components:
        """The same components in no particular order, some of them empty; a third faster."""
        here, component, starts = self._runs(threshold)
        label = component + 1
        return Components(self.where[here], label, np.bincount(label, minlength=len(starts) + 1))

    def components(self, threshold: float) -> tuple[np.floating, np.ndarray]:
        """The value that a voxel must have at a threshold, and the component of each peak, from 1.

        Components are numbered in the order of the peaks, and the highest peak of each stands first. Peaks
        below the threshold make components without a voxel.

        Raises
        ------
        ValueError
            If the threshold lies below the floor.
        """
        if threshold < self.floor:
            raise ValueError(f"threshold {threshold} lies below the floor, {self.floor}")
        least = limit(threshold, self.precision).astype(self.value.dtype)
        # Peaks stand in the order of joining: a saddle below the threshold is where a new component begins.
        return least, np.cumsum(self.saddle < least)

    def _runs(self, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Voxels that reach a threshold, the component of each from 0, and each component's highest peak."""
        least, component = self.components(threshold)
        here = np.flatnonzero(self.value >= least)
        return here, (component - 1).take(self.peak.take(here)), np.flatnonzero(np.diff(component, prepend=0))


def _wide(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _climb(
    value: np.ndarray, where: np.ndarray, index: np.ndarray, steps: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The peak of each voxel, and the peaks' values; equals are climbed in the order of their positions."""
    n = len(value)
    # Ranks, 0 for the highest value, in place of values: no two are equal, so that a plateau has one peak
    # and no voxel climbs in a circle; and int32 compares faster than floats.
    order = np.argsort(-value, kind="stable").astype(np.int32)
    rank = np.empty(n + 1, np.int32)
    rank[order], rank[n] = np.arange(n, dtype=np.int32), n
    # The best of each voxel and its 26 neighbours; rank n is that of no voxel, and never the best.
    best = rank[:n].copy()
    for step in (*steps, *(-s for s in steps)):
        np.minimum(best, rank[index[where + step]], out=best)
    up = best[order]  # by rank
    # Each step doubles the distance climbed: a path of a thousand voxels takes ten.
    while True:
        further = up[up]
        if np.array_equal(further, up):
            break
        up = further
    tops = np.flatnonzero(up == np.arange(n))
    number = np.zeros(n, np.int32)
    number[tops] = np.arange(len(tops), dtype=np.int32)
    return number[up[rank[:n]]], value[order[tops]]


def _saddles(
    value: np.ndarray, peak: np.ndarray, where: np.ndarray, index: np.ndarray, steps: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of peaks (m, 2) whose voxels touch, and the highest level (m,) at which they do."""
    most = np.int64(peak.max(initial=0)) + 1  # a pair of peaks as one number, lower * most + higher
    keys, levels = [np.zeros(0, np.int64)], [value[:0]]
    for step in steps:
        other = index[where + step]
        here = np.flatnonzero(other < len(value))
        here = here[peak[here] != peak[other[here]]]
        a, b = peak[here], peak[other[here]]
        keys.append(np.minimum(a, b) * most + np.maximum(a, b))
        levels.append(np.minimum(value[here], value[other[here]]))  # both voxels have to be there
    # Of all places where two peaks touch only the highest counts: the first of each pair, sorted by level.
    key, level = np.concatenate(keys), np.concatenate(levels)
    order = np.lexsort((-level, key))
    key, level = key[order], level[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return np.stack(np.divmod(key[first], most), axis=1), level[first]


def _join(
    height: np.ndarray, pairs: np.ndarray, levels: np.ndarray, floor: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join peaks from the highest saddle down: their order, the saddle before each, and where each dies.

    The last is by the peaks' own numbers, which rise as their values fall.
    """
    n = len(height)
    # Groups of peaks are lists, linked by `after` from their highest peak, which is the group's number, to
    # `last`. Joining two appends the lower one, and `before` of its first peak is the saddle between them.
    after, before = np.full(n, -1), np.full(n, -np.inf, height.dtype)
    death = np.full(n, floor)
    group, last = list(range(n)), list(range(n))

    def find(i: int) -> int:  # union-find: the path is halved on the way
        while group[i] != i:
            group[i] = i = group[group[i]]
        return i

    for a, b, level in _spanning_tree(n, pairs, levels):
        first, second = sorted((find(a), find(b)))  # the higher peak leads, and stands first
        death[second] = level
        after[last[first]], before[second] = second, level
        group[second], last[first] = first, last[second]
    order = []
    for i in range(n):
        if group[i] == i:
            while i >= 0:
                order.append(i)
                i = int(after[i])
    return np.array(order, dtype=np.int64), before[order], death


def _spanning_tree(n: int, pairs: np.ndarray, levels: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Edges of the maximum spanning forest, the highest first."""
    # ranks in place of levels: exact for any precision, and never 0, which a sparse graph takes for no edge
    order = np.argsort(-levels, kind="stable")
    a, b = pairs[order].T.astype(np.int32)  # some versions of SciPy take no other
    tree = minimum_spanning_tree(coo_array((np.arange(1.0, len(order) + 1), (a, b)), shape=(n, n)).tocsr())
    for i in np.sort(tree.data).astype(np.int64) - 1:
        yield int(a[i]), int(b[i]), float(levels[order[i]])
