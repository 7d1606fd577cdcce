"""The GPU's path, driven on a stand-in: torch's meta device has shapes and layouts, and computes nothing.

No GPU took part. What is seen here is what is asked of torch: precision, layout, copies, and what is said.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.options.setting import DEVICES
from napari_uncertainseg.networks.engines import device as devices
from napari_uncertainseg.networks.engines import foreign_engine, torch_engine
from napari_uncertainseg.networks.engines.cuda import onto, tried_algorithms
from napari_uncertainseg.networks.engines.device import Device, choose_device
from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine
from napari_uncertainseg.networks.multihead import MultiHeadUNet

GPU = Device("cuda", "torch", "fp16", 2, "stand-in")
META = torch.device("meta")
CUDA = torch.device("cuda")


@pytest.fixture
def asked(monkeypatch):
    """A GPU that is none: what the engines ask of torch, in order."""
    found: list[tuple] = []
    to, autocast = torch.Tensor.to, torch.autocast

    def moved(tensor, *args, **named):
        if args and args[0] in (CUDA, META):
            if tensor.device.type == "cpu":
                found.append(("to", named.get("non_blocking", False)))
            args = (META, *args[1:])
        return to(tensor, *args, **named)

    def pinned(tensor):
        found.append(("pin", tuple(tensor.shape)))
        return tensor

    def mode(kind, dtype=None, enabled=True):
        found.append(("autocast", kind, dtype, enabled))
        return autocast("cpu", dtype=torch.bfloat16, enabled=False)

    monkeypatch.setattr(torch.Tensor, "to", moved)
    monkeypatch.setattr(torch.Tensor, "pin_memory", pinned)
    monkeypatch.setattr(torch, "autocast", mode)
    monkeypatch.setattr(nn.Module, "to", lambda self, device: self.to_empty(device=META))
    stream = SimpleNamespace(synchronize=lambda: found.append(("synchronize",)))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    return found


def small() -> MultiHeadUNet:
    return MultiHeadUNet(3, (4, 8, 8), 2, styles=2, thin=True).eval()


def test_the_network_lies_on_the_gpu_with_its_channels_together(asked):
    engine = TorchEngine(small(), GPU)
    weights = [p for p in engine.network.parameters() if p.ndim == 5]
    assert weights
    assert all(p.device == META for p in engine.network.parameters())
    assert all(p.is_contiguous(memory_format=torch.channels_last_3d) for p in weights)


@pytest.mark.parametrize(("run", "channels"), [("heads", 4), ("layers", 8)])
def test_a_pass_is_copied_once_in_half_precision_and_waited_for(asked, run, channels):
    engine, seen = TorchEngine(small(), GPU), []
    first = engine.network.laterals[0]
    first.register_forward_pre_hook(
        lambda module, inputs: seen.append((inputs[0].is_inference(), inputs[0].stride()[1]))
    )
    found = getattr(engine, run)(torch.zeros(1, 3, 16, 24, 16))
    assert found.shape == (channels, 16, 24, 16)
    assert found.dtype == torch.float32
    assert found.device == META  # the maps are made there too
    assert seen == [(True, 1)]  # inference mode, and a voxel's channels side by side
    assert asked.count(("pin", (1, 3, 16, 24, 16))) == 1
    assert [one for one in asked if one[0] == "to"] == [("to", True)]
    assert ("autocast", "cuda", torch.float16, True) in asked
    assert asked[-1] == ("synchronize",)


def test_a_scan_is_placed_on_the_gpu_once_for_all_passes(asked):
    engine = TorchEngine(small(), GPU)
    image = engine.place(np.zeros((1, 3, 16, 16, 16), np.float32))
    assert asked == [("pin", (1, 3, 16, 16, 16)), ("to", True)]
    engine.heads(image)
    engine.heads(image)
    assert len([one for one in asked if one[0] == "to"]) == 1


def test_sampling_encodes_once_and_copies_only_masks(asked):
    engine = TorchEngine(small(), GPU)
    encoded = engine.encode(torch.zeros(1, 3, 16, 16, 16))
    copies = len([one for one in asked if one[0] == "to"])
    assert copies == 1
    engine.decode(encoded, [torch.ones(shape) for shape in engine.mask_shapes])
    assert len([one for one in asked if one[0] == "to"]) == copies + len(engine.mask_shapes)


def test_an_older_gpu_runs_in_float32_and_says_so(asked):
    engine = TorchEngine(small(), GPU.at("float32"))
    engine.heads(torch.zeros(1, 3, 16, 16, 16))
    assert ("autocast", "cuda", torch.float32, False) in asked
    assert engine.device.name == "CUDA: stand-in, float32"


@pytest.mark.parametrize(("patches", "tries"), [(Patches((16, 16, 16)), True), (None, False)])
def test_algorithms_are_tried_out_only_for_windows_of_one_size(asked, patches, tries):
    seen = []

    class Net(nn.Conv3d):
        def forward(self, image):
            seen.append((torch.backends.cudnn.benchmark, torch.backends.cudnn.enabled))
            return super().forward(image)

    before = torch.backends.cudnn.benchmark
    engine = ForeignEngine(Net(1, 2, 3, padding=1), GPU, channels=2, target=(1,), patches=patches)
    assert engine.heads(torch.zeros(1, 1, 16, 16, 16)).shape == (2, 16, 16, 16)
    assert seen == [(tries, torch.backends.cudnn.enabled)]
    assert torch.backends.cudnn.benchmark == before


def test_without_page_locked_memory_the_copy_is_an_ordinary_one(asked, monkeypatch):
    def refused(tensor):
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.Tensor, "pin_memory", refused)
    assert onto(torch.zeros(2), CUDA).device == META
    assert asked == [("to", False)]


def test_a_cpu_is_left_alone():
    image = torch.zeros(1, 3, 4, 4, 4)
    assert onto(image, torch.device("cpu")) is image
    with tried_algorithms(torch.device("cpu"), one_size=True):
        assert not torch.backends.cudnn.benchmark


@pytest.fixture
def gpu(monkeypatch):
    """What torch says of a GPU that is there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch, "ones", lambda n, device: torch.zeros(n))
    return monkeypatch


def test_a_gpu_that_works_is_chosen(gpu):
    assert choose_device("auto") == choose_device("cuda")
    assert choose_device("cuda").name == "CUDA: Some GPU"
    assert choose_device("cpu").kind == "cpu"
    assert not choose_device("cuda").note and not choose_device("cpu").note


def test_half_precision_needs_a_gpu_that_has_it(gpu):
    gpu.setattr(torch.cuda, "get_device_capability", lambda: (6, 1))
    assert choose_device("cuda").name == "CUDA: Some GPU, float32"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB."),
    ],
)
def test_a_gpu_that_does_not_work_is_left_for_the_cpu(gpu, error):
    def fails(n, device):
        raise error

    gpu.setattr(torch, "ones", fails)
    chosen = choose_device("auto")
    assert chosen.kind == "cpu"
    assert chosen.note.startswith("The GPU does not work (CUDA ")  # the result says it, see test_segmenter
    assert chosen.note.endswith("): the CPU was used instead.") and "\n" not in chosen.note
    with pytest.raises(InputError, match=r"the GPU does not work \(CUDA .*\): choose auto or cpu\.") as told:
        choose_device("cuda")
    assert "\n" not in str(told.value)


def test_the_engines_are_those_that_are_looked_at():
    assert foreign_engine.onto is torch_engine.onto is onto
    assert devices.WISHES == DEVICES == ("auto", "cpu", "cpu-float32", "cpu-int8", "cuda")
