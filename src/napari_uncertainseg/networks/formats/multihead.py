"""The models of this project: a folder with ``model.json``, weights of `MultiHeadUNet` and a model card.

Several weight files make an ensemble. Nothing in the folder is ever executed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.modalities import MODALITIES, REFERENCE
from napari_uncertainseg.networks.engines.int8.whole_numbers import (
    WHOLE_NUMBERS,
    WholeNumbers,
    read_whole_numbers,
)
from napari_uncertainseg.networks.formats.markers import OWN
from napari_uncertainseg.networks.model import INTENSITIES, NAME, Capabilities, Model, Preprocessing
from napari_uncertainseg.networks.real_probability import (
    REAL_PROBABILITY,
    RealProbability,
    read_real_probability,
)
from napari_uncertainseg.networks.recalibration import ModelRecalibration
from napari_uncertainseg.networks.seen_scans import SeenScans
from napari_uncertainseg.networks.weights import bytes_of, check_fit, check_runs, read_weights
from napari_uncertainseg.networks.without_torch.multihead_sizes import multihead_sizes

if TYPE_CHECKING:
    from napari_uncertainseg.networks.engines.device import Device
    from napari_uncertainseg.networks.engines.engine import Engine
    from napari_uncertainseg.networks.engines.int8.rounded_graph import Rounding
    from napari_uncertainseg.networks.multihead import MultiHeadUNet


MAX_CONFIGURATION_BYTES = 1 << 20
MAX_WEIGHT_BYTES = 2 << 30
MAX_PARAMETERS = 250_000_000

_INT8_METHODS = ("one-pass", "flips", "ensemble")
"""Whose members all come from the pass that was measured in int8."""
_WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth")


Features = Annotated[
    tuple[Annotated[int, Field(ge=1, le=2048)], ...],
    Field(
        min_length=2,
        max_length=7,
        strict=False,
        description="a list of 2 to 7 whole numbers from 1 to 2048",
    ),
]
Style = Annotated[str, Field(pattern=f"^{NAME.pattern}$", description="a plain name, like 'my-style'")]
Heads = Annotated[int, Field(ge=1, le=64, description="a whole number from 1 to 64")]


class Architecture(Strict):
    """Which network."""

    kind: Literal["multihead-unet"] = Field(description="'multihead-unet'")
    heads: Heads  # in each style
    features: Features
    thin: bool = Field(default=False, description="true or false")

    @property
    def before_norms(self) -> tuple[str, ...]:
        """Names of the convolutions that a norm follows at once, from the image to the bottleneck."""
        levels = range(1 if self.thin else 0, len(self.features))
        return tuple(f"encoder.{level}.{place}.0" for level in levels for place in (0, 1))


def _known_modalities(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values) or not set(values) <= set(MODALITIES) or REFERENCE not in values:
        right = f"a list from {list(MODALITIES)} with '{REFERENCE}' in it, each at most once"
        raise ValueError(f"should be {right}")
    return values


class _Content(Strict):
    """What ``model.json`` holds; keys that it does not know are left alone."""

    name: str = Field(pattern=f"^{NAME.pattern}$", description="a plain name, like 'my-model'")
    version: str = Field(description="text")
    description: str = Field(description="text")
    architecture: Architecture = Field(description="an object")
    modalities: Annotated[tuple[str, ...], AfterValidator(_known_modalities)] = Field(
        strict=False, description=f"a list from {list(MODALITIES)} with '{REFERENCE}' in it"
    )
    intensities: Literal["tissue"] = Field(
        description=f'"{INTENSITIES}": weights that learnt from scans normalised otherwise must be trained '
        "again"
    )
    # What the items are is looked at with the files: the sentence there names the one that is wrong.
    weights: tuple[Any, ...] = Field(
        min_length=1, max_length=64, strict=False, description="a list of 1 to 64 file names"
    )
    threshold: float = Field(gt=0, lt=1, description="a number between 0 and 1")
    spacing: float = Field(gt=0.2, lt=10, description="a voxel size between 0.2 and 10 mm")
    smoothing: float = Field(default=0.0, ge=0, lt=3, description="a number from 0 to 3, in voxels")
    styles: tuple[Style, ...] = Field(
        default=(), max_length=16, strict=False, description="a list of up to 16 plain names"
    )
    style: str | None = Field(default=None, description="one of 'styles', or null for all of them")
    temperature: float = Field(default=1.0, gt=0.01, lt=100, description="a number between 0.01 and 100")
    recalibration: tuple[ModelRecalibration, ...] = Field(
        default=(), max_length=32, strict=False, description="a list of up to 32 objects"
    )
    seen: SeenScans | None = Field(default=None, description="an object, as experiments/unlike.py writes it")
    dropout: float = Field(default=0.1, gt=0, lt=0.95, description="a number between 0 and 0.95")

    @model_validator(mode="after")
    def _has_its_style(self) -> _Content:
        if len(set(self.styles)) < len(self.styles):
            raise ValueError("'styles' names a style twice")
        if self.style is not None and self.style not in self.styles:
            known = f"one of {list(self.styles)}" if self.styles else "null: the model has no 'styles'"
            raise ValueError(f"'style' should be {known}, not '{self.style}'")
        return self

    @model_validator(mode="after")
    def _recalibrates_its_inputs(self) -> _Content:
        for one in self.recalibration:
            if not set(one.inputs) <= set(self.modalities) or (one.inputs and REFERENCE not in one.inputs):
                right = f"a list from {list(self.modalities)} with '{REFERENCE}' in it"
                raise ValueError(f"'inputs' in 'recalibration' should be {right}, not {list(one.inputs)}")
        return self


@dataclass(frozen=True, kw_only=True)
class MultiHeadModel(Model):
    """One or several `MultiHeadUNet`, a weight file each.

    Attributes
    ----------
    configuration
        The content of ``model.json``.
    architecture
        Of each network.
    whole_numbers
        How the networks compute in int8; None where nobody measured it.
    """

    configuration: Mapping[str, Any]
    architecture: Architecture
    whole_numbers: WholeNumbers | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """``model.json``, ``real_probability.json`` and ``int8.json`` where they are, and the weights."""
        known = () if self.real_probability is None else (self.folder / REAL_PROBABILITY,)
        rounded = () if self.whole_numbers is None else (self.folder / WHOLE_NUMBERS,)
        return self.folder / OWN, *known, *rounded, *self.weights

    def network(self, index: int = 0) -> MultiHeadUNet:
        """Build one network with its weights.

        Returns
        -------
        MultiHeadUNet
            float32, on the CPU, in eval mode.

        Raises
        ------
        InputError
            If the weights are corrupt, would run code, or do not fit the architecture.
        """
        path = self.weights[index]
        network = self._build()
        expected = network.state_dict()
        state = read_weights(path, most_bytes=bytes_of(expected))
        check_fit(state, expected, path)
        network.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
        return network.eval()

    def runs_int8(self, method: str) -> bool:
        """Whether the method's networks all have numbers, and it needs their main pass only."""
        numbers = self.whole_numbers
        if numbers is None or method not in _INT8_METHODS:
            return False
        used = range(len(self.weights) if method == "ensemble" else 1)
        return all(numbers.of(self.weight_sha256(index)) is not None for index in used)

    def engine(self, device: Device, index: int = 0) -> Engine:
        """Make one network ready for a device; it is built unless OpenVINO has it converted in its cache."""
        if device.library == "openvino":
            return self._openvino_engine(device, index)
        from napari_uncertainseg.networks.engines.torch_engine import TorchEngine

        return TorchEngine(self.network(index), device)

    def _openvino_engine(self, device: Device, index: int) -> Engine:
        from napari_uncertainseg.networks.engines.conversion import is_cached
        from napari_uncertainseg.networks.engines.openvino_engine import OpenVinoEngine

        build, key = cache(partial(self.network, index)), self._network_key(index)
        if not is_cached(key):
            build()  # what is wrong with the weights is said now
        shape = self.architecture
        sizes = multihead_sizes(shape.features, max(1, len(self.styles)) * shape.heads)
        return OpenVinoEngine(build, device, key=key, sizes=sizes, rounding=self._rounding(index))

    def _network_key(self, index: int) -> str:
        """Hash of the weights, and of the network that they were found to fit.

        With that of the weights alone, another ``model.json`` would run a network that it does not describe.
        """
        styles = max(1, len(self.styles))
        shape = f"{len(self.modalities)} channels, {styles} styles, {self.architecture.model_dump_json()}"
        return hashlib.sha256(f"{self.weight_sha256(index)}, {shape}".encode()).hexdigest()

    def _rounding(self, index: int) -> Rounding | None:
        """How a network computes in int8; None where it cannot."""
        from napari_uncertainseg.networks.engines.int8.rounded_graph import Rounding

        layers = None if self.whole_numbers is None else self.whole_numbers.of(self.weight_sha256(index))
        return None if layers is None else Rounding(layers, self.architecture.before_norms)

    def check_runs(self) -> None:
        """Build every network and run it once."""
        for index, path in enumerate(self.weights):
            check_runs(self.network(index), path)

    def _build(self) -> MultiHeadUNet:
        """Build a network on the meta device: no memory is taken before its size is known."""
        import torch

        from napari_uncertainseg.networks.multihead import MultiHeadUNet

        shape = self.architecture
        with torch.device("meta"):
            network = MultiHeadUNet(
                len(self.modalities),
                shape.features,
                shape.heads,
                styles=max(1, len(self.styles)),
                thin=shape.thin,
            )
        if sum(p.numel() for p in network.parameters()) > MAX_PARAMETERS:
            raise InputError(f"{self.folder / OWN}: 'features' make a network of absurd size.")
        return network


