"""Doubt per patient.

PSU after Molchanova et al., arXiv 2311.08931: one minus the members' mean intersection
over union with the segmentation. Beside it, the agreement of a network's own layers, and volume and number of
the lesions as each member has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import (
    as_mask,
    as_numbers,
    as_probabilities,
    check_members,
    check_same_shape,
)
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.lesions.components import label_components, label_mask, voxels_of
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty.lesion import one_each


@dataclass(frozen=True, eq=False)
class LesionLoad:
    """What a scan has in lesions.

    Attributes
    ----------
    volume_ml
        Of all lesions.
    count
        Number of lesions.
    member_volumes_ml, member_counts
        The same by each member alone, float (members,).
    """

    volume_ml: float
    count: int
    member_volumes_ml: np.ndarray
    member_counts: np.ndarray

    @property
    def volume_range_ml(self) -> tuple[float, float]:
        """Of the members' volumes, with the model's own: no interval with a promise."""
        every = [self.volume_ml, *self.member_volumes_ml]
        return float(min(every)), float(max(every))

    @property
    def count_range(self) -> tuple[int, int]:
        """Of the members' counts, with the model's own: likewise."""
        every = [self.count, *self.member_counts]
        return int(min(every)), int(max(every))


def patient_structural_uncertainty(segmentation: np.ndarray, members: Iterable[np.ndarray]) -> float:
    """PSU of a segmentation, over the members' own segmentations.

    Parameters
    ----------
    segmentation
        A mask of any shape; nonzero is lesion.
    members
        Masks, each of that shape. A member that is empty where the segmentation is empty too agrees.

    Returns
    -------
    0 where all members agree with the segmentation, 1 where none shares a voxel with it.

    Raises
    ------
    InputError
        If there is no member, one has another shape, or one is no mask.
    """
    whole = as_mask(segmentation, "The segmentation")
    return _psu(int(np.count_nonzero(whole)), ((as_mask(m, "A member"), whole) for m in members))


def patient_uncertainty(
    probability: np.ndarray, members: Members, threshold: float | Sequence[float]
) -> float:
    """PSU of a prediction at a threshold.

    Parameters
    ----------
    probability
        Mean probability, 3-D, 0 to 1.
    members
        The members that it is the mean of.
    threshold
        Of the mean and of all members (PSU); or the mean's, then one per member (PSU+).

    Raises
    ------
    InputError
        If there is no member, the mean is no probability, or thresholds are neither one nor one more than
        members.
    """
    probability = as_probabilities(probability)
    thresholds = np.atleast_1d(as_numbers(threshold, "Thresholds"))
    if not thresholds.size or thresholds.ndim != 1:
        raise InputError("Give one threshold, or the mean's and one for each member.")
    mean = float(thresholds[0])
    own = one_each(thresholds[1:] if len(thresholds) > 1 else mean, len(members))
    members = members.told_from(probability)
    segmentation = at_least(probability, mean)
    total, inside = int(np.count_nonzero(segmentation)), segmentation[members.box]
    masks = (at_least(m, float(t)) for m, t in zip(members.values, own, strict=True))
    return _psu(total, ((m, inside) for m in masks))


def layer_agreement(masks: Sequence[np.ndarray]) -> float:
    """Agreement of a network's heads from the deepest to the last: area under Dice of neighbours.

    AULA of Kushibar et al., "Layer Ensembles", MICCAI 2022 (arXiv 2203.08878), by trapezoids and over the
    heads' number less 2, so that it is 1 where all agree; low is doubtful. On masks: the authors' code takes
    any probability above 0 for lesion, which makes every pair agree.

    Parameters
    ----------
    masks
        bool, at least three of one shape, in the network's order.

    Returns
    -------
    0 to 1. Two empty masks agree.

    Raises
    ------
    InputError
        If there are fewer than three, or one is no mask.
    """
    if len(masks) < 3:
        raise InputError(f"Layer agreement compares neighbours of at least three heads, not of {len(masks)}.")
    if any(np.asarray(mask).dtype != bool for mask in masks):
        raise InputError("Layer agreement compares masks: threshold the probabilities first.")
    agreements = np.array([dice(a, b) for a, b in pairwise(masks)])
    return float(np.trapezoid(agreements)) / (len(masks) - 2)


def patient_average(
    values: np.ndarray,
    brain: np.ndarray | None = None,
    *,
    scaled: bool = False,
    mode: Literal["brain", "reference"] = "brain",
) -> float:
    """Average of a voxel map over the brain, or of a lesion measure over a patient's lesions.

    Parameters
    ----------
    values
        A map, or one value per lesion. NaN in what is averaged makes the average NaN.
    brain
        A mask of the map's shape; None for lesion measures, which all count.
    scaled
        Move the patient's own least value to 0 and its largest to 1 first; a constant becomes 0.
    mode
        ``"brain"``: everything is of the brain's voxels. ``"reference"``, to compare with published
        numbers: as in the authors' code (arXiv 2311.08931) the scale is that of the whole map, and the
        sum over the brain is divided by all voxels, so that it depends on the field of view.

    Returns
    -------
    NaN where nothing is to be averaged.

    Raises
    ------
    InputError
        If the shapes differ, the values are no real numbers, the brain is no mask, or there is no such mode.
    """
    if mode not in ("brain", "reference"):
        raise InputError(f"Averages are of the mode brain or reference, not {mode!r}.")
    values = as_numbers(values, "What is averaged", unknown=True).astype(float, copy=False)
    inside = np.ones(values.shape, bool) if brain is None else as_mask(brain, "The brain")
    check_same_shape("The brain", inside.shape, "the map", values.shape)
    if not inside.any():
        return math.nan
    known = values if mode == "reference" else values[inside]
    low, high = (float(known.min()), float(known.max())) if scaled else (0.0, 1.0)
    if high == low:
        return 0.0
    within = (values[inside] - low) / (high - low)
    return float(within.sum() / values.size if mode == "reference" else within.mean())


def measure_load(
    probability: np.ndarray, members: Members, threshold: float, min_volume: float, voxel_volume: float
) -> LesionLoad:
    """Volume and number of the lesions at a threshold, by the mean and by each member.

    Parameters
    ----------
    probability
        Mean probability, 3-D, 0 to 1.
    members
        The members that it is the mean of.
    threshold
        Probability at and above which a voxel is lesion, of the mean and of each member.
    min_volume
        Smaller components are left out, mm3.
    voxel_volume
        mm3.

    Raises
    ------
    InputError
        If these are no probabilities in 3-D, or the threshold is no number.
    """
    least = voxels_of(min_volume, voxel_volume)
    probability = as_probabilities(probability)
    labels, count = label_components(probability, threshold, min_voxels=least)
    known = members.told_from(probability)
    each = [_size(at_least(member, threshold), least, voxel_volume) for member in known.values]
    volumes, counts = np.array(each, float).reshape(-1, 2).T
    return LesionLoad(np.count_nonzero(labels) * voxel_volume / 1000, int(count), volumes, counts)


def mask_load(mask: np.ndarray, min_volume: float, voxel_volume: float) -> tuple[float, int]:
    """Volume (ml) and number of the lesions of a mask, without components smaller than `min_volume` (mm3)."""
    return _size(mask, voxels_of(min_volume, voxel_volume), voxel_volume)


def _size(mask: np.ndarray, least: int, voxel_volume: float) -> tuple[float, int]:
    labels, count = label_mask(mask, min_voxels=least)
    return np.count_nonzero(labels) * voxel_volume / 1000, int(count)


def _psu(total: int, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """PSU from the segmentation's size and, per member, its mask and the segmentation there."""
    overlaps = []
    for member, segmentation in pairs:
        check_same_shape("A member", member.shape, "the segmentation", segmentation.shape)
        common = int(np.count_nonzero(member & segmentation))
        union = total + int(np.count_nonzero(member)) - common
        overlaps.append(common / union if union else 1.0)
    check_members(len(overlaps))
    return 1 - float(np.mean(overlaps))
