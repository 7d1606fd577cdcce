"""A multi-head network through OpenVINO, on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.networks.engines.conversion import converted
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.engine import Array, Encoded, Engine
from napari_uncertainseg.networks.engines.int8.rounded_graph import Rounding
from napari_uncertainseg.networks.engines.openvino_graph import OpenVinoGraph

if TYPE_CHECKING:
    import openvino

    from napari_uncertainseg.networks.multihead import MultiHeadUNet
    from napari_uncertainseg.networks.multihead_parts import Part


class OpenVinoEngine(Engine):
    """Runs a `MultiHeadUNet` with OpenVINO on the CPU.

    The network is converted when a method first needs it, and the result is kept in the user's cache,
    under the hash of weights, shape and the versions that made it. Shapes stay dynamic: one compilation
    serves every brain (measured: as fast as static shapes, which would compile anew for each).

    Parameters
    ----------
    network
        Builds it, in eval mode, float32, on the CPU. Called only where a part has to be converted, which
        loads torch.
    device
        Its precision is a hint to OpenVINO.
    key
        Hash of the weights and of the network's shape.
    sizes
        Of the network, see `multihead_sizes`.
    rounding
        How its convolutions compute in int8; None where nobody measured it: the network then runs in float32.
    """

    def __init__(
        self,
        network: Callable[[], MultiHeadUNet],
        device: Device,
        *,
        key: str,
        sizes: Mapping[str, Any],
        rounding: Rounding | None = None,
    ) -> None:
        super().__init__(device if rounding else device.without_int8(), **sizes)
        self._network, self._key, self._rounding = network, key, rounding
        self._graphs: dict[str, OpenVinoGraph] = {}

    def place(self, image: np.ndarray) -> np.ndarray:
        """The image itself: OpenVINO reads numpy arrays."""
        return image

    def heads(self, image: Array) -> Array:
        """Logits of the heads."""
        return self._run("heads", [image])[0][0]

    def layers(self, image: Array) -> Array:
        """Logits of the heads and depths."""
        return self._run("layers", [image])[0][0]

    def encode(self, image: Array) -> Encoded:
        """Run all that does not depend on dropout."""
        return tuple(self._run("encode", [image]))

    def decode(self, encoded: Encoded, masks: Sequence[Array]) -> Array:
        """Logits of the heads under dropout masks."""
        return self._run("decode", [*encoded, *masks])[0][0]

    def _run(self, part: Part, inputs: Sequence[Array]) -> list[Array]:
        """Run one part of the network; its outputs, with the batch axis."""
        if part != "heads":  # what int8 costs was measured for the heads alone
            self.device = self.device.without_int8()
        if part not in self._graphs:
            self._graphs[part] = OpenVinoGraph(partial(self._graph, part), self.device)
        return self._graphs[part].run(inputs, self.check)

    def _graph(self, part: Part) -> openvino.Model:
        """One part of the network, rounded where the device says so."""
        if self._rounding is not None and self.device.precision == "int8":
            try:
                return self._rounding.of(converted(self._network, part, self._key, merged=False))
            except (ValueError, RuntimeError):  # another version of OpenVINO makes other graphs
                self.device = self.device.without_int8()
        # In bf16 merged weights round a twentieth worse, and in int8 each step was measured by itself.
        return converted(self._network, part, self._key, merged=self.device.precision == "float32")
