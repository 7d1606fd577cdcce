"""A prediction against raters as the CURVAS challenges score it: as published, and with faults mended.

arXiv 2505.08685. The formulas that have no fault are those of `raters.curvas`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask
from napari_uncertainseg.lesions.components import neighbourhood
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.raters.consensus import Raters, as_masks, consensus_regions, joint_box
from napari_uncertainseg.raters.curvas import top_label_ece
from napari_uncertainseg.uncertainty.against_raters import DISTANCE

MARGIN = 20
"""Voxels around all raters' marks in which the challenge of 2025 compares calibration."""


def consensus_dice_by_rows(predicted: np.ndarray, raters: Raters) -> float:
    """Consensus Dice as the code of the 2024 challenge computes it: a mean over rows of the image.

    It hands a volume (slices, rows, columns) to MONAI's ``DiceMetric``, which takes the slices for cases and
    the rows for classes, without the first row as if it were the background. So it is the Dice of each
    row, averaged over the rows of a slice that have consensus foreground, and then over such slices. What is
    predicted elsewhere counts for nothing.

    Parameters
    ----------
    predicted
        Mask, (slices, rows, columns).
    raters
        Shape (r, slices, rows, columns).

    Returns
    -------
    0 to 1; 0 where there is no consensus foreground.
    """
    pred, fore, _ = _in_consensus(predicted, raters)
    both, sizes = (pred & fore).sum(-1), pred.sum(-1) + fore.sum(-1)
    known = np.asarray(fore.any(-1))
    both, sizes, known = both[:, 1:], sizes[:, 1:], known[:, 1:]
    rows = np.divide(2.0 * both, sizes, out=np.zeros(sizes.shape), where=known)
    number = known.sum(1)
    slices = rows.sum(1)[number > 0] / number[number > 0]
    return float(slices.mean()) if len(slices) else 0.0


def consensus_dice_of_all(predicted: np.ndarray, raters: Raters) -> float:
    """Dice of the prediction with the consensus foreground, over all voxels outside dissensus.

    Parameters
    ----------
    predicted, raters
        As for `consensus_dice_by_rows`.

    Returns
    -------
    0 to 1. Without consensus foreground 1 where nothing is predicted outside dissensus, else 0.
    """
    pred, fore, _ = _in_consensus(predicted, raters)
    return dice(pred, fore)


def dissensus_dice(predicted: np.ndarray, raters: Raters) -> float:
    """Mean over the raters of the Dice with the rater, over the voxels in which the raters differ.

    Parameters
    ----------
    predicted, raters
        As for `consensus_dice_by_rows`.

    Returns
    -------
    0 to 1; NaN where the raters differ nowhere.
    """
    masks = as_masks(raters)
    pred, region = as_mask(predicted, "The prediction"), consensus_regions(masks).dissensus
    if not region.any():
        return math.nan
    inside = pred[region]
    return float(np.mean([dice(inside, mask[region]) for mask in masks]))


def dissensus_between(raters: Raters) -> float:
    """What a rater reaches with the others: mean Dice of all pairs over the voxels in which raters differ.

    Parameters
    ----------
    raters
        Shape (r, ...).

    Returns
    -------
    0 to 1; NaN where the raters differ nowhere. Two raters share no such voxel: 0.
    """
    masks = as_masks(raters)
    region = consensus_regions(masks).dissensus
    if not region.any():
        return math.nan
    inside = masks[:, region]
    return float(np.mean([dice(a, b) for a, b in combinations(inside, 2)]))


def _in_consensus(predicted: np.ndarray, raters: Raters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The prediction and the consensus foreground outside dissensus, and dissensus."""
    masks = as_masks(raters)
    pred = as_mask(predicted, "The prediction")
    if pred.shape != masks.shape[1:]:
        raise InputError(f"The prediction has shape {pred.shape}, the raters' masks {masks.shape[1:]}.")
    regions = consensus_regions(masks)
    return pred & ~regions.dissensus, regions.foreground, regions.dissensus


def box_of_marks(raters: Raters, *, clipped: bool) -> tuple[slice, ...] | None:
    """The box of all raters' marks with a margin of 20 voxels, in which the 2025 challenge compares.

    Parameters
    ----------
    raters
        Shape (r, ...).
    clipped
        Cut the box at the border of the image. Otherwise as the code of the challenge has it: there a start
        before the first voxel counts from the end of the image, as Python counts.

    Returns
    -------
    None where nobody marked anything, or the box holds no voxel.
    """
    masks = as_masks(raters)
    inner = joint_box(masks)
    if any(s.stop <= s.start for s in inner):
        return None
    starts = [s.start - MARGIN for s in inner]
    box = tuple(
        slice(max(start, 0) if clipped else start, s.stop - 1 + MARGIN)
        for start, s in zip(starts, inner, strict=True)
    )
    sizes = [len(range(*s.indices(n))) for s, n in zip(box, masks.shape[1:], strict=True)]
    return box if all(sizes) else None


def ece_in_box(probability: np.ndarray, raters: Raters, *, clipped: bool) -> np.ndarray:
    """`top_label_ece` within `box_of_marks`, shape (r,); NaN where there is no box."""
    masks = as_masks(raters)
    box = box_of_marks(masks, clipped=clipped)
    if box is None:
        return np.full(len(masks), np.nan)
    return top_label_ece(probability[box], masks[(slice(None), *box)])


def ece_near_marks(
    probability: np.ndarray, predicted: np.ndarray, raters: Raters, spacing: Sequence[float]
) -> np.ndarray:
    """`top_label_ece` within 5 mm of what a rater or the model marked, shape (r,).

    Parameters
    ----------
    probability
        3-D.
    predicted
        Mask of the model.
    raters
        Shape (r, ...).
    spacing
        Voxel size along each axis, mm.

    Returns
    -------
    NaN where nothing is marked.
    """
    masks = as_masks(raters)
    step = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    marked = masks.any(axis=0) | as_mask(predicted, "The prediction")
    if not marked.any():
        return np.full(len(masks), np.nan)
    return top_label_ece(probability, masks, region=neighbourhood(marked, step, distance=DISTANCE))
