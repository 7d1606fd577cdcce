"""A multi-head network through torch, on the CPU or on CUDA."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_uncertainseg.networks.engines.cuda import channels_together, onto
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.engine import Array, Encoded, Engine
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.networks.multihead_parts import Layers

_DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine(Engine):
    """Runs a `MultiHeadUNet` with torch, on the CPU or on CUDA.

    Parameters
    ----------
    network
        In eval mode. The engine takes it over: it is moved to the device.
    device
        Where and how.
    """

    def __init__(self, network: MultiHeadUNet, device: Device) -> None:
        super().__init__(device, **network.sizes)
        self._torch_device = torch.device(device.kind)
        self._network = network.to(self._torch_device)
        for parameter in network.parameters():
            if parameter.ndim == 5:
                parameter.data = channels_together(parameter.data)
        self._layers = Layers(network)
        for module in network.modules():
            if not list(module.children()):
                module.register_forward_pre_hook(self._before_module)

    def _before_module(self, module: nn.Module, inputs: Any) -> None:
        self.check()

    @contextlib.contextmanager
    def _mode(self) -> Iterator[None]:
        dtype = _DTYPES[self.device.precision]
        with (
            torch.inference_mode(),
            torch.autocast(self._torch_device.type, dtype=dtype, enabled=dtype != torch.float32),
        ):
            yield

    def _enter(self, image: Tensor) -> Tensor:
        return channels_together(onto(image, self._torch_device))

    def _leave(self, logits: Tensor) -> Tensor:
        if self._torch_device.type == "cuda":
            # Kernels are queued: without this, cancelling would wait for all of them, unseen.
            torch.cuda.current_stream().synchronize()
        self.check()
        return logits[0].float().contiguous()

    def _place_all(self, masks: Sequence[Array]) -> list[Tensor]:
        return [torch.as_tensor(mask).to(self._torch_device) for mask in masks]

    def heads(self, image: Tensor) -> Tensor:
        """Logits of the heads."""
        with self._mode():
            return self._leave(self._network(self._enter(image)))

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self._network

    def differentiable(self, image: Tensor) -> Tensor:
        """Logits of the heads of all styles, through which gradients flow, in float32."""
        logits: Tensor = self._network(channels_together(image))[0]
        return logits

    def layers(self, image: Tensor) -> Tensor:
        """Logits of the heads and depths."""
        with self._mode():
            return self._leave(self._layers(self._enter(image)))

    def encode(self, image: Tensor) -> Encoded:
        """Run all that does not depend on dropout."""
        with self._mode():
            return self._network.encode(self._enter(image))

    def decode(self, encoded: Encoded, masks: Sequence[Array]) -> Tensor:
        """Logits of the heads under dropout masks."""
        with self._mode():
            return self._leave(self._network.decode(encoded, self._place_all(masks)))
