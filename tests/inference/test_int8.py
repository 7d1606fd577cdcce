"""Networks in int8: OpenVINO computes what was meant, and rounds nothing that was not measured."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_uncertainseg import Segmenter, read_volume
from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines import conversion, device
from napari_uncertainseg.networks.engines.device import Device, choose_device, cpu_device
from napari_uncertainseg.networks.engines.int8.rounded_graph import Rounding
from napari_uncertainseg.networks.engines.int8.whole_numbers import (
    RoundedLayer,
    WholeNumbers,
    read_whole_numbers,
)
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.without_torch import machine
from napari_uncertainseg.networks.without_torch.machine import has_vnni

if find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)
openvino = import_openvino()
INT8 = Device("cpu", "openvino", "int8", 1)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Not the user's; each network is converted once."""
    folder = tmp_path_factory.mktemp("converted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "cache_folder", lambda: folder)
        yield folder


def graph_of(weights: np.ndarray, name: str, *, up: bool = False):
    """One convolution as a graph."""
    from openvino import opset8 as operations

    image = operations.parameter([1, weights.shape[0 if up else 1], -1, -1, -1], np.float32)
    constant = operations.constant(weights.astype(np.float32))
    if up:
        found = operations.convolution_backprop_data(image, constant, strides=[2, 2, 2])
    else:
        none = [0, 0, 0]
        found = operations.convolution(image, constant, [1, 1, 1], none, none, [1, 1, 1])
    found.set_friendly_name(name)
    return openvino.Model([operations.result(found)], [image], "one")


def run(graph, image: np.ndarray) -> np.ndarray:
    return compiled(graph)(image)[0]


def compiled(graph):
    return openvino.Core().compile_model(
        graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    )


NAME = "__module.network.encoder.1.0/aten::_convolution/Convolution"


@pytest.mark.parametrize("up", [False, True])
def test_whole_numbers_go_through_without_any_error(up):
    """Weights from -63 to 63 and voxels from 0 to 255 are what the arithmetic holds exactly."""
    random = np.random.default_rng(0)
    weights = random.integers(-63, 64, (8, 16, 2, 2, 2)).astype(np.float32)
    axis = 1 if up else 0
    np.moveaxis(weights, axis, 0)[:, 0, 0, 0, 0] = 63  # so that each channel's step is 1
    image = random.integers(0, 256, (1, weights.shape[0 if up else 1], 9, 8, 7)).astype(np.float32)
    layers = {"encoder.1.0": RoundedLayer(steps=(1,), zero=0)}
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME, up=up)), image)
    kernel, voxels = torch.from_numpy(weights).double(), torch.from_numpy(image).double()
    wanted = F.conv_transpose3d(voxels, kernel, stride=2) if up else F.conv3d(voxels, kernel)
    assert np.abs(found - wanted.numpy()).max() <= 0.5  # of numbers up to a hundred thousand
    assert wanted.abs().max() > 20_000


def test_the_largest_products_do_not_overflow():
    """On processors without VNNI two products are added up in 16 bits."""
    weights = np.full((16, 32, 3, 3, 3), 63, np.float32)
    weights[8:] *= -1
    layers = {"encoder.1.0": RoundedLayer(steps=(1,), zero=0)}
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME)), np.full((1, 32, 6, 6, 6), 255, np.float32))
    largest = 63.0 * 255 * 32 * 27
    assert np.allclose(found[:, :8], largest, rtol=1e-6)
    assert np.allclose(found[:, 8:], -largest, rtol=1e-6)


def test_it_is_whole_numbers_that_are_computed():
    weights = np.random.default_rng(1).normal(size=(16, 16, 3, 3, 3))
    layers = {"encoder.1.0": RoundedLayer(steps=(0.02,), zero=51)}
    kinds = {
        op.get_friendly_name(): op.get_rt_info()["runtimePrecision"].astype(str)
        for graph in (Rounding(layers, ()).of(graph_of(weights, NAME)),)
        for op in compiled(graph).get_runtime_model().get_ordered_ops()
        if "Convolution" in op.get_friendly_name()
    }
    assert set(kinds.values()) & {"u8", "i8"}, kinds


def test_zero_stays_zero_and_what_is_beyond_is_cut_off():
    weights = np.zeros((1, 1, 1, 1, 1), np.float32) + 1
    layers = {"encoder.1.0": RoundedLayer(steps=(0.01,), zero=33)}
    image = np.array([0, -5, 7], np.float32).reshape(1, 1, 3, 1, 1)
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME)), image).ravel()
    assert found[0] == 0
    assert found[1:] == pytest.approx([-0.33, 2.22], abs=1e-5)


