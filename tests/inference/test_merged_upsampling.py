"""Two steps of a network as one give the same numbers, up to the edges of the image."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines import conversion
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.engines.rewritten.merged_upsampling import merge_upsampling, merged_weights

if find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)
openvino = import_openvino()


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 3, 1), (4, 5, 6)])
def test_merged_weights_do_what_the_two_steps_do(size):
    """In double precision, against torch: also at the edges, of images of one voxel too."""
    up, after = weights(5, 3, 2, 2, 2), weights(4, 3, 3, 3, 3, seed=1)
    image = torch.from_numpy(weights(1, 5, *size, seed=2))
    apart = F.conv_transpose3d(image, torch.from_numpy(up), stride=2)
    wanted = F.conv3d(apart, torch.from_numpy(after), padding=1)
    merged = torch.from_numpy(np.ascontiguousarray(merged_weights(up, after)))
    found = F.conv_transpose3d(image, merged, stride=2, padding=1)
    assert found.shape == wanted.shape
    assert torch.allclose(found, wanted, rtol=1e-12, atol=1e-12)


def graph_of(up: np.ndarray, after: np.ndarray, *, pad: int = 1, read_twice: bool = False):
    """A doubling and a convolution."""
    from openvino import opset8 as operations

    image = operations.parameter([1, len(up), -1, -1, -1], np.float32)
    doubled = operations.convolution_backprop_data(image, operations.constant(up.astype(np.float32)), [2] * 3)
    constant = operations.constant(after.astype(np.float32))
    found = operations.convolution(doubled, constant, [1] * 3, [pad] * 3, [pad] * 3, [1] * 3)
    results = [operations.result(found)] + ([operations.result(doubled)] if read_twice else [])
    return openvino.Model(results, [image], "two steps")


def kinds(graph) -> list[str]:
    return sorted(op.get_type_name() for op in graph.get_ops() if "Convolution" in op.get_type_name())


def run(graph, image: np.ndarray) -> np.ndarray:
    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return openvino.Core().compile_model(graph, "CPU", exact)(image)[0]


def test_a_graph_gives_the_same_with_one_step():
    up, after = weights(32, 16, 2, 2, 2), weights(16, 16, 3, 3, 3, seed=1)
    image = weights(1, 32, 5, 4, 6, seed=2).astype(np.float32)
    wanted = run(graph_of(up, after), image)
    merged = merge_upsampling(graph_of(up, after))
    assert kinds(merged) == ["ConvolutionBackpropData"]
    assert np.abs(run(merged, image) - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("up", "after", "how"),
    [
        ((32, 16, 2, 2, 2), (16, 16, 3, 3, 3), {"pad": 0}),  # the ends would differ
        ((32, 16, 2, 2, 2), (16, 16, 3, 3, 3), {"read_twice": True}),  # the doubled features are needed
        ((32, 16, 2, 2, 2), (16, 16, 1, 1, 1), {"pad": 0}),
        ((64, 4, 2, 2, 2), (4, 4, 3, 3, 3), {}),  # would take more multiplications
    ],
)
def test_what_may_not_or_need_not_be_merged_stays(up, after, how):
    graph = merge_upsampling(graph_of(weights(*up), weights(*after), **how))
    assert kinds(graph) == ["Convolution", "ConvolutionBackpropData"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "cache_folder", lambda: tmp_path / "openvino")
    return tmp_path / "openvino"


@pytest.mark.parametrize("part", ["heads", "decode"])
def test_a_network_keeps_its_answers_and_what_is_kept_is_merged(model_folder, cache, part):
    model = find_model(model_folder)
    apart = conversion.converted(lambda: model.network(0), part, "key", merged=False)
    merged = conversion.converted(lambda: model.network(0), part, "key")
    again = conversion.converted(lambda: pytest.fail("it is in the cache"), part, "key")
    assert len(list(cache.iterdir())) == 2
    assert kinds(again) == kinds(merged)
    assert kinds(merged).count("Convolution") < kinds(apart).count("Convolution")


def test_float32_stays_within_rounding_of_torch(model_folder, cache):
    model = find_model(model_folder)
    image = torch.randn(1, 3, 32, 16, 48, generator=torch.Generator().manual_seed(1))
    devices = (cpu_device(library).at("float32") for library in ("openvino", "torch"))
    found, wanted = (model.engine(device).heads(image) for device in devices)
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_bf16_keeps_the_two_steps(model_folder, cache, monkeypatch):
    """Its rounding is that of each step: merged weights were a twentieth further from float32."""
    asked = []
    real = conversion.merge_upsampling
    monkeypatch.setattr(conversion, "merge_upsampling", lambda graph: asked.append(1) or real(graph))
    model = find_model(model_folder)
    for precision, times in (("bf16", 0), ("float32", 1)):
        model.engine(cpu_device("openvino").at(precision)).heads(torch.zeros(1, 3, 16, 16, 16))
        assert len(asked) == times
