"""Grad-CAM++ against its formula in plain loops, and against MONAI's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.gradcam import grad_cam_pp, stages_of, weighted_activations

from .conftest import box_mask, make_scene
from .test_saliency import our_scene


def by_loops(a: np.ndarray, g: np.ndarray) -> np.ndarray:
    out = np.zeros(a.shape[1:])
    for k in range(len(a)):
        total, weight = a[k].sum(), 0.0
        for place in np.ndindex(*a.shape[1:]):
            below = 2 * g[k][place] ** 2 + total * g[k][place] ** 3
            alpha = g[k][place] ** 2 / (below if below != 0 else 1.0)
            weight += alpha * max(g[k][place], 0.0)
        out += weight * a[k]
    return np.maximum(out, 0)


def test_formula():
    rng = np.random.default_rng(0)
    a, g = rng.standard_normal((2, 4, 3, 2, 5))
    g[0, 0, 0] = 0
    np.testing.assert_allclose(weighted_activations(a, g), by_loops(a, g), rtol=1e-5, atol=1e-6)
    assert not weighted_activations(a, np.zeros_like(g)).any()


def test_map_of_a_network_is_the_formula_of_its_layer(curved):
    scene = make_scene(curved)
    region = box_mask(scene.shape, slice(3, 6), slice(3, 6), slice(3, 6))
    first = curved[0](torch.from_numpy(scene.image)[None]).detach().requires_grad_()
    curved[1:](first)[0, 0][torch.from_numpy(region)].sum().backward()
    wanted = by_loops(first[0].detach().numpy(), first.grad[0].numpy())
    found = grad_cam_pp(scene, region, "0")
    np.testing.assert_allclose(found.map, wanted, rtol=1e-3, atol=1e-5)
    assert found.stage == "0"


def test_monai_gives_the_same_up_to_one_factor(curved):
    cam = pytest.importorskip("monai.visualize.class_activation_maps", reason="MONAI is not installed")
    scene = make_scene(curved)
    region = box_mask(scene.shape, slice(3, 6), slice(3, 6), slice(3, 6))

    class Score(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = curved

        def forward(self, x):
            return self.net(x)[:, 0][:, torch.from_numpy(region)].sum(1, keepdim=True)

    other = cam.GradCAMpp(Score(), "net.2", postprocessing=lambda x, *_: x)
    theirs = other(torch.from_numpy(scene.image)[None], class_idx=0).detach().numpy()
    own = grad_cam_pp(scene, region, "2", as_monai=True).map
    assert own.max() > 0
    np.testing.assert_allclose(theirs[0, 0] / theirs.max(), own / own.max(), atol=1e-3)  # theirs adds 1e-7


def test_stages(curved):
    scene = make_scene(curved)
    assert stages_of(scene.engine) == ("4", "2", "0")
    assert grad_cam_pp(scene, np.ones(scene.shape, bool)).stage == "2"  # the last one but the logits' own
    with pytest.raises(InputError, match=r"no stage 'x': choose one of 4, 2, 0"):
        grad_cam_pp(scene, np.ones(scene.shape, bool), "x")


@pytest.mark.parametrize("stage", [None, "decoder.1"])
def test_our_decoder(stage):
    scene, _ = our_scene()
    region = box_mask(scene.shape, slice(20, 23), slice(20, 23), slice(20, 23))
    found = grad_cam_pp(scene, region, stage, margin_mm=8.0)
    assert found.stage == (stage or "decoder.0") and found.map.shape == scene.shape
    assert found.map.min() >= 0 and np.isfinite(found.map).all()


def test_score_of_many_large_logits_does_not_overflow(linear):
    with torch.no_grad():
        linear.weight *= 1e4
    scene = make_scene(nn.Sequential(linear, nn.Conv3d(1, 1, 1)))
    found = grad_cam_pp(scene, np.ones(scene.shape, bool))
    assert np.isfinite(found.map).all()