@pytest.mark.parametrize("up", [False, True])
def test_each_channel_has_steps_of_its_own(up):
    weights = np.zeros((2, 2, 2, 2, 2), np.float32)
    weights[0, 0, 0, 0, 0], weights[1, 1, 0, 0, 0] = 1, -2
    layers = {"encoder.1.0": RoundedLayer(steps=(0.5, 0.01), zero=10)}
    image = np.array([3.7, 0.123], np.float32).reshape(1, 2, 1, 1, 1)
    if not up:
        image = np.pad(image, [(0, 0), (0, 0), (0, 1), (0, 1), (0, 1)])
        graph = graph_of(weights, NAME)
    else:
        graph = graph_of(weights, NAME, up=True)
    found = run(Rounding(layers, ()).of(graph), image)[0].max(axis=(1, 2, 3))
    least = run(Rounding(layers, ()).of(graph_of(weights, NAME, up=up)), image)[0].min(axis=(1, 2, 3))
    assert found[0] == pytest.approx(3.5, abs=1e-5)  # the nearest level, not 3.7
    assert least[1] == pytest.approx(-2 * 0.12, abs=1e-5)


def test_levels_are_moved_by_an_offset():
    """Level 0 stands for -0.3: what is just below 0 is not made 0."""
    weights = np.zeros((1, 1, 1, 1, 1), np.float32) + 2
    layers = {"encoder.1.0": RoundedLayer(steps=(1,), zero=0, offsets=(-0.3,))}
    image = np.array([-0.25, -9, 0.1, 0.3, 6.5, 300], np.float32).reshape(1, 1, 6, 1, 1)
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME)), image).ravel() / 2
    assert found == pytest.approx([-0.3, -0.3, -0.3, 0.7, 6.7, 254.7], abs=1e-4)


def test_numbers_that_do_not_fit_the_channels_are_refused():
    weights = np.zeros((3, 2, 1, 1, 1), np.float32)
    for wrong in ({"steps": (1, 1, 1)}, {"steps": (1,), "offsets": (0.5, 0.5, 0.5)}):
        layers = {"encoder.1.0": RoundedLayer(zero=0, **wrong)}
        with pytest.raises(ValueError, match="reads 2 channels, not 3"):
            Rounding(layers, ()).of(graph_of(weights, NAME))


def test_what_goes_up_has_no_offsets():
    """Each voxel would be moved by another weight."""
    weights = np.zeros((1, 1, 2, 2, 2), np.float32)
    layers = {"encoder.1.0": RoundedLayer(steps=(1,), zero=0, offsets=(-0.3,))}
    with pytest.raises(ValueError, match="is transposed"):
        Rounding(layers, ()).of(graph_of(weights, NAME, up=True))


def test_convolutions_that_lost_their_names_are_taken_in_their_order():
    weights = np.zeros((1, 1, 1, 1, 1), np.float32) + 1
    layers = {"first": RoundedLayer(steps=(1,), zero=0, offsets=(3,))}
    image = np.zeros((1, 1, 2, 2, 2), np.float32)
    assert run(Rounding(layers, ("first",)).of(graph_of(weights, "Multiply_12")), image).max() == 3
    with pytest.raises(ValueError, match="none of the layers"):  # it is the zeroth
        Rounding(layers, ("zeroth", "first")).of(graph_of(weights, "Multiply_12"))
    with pytest.raises(ValueError, match="unknown convolution"):
        Rounding(layers, ()).of(graph_of(weights, "Multiply_12"))


def test_a_network_computes_what_rounding_it_in_torch_gives(thin_folder):
    """The same rounding with torch's own operations, layer by layer."""
    model = find_model(thin_folder)
    network, image = (
        model.network(),
        torch.randn(1, 3, 32, 32, 32, generator=torch.Generator().manual_seed(1)),
    )
    ranges, names = (
        {},
        [*model.architecture.before_norms, "laterals.1", "decoder.1.up", "decoder.1.convolution"],
    )
    modules = dict(network.named_modules())
    names = [name for name in names if name in modules]

    def note(name, x):
        ranges[name] = x[0].amin((1, 2, 3)).numpy(), x[0].amax((1, 2, 3)).numpy()

    hooks = [modules[n].register_forward_pre_hook(lambda m, x, n=n: note(n, x[0])) for n in names]
    with torch.inference_mode():
        plain = network(image)[0]
    for hook in hooks:
        hook.remove()
    layers = {name: _layer(modules[name], *ends) for name, ends in ranges.items()}
    numbers = WholeNumbers(version=2, networks={model.weight_sha256(): layers})
    engine = replace(model, whole_numbers=numbers).engine(INT8)
    found = engine.heads(image)
    assert engine.device.precision == "int8"
    for name, layer in layers.items():
        modules[name].register_forward_pre_hook(lambda m, x, layer=layer: (_rounded(x[0], layer),))
        if layer.offsets:  # what lies around the image counts as the offset too
            weight, offsets = modules[name].weight.data, torch.tensor(layer.offsets).view(1, -1, 1, 1, 1)
            moved = (weight * offsets).sum((1, 2, 3, 4)).view(1, -1, 1, 1, 1)
            modules[name].register_forward_hook(lambda m, x, y, moved=moved: y + moved)
    _round_folded_weights(network, modules, layers)
    with torch.inference_mode():
        wanted = network(image)[0]
    off, cost = (found - wanted).abs().mean(), (wanted - plain).abs().mean()
    assert off < 0.1 * cost, (off, cost)  # a voxel between two levels may fall to either side
    assert cost > 0.001


