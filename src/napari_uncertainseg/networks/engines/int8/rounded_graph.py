"""Converted networks whose convolutions compute with whole numbers of 8 bits.

Where a processor has AVX-512 VNNI this halves the time of a pass; docs/performance.md says what it
costs. A graph gets FakeQuantize operations before each convolution that may be rounded; OpenVINO then
runs the convolution on whole numbers. The graph in the cache stays the float32 one: to put the operations in
takes milliseconds. Nothing but OpenVINO is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.networks.engines.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

    from napari_uncertainseg.networks.engines.int8.whole_numbers import RoundedLayers

_OUTPUT_AXIS = {"Convolution": 0, "ConvolutionBackpropData": 1}
"""Of the weights of each kind of convolution: along which its outputs lie."""
_MODULE = re.compile(r"__module\.(?:network\.)?([\w.]+)/")
"""How OpenVINO names what it traced; a convolution into which a norm was folded has lost its name."""
_LEVELS, _WEIGHT_LEVELS = 256, 255
_LARGEST_WEIGHT = 63
"""Of the whole numbers that weights become. Processors without VNNI add two products up in 16 bits before
anything else; two products of at most 255 x 63 fit there, so that all processors give the same numbers."""


@dataclass(frozen=True)
class Rounding:
    """Which convolutions of a network are rounded, and how.

    Attributes
    ----------
    layers
        By the names of the network's modules.
    unnamed
        Names of the convolutions that are followed by a norm, in their order.
    """

    layers: RoundedLayers
    unnamed: tuple[str, ...]

    def of(self, graph: openvino.Model) -> openvino.Model:
        """Put the rounding into a graph.

        Parameters
        ----------
        graph
            As `conversion` makes it. It is changed. Layers that it does not have are left out, but not all.

        Returns
        -------
        openvino.Model
            The same graph.

        Raises
        ------
        ValueError
            If the graph is not made as expected. It is then of no use any more.
        """
        known: dict[tuple[Any, ...], Any] = {}
        for name, operation in list(self._convolutions(graph)):
            if name in self.layers:
                layer = self.layers[name]
                source = operation.input_value(0)
                key = (source.get_node().friendly_name, source.get_index(), layer.low, layer.high)
                if key not in known:  # two convolutions may read the same
                    known[key] = _round(source, *_with_zero(layer.low, layer.high), _LEVELS)
                operation.input(0).replace_source_output(known[key].output(0))
                _round_weights(operation)
                if layer.shift:
                    _shift(operation, layer.shift)
        if not known:
            raise ValueError("the graph has none of the layers")
        graph.validate_nodes_and_infer_types()
        return graph

    def _convolutions(self, graph: openvino.Model) -> Iterator[tuple[str, Any]]:
        """All convolutions by the names of their modules."""
        left = iter(self.unnamed)
        for operation in graph.get_ordered_ops():
            if operation.get_type_name() in _OUTPUT_AXIS:
                found = _MODULE.match(operation.friendly_name)
                name = found.group(1) if found else next(left, None)
                if name is None:
                    raise ValueError(f"the graph has an unknown convolution, {operation.friendly_name}")
                yield name, operation


def _operations() -> Any:
    import_openvino()
    return import_module("openvino.opset8")


def _with_zero(low: float, high: float) -> tuple[float, float]:
    """The nearest range in which 0 is one of the levels: it is what lies around the brain."""
    step = (high - low) / (_LEVELS - 1)
    below = round(-low / step)
    return -below * step, (_LEVELS - 1 - below) * step


def _round(source: Any, low: Any, high: Any, levels: int) -> Any:
    """Round to so many levels between two values, numbers or arrays that broadcast."""
    operations = _operations()
    edges = [operations.constant(np.asarray(value, np.float32)) for value in (low, high, low, high)]
    return operations.fake_quantize(source, *edges, levels)


def _round_weights(operation: Any) -> None:
    """Each output channel has a range of its own, symmetric."""
    source = operation.input_value(1)
    if source.get_node().get_type_name() != "Constant":
        raise ValueError(f"the weights of {operation.friendly_name} are no constant")
    weights = source.get_node().get_data()
    axis = _OUTPUT_AXIS[operation.get_type_name()]
    others = tuple(n for n in range(weights.ndim) if n != axis)
    largest = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-12)
    largest = largest * (_WEIGHT_LEVELS // 2 / _LARGEST_WEIGHT)
    operation.input(1).replace_source_output(_round(source, -largest, largest, _WEIGHT_LEVELS).output(0))


def _shift(operation: Any, shift: Sequence[float]) -> None:
    """Add to each output channel."""
    readers = operation.output(0).get_target_inputs()
    channels = operation.output(0).get_partial_shape()[1]
    if channels.is_dynamic or channels.get_length() != len(shift):
        raise ValueError(f"{operation.friendly_name} has {channels} outputs, not {len(shift)}")
    operations = _operations()
    values = np.asarray(shift, np.float32).reshape(1, -1, 1, 1, 1)
    added = operations.add(operation.output(0), operations.constant(values))
    for reader in readers:
        reader.replace_source_output(added.output(0))
