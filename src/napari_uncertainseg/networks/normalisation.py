"""Batch normalisation whose state is weights alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm(nn.Module):
    """Normalises channels by their mean and variance in training, with a learned scale and shift.

    What a voxel becomes does not depend on the rest of the image: a patch, a tile and a whole brain, with
    few lesions or many, are treated alike. ``torch.nn.BatchNorm3d`` adds a counter to the state and to what
    it loads, which no file of weights has.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, momentum: float = 0.02, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.momentum, self.eps = momentum, eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, channels, z, y, x)."""
        moments, affine = (self.running_mean, self.running_var), (self.weight, self.bias)
        return F.batch_norm(x, *moments, *affine, self.training, self.momentum, self.eps)
