"""Average calibration error as a loss: mL1-ACE, hard- and soft-binned.

After Barfoot et al., MICCAI 2024 (arXiv 2403.06759) and arXiv 2506.03942. MONAI has the metric, no loss yet.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities, check_same_shape
from napari_uncertainseg.training.maximum_entropy import one_hot, probabilities

Binning = Literal["hard", "soft"]
_EPS = float(torch.finfo(torch.float32).eps)
_LEAST_WEIGHT = 0.01
"""Soft bins that hold less than this many voxels count as empty."""
LEAST_IN_TRAINING = 2.0
"""Likewise in training, where one voxel in a bin says nothing."""


def binned(
    probability: Tensor, target: Tensor, *, bins: int = 20, binning: Binning = "soft"
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum probabilities and targets in bins of equal width.

    Parameters
    ----------
    probability, target
        (n,), 0 to 1.
    bins
        Number of bins on [0, 1]; hard ones hold what is above their lower and not above their upper edge.
    binning
        "hard" puts a voxel into one bin; "soft" shares it linearly between the two nearest bin centres.

    Returns
    -------
    tuple
        Sums of probability and target, and the number (weight) of voxels; each (bins,).

    Raises
    ------
    InputError
        If the probabilities or targets are none, such as NaN, or their shapes differ.
    """
    probability, target = as_probabilities(probability), as_probabilities(target, "The target")
    check_same_shape("The target", target.shape, "the probability", probability.shape)
    values = torch.stack([probability, target.to(probability.dtype), torch.ones_like(probability)])
    sums = values.new_zeros(3, bins)
    if binning == "hard":
        edges = torch.linspace(0, 1 + _EPS, bins + 1, device=probability.device)[1:]
        sums = sums.index_add(1, torch.bucketize(probability.detach(), edges), values)
    else:
        place = (probability * bins - 0.5).clamp(0, bins - 1)
        low = place.detach().floor().clamp(max=max(0, bins - 2)).long()
        upper = place - low
        sums = sums.index_add(1, low, values * (1 - upper))
        sums = sums.index_add(1, (low + 1).clamp(max=bins - 1), values * upper)
    return sums[0], sums[1], sums[2]


def calibration_error(
    probability: Tensor,
    target: Tensor,
    *,
    bins: int = 20,
    binning: Binning = "soft",
    least: float = _LEAST_WEIGHT,
) -> Tensor:
    """Mean over bins of the gap between mean probability and mean target; empty bins do not count.

    Parameters
    ----------
    probability, target, bins, binning
        See `binned`.
    least
        Soft bins with less weight than this many voxels count as empty.

    Returns
    -------
    torch.Tensor
        Scalar; 0 with a gradient of 0 where there is no voxel.
    """
    total, positive, weight = binned(probability, target, bins=bins, binning=binning)
    seen = weight.detach() >= (1 if binning == "hard" else least)
    safe = torch.where(seen, weight, 1)
    gaps = torch.where(seen, (total - positive) / safe, 0).abs()
    return gaps.sum() / seen.sum().clamp_min(1)


def soft_calibration_error(
    probability: Tensor, target: Tensor, region: Tensor, *, bins: int = 20, least: float = LEAST_IN_TRAINING
) -> Tensor:
    """Soft-binned error of each image in a region, averaged over the batch.

    Parameters
    ----------
    probability, target
        (B, ...), 0 to 1.
    region
        Above 0, (B, ...): the voxels that count.
    bins, least
        See `calibration_error`.
    """
    return torch.stack(
        [
            calibration_error(p[inside], y[inside], bins=bins, least=least)
            for p, y, inside in zip(probability, target, region > 0, strict=True)
        ]
    ).mean()


class AverageCalibrationLoss(nn.Module):
    """mL1-ACE: the calibration error of each image and class, averaged.

    Add it to a base loss; the papers weigh Dice, cross-entropy and this one alike.

    Parameters
    ----------
    bins
        Number of bins.
    binning
        "hard" or "soft", see `binned`.
    include_background
        Whether class 0 counts, where there are several classes.
    ignore_empty_classes
        Classes absent from an image add 0, and still count in the mean, as in the authors' code.

    Notes
    -----
    Input: logits (B, C, ...), sigmoid for one channel, softmax for several. Target: one-hot of that shape,
    or a label map (B, 1, ...) or (B, ...). Optionally a region, bool (B, 1, ...) or (B, ...).

    Raises
    ------
    InputError
        For an unknown binning, or a target that does not fit.
    """

    def __init__(
        self,
        bins: int = 20,
        binning: Binning = "soft",
        *,
        include_background: bool = True,
        ignore_empty_classes: bool = True,
    ) -> None:
        super().__init__()
        if binning not in ("hard", "soft"):
            raise InputError(f"Binning must be 'hard' or 'soft', not '{binning}'.")
        self.bins = bins
        self.binning: Binning = binning
        self.include_background = include_background
        self.ignore_empty_classes = ignore_empty_classes

    def forward(self, logits: Tensor, target: Tensor, region: Tensor | None = None) -> Tensor:
        """Loss, a scalar."""
        p, y = probabilities(logits.float()), one_hot(target, logits)
        inside = torch.ones_like(y[:, 0], dtype=torch.bool) if region is None else _flat_region(region, y)
        first = 0 if self.include_background or p.shape[1] == 1 else 1
        errors = []
        for b in range(len(p)):
            for c in range(first, p.shape[1]):
                pc, yc = p[b, c][inside[b]], y[b, c][inside[b]]
                error = calibration_error(pc, yc, bins=self.bins, binning=self.binning)
                absent = self.ignore_empty_classes and not bool((yc > 0).any())
                errors.append(error * 0 if absent else error)
        return torch.stack(errors).mean()


def _flat_region(region: Tensor, one_hot_target: Tensor) -> Tensor:
    return region.reshape(one_hot_target[:, 0].shape) > 0
