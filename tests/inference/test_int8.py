"""Networks in int8: OpenVINO computes what was meant, and rounds nothing that was not measured."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_uncertainseg import read_volume
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
    layers = {"encoder.1.0": RoundedLayer(low=0, high=255)}
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME, up=up)), image)
    kernel, voxels = torch.from_numpy(weights).double(), torch.from_numpy(image).double()
    wanted = F.conv_transpose3d(voxels, kernel, stride=2) if up else F.conv3d(voxels, kernel)
    assert np.abs(found - wanted.numpy()).max() <= 0.5  # of numbers up to a hundred thousand
    assert wanted.abs().max() > 20_000


def test_the_largest_products_do_not_overflow():
    """On processors without VNNI two products are added up in 16 bits."""
    weights = np.full((16, 32, 3, 3, 3), 63, np.float32)
    weights[8:] *= -1
    layers = {"encoder.1.0": RoundedLayer(low=0, high=255)}
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME)), np.full((1, 32, 6, 6, 6), 255, np.float32))
    largest = 63.0 * 255 * 32 * 27
    assert np.allclose(found[:, :8], largest, rtol=1e-6)
    assert np.allclose(found[:, 8:], -largest, rtol=1e-6)


def test_it_is_whole_numbers_that_are_computed():
    weights = np.random.default_rng(1).normal(size=(16, 16, 3, 3, 3))
    layers = {"encoder.1.0": RoundedLayer(low=-1, high=4)}
    kinds = {
        op.get_friendly_name(): op.get_rt_info()["runtimePrecision"].astype(str)
        for graph in (Rounding(layers, ()).of(graph_of(weights, NAME)),)
        for op in compiled(graph).get_runtime_model().get_ordered_ops()
        if "Convolution" in op.get_friendly_name()
    }
    assert set(kinds.values()) & {"u8", "i8"}, kinds


def test_zero_stays_zero_and_what_is_beyond_is_cut_off():
    weights = np.zeros((1, 1, 1, 1, 1), np.float32) + 1
    layers = {"encoder.1.0": RoundedLayer(low=-0.33, high=2.0)}
    image = np.array([0, -5, 7], np.float32).reshape(1, 1, 3, 1, 1)
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME)), image).ravel()
    assert found[0] == 0
    assert found[1:] == pytest.approx([-0.33, 2.0], abs=2.33 / 255)


def test_a_shift_is_added_to_each_channel_and_must_fit():
    weights = np.zeros((3, 2, 1, 1, 1), np.float32)
    layers = {"encoder.1.0": RoundedLayer(low=0, high=1, shift=(0.5, -1, 2))}
    found = run(Rounding(layers, ()).of(graph_of(weights, NAME)), np.zeros((1, 2, 2, 2, 2), np.float32))
    assert found[0, :, 0, 0, 0] == pytest.approx([0.5, -1, 2])
    wrong = {"encoder.1.0": RoundedLayer(low=0, high=1, shift=(0.5,))}
    with pytest.raises(ValueError, match="outputs"):
        Rounding(wrong, ()).of(graph_of(weights, NAME))


def test_convolutions_that_lost_their_names_are_taken_in_their_order():
    weights = np.zeros((1, 1, 1, 1, 1), np.float32) + 1
    layers = {"first": RoundedLayer(low=0, high=1, shift=(3,))}
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
        ranges[name] = (min(0.0, float(x.min())), float(x.max()))

    hooks = [modules[n].register_forward_pre_hook(lambda m, x, n=n: note(n, x[0])) for n in names]
    with torch.inference_mode():
        plain = network(image)[0]
    for hook in hooks:
        hook.remove()
    shifts = {name: modules[name].out_channels * (0.05,) for name in names}
    layers = {n: RoundedLayer(low=low, high=high, shift=shifts[n]) for n, (low, high) in ranges.items()}
    numbers = WholeNumbers(version=1, networks={model.weight_sha256(): layers})
    engine = replace(model, whole_numbers=numbers).engine(INT8)
    found = engine.heads(image)
    assert engine.device.precision == "int8"
    for name, (low, high) in ranges.items():
        step = (high - low) / 255
        rounds = (step, round(-low / step), 0, 255)
        modules[name].register_forward_pre_hook(
            lambda m, x, rounds=rounds: (torch.fake_quantize_per_tensor_affine(x[0], *rounds),)
        )
        normed = name in model.architecture.before_norms  # there the shift comes after the norm
        modules[name[:-1] + "1" if normed else name].register_forward_hook(lambda m, x, y: y + 0.05)
    _round_folded_weights(network, modules, names)
    with torch.inference_mode():
        wanted = network(image)[0]
    off, cost = (found - wanted).abs().mean(), (wanted - plain).abs().mean()
    assert off < 0.1 * cost, (off, cost)  # a voxel between two levels may fall to either side
    assert cost > 0.001


def _round_folded_weights(network, modules, names) -> None:
    """Per output channel: a norm that follows scales channels, and changes nothing of the rounding."""
    for name in names:
        weight = modules[name].weight.data
        axis = 1 if name.endswith("up") else 0
        largest = weight.abs().amax(dim=[n for n in range(5) if n != axis])
        zeros = torch.zeros_like(largest, dtype=torch.int32)
        modules[name].weight.data = torch.fake_quantize_per_channel_affine(
            weight, largest / 63, zeros, axis, -63, 63
        )


def test_what_was_not_measured_runs_in_float32(thin_folder):
    model, image = find_model(thin_folder), torch.zeros(1, 3, 16, 16, 16)
    engine = model.engine(INT8)
    assert engine.device.name == "CPU, 1 thread, float32 (OpenVINO)"
    numbers = {model.weight_sha256(): {"laterals.1": RoundedLayer(low=-1, high=1)}}
    measured = replace(model, whole_numbers=WholeNumbers(version=1, networks=numbers))
    engine = measured.engine(INT8)
    assert engine.device.name == "CPU, 1 thread, int8 (OpenVINO)"
    engine.layers(image)  # only the heads were measured
    assert engine.device.precision == "float32"
    other = WholeNumbers(version=1, networks={"of other weights": numbers[model.weight_sha256()]})
    assert replace(model, whole_numbers=other).engine(INT8).device.precision == "float32"


def test_a_graph_that_is_made_otherwise_runs_in_float32(thin_folder):
    model, image = find_model(thin_folder), torch.randn(1, 3, 16, 16, 16)
    layers = {"laterals.1": RoundedLayer(low=-1, high=1, shift=(1.0,))}  # it has more outputs
    numbers = WholeNumbers(version=1, networks={model.weight_sha256(): layers})
    engine = replace(model, whole_numbers=numbers).engine(INT8)
    assert torch.equal(engine.heads(image), model.engine(INT8).heads(image))
    assert engine.device.precision == "float32"


def test_where_none_of_the_layers_is_found_int8_is_not_what_is_said(thin_folder):
    model, image = find_model(thin_folder), torch.randn(1, 3, 16, 16, 16)
    layers = {"no.such.layer": RoundedLayer(low=-1, high=1)}
    numbers = WholeNumbers(version=1, networks={model.weight_sha256(): layers})
    engine = replace(model, whole_numbers=numbers).engine(INT8)
    assert torch.equal(engine.heads(image), model.engine(INT8).heads(image))
    assert engine.device.precision == "float32"


def test_int8_is_chosen_only_by_who_asks_for_it(monkeypatch):
    monkeypatch.setattr(device, "_openvino_has_bf16", lambda: False)
    assert choose_device("cpu").precision == "float32"
    assert choose_device("cpu-int8").precision == "int8"
    assert cpu_device("torch").precision != "int8"
    monkeypatch.setattr(device, "_openvino_has_bf16", lambda: True)
    assert choose_device("cpu").precision == "bf16"
    assert choose_device("cpu-float32").precision == "float32"
    monkeypatch.setattr(device, "find_spec", lambda name: None)  # without OpenVINO
    assert choose_device("cpu-int8").precision == "float32"


WRONG = {
    "not JSON": "{",
    "another version": {"version": 2, "networks": {}},
    "no networks": {"version": 1},
    "an empty range": {"version": 1, "networks": {"a": {"heads": {"low": 0, "high": 0}}}},
    "a range without 0": {"version": 1, "networks": {"a": {"heads": {"low": 0.5, "high": 1}}}},
    "an endless range": '{"version": 1, "networks": {"a": {"heads": {"low": -Infinity, "high": 1}}}}',
    "a text for a shift": {"version": 1, "networks": {"a": {"heads": {"low": 0, "high": 1, "shift": ["1"]}}}},
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_file_that_holds_anything_else_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "int8.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=r"int8\.json") as told:
        read_whole_numbers(tmp_path)
    assert "\n" not in str(told.value)


def test_a_link_that_leads_elsewhere_is_refused(thin_folder, tmp_path):
    outside, folder = tmp_path / "outside.json", tmp_path / "model"
    outside.write_text(json.dumps({"version": 1, "networks": {}}))
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
    full_resolution = {"laterals.0", "decoder.0.up", "heads"}
    for layers in model.whole_numbers.networks.values():
        assert len(layers) == 17 and layers.keys() <= weights - full_resolution  # which stay in float32
        assert all(-20 < layer.low <= 0 < layer.high < 20 for layer in layers.values())
    assert (model.folder / "int8.json") in model.files
    assert (model.folder / "int8.json").stat().st_size < 20_000


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
