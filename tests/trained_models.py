"""Two small models made elsewhere that find lesions: a MONAI bundle and a folder of nnU-Net with two folds.

usage: .venv/bin/python -m tests.trained_models FOLDER [DATA]

Each is trained for some minutes on patches of two labelled patients without their skulls (patient 19 of
3D-MR-MS, Lesjak et al. 2017, and P14 of MSLesSeg, Guarnera et al. 2025) by its own tools: MONAI's transforms,
loss and `init_bundle`; nnU-Net's preprocessor, network, loss and checkpoint. What is in FOLDER already is not
made again. They show that such models run here, and are no good models.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from .bundles import SEGRESNET, configuration, metadata
from .nnunet_folders import LAYERS, make_dataset, make_network, make_plans, write_fold

BUNDLE, NNUNET = "ms_flair_segresnet", "nnUNetTrainer__nnUNetPlans__3d_fullres"
"""Their folders."""
TRAINED_ON = (
    ("3d-mr-ms/patient19/FLAIR.nii.gz", "3d-mr-ms/patient19/lesions.nii.gz"),
    ("mslesseg/P14_visit1/flair.nii.gz", "mslesseg/P14_visit1/lesions.nii.gz"),
)
"""Scans and their masks, below the folder of the data."""
STEPS = 900
_VOXELS, _SIDE, _BATCH = 1.5, 32, 2

_IMAGE = {"keys": "@image_key"}
_PREPARATION = [
    {"_target_": "LoadImaged", **_IMAGE},
    {"_target_": "EnsureChannelFirstd", **_IMAGE},
    {"_target_": "Orientationd", **_IMAGE, "axcodes": "RAS"},
    {"_target_": "CropForegroundd", **_IMAGE, "source_key": "@image_key", "margin": 4},
    {"_target_": "NormalizeIntensityd", **_IMAGE, "nonzero": True, "channel_wise": True},
    {"_target_": "Spacingd", **_IMAGE, "pixdim": [_VOXELS] * 3, "mode": "bilinear"},
    {"_target_": "EnsureTyped", **_IMAGE},
]
_ABOUT = {
    "name": "MS lesions on FLAIR, SegResNet",
    "description": "White-matter lesions on a FLAIR without the skull. Trained for minutes, for tests only.",
    "license": "CC BY 4.0",
}


def make_models(folder: Path, data: Path) -> tuple[Path, Path]:
    """Train what is missing.

    Parameters
    ----------
    folder
        Where the models are put.
    data
        The folder that holds 3d-mr-ms and mslesseg.

    Returns
    -------
    bundle, nnunet
        Their folders.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, train in ((BUNDLE, train_bundle), (NNUNET, train_nnunet)):
        if not (folder / name).is_dir():
            train(folder / name, data)
    return folder / BUNDLE, folder / NNUNET


def train_bundle(folder: Path, data: Path, steps: int = STEPS) -> None:
    """Train a SegResNet on patches, with what its own bundle says of the preparation."""
    from monai.bundle import ConfigParser
    from monai.bundle.scripts import init_bundle
    from monai.losses import DiceCELoss

    content = configuration(
        network_def=SEGRESNET | {"blocks_down": [1, 1, 1], "blocks_up": [1, 1]},
        preprocessing={"_target_": "Compose", "transforms": _PREPARATION},
        inferer=configuration()["inferer"] | {"roi_size": [64, 64, 64], "sw_batch_size": 1},
    )
    # Masks go the same way as scans, but for their intensities.
    both: list[dict[str, Any]] = [
        step | {"keys": ["image", "label"]} for step in _PREPARATION if "Normalize" not in step["_target_"]
    ]
    both[4]["mode"] = ["bilinear", "nearest"]
    both.insert(4, _PREPARATION[4])
    parser = ConfigParser(content | {"training": {"_target_": "Compose", "transforms": both}})
    prepare = parser.get_parsed_content("training")
    cases = [prepare({"image": scan, "label": mask}) for scan, mask in _files(data)]
    pairs = [(np.asarray(case["image"]), np.asarray(case["label"])[0] > 0) for case in cases]
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    _train(network, pairs, DiceCELoss(sigmoid=True, squared_pred=True), steps, seed=0)
    init_bundle(
        folder,
        network=network,
        metadata_str=metadata({"0": "FLAIR"}, {"0": "lesion"}) | _ABOUT,
        inference_str=content,
    )