def read_multihead(folder: Path) -> MultiHeadModel:
    """Read a model folder without loading its weights.

    Raises
    ------
    InputError
        If ``model.json``, ``real_probability.json`` or ``int8.json`` is malformed, or weights may not be
        used.
    """
    path = folder / OWN
    _check_inside(path, f"{path} is")
    configuration = read_json(path, most_bytes=MAX_CONFIGURATION_BYTES)
    content = validated(_Content, configuration, str(path))
    weights = tuple(_weight_file(folder, name) for name in content.weights)
    if len({w.name for w in weights}) != len(weights):
        raise InputError(f"{path}: 'weights' names a file twice.")
    architecture = content.architecture
    return MultiHeadModel(
        name=content.name,
        folder=folder,
        version=content.version,
        description=content.description,
        weights=weights,
        threshold=content.threshold,
        modalities=content.modalities,
        preprocessing=Preprocessing(content.spacing, content.smoothing),
        capabilities=Capabilities(
            networks=len(weights),
            heads=architecture.heads,
            layers=len(architecture.features) - 1,
            dropout=content.dropout,
            styles=max(1, len(content.styles)),
            style=None if content.style is None else content.styles.index(content.style),
        ),
        temperature=content.temperature,
        recalibrations=content.recalibration,
        seen=content.seen,
        real_probability=_real_probability(folder),
        whole_numbers=_whole_numbers(folder),
        configuration=configuration,
        architecture=architecture,
        styles=content.styles,
    )


