"""SmoothGrad of a region: against what it must be by hand, and against captum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.explain import scene as scenes
from napari_uncertainseg.explain.region_network import RegionNetwork
from napari_uncertainseg.explain.saliency import SmoothGradSetting, noise_sigma, smoothgrad
from napari_uncertainseg.explain.scene import fields_of, smaller_margins
from napari_uncertainseg.inference import tiling
from napari_uncertainseg.networks.engines.device import Device
from napari_uncertainseg.networks.engines.openvino_engine import OpenVinoEngine
from napari_uncertainseg.networks.engines.torch_engine import TorchEngine
from napari_uncertainseg.networks.multihead import MultiHeadUNet

from .conftest import CPU, box_mask, make_scene

FEW = SmoothGradSetting(passes=3)


def maps_of(scene, region, setting=FEW) -> np.ndarray:
    return list(smoothgrad(scene, region, setting))[-1].maps()


def shifted_kernels(weight: np.ndarray, region: np.ndarray) -> np.ndarray:
    """What each voxel of the scans adds to the sum of a convolution's outputs in a region, by plain loops."""
    out = np.zeros((weight.shape[0], *region.shape), np.float64)
    for place in np.argwhere(region):
        for offset in np.ndindex(3, 3, 3):
            at = place + offset - 1
            if (at >= 0).all() and (at < region.shape).all():
                out[(slice(None), *at)] += weight[(slice(None), *offset)]
    return out


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5])
def test_linear_network_gives_the_shifted_kernels_whatever_the_noise(linear, noise):
    scene = make_scene(linear)
    region = box_mask(scene.shape, slice(0, 3), slice(3, 5), slice(7, 10))  # at the edge
    found = maps_of(scene, region, replace(FEW, noise=noise))
    wanted = shifted_kernels(linear.weight.detach().numpy()[0], region)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert (found < 0).any() and (found > 0).any()  # signed


def test_maximum_keeps_the_gradient_of_largest_absolute_value(linear):
    scene = make_scene(linear)
    region = box_mask(scene.shape, slice(3, 5), slice(4, 6), slice(5, 6))
    found = maps_of(scene, region, replace(FEW, version="maximum"))
    weight, best = linear.weight.detach().numpy()[0], np.zeros((3, *scene.shape))
    for place in np.argwhere(region):
        one = np.zeros_like(region)
        one[tuple(place)] = True
        own = shifted_kernels(weight, one)
        best = np.where(np.abs(own) > np.abs(best), own, best)
    np.testing.assert_allclose(found, best, atol=1e-6)


def test_one_voxel_gives_the_same_in_both_versions(curved):
    scene = make_scene(curved)
    region = box_mask(scene.shape, 4, 4, 4)
    maximum = maps_of(scene, region, replace(FEW, version="maximum"))
    np.testing.assert_allclose(maximum, maps_of(scene, region), atol=1e-7)


def test_regions_add_up(curved):
    scene = make_scene(curved)
    one = box_mask(scene.shape, slice(1, 3), slice(2, 4), slice(2, 4))
    other = box_mask(scene.shape, slice(5, 8), slice(2, 4), slice(6, 9))
    together = maps_of(scene, one | other)
    np.testing.assert_allclose(together, maps_of(scene, one) + maps_of(scene, other), atol=1e-6)


def test_mean_of_the_gradients_at_noisy_scans(curved):
    scene = make_scene(curved)
    region = box_mask(scene.shape, slice(3, 6), slice(3, 6), slice(3, 6))
    found = [one.maps() for one in smoothgrad(scene, region, FEW)]
    generator, total = torch.Generator().manual_seed(0), 0.0
    sigma = 0.05 * float(scene.image[0].max() - scene.image[0].min())
    for n in range(3):
        noise = torch.randn((1, *scene.image.shape), generator=generator)
        x = (torch.from_numpy(scene.image)[None] + sigma * noise).requires_grad_()
        curved(x)[0, 0][torch.from_numpy(region)].sum().backward()
        total = total + x.grad[0].numpy()
        np.testing.assert_allclose(found[n], total / (n + 1), atol=1e-6)  # refined with each pass


def test_captum_gives_the_same_with_the_same_noise(curved, monkeypatch):
    attr = pytest.importorskip("captum.attr", reason="captum, the oracle, is not installed")
    scene = make_scene(curved)
    region = box_mask(scene.shape, slice(3, 6), slice(3, 6), slice(3, 6))
    where, sigma = torch.from_numpy(region), noise_sigma(scene, 0.05)
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn((1, *scene.image.shape), generator=generator) for _ in range(3)]
    monkeypatch.setattr(torch, "normal", lambda *_, **__: sigma * torch.cat(draws))
    tunnel = attr.NoiseTunnel(attr.Saliency(lambda x: curved(x)[:, 0][:, where].sum(1)))
    x = torch.from_numpy(scene.image)[None].requires_grad_()
    wanted = tunnel.attribute(x, nt_type="smoothgrad", nt_samples=3, stdevs=sigma, abs=False)
    np.testing.assert_allclose(maps_of(scene, region), wanted[0].detach().numpy(), atol=1e-6)


def test_captum_is_no_run_time_dependency(checkout):
    for path in (checkout / "src").rglob("*.py"):
        assert "captum" not in path.read_text(encoding="utf-8"), path


def test_same_seed_same_map_and_other_seed_another(curved):
    scene = make_scene(curved)
    region = box_mask(scene.shape, 4, 4, 4)
    first = maps_of(scene, region)
    np.testing.assert_array_equal(first, maps_of(scene, region))
    assert not np.array_equal(first, maps_of(scene, region, replace(FEW, seed=1)))


