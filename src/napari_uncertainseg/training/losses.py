"""What training minimises."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg._checks import as_probabilities
from napari_uncertainseg.training.average_calibration import LEAST_IN_TRAINING, Binning, calibration_error
from napari_uncertainseg.training.maximum_entropy import answered

_OPINIONS = 0.5
"""Weight of what single heads and stages learn, against 1 for the mean of the heads."""
_REST = 0.02
"""Share of all voxels that the cross-entropy is divided by, beside the lesions'."""
_SEEN = 0.02
"""Mean probability above which a voxel matters for what single heads think."""
_SURE = 1e-6
"""Mean probabilities nearer to 0 or 1 have no logit in float32."""


def dice_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, everything: Tensor | None = None
) -> Tensor:
    """Soft Dice over the batch plus cross-entropy, for one foreground class.

    The cross-entropy is divided by what is lesion and a small share of the rest, not by all voxels: on a
    whole brain, of which a thousandth may be lesion, it would otherwise be nothing beside the Dice, whose
    optimum is not calibrated.

    Parameters
    ----------
    logits, target
        Same shape, the batch first; targets are 0 to 1.
    weight
        What each voxel counts, broadcastable; 0 outside the brain.
    everything
        Sum of the weights, where logits are given of some voxels only and the others are right.

    Raises
    ------
    InputError
        If a target is not from 0 to 1.
    """
    target = as_probabilities(target, "The target")
    weight = weight.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
    p = torch.sigmoid(logits) * weight
    lesion = (target * weight).sum()
    overlap, size = (p * target).sum(), p.sum() + lesion
    rest = _REST * (weight.sum() if everything is None else everything)
    return entropy / (lesion + rest).clamp_min(1) + 1 - (2 * overlap + 1) / (size + 1)


def disagreement_guidance(heads: Tensor, raters: Tensor, weight: Tensor) -> Tensor:
    """Mean squared difference between the variance of the heads and the variance of the raters.

    A reconstruction of EDUE's guidance (arXiv 2403.16594, no public code). The mean is taken over the
    voxels where either varies; elsewhere there is nothing to learn.

    Parameters
    ----------
    heads
        Probabilities, (B, heads, ...).
    raters
        Masks, (B, raters, ...).
    weight
        (B, 1, ...), what each voxel counts.

    Raises
    ------
    InputError
        If a probability or mask is not from 0 to 1.
    """
    predicted = _variance(as_probabilities(heads))
    observed = _variance(as_probabilities(raters, "The raters' masks"))
    matters = weight * ((observed > 0) | (predicted.detach() > 0.01))
    return (matters * (predicted - observed) ** 2).sum() / matters.sum().clamp_min(1)


def _variance(opinions: Tensor) -> Tensor:
    """Population variance over dimension 1, kept; ten times as fast as `Tensor.var` on a CPU."""
    return ((opinions - opinions.mean(dim=1, keepdim=True)) ** 2).mean(dim=1, keepdim=True)


def by_volume(raters: Tensor) -> Tensor:
    """Order the raters of each patch from the one who outlined least to the one who outlined most.

    Parameters
    ----------
    raters
        Masks, (B, raters, z, y, x), above 0 is lesion.

    Returns
    -------
    Tensor
        The same, in that order.
    """
    order = (raters > 0).flatten(2).sum(2).argsort(dim=1)
    return torch.stack([r[o] for r, o in zip(raters, order, strict=True)])


def of_style(logits: Tensor, style: Tensor, styles: int) -> Tensor:
    """What one style's heads say of each patch.

    Parameters
    ----------
    logits
        Of the heads of all styles, (B, styles * n, z, y, x), those of the first style first.
    style
        Number of each patch's style, (B,).
    styles
        How many there are.

    Returns
    -------
    Tensor
        (B, n, z, y, x).
    """
    return logits.unflatten(1, (styles, -1))[torch.arange(len(logits)), style]


def distinct(regions: Tensor) -> Tensor:
    """Number the regions of a batch so that no two patches share a number.

    Parameters
    ----------
    regions
        Integers (B, z, y, x), from 1 in each patch; 0 is none.

    Returns
    -------
    Tensor
        int64, the same shape.
    """
    regions = regions.long()
    before = F.pad(regions.flatten(1).amax(1).cumsum(0), (1, 0))[:-1, None, None, None]
    return torch.where(regions > 0, regions + before, 0)


def raters_of_heads(raters: int, heads: int, generator: torch.Generator | None = None) -> Tensor:
    """Which rater each head learns: evenly spread over them, or drawn at random (EDUE)."""
    if generator is not None:
        return torch.randint(raters, (heads,), generator=generator)
    return torch.linspace(0, raters - 1, heads).round().long()


