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

    from napari_uncertainseg.networks.engines.int8.whole_numbers import RoundedLayer, RoundedLayers

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
                key = (source.get_node().friendly_name, source.get_index(), layer)
                if key not in known:  # two convolutions may read the same
                    known[key] = _levels(source, layer)
                operation.input(0).replace_source_output(known[key].output(0))
                _weigh_levels(operation, layer)
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


def _levels(source: Any, layer: RoundedLayer) -> Any:
    """The level of each voxel, less `zero`."""
    channels = _length(source)
    steps, offsets = (_for_channels(values, channels) for values in (layer.steps, layer.offsets or (0.0,)))
    low, high = offsets - layer.zero * steps, offsets + (_LEVELS - 1 - layer.zero) * steps
    return _round(source, (low, high), (-layer.zero, _LEVELS - 1 - layer.zero), _LEVELS)


def _length(values: Any) -> int:
    """How many channels there are."""
    channels = values.get_partial_shape()[1]
    if channels.is_dynamic:
        raise ValueError("the graph does not say how many channels a convolution reads")
    return int(channels.get_length())


def _for_channels(values: Sequence[float], channels: int) -> np.ndarray:
    """One number for each channel, as an array that broadcasts over voxels."""
    if len(values) not in (1, channels):
        raise ValueError(f"a convolution reads {channels} channels, not {len(values)}")
    return np.asarray(values, np.float32).reshape(1, -1, 1, 1, 1)


def _round(source: Any, ends: tuple[Any, Any], become: tuple[Any, Any], levels: int) -> Any:
    """Round to so many levels between two values, numbers or arrays that broadcast, which become others."""
    operations = _operations()
    edges = [operations.constant(np.asarray(value, np.float32)) for value in (*ends, *become)]
    return operations.fake_quantize(source, *edges, levels)


def _weigh_levels(operation: Any, layer: RoundedLayer) -> None:
    """Make the weights those of levels, and round them: each output channel in a range of its own."""
    source, axis = operation.input_value(1), _OUTPUT_AXIS[operation.get_type_name()]
    if source.get_node().get_type_name() != "Constant":
        raise ValueError(f"the weights of {operation.friendly_name} are no constant")
    weights = source.get_node().get_data()
    others = tuple(n for n in range(weights.ndim) if n != axis)
    along = [-1 if n == 1 - axis else 1 for n in range(weights.ndim)]
    if layer.offsets:
        if axis != 0:
            raise ValueError(f"{operation.friendly_name} is transposed: its input cannot have offsets")
        offsets = _for_channels(layer.offsets, weights.shape[1]).reshape(along)
        _shift(operation, (weights * offsets).sum(axis=others))
    scaled = weights * _for_channels(layer.steps, weights.shape[1 - axis]).reshape(along)
    largest = np.maximum(np.abs(scaled).max(axis=others, keepdims=True), 1e-12)
    ends = (
        -largest * (_WEIGHT_LEVELS // 2 / _LARGEST_WEIGHT),
        largest * (_WEIGHT_LEVELS // 2 / _LARGEST_WEIGHT),
    )
    constant = _operations().constant(scaled.astype(np.float32))
    operation.input(1).replace_source_output(_round(constant.output(0), ends, ends, _WEIGHT_LEVELS).output(0))


def _shift(operation: Any, shift: np.ndarray) -> None:
    """Add to each output channel."""
    operations, readers = _operations(), operation.output(0).get_target_inputs()
    added = operations.add(operation.output(0), operations.constant(shift.reshape(1, -1, 1, 1, 1)))
    for reader in readers:
        reader.replace_source_output(added.output(0))
