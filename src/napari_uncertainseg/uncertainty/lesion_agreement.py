"""What members make of each lesion: its volume, its shape, and whether they share it.

Volume variation, pairwise Dice and intersection over union of all samples are those of Roy et al.,
"Bayesian QuickNAT", NeuroImage 195:11, 2019, there of whole structures; here of a lesion, each
member represented by its best overlapping component, as for LSU. LSU with the adjusted intersection over
union is that of Molchanova et al., arXiv 2407.05761.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from scipy.ndimage import find_objects

from napari_uncertainseg._checks import numbered
from napari_uncertainseg._parallel import in_parallel
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.lesions.components import Connectivity, label_mask
from napari_uncertainseg.lesions.hierarchy import Hierarchy
from napari_uncertainseg.lesions.matching import adjusted_overlaps, pairs_in_common
from napari_uncertainseg.uncertainty.lesion import each_member, one_each

_FLOOR = 0.05
"""Below it nothing stands out."""


@dataclass(frozen=True, eq=False)
class LesionAgreement:
    """Members on each lesion, arrays of shape (n,).

    Where no member sees a lesion they agree on it by all but the last of these; LSU is 1 there.

    Attributes
    ----------
    volume_variation
        Standard deviation of the members' volumes of it over their mean (population); 0 up.
    pairwise_dice
        Mean Dice of all pairs of members; 1 for a single member.
    shared
        Voxels that all members give to it over those that any does, 0 to 1.
    lsu_adjusted
        LSU with the adjusted intersection over union, which holds neither a split nor a merged
        lesion against a member; 0 to 1.
    persistence
        Mean over members of how far the lesion stands out in each, over all thresholds: its largest
        probability there less the level at which that peak joins a higher one, at least 0.05; 0 to 1.
    """

    volume_variation: np.ndarray
    pairwise_dice: np.ndarray
    shared: np.ndarray
    lsu_adjusted: np.ndarray
    persistence: np.ndarray


def lesion_agreement(
    labels: np.ndarray,
    members: Sequence[np.ndarray] | np.ndarray,
    threshold: float,
    *,
    connectivity: Connectivity = 26,
    min_voxels: int = 1,
) -> LesionAgreement:
    """Measure what members make of each lesion.

    Parameters
    ----------
    labels
        3-D; n lesions, whatever their numbers.
    members
        Member probabilities, each of the labels' shape.
    threshold
        Of the members.
    connectivity
        Of the members' components: 6, 18 or 26.
    min_voxels
        Smaller components of members are left out.

    Raises
    ------
    InputError
        As for `lesion_structural_uncertainty`.
    """
    labels = numbered(labels)[0].astype(np.int32)  # find_objects knows no unsigned numbers
    members = each_member(labels, members)
    threshold = float(one_each(threshold, 1)[0])
    sizes = np.bincount(labels.ravel(), minlength=1)
    if len(sizes) == 1:  # nothing is there, perhaps not even a voxel
        return LesionAgreement(*(np.zeros(0) for _ in fields(LesionAgreement)))
    measure = partial(_of_member, labels, sizes, threshold, connectivity, min_voxels)
    found = in_parallel([partial(measure, member) for member in members])
    components, best, adjusted, persistence = zip(*found, strict=True)
    rows = [_compare(stack) for stack in _of_each_lesion(components, np.array(best), len(sizes) - 1)]
    variation, pairwise, shared = np.array(rows).reshape(len(rows), 3).T
    doubt = 1 - np.mean(adjusted, axis=0)
    return LesionAgreement(variation, pairwise, shared, doubt, np.mean(persistence, axis=0))


def _of_member(
    labels: np.ndarray,
    sizes: np.ndarray,
    threshold: float,
    connectivity: Connectivity,
    min_voxels: int,
    member: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A member's components; of each lesion the best of them, the adjusted overlap and the persistence."""
    found, n = label_mask(at_least(member, threshold), connectivity=connectivity, min_voxels=min_voxels)
    found_sizes = np.bincount(found.ravel(), minlength=n + 1)
    pairs = pairs_in_common(labels, found)
    best = _best_components(pairs, sizes, found_sizes)
    adjusted = adjusted_overlaps(pairs, sizes, found_sizes)
    return found.astype(np.int32), best, adjusted, _persistence(member, labels, len(sizes))


def _persistence(member: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """How far each lesion's highest voxel in a member stands out there."""
    where = np.flatnonzero(labels != 0)
    label, value = labels.ravel()[where], member.ravel()[where]
    order = np.lexsort([-value, label])
    top = order[np.searchsorted(label[order], np.arange(1, n))]
    hierarchy = Hierarchy.from_map(np.ascontiguousarray(member), _FLOOR)
    found = value[top].astype(float) - hierarchy.death_at(where[top])
    return np.where(at_least(value[top], _FLOOR), np.maximum(found, 0), 0)


def _best_components(
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray], sizes: np.ndarray, found_sizes: np.ndarray
) -> np.ndarray:
    """The component that overlaps best with each lesion, the first of equals; 0 where none does."""
    lesion, other, common = pairs
    overlap = common / (sizes[lesion] + found_sizes[other] - common)
    order = np.lexsort([-other, overlap])  # the last assignment stays
    best = np.zeros(len(sizes), np.int64)
    best[lesion[order]] = other[order]
    return best[1:]


def _of_each_lesion(components: Sequence[np.ndarray], best: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """For each lesion its members' components as masks, shape (members, voxels of a box around them)."""
    boxes = [find_objects(image) for image in components]
    for lesion in range(n):
        chosen = best[:, lesion]
        around = [boxes[m][c - 1] for m, c in enumerate(chosen) if c]
        if not around:
            yield np.zeros((len(components), 1), bool)
            continue
        box = tuple(
            slice(min(b[axis].start for b in around), max(b[axis].stop for b in around)) for axis in range(3)
        )
        masks = [(image[box] == c) & (c > 0) for image, c in zip(components, chosen, strict=True)]
        yield np.array([mask.ravel() for mask in masks])


def _compare(masks: np.ndarray) -> tuple[float, float, float]:
    """Volume variation, mean pairwise Dice and shared part of masks, shape (members, voxels)."""
    seen = masks[:, masks.any(axis=0)]
    if not seen.size:
        return 0.0, 1.0, 1.0
    # Counts are whole numbers: up to 2 to the 24th single precision holds them all, and is twice as fast.
    flat: np.ndarray = seen.astype(np.float32 if seen.shape[1] < 1 << 24 else np.float64)
    volumes = flat.sum(1, dtype=np.float64)
    i, j = np.triu_indices(len(flat), 1)
    total = volumes[i] + volumes[j]
    common = (flat @ flat.T).astype(np.float64)
    dice = np.divide(2 * common[i, j], total, out=np.ones(len(i)), where=total > 0)
    shared = np.count_nonzero(seen.all(0)) / seen.shape[1]
    return float(volumes.std() / volumes.mean()), float(dice.mean()) if len(i) else 1.0, float(shared)
