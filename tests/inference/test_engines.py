"""Both engines give the network's own answers, and stop when asked."""

from __future__ import annotations

import json
import shutil
import threading
from importlib.util import find_spec

import pytest
import torch

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines import conversion
from napari_uncertainseg.networks.engines.device import Device, choose_device, cpu_device
from napari_uncertainseg.networks.engines.engine import never
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine

if find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)
openvino = import_openvino()


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(1, 3, 24, 32, 28, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def model(model_folder):
    return find_model(model_folder)


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("converted")


@pytest.fixture(autouse=True)
def cache(shared_cache, monkeypatch):
    """Not the user's; a network is converted once for all tests that are not about converting."""
    monkeypatch.setattr(conversion, "cache_folder", lambda: shared_cache)


@pytest.fixture
def own_cache(cache, tmp_path, monkeypatch):
    """One that is still empty."""
    monkeypatch.setattr(conversion, "cache_folder", lambda: tmp_path / "openvino")


def masks(engine) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [(torch.rand(s, generator=generator) > 0.3).float() / 0.7 for s in engine.mask_shapes]


@pytest.mark.parametrize("library", ["torch", "openvino"])
@pytest.mark.parametrize("folder", ["model_folder", "thin_folder"])
def test_float32_engines_agree_with_the_network(request, image, library, folder):
    model = find_model(request.getfixturevalue(folder))
    network = model.network()
    engine = model.engine(cpu_device(library).at("float32"))
    drawn = masks(engine)
    with torch.inference_mode():
        encoded = network.encode(image)
        plain, sampled, depths = (
            network(image)[0],
            network.decode(encoded, drawn)[0],
            network.layers(image)[0],
        )
    assert torch.allclose(engine.heads(image), plain, atol=2e-4)
    assert torch.allclose(engine.decode(engine.encode(image), drawn), sampled, atol=2e-4)
    assert torch.allclose(engine.layers(image), torch.cat([plain, depths]), atol=2e-4)
    assert (plain - sampled).abs().max() > 0.1, "the masks should matter"
    assert (engine.heads_count, model.capabilities.layers) == (len(plain), len(depths))


@pytest.mark.parametrize("library", ["torch", "openvino"])
def test_bf16_is_close(model, image, library):
    engine = model.engine(cpu_device(library).at("bf16"))
    with torch.inference_mode():
        expected = model.network()(image)[0].sigmoid()
    found = engine.heads(image)
    assert found.dtype == torch.float32
    assert (found.sigmoid() - expected).abs().max() < 0.05
    assert (found.sigmoid() - expected).abs().mean() < 0.005


def test_one_compilation_serves_every_size(model):
    engine = model.engine(cpu_device("openvino").at("float32"))
    for size in ((16, 16, 16), (24, 16, 20), (16, 16, 16)):
        assert engine.heads(torch.zeros(1, 3, *size)).shape == (3, *size)


def test_the_encoded_scan_outlives_the_next_runs(model, image):
    engine = model.engine(cpu_device("openvino").at("float32"))
    encoded, ones = engine.encode(image), [torch.ones(s) for s in engine.mask_shapes]
    first = engine.decode(encoded, ones).clone()
    for _ in range(3):
        engine.encode(torch.randn_like(image))
        engine.decode(engine.encode(torch.randn_like(image)), ones)
    assert torch.equal(engine.decode(encoded, ones), first)


@pytest.mark.usefixtures("own_cache")
def test_a_converted_network_is_cached_and_a_damaged_one_rebuilt(model, image, tmp_path, monkeypatch):
    device = cpu_device("openvino").at("float32")
    expected = model.engine(device).heads(image)
    (folder,) = (tmp_path / "openvino").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(conversion, "_convert", None)  # the cache is enough
        assert torch.equal(model.engine(device).heads(image), expected)
    weights = bytearray((folder / "graph.bin").read_bytes())
    for damage in (bytes(reversed(weights)), weights[:100], b""):
        (folder / "graph.bin").write_bytes(damage)
        assert torch.equal(model.engine(device).heads(image), expected)
    (folder / "graph.xml").write_text("<net>")
    assert torch.equal(model.engine(device).heads(image), expected)
    assert [p.name for p in (tmp_path / "openvino").iterdir()] == [folder.name]


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("modalities", "architecture"),
    [(["flair"], {}), (["flair", "t1", "t2"], {"heads": 2}), (["flair", "t1", "t2"], {"features": [8, 16]})],
)
def test_a_cached_network_is_not_taken_for_that_of_another_model_json(
    model, model_folder, image, tmp_path, modalities, architecture
):
    """The weights are the same file, and were converted before; they do not fit what the folder says now."""
    device = cpu_device("openvino")
    model.engine(device).heads(image)
    other = tmp_path / "other"
    shutil.copytree(model_folder, other)
    content = json.loads((other / "model.json").read_text())
    content |= {"modalities": modalities, "architecture": content["architecture"] | architecture}
    (other / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=str(other)):
        find_model(other).engine(device)


