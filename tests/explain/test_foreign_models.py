"""A MONAI bundle and a folder of nnU-Net are explained on the scan's own voxels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_uncertainseg.cli import main
from napari_uncertainseg.explain.context import context_curve
from napari_uncertainseg.explain.counterfactual import counterfactuals
from napari_uncertainseg.explain.explained_case import open_case
from napari_uncertainseg.explain.gradcam import grad_cam_pp
from napari_uncertainseg.explain.saliency import SmoothGradSetting, smoothgrad
from napari_uncertainseg.images.files import write_volume

from .. import bundles, nnunet_folders
from ..inference.conftest import make_scan


@pytest.fixture(scope="module", params=["bundle", "nnunet"])
def case(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "bundle":
        pytest.importorskip("monai", reason="MONAI builds the network of a bundle")
        model = bundles.write_bundle(folder / "model")
    else:
        model = nnunet_folders.write_model(folder / "model", folds=1)
    scan = make_scan((20, 34, 30), (2.0, 1.0, 1.0))
    write_volume(folder / "scan.nii.gz", scan.data, scan.grid)
    out, name = str(folder / "results"), str(model)
    assert main(["segment", str(folder / "scan.nii.gz"), "--model", name, "--out", out]) == 0
    return open_case(out, model=model)


def region_of(case) -> np.ndarray:
    mask = np.zeros(case.grid.shape, bool)
    mask[9:12, 15:19, 13:17] = True
    return mask


def test_mask_arrives_where_it_was(case):
    mask = region_of(case)
    there = case.voxels.to_network(mask)
    volume = there.sum() * np.prod(case.scene.spacing)
    assert volume == pytest.approx(mask.sum() * case.grid.voxel_volume, rel=0.35)
    weight = case.voxels.to_scan(there.astype(np.float32))
    centre = [np.average(axis, weights=weight) for axis in np.indices(mask.shape)]
    np.testing.assert_allclose(centre, [10.0, 16.5, 14.5], atol=0.5)


def test_gradient_is_that_of_the_networks_own_target(case):
    region = case.voxels.to_network(region_of(case))
    *_, found = smoothgrad(case.scene, region, SmoothGradSetting(passes=1, noise=0.0))
    maps = found.maps()
    step = 0.01 * np.sign(maps)  # uphill everywhere
    (one,) = found._fields
    values = []
    for image in (case.scene.image - step, case.scene.image + step):
        with torch.inference_mode():
            logits = case.scene.logits(one.window(image, case.scene.engine)).mean(0)
        values.append(float(logits[one.mask(case.scene.engine)].double().sum()))
    wanted = 0.02 * float(np.abs(maps).astype(np.float64).sum())
    assert values[1] - values[0] == pytest.approx(wanted, rel=0.1)


def test_all_other_parts(case):
    region = case.voxels.to_network(region_of(case))
    assert np.isfinite(grad_cam_pp(case.scene, region).map).all()
    curve = context_curve(case.scene, region, largest_mm=4, step_mm=2)
    assert len(curve) == 4 and curve["mean_probability"].between(0, 1).all()
    table = counterfactuals(case.scene, region)
    assert table["mean_probability"].between(0, 1).all() and not case.scene.ours
    assert not table["change"].str.startswith("without").any()  # it reads one scan
