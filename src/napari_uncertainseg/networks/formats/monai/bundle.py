"""The models of MONAI's model zoo: a folder with ``configs/inference.json``, ``metadata.json`` and weights.

The network, how scans are prepared, the windows and what the outputs mean are read from it as data. Nothing
in the folder is ever executed: what this module does not know, it refuses with file and key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.networks.engines.patches import Patches
from napari_uncertainseg.networks.foreign_settings import (
    NOTHING_TOLD,
    SETTINGS,
    ForeignSettings,
    check_inside,
    modalities_told,
    read_settings,
    target_told,
)
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing, Step
from napari_uncertainseg.networks.formats.markers import AUTO3DSEG, BUNDLES
from napari_uncertainseg.networks.formats.monai import auto3dseg
from napari_uncertainseg.networks.formats.monai.answers import (
    UNREAD,
    Answer,
    modalities_of,
    names_of_channels,
    read_answer,
    read_inferer,
    target_name,
    target_of,
    targets,
)
from napari_uncertainseg.networks.formats.monai.architecture import Architecture, read_architecture
from napari_uncertainseg.networks.formats.monai.components import Component, chain, component
from napari_uncertainseg.networks.formats.monai.configuration import (
    SUFFIXES,
    Content,
    keys_elsewhere,
    merged,
    plain_name,
    read_configuration,
)
from napari_uncertainseg.networks.formats.monai.references import Resolver
from napari_uncertainseg.networks.formats.monai.respacing import Respace
from napari_uncertainseg.networks.formats.monai.sizes import Stretch, fixed_size
from napari_uncertainseg.networks.formats.monai.transforms import read_preprocessing
from napari_uncertainseg.networks.formats.monai.weight_files import find_weights
from napari_uncertainseg.networks.model import Capabilities, Model
from napari_uncertainseg.networks.weights import check_fit, read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_uncertainseg.networks.engines.device import Device
    from napari_uncertainseg.networks.engines.engine import Engine

_METADATA = ("configs/metadata.json", "metadata.json")
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
        The windows that it runs in; None for the whole scan at once.
    answer
        What its outputs mean.
    about
        What the bundle's maker says of it, for the card.
    """

    preprocessing: ForeignPreprocessing
    configurations: tuple[Path, ...]
    architecture: Architecture
    patches: Patches | None
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
        state = read_checkpoint(path, expected)
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
        for index, path in enumerate(self.weights):
            found = self._tried(index)
            if not bool(found.isfinite().all()):
                raise InputError(f"The weights '{path}' overflow: of a scan they make no finite numbers.")

    def _tried(self, index: int) -> Tensor:
        """What a network makes of a small window of noise, or of a whole one where it reads no other."""
        import torch

        from napari_uncertainseg.networks.engines.device import cpu_device

        engine = self.engine(cpu_device("torch"), index)
        whole = self.patches.size if self.patches else fixed_size(self.preprocessing) or (_TRIAL,) * 3
        small = tuple(min(n, _TRIAL) for n in whole)
        random = torch.Generator().manual_seed(0)
        try:
            return engine.heads(torch.randn(1, self.architecture.inputs, *small, generator=random))
        except InputError:
            if small == whole:
                raise
        return engine.heads(torch.randn(1, self.architecture.inputs, *whole, generator=random))

    def card(self) -> str:
        """What its maker says of it, and what is not honoured."""
        return "\n\n".join(part for part in (self.about, *self.notes) if part) or self.description


def read_bundle(folder: Path, told: ForeignSettings = NOTHING_TOLD) -> BundleModel:
    """Read a bundle without loading its weights; MONAI need not be installed.

    Parameters
    ----------
    folder
        The bundle's.
    told
        What the user says now; it counts before what stands in the folder.

    Raises
    ------
    InputError
        If a file is malformed or lies elsewhere, or asks for what cannot be honoured.
    """
    path = next(folder / name for name in BUNDLES if (folder / name).is_file())
    try:
        return _read(folder, path, read_settings(folder).with_told(told))
    except RecursionError:
        raise InputError(f"{path} is nested too deep for what it should be.") from None


