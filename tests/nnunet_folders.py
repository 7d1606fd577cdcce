"""Folders as nnU-Net v2 leaves them, made by its own classes, and scans for them."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK

OLD = "ignore:.*:DeprecationWarning"

LAYERS: dict[str, Any] = {
    "n_stages": 3,
    "features_per_stage": [6, 8, 8],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
    "n_conv_per_stage": [1, 1, 1],
    "n_conv_per_stage_decoder": [1, 1],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
RESIDUAL = {name: value for name, value in LAYERS.items() if name != "n_conv_per_stage"} | {
    "n_blocks_per_stage": [1, 1, 1]
}
_RESAMPLING = "resample_data_or_seg_to_shape"
LABELS = {"background": 0, "lesion": 1}


def make_plans(
    *, channels: int = 1, layers: dict[str, Any] = LAYERS, network: str = "PlainConvUNet", **changes: Any
) -> dict[str, Any]:
    """Plans in the form of nnU-Net 2.8 for thick slices; changes are of the configuration."""
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [8, 32, 24],
        "spacing": [3.0, 1.25, 1.25],
        "normalization_schemes": ["ZScoreNormalization"] * channels,
        "use_mask_for_norm": [True] * channels,
        "resampling_fn_data": _RESAMPLING,
        "resampling_fn_seg": _RESAMPLING,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
        "resampling_fn_probabilities": _RESAMPLING,
        "resampling_fn_probabilities_kwargs": {
            "is_seg": False,
            "order": 1,
            "order_z": 0,
            "force_separate_z": None,
        },
        "architecture": {
            "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
            "arch_kwargs": layers,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": False,
    } | changes
    intensities = {"mean": 90.0, "std": 40.0, "percentile_00_5": 5.0, "percentile_99_5": 190.0}
    return {
        "dataset_name": "Dataset007_Balls",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [3.0, 1.0, 1.0],
        "original_median_shape_after_transp": [20, 60, 50],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"2d": {"patch_size": [32, 32]}, "3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(n): intensities for n in range(channels)},
    }


def make_dataset(
    labels: dict[str, Any] = LABELS, channels: tuple[str, ...] = ("FLAIR",), **more: Any
) -> dict:
    """``dataset.json``."""
    names = {str(n): name for n, name in enumerate(channels)}
    return {"channel_names": names, "labels": labels, "numTraining": 4, "file_ending": ".nii.gz", **more}


def make_network(plans: dict[str, Any], dataset: dict[str, Any], seed: int) -> Any:
    """The network by nnU-Net's own function, with weights by chance."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(deepcopy(plans))
    configuration = manager.get_configuration("3d_fullres")
    torch.manual_seed(seed)
    return get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        len(dataset["channel_names"]),
        manager.get_label_manager(dataset).num_segmentation_heads,
        deep_supervision=False,
    )


def write_fold(
    folder: Path, fold: int, network: Any, plans: dict, dataset: dict, mirrored: tuple[int, ...] | None
) -> Path:
    """Save a checkpoint as nnU-Net's trainer does, by its own method."""
    import torch
    from nnunetv2.training.logging.nnunet_logger import LocalLogger
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    logger = LocalLogger()
    logger.get_checkpoint()["mean_fg_dice"] = [np.float64(0.5), np.float32(0.6), 0.7]
    optimizer = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.99, nesterov=True)
    sum(parameter.sum() for parameter in network.parameters()).backward()
    before = deepcopy(network.state_dict())
    optimizer.step()  # so that its momentum is saved too
    network.load_state_dict(before)
    trainer = type("nnUNetTrainer", (SimpleNamespace,), {})(
        local_rank=0,
        disable_checkpointing=False,
        is_ddp=False,
        network=network,
        optimizer=optimizer,
        grad_scaler=None,
        logger=logger,
        _best_ema=np.float64(0.61),
        current_epoch=3,
        my_init_kwargs={
            "plans": plans,
            "configuration": "3d_fullres",
            "fold": fold,
            "dataset_json": dataset,
            "device": torch.device("cpu"),
        },
        inference_allowed_mirroring_axes=mirrored,
    )
    path = folder / f"fold_{fold}" / "checkpoint_final.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    nnUNetTrainer.save_checkpoint(trainer, str(path))
    return path


