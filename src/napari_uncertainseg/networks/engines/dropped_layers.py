"""The dropout layers of a network made elsewhere, at work while all its other layers are as in prediction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

_ALPHA = (nn.AlphaDropout, nn.FeatureAlphaDropout)
_OF_CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
_LOWEST = -1.7580993408473766
"""What a SELU tends to for large negative values: alpha dropout puts it in the place of what it drops."""


@contextlib.contextmanager
def dropped_layers(network: nn.Module, seed: int) -> Iterator[list[nn.Module]]:
    """Let dropout layers drop, by masks that depend on the seed and their shapes alone.

    Layers stay in eval mode, where dropout passes on what it is given, and a hook drops behind them. So norms
    keep their statistics, and torch's own generator, which others may be using, stays as it is. Windows of
    one size have the same masks, in any order, and so has a GPU: they are drawn on the CPU.

    Parameters
    ----------
    network
        In eval mode.
    seed
        Of the masks.

    Yields
    ------
    list of torch.nn.Module
        The layers that dropped something to pass on; it grows while the network runs.
    """
    generator = torch.Generator().manual_seed(seed)
    active: list[nn.Module] = []

    def drop(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        assert isinstance(layer, _DropoutNd)
        active.append(layer)
        return _dropped(layer, output, generator)

    layers = [m for m in network.modules() if isinstance(m, _DropoutNd) and 0 < m.p < 1]
    with contextlib.ExitStack() as hooks:
        for layer in layers:
            hooks.callback(layer.register_forward_hook(drop).remove)
        yield active


def _dropped(layer: _DropoutNd, values: Tensor, generator: torch.Generator) -> Tensor:
    """What the layer makes of values in training, which torch computes in the same way."""
    shape = list(values.shape)
    if isinstance(layer, _OF_CHANNELS):  # (batch, channels, ...): there is no batch without its axis here
        shape[2:] = [1] * (len(shape) - 2)
    kept = torch.empty(shape, dtype=torch.bool).bernoulli_(1 - layer.p, generator=generator)
    kept = kept.to(values.device)
    if not isinstance(layer, _ALPHA):
        return values.mul(kept).div_(1 - layer.p)
    # Scaled and moved so that mean 0 and variance 1 stay (arXiv 1706.02515, section 3).
    scale = ((1 - layer.p) * (1 + layer.p * _LOWEST**2)) ** -0.5
    return torch.where(kept, values, _LOWEST).mul_(scale).sub_(scale * layer.p * _LOWEST)
