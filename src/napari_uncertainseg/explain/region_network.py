"""A network of ours that gives the logits of a small box only, with a small part of the work.

Saliency and context ask for the logits of a lesion, thousands of times fewer than the window has voxels.
The encoder has to run on all of the window; of each stage of the decoder only what the box depends on is
computed. Norms, which are fixed after training, become part of the convolutions before them. The result is
that of the network itself, up to the rounding of float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg._boxes import Box
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.multihead import DecoderStage, MultiHeadUNet, ThinStage
from napari_uncertainseg.networks.normalisation import BatchNorm

_SLOPE = 0.01
"""Of the activations of `MultiHeadUNet`."""
Triple = tuple[int, int, int]
_ORIGIN: Triple = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class _Part:
    """Features in a box of a level, and where the box begins."""

    values: Tensor
    start: Triple

    def cut(self, box: Box) -> _Part:
        z, y, x = (slice(b.start - at, b.stop - at) for b, at in zip(box, self.start, strict=True))
        return _Part(self.values[..., z, y, x], _start(box))


@dataclass(frozen=True, eq=False)
class _Convolution:
    weight: Tensor
    bias: Tensor | None = None
    stride: int = 1

    def at(self, box: Box, part: _Part, sides: Triple) -> Tensor:
        """Its outputs in a box of a level with these sides; beyond them are zeros."""
        values = part.cut(_grown(box, sides)).values
        z, y, x = ((int(b.start == 0), int(b.stop == n)) for b, n in zip(box, sides, strict=True))
        if z == y == x == (1, 1):
            return F.conv3d(values, self.weight, self.bias, padding=1)
        return F.conv3d(F.pad(values, (*x, *y, *z)), self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class _Stage:
    """Of the decoder; without `own` it only adds what comes from below to the skip."""

    up: Tensor
    lateral: _Convolution
    own: _Convolution | None


@dataclass(frozen=True, eq=False)
class RegionNetwork:
    """Logits of a `MultiHeadUNet` in a box.

    Attributes
    ----------
    engine
        Its `check` is called before each layer.
    box
        Of the window.
    size
        Sides of the window, voxels, as the network takes them.
    """

    engine: Engine
    box: Box
    size: Triple
    _encoder: tuple[tuple[_Convolution, ...], ...]
    _decoder: tuple[_Stage, ...]
    _heads: _Convolution

    @classmethod
    def of(
        cls, engine: Engine, box: Box, size: Triple, heads: slice, *, mean: bool = False
    ) -> RegionNetwork | None:
        """Make it from an engine's network; None where that is no `MultiHeadUNet` in eval mode.

        Parameters
        ----------
        engine
            Torch runs its network.
        box
            Of the window, in whose voxels logits are asked for.
        size
            Sides of the window.
        heads
            Which of the outputs are given.
        mean
            Whether their mean is given in their place: heads are linear, so that it is one head.
        """
        network = engine.network
        if not isinstance(network, MultiHeadUNet) or network.training:
            return None
        weight, bias = network.heads.weight.detach()[heads], network.heads.bias
        assert bias is not None
        bias = bias.detach()[heads]
        if mean:
            weight, bias = weight.mean(0, keepdim=True), bias.mean(0, keepdim=True)
        encoder = tuple(_blocks(stage) for stage in network.encoder)
        pairs = zip(network.decoder, network.laterals, strict=True)
        return cls(
            engine,
            box,
            size,
            encoder,
            tuple(_stage(stage, lateral) for stage, lateral in pairs),
            _Convolution(weight, bias),
        )

    def __call__(self, images: Tensor) -> Tensor:
        """Logits in the box.

        Parameters
        ----------
        images
            float32 (copies, channels, z, y, x), windows of `size`.

        Returns
        -------
        Tensor
            float32 (copies, heads, z, y, x) of the box; one head for the mean.
        """
        skips, x = [], images
        for block in self._encoder:
            for one in block:
                self.engine.check()
                x = F.conv3d(x, one.weight, one.bias, stride=one.stride, padding=1)
                x = F.leaky_relu(x, _SLOPE, inplace=True)
            skips.append(x)
        *boxes, deepest = self._boxes()
        part = _Part(x, _ORIGIN).cut(deepest)
        for stage, skip, box in reversed(list(zip(self._decoder, skips, boxes, strict=False))):
            self.engine.check()
            sides = _sides(skip)
            lateral = stage.lateral.at(box, _Part(skip, _ORIGIN), sides)
            above = _Part(F.conv_transpose3d(part.values, stage.up, stride=2), _doubled(part.start))
            own = above.cut(box).values if stage.own is None else stage.own.at(box, above, sides)
            part = _Part(F.leaky_relu(lateral + own, _SLOPE, inplace=True), _start(box))
        return self._heads.at(self.box, part, self.size)

    def _boxes(self) -> list[Box]:
        """What is needed of each stage of the decoder, the finest first, and of the bottleneck."""
        sides = self.size
        boxes = [_grown(self.box, sides)]
        for stage in self._decoder:
            above = boxes[-1] if stage.own is None else _grown(boxes[-1], sides)
            z, y, x = (slice(one.start // 2, -(-one.stop // 2)) for one in above)
            boxes.append((z, y, x))
            sides = (sides[0] // 2, sides[1] // 2, sides[2] // 2)
        return boxes


def _blocks(stage: nn.Module) -> tuple[_Convolution, ...]:
    """The convolutions of a stage of the encoder, with their norms."""
    found = []
    for block in stage.children():
        convolution, norm, _ = block.children()
        assert isinstance(convolution, nn.Conv3d) and isinstance(norm, BatchNorm)
        scale, shift = _linear(norm)
        found.append(_Convolution(_scaled(convolution, scale), shift, convolution.stride[0]))
    return tuple(found)


def _stage(stage: nn.Module, lateral: nn.Module) -> _Stage:
    """A stage of the decoder and the convolution of its skip, with the norm of their sum."""
    assert isinstance(lateral, nn.Conv3d)
    if not isinstance(stage, DecoderStage):
        assert isinstance(stage, ThinStage) and lateral.bias is not None
        return _Stage(
            stage.up.weight.detach(), _Convolution(lateral.weight.detach(), lateral.bias.detach()), None
        )
    scale, shift = _linear(stage.norm)
    own = _Convolution(_scaled(stage.convolution, scale))
    return _Stage(stage.up.weight.detach(), _Convolution(_scaled(lateral, scale), shift), own)


def _linear(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Factor and shift of each channel."""
    scale = norm.weight.detach() * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias.detach() - norm.running_mean * scale


def _scaled(convolution: nn.Conv3d, scale: Tensor) -> Tensor:
    return convolution.weight.detach() * scale[:, None, None, None, None]


def _sides(values: Tensor) -> Triple:
    z, y, x = values.shape[2:]
    return z, y, x


def _start(box: Box) -> Triple:
    return box[0].start, box[1].start, box[2].start


def _doubled(place: Triple) -> Triple:
    return 2 * place[0], 2 * place[1], 2 * place[2]


def _grown(box: Box, sides: Triple) -> Box:
    """One voxel more on each side, where there is one."""
    z, y, x = (slice(max(0, one.start - 1), min(n, one.stop + 1)) for one, n in zip(box, sides, strict=True))
    return z, y, x
