"""Run a network through torch or OpenVINO, behind one small interface.

Tensors go in and come out as torch tensors; logits are float32. A run can be stopped: `check` is called
many times a second while the network runs, and what it raises (:class:`Cancelled`) ends the run at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from napari_uncertainseg.networks.engines.conversion import Layers, Part, converted
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

    from napari_uncertainseg.networks.model import Model
    from napari_uncertainseg.networks.multihead import MultiHeadUNet

Check = Callable[[], None]
Encoded = tuple[Any, ...]
"""What an engine's `encode` returned; only the same engine can read it."""

_POLL_MS = 50
_DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def never() -> None:
    """Let every run end by itself."""


class Engine(Protocol):
    """One network, ready to run.

    Images are float32 (1, channels, z, y, x) on any device; sizes are multiples of `divisor` and at
    least `smallest`.
    """

    device: Device
    divisor: int
    smallest: int
    heads_count: int
    depths_count: int
    width: int
    mask_shapes: tuple[tuple[int, ...], ...]
    check: Check

    def heads(self, image: Tensor) -> Tensor:
        """Logits of the heads, float32 (heads, z, y, x)."""

    def layers(self, image: Tensor) -> Tensor:
        """Logits of the heads, then of every decoder depth, float32 (heads + depths, z, y, x)."""

    def encode(self, image: Tensor) -> Encoded:
        """Run all that does not depend on dropout."""

    def decode(self, encoded: Encoded, masks: Sequence[Tensor]) -> Tensor:
        """Logits of the heads under dropout masks, float32 (heads, z, y, x)."""


class _Shared:
    """What both engines know of their network."""

    def __init__(self, network: MultiHeadUNet, device: Device) -> None:
        self.device = device
        self.divisor = network.divisor
        self.smallest = network.smallest
        self.heads_count = network.heads.out_channels
        self.depths_count = 1 + len(network.layer_heads)
        self.mask_shapes = network.mask_shapes
        self.width = network.features[0]
        self.check: Check = never


class TorchEngine(_Shared):
    """Runs a network with torch, on the CPU or on CUDA.

    Parameters
    ----------
    network
        In eval mode. The engine takes it over: it is moved to the device.
    device
        Where and how.
    """

    def __init__(self, network: MultiHeadUNet, device: Device) -> None:
        super().__init__(network, device)
        self._place = torch.device(device.kind)
        self._network = network.to(self._place)
        for parameter in network.parameters():
            if parameter.ndim == 5:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
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
            torch.autocast(self._place.type, dtype=dtype, enabled=dtype != torch.float32),
        ):
            yield

    def _enter(self, image: Tensor) -> Tensor:
        return image.to(self._place).contiguous(memory_format=torch.channels_last_3d)

    def _leave(self, logits: Tensor) -> Tensor:
        if self._place.type == "cuda":
            # Kernels are queued: without this, cancelling would wait for all of them, unseen.
            torch.cuda.current_stream().synchronize()
        self.check()
        return logits[0].float().contiguous()

    def heads(self, image: Tensor) -> Tensor:
        """Logits of the heads."""
        with self._mode():
            return self._leave(self._network(self._enter(image)))

    def layers(self, image: Tensor) -> Tensor:
        """Logits of the heads and depths."""
        with self._mode():
            return self._leave(self._layers(self._enter(image)))

    def encode(self, image: Tensor) -> Encoded:
        """Run all that does not depend on dropout."""
        with self._mode():
            return self._network.encode(self._enter(image))

    def decode(self, encoded: Encoded, masks: Sequence[Tensor]) -> Tensor:
        """Logits of the heads under dropout masks."""
        with self._mode():
            return self._leave(self._network.decode(encoded, [m.to(self._place) for m in masks]))


class OpenVinoEngine(_Shared):
    """Runs a network with OpenVINO on the CPU.

    The network is converted when a method first needs it, and the result is kept in the user's cache,
    under the hash of the weights and the versions that made it. Shapes stay dynamic: one compilation
    serves every brain (measured: as fast as static shapes, which would compile anew for each).

    Parameters
    ----------
    model, index
        Which network.
    device
        Its precision is a hint to OpenVINO.
    network
        The network itself, if it is built already.
    """

    def __init__(
        self, model: Model, device: Device, index: int = 0, network: MultiHeadUNet | None = None
    ) -> None:
        self._network = model.network(index) if network is None else network
        super().__init__(self._network, device)
        self._key = model.weight_sha256(index)
        self._compiled: dict[str, openvino.CompiledModel] = {}

    def heads(self, image: Tensor) -> Tensor:
        """Logits of the heads."""
        return self._run("heads", [image])[0]

    def layers(self, image: Tensor) -> Tensor:
        """Logits of the heads and depths."""
        return self._run("layers", [image])[0]

    def encode(self, image: Tensor) -> Encoded:
        """Run all that does not depend on dropout."""
        return tuple(self._run("encode", [image], whole=True))

    def decode(self, encoded: Encoded, masks: Sequence[Tensor]) -> Tensor:
        """Logits of the heads under dropout masks."""
        return self._run("decode", [*encoded, *masks])[0]

    def _run(self, part: Part, inputs: Sequence[Tensor], whole: bool = False) -> list[Tensor]:
        """Run one part of the network; its outputs, without the batch axis unless `whole`."""
        request = self._compile(part).create_infer_request()
        arrays = [tensor.cpu().contiguous().numpy() for tensor in inputs]
        request.start_async(dict(enumerate(arrays)), share_inputs=True)
        try:
            while not request.wait_for(_POLL_MS):
                self.check()
            self.check()
        except BaseException:
            # A graph with dynamic shapes that was stopped half-way holds shapes of two runs, and fails
            # from then on: it is compiled anew.
            self._compiled.pop(part, None)
            request.cancel()
            with contextlib.suppress(RuntimeError):  # OpenVINO reports the cancelling as an error
                request.wait()
            raise
        # The outputs are views of the request's memory; a request serves one run, and lives as long as they.
        found = [torch.from_numpy(out.data) for out in request.output_tensors]
        return found if whole else [x[0] for x in found]

    def _compile(self, part: Part) -> openvino.CompiledModel:
        if part not in self._compiled:
            # Converting takes seconds and cannot be stopped: who cancels does not wait for it.
            pool = ThreadPoolExecutor(1)
            future = pool.submit(self._make, part)
            pool.shutdown(wait=False)
            while not wait([future], _POLL_MS / 1000).done:
                self.check()
            self._compiled[part] = future.result()
        return self._compiled[part]

    def _make(self, part: Part) -> openvino.CompiledModel:
        openvino = import_openvino()
        hint = {"float32": "f32", "bf16": "bf16", "fp16": "f16"}[self.device.precision]
        return openvino.Core().compile_model(
            converted(self._network, part, self._key),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": hint,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": self.device.threads,
            },
        )


def make_engine(model: Model, device: Device, index: int = 0) -> Engine:
    """Build one of a model's networks and make it ready for a device."""
    if device.library == "openvino":
        return OpenVinoEngine(model, device, index)
    return TorchEngine(model.network(index), device)
