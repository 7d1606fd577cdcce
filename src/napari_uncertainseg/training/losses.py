"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


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
    predicted = heads.var(dim=1, correction=0, keepdim=True)
    observed = raters.var(dim=1, correction=0, keepdim=True)
    matters = weight * ((observed > 0) | (predicted.detach() > 0.01))
    return (matters * (predicted - observed) ** 2).sum() / matters.sum().clamp_min(1)


def multi_head_loss(
    heads: Tensor, layers: list[Tensor], raters: Tensor, weight: Tensor, choice: Tensor, disagreement: float
) -> Tensor:
    """Each head learns a rater drawn for it, every deeper stage the mean of the raters.

    Parameters
    ----------
    heads
        Logits, (B, heads, z, y, x).
    layers
        Logits of the deeper stages, each at its own resolution.
    raters
        Masks, (B, raters, z, y, x), float.
    weight
        What each voxel counts, (B, 1, z, y, x), 0 outside the brain.
    choice
        (heads,), which rater each head learns in this step.
    disagreement
        Weight of the disagreement guidance.
    """
    loss = dice_cross_entropy(heads, raters[:, choice], weight)
    if disagreement:
        loss = loss + disagreement * disagreement_guidance(torch.sigmoid(heads), raters, weight)
    soft = raters.mean(dim=1, keepdim=True)
    for depth, logits in enumerate(layers, start=1):
        z, y, x = logits.shape[2:]
        target, coarse = F.adaptive_avg_pool3d(soft, (z, y, x)), F.adaptive_max_pool3d(weight, (z, y, x))
        loss = loss + 0.5**depth * dice_cross_entropy(logits, target, coarse)
    return loss
