"""What the members see of lesions, at thresholds that move."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_uncertainseg.lesions.components import Box, Components, bounding_box
from napari_uncertainseg.lesions.hierarchy import Hierarchy
from napari_uncertainseg.lesions.matching import best_overlaps, pairs_in_common
from napari_uncertainseg.uncertainty.lesion import at_least, member_overlaps
from napari_uncertainseg.uncertainty.members import Members


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
        self._hierarchies: list[Hierarchy] = []
        self._image = np.zeros(0, np.int32)
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
        self._hierarchies = [Hierarchy.of(values, self._floor) for values in self._close.values]
        self._image = np.zeros(self._close.values[0].size if len(self._close) else 0, np.int32)

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
        label = label[inside]
        if self._hierarchies and threshold >= self._floor:
            cuts = (h.cut_in_any_order(threshold) for h in self._hierarchies)
            found = [
                best_overlaps(pairs_in_common(label, seen), sizes, component_sizes)
                for seen, component_sizes in _seen(cuts, where, self._image)
            ]
            return np.mean(found, axis=0)
        masks = (at_least(values, threshold) for values in members.values)
        return member_overlaps(where, label, sizes, masks).mean(0)


def _seen(
    cuts: Iterator[Components], where: np.ndarray, image: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each member: its component at each position, 0 where none is, and the components' sizes.

    The image is scratch, and is 0 before and after.
    """
    for cut in cuts:
        image[cut.where] = cut.label
        seen = image[where]
        image[cut.where] = 0
        yield seen, cut.sizes


def positions_in(box: Box, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels (index, shape (3, n)) lie in a box, and their flat positions there."""
    starts = np.array([s.start or 0 for s in box])[:, None]
    shape = tuple(s.stop - (s.start or 0) for s in box)
    local = index - starts
    inside = ((local >= 0) & (local < np.array(shape)[:, None])).all(0)
    s, a, r = local[:, inside]
    return inside, (s * shape[1] + a) * shape[2] + r