def _real_probability(folder: Path) -> RealProbability | None:
    _check_inside(folder / REAL_PROBABILITY, f"{folder / REAL_PROBABILITY} is")
    return read_real_probability(folder)


def _whole_numbers(folder: Path) -> WholeNumbers | None:
    _check_inside(folder / WHOLE_NUMBERS, f"{folder / WHOLE_NUMBERS} is")
    return read_whole_numbers(folder)


def _check_inside(path: Path, what: str) -> None:
    """Refuse a file that lies elsewhere; what a link within the folder leads to may be used."""
    if path.resolve().parent != path.parent.resolve():
        raise InputError(f"{what} a link that leads out of the model's folder.")


def _weight_file(folder: Path, name: Any) -> Path:
    """Path of a weight file; its name may not lead out of the folder."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(f"{folder / OWN}: weights {name!r} should be a plain file name in the folder.")
    if not name.endswith(_WEIGHT_SUFFIXES):
        raise InputError(f"{folder / OWN}: weights '{name}' should be a .safetensors file.")
    path = folder / name
    if not path.is_file():
        raise InputError(f"The weights '{path}' are missing.")
    _check_inside(path, f"The weights '{path}' are")
    if path.stat().st_size > MAX_WEIGHT_BYTES:
        raise InputError(f"The weights '{path}' are larger than 2 GB: this is no model of this kind.")
    return path