def test_scan_that_was_not_given_stays_without_noise():
    class Sees(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))
            self.seen = []

        def forward(self, x):
            self.seen.append(float(x[:, 2].detach().abs().max()))
            return x.sum(1, keepdim=True) * self.weight

    network = Sees()
    scene = make_scene(network)
    scene.image[2] = 0
    maps_of(scene, box_mask(scene.shape, 4, 4, 4))
    assert scene.given == (True, True, False) and max(network.seen) == 0


def test_large_region_takes_several_patches_and_loses_nothing():
    torch.manual_seed(0)
    point = nn.Conv3d(3, 2, 1)
    scene = make_scene(point, shape=(9, 8, 10), patch=(4, 12, 4), outputs=2)
    region = box_mask(scene.shape, slice(1, 9), slice(0, 8), slice(2, 9))
    assert len(fields_of(scene, region, 5.0)) == 4
    found = maps_of(scene, region)
    weight = point.weight.detach().numpy()[:, :, 0, 0, 0]
    wanted = (weight[1] - weight[0])[:, None, None, None] * region
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def our_scene(shape=(48, 40, 44)):
    torch.manual_seed(0)
    network = MultiHeadUNet(3, [4, 6, 8], 2, styles=2).eval()
    scene = make_scene(nn.Conv3d(3, 1, 1), shape=shape)
    return replace(scene, engine=TorchEngine(network, CPU), heads=slice(2, 4)), network


def test_field_of_our_network_lies_on_its_strides():
    scene, _ = our_scene()
    (one,) = fields_of(scene, box_mask(scene.shape, slice(20, 22), slice(38, 40), slice(0, 2)), 6.0)
    assert [s.start % 4 for s in one.box] == [0, 0, 0] and all(n % 4 == 0 for n in one.size)
    assert one.box[0].start <= 14 and one.box[0].stop >= 28 and one.box[1].stop == 40
    assert one.region.sum() == 8


def test_field_gives_the_gradient_of_the_whole_scan():
    scene, network = our_scene()
    region = box_mask(scene.shape, slice(22, 24), slice(20, 22), slice(20, 22))
    setting = SmoothGradSetting(passes=1, noise=0.0, margin_mm=14.0)
    (one,) = fields_of(scene, region, setting.margin_mm)
    assert one.size < scene.shape
    x = torch.from_numpy(scene.image)[None].requires_grad_()
    network(x)[0, 2:4].mean(0)[torch.from_numpy(region)].sum().backward()
    wanted = x.grad[0].numpy()
    found = maps_of(scene, region, setting)
    assert np.abs(found - wanted).sum() < 0.02 * np.abs(wanted).sum()


def test_openvino_gives_no_gradients():
    scene, network = our_scene()
    engine = OpenVinoEngine(
        lambda: network, Device("cpu", "openvino", "float32", 1), key="x", sizes=network.sizes
    )
    with pytest.raises(InputError, match="no gradients"):
        next(smoothgrad(replace(scene, engine=engine), box_mask(scene.shape, 9, 9, 9), FEW))


def test_cancelled_in_the_middle_of_a_pass(curved):
    scene = make_scene(curved)
    calls = []

    def progress(stage, fraction):
        calls.append(stage)
        if len(calls) == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(smoothgrad(scene, box_mask(scene.shape, 4, 4, 4), FEW, progress))
    assert set(calls) == {"pass 1 of 3"}
    scene.engine.check()  # nobody is asked any more


def test_memory_that_runs_out_takes_a_smaller_field_then_refuses(monkeypatch):
    scene, _ = our_scene()
    region = box_mask(scene.shape, slice(20, 22), slice(20, 22), slice(20, 22))
    run = RegionNetwork.__call__

    def short(self, image, most):
        if image[0, 0].numel() > most:
            raise MemoryError
        return run(self, image)

    monkeypatch.setattr(RegionNetwork, "__call__", lambda self, image: short(self, image, 30_000))
    last = list(smoothgrad(scene, region, FEW))[-1]
    assert last.margin_mm in smaller_margins(32.0)[1:] and last.passes == 3
    monkeypatch.setattr(RegionNetwork, "__call__", lambda self, image: short(self, image, 1))
    with pytest.raises(InputError, match="not enough free memory"):
        list(smoothgrad(scene, region, FEW))
    assert tiling.is_out_of_memory(MemoryError()) and scenes.smaller_margins(3.0) == [3.0]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (np.zeros((9, 8, 10), bool), "empty"),
        (np.ones((9, 8, 9), bool), "mask of"),
        (np.ones((9, 8, 10), np.uint8), "mask of"),
    ],
)
def test_region_that_is_none_is_refused(linear, region, said):
    with pytest.raises(InputError, match=said):
        next(smoothgrad(make_scene(linear), region))


def test_whole_image_as_region(linear):
    scene = make_scene(linear)
    found = maps_of(scene, np.ones(scene.shape, bool))
    inner = linear.weight.detach().numpy()[0].sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found[:, 4, 4, 4], inner, atol=1e-5)


def test_settings_that_make_no_sense(linear):
    region = np.ones((9, 8, 10), bool)
    for setting in (SmoothGradSetting(passes=0), SmoothGradSetting(noise=float("nan"))):
        with pytest.raises(InputError, match="Saliency needs"):
            next(smoothgrad(make_scene(linear), region, setting))
