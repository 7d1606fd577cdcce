"""What the members see of lesions, at thresholds that move."""

from __future__ import annotations

from functools import partial

import numpy as np

from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg._parallel import in_parallel
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.lesions.hierarchy import Hierarchy
from napari_uncertainseg.lesions.lookup import Lookup
from napari_uncertainseg.lesions.matching import best_overlaps, pairs_in_common
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty.lesion import member_overlaps


class MemberLesions:
    """Members, and a closer crop of them that is enough at all thresholds from a floor.

    Parameters
    ----------
    members
        The members. Not copied, and not to be changed afterwards.
    floor
        Thresholds below it are right too, and slower.
    """

    def __init__(self, members: Members, floor: float) -> None:
        self._whole = self._close = members
        self._floor = floor
        self._lookup: Lookup | None = None
        if len(members) and members.values.size:
            seen = at_least(members.values[0], floor)
            for values in members.values[1:]:
                seen |= at_least(values, floor)
            inner = bounding_box(seen)
            a, b, c = (
                slice((o.start or 0) + i.start, (o.start or 0) + i.stop)
                for o, i in zip(members.box, inner, strict=True)
            )
            self._close = Members(box=(a, b, c), values=members.values[(slice(None), *inner)])

    def prepare(self) -> None:
        """Build what makes every later threshold fast."""
        if not self.is_prepared:
            made = [partial(Hierarchy.from_map, values, self._floor) for values in self._close.values]
            self._lookup = Lookup.from_hierarchies(in_parallel(made))

    @property
    def is_prepared(self) -> bool:
        """Whether that is built, or there are no members."""
        return self._lookup is not None or not len(self._close)

    def overlaps(
        self, index: np.ndarray, label: np.ndarray, sizes: np.ndarray, threshold: float
    ) -> np.ndarray:
        """Mean over members of each lesion's best intersection over union with one of their lesions.

        Parameters
        ----------
        index
            The lesions' voxels (s, a, r) on the grid, shape (3, voxels).
        label
            The lesion of each of these voxels, 1 to n, int64.
        sizes
            Voxels of each lesion, its number as index, shape (n + 1,).
        threshold
            Of the members.

        Returns
        -------
        float64, shape (n,), 0 to 1; 1 where there is no member.
        """
        members = self._close if threshold >= self._floor else self._whole
        if not len(members):
            return np.ones(len(sizes) - 1)
        inside, where = positions_in(members.box, index)
        label = label if len(where) == len(label) else label[inside]
        if self._lookup is not None and threshold >= self._floor:
            found = [
                best_overlaps(pairs_in_common(label, seen), sizes, component_sizes)
                for seen, component_sizes in self._lookup.at(where, threshold)
            ]
            return np.mean(found, axis=0)
        masks = (at_least(values, threshold) for values in members.values)
        return member_overlaps(where, label, sizes, masks).mean(0)


def positions_in(box: Box, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels (index, shape (3, n)) lie in a box, and their flat positions there.

    Parameters
    ----------
    box
        Part of the grid.
    index
        int64, shape (3, n), voxels of the grid.
    """
    shape = [part.stop - (part.start or 0) for part in box]
    s, a, r = (i - (part.start or 0) for i, part in zip(index, box, strict=True))
    inside = np.ones(index.shape[1], bool)
    for i, size in zip((s, a, r), shape, strict=True):
        inside &= i.view(np.uint64) < size  # what is negative becomes very large
    where = (s * shape[1] + a) * shape[2] + r
    return inside, where if inside.all() else where[inside]
