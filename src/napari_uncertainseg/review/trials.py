"""Places to ask an annotator about: lesions of a consensus, and what only looks like one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.lesions.components import label_mask, voxels_of
from napari_uncertainseg.lesions.matching import touched
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.uncertainty.ranking import Lesions


@dataclass(frozen=True)
class Trial:
    """One question.

    Attributes
    ----------
    voxel
        Where to look, (s, a, r): in the slice that shows most of it.
    exists
        Whether it is a lesion in the consensus.
    volume_mm3
        Of the lesion, or of what the model took for one.
    probability
        Largest probability that the model gave it; None where it gave none.
    """

    voxel: Voxel
    exists: bool
    volume_mm3: float
    probability: float | None


def trials(
    consensus: np.ndarray,
    found: Lesions,
    probability: np.ndarray,
    voxel_volume: float,
    *,
    seed: int,
    again: Collection[Voxel] = (),
    most: int = 60,
) -> list[Trial]:
    """As many false places as lesions, in random order; what was misjudged before comes first.

    Parameters
    ----------
    consensus
        bool on the grid.
    found
        What the model found: what touches no voxel of the consensus only looks like a lesion.
    probability
        The model's, on the grid.
    voxel_volume
        mm3; lesions of less than 3 mm3 are not asked about.
    seed
        Of the choice and the order.
    again
        Voxels of trials that were misjudged before.
    most
        Trials at most.

    Raises
    ------
    InputError
        If the shapes differ, or there is no lesion, or nothing false to mix in.
    """
    check_same_shape("The consensus", consensus.shape, "the scan", probability.shape)
    labels, n = label_mask(consensus, min_voxels=voxels_of(3.0, voxel_volume))
    if n == 0:
        raise InputError("The consensus has no lesion of 3 mm3 or more: choose another mask.")
    rng = np.random.default_rng(seed)
    true = [_trial(labels == i, probability, voxel_volume) for i in range(1, n + 1)]
    false = [
        Trial(
            (int(row["slice_s"]), int(row["slice_a"]), int(row["slice_r"])),
            False,
            float(row["volume_mm3"]),
            float(row["max_probability"]),
        )
        for image, table in ((found.labels, found.table), (found.candidates, found.candidate_table))
        for row, hit in zip(table.to_dict("records"), touched(image, consensus, len(table)), strict=True)
        if not hit
    ]
    if not false:
        raise InputError("The model found nothing false here: without that, every answer would be yes.")
    number = min(len(true), len(false), most // 2)
    chosen = [*_some(true, number, again, rng), *_some(false, number, again, rng)]
    order = rng.permutation(len(chosen))
    known = set(again)
    return sorted((chosen[i] for i in order), key=lambda trial: trial.voxel not in known)


def depths(voxels: Collection[Voxel], brain: np.ndarray, spacing: tuple[float, float, float]) -> list[float]:
    """How far each voxel lies from the nearest one outside of the brain, mm; 0 outside.

    Parameters
    ----------
    voxels
        Indices (s, a, r).
    brain
        bool; what lies beyond the image is not brain.
    spacing
        Voxel size along each axis, mm.
    """
    distance = ndimage.distance_transform_edt(np.pad(brain, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    return [float(distance[voxel]) for voxel in voxels]


def _some(every: list[Trial], number: int, again: Collection[Voxel], rng: np.random.Generator) -> list[Trial]:
    known = set(again)
    shuffled = [every[i] for i in rng.permutation(len(every))]
    return sorted(shuffled, key=lambda trial: trial.voxel not in known)[:number]


def look_at(lesion: np.ndarray) -> Voxel:
    """The voxel (s, a, r) to look at a lesion: in the axial slice that shows most of it, near its middle.

    Parameters
    ----------
    lesion
        bool, 3-D, not empty.
    """
    index = np.array(np.nonzero(lesion))
    slices, counts = np.unique(index[0], return_counts=True)
    inside = index[:, index[0] == slices[counts.argmax()]]
    middle = inside.mean(1, keepdims=True)
    s, a, r = inside[:, ((inside - middle) ** 2).sum(0).argmin()]
    return int(s), int(a), int(r)


def _trial(lesion: np.ndarray, probability: np.ndarray, voxel_volume: float) -> Trial:
    volume = np.count_nonzero(lesion) * voxel_volume
    return Trial(look_at(lesion), True, volume, float(probability[lesion].max()))
