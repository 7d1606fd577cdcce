"""A trained model of nnU-Net v2: its folder, read without loading weights."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.networks.foreign_settings import (
    NOTHING_TOLD,
    SETTINGS,
    ForeignSettings,
    read_settings,
)
from napari_uncertainseg.networks.formats.markers import NNUNET
from napari_uncertainseg.networks.formats.nnunet.architecture import build_network, check_architecture
from napari_uncertainseg.networks.formats.nnunet.checkpoint import find_folds, read_checkpoint
from napari_uncertainseg.networks.formats.nnunet.dataset import (
    DATASET,
    modalities_of,
    read_dataset,
    target_of,
)
from napari_uncertainseg.networks.formats.nnunet.plans import Configuration, read_plans
from napari_uncertainseg.networks.formats.nnunet.preparation import preprocessing_of
from napari_uncertainseg.networks.model import NAME, Capabilities, Model
from napari_uncertainseg.nouns import noun_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_uncertainseg.networks.engines.device import Device
    from napari_uncertainseg.networks.engines.engine import Engine


@dataclass(frozen=True, kw_only=True)
class NnUnetModel(Model):
    """A trained model of nnU-Net v2; each of its folds is a network.

    Attributes
    ----------
    configuration
        That it was trained with.
    configuration_name
        Of it, in the plans.
    regions
        Whether its outputs overlap, each with a probability of its own.
    """

    configuration: Configuration
    configuration_name: str
    regions: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """Plans, dataset, what the user said, and the checkpoints."""
        own = self.folder / SETTINGS
        return self.folder / NNUNET, self.folder / DATASET, *((own,) if own.is_file() else ()), *self.weights

    @property
    def sha256(self) -> str:
        """Hash of the weights, and of all that decides what they say: plans, labels, and the user's words."""
        about = [path for path in self.files if path not in self.weights]
        parts = [super().sha256, self.configuration_name, *(sha256_of(path) for path in about)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def overlapping(self) -> bool:
        """Whether each class has a probability of its own."""
        return self.regions

    def network(self, index: int = 0) -> tuple[nn.Module, tuple[int, ...]]:
        """Build the network of one fold, with its weights.

        Returns
        -------
        network, mirrored
            float32, on the CPU, in eval mode; and the axes along which its trainer mirrors.

        Raises
        ------
        InputError
            If nnU-Net's classes are not installed, or the weights are corrupt, would run code, or do not fit.
        """
        network = build_network(
            self.folder, self.configuration.architecture, len(self.modalities), len(self.classes)
        )
        read = read_checkpoint(self.weights[index], network.state_dict(), self.configuration_name)
        state = {name: _own(value) for name, value in read.weights.items()}
        network.load_state_dict(state, assign=True)
        return network.eval().requires_grad_(False), read.mirrored

    def engine(self, device: Device, index: int = 0) -> Engine:
        """Build one network and make it ready for a device."""
        from napari_uncertainseg.networks.formats.nnunet.engine import NnUnetEngine

        network, mirrored = self.network(index)
        return NnUnetEngine(
            network,
            device,
            channels=len(self.classes),
            target=self.target_classes,
            patch=self.configuration.patch_size,
            mirrored=mirrored,
            sigmoid=self.regions,
        )

    def check_runs(self) -> None:
        """Build every network and run it once, on as few voxels as it takes."""
        import torch

        divisor = self.configuration.architecture.arch_kwargs.divisor
        sides = [
            min(2 * part, size) for part, size in zip(divisor, self.configuration.patch_size, strict=True)
        ]
        scan = torch.randn((1, len(self.modalities), *sides), generator=torch.Generator().manual_seed(0))
        for index, path in enumerate(self.weights):
            network, _ = self.network(index)
            with torch.inference_mode():
                found = network(scan)
            if not bool(found.isfinite().all()):
                raise InputError(f"The weights '{path}' overflow: of a scan they make no finite numbers.")


def read_nnunet(folder: Path, told: ForeignSettings = NOTHING_TOLD) -> NnUnetModel:
    """Read a folder that nnU-Net v2 trained, without loading its weights.

    Parameters
    ----------
    folder
        The model's.
    told
        What the user says now; it counts before what stands in the folder.

    Raises
    ------
    InputError
        If a file is malformed, asks for what is not supported, or does not say which scan or label is meant.
    """
    settings = read_settings(folder).with_told(told)
    plans, name, configuration = read_plans(folder, settings.configuration)
    check_architecture(folder, configuration.architecture)
    dataset = read_dataset(folder)
    modalities = modalities_of(folder / DATASET, dataset, settings)
    target = target_of(folder / DATASET, dataset, settings)
    folds = find_folds(folder)
    return NnUnetModel(
        name=settings.name or _plain_name(f"{plans.dataset_name}-{name}"),
        folder=folder,
        version=settings.version or "1",
        description=settings.description
        or f"nnU-Net, {name}, trained on {plans.dataset_name}: {', '.join(dataset.classes)}.",
        weights=folds,
        threshold=settings.threshold or 0.5,
        modalities=modalities,
        needs=modalities,
        preprocessing=preprocessing_of(folder, plans, configuration, len(modalities)),
        capabilities=Capabilities(
            networks=len(folds), dropout=configuration.architecture.arch_kwargs.dropout
        ),
        target=noun_of([dataset.classes[number] for number in target]),
        classes=dataset.classes,
        target_classes=target,
        configuration=configuration,
        configuration_name=name,
        regions=dataset.regions,
    )


def _own(value: Tensor) -> Tensor:
    """A copy in single precision, in memory of its own, so that a file that changes later does no harm."""
    return value.float().clone() if value.is_floating_point() else value.clone()


def _plain_name(text: str) -> str:
    """A text as a name of a model; the same text gives the same name."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:64]
    return plain if NAME.fullmatch(plain) else "nnunet-model"
