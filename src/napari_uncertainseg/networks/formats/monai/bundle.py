"""The models of MONAI's model zoo: a folder with ``configs/inference.json``, ``metadata.json`` and weights.

The network, how scans are prepared, the windows and what the outputs mean are read from it as data. Nothing
in the folder is ever executed: what this module does not know, it refuses with file and key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.foreign_settings import check_inside
from napari_uncertainseg.networks.formats.monai.answers import (
    NOT_READ,
    Answer,
    modalities_of,
    names_of_channels,
    read_answer,
    read_inferer,
    target_of,
)
from napari_uncertainseg.networks.formats.monai.architecture import Architecture, read_architecture
from napari_uncertainseg.networks.formats.monai.components import chain, component
from napari_uncertainseg.networks.formats.monai.configuration import (
    Content,
    plain_name,
    read_configuration,
)
from napari_uncertainseg.networks.formats.monai.references import Resolver
from napari_uncertainseg.networks.formats.monai.transforms import read_preprocessing
from napari_uncertainseg.networks.model import Capabilities, Model
from napari_uncertainseg.networks.weights import bytes_of, check_fit, read_checkpoint

if TYPE_CHECKING:
    from torch import nn

    from napari_uncertainseg.networks.engines.device import Device
    from napari_uncertainseg.networks.engines.engine import Engine

CONFIGURATIONS = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")
"""Any of them tells that a folder is a bundle."""
_METADATA = ("configs/metadata.json", "metadata.json")
_WEIGHTS = (".safetensors", ".pt", ".pth")
MAX_WEIGHT_BYTES = 4 << 30
_MOST_NETWORKS = 32
_TRIAL = 64
"""Largest side of the window, in voxels, with which a model is tried out."""


@dataclass(frozen=True, kw_only=True)
class BundleModel(Model):
    """A MONAI bundle; several checkpoints are an ensemble.

    Attributes
    ----------
    configurations
        The files that were read.
    architecture
        Of each network.
    patches
        The windows that it runs in.
    answer
        What its outputs mean.
    about
        What the bundle's maker says of it, for the card.
    """

    configurations: tuple[Path, ...]
    architecture: Architecture
    patches: Patches
    answer: Answer
    about: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """Configuration, metadata and weights."""
        return *self.configurations, *self.weights

    @property
    def sha256(self) -> str:
        """Hash of weights and configuration: with another preparation the same weights say something else."""
        parts = [super().sha256, *(sha256_of(path) for path in self.configurations)]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def overlapping(self) -> bool:
        """Whether each class has a probability of its own."""
        return self.answer.sigmoid

    def network(self, index: int = 0) -> nn.Module:
        """Build one network with its weights: float32, on the CPU, in eval mode.

        Raises
        ------
        InputError
            If MONAI is missing, or the weights are corrupt, would run code, or do not fit.
        """
        path = self.weights[index]
        network = self.architecture.build()
        expected = network.state_dict()
        state = read_checkpoint(path, most_bytes=4 * bytes_of(expected))
        check_fit(state, expected, path, largest=1e30)
        network.load_state_dict(state)
        return network

    def engine(self, device: Device, index: int = 0) -> Engine:
        """Build one network and make it ready for a device."""
        from napari_uncertainseg.networks.engines.foreign_engine import ForeignEngine

        return ForeignEngine(
            self.network(index),
            device,
            channels=self.architecture.outputs,
            target=self.target_classes,
            patches=self.patches,
            sigmoid=self.answer.sigmoid,
        )

    def check_runs(self) -> None:
        """Build every network and run it on a window of noise."""
        import torch

        from napari_uncertainseg.networks.engines.device import cpu_device

        side = [min(n, _TRIAL) for n in self.patches.size]
        noise = torch.randn(1, self.architecture.inputs, *side, generator=torch.Generator().manual_seed(0))
        for index, path in enumerate(self.weights):
            found = self.engine(cpu_device("torch"), index).heads(noise)
            if not bool(found.isfinite().all()):
                raise InputError(f"The weights '{path}' overflow: of a scan they make no finite numbers.")

    def card(self) -> str:
        """What its maker says of it, and what is not honoured."""
        return "\n\n".join(part for part in (self.about, *self.notes) if part) or self.description


def read_bundle(folder: Path) -> BundleModel:
    """Read a bundle without loading its weights; MONAI need not be installed.

    Raises
    ------
    InputError
        If a file is malformed or lies elsewhere, or asks for what cannot be honoured.
    """
    path = next(folder / name for name in CONFIGURATIONS if (folder / name).is_file())
    try:
        return _read(folder, path)
    except RecursionError:
        raise InputError(f"{path} is nested too deep for what it should be.") from None


def _read(folder: Path, path: Path) -> BundleModel:
    resolver = Resolver(read_configuration(path, folder), str(path))
    described = next((folder / name for name in _METADATA if (folder / name).is_file()), None)
    metadata = {} if described is None else read_configuration(described, folder)
    said = str(described or path)

    network = "network_def" if resolver.has("network_def") else "network"
    architecture = read_architecture(_component(resolver, network), f"{path}: '{network}'")
    names = _of_count(names_of_channels(metadata, "inputs", said), architecture.inputs, "inputs", said)
    preprocessing, keys = read_preprocessing(chain(resolver, "preprocessing"), architecture.inputs)
    if len(keys) > 1 and len(keys) != architecture.inputs:
        raise InputError(
            f"{path}: 'preprocessing' loads {len(keys)} scans, the network reads {architecture.inputs}."
        )
    if len(keys) > 1:
        names = keys
    inferer = read_inferer(_component(resolver, "inferer"), f"{path}: 'inferer'")
    answer = read_answer(
        chain(resolver, "postprocessing", skip=NOT_READ), architecture.outputs, f"{path}: 'postprocessing'"
    )
    classes = _of_count(names_of_channels(metadata, "outputs", said), architecture.outputs, "outputs", said)
    classes = classes or [f"class {n}" for n in range(architecture.outputs)]
    chosen, target = target_of(classes, sigmoid=answer.sigmoid)
    modalities = modalities_of(names or ["image"] * architecture.inputs, metadata)
    weights = _weights(folder)
    return BundleModel(
        name=plain_name(folder.resolve().name, "bundle"),
        folder=folder,
        version=_text(metadata, "version") or "not told",
        description=_text(metadata, "description") or _text(metadata, "name") or "A MONAI bundle.",
        weights=weights,
        threshold=answer.threshold,
        modalities=modalities,
        preprocessing=preprocessing,
        capabilities=Capabilities(networks=len(weights)),
        needs=modalities,
        target=target,
        classes=tuple(classes),
        target_classes=chosen,
        notes=answer.notes,
        configurations=(path,) if described is None else (path, described),
        architecture=architecture,
        patches=inferer,
        answer=answer,
        about=_about(metadata),
    )


def _component(resolver: Resolver, key: str) -> Any:
    key, value = resolver.followed(key)
    if key == "network" and not isinstance(value, dict):
        raise InputError(f"{resolver.name}: 'network_def' is missing.")
    return component(resolver.at(key), f"{resolver.name}: '{key}'")


def _of_count(names: list[str], count: int, side: str, place: str) -> list[str]:
    if names and len(names) != count:
        raise InputError(f"{place}: 'channel_def' of '{side}' names {len(names)}, the network has {count}.")
    return names


def _weights(folder: Path) -> tuple[Path, ...]:
    """``model.*``, or else all checkpoints beside it; of one name the safetensors."""
    home = folder / "models"
    check_inside(home, folder)
    there = sorted(home.iterdir()) if home.is_dir() else []
    found: dict[str, Path] = {}
    for suffix in _WEIGHTS:
        for path in there:
            if path.suffix == suffix and not path.name.startswith(".") and path.is_file():
                found.setdefault(path.stem, path)
    if "model" in found:
        found = {"model": found["model"]}
    if not found:
        script = any(path.suffix == ".ts" for path in there)
        why = " TorchScript (.ts) is a program, and is not run." if script else ""
        raise InputError(f"{home} holds no weights: there should be a model.safetensors or model.pt.{why}")
    if len(found) > _MOST_NETWORKS:
        raise InputError(f"{home} holds {len(found)} weights, more than {_MOST_NETWORKS}.")
    for path in found.values():
        check_inside(path, folder)
        if path.stat().st_size > MAX_WEIGHT_BYTES:
            raise InputError(f"The weights '{path}' are larger than {MAX_WEIGHT_BYTES >> 30} GB.")
    return tuple(found[name] for name in sorted(found))


def _text(metadata: Content, key: str) -> str:
    value = metadata.get(key)
    return " ".join(value.split())[:2000] if isinstance(value, str) else ""


def _about(metadata: Content) -> str:
    titles = {
        "name": "Name", "description": "What it does", "intended_use": "Intended use", "authors": "Authors",
        "copyright": "Copyright", "license": "Licence", "data_source": "Data", "references": "References",
    }  # fmt: skip
    lines = []
    for key, title in titles.items():
        value = metadata.get(key)
        text = _text(metadata, key) if isinstance(value, str) else json.dumps(value)[:2000] if value else ""
        lines += [f"{title}: {text}"] if text else []
    return "\n".join(lines)
