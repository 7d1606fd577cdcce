"""A network made elsewhere, in the windows that it was trained with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.engines.class_outputs import ClassOutputs
from napari_uncertainseg.networks.engines.converted_network import (
    ConvertedNetwork,
    first_output,
    worth_converting,
)
from napari_uncertainseg.networks.engines.cuda import onto, tried_algorithms
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.dropped_layers import dropped_layers
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.engines.patches import Patches

_WIDTH = 32
"""Feature maps at full resolution that networks made elsewhere usually have."""


class ForeignEngine(Engine):
    """Runs any network that gives a number for each voxel and class.

    Parameters
    ----------
    network
        In eval mode. The engine takes it over: it is moved to the device.
    device
        On the CPU it runs in float32, on CUDA in half precision, as the tools do that such networks are from.
        With OpenVINO only as long as that gives the same numbers as torch: `ConvertedNetwork`.
    channels
        That the network gives.
    target
        Numbers of those that make the target. Of one channel the sigmoid is the probability; of several the
        softmax is, unless `sigmoid` is set.
    patches
        The windows; None for the whole scan at once, as far as memory allows.
    sigmoid
        Whether each of several channels has a probability of its own.
    """

    def __init__(
        self,
        network: nn.Module,
        device: Device,
        *,
        channels: int,
        target: tuple[int, ...],
        patches: Patches | None,
        sigmoid: bool = False,
    ) -> None:
        # Not bf16 on a CPU: the numbers shall be those of the network's own tool.
        device = device if device.kind == "cuda" else device.at("float32")
        device = device if worth_converting(patches) else replace(device, library="torch")
        super().__init__(device, patches=patches, width=_WIDTH)
        self._torch_device = torch.device(device.kind)
        self._network = network.to(self._torch_device)
        self._channels, self._target, self._sigmoid = channels, target, sigmoid or channels == 1
        self.classes = ClassOutputs.of_network(channels, target, overlapping=self._sigmoid)
        self._converted: ConvertedNetwork | None = None
        for module in network.modules():
            if not list(module.children()):
                module.register_forward_pre_hook(self._before_module)

    def heads(self, image: Tensor) -> Tensor:
        """Outputs of the network, float32 (channels, z, y, x)."""
        with self._mode():
            return self._leave(self._run_fastest(onto(image, self._torch_device)), image)

    def dropped(self, image: Tensor, seed: int) -> Tensor:
        """Outputs of one pass with the dropout layers at work, float32 (channels, z, y, x).

        Through torch, as every later run: a converted network has no dropout.
        """
        self._converted, self.device = None, replace(self.device, library="torch")
        with self._mode(), dropped_layers(self._network, seed) as active:
            found = self._leave(first_output(self._run(onto(image, self._torch_device))), image)
        if not active:
            raise InputError("The network has no dropout layer that it uses: choose another method or model.")
        return found

    def _leave(self, found: Any, image: Tensor) -> Tensor:
        self._check_shape(found, image)
        if self._torch_device.type == "cuda":
            torch.cuda.current_stream().synchronize()
        self.check()
        outputs: Tensor = found[0].float()
        return outputs

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self._network

    def differentiable(self, image: Tensor) -> Tensor:
        """Logits of the target, (1, z, y, x), through which gradients flow; not mirrored, in float32."""
        found = first_output(self._run(image))
        self._check_shape(found, image)
        return target_logits(found[0].float(), self._target, sigmoid=self._sigmoid)

    def finish(self, outputs: Tensor) -> Tensor:
        """The target's logits, (1, z, y, x), from those of two classes; those of several as they are."""
        if self.classes is not None:
            return outputs
        return target_logits(outputs, self._target, sigmoid=self._sigmoid)

    def _run_fastest(self, image: Tensor) -> Any:
        """The network's first output, through OpenVINO where that gives it."""
        if self.device.library == "torch":
            return first_output(self._run(image))
        if self._converted is None:
            self._converted = ConvertedNetwork(self._network, self.device, tuple(image.shape))
        found = self._converted.run(image, self._run, self.check)
        if self._converted.given_up:
            self._converted, self.device = None, replace(self.device, library="torch")
        return found

    def _run(self, image: Tensor) -> Any:
        try:
            return self._network(image)
        except (RuntimeError, ValueError) as error:  # the latter of a norm over a single voxel
            # Not only torch's own type: on a CPU it is a RuntimeError that speaks of memory.
            if isinstance(error, torch.OutOfMemoryError) or "alloc" in str(error).lower():
                raise
            size = " x ".join(map(str, image.shape[2:]))
            why = " ".join(str(error).split())[:120]
            raise InputError(f"The network cannot read a window of {size} voxels ({why}).") from error

    def _before_module(self, module: nn.Module, inputs: Any) -> None:
        if self._converted is None or not self._converted.converting:
            self.check()

    def _check_shape(self, found: Any, image: Tensor) -> None:
        wanted = (1, self._channels, *image.shape[2:])
        if not isinstance(found, Tensor) or tuple(found.shape) != wanted:
            given = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise InputError(
                f"The network gives {given} where its model says {wanted}: it is another network."
            )

    @contextlib.contextmanager
    def _mode(self) -> Iterator[None]:
        half = self.device.precision == "fp16"
        with (
            torch.inference_mode(),
            torch.autocast(self._torch_device.type, dtype=torch.float16 if half else None, enabled=half),
            tried_algorithms(self._torch_device, one_size=self.patches is not None),
        ):
            yield


def target_logits(outputs: Tensor, target: tuple[int, ...], *, sigmoid: bool) -> Tensor:
    """Logits whose sigmoid is the probability of the target.

    Parameters
    ----------
    outputs
        float32 (channels, z, y, x), logits.
    target
        Numbers of the channels that make the target.
    sigmoid
        Whether each channel has a probability of its own; otherwise they share one by softmax.

    Returns
    -------
    Tensor
        float32 (1, z, y, x). Of several channels with a sigmoid each the target is where any is, so that the
        largest counts.
    """
    if sigmoid:
        return outputs[list(target)].amax(dim=0, keepdim=True)
    others = [n for n in range(len(outputs)) if n not in target]
    return (outputs[list(target)].logsumexp(dim=0) - outputs[others].logsumexp(dim=0))[None]
