"""Doubt per patient.

PSU after Molchanova et al., arXiv 2311.08931: one minus the members' mean intersection
over union with the segmentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from napari_uncertainseg.uncertainty.lesion import at_least
from napari_uncertainseg.uncertainty.members import Members


def patient_structural_uncertainty(segmentation: np.ndarray, members: Iterable[np.ndarray]) -> float:
    """PSU of a segmentation, over the members' own segmentations.

    Parameters
    ----------
    segmentation
        bool, any shape.
    members
        bool, each of that shape. A member that is empty where the segmentation is empty too agrees.

    Returns
    -------
    0 where all members agree with the segmentation, 1 where none shares a voxel with it.
    """
    total = int(np.count_nonzero(segmentation))
    return _psu(total, ((m, segmentation) for m in members))


def patient_uncertainty(
    probability: np.ndarray, members: Members, threshold: float | Sequence[float]
) -> float:
    """PSU of a prediction at a threshold.

    Parameters
    ----------
    probability
        Mean probability, 3-D.
    members
        The members that it is the mean of.
    threshold
        Of the mean and of all members (PSU); or the mean's, then one per member (PSU+).
    """
    thresholds = np.atleast_1d(np.asarray(threshold, float))
    mean = float(thresholds[0])
    own = np.broadcast_to(thresholds[1:] if len(thresholds) > 1 else mean, len(members))
    total = int(np.count_nonzero(probability >= mean))
    inside = probability[members.box] >= mean
    masks = (at_least(m, float(t)) for m, t in zip(members.values, own, strict=True))
    return _psu(total, ((m, inside) for m in masks))


def _psu(total: int, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """PSU from the segmentation's size and, per member, its mask and the segmentation there."""
    overlaps = []
    for member, segmentation in pairs:
        common = int(np.count_nonzero(member & segmentation))
        union = total + int(np.count_nonzero(member)) - common
        overlaps.append(common / union if union else 1.0)
    return 1 - float(np.mean(overlaps))
