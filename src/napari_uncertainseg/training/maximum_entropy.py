"""Maximum-entropy regularisation: a network should be unsure where it is wrong.

After Larrazabal et al., MICCAI 2023 (arXiv 2112.12218) and Matzkin et al. (arXiv 2506.14497).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities

Term = Literal["meep", "meall", "kl"]
Base = Literal["ce", "dice", "dice_ce", "focal"]
_EPS = 1e-5
"""Probabilities are kept this far from 0 and 1, as in the authors' code."""


def probabilities(logits: Tensor) -> Tensor:
    """Sigmoid for one channel, softmax over several; (B, C, ...).

    Parameters
    ----------
    logits
        float (B, C, ...).

    Raises
    ------
    InputError
        If there is NaN: nothing could be learned from it.
    """
    return answered(torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1))


def answered(p: Tensor) -> Tensor:
    """The same probabilities of a network; NaN raises InputError, as nothing can be learned from it."""
    if bool(p.detach().isnan().any()):
        raise InputError("The network's answer holds NaN: begin again with a lower learning rate.")
    return p


def one_hot(target: Tensor, logits: Tensor) -> Tensor:
    """Bring a target to one channel per class.

    Parameters
    ----------
    target
        One-hot, of the shape of the logits, or a label map (B, 1, ...) or (B, ...).
    logits
        (B, C, ...).

    Raises
    ------
    InputError
        If the target fits neither, or holds NaN, fractions of labels, or labels beyond the classes.
    """
    if target.shape == logits.shape:
        return as_probabilities(target, "The target").to(logits.dtype)
    size = (len(logits), *logits.shape[2:])
    if target.numel() != logits[:, 0].numel() or tuple(target.shape) not in (size, (size[0], 1, *size[1:])):
        raise InputError(f"A target of shape {tuple(target.shape)} fits no logits of {tuple(logits.shape)}.")
    labels = target.reshape(size).long()
    if bool((labels != target.reshape(size)).any()):
        raise InputError("The target's labels must be whole numbers; these are others, or NaN.")
    classes = max(2, logits.shape[1])
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise InputError(f"The target's labels must be 0 to {classes - 1}.")
    return F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(logits.dtype)


def entropy(p: Tensor) -> Tensor:
    """Mean over channels of the binary entropy, nats; (B, C, ...) to (B, ...).

    Parameters
    ----------
    p
        Probabilities, (B, C, ...).
    """
    p = as_probabilities(p).clamp(_EPS, 1 - _EPS)
    return -(p * p.log() + (1 - p) * (1 - p).log()).mean(1)


def erroneous(p: Tensor, target: Tensor) -> Tensor:
    """Voxels whose most probable class is wrong; bool (B, ...).

    Parameters
    ----------
    p, target
        Probabilities and one-hot target, (B, C, ...).
    """
    if p.shape[1] == 1:
        return (p[:, 0] >= 0.5) != (target[:, 0] >= 0.5)
    return p.argmax(1) != target.argmax(1)


def entropy_term(p: Tensor, target: Tensor, term: Term, region: Tensor | None = None) -> Tensor:
    """What training raises: a mean over erroneous (MEEP, KL) or all voxels (MEALL).

    Parameters
    ----------
    p, target
        Probabilities and one-hot target, (B, C, ...).
    term
        "meep": mean entropy of erroneous voxels. "meall": of all voxels. "kl": mean log probability of
        erroneous voxels, the negated divergence from uniform but for a constant.
    region
        bool (B, ...): voxels that count; all if None.

    Returns
    -------
    torch.Tensor
        Scalar; 0 with a gradient of 0 where no voxel counts (the published codes give NaN).

    Raises
    ------
    InputError
        If these are no probabilities.
    """
    p, target = as_probabilities(p), as_probabilities(target, "The target")
    if p.shape[1] == 1 and term == "kl":
        values = torch.cat([p, 1 - p], 1).clamp(_EPS, 1 - _EPS).log().mean(1)
    else:
        values = p.clamp(_EPS, 1 - _EPS).log().mean(1) if term == "kl" else entropy(p)
    counts = torch.ones_like(values, dtype=torch.bool) if term == "meall" else erroneous(p.detach(), target)
    if region is not None:
        counts = counts & (region.reshape(counts.shape) > 0)
    return torch.where(counts, values, 0).sum() / counts.sum().clamp_min(1)


def base_loss(name: Base, channels: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Loss of logits and one-hot target by name: "ce", "dice", "dice_ce" (MONAI's defaults), "focal"."""
    from monai.losses import DiceCELoss, DiceLoss, FocalLoss

    several = channels > 1
    if name == "ce":
        return F.cross_entropy if several else F.binary_cross_entropy_with_logits
    if name == "focal":
        return FocalLoss(gamma=2.0, use_softmax=several)  # type: ignore[no-any-return]
    kind = {"dice": DiceLoss, "dice_ce": DiceCELoss}[name]
    return kind(softmax=several, sigmoid=not several)  # type: ignore[no-any-return]


class MaximumEntropyLoss(nn.Module):
    """A base loss minus `weight` times an entropy term.

    Parameters
    ----------
    base
        "ce", "dice", "dice_ce" or "focal"; they come from torch and MONAI (extra `train`).
    term
        "meep", "meall" or "kl", see `entropy_term`.
    weight
        The papers' lambda, 0.3 for cross-entropy.

    Notes
    -----
    Input: logits (B, C, ...), sigmoid for one channel, softmax for several. Target: one-hot of that shape,
    or a label map (B, 1, ...) or (B, ...). Optionally a region for the entropy term, bool (B, 1, ...).

    Raises
    ------
    InputError
        For an unknown base or term, or a target that does not fit.
    """

    def __init__(self, base: Base = "dice_ce", term: Term = "meep", weight: float = 0.3) -> None:
        super().__init__()
        if base not in ("ce", "dice", "dice_ce", "focal"):
            raise InputError(f"The base loss must be 'ce', 'dice', 'dice_ce' or 'focal', not '{base}'.")
        if term not in ("meep", "meall", "kl"):
            raise InputError(f"The entropy term must be 'meep', 'meall' or 'kl', not '{term}'.")
        self.base: Base = base
        self.term: Term = term
        self.weight = weight

    def forward(self, logits: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
        """Loss, a scalar."""
        target = one_hot(target, logits)
        p = probabilities(logits.float())
        base = base_loss(self.base, logits.shape[1])(logits, target)
        return base - self.weight * entropy_term(p, target, self.term, region)
