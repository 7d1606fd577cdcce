"""A network as OpenVINO runs it: compiled when it is first needed, in runs that can be stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import numpy as np
from array_api_compat import is_torch_array

from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.engine import Array, Check
from napari_uncertainseg.networks.engines.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

_POLL_MS = 50


class OpenVinoGraph:
    """A network on the CPU.

    Parameters
    ----------
    make
        Converts the network. It is called in another thread, when the network first runs.
    device
        Its precision is a hint to OpenVINO.
    """

    def __init__(self, make: Callable[[], openvino.Model], device: Device) -> None:
        self._make, self._device = make, device
        self._compiled: Future[openvino.CompiledModel] | None = None

    def run(self, inputs: Sequence[Array], check: Check) -> list[Array]:
        """Run it.

        Parameters
        ----------
        inputs
            float32, in the order of the network's own: numpy arrays, or torch tensors on any device.
        check
            Called many times a second; what it raises ends the run.

        Returns
        -------
        list
            The outputs; torch tensors where the first input is one.
        """
        request = self._compile(check).create_infer_request()
        arrays = [_as_numpy(each) for each in inputs]
        request.start_async(dict(enumerate(arrays)), share_inputs=True)
        try:
            while not request.wait_for(_POLL_MS):
                check()
            check()
        except BaseException:
            # A graph with dynamic shapes that was stopped half-way holds shapes of two runs, and fails
            # from then on: it is compiled anew.
            self._compiled = None
            request.cancel()
            with contextlib.suppress(RuntimeError):  # OpenVINO reports the cancelling as an error
                request.wait()
            raise
        # The outputs are views of the request's memory; a request serves one run, and lives as long as they.
        found = [out.data for out in request.output_tensors]
        return _as_tensors(found) if is_torch_array(inputs[0]) else found

    def _compile(self, check: Check) -> openvino.CompiledModel:
        if self._compiled is None:
            pool = ThreadPoolExecutor(1)
            self._compiled = pool.submit(self._compiled_anew)
            pool.shutdown(wait=False)
        # Converting takes seconds and cannot be stopped: who cancels does not wait for it, the next run does.
        while not wait([self._compiled], _POLL_MS / 1000).done:
            check()
        return self._compiled.result()

    def _compiled_anew(self) -> openvino.CompiledModel:
        openvino = import_openvino()
        hint = {"float32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}[self._device.precision]
        return openvino.Core().compile_model(
            self._make(),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": hint,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": self._device.threads,
            },
        )


def _as_numpy(array: Array) -> np.ndarray:
    """The same numbers one after the other in memory, as OpenVINO reads them."""
    return np.ascontiguousarray(array.cpu().numpy() if is_torch_array(array) else array)


def _as_tensors(arrays: Sequence[np.ndarray]) -> list[Array]:
    import torch

    return [torch.from_numpy(array) for array in arrays]
