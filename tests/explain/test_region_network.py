"""Logits of a box only: against the network itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.explain.region_network import RegionNetwork
from napari_uncertainseg.explain.saliency import SmoothGradSetting, smoothgrad
from napari_uncertainseg.explain.scene import fields_of
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.networks.normalisation import BatchNorm

from .conftest import CPU, box_mask, make_scene

REGIONS = {
    "middle": (slice(15, 20), slice(9, 12), slice(17, 18)),
    "edge": (slice(0, 3), slice(21, 24), slice(30, 32)),
    "all": (slice(0, 32), slice(0, 24), slice(0, 32)),
}


def our_scene(*, thin):
    torch.manual_seed(0)
    network = MultiHeadUNet(3, [4, 6, 8, 8], 2, styles=2, thin=thin).eval()
    for module in network.modules():
        if isinstance(module, BatchNorm):  # as training leaves them
            for values in (module.weight.data, module.running_var):
                values.uniform_(0.5, 1.5)
            for values in (module.bias.data, module.running_mean):
                values.normal_()
    scene = make_scene(nn.Conv3d(3, 1, 1), shape=(32, 24, 32))
    return replace(scene, engine=TorchEngine(network, CPU), heads=slice(2, 4)), network


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("where", REGIONS)
def test_logits_and_gradients_are_those_of_the_network(thin, where):
    scene, network = our_scene(thin=thin)
    region = box_mask(scene.shape, *REGIONS[where])
    (one,) = fields_of(scene, region, 99.0)
    x = torch.from_numpy(scene.image)[None].requires_grad_()
    logits = network(x)[0, 2:4][:, torch.from_numpy(region)]
    (wanted,) = torch.autograd.grad(logits.mean(0).sum(), x)
    (last,) = smoothgrad(scene, region, SmoothGradSetting(passes=1, noise=0.0, margin_mm=99.0))
    largest = wanted.abs().max()
    np.testing.assert_allclose(last.maps() / largest, wanted[0] / largest, atol=1e-5)
    with torch.inference_mode():
        found = scene.region_logits(one)(one.window(scene.image, scene.engine))
    torch.testing.assert_close(found, logits.detach(), rtol=1e-5, atol=1e-5)


def test_several_copies_at_once_and_cancelled_in_the_middle():
    scene, network = our_scene(thin=True)
    region = box_mask(scene.shape, *REGIONS["middle"])
    box = bounding_box(region)
    quick = RegionNetwork.of(scene.engine, box, scene.shape, scene.heads, mean=True)
    x = torch.randn(2, 3, *scene.shape)
    calls: list[int] = []
    scene.engine.check = lambda: calls.append(1)
    with torch.inference_mode():
        found = quick(x)
        wanted = network(x)[:, 2:4].mean(1, keepdim=True)[(..., *box)]
    assert len(calls) > 5
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_other_networks_run_as_they_are(linear):
    scene = make_scene(linear)
    assert RegionNetwork.of(scene.engine, bounding_box(np.ones((2, 2, 2))), (2, 2, 2), slice(None)) is None