def _read(folder: Path, path: Path, settings: ForeignSettings) -> BundleModel:
    trained = path.name == Path(AUTO3DSEG).name
    first = auto3dseg.files_of(path) if trained else (path,)
    paths = (*first, *(_beside(path, name, folder) for name in settings.merged or ()))
    contents = [read_configuration(one, folder) for one in paths]
    whole = merged(contents, [str(one) for one in paths])
    whole = auto3dseg.completed(whole) if trained else whole
    resolver = Resolver(whole, str(path), keys_elsewhere(folder, paths))
    described = next((folder / name for name in _METADATA if (folder / name).is_file()), None)
    metadata = {} if described is None else read_configuration(described, folder)
    said = str(described or path)

    architecture = read_architecture(_component(resolver, _NETWORK), f"{path}: '{_NETWORK[0]}'")
    preprocessing, keys = read_preprocessing(
        chain(resolver, resolver.first(_PREPROCESSING)), architecture.inputs
    )
    patches, small = read_inferer(_component(resolver, _INFERER), f"{path}: 'inferer'")
    answer = read_answer(
        chain(resolver, resolver.first(_POSTPROCESSING), unread=UNREAD),
        architecture.outputs,
        f"{path}: 'postprocessing'",
    )
    names = _names(metadata, "inputs", architecture.inputs, keys, said)
    modalities = modalities_of(names, metadata, modalities_told(settings, names, folder))
    classes = _classes(metadata, architecture.outputs, said)
    allowed = targets(classes, sigmoid=answer.sigmoid)
    chosen = target_told(settings, classes, allowed, folder) or target_of(classes, sigmoid=answer.sigmoid)
    weights = find_weights(folder, resolver, auto3dseg.WEIGHTS if trained else None)
    return BundleModel(
        name=settings.name or plain_name(folder.resolve().name, "bundle"),
        folder=folder,
        version=settings.version or _text(metadata, "version") or "not told",
        description=settings.description
        or _text(metadata, "description")
        or _text(metadata, "name")
        or "A MONAI bundle.",
        weights=weights,
        threshold=settings.threshold or answer.threshold,
        modalities=modalities,
        preprocessing=_with_way_back(preprocessing, small, answer),
        capabilities=Capabilities(networks=len(weights), dropout=architecture.dropout),
        needs=modalities,
        target=target_name(classes, chosen),
        classes=tuple(classes),
        target_classes=chosen,
        notes=answer.notes,
        configurations=(*paths, *(one for one in (described, folder / SETTINGS) if one and one.is_file())),
        architecture=architecture,
        patches=patches,
        answer=answer,
        about=_about(metadata),
    )


_NETWORK = ("network_def", "network", "evaluator::network")
_PREPROCESSING = ("preprocessing", "dataset::transform")
_INFERER = ("inferer", "evaluator::inferer")
_POSTPROCESSING = ("postprocessing", "evaluator::postprocessing")
"""Where bundles keep each part; the first counts."""


def _beside(path: Path, name: str, folder: Path) -> Path:
    """A configuration that the user names, within the folder of the first one."""
    found = path.parent / name
    check_inside(found, folder)
    if found.suffix not in SUFFIXES or not found.is_file():
        raise InputError(f"{found}: there is no such configuration to read together with {path.name}.")
    return found


def _with_way_back(
    first: ForeignPreprocessing, small: tuple[Step, ...], answer: Answer
) -> ForeignPreprocessing:
    """The steps, with maps that come back as post-processing says."""
    steps = [
        replace(one, nearest=answer.nearest) if isinstance(one, Respace | Stretch) else one
        for one in first.steps
    ]
    return ForeignPreprocessing((*steps, *small), "logits" if answer.as_logits else "probabilities")


def _component(resolver: Resolver, keys: Sequence[str]) -> Component | None:
    key = resolver.first(keys)
    if keys is _NETWORK and not resolver.has(key):
        raise InputError(f"{resolver.name}: 'network_def' is missing.")
    return component(resolver, key)


def _names(metadata: Content, side: str, count: int, keys: Sequence[str], place: str) -> list[str]:
    """What the channels that are read are called: by the configuration where it loads several scans."""
    if len(keys) > 1 and len(keys) != count:
        raise InputError(f"{place}: 'preprocessing' loads {len(keys)} scans, the network reads {count}.")
    if len(keys) > 1:
        return list(keys)
    return _of_count(names_of_channels(metadata, side, place), count, side, place) or ["image"] * count


def _classes(metadata: Content, count: int, place: str) -> list[str]:
    names = names_of_channels(metadata, "outputs", place)
    if count == 1 and len(names) == 2 and not targets(names[:1], sigmoid=True):
        names = names[1:]
    return _of_count(names, count, "outputs", place) or [f"class {n}" for n in range(count)]


def _of_count(names: list[str], count: int, side: str, place: str) -> list[str]:
    if names and len(names) != count:
        raise InputError(f"{place}: 'channel_def' of '{side}' names {len(names)}, the network has {count}.")
    return names


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
