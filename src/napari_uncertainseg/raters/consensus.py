"""What several raters say together: consensus, where they differ, and by how much.

Everywhere ``raters`` are masks along a first axis, shape (r, ...) with 2-D or 3-D masks, or
a sequence of r such masks; nonzero is lesion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import entr

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_slices
from napari_uncertainseg._checks import as_mask, as_numbers

if TYPE_CHECKING:
    import SimpleITK as sitk

Raters = np.ndarray | Sequence[np.ndarray]
"""Masks of one image by several raters."""


def as_masks(raters: Raters, *, least: int = 1) -> np.ndarray:
    """Masks of several raters as one bool array.

    Parameters
    ----------
    raters
        Shape (r, ...), or r masks; nonzero is lesion.
    least
        Fewer raters than this are refused.

    Returns
    -------
    bool, shape (r, ...). The input itself where it is that already.

    Raises
    ------
    InputError
        If there are too few raters, a mask lies on another shape than the first, is neither
        2-D nor 3-D, or holds NaN, fractions or numbers below 0.
    """
    masks = [as_mask(mask, f"The mask of rater {number}") for number, mask in enumerate(raters, start=1)]
    if len(masks) < least:
        raise InputError(f"At least {least} rater(s) are needed; there are {len(masks)}.")
    shape = masks[0].shape
    if len(shape) not in (2, 3):
        raise InputError(f"A rater's mask is 2-D or 3-D; the first has shape {shape}.")
    for number, mask in enumerate(masks[1:], start=2):
        if mask.shape != shape:
            raise InputError(f"Rater {number} has a mask of shape {mask.shape}, the first one of {shape}.")
    if type(raters) is np.ndarray and raters.dtype == bool:
        return raters
    return np.stack(masks)


def joint_box(raters: Raters) -> tuple[slice, ...]:
    """The smallest box that holds every rater's lesions; empty slices where nobody marked any.

    Parameters
    ----------
    raters
        Masks, shape (r, ...).
    """
    return bounding_slices(np.any(as_masks(raters), axis=0))


def majority(raters: Raters, *, ties: Literal["background", "foreground"] = "background") -> np.ndarray:
    """Where more than half of the raters see lesion: bool, of a mask's shape.

    Parameters
    ----------
    raters
        Shape (r, ...).
    ties
        What a voxel is that exactly half of an even number of raters marked: background unless
        told otherwise, as "more than half" says.
    """
    masks = as_masks(raters)
    if ties not in ("background", "foreground"):
        raise InputError(f'Ties count as "background" or as "foreground", not {ties!r}.')
    needed = len(masks) // 2 + 1 if ties == "background" else (len(masks) + 1) // 2
    return np.asarray(_votes(masks) >= needed)


def soft_mean(raters: Raters) -> np.ndarray:
    """Share of the raters that mark a voxel, 0 to 1: float32, of a mask's shape.

    Parameters
    ----------
    raters
        Masks, shape (r, ...).
    """
    masks = as_masks(raters)
    return _votes(masks).astype(np.float32) / np.float32(len(masks))


@dataclass(frozen=True, eq=False)
class Staple:
    """Consensus in which each rater counts by their estimated performance.

    Attributes
    ----------
    probability
        Probability that a voxel is truly lesion: float32, of a mask's shape.
    sensitivity, specificity
        Of each rater against that truth, shape (r,). Both are NaN, as there is nothing to estimate,
        where all raters left everything unmarked or all marked everything.
    iterations
        How many were made.
    """

    probability: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray
    iterations: int

    @property
    def mask(self) -> np.ndarray:
        """Where lesion is at least as probable as not, bool."""
        return np.asarray(self.probability >= 0.5)


def staple(raters: Raters, *, region: np.ndarray | None = None, max_iterations: int = 100) -> Staple:
    """Simultaneous truth and performance level estimation, by SimpleITK.

    Warfield, Zou and Wells, IEEE TMI 23:903, 2004. No spatial prior; the prior of lesion is the raters'
    mean share. The more plain background takes part, the nearer specificities are to 1 and the more a
    single mark counts: say over which region it was made.

    Parameters
    ----------
    raters
        Shape (r, ...).
    region
        A mask: the voxels that take part; all if None. Outside the probability is 0.
    max_iterations
        At most so many. Two raters who share little may not converge in any number.

    Raises
    ------
    InputError
        If the region has another shape, is empty or leaves out a voxel that a rater marked.
    """
    masks = as_masks(raters)
    if max_iterations < 1:
        raise InputError(f"STAPLE needs at least one iteration, not {max_iterations}.")
    within = flat_within(masks, region)
    if np.count_nonzero(within) != np.count_nonzero(masks):
        raise InputError("The region leaves out voxels that a rater marked; STAPLE needs all of them.")
    shape = masks.shape[1:]
    if within.all() or not within.any():  # the library would answer NaN
        unknown = np.full(len(masks), np.nan)
        inside = np.full(within.shape[1], within.all(), np.float32)
        return Staple(_placed(inside, region, shape), unknown, unknown.copy(), 0)
    found, inside = _run_staple(within, max_iterations)
    return Staple(
        _placed(inside, region, shape),
        np.array(found.GetSensitivity()),
        np.array(found.GetSpecificity()),
        int(found.GetElapsedIterations()),
    )


def _run_staple(within: np.ndarray, max_iterations: int) -> tuple[sitk.STAPLEImageFilter, np.ndarray]:
    """Run the filter on masks of shape (r, n): voxels do not influence their neighbours, so a row will do."""
    import SimpleITK as sitk

    images = [sitk.GetImageFromArray(mask.astype(np.uint8).reshape(1, -1)) for mask in within]
    estimation = sitk.STAPLEImageFilter()
    estimation.SetForegroundValue(1.0)
    estimation.SetMaximumIterations(max_iterations)  # unlimited otherwise
    probability = sitk.GetArrayFromImage(estimation.Execute(images)).ravel().astype(np.float32)
    return estimation, probability


def flat_within(masks: np.ndarray, region: np.ndarray | None) -> np.ndarray:
    """Masks in a region, shape (r, voxels of the region); of all voxels where it is None.

    Parameters
    ----------
    masks
        bool, shape (r, ...).
    region
        Mask of the shape of one of them.

    Raises
    ------
    InputError
        If the region has another shape than the masks, is empty or no mask.
    """
    flat = masks.reshape(len(masks), int(np.prod(masks.shape[1:])))
    if region is not None:
        region = as_mask(region, "The region")
        if region.shape != masks.shape[1:]:
            raise InputError(f"The region has shape {region.shape}, the raters' masks {masks.shape[1:]}.")
        flat = flat[:, np.flatnonzero(region)]
    if not flat.shape[1]:
        raise InputError("There is no voxel to compare raters in: the region or the image is empty.")
    return flat


def _placed(inside: np.ndarray, region: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Values of a region's voxels on the whole image, 0 elsewhere."""
    if region is None:
        return inside.reshape(shape)
    whole = np.zeros(shape, np.float32)
    whole[as_mask(region, "The region")] = inside
    return whole


