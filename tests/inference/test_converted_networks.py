"""Networks made elsewhere run through OpenVINO where that gives the numbers of torch, and only there."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_uncertainseg._base import Cancelled
from napari_uncertainseg.networks.engines import converted_network
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.engines.rewritten.exact_norms import exact_norms

pytest.importorskip("openvino")
SIDES = (32, 36, 30)
WINDOW = torch.randn((1, 2, *SIDES), generator=torch.Generator().manual_seed(1)) + 3


class Network(nn.Module):
    """Two channels, with both normalisations and, where asked for, a coarser output beside."""

    def __init__(self, *, deep: bool = False, traceable: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv3d(2, 4, 3, padding=1), nn.InstanceNorm3d(4, affine=True), nn.LeakyReLU(),
            nn.Conv3d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.Conv3d(4, 2, 1),
        )  # fmt: skip
        self.deep, self.traceable = deep, traceable
        self.eval()

    def forward(self, image):
        if torch.jit.is_tracing() and not self.traceable:
            raise RuntimeError("no")
        found = 5 * self.layers(image)
        return [found, found[..., ::2]] if self.deep else found


def make_engine(network, library="openvino", sides=SIDES):
    patches = Patches(sides)
    return ForeignEngine(network, cpu_device(library), channels=2, target=(1,), patches=patches)


@pytest.mark.slow
def test_the_numbers_are_those_of_torch():
    engine = make_engine(Network(deep=True))
    wanted = make_engine(Network(), "torch").heads(WINDOW)
    first, second = engine.heads(WINDOW), engine.heads(WINDOW)
    assert engine.device.name.endswith("float32 (OpenVINO)") and wanted.std() > 1
    assert torch.equal(first, second), "a second run of the same scan should give the same"
    torch.testing.assert_close(second, wanted, rtol=0, atol=1e-4)
    assert not torch.equal(second, wanted), "OpenVINO did not run"
    other = engine.heads(WINDOW.flip(2))
    torch.testing.assert_close(
        other, make_engine(Network(), "torch").heads(WINDOW.flip(2)), rtol=0, atol=1e-4
    )


def test_torch_runs_what_cannot_be_converted():
    engine = make_engine(Network(traceable=False))
    wanted = make_engine(Network(), "torch").heads(WINDOW)
    assert torch.equal(engine.heads(WINDOW), wanted) and engine.device.library == "torch"


@pytest.mark.slow
def test_torch_runs_what_has_other_numbers_in_openvino(monkeypatch):
    wanted = make_engine(Network(), "torch").heads(WINDOW)
    monkeypatch.setattr(converted_network, "CLOSE", 0.0)  # no two ways to compute are that close
    engine = make_engine(Network())
    assert torch.equal(engine.heads(WINDOW), wanted) and torch.equal(engine.heads(WINDOW), wanted)
    assert engine.device.name.endswith("float32 (torch)")


def test_small_windows_are_not_worth_a_conversion():
    assert make_engine(Network(), sides=(16, 16, 16)).device.library == "torch"


@pytest.mark.slow
def test_a_conversion_can_be_stopped_and_the_next_run_waits_for_it():
    engine = make_engine(Network())

    def stop():
        raise Cancelled

    engine.check = stop
    with pytest.raises(Cancelled):
        engine.heads(WINDOW)
    engine.check = lambda: None
    for _ in range(2):
        assert engine.heads(WINDOW).shape == (2, *SIDES)
    assert engine.device.library == "openvino"


def test_means_by_blocks_are_means_and_the_network_is_left_as_it_was():
    network = Network()
    plain = network(WINDOW)
    with torch.no_grad(), exact_norms(network):
        assert "forward" in vars(network.layers[1]) and "forward" in vars(network.layers[4])
        torch.testing.assert_close(network(WINDOW), plain, rtol=0, atol=1e-4)
    assert torch.equal(network(WINDOW), plain)
    assert not any("forward" in vars(module) for module in network.modules())