def _layer(module, low, high) -> RoundedLayer:
    """Steps of each channel apart, and offsets where they may be."""
    steps = np.maximum((high - np.minimum(low, 0)) / 255, 1e-3)
    zero = int(np.ceil((-np.minimum(low, 0) / steps).max()))
    offsets = () if isinstance(module, torch.nn.ConvTranspose3d) else tuple((-0.3 * steps).tolist())
    return RoundedLayer(steps=tuple(steps.tolist()), zero=zero, offsets=offsets)


def _rounded(x, layer):
    """Less the offsets."""
    along = (1, -1, 1, 1, 1)
    steps = torch.tensor(layer.steps).view(along)
    offsets = torch.tensor(layer.offsets or (0.0,) * len(layer.steps)).view(along)
    return ((torch.round((x - offsets) / steps) + layer.zero).clamp(0, 255) - layer.zero) * steps


def _round_folded_weights(network, modules, layers) -> None:
    """Per output channel, in steps of the levels: a norm that follows scales channels."""
    for name, layer in layers.items():
        weight = modules[name].weight.data
        axis = 1 if name.endswith("up") else 0
        steps = torch.tensor(layer.steps).view([-1 if n == 1 - axis else 1 for n in range(5)])
        scaled = weight * steps
        largest = scaled.abs().amax(dim=[n for n in range(5) if n != axis])
        zeros = torch.zeros_like(largest, dtype=torch.int32)
        modules[name].weight.data = (
            torch.fake_quantize_per_channel_affine(scaled, largest / 63, zeros, axis, -63, 63) / steps
        )


def test_what_was_not_measured_runs_in_float32(thin_folder):
    model, image = find_model(thin_folder), torch.zeros(1, 3, 16, 16, 16)
    engine = model.engine(INT8)
    assert engine.device.name == "CPU, 1 thread, float32 (OpenVINO)"
    numbers = {model.weight_sha256(): {"laterals.1": RoundedLayer(steps=(0.01,), zero=100)}}
    measured = replace(model, whole_numbers=WholeNumbers(version=2, networks=numbers))
    engine = measured.engine(INT8)
    assert engine.device.name == "CPU, 1 thread, int8 (OpenVINO)"
    engine.layers(image)  # only the heads were measured
    assert engine.device.precision == "float32"
    other = WholeNumbers(version=2, networks={"of other weights": numbers[model.weight_sha256()]})
    assert replace(model, whole_numbers=other).engine(INT8).device.precision == "float32"


def test_a_graph_that_is_made_otherwise_runs_in_float32(thin_folder):
    model, image = find_model(thin_folder), torch.randn(1, 3, 16, 16, 16)
    layers = {"laterals.1": RoundedLayer(steps=(1.0, 2.0), zero=0)}  # it reads more channels
    numbers = WholeNumbers(version=2, networks={model.weight_sha256(): layers})
    engine = replace(model, whole_numbers=numbers).engine(INT8)
    assert torch.equal(engine.heads(image), model.engine(INT8).heads(image))
    assert engine.device.precision == "float32"


def test_where_none_of_the_layers_is_found_int8_is_not_what_is_said(thin_folder):
    model, image = find_model(thin_folder), torch.randn(1, 3, 16, 16, 16)
    layers = {"no.such.layer": RoundedLayer(steps=(0.01,), zero=100)}
    numbers = WholeNumbers(version=2, networks={model.weight_sha256(): layers})
    engine = replace(model, whole_numbers=numbers).engine(INT8)
    assert torch.equal(engine.heads(image), model.engine(INT8).heads(image))
    assert engine.device.precision == "float32"


@pytest.mark.parametrize(
    ("bf16", "vnni", "chosen"),
    [(True, True, "bf16"), (True, False, "bf16"), (False, True, "int8"), (False, False, "float32")],
)
def test_a_cpu_computes_in_the_fastest_precision_that_it_has(monkeypatch, bf16, vnni, chosen):
    monkeypatch.setattr(device, "_openvino_has_bf16", lambda: bf16)
    monkeypatch.setattr(device, "has_vnni", lambda: vnni)
    assert choose_device("cpu").precision == chosen
    assert choose_device("cpu-float32").precision == "float32"
    assert choose_device("cpu-int8").precision == "int8"
    assert cpu_device("torch").precision != "int8"
    monkeypatch.setattr(device, "find_spec", lambda name: None)  # without OpenVINO
    assert choose_device("cpu-int8").precision == "float32"
    assert choose_device("cpu").precision != "int8"


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="only Linux lists what the processor has")
def test_vnni_is_what_the_system_says_of_the_processor():
    listed = Path("/proc/cpuinfo").read_text().split()
    assert has_vnni() == ("avx512_vnni" in listed)