SOURCE = '''
"""A module."""
SIZE = 3
"""Of it."""
def grow(x):
    """Grow."""
    return x * SIZE
'''


def test_only_what_code_does_decides_whether_it_is_converted_anew():
    said_otherwise = (
        SOURCE.replace("Grow.", "Make it grow.")
        .replace("SIZE = 3", "SIZE = 3  # why")
        .replace('"""Of it."""', "")
    )
    assert conversion.code_of(said_otherwise) == conversion.code_of(SOURCE)
    assert conversion.code_of(SOURCE.replace("3", "4")) != conversion.code_of(SOURCE)
    assert conversion.code_of(SOURCE.replace("x * SIZE", "x + SIZE")) != conversion.code_of(SOURCE)
    assert conversion.code_of('def f():\n    """Nothing."""') == conversion.code_of("def f(): pass")


@pytest.mark.usefixtures("own_cache")
def test_a_cache_that_cannot_be_written_costs_only_time(model, image, tmp_path):
    (tmp_path / "openvino").write_text("a file where the folder should be")
    assert model.engine(cpu_device("openvino")).heads(image).shape == (3, 24, 32, 28)


@pytest.mark.parametrize("library", ["torch", "openvino"])
@pytest.mark.parametrize("part", ["heads", "layers", "encode", "decode"])
def test_a_run_asks_often_and_ends_when_it_is_cancelled(model, library, part):
    engine = model.engine(cpu_device(library).at("float32"))
    small, large = torch.zeros(1, 3, 16, 16, 16), torch.zeros(1, 3, 192, 192, 192)
    ones = [torch.ones(s) for s in engine.mask_shapes]
    runs = {
        "heads": lambda x: engine.heads(x),
        "layers": lambda x: engine.layers(x),
        "encode": lambda x: engine.encode(x),
        "decode": lambda x: engine.decode(engine.encode(x), ones),
    }
    runs[part](small)
    asked = []

    def check() -> None:
        asked.append(part)
        if len(asked) == 3:
            raise Cancelled

    engine.check = check
    with pytest.raises(Cancelled):
        runs[part](large)
    assert len(asked) == 3
    engine.check = never
    assert runs[part](small) is not None  # and the engine is as good as before


@pytest.mark.usefixtures("own_cache")
def test_converting_does_not_hold_up_who_cancels(model, monkeypatch):
    convert, release, converted = conversion._convert, threading.Event(), []

    def slow(network, part):
        release.wait(60)
        converted.append(part)
        return convert(network, part)

    monkeypatch.setattr(conversion, "_convert", slow)
    engine = model.engine(cpu_device("openvino"))

    def check() -> None:
        raise Cancelled

    engine.check = check
    try:
        with pytest.raises(Cancelled):
            engine.heads(torch.zeros(1, 3, 16, 16, 16))
        assert not converted
    finally:
        release.set()


def test_devices_say_what_they_are(monkeypatch):
    assert Device("cpu", "openvino", "bf16", 2).name == "CPU, 2 threads, bf16 (OpenVINO)"
    assert Device("cpu", "torch", "float32", 1).name == "CPU, 1 thread, float32 (torch)"
    assert Device("cuda", "torch", "fp16", 2, "NVIDIA H200").name == "CUDA: NVIDIA H200"
    with pytest.raises(InputError, match="no device 'tpu'"):
        choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").kind == choose_device("cpu").kind == "cpu"
    with pytest.raises(InputError, match="finds no CUDA device"):
        choose_device("cuda")


def test_without_openvino_torch_does_it(monkeypatch, model, image):
    from napari_uncertainseg.networks.engines import device

    monkeypatch.setattr(device, "find_spec", lambda name: None)
    found = choose_device("cpu")
    assert found.library == "torch"
    assert isinstance(model.engine(found), TorchEngine)


def test_bf16_is_chosen_only_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False, "amx_bf16": False})
    assert cpu_device("torch").precision == "float32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert cpu_device("torch").precision == "bf16"
