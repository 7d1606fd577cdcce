"""Rows on models made elsewhere: the same weights through their own tool's predictor, on the same scan.

Their own tools are given networks, windows and plans that were read as data, so that nothing in a model
is executed here either.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_uncertainseg._base import InputError
from napari_uncertainseg.bench.scene import Scene
from napari_uncertainseg.bench.timing import Row, faster
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.preparation.foreign import prepare_foreign
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.inference.segmenter import Segmenter
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.foreign_engine import target_logits
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.networks.formats.monai.bundle import BundleModel
from napari_uncertainseg.networks.formats.nnunet.model import NnUnetModel

MOST_DICE = 0.002
"""By which the Dice between our mask and theirs may be below 1."""


def rows(scene: Scene, names: Sequence[str]) -> list[Row]:
    """Measure models against their own tools, on the CPU: one pass of the first network of each.

    Parameters
    ----------
    scene
        Its scans are read from files again, by both.
    names
        Of models or their folders: MONAI bundles and folders of nnU-Net.

    Raises
    ------
    InputError
        If a model is of another kind, or reads a scan that the scene lacks; or nnU-Net is not installed.
    """
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="uncertainseg-bench-") as folder:
        for name in names:
            model = find_model(name)
            if not isinstance(model, BundleModel | NnUnetModel):
                raise InputError(f"'{name}' is neither a MONAI bundle nor a folder of nnU-Net.")
            files = _files(scene, model, Path(folder))
            theirs = _by_monai(model, files) if isinstance(model, BundleModel) else _by_nnunet(model, files)
            found += _compared(model, files, theirs, scene.repeats)
    return found


def _files(scene: Scene, model: BundleModel | NnUnetModel, folder: Path) -> dict[str, Path]:
    """The scans that a model reads, as NIfTI files."""
    missing = [modality for modality in model.modalities if modality not in scene.images]
    if missing:
        raise InputError(f"'{model.name}' reads {missing[0]}: the benchmark has {', '.join(scene.images)}.")
    files = {modality: folder / f"{modality}.nii.gz" for modality in model.modalities}
    for modality, path in files.items():
        if not path.exists():
            volume = scene.images[modality]
            write_volume(path, np.asarray(volume.data, np.float32), volume.grid)
    return files


def _read(files: dict[str, Path]) -> dict[str, Volume]:
    return {modality: read_volume(path, modality=modality) for modality, path in files.items()}


def _compared(
    model: BundleModel | NnUnetModel, files: dict[str, Path], theirs: Callable[[], np.ndarray], repeats: int
) -> list[Row]:
    """Time both in turns, so that other work on the machine meets both; and compare their masks."""
    segmenter = Segmenter(model, device=cpu_device())
    ours = lambda: segmenter.predict(_read(files))  # noqa: E731
    first = ours()
    grid, mask, wanted = first.grid, first.probability >= model.threshold, theirs() >= model.threshold
    spent: dict[Callable[[], object], list[float]] = {ours: [], theirs: []}
    for _ in range(repeats):
        for run, seconds in spent.items():
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    own, other = (statistics.median(seconds) for seconds in spent.values())
    tool = "MONAI's SlidingWindowInferer" if isinstance(model, BundleModel) else "nnU-Net's own predictor"
    volumes = [m.sum() * grid.voxel_volume / 1000 for m in (mask, wanted)]
    detail = f"{volumes[0]:.2f} against {volumes[1]:.2f} ml, threshold {model.threshold:g}"
    return [
        faster(f"{model.name}: from the file to all maps", f"{tool}: to the probability", own, other, 1.0),
        Row(
            "the same: 1 - Dice of the masks", tool, 1 - dice(mask, wanted), MOST_DICE, False, detail, unit=""
        ),
    ]


def _by_monai(model: BundleModel, files: dict[str, Path]) -> Callable[[], np.ndarray]:
    """A run of MONAI's windows, between our own preparation and the way back."""
    from monai.inferers import SlidingWindowInferer

    network, patches, preprocessing = model.network(), model.patches, model.preprocessing
    assert isinstance(preprocessing, ForeignPreprocessing)
    if patches is None:
        raise InputError(f"'{model.name}' reads the whole scan at once: there are no windows to compare.")
    inferer = SlidingWindowInferer(
        patches.size, 1, patches.overlap, mode=patches.weights, sigma_scale=patches.sigma
    )

    def run() -> np.ndarray:
        _, source = prepare_foreign(_read(files), model.modalities, model.main, preprocessing)
        image = torch.from_numpy(np.stack([source.channels[modality] for modality in model.modalities]))
        with torch.inference_mode():
            found = inferer(image[None], _first_output(network))
        assert isinstance(found, Tensor)
        sigmoid = model.answer.sigmoid or len(model.classes) == 1
        return source.back(
            target_logits(found[0], model.target_classes, sigmoid=sigmoid).sigmoid()[0].numpy()
        )

    return run


def _first_output(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """Of networks with deep supervision the finest."""

    def run(image: Tensor) -> Tensor:
        found = network(image)
        while isinstance(found, list | tuple):
            found = found[0]
        assert isinstance(found, Tensor)
        return found

    return run


def _by_nnunet(model: NnUnetModel, files: dict[str, Path]) -> Callable[[], np.ndarray]:
    """A run of nnU-Net's predictor on its own reader's arrays."""
    if find_spec("nnunetv2") is None:
        raise InputError(
            "nnU-Net, with which its models are compared, is not installed: pip install nnunetv2."
        )
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans, dataset = (
        json.loads((model.folder / name).read_text()) for name in ("plans.json", "dataset.json")
    )
    network, mirrored = model.network()
    with contextlib.redirect_stdout(io.StringIO()):  # it says that a CPU is no GPU
        predictor = nnUNetPredictor(
            device=torch.device("cpu"),
            use_mirroring=bool(mirrored),
            perform_everything_on_device=False,
            allow_tqdm=False,
        )
    manager = PlansManager(plans)
    predictor.manual_initialization(
        network, manager, manager.get_configuration(model.configuration_name), [network.state_dict()],
        dataset, "nnUNetTrainer", mirrored,
    )  # fmt: skip
    reader: Any = manager.image_reader_writer_class()
    paths = [str(files[modality]) for modality in model.modalities]

    def run() -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):  # it reports what it does
            voxels, properties = reader.read_images(paths)
            _, found = predictor.predict_single_npy_array(
                voxels, properties, save_or_return_probabilities=True
            )
        target = found[list(model.target_classes)]
        chosen = target.max(axis=0) if model.regions else target.sum(axis=0)
        if type(reader).__name__ == "NibabelIOWithReorient":  # its axes are canonical
            return np.asarray(chosen)
        return np.asarray(read_volume(files[model.main]).grid.to_canonical(chosen.transpose(2, 1, 0)))

    return run
