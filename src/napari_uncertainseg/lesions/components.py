"""Lesions are connected components: labels at any threshold, fast enough to follow a slider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cc3d
import numpy as np

from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg._checks import as_mask, as_number, as_probabilities, check_dimensions
from napari_uncertainseg._threshold import at_least

Connectivity = Literal[6, 18, 26]


@dataclass(frozen=True, eq=False)
class Foreground:
    """Where a probability map is worth looking at, found once per prediction.

    Above ``floor`` a threshold then costs a look at the box only, not at the
    whole image; below it the whole image is looked at, so every threshold is right.

    Attributes
    ----------
    probability
        3-D, 0 to 1. Not copied.
    box
        Holds every voxel of at least ``floor``.
    floor
        Smallest threshold for which the box is enough.
    """

    probability: np.ndarray
    box: Box
    floor: float = 0.05

    @classmethod
    def from_probability(cls, probability: np.ndarray, floor: float = 0.05) -> Foreground:
        """Find the box: the one look at the whole image.

        Parameters
        ----------
        probability
            3-D, 0 to 1.
        floor
            Lowest threshold for which the box is enough.

        Raises
        ------
        InputError
            If these are no probabilities in 3-D.
        """
        probability = as_probabilities(probability)
        check_dimensions("The probability", probability)
        return cls(probability, bounding_box(at_least(probability, floor)), floor)

    def box_at(self, threshold: float) -> Box:
        """A box that holds every voxel of at least ``threshold``."""
        if threshold >= self.floor:
            return self.box
        s, a, r = self.probability.shape
        return slice(0, s), slice(0, a), slice(0, r)

    def label(self, threshold: float, *, min_voxels: int = 1) -> tuple[np.ndarray, int]:
        """As `label_components`."""
        box = self.box_at(threshold)
        inside, n = label_mask(at_least(self.probability[box], threshold), min_voxels=min_voxels)
        labels = np.zeros(self.probability.shape, np.uint16 if n <= np.iinfo(np.uint16).max else np.uint32)
        labels[box] = inside
        return labels, n


def voxels_of(volume: float, voxel_volume: float) -> int:
    """Fewest voxels that make a volume (mm3); at least 1."""
    # A thousandth less: voxel volumes such as 0.9999 mm3 come from rounded affines.
    return max(1, int(np.ceil(volume / voxel_volume - 1e-3)))


def label_components(
    probability: np.ndarray, threshold: float, *, min_voxels: int = 1
) -> tuple[np.ndarray, int]:
    """Label the 26-connected components of ``probability >= threshold``, see `_threshold`.

    Parameters
    ----------
    probability
        0 to 1, 3-D.
    threshold
        Probability at and above which a voxel is lesion.
    min_voxels
        Smaller components are left out.

    Returns
    -------
    labels
        uint16, or uint32 where there are more than 65535; 0 is background.
    n
        Number of components; labels run from 1 to n.

    Raises
    ------
    InputError
        If these are no probabilities in 3-D, or the threshold is no number.
    """
    threshold = as_number(threshold, "The threshold")
    return Foreground.from_probability(probability, threshold).label(threshold, min_voxels=min_voxels)


def label_mask(
    mask: np.ndarray, *, connectivity: Connectivity = 26, min_voxels: int = 1
) -> tuple[np.ndarray, int]:
    """Label the components of a 3-D mask.

    Parameters
    ----------
    mask
        bool; of other types what is not 0.
    connectivity
        6, 18 or 26 neighbours.
    min_voxels
        Smaller components are left out.

    Returns
    -------
    labels
        Unsigned integers, 1 to n.
    n
        Number of components.

    Raises
    ------
    InputError
        If it is no mask in 3-D.
    """
    mask = as_mask(mask)
    check_dimensions("The mask", mask)
    if mask.size == 0:
        return np.zeros(mask.shape, np.uint16), 0
    whole = tuple(slice(size) for size in mask.shape)
    # cc3d 4.1 reserves too few labels for thin images and then fails: give it some room.
    roomy = np.pad(mask, (0, 1)) if min(mask.shape) < 4 else mask
    labels, n = cc3d.connected_components(roomy, connectivity=connectivity, return_N=True)
    labels = np.ascontiguousarray(labels[whole])
    if min_voxels > 1 and n:
        found = Components.from_mask(mask, labels, n)
        found = found.only(found.sizes[1:] >= min_voxels)
        labels = np.zeros_like(labels)
        labels.ravel()[found.where] = found.label
        n = found.n
    return labels, n


@dataclass(frozen=True, eq=False)
class Components:
    """Components as a list of voxels: as long as the lesions are large, not the image.

    Attributes
    ----------
    where
        Flat positions of the voxels in the labelled image, ascending.
    label
        The component of each of them, 1 to n, int64.
    sizes
        Voxels per component, its number as index, shape (n + 1,).
    """

    where: np.ndarray
    label: np.ndarray
    sizes: np.ndarray

    @property
    def n(self) -> int:
        """Number of components."""
        return len(self.sizes) - 1

    @property
    def one_voxel(self) -> np.ndarray:
        """Index into `where` of some voxel of each component, shape (n,)."""
        found = np.zeros(self.n + 1, np.intp)
        found[self.label] = np.arange(len(self.label))
        return found[1:]

    @classmethod
    def from_mask(cls, mask: np.ndarray, labels: np.ndarray, n: int) -> Components:
        """The voxels of a mask and their labels, both 3-D and contiguous.

        Parameters
        ----------
        mask
            bool.
        labels
            Whole numbers from 1 to ``n`` where the mask is.
        n
            Number of components.
        """
        where = np.flatnonzero(mask)
        label = labels.ravel()[where].astype(np.int64)
        return cls(where, label, np.bincount(label, minlength=n + 1))

    def among(self, positions: np.ndarray) -> np.ndarray:
        """Indices into `where` of those positions that are in it.

        Parameters
        ----------
        positions
            Flat positions, integers, shape (n,), any order.

        Returns
        -------
        np.ndarray
            Integers, one for each position that is in it.
        """
        if not len(self.where):
            return np.zeros(0, np.intp)
        at = np.searchsorted(self.where, positions).clip(max=len(self.where) - 1)
        return at[self.where[at] == positions]

    def only(self, kept: np.ndarray) -> Components:
        """The components for which ``kept`` (bool, shape (n,)) holds, numbered anew in the same order."""
        if kept.all():
            return self
        number = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)])
        label = number[self.label]
        there = label > 0
        return Components(self.where[there], label[there], np.concatenate([[0], self.sizes[1:][kept]]))


def neighbourhood(mask: np.ndarray, spacing: tuple[float, float, float], distance: float) -> np.ndarray:
    """Voxels whose centre is at most ``distance`` from a voxel of a mask, itself included.

    Parameters
    ----------
    mask
        3-D, bool; of other types what is not 0.
    spacing
        Voxel size per axis, mm.
    distance
        mm.

    Returns
    -------
    bool, of the mask's shape.
    """
    # A ball is a stack of discs, a disc a stack of rods: a few hundred byte-wise ORs, which
    # is far cheaper than a distance transform of the box. `scipy.ndimage.binary_dilation` with a ball looks
    # at each voxel of the ball for each voxel of the box.
    mask = as_mask(mask)
    reach = [int(distance / s + 1e-6) for s in spacing]
    result = np.zeros(mask.shape, bool)
    box = bounding_box(mask)
    if any(s.stop <= s.start for s in box):
        return result
    wide = tuple(
        slice(max(0, b.start - m), min(n, b.stop + m)) for b, m, n in zip(box, reach, mask.shape, strict=True)
    )
    inside = np.ascontiguousarray(mask[wide])
    # rods[k]: the mask drawn out by k voxels to both sides along the last axis.
    rods = [inside]
    for k in range(1, reach[2] + 1):
        rod = rods[-1].copy()
        _or_shifted(rod, inside, 2, k)
        _or_shifted(rod, inside, 2, -k)
        rods.append(rod)
    grown = result[wide]
    for ds in range(reach[0] + 1):
        disc = np.zeros_like(inside)
        for da in range(reach[1] + 1):
            # What Pythagoras leaves for the last axis; a little more, so that rounding loses no voxel.
            left = distance**2 * (1 + 1e-6) - (ds * spacing[0]) ** 2 - (da * spacing[1]) ** 2
            if left >= 0:
                rod = rods[min(reach[2], int(left**0.5 / spacing[2]))]
                for shift in {da, -da}:
                    _or_shifted(disc, rod, 1, shift)
        for shift in {ds, -ds}:
            _or_shifted(grown, disc, 0, shift)
    return result


def _or_shifted(target: np.ndarray, source: np.ndarray, axis: int, shift: int) -> None:
    """``target |= source`` moved by ``shift`` voxels along an axis, in place."""
    if abs(shift) >= source.shape[axis]:
        return
    to, fro = np.moveaxis(target, axis, 0), np.moveaxis(source, axis, 0)
    if shift > 0:
        to[shift:] |= fro[:-shift]
    elif shift < 0:
        to[:shift] |= fro[-shift:]
    else:
        to |= fro
