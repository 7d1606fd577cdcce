"""The forms that bundles of MONAI's model zoo and of published research have, small and in our own words.

What counts of each is which networks, transforms, expressions and files it uses; numbers are small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from .bundles import make_network, metadata

DEVICE = "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')"
WINDOWS = {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 32], "sw_batch_size": 4, "overlap": 0.25}
CT_SCALE = {
    "_target_": "ScaleIntensityRanged",
    "a_min": 10,
    "a_max": 160,
    "b_min": 0,
    "b_max": 1,
    "clip": True,
}


@dataclass(frozen=True)
class Form:
    """One form of bundle.

    Attributes
    ----------
    content
        Of ``configs/inference.json``.
    inputs, outputs
        ``channel_def`` of both sides.
    files
        Weights that lie in ``models``, with the key of the network that each is of.
    modality
        Of the metadata.
    yaml
        Whether the configuration is in YAML.
    """

    content: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    files: dict[str, str] = field(default_factory=lambda: {"model.pt": "network_def"})
    modality: str = "MR"
    yaml: bool = False

    def write(self, folder: Path) -> Path:
        """Write the bundle with random weights."""
        (folder / "configs").mkdir(parents=True)
        (folder / "models").mkdir()
        about = metadata(self.inputs, self.outputs)
        about["network_data_format"]["inputs"]["image"]["modality"] = self.modality
        (folder / "configs" / "metadata.json").write_text(json.dumps(about))
        if self.yaml:
            import yaml

            (folder / "configs" / "inference.yaml").write_text(
                yaml.safe_dump(json.loads(json.dumps(self.content)))
            )
        else:
            (folder / "configs" / "inference.json").write_text(json.dumps(self.content))
        for name, key in self.files.items():
            torch.save(made(self.content[key]).state_dict(), folder / "models" / name)
        return folder


def made(definition: Mapping[str, Any]) -> torch.nn.Module:
    """A network as today's MONAI makes it: it took ``img_size`` of a SwinUNETR in the past."""
    swin = definition["_target_"] == "SwinUNETR"
    return make_network({k: value for k, value in definition.items() if not (swin and k == "img_size")})


def numbered(*names: str) -> dict[str, str]:
    """``channel_def`` of some names."""
    return {str(n): name for n, name in enumerate(names)}


def steps(*transforms: dict, key: Any = "image") -> dict:
    """Preprocessing: loading, then some transforms for one key."""
    usual = [{"_target_": "LoadImaged"}, {"_target_": "EnsureChannelFirstd"}]
    return {"_target_": "Compose", "transforms": [{"keys": key, **one} for one in (*usual, *transforms)]}


def ras(*pixdim: float) -> list[dict]:
    """Orientation and voxel size, as nearly all bundles begin."""
    return [
        {"_target_": "Orientationd", "axcodes": "RAS"},
        {"_target_": "Spacingd", "pixdim": list(pixdim), "mode": "bilinear"},
    ]


def post(*middle: dict, activation: str = "softmax", nearest: bool = False, last: dict | None = None) -> dict:
    """Post-processing: activation, the way back, what makes a mask, and more."""
    discrete = {"argmax": True} if activation == "softmax" else {"threshold": 0.5}
    usual = [
        {"_target_": "Activationsd", activation: True},
        {"_target_": "Invertd", "transform": "@preprocessing", "orig_keys": "image",
         "nearest_interp": nearest, "to_tensor": True},
        {"_target_": "AsDiscreted", **discrete},
    ]  # fmt: skip
    last = last or {"_target_": "SaveImaged", "output_dir": "@output_dir"}
    return {
        "_target_": "Compose",
        "transforms": [{"keys": "pred", **one} for one in (*(middle or usual), last)],
    }


def bundle(network: dict, preprocessing: dict, postprocessing: dict, **more: Any) -> dict[str, Any]:
    """A whole configuration, with the keys that are not used here but stand in each bundle."""
    content = {
        "imports": ["$import glob", "$import os"],
        "bundle_root": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "dataset_dir": "/workspace/data",
        "datalist": "$list(sorted(glob.glob(@dataset_dir + '/*.nii.gz')))",
        "device": DEVICE,
        "network_def": network,
        "network": "$@network_def.to(@device)",
        "preprocessing": preprocessing,
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': i} for i in @datalist]",
            "transform": "@preprocessing",
        },
        "inferer": WINDOWS,
        "postprocessing": postprocessing,
        "handlers": [
            {
                "_target_": "CheckpointLoader",
                "load_path": "$@bundle_root + '/models/model.pt'",
                "load_dict": {"model": "@network"},
            }
        ],
        "evaluator": {"_target_": "SupervisedEvaluator", "network": "@network", "amp": True},
        "initialize": ["$monai.utils.set_determinism(seed=123)"],
        "run": ["$@evaluator.run()"],
    }
    return content | more


