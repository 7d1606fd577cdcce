"""Folders of MONAI's Auto3DSeg: three configurations, and what their scripts do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.networks import catalog
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.foreign_settings import ForeignSettings
from napari_uncertainseg.networks.kinds import read_model

from ..bundles import make_network
from ..zoo_bundles import SEGRESNET
from .test_monai_bundle import write_scan

pytest.importorskip("monai")
yaml = pytest.importorskip("yaml")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning:monai")
TRANSFORMS = [
    {"_target_": "LoadImaged", "keys": "@image_key", "image_only": True},
    {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
    {"_target_": "NormalizeIntensityd", "keys": "@image_key", "nonzero": True, "channel_wise": True},
    {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
    {"_target_": "Spacingd", "keys": "@image_key", "pixdim": "$@transforms#resample_to_spacing",
     "mode": "bilinear", "align_corners": True},
    {"_target_": "CastToTyped", "keys": "@image_key", "dtype": "$torch.float32"},
]  # fmt: skip


def network() -> torch.nn.Module:
    """Not so sure that probabilities are 1 in single precision, from which no larger logit comes back."""
    made = make_network(SEGRESNET)
    with torch.no_grad():
        list(made.parameters())[-2].mul_(0.2)
    return made


@pytest.fixture
def trained(tmp_path) -> Path:
    """A folder as ``swinunetr_0``; the network is a smaller one."""
    folder = tmp_path / "swinunetr_0"
    (folder / "configs").mkdir(parents=True)
    (folder / "model_fold0").mkdir()
    parameters = {
        "bundle_root": "/somewhere/swinunetr_0", "fold": 0,
        "ckpt_path": "$@bundle_root + '/model_fold' + str(@fold)",
        "transforms": {"resample_to_spacing": "$@training#resample_to_spacing"},
        "training": {"input_channels": 1, "output_classes": 2, "overlap_ratio": 0.25, "softmax": True,
                     "patch_size_valid": [32, 32, 32], "resample_to_spacing": [2.0, 2.0, 2.0]},
    }  # fmt: skip
    definition = SEGRESNET | {"in_channels": "@input_channels", "out_channels": "@output_classes"}
    transforms = {"image_key": "image", "transforms_infer": {"_target_": "Compose", "transforms": TRANSFORMS}}
    files = {
        "hyper_parameters": parameters,
        "network": {"network": definition},
        "transforms_infer": transforms,
    }
    for name, content in files.items():
        (folder / "configs" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    torch.save(network().state_dict(), folder / "model_fold0" / "best_metric_model.pt")
    return folder


def test_it_gives_what_the_scripts_give(trained, tmp_path):
    from monai.bundle import ConfigParser
    from monai.inferers import sliding_window_inference
    from monai.transforms import Activationsd, Compose, Invertd

    scan = write_scan(tmp_path / "scans")
    model = read_model(trained)
    found = Segmenter(model, device=cpu_device("torch")).predict({"image": read_volume(scan)})
    parser = ConfigParser()
    parser.read_config([trained / "configs" / f"{n}.yaml" for n in ("hyper_parameters", "transforms_infer")])
    infer = parser.get_parsed_content("transforms_infer")
    data = infer({"image": str(scan)})
    with torch.no_grad():
        data["pred"] = sliding_window_inference(
            data["image"][None], [32, 32, 32], 2, network(), overlap=0.25, mode="gaussian"
        )[0]
    back = Compose(
        [Invertd("pred", infer, "image", nearest_interp=False), Activationsd("pred", softmax=True)]
    )
    wanted = back(data)["pred"].numpy()[1]
    np.testing.assert_allclose(found.grid.to_file(found.probability)[0], wanted, atol=2e-3)
    assert wanted.std() > 0.005


def test_it_is_added_with_what_the_user_says(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "user_folder", lambda: tmp_path / "user")
    model = catalog.add_model(trained, told=ForeignSettings(scans={"0": "flair"}, name="mine"))
    assert model.modalities == ("flair",) and catalog.find_model("mine").target == "lesion"


def test_algorithms_that_prepare_scans_by_code_are_refused(trained):
    (trained / "configs" / "transforms_infer.yaml").unlink()
    with pytest.raises(InputError, match=r"without transforms_infer\.yaml: .* is code, which is not run"):
        read_model(trained)
