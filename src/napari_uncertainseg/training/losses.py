"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg.training.average_calibration import soft_calibration_error

_OPINIONS = 0.5
"""Weight of what single heads and stages learn, against 1 for the mean of the heads."""
_SURE = 1e-6
"""Mean probabilities nearer to 0 or 1 have no logit in float32."""


def dice_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Soft Dice over the batch plus cross-entropy, for one foreground class.

    Parameters
    ----------
    logits, target
        Same shape, the batch first; targets are 0 to 1.
    weight
        What each voxel counts, broadcastable; 0 outside the brain.
    """
    weight = weight.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
    p = torch.sigmoid(logits) * weight
    overlap, size = (p * target).sum(), p.sum() + (target * weight).sum()
    return entropy / weight.sum().clamp_min(1) + 1 - (2 * overlap + 1) / (size + 1)


def disagreement_guidance(heads: Tensor, raters: Tensor, weight: Tensor) -> Tensor:
    """Mean squared difference between the variance of the heads and the variance of the raters.

    A reconstruction of EDUE's guidance (arXiv 2403.16594, no public code). The mean is taken over the
    voxels where either varies; elsewhere there is nothing to learn.

    Parameters
    ----------
    heads
        Probabilities, (B, heads, z, y, x).
    raters
        Masks, (B, raters, z, y, x).
    weight
        (B, 1, z, y, x), what each voxel counts.
    """
    predicted, observed = _variance(heads), _variance(raters)
    matters = weight * ((observed > 0) | (predicted.detach() > 0.01))
    return (matters * (predicted - observed) ** 2).sum() / matters.sum().clamp_min(1)


def _variance(opinions: Tensor) -> Tensor:
    """Population variance over dimension 1, kept; ten times as fast as `Tensor.var` on a CPU."""
    return ((opinions - opinions.mean(dim=1, keepdim=True)) ** 2).mean(dim=1, keepdim=True)


def by_volume(raters: Tensor) -> Tensor:
    """Order the raters of each patch from the one who outlined least to the one who outlined most."""
    order = raters.flatten(2).sum(2).argsort(dim=1)
    return torch.stack([r[o] for r, o in zip(raters, order, strict=True)])


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
    disagreement: float = 0.0,
    calibration: float = 0.0,
) -> Tensor:
    """The mean of the heads learns the reference, each head a rater, each deeper stage the raters' mean.

    Parameters
    ----------
    heads
        Logits, (B, heads, z, y, x).
    layers
        Logits of the deeper stages, each at its own resolution.
    raters
        Masks, (B, raters, z, y, x), float.
    reference
        Mask, (B, 1, z, y, x), float: what the mean probability is to be right about.
    weight
        What each voxel counts, (B, 1, z, y, x), 0 outside the brain.
    choice
        (heads,), which rater each head learns in this step, see `raters_of_heads`.
    disagreement
        Weight of the disagreement guidance.
    calibration
        Weight of the calibration error of the mean probability.
    """
    opinions = dice_cross_entropy(heads, raters[:, choice], weight)
    probability = torch.sigmoid(heads)
    if disagreement:
        opinions = opinions + disagreement * disagreement_guidance(probability, raters, weight)
    soft = raters.mean(dim=1, keepdim=True)
    for depth, logits in enumerate(layers, start=1):
        z, y, x = logits.shape[2:]
        target, coarse = F.adaptive_avg_pool3d(soft, (z, y, x)), F.adaptive_max_pool3d(weight, (z, y, x))
        opinions = opinions + 0.5**depth * dice_cross_entropy(logits, target, coarse)
    mean = probability.mean(dim=1, keepdim=True)
    logit = torch.logit(mean.clamp(_SURE, 1 - _SURE))
    loss = dice_cross_entropy(logit, reference, weight) + _OPINIONS * opinions
    if calibration:
        loss = loss + calibration * soft_calibration_error(mean, reference, weight > 0)
    return loss