def write_model(
    folder: Path,
    *,
    plans: dict[str, Any] | None = None,
    dataset: dict[str, Any] | None = None,
    folds: int = 2,
    mirrored: tuple[int, ...] | None = (0, 1, 2),
    train: int = 0,
) -> Path:
    """A model folder; networks that are not trained have larger weights, so that they say something."""
    pytest.importorskip("nnunetv2", reason="nnU-Net makes the folder that is read: pip install nnunetv2")
    plans, dataset = plans or make_plans(), dataset or make_dataset()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    for fold in range(folds):
        network = make_network(plans, dataset, seed=fold)
        if train:
            _train(network, train, seed=fold)
        write_fold(folder, fold, network, plans, dataset, mirrored)
    return folder


def _train(network: Any, steps: int, seed: int) -> None:
    """Teach a network that bright is lesion; of three labels, that the brightest is the last."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    first = next(network.parameters())
    for _ in range(steps):
        image = torch.nn.functional.interpolate(
            torch.randn((2, first.shape[1], 6, 8, 6), generator=generator), (16, 32, 24), mode="trilinear"
        )
        image = image + 0.1 * torch.randn(image.shape, generator=generator)
        found = network(image)
        wanted = (image[:, 0] > 0.9).long() + (image[:, 0] > 1.4)
        loss = torch.nn.functional.cross_entropy(found, wanted.clamp(max=found.shape[1] - 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def write_scan(path: Path, *, channels: int = 1, seed: int = 0) -> list[Path]:
    """Thick slices of a head with bright balls, oblique, in LPS order and 0 around; one file a channel."""
    rng = np.random.default_rng(seed)
    shape, spacing = (18, 58, 50), (4.0, 1.0, 0.9)  # z, y, x
    z, y, x = (np.arange(n) * s for n, s in zip(shape, spacing, strict=True))
    place = np.stack(np.meshgrid(z, y, x, indexing="ij"))
    middle = np.array([36.0, 28.0, 22.0])[:, None, None, None]
    head = (((place - middle) / np.array([30.0, 24.0, 19.0])[:, None, None, None]) ** 2).sum(0) < 1
    paths = []
    for channel in range(channels):
        data = 80 + 8 * rng.standard_normal(shape)
        for centre, radius in (((30, 20, 18), 6), ((44, 34, 26), 5), ((24, 36, 20), 4)):
            distance = np.linalg.norm(place - np.array(centre, float)[:, None, None, None], axis=0)
            data += 70 * np.exp(-0.5 * (distance / radius) ** 2)
        image = SimpleITK.GetImageFromArray(np.where(head, data, 0).astype(np.float32))
        image.SetSpacing(spacing[::-1])
        turn = np.linalg.qr(np.eye(3) + 0.1 * np.array([[0, 1, 2], [-1, 0, 1], [1, -2, 0]]))[0]
        turn *= np.sign(np.diag(turn))
        image.SetDirection(turn.ravel().tolist())
        image.SetOrigin((-20.0, 5.0, 12.0))
        target = path.with_name(f"{path.name}_{channel:04d}.nii.gz")
        SimpleITK.WriteImage(image, str(target))
        paths.append(target)
    return paths


def predicted_by_nnunet(
    folder: Path, scans: list[Path], folds: tuple[int, ...], out: Path | None = None, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """What nnU-Net's own predictor makes of a scan: segmentation and probabilities, axes as in its reader."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False, **options)
    predictor.initialize_from_trained_model_folder(str(folder), folds)
    reader = predictor.plans_manager.image_reader_writer_class()
    data, properties = reader.read_images([str(scan) for scan in scans])
    if out is None:
        return predictor.predict_single_npy_array(data, properties, save_or_return_probabilities=True)
    predictor.predict_single_npy_array(data, properties, None, str(out), save_or_return_probabilities=True)
    for name in ("plans.json", "dataset.json"):  # as predict_from_files leaves them
        shutil.copyfile(folder / name, out.parent / name)
    return np.zeros(0), np.load(f"{out}.npz")["probabilities"]
