"""Two steps of a converted network as one: doubling the resolution, and the convolution after it.

Nothing lies between the two, and both are linear: together they are one transposed convolution, of 4x4x4
weights in steps of 2. It multiplies 8 times for each pair of channels where a convolution of 3x3x3 multiplies
27 times, and the doubled features are never written to memory. In float32 the numbers are the same but for
rounding; in bf16 the rounding of the merged weights is what counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.networks.engines.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

_UP = {
    "strides": [2, 2, 2],
    "dilations": [1, 1, 1],
    "pads_begin": [0, 0, 0],
    "pads_end": [0, 0, 0],
    "output_padding": [0, 0, 0],
    "auto_pad": "explicit",
}
_AFTER = {
    "strides": [1, 1, 1],
    "dilations": [1, 1, 1],
    "pads_begin": [1, 1, 1],
    "pads_end": [1, 1, 1],
    "auto_pad": "explicit",
}


def merge_upsampling(graph: openvino.Model) -> openvino.Model:
    """Merge each convolution of 3x3x3 with the doubling that it alone reads.

    Parameters
    ----------
    graph
        In float32. It is changed.

    Returns
    -------
    openvino.Model
        The same graph.
    """
    import_openvino()
    operations = import_module("openvino.opset8")
    for after, up in list(_pairs(graph)):
        weights = merged_weights(_weights(up), _weights(after)).astype(np.float32)
        merged = operations.convolution_backprop_data(
            up.input_value(0), operations.constant(weights), [2] * 3, pads_begin=[1] * 3, pads_end=[1] * 3
        )
        merged.friendly_name = after.friendly_name
        for reader in after.output(0).get_target_inputs():
            reader.replace_source_output(merged.output(0))
    graph.validate_nodes_and_infer_types()
    return graph


def merged_weights(up: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Weights of the one step.

    Parameters
    ----------
    up
        Of the doubling: (inputs, between, 2, 2, 2).
    after
        Of the convolution: (outputs, between, 3, 3, 3).

    Returns
    -------
    numpy.ndarray
        float64 (inputs, outputs, 4, 4, 4), of a transposed convolution that leaves out one voxel at each end.
    """
    first = np.ascontiguousarray(up.transpose(2, 3, 4, 0, 1), np.float64)
    second = np.ascontiguousarray(after.transpose(2, 3, 4, 1, 0), np.float64)
    found = np.zeros((4, 4, 4, up.shape[0], after.shape[0]))
    for place in itertools.product(range(2), repeat=3):
        for beside in itertools.product(range(3), repeat=3):
            # What the doubling puts at `place` reaches the voxel from which it lies at `beside` - 1.
            reached = tuple(a + 2 - b for a, b in zip(place, beside, strict=True))
            found[reached] += first[place] @ second[beside]
    return found.transpose(3, 4, 0, 1, 2)


def _pairs(graph: openvino.Model) -> Iterator[tuple[Any, Any]]:
    """Convolutions, each with the doubling before it, where one step takes fewer multiplications."""
    for after in graph.get_ordered_ops():
        if after.get_type_name() != "Convolution":
            continue
        up = after.input_value(0).get_node()
        if up.get_type_name() != "ConvolutionBackpropData" or len(up.output(0).get_target_inputs()) > 1:
            continue
        if _is(up, _UP, 2) and _is(after, _AFTER, 3):
            (inputs, between), outputs = _weights(up).shape[:2], len(_weights(after))
            if 8 * inputs * outputs < between * (27 * outputs + inputs):
                yield after, up


def _is(step: Any, attributes: dict[str, Any], side: int) -> bool:
    """Whether a step has these attributes, and constant weights of so many voxels along each side."""
    known = step.get_attributes()
    same = all(known.get(name) == value for name, value in attributes.items())
    constant = step.input_value(1).get_node().get_type_name() == "Constant"
    return same and step.get_input_size() == 2 and constant and _weights(step).shape[2:] == (side,) * 3


def _weights(step: Any) -> np.ndarray:
    found: np.ndarray = step.input_value(1).get_node().get_data()
    return found
