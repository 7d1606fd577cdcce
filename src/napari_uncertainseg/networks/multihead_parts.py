"""The parts of a multi-head network that are converted to OpenVINO one by one. Knows torch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from napari_uncertainseg.networks.engines.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

    from napari_uncertainseg.networks.multihead import MultiHeadUNet

Part = Literal["heads", "layers", "encode", "decode"]


class Layers(nn.Module):
    """Heads and depths of one plain pass, together at full resolution."""

    def __init__(self, network: MultiHeadUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Logits (1, styles * (heads + depths), z, y, x)."""
        heads, deeper = self.network.decode_layers(self.network.encode(image))
        return torch.cat([heads, self.network.depths(heads, deeper)], dim=1)


class _Encode(nn.Module):
    def __init__(self, network: MultiHeadUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.network.encode(image)


class _Decode(nn.Module):
    """`decode` with laterals and masks as one flat list of inputs."""

    def __init__(self, network: MultiHeadUNet) -> None:
        super().__init__()
        self.network = network
        self.split = len(network.features)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.network.decode(inputs[: self.split], inputs[self.split :])


def convert(network: MultiHeadUNet, part: Part) -> openvino.Model:
    """One part of a network, in eval mode on the CPU, as an OpenVINO graph."""
    example = torch.zeros(1, network.in_channels, *[2 * network.smallest] * 3)
    if part == "decode":
        with torch.no_grad():
            laterals = network.encode(example)
        masks = [torch.ones(shape) for shape in network.mask_shapes]
        return _trace(_Decode(network), (*laterals, *masks))
    modules: dict[str, nn.Module] = {"heads": network, "layers": Layers(network), "encode": _Encode(network)}
    return _trace(modules[part], (example,))


def _trace(module: nn.Module, example: tuple[Tensor, ...]) -> openvino.Model:
    openvino = import_openvino()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of Python values, which are constants of the network
        return openvino.convert_model(module.eval(), example_input=example)
