"""Doubt per lesion, by whether each member sees the same lesion.

LSU after Molchanova et al., "Structural-based uncertainty in deep learning across
anatomical scales", arXiv 2311.08931: one minus the members' mean intersection over
union with the lesion, each member represented by its best overlapping component.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import (
    as_numbers,
    as_probabilities,
    check_members,
    check_same_shape,
    numbered,
)
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.lesions.components import Connectivity, label_mask
from napari_uncertainseg.lesions.matching import best_overlaps, pairs_in_common


def lesion_structural_uncertainty(
    labels: np.ndarray,
    members: Sequence[np.ndarray] | np.ndarray,
    threshold: float | Sequence[float],
    *,
    connectivity: Connectivity = 26,
    min_voxels: int = 1,
) -> np.ndarray:
    """LSU of every lesion.

    Parameters
    ----------
    labels
        3-D; n lesions, whatever their numbers.
    members
        Member probabilities, each of the labels' shape.
    threshold
        For all members (LSU), or one each (LSU+); see `_threshold`.
    connectivity
        Of the members' components: 6, 18 or 26.
    min_voxels
        Smaller components of members are left out.

    Returns
    -------
    float64, shape (n,), in the order of the labels: 0 where all members agree on the lesion, 1 where none
    sees it.

    Raises
    ------
    InputError
        If there is no member, one has another shape or values that are no probabilities, or thresholds
        are neither one nor one per member.
    """
    labels, _ = numbered(labels)
    members = each_member(labels, members)
    where = np.flatnonzero(labels != 0)
    label = labels.ravel()[where].astype(np.int64)
    sizes = np.bincount(label, minlength=1)
    thresholds = one_each(threshold, len(members))
    masks = (at_least(m, float(t)) for m, t in zip(members, thresholds, strict=True))
    overlaps = member_overlaps(where, label, sizes, masks, connectivity=connectivity, min_voxels=min_voxels)
    return 1 - overlaps.mean(0)


def each_member(labels: np.ndarray, members: Sequence[np.ndarray] | np.ndarray) -> list[np.ndarray]:
    """The members, which must be probabilities of the labels' shape, or raise InputError.

    Parameters
    ----------
    labels
        Whole numbers, any shape.
    members
        Probabilities, 0 to 1, each of the shape of the labels.
    """
    check_members(len(members))
    found = [as_probabilities(member) for member in members]
    for number, member in enumerate(found, start=1):
        check_same_shape(f"Member {number}", member.shape, "the labels", labels.shape)
    return found


def one_each(threshold: float | Sequence[float] | np.ndarray, members: int) -> np.ndarray:
    """Thresholds of the members, from one for all or one each, or raise InputError.

    Parameters
    ----------
    threshold
        One for all members, or one each.
    members
        How many there are.

    Returns
    -------
    np.ndarray
        float64, shape (members,).
    """
    thresholds = as_numbers(threshold, "Thresholds").astype(float)
    if thresholds.ndim and thresholds.shape != (members,):
        raise InputError(f"Give one threshold, or one for each of {members} members, not {thresholds.size}.")
    return np.broadcast_to(thresholds, members)


def member_overlaps(
    where: np.ndarray,
    label: np.ndarray,
    sizes: np.ndarray,
    masks: Iterable[np.ndarray],
    *,
    connectivity: Connectivity = 26,
    min_voxels: int = 1,
) -> np.ndarray:
    """Intersection over union of each lesion with the best component of each member.

    One pass over each member labels it; all overlaps then come from one count of the
    pairs (lesion, component) over the lesions' voxels.

    Parameters
    ----------
    where
        Flat positions in the masks of the lesions' voxels.
    label
        The lesion of each of these voxels, 1 to n, int64.
    sizes
        Voxels of each lesion, its number as index (so shape (n + 1,)): it may be
        more than ``label`` says when part of it lies outside the masks.
    masks
        The members' thresholded probabilities, 3-D.

    Returns
    -------
    float64, shape (members, n).
    """
    best = [_best_overlap(where, label, sizes, m, connectivity, min_voxels) for m in masks]
    return np.array(best).reshape(len(best), len(sizes) - 1)


def _best_overlap(
    where: np.ndarray,
    label: np.ndarray,
    sizes: np.ndarray,
    mask: np.ndarray,
    connectivity: Connectivity,
    min_voxels: int,
) -> np.ndarray:
    """Of one member, shape (n,): a table of common voxels in place of a loop over lesions."""
    components, n = label_mask(mask, connectivity=connectivity, min_voxels=min_voxels)
    flat = components.ravel()
    # Background is most of an image: counting only what is marked is faster, and its size is not needed.
    component_sizes = np.bincount(flat[np.flatnonzero(mask)], minlength=n + 1)
    return best_overlaps(pairs_in_common(label, flat[where]), sizes, component_sizes)


def lesion_mean(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of a voxel map over each lesion.

    Parameters
    ----------
    labels
        n lesions, whatever their numbers.
    values
        The map, of the labels' shape.

    Returns
    -------
    float64, shape (n,), in the order of the labels.

    Raises
    ------
    InputError
        If the shapes differ, these are no labels, or the map holds what is no finite number.
    """
    label, inside = _inside(labels, values)
    return np.bincount(label, inside)[1:] / np.bincount(label)[1:]


def lesion_sum(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum of a voxel map over each lesion: it grows with the lesion's size. As `lesion_mean`.

    Parameters
    ----------
    labels
        As for `lesion_mean`.
    values
        Of the labels' shape, any unit.
    """
    label, inside = _inside(labels, values)
    return np.bincount(label, inside)[1:]


def lesion_maximum(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Largest value of a voxel map in each lesion. As `lesion_mean`.

    Parameters
    ----------
    labels
        As for `lesion_mean`.
    values
        Of the labels' shape, any unit.
    """
    label, inside = _inside(labels, values)
    most = np.full(int(label.max(initial=0)) + 1, -np.inf)
    np.maximum.at(most, label, inside)
    return most[1:]


def lesion_logsum(labels: np.ndarray, values: np.ndarray, *, least: float = 1e-10) -> np.ndarray:
    """Sum of a voxel map's logarithm over each lesion: it falls with the lesion's size.

    The log of the product of the voxels' doubts, as Molchanova et al. have it.

    Parameters
    ----------
    labels
        n lesions, whatever their numbers.
    values
        The map, of the labels' shape, never below 0. So not the negated confidence, of which there is
        no logarithm: give one minus the confidence, which orders voxels alike.
    least
        Added to the values, for those that are 0.

    Returns
    -------
    float64, shape (n,).

    Raises
    ------
    InputError
        As `lesion_mean`, or if a value in a lesion is below 0.
    """
    label, inside = _inside(labels, values)
    if (inside < 0).any():
        raise InputError("A voxel map that goes below 0 has no sum of logarithms.")
    return np.bincount(label, np.log(inside.astype(float) + least))[1:]


def _inside(labels: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label, from 1 without gaps, and value of the lesions' voxels."""
    labels, values = numbered(labels)[0], as_numbers(values, "The voxel map")
    check_same_shape("The voxel map", values.shape, "the labels", labels.shape)
    where = np.flatnonzero(labels != 0)
    return labels.ravel()[where].astype(np.int64), values.ravel()[where]