def test_another_version_of_numpy_says_nothing_of_the_processor(monkeypatch):
    monkeypatch.setattr(machine, "import_module", lambda name: object())
    assert not has_vnni.__wrapped__()


def test_only_methods_and_networks_that_were_measured_run_in_int8():
    """The name of the device says it before anything runs."""
    model = find_model("bundled")
    precisions = {
        method: Segmenter(model, method=method, device="cpu-int8").device.precision
        for method in ("one-pass", "flips", "layers", "mc-dropout", "ensemble")
    }
    assert {method for method, found in precisions.items() if found == "int8"} == {"one-pass", "flips"}
    assert set(precisions.values()) == {"int8", "float32"}
    none = replace(model, whole_numbers=None)
    assert Segmenter(none, device="cpu-int8").device.precision == "float32"


def _file(**layer) -> dict:
    return {"version": 2, "networks": {"a": {"heads": layer}}}


WRONG = {
    "not JSON": "{",
    "another version": {"version": 1, "networks": {}},
    "no networks": {"version": 2},
    "no steps": _file(steps=[], zero=0),
    "a step of 0": _file(steps=[0], zero=0),
    "a level that is none": _file(steps=[1], zero=256),
    "half a level": _file(steps=[1], zero=0.5),
    "an endless step": '{"version": 2, "networks": {"a": {"heads": {"steps": [Infinity], "zero": 0}}}}',
    "a text for an offset": _file(steps=[1], zero=0, offsets=["1"]),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_file_that_holds_anything_else_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "int8.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=r"int8\.json") as told:
        read_whole_numbers(tmp_path)
    assert "\n" not in str(told.value)


def test_a_link_that_leads_elsewhere_is_refused(thin_folder, tmp_path):
    outside, folder = tmp_path / "outside.json", tmp_path / "model"
    outside.write_text(json.dumps({"version": 2, "networks": {}}))
    shutil.copytree(thin_folder, folder)
    try:
        (folder / "int8.json").symlink_to(outside)
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(InputError, match="leads out of the model's folder"):
        find_model(folder)


def test_the_bundled_numbers_are_of_its_networks():
    model = find_model("bundled")
    assert model.whole_numbers is not None
    assert set(model.whole_numbers.networks) == {model.weight_sha256(0)}  # the others were not measured
    assert model.engine(INT8, 0).device.precision == "int8"
    assert model.engine(INT8, 1).device.precision == "float32"
    weights = {name.removesuffix(".weight") for name in model._build().state_dict()}
    float32 = {"laterals.0"}  # what reads the image at full resolution
    for layers in model.whole_numbers.networks.values():
        assert len(layers) == 19 and layers.keys() <= weights - float32
        assert all(0 < step < 0.5 for layer in layers.values() for step in layer.steps)
        assert all(abs(value) <= max(layer.steps) for layer in layers.values() for value in layer.offsets)
        assert not any(layer.offsets for name, layer in layers.items() if name.endswith("up"))
    assert (model.folder / "int8.json") in model.files
    assert (model.folder / "int8.json").stat().st_size < 100_000


@pytest.mark.parametrize("patient", ["patient07", "patient19"])
def test_a_part_of_a_real_scan_is_segmented_nearly_as_in_float32(shared_data, patient):
    """The bounds on whole scans are in docs/performance.md; a part of one has fewer lesions to tell by."""
    folder, model = shared_data / "3d-mr-ms" / patient, find_model("bundled")
    scans = {name: read_volume(folder / f"{name.upper()}.nii.gz") for name in ("flair", "t1", "t2")}
    source = prepare(scans).network_input(model.preprocessing.spacing, model.preprocessing.smoothing)
    place = (slice(48, 96), slice(32, 128), slice(16, 112))
    image = torch.from_numpy(np.stack([source.channels[name][place] for name in model.modalities]))[None]
    engines = [model.engine(INT8.at(precision)) for precision in ("float32", "int8")]
    plain, whole = (np.asarray(engine.heads(image).sigmoid().mean(dim=0)) for engine in engines)
    assert engines[1].device.precision == "int8"
    assert 0 < np.abs(whole - plain)[plain > 0.05].mean() < 0.01
    assert np.abs(whole - plain).max() < 0.2
    assert dice(whole >= 0.5, plain >= 0.5) > 0.98
