"""Which numbers the 256 levels of a convolution's input should stand for.

One pass over a scan counts what comes into each channel of each convolution within the brain, in bins as wide
as a part of the number itself. Counts of scans add up: levels for any choice of scans, by any rule, follow
from one pass over each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg.networks.engines.int8.whole_numbers import RoundedLayer

LEVELS = 256
SIGNED = 0.2
"""Inputs whose lowest value is further below 0 than this share of the highest: no LeakyReLU made them."""
_KEPT_BITS = 14
"""Of a float32, from its sign on: 5 bits of its fraction, bins are a thirty-second of the number wide."""
_SHIFT, _BINS = 32 - _KEPT_BITS, 1 << _KEPT_BITS
_SMALLEST = 2.0**-13
_LEAST_STEP = 0.02
"""Of a channel, as a share of the largest of its layer: weights of channels that say nothing stay small."""
Counts = Mapping[str, np.ndarray]
"""By ``NAME`` (channels, bins) and by ``NAME ends`` (channels, 2): the lowest and the highest number."""


@dataclass(frozen=True)
class Rule:
    """How levels are chosen.

    Attributes
    ----------
    power
        Of the errors whose sum is to be the smallest; 0 where nothing may be cut off.
    alone
        Whether each channel has steps of its own.
    offset
        Whether levels are moved so that the mean error of what LeakyReLU made is 0.
    """

    power: float
    alone: bool = True
    offset: bool = True

    def layer(self, counts: np.ndarray, ends: np.ndarray, *, transposed: bool) -> RoundedLayer:
        """The levels of a convolution's input."""
        seen = np.flatnonzero(counts.sum(axis=0))
        middle, counted = _middles()[seen], counts[:, seen].astype(float)
        if not self.alone:
            counted, ends = counted.sum(axis=0)[None], np.array([[ends[:, 0].min(), ends[:, 1].max()]])
        low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
        if low < -SIGNED * high:
            zero = round((LEVELS - 1) * low / (low - high))
            steps = np.array(
                [self._signed_step(middle, *one, zero) for one in zip(counted, ends, strict=True)]
            )
        else:
            tops = [self._top(middle, c, e[1]) for c, e in zip(counted, ends, strict=True)]
            # What LeakyReLU leaves below 0 is small and common: it is hardly ever cut off.
            steps = np.maximum((np.array(tops) - ends[:, 0]) / (LEVELS - 1), 1e-6)
            zero = max(1, int(np.ceil(np.quantile(-ends[:, 0] / steps, 0.9))))
        steps = np.maximum(steps, _LEAST_STEP * steps.max())
        offsets: tuple[float, ...] = ()
        if self.offset and not transposed and low >= -SIGNED * high:
            all_steps = np.broadcast_to(steps, len(counts))
            parts = zip(counts[:, seen].astype(float), all_steps, strict=True)
            offsets = tuple(float(f"{_offset(middle, c, step, zero):.4g}") for c, step in parts)
        return RoundedLayer(steps=tuple(float(f"{s:.5g}") for s in steps), zero=zero, offsets=offsets)

    def _signed_step(self, middle: np.ndarray, count: np.ndarray, ends: np.ndarray, zero: int) -> float:
        above = self._top(middle, count, ends[1]) / (LEVELS - 1 - zero)
        return max(above, self._top(-middle, count, -ends[0]) / zero, 1e-6)

    def _top(self, middle: np.ndarray, count: np.ndarray, highest: float) -> float:
        """The highest level for which the sum of the power of the errors is the smallest."""
        if not self.power or highest <= 0:
            return highest
        best = (np.inf, highest)
        for share in np.linspace(0.2, 1, 33):
            top = highest * share
            half = top / (LEVELS - 1) / 2
            cut = np.maximum(middle - top, 0)
            # Where nothing is cut, errors are spread evenly over a step: more exact than bins are wide.
            error = np.where(cut > half, cut**self.power, half**self.power / (self.power + 1))
            best = min(best, (float(error @ count), top))
        return best[1]


def _middles() -> np.ndarray:
    """The number in the middle of each bin."""
    bits = np.arange(_BINS, dtype=np.uint32) << np.uint32(_SHIFT)
    found = (bits + np.uint32(1 << (_SHIFT - 1))).view(np.float32)
    found = np.where(np.isfinite(found), found, 0).astype(float)  # no input is infinite: those bins are empty
    found[[0, _BINS // 2]] = 0
    return found


def _offset(middle: np.ndarray, count: np.ndarray, step: float, zero: int) -> float:
    """What the level of 0 stands for when the mean error is 0."""
    tried = np.linspace(-1, 0.25, 51)[:, None] * step
    levels = np.clip(np.round((middle - tried) / step) + zero, 0, LEVELS - 1) - zero
    errors = (levels * step + tried - middle) @ count
    return float(tried[np.abs(errors).argmin(), 0])


def convolutions(network: nn.Module) -> dict[str, nn.Module]:
    """All convolutions by name, but those of the heads at lower resolutions."""
    kinds = (nn.Conv3d, nn.ConvTranspose3d)
    found = {name: one for name, one in network.named_modules() if isinstance(one, kinds)}
    return {name: one for name, one in found.items() if not name.startswith("layer_heads")}


def count_inputs(
    network: nn.Module, names: Sequence[str], image: Tensor, brain: Tensor
) -> dict[str, np.ndarray]:
    """Count what comes into layers.

    Parameters
    ----------
    network, names
        And which of its convolutions.
    image
        (1, channels, z, y, x), its sides as the network takes them.
    brain
        bool (z, y, x).
    """
    found: dict[str, np.ndarray] = {}
    layers = convolutions(network)

    def note(name: str, x: Tensor) -> None:
        inside = F.adaptive_avg_pool3d(brain[None, None].float(), x.shape[2:])[0, 0] > 0.5
        values = x[0][:, inside].contiguous()
        found[f"{name} ends"] = torch.stack([values.amin(1), values.amax(1)], 1).numpy()
        values[values.abs() < _SMALLEST] = 0
        bins = (values.view(torch.int32) >> _SHIFT & (_BINS - 1)).long()
        bins += torch.arange(len(bins))[:, None] * _BINS
        counts = torch.bincount(bins.flatten(), minlength=len(bins) * _BINS)
        found[name] = counts.view(len(bins), _BINS).numpy().astype(np.int32)

    def hook(name: str) -> Any:
        return layers[name].register_forward_pre_hook(lambda m, x: note(name, x[0]))

    hooks = [hook(name) for name in names]
    try:
        with torch.inference_mode():
            network(image)
    finally:
        for one in hooks:
            one.remove()
    return found


def rounded_layers(
    network: nn.Module, counted: Sequence[Counts], names: Sequence[str], rule: Rule
) -> dict[str, RoundedLayer]:
    """Levels of layers from the counts of several scans."""
    layers, known = {}, convolutions(network)
    for name in names:
        ends = np.stack([one[f"{name} ends"] for one in counted])
        counts = np.sum([one[name].astype(np.int64) for one in counted], axis=0)
        both = np.stack([ends[..., 0].min(axis=0), ends[..., 1].max(axis=0)], axis=1)
        transposed = isinstance(known[name], nn.ConvTranspose3d)
        layers[name] = rule.layer(counts, both, transposed=transposed)
    return layers
