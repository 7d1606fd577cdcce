"""MONAI bundles with random weights, in the layout of MONAI's model zoo, and what MONAI makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

SEGRESNET = {
    "_target_": "SegResNet",
    "spatial_dims": 3,
    "init_filters": 8,
    "in_channels": 1,
    "out_channels": 1,
    "blocks_down": [1, 1],
    "blocks_up": [1],
    "norm": ["GROUP", {"num_groups": 4}],
    "dropout_prob": 0.2,
}
TRANSFORMS = [
    {"_target_": "LoadImaged", "keys": "@image_key"},
    {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
    {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
    {"_target_": "Spacingd", "keys": "@image_key", "pixdim": "$[1.5, @depth / 2, 1.0 + 0.25]",
     "mode": "bilinear"},
    {"_target_": "NormalizeIntensityd", "keys": "@image_key", "channel_wise": True},
    {"_target_": "EnsureTyped", "keys": "@image_key"},
]  # fmt: skip


def configuration(**changes: Any) -> dict[str, Any]:
    """What ``configs/inference.json`` holds, as in the model zoo, with what a run of MONAI needs."""
    content: dict[str, Any] = {
        "imports": ["$import glob", "$import os"],
        "bundle_root": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "datalist": "$list(sorted(glob.glob(os.path.join(@bundle_root, '*.nii.gz'))))",
        "image_key": "image",
        "depth": 4,
        "network_def": SEGRESNET,
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": TRANSFORMS},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": [24, 32, 16],
            "sw_batch_size": 2,
            "overlap": 0.5,
            "mode": "gaussian",
        },
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
                {
                    "_target_": "Invertd",
                    "keys": "pred",
                    "transform": "@preprocessing",
                    "orig_keys": "image",
                    "nearest_interp": False,
                    "to_tensor": True,
                },
                {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.45},
                {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
            ],
        },
        "run": ["$@evaluator.run()"],
    }
    return content | changes


def metadata(inputs: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, Any]:
    """What ``configs/metadata.json`` holds, as far as it is read."""
    return {
        "version": "0.3.1",
        "name": "Lesions",
        "description": "Random weights.",
        "authors": "Nobody",
        "network_data_format": {
            "inputs": {"image": {"type": "image", "modality": "MR", "channel_def": dict(inputs)}},
            "outputs": {"pred": {"type": "image", "channel_def": dict(outputs)}},
        },
    }


def write_bundle(
    folder: Path,
    content: dict[str, Any] | None = None,
    about: dict[str, Any] | None = None,
    *,
    weights: tuple[str, ...] = ("model.pt",),
) -> Path:
    """Write a bundle with random weights, saved as MONAI's own tools do."""
    content = configuration() if content is None else content
    about = metadata({"0": "FLAIR"}, {"0": "lesion"}) if about is None else about
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "inference.json").write_text(json.dumps(content))
    (folder / "configs" / "metadata.json").write_text(json.dumps(about))
    for seed, name in enumerate(weights):
        torch.save(make_network(content["network_def"], seed).state_dict(), folder / "models" / name)
    return folder


def make_network(definition: Mapping[str, Any], seed: int = 0) -> torch.nn.Module:
    """A network whose outputs lie on both sides of 0."""
    from monai.bundle import ConfigParser

    torch.manual_seed(seed)
    network = ConfigParser({"network_def": dict(definition)}).get_parsed_content("network_def")
    *_, last, bias = network.parameters()
    with torch.no_grad():
        last.mul_(6)
        bias.zero_()
    return network.eval()


def probabilities_of_monai(folder: Path, scans: list[Path], *, members: str = "model.pt") -> np.ndarray:
    """What ``monai.bundle`` makes of a bundle: (channels, i, j, k) in the order of the scan's file.

    Until the threshold: network, preprocessing, inferer and post-processing are those that it instantiates.
    """
    from monai.bundle import ConfigParser
    from monai.data import list_data_collate
    from monai.transforms import AsDiscreted, Compose, SaveImaged

    parser = ConfigParser()
    parser.read_config(folder / "configs" / "inference.json")
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(folder / "models" / members, weights_only=True))
    preprocessing = parser.get_parsed_content("preprocessing")
    inferer = parser.get_parsed_content("inferer")
    post = parser.get_parsed_content("postprocessing")
    until = Compose([t for t in post.transforms if not isinstance(t, AsDiscreted | SaveImaged)])
    files = [str(path) for path in scans]
    data = preprocessing({"image": files if len(files) > 1 else files[0]})
    with torch.no_grad():
        data["pred"] = inferer(list_data_collate([data])["image"], network)[0]
    return until(data)["pred"].numpy()
