"""A network made elsewhere through OpenVINO, as long as it gives the same numbers as torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.engine import Check, NotedCheck
from napari_uncertainseg.networks.engines.openvino_graph import OpenVinoGraph
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.engines.rewritten.exact_norms import exact_norms

CLOSE = 0.001
"""Logits that differ by no more are the same: no probability then differs by more than 0.0005."""
SMALLEST = 32**3
"""Voxels of windows that are worth the seconds that a conversion takes."""


class ConvertedNetwork:
    """A network, converted when its first window comes and compared with torch on that window.

    Parameters
    ----------
    network
        In eval mode, float32, on the CPU.
    device
        The CPU through OpenVINO.
    shape
        Of the windows, (1, channels, z, y, x). The graph is made for them alone.
    """

    def __init__(self, network: nn.Module, device: Device, shape: tuple[int, ...]) -> None:
        self._network, self._shape = network, shape
        self._graph: OpenVinoGraph | None = OpenVinoGraph(self._converted, device)
        self._compared = False
        self.converting = False
        """Whether the network runs only to be converted."""

    @property
    def given_up(self) -> bool:
        """Whether it cannot be converted, or gave other numbers."""
        return self._graph is None

    def run(self, image: Tensor, by_torch: Callable[[Tensor], Any], check: Check) -> Any:
        """Run it; by torch where OpenVINO cannot, or gives other numbers.

        Parameters
        ----------
        image
            float32 (1, channels, z, y, x).
        by_torch
            Runs the network.
        check
            Called many times a second; what it raises ends the run.

        Returns
        -------
        Tensor, or whatever the network gives
            Its first output, (1, channels, z, y, x), where that is a tensor.
        """
        if tuple(image.shape) != self._shape or self._graph is None:
            return first_output(by_torch(image))
        found = self._by_openvino(image, check)
        if self._compared and found is not None:
            return found
        wanted = first_output(by_torch(image))
        self._compared = found is not None and _same(found, wanted)
        if self._compared:
            return found  # as every later run gives it
        self._graph = None
        return wanted

    def _by_openvino(self, image: Tensor, check: Check) -> Tensor | None:
        """Its output; None where it cannot be converted or run."""
        look = NotedCheck(check)
        assert self._graph is not None
        try:
            return self._graph.run([image], look)[0]
        except Exception:  # OpenVINO has many of its own
            if look.ended:
                raise
            return None

    def _converted(self) -> Any:
        openvino = import_openvino()
        self.converting = True
        try:
            with warnings.catch_warnings(), torch.no_grad(), exact_norms(self._network):
                # Tracing warns of Python values: with windows of one shape they are constants.
                warnings.simplefilter("ignore")
                example = torch.zeros(self._shape)
                return openvino.convert_model(
                    _FirstOutput(self._network).eval(), example_input=example, input=[self._shape]
                )
        finally:
            self.converting = False


class _FirstOutput(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Any:
        return first_output(self.network(image))


def worth_converting(patches: Patches | None) -> bool:
    """Whether windows have one size, and are large enough for the seconds that a conversion takes."""
    return patches is not None and prod(patches.size) >= SMALLEST


def first_output(found: Any) -> Any:
    """The finest output of a network with deep supervision, which comes first."""
    while isinstance(found, list | tuple) and found:
        found = found[0]
    return found


def _same(found: Tensor, wanted: Any) -> bool:
    if not isinstance(wanted, Tensor) or found.shape != wanted.shape:
        return False
    return bool((found - wanted).abs().max() <= CLOSE)