@dataclass(frozen=True, eq=False)
class Regions:
    """Where raters agree, and where they do not: bool, of a mask's shape; each voxel is in one of the three.

    Attributes
    ----------
    foreground
        Every rater marked it.
    background
        None did.
    dissensus
        Some did.
    """

    foreground: np.ndarray
    background: np.ndarray
    dissensus: np.ndarray


def consensus_regions(raters: Raters) -> Regions:
    """Consensus foreground and background, and dissensus, as in CURVAS (arXiv 2505.08685).

    Parameters
    ----------
    raters
        Masks, shape (r, ...).
    """
    masks = as_masks(raters)
    every, some = np.asarray(masks.all(0)), np.asarray(masks.any(0))
    return Regions(every, ~some, some & ~every)


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How much raters differ, float32, of a mask's shape; both are 0 where they agree.

    Attributes
    ----------
    variance
        Population variance of the marks, at most 0.25.
    entropy
        Entropy of the share of raters that marked, nats, at most ln 2.
    """

    variance: np.ndarray
    entropy: np.ndarray


def disagreement(raters: Raters) -> Disagreement:
    """Maps of the disagreement between raters.

    Parameters
    ----------
    raters
        Masks, shape (r, ...).
    """
    masks = as_masks(raters)
    r = len(masks)
    share = np.arange(r + 1) / r
    votes = _votes(masks)
    variance, entropy = share * (1 - share), entr(share) + entr(1 - share)
    return Disagreement(variance.astype(np.float32)[votes], entropy.astype(np.float32)[votes])


class UncertaintySource(IntEnum):
    """Who doubts: the raters (they differ), the model, both or neither."""

    NEITHER = 0
    BOTH = 1
    MODEL = 2
    RATERS = 3
    """The blind spot: raters differ and the model is sure."""


def uncertainty_sources(
    rater_disagreement: np.ndarray,
    model_uncertainty: np.ndarray,
    *,
    disagreement_above: float = 0.0,
    uncertainty_above: float,
) -> np.ndarray:
    """Who doubts each voxel: uint8, values of `UncertaintySource`.

    Parameters
    ----------
    rater_disagreement
        Either map of `disagreement`.
    model_uncertainty
        A map of the model's uncertainty, the same shape.
    disagreement_above, uncertainty_above
        Values above count as doubt.

    Raises
    ------
    InputError
        If shapes differ or a map holds NaN.
    """
    rater_disagreement = as_numbers(rater_disagreement, "The raters' disagreement")
    model_uncertainty = as_numbers(model_uncertainty, "The model's uncertainty")
    if rater_disagreement.shape != model_uncertainty.shape:
        raise InputError(
            f"The raters' disagreement has shape {rater_disagreement.shape}, "
            f"the model's uncertainty {model_uncertainty.shape}."
        )
    raters, model = rater_disagreement > disagreement_above, model_uncertainty > uncertainty_above
    return combined_sources(raters, model)


def combined_sources(raters: np.ndarray, model: np.ndarray) -> np.ndarray:
    """`UncertaintySource` per voxel, uint8, by whether raters differ and the model is unsure (masks).

    Parameters
    ----------
    raters
        Mask: where raters differ.
    model
        Mask of the same shape: where the model is unsure.
    """
    raters, model = as_mask(raters, "Where raters differ"), as_mask(model, "Where the model is unsure")
    by_both = np.array(
        [
            [UncertaintySource.NEITHER, UncertaintySource.MODEL],
            [UncertaintySource.RATERS, UncertaintySource.BOTH],
        ],
        np.uint8,
    )
    return np.asarray(by_both[raters.astype(np.intp), model.astype(np.intp)])


def _votes(masks: np.ndarray) -> np.ndarray:
    """How many raters marked each voxel."""
    return masks.sum(0, dtype=np.uint8 if len(masks) < 256 else np.uint32)
