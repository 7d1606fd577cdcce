"""Places to ask an annotator about: lesions of a consensus, and what only looks like one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.lesions.components import Components, label_mask, voxels_of
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.uncertainty.listing.listed_lesion import voxel_in_table

SUSPECTED = 0.01
"""Probability at and above which the model suspects a voxel a little."""
_LEAST_MM3 = 3.0


@dataclass(frozen=True)
class Question:
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


def make_questions(
    consensus: np.ndarray,
    found: Lesions,
    probability: np.ndarray,
    voxel_volume: float,
    *,
    seed: int,
    again: Collection[Voxel] = (),
    most: int = 60,
) -> list[Question]:
    """As many false places as lesions, in random order; what was misjudged before comes first.

    False places are lesions and candidates of the model that touch no voxel of the consensus. Where these
    are fewer than the lesions, places that the model suspects a little fill up, the highest first:
    components of `SUSPECTED` or more that stay below the threshold, touch neither the consensus nor
    anything listed, and have 3 mm3 or more. Where all these are fewer, so are the lesions asked about.

    Parameters
    ----------
    consensus
        bool on the grid.
    found
        What the model found, and its threshold.
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
    lesions = _places(consensus, voxels_of(_LEAST_MM3, voxel_volume))
    if not lesions:
        raise InputError("The consensus has no lesion of 3 mm3 or more: choose another mask.")
    rng = np.random.default_rng(seed)
    true = [_trial(index, True, probability, voxel_volume) for index in lesions]
    false = _false(consensus, found)
    wanted = min(len(true), most // 2)
    if len(false) < wanted:
        suspected = _suspected(consensus, found, probability, voxel_volume)
        false += _first(suspected, again)[: wanted - len(false)]
    if not false:
        raise InputError(
            "The model suspects nothing outside of this consensus: every answer would be yes. To go on, "
            "choose another consensus, such as one rater's outline, or another threshold in Lesions, "
            "and begin again."
        )
    number = min(wanted, len(false))
    chosen = [trial for every in (true, false) for trial in _first(_shuffled(every, rng), again)[:number]]
    return _first(_shuffled(chosen, rng), again)


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
    # The nearest voxel outside touches the brain by a side: one step closer would be outside and nearer.
    box = bounding_box(brain)
    inside = np.pad(brain[box], 1)
    edge = np.zeros_like(inside)
    for axis in range(3):
        to, back = ((*(slice(None),) * axis, part) for part in (slice(1, None), slice(None, -1)))
        edge[to] |= inside[back]
        edge[back] |= inside[to]
    edge &= ~inside
    first = np.array([each.start - 1 for each in box])
    edge_mm = (np.argwhere(edge) + first) * np.asarray(spacing)
    return [
        float(np.sqrt(((edge_mm - np.multiply(voxel, spacing)) ** 2).sum(1).min())) if brain[voxel] else 0.0
        for voxel in voxels
    ]


def representative_voxel(lesion: np.ndarray) -> Voxel:
    """The voxel (s, a, r) to look at a lesion: in the axial slice that shows most of it, near its middle.

    Parameters
    ----------
    lesion
        bool, 3-D, not empty.
    """
    return _middle(np.array(np.nonzero(lesion)))


def _middle(index: np.ndarray) -> Voxel:
    """The same of voxels (3, n)."""
    slices, counts = np.unique(index[0], return_counts=True)
    inside = index[:, index[0] == slices[counts.argmax()]]
    middle = inside.mean(1, keepdims=True)
    s, a, r = inside[:, ((inside - middle) ** 2).sum(0).argmin()]
    return int(s), int(a), int(r)


def _places(mask: np.ndarray, least: int) -> list[np.ndarray]:
    """Voxels (3, n) of each component that has enough of them."""
    box = bounding_box(mask)
    inside = np.ascontiguousarray(mask[box])
    found = Components.from_mask(inside, *label_mask(inside))
    found = found.only(found.sizes[1:] >= least)
    if not found.n:
        return []
    order = np.argsort(found.label, kind="stable")
    index = np.array(np.unravel_index(found.where[order], inside.shape))
    index += np.array([[part.start] for part in box])
    return np.split(index, np.cumsum(found.sizes[1:-1]), axis=1)


def _trial(index: np.ndarray, exists: bool, probability: np.ndarray, voxel_volume: float) -> Question:
    return Question(
        _middle(index), exists, index.shape[1] * voxel_volume, float(probability[tuple(index)].max())
    )


def _false(consensus: np.ndarray, found: Lesions) -> list[Question]:
    """What the model lists, and the consensus does not hold; not what a human drew."""
    tables = ((found.labels, found.table), (found.candidates, found.candidate_table))
    return [
        Question(
            voxel_in_table(row),
            False,
            float(row["volume_mm3"]),
            float(row["max_probability"]),
        )
        for image, listed in tables
        for table in (listed[~listed["drawn"]],)
        for row, hit in zip(table.to_dict("records"), _hit(image, table, consensus), strict=True)
        if not hit
    ]


def _hit(image: np.ndarray, table: pd.DataFrame, consensus: np.ndarray) -> np.ndarray:
    return np.isin(table["label"].to_numpy(), image[consensus])


def _suspected(
    consensus: np.ndarray, found: Lesions, probability: np.ndarray, voxel_volume: float
) -> list[Question]:
    """What the model suspects a little, apart from the consensus and all that it lists; the highest first."""
    known = consensus | (found.labels > 0) | (found.candidates > 0)
    # Labelled together, the rim of a lesion is part of it.
    places = _places(known | (probability >= SUSPECTED), voxels_of(_LEAST_MM3, voxel_volume))
    every = [
        _trial(index, False, probability, voxel_volume) for index in places if not known[tuple(index)].any()
    ]
    below = [t for t in every if not at_least(np.array(t.probability or 0.0), found.threshold)]
    return sorted(below, key=lambda trial: -(trial.probability or 0.0))


def _shuffled(every: list[Question], rng: np.random.Generator) -> list[Question]:
    return [every[i] for i in rng.permutation(len(every))]


def _first(every: list[Question], again: Collection[Voxel]) -> list[Question]:
    """Those that come again before the others, else in the same order."""
    known = set(again)
    return sorted(every, key=lambda trial: trial.voxel not in known)