UNET = {
    "_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8, 16],
    "strides": [2, 2], "num_res_units": 2, "norm": "batch",
}  # fmt: skip
SEGRESNET = {
    "_target_": "SegResNet", "init_filters": 8, "in_channels": 1, "out_channels": 2, "blocks_down": [1, 1],
    "blocks_up": [1], "dropout_prob": 0.2,
}  # fmt: skip
DYNUNET = {
    "_target_": "monai.networks.nets.DynUNet", "spatial_dims": "$len(@spatial_size)", "in_channels": 1,
    "out_channels": "$len(@labels)", "kernel_size": [3, 3, 3], "strides": [1, 2, [2, 2, 1]],
    "upsample_kernel_size": [2, [2, 2, 1]], "norm_name": "instance", "deep_supervision": False,
    "res_block": True, "filters": [4, 8, 8],
}  # fmt: skip
SCAN_CALLED = "$monai.utils.CommonKeys.IMAGE"

BRAIN_TUMOUR = Form(
    bundle(
        SEGRESNET | {"in_channels": 4, "out_channels": 3},
        steps({"_target_": "NormalizeIntensityd", "nonzero": True, "channel_wise": True}),
        post(
            activation="sigmoid",
            last={"_target_": "Lambdad", "func": "$lambda x: torch.where(x[[2]] > 0, 4, 0)"},
        ),
    ),
    numbered("T1c", "T1", "T2", "FLAIR"),
    numbered("Tumor core", "Whole tumor", "Enhancing tumor"),
)
SPLEEN = Form(
    bundle(UNET, steps(*ras(1.5, 1.5, 2.0), CT_SCALE, {"_target_": "EnsureTyped"}), post()),
    numbered("image"),
    numbered("background", "spleen"),
    modality="CT",
)
SWIN_UNETR = Form(
    bundle(
        {"_target_": "SwinUNETR", "spatial_dims": 3, "img_size": 32, "in_channels": 1, "out_channels": 3,
         "feature_size": 12, "depths": [1, 1, 1, 1], "use_checkpoint": False},
        steps(*ras(2.0, 2.0, 2.0), CT_SCALE, {"_target_": "EnsureTyped"}),
        post(),
        inferer=WINDOWS | {"roi_size": [64, 64, 64]},
    ),
    numbered("image"), numbered("background", "spleen", "liver"), modality="CT",
)  # fmt: skip
WHOLE_BODY = Form(
    bundle(
        SEGRESNET | {"out_channels": 70},
        steps(
            {"_target_": "Orientationd", "axcodes": "RAS"},
            {"_target_": "Spacingd", "pixdim": "@pixdim", "mode": "bilinear"},
            {"_target_": "NormalizeIntensityd", "nonzero": True},
            {"_target_": "ScaleIntensityd", "minv": -1.0, "maxv": 1.0},
            key="@image_key",
        ),
        post(
            {"_target_": "Activationsd", "softmax": True},
            {"_target_": "AsDiscreted", "argmax": True},
            {"_target_": "Invertd", "transform": "@preprocessing", "orig_keys": "@image_key",
             "nearest_interp": True, "to_tensor": True},
        ),
        displayable_configs={"highres": False, "sw_overlap": 0.25, "sw_batch_size": 1},
        image_key="image",
        output_dtype="$numpy.float32",
        pixdim="$[1.5, 1.5, 1.5] if @displayable_configs#highres else [3.0, 3.0, 3.0]",
        modelname="$'model.pt' if @displayable_configs#highres else 'model_lowres.pt'",
        inferer=WINDOWS | {"overlap": "@displayable_configs#sw_overlap", "padding_mode": "replicate",
                           "mode": "gaussian", "device": DEVICE},
        checkpointloader={
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/' + @modelname",
            "load_dict": {"model": "@network"},
        },
        handlers=[{"_target_": "StatsHandler", "iteration_log": False}],
    ),
    numbered("image"), numbered("background", *(f"organ {n}" for n in range(1, 70))), modality="CT",
    files={"model.pt": "other", "model_lowres.pt": "network_def"},
)  # fmt: skip
WHOLE_BODY.content["other"] = UNET
ABDOMEN = Form(
    bundle(
        DYNUNET,
        steps(
            *ras(1.5, 1.5, 3.0),
            CT_SCALE,
            {"_target_": "CropForegroundd", "source_key": "@image_key", "mode": ["minimum"]},
            {"_target_": "CastToTyped", "dtype": "$torch.float32"},
            key=["@image_key"],
        ),
        post(),
        image_key="image",
        spatial_size=[32, 32, 32],
        labels={"background": 0, "liver": 1, "spleen": 2},
        inferer=WINDOWS | {"overlap": 0.5},
        handlers=[
            {
                "_target_": "CheckpointLoader",
                "load_path": "$@bundle_root + '/models/dynunet_FT.pt'",
                "load_dict": {"model": "@network"},
            }
        ],
        other=UNET,
    ),
    numbered("image"),
    numbered("background", "liver", "spleen"),
    files={"dynunet_FT.pt": "whole", "segresnet_FT.pt": "other"},
    modality="CT",
    yaml=True,
)
ABDOMEN.content["whole"] = DYNUNET | {"spatial_dims": 3, "out_channels": 3}
PROSTATE = Form(
    bundle(
        UNET | {"out_channels": 3, "act": "prelu", "dropout": 0.15},
        steps(
            *ras(1.5, 1.5, 1.5),
            {"_target_": "ScaleIntensityd", "minv": 0, "maxv": 1},
            {"_target_": "NormalizeIntensityd"},
        ),
        post(
            {"_target_": "AsDiscreted", "argmax": True},
            {"_target_": "KeepLargestConnectedComponentd", "applied_labels": [1, 2]},
            {"_target_": "Invertd", "transform": "@preprocessing", "orig_keys": "image",
             "nearest_interp": False},
        ),
    ),
    numbered("image"), numbered("background", "central gland", "peripheral zone"),
)  # fmt: skip
PROSTATE_LESION = Form(
    bundle(
        UNET | {"in_channels": 3},
        steps(
            {"_target_": "Spacingd", "pixdim": [2.0, 1.5, 1.5], "mode": "bilinear"},
            {"_target_": "ScaleIntensityd", "minv": 0, "maxv": 1},
            {"_target_": "NormalizeIntensityd", "nonzero": True, "channel_wise": True},
            {"_target_": "CenterScaleCropd", "roi_scale": [0.9, 0.6, 1]},
        ),
        post(
            {"_target_": "Activationsd", "softmax": True},
            {"_target_": "Invertd", "transform": "@preprocessing", "orig_keys": "image",
             "nearest_interp": False},
            {"_target_": "AsDiscreted", "argmax": True},
        ),
    ),
    numbered("T2", "ADC", "DWI"), numbered("background", "tumour"),
)  # fmt: skip
TEMPLATE = Form(
    bundle(
        UNET | {"out_channels": "@num_classes"},
        {"_target_": "Compose", "transforms": "$@transforms "},
        {"_target_": "Compose", "transforms": [
            {"_target_": "Activationsd", "keys": "@pred", "softmax": True},
            {"_target_": "AsDiscreted", "keys": "@pred", "argmax": True},
            {"_target_": "SaveImaged", "_disabled_": "$not @save_pred", "keys": "@pred", "dtype": "$None"},
        ]},
        image=SCAN_CALLED, pred="$monai.utils.CommonKeys.PRED", save_pred=False, num_classes=4,
        ckpt_path="$@bundle_root + '/models/model.pt'", inferer={"_target_": "SimpleInferer"},
        transforms=[
            {"_target_": "LoadImaged", "keys": "@image", "image_only": True},
            {"_target_": "EnsureChannelFirstd", "keys": "@image"},
            {"_target_": "CenterSpatialCropd", "keys": "@image", "roi_size": [16, 40, -1]},
            {"_target_": "ScaleIntensityd", "keys": "@image"},
        ],
        whole=UNET | {"out_channels": 4},
    ),
    {}, {}, files={"model.pt": "whole"}, yaml=True,
)  # fmt: skip
KIDNEY = Form(
    bundle(
        SEGRESNET | {"in_channels": 3, "out_channels": 2, "upsample_mode": "deconv"},
        {"_target_": "Compose", "transforms": "$@loading + @joining"},
        post(
            {"_target_": "Invertd", "transform": "$@preprocessing", "orig_keys": "artery",
             "device": "@device", "nearest_interp": False, "to_tensor": True},
            {"_target_": "Activationsd", "softmax": False, "sigmoid": True},
            {"_target_": "AsDiscreted", "argmax": False, "threshold": 0.5},
        ),
        phases=["artery", "vein", "excret"],
        loading=[
            {"_target_": "LoadImaged", "keys": "@phases"},
            {"_target_": "EnsureChannelFirstd", "keys": "@phases"},
            {"_target_": "Orientationd", "keys": "@phases", "axcodes": "LPS"},
            {"_target_": "Spacingd", "keys": "@phases", "pixdim": [1.8, 1.8, 1.8], "mode": "bilinear"},
        ],
        joining=[
            {"_target_": "ConcatItemsd", "keys": "@phases", "name": "image"},
            {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -10, "a_max": 200, "b_min": 0.0,
             "b_max": 1.0, "clip": True},
        ],
    ),
    numbered("artery", "vein", "excret"), numbered("kidney", "tumour"), modality="CT",
)  # fmt: skip
SPLEEN_CLICKS = Form(
    bundle(
        UNET | {"in_channels": "$len(@label_names) + 1"},
        steps(
            {"_target_": "Resized", "spatial_size": "@spatial_size", "mode": "area"},
            {"_target_": "scripts.transforms.AddClicksd", "label_names": "@label_names"},
        ),
        post(),
        label_names={"spleen": 1, "background": 0},
        spatial_size=[32, 32, 32],
        inferer={"_target_": "SimpleInferer"},
        whole=UNET,
    ),
    numbered("image"),
    numbered("background", "spleen"),
    files={"model.pt": "whole"},
)
STRETCHED = Form(
    bundle(
        {"_target_": "UNETR", "in_channels": 1, "out_channels": 2, "img_size": "@spatial_size",
         "feature_size": 4, "hidden_size": 12, "mlp_dim": 16, "num_heads": 2},
        steps(
            {"_target_": "Orientationd", "axcodes": "RAS"},
            {"_target_": "ScaleIntensityRangePercentilesd", "lower": 1, "upper": 99, "b_min": 0, "b_max": 1,
             "clip": True, "relative": True},
            {"_target_": "ThresholdIntensityd", "threshold": 0.2, "cval": 0.1},
            {"_target_": "Resized", "spatial_size": "@spatial_size", "mode": "trilinear"},
        ),
        post(),
        spatial_size=[48, 32, 32], inferer={"_target_": "SimpleInferer"},
        whole={"_target_": "UNETR", "in_channels": 1, "out_channels": 2, "img_size": [48, 32, 32],
               "feature_size": 4, "hidden_size": 12, "mlp_dim": 16, "num_heads": 2},
    ),
    numbered("FLAIR"), numbered("background", "lesion"), files={"model.pt": "whole"},
)  # fmt: skip
PADDED = Form(
    bundle(
        SEGRESNET,
        steps(
            {"_target_": "CropForegroundd", "source_key": "image", "select_fn": "$lambda x: x > 90",
             "margin": 2, "k_divisible": 8, "allow_smaller": True},
            {"_target_": "ClipIntensityPercentilesd", "lower": 2, "upper": 98},
            {"_target_": "NormalizeIntensityd"},
            {"_target_": "SpatialPadd", "spatial_size": [20, 50, -1], "mode": "reflect"},
            {"_target_": "DivisiblePadd", "k": [4, 4, 8], "method": "end"},
            {"_target_": "BorderPadd", "spatial_border": [2, 0, 2]},
            {"_target_": "ResizeWithPadOrCropd", "spatial_size": [24, 44, 64]},
        ),
        post(),
        inferer=WINDOWS | {"roi_size": [32, 32, 32], "padding_mode": "constant", "cval": 0.3},
    ),
    numbered("FLAIR"), numbered("background", "lesion"),
)  # fmt: skip

RUN: Mapping[str, Form] = {
    "brats_mri_segmentation": BRAIN_TUMOUR,
    "spleen_ct_segmentation": SPLEEN,
    "swin_unetr_btcv_segmentation": SWIN_UNETR,
    "wholeBody_ct_segmentation": WHOLE_BODY,
    "pediatric_abdominal_ct_segmentation": ABDOMEN,
    "prostate_mri_anatomy": PROSTATE,
    "prostate_lesion": PROSTATE_LESION,
    "segmentation_template": TEMPLATE,
    "renal_phases": KIDNEY,
    "stretched": STRETCHED,
    "padded": PADDED,
}