def multi_head_loss(
    heads: Tensor,
    layers: list[Tensor],
    raters: Tensor,
    reference: Tensor,
    weight: Tensor,
    choice: Tensor,
    *,
    regions: Tensor | None = None,
    disagreement: float = 0.0,
    calibration: float = 0.0,
    lesions: float = 0.0,
    binning: Binning = "soft",
) -> Tensor:
    """The mean of the heads learns the reference, each head a rater, each deeper stage the raters' mean.

    Parameters
    ----------
    heads
        Logits, (B, heads, z, y, x).
    layers
        Logits of the deeper stages, each at its own resolution.
    raters
        Masks, (B, raters, z, y, x), of any type, 0 or 1.
    reference
        Mask, (B, 1, z, y, x), likewise: what the mean probability is to be right about.
    weight
        What each voxel counts, (B, 1, z, y, x), 0 outside the brain.
    choice
        (heads,), which rater each head learns in this step, see `raters_of_heads`.
    regions
        Which lesion of the batch each voxel is judged with, (B, z, y, x), see `lesion_loss`.
    disagreement
        Weight of the disagreement guidance.
    calibration
        Weight of the calibration error of the mean probability.
    lesions
        Weight of the `lesion_loss` of the mean probability; it needs the regions.
    binning
        Of that error.

    Raises
    ------
    InputError
        If a mask is not from 0 to 1, or a logit is NaN.
    """
    raters = as_probabilities(raters, "The raters' masks").float()
    reference = as_probabilities(reference, "The reference").float()
    inside = weight[:, 0] > 0
    logits, counts = _voxels(heads, inside), weight[:, 0][inside]
    probability = answered(torch.sigmoid(logits))
    mean = probability.mean(dim=1)
    opinions = _opinions(logits, probability, _voxels(raters, inside), counts, choice, disagreement)
    opinions = sum(_deeper_stages(layers, raters.mean(dim=1, keepdim=True), weight), start=opinions)
    logit = torch.logit(mean.clamp(_SURE, 1 - _SURE))
    truth = reference[:, 0][inside]
    loss = dice_cross_entropy(logit, truth, counts) + _OPINIONS * opinions
    if lesions and regions is not None:
        loss = loss + lesions * lesion_loss(mean, truth, regions[inside], counts)
    return loss + calibration * _error_of_images(mean, truth, inside, binning) if calibration else loss


def _deeper_stages(layers: list[Tensor], soft: Tensor, weight: Tensor) -> Iterator[Tensor]:
    """What each deeper stage is wrong about the raters' mean, half as much with each."""
    for depth, logits in enumerate(layers, start=1):
        z, y, x = logits.shape[2:]
        target, coarse = F.adaptive_avg_pool3d(soft, (z, y, x)), F.adaptive_max_pool3d(weight, (z, y, x))
        yield 0.5**depth * dice_cross_entropy(logits, target, coarse)


def _error_of_images(mean: Tensor, truth: Tensor, inside: Tensor, binning: Binning) -> Tensor:
    """The calibration error of each image, on average."""
    counts = inside.flatten(1).sum(1).tolist()
    errors = [
        calibration_error(p, y, binning=binning, least=LEAST_IN_TRAINING)
        for p, y in zip(mean.split(counts), truth.split(counts), strict=True)
    ]
    return torch.stack(errors).mean()


def lesion_loss(probability: Tensor, target: Tensor, regions: Tensor, weight: Tensor) -> Tensor:
    """Dice plus cross-entropy of each lesion and what is near it, each lesion counted alike, however small.

    What blob loss (Kofler et al., arXiv 2205.08209) and losses by connected component do: a Dice over the
    whole image is decided by its large lesions.

    Parameters
    ----------
    probability
        float32, any shape, 0 to 1.
    target
        The same shape, 0 or 1.
    regions
        Integers, the same shape: which lesion a voxel is judged with, from 1 on; 0 is none.
    weight
        What each voxel counts, the same shape.

    Returns
    -------
    Tensor
        The mean over the lesions; 0 where there is none.
    """
    near = (regions > 0) & (weight > 0)
    if not bool(near.any()):
        return probability.sum() * 0
    numbers, which = regions[near].unique(return_inverse=True)
    p, y, counts = probability[near], target[near], weight[near]
    entropy = F.binary_cross_entropy(p, y, reduction="none")
    sums = p.new_zeros(4, len(numbers))
    sums = sums.index_add(1, which, torch.stack([p * y, p + y, entropy, torch.ones_like(y)]) * counts)
    overlap, size, surprise, voxels = sums
    return (1 - 2 * overlap / size.clamp_min(_SURE) + surprise / voxels).mean()


def _voxels(images: Tensor, inside: Tensor) -> Tensor:
    """The voxels of (B, C, z, y, x) in a region (B, z, y, x), as (voxels, C)."""
    return images.permute(0, 2, 3, 4, 1)[inside]


def _opinions(
    logits: Tensor, probability: Tensor, raters: Tensor, weight: Tensor, choice: Tensor, guidance: float
) -> Tensor:
    """What each head learns from its rater, and their variance from the raters'.

    Only where a rater outlined something or the heads see something, a small part of a brain: elsewhere
    the mean learns for them.

    Parameters
    ----------
    logits, probability
        (voxels, heads).
    raters
        (voxels, raters).
    weight
        (voxels,).
    choice, guidance
        As in `multi_head_loss`.
    """
    where = (probability.detach().mean(dim=1) > _SEEN) | (raters > 0).any(dim=1)
    raters, counts = raters[where], weight[where][:, None]
    everything = weight.sum() * logits.shape[1]
    loss = dice_cross_entropy(logits[where], raters[:, choice], counts, everything)
    if guidance:
        loss = loss + guidance * disagreement_guidance(probability[where], raters, counts)
    return loss