def train_nnunet(folder: Path, data: Path, steps: int = STEPS) -> None:
    """Train the network of two folds, each on one patient more often than on the other."""
    from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
    from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
    from nnunetv2.utilities.helpers import softmax_helper_dim1

    sizes = {"patch_size": [64, 80, 64], "spacing": [_VOXELS] * 3}
    layers = LAYERS | {
        "n_stages": 4,
        "features_per_stage": [8, 16, 32, 48],
        "kernel_sizes": [[3, 3, 3]] * 4,
        "strides": [[1, 1, 1], *[[2, 2, 2]] * 3],
        "n_conv_per_stage": [1, 2, 2, 2],
        "n_conv_per_stage_decoder": [1, 1, 1],
    }
    plans = make_plans(layers=layers, **sizes) | {"dataset_name": "Dataset101_MSFlair"}
    dataset = make_dataset({"background": 0, "lesion": 1})
    pairs = [_prepared_by_nnunet(plans, dataset, scan, mask) for scan, mask in _files(data)]
    dice = {"batch_dice": False, "do_bg": False, "smooth": 1e-5, "ddp": False}
    loss = DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)
    loss.dc.apply_nonlin = softmax_helper_dim1
    folder.mkdir()
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    for fold in (0, 1):
        network = make_network(plans, dataset, seed=fold)
        _train(network, [*pairs, pairs[fold]], loss, steps, seed=fold)
        # As its trainers that mirror along some axes only: left and right.
        write_fold(folder, fold, network, plans, dataset, mirrored=(2,))


def _files(data: Path) -> Iterator[tuple[str, str]]:
    for scan, mask in TRAINED_ON:
        yield str(data / scan), str(data / mask)


def _prepared_by_nnunet(plans: dict, dataset: dict, scan: str, mask: str) -> tuple[np.ndarray, np.ndarray]:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    reader = manager.image_reader_writer_class()
    voxels, properties = reader.read_images([scan])
    lesions, _ = reader.read_seg(mask)
    image, labels, _ = DefaultPreprocessor(verbose=False).run_case_npy(
        voxels, (lesions > 0).astype(np.float32), properties, manager,
        manager.get_configuration("3d_fullres"), dataset,
    )  # fmt: skip
    return np.asarray(image), np.asarray(labels)[0] > 0


def _train(
    network: nn.Module, pairs: list[tuple[np.ndarray, np.ndarray]], loss: Any, steps: int, seed: int
) -> None:
    """Adam on patches, half of them around a lesion, flipped at random."""
    rng = np.random.default_rng(seed)
    places = [_one_voxel_of_each_lesion(mask) for _, mask in pairs]
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    network.train()
    for step in range(steps):
        chosen = rng.integers(len(pairs), size=_BATCH)
        patches = [_patch(*pairs[n], places[n], rng, lesion=i % 2 == 0) for i, n in enumerate(chosen)]
        image, mask = (torch.stack(part) for part in zip(*patches, strict=True))
        value = loss(network(image), mask)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimizer.step()
        schedule.step()
        if step % 20 == 19:
            print(f"step {step + 1} of {steps}: loss {value.item():.3f}", flush=True)
    network.eval()


def _one_voxel_of_each_lesion(mask: np.ndarray) -> np.ndarray:
    """So that small lesions are seen as often as large ones."""
    labels, count = ndimage.label(mask)
    return np.array(ndimage.maximum_position(mask, labels, range(1, count + 1)))


def _patch(
    image: np.ndarray, mask: np.ndarray, places: np.ndarray, rng: np.random.Generator, *, lesion: bool
) -> tuple[Tensor, Tensor]:
    shape = np.array(mask.shape)
    centre = rng.choice(places) if lesion else rng.integers(shape)
    start = np.clip(centre - rng.integers(_SIDE // 4, 3 * _SIDE // 4, 3), 0, shape - _SIDE)
    box = tuple(slice(a, a + _SIDE) for a in start)
    flipped = [axis + 1 for axis in range(3) if rng.random() < 0.5]
    part = torch.from_numpy(np.ascontiguousarray(image[(slice(None), *box)], np.float32)).flip(flipped)
    part = part * float(rng.uniform(0.85, 1.15)) + float(rng.uniform(-0.15, 0.15))
    return part, torch.from_numpy(mask[box][None].astype(np.float32)).flip(flipped)


if __name__ == "__main__":
    for made in make_models(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "../shared/data")):
        print(made)
