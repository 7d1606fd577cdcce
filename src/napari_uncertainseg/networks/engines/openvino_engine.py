"""A multi-head network through OpenVINO, on the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_uncertainseg.networks.engines.conversion import Part, converted
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.engine import Encoded, Engine
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.multihead import MultiHeadUNet

if TYPE_CHECKING:
    import openvino

_POLL_MS = 50


class OpenVinoEngine(Engine):
    """Runs a `MultiHeadUNet` with OpenVINO on the CPU.

    The network is converted when a method first needs it, and the result is kept in the user's cache,
    under the hash of the weights and the versions that made it. Shapes stay dynamic: one compilation
    serves every brain (measured: as fast as static shapes, which would compile anew for each).

    Parameters
    ----------
    network
        In eval mode, float32, on the CPU.
    device
        Its precision is a hint to OpenVINO.
    key
        Hash of the weights.
    """

    def __init__(self, network: MultiHeadUNet, device: Device, *, key: str) -> None:
        super().__init__(device, **network.sizes)
        self._network, self._key = network, key
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
