"""``plans.json``: how nnU-Net prepares scans and builds the network, checked before either is done."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.networks.foreign_settings import MAX_CHANNELS, check_inside
from napari_uncertainseg.networks.formats.markers import NNUNET

MAX_BYTES = 16 << 20
_MAX_PATCH = 1 << 27
"""Voxels of a patch."""
_DEFAULT = "3d_fullres"

_Size = Annotated[int, Field(ge=1, le=1024)]
_Axes = Annotated[
    tuple[_Size, _Size, _Size],
    Field(strict=False, description="a list of 3 whole numbers from 1 to 1024"),
]
_Millimetres = Annotated[float, Field(ge=0.01, le=100)]
_Spacing = Annotated[
    tuple[_Millimetres, _Millimetres, _Millimetres],
    Field(strict=False, description="a list of 3 numbers from 0.01 to 100, in mm"),
]
_Side = Annotated[int, Field(ge=1, le=15)]
_Sides = Annotated[tuple[_Side, _Side, _Side], Field(strict=False)]
_PerStage = Annotated[
    tuple[_Side | _Sides, ...],
    Field(strict=False, max_length=12, description="a whole number or a list of 3, from 1 to 15, a stage"),
]
_Count = Annotated[int, Field(ge=1, le=32)]
_Counts = Annotated[
    _Count | Annotated[tuple[_Count, ...], Field(strict=False, max_length=12)],
    Field(description="a whole number from 1 to 32, or a list of them"),
]
_Operation = Annotated[str, Field(max_length=64)]
_Arguments = dict[
    Literal["eps", "affine", "momentum", "track_running_stats", "inplace", "negative_slope", "p"],
    bool | float | int,
]


class Layers(Strict):
    """The network, as nnU-Net's own classes take it; what they may be is in `architecture`."""

    model_config = ConfigDict(extra="forbid")

    n_stages: Annotated[int, Field(ge=2, le=12, description="a whole number from 2 to 12")]
    features_per_stage: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2048)], ...],
        Field(strict=False, max_length=12, description="a list of whole numbers from 1 to 2048"),
    ]
    conv_op: _Operation
    kernel_sizes: _PerStage
    strides: _PerStage
    n_conv_per_stage: _Counts | None = None
    n_blocks_per_stage: _Counts | None = None
    n_conv_per_stage_decoder: _Counts
    conv_bias: bool = False
    norm_op: _Operation | None = None
    norm_op_kwargs: _Arguments | None = None
    dropout_op: _Operation | None = None
    dropout_op_kwargs: _Arguments | None = None
    nonlin: _Operation | None = None
    nonlin_kwargs: _Arguments | None = None
    nonlin_first: bool = False
    deep_supervision: bool = False

    @model_validator(mode="after")
    def _one_entry_a_stage(self) -> Self:
        for key in ("features_per_stage", "kernel_sizes", "strides"):
            if len(getattr(self, key)) != self.n_stages:
                raise ValueError(f"'{key}' should have an entry for each of the {self.n_stages} stages")
        return self

    @property
    def dropout(self) -> float:
        """With which probability its layers drop, as torch has it where nothing is said; 0 for none."""
        if self.dropout_op is None:
            return 0.0
        p = float((self.dropout_op_kwargs or {}).get("p", 0.5))
        return p if 0 < p < 1 else 0.0

    @property
    def divisor(self) -> tuple[int, int, int]:
        """By how much the network shrinks each axis."""
        strides = [(s, s, s) if isinstance(s, int) else s for s in self.strides]
        z, y, x = (prod(stride[axis] for stride in strides) for axis in range(3))
        return z, y, x


class Architecture(Strict):
    """Which network."""

    network_class_name: Annotated[str, Field(max_length=128)]
    arch_kwargs: Layers


class Resampling(Strict):
    """How nnU-Net resamples: splines of some order, slice by slice where voxels are long."""

    order: Annotated[int, Field(ge=0, le=5, description="a whole number from 0 to 5")] = 1
    order_z: Annotated[int, Field(ge=0, le=5, description="a whole number from 0 to 5")] = 0
    force_separate_z: bool | None = None


_Function = Annotated[
    Literal["resample_data_or_seg_to_shape"],
    Field(description="'resample_data_or_seg_to_shape', which is nnU-Net's default"),
]


class Configuration(Strict):
    """One configuration of the plans, with what it inherits."""

    patch_size: _Axes
    spacing: _Spacing
    normalization_schemes: Annotated[tuple[str, ...], Field(strict=False, max_length=MAX_CHANNELS)]
    use_mask_for_norm: Annotated[tuple[bool, ...], Field(strict=False, max_length=MAX_CHANNELS)]
    resampling_fn_data: _Function
    resampling_fn_data_kwargs: Resampling
    resampling_fn_probabilities: _Function
    resampling_fn_probabilities_kwargs: Resampling
    preprocessor_name: Annotated[Literal["DefaultPreprocessor"], Field(description="'DefaultPreprocessor'")]
    architecture: Architecture

    @model_validator(mode="after")
    def _patch_fits(self) -> Self:
        if prod(self.patch_size) > _MAX_PATCH:
            raise ValueError(f"'patch_size' {list(self.patch_size)} is absurdly large")
        divisor = self.architecture.arch_kwargs.divisor
        if any(size % part for size, part in zip(self.patch_size, divisor, strict=True)):
            raise ValueError(
                f"'patch_size' {list(self.patch_size)} cannot be divided by the strides {list(divisor)}"
            )
        return self


class Intensities(Strict):
    """What the brightness of a channel was like in the training data."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float


class Plans(Strict):
    """The parts of ``plans.json`` that prediction needs.

    Attributes
    ----------
    dataset_name
        Of the training data.
    image_reader_writer
        Which says whether scans are turned first.
    transpose_forward
        Old number of each new axis.
    foreground_intensity_properties_per_channel
        By the number of the channel.
    """

    dataset_name: Annotated[str, Field(min_length=1, max_length=128)]
    image_reader_writer: Annotated[
        Literal["SimpleITKIO", "NibabelIO", "SimpleITKIOWithReorient", "NibabelIOWithReorient"],
        Field(description="a reader of medical images, such as 'SimpleITKIO'"),
    ]
    transpose_forward: Annotated[
        tuple[int, int, int], Field(strict=False, description="the numbers 0, 1 and 2 in some order")
    ]
    foreground_intensity_properties_per_channel: dict[str, Intensities] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_an_order(self) -> Self:
        if sorted(self.transpose_forward) != [0, 1, 2]:
            raise ValueError("'transpose_forward' should be the numbers 0, 1 and 2 in some order")
        return self

    @property
    def reorients(self) -> bool:
        """Whether scans are turned to RAS before all else."""
        return self.image_reader_writer.endswith("WithReorient")


def read_plans(folder: Path, wanted: str | None = None) -> tuple[Plans, str, Configuration]:
    """Read the plans, and the configuration that the folder was trained with.

    That is the one asked for, else the one that the folder's name ends in (as nnU-Net names folders), else
    the only one in 3D, else ``3d_fullres``.

    Raises
    ------
    InputError
        If the plans are malformed, ask for what is not supported, or have no such configuration.
    """
    path = folder / NNUNET
    content, plans = _read(path)
    known = content.get("configurations")
    if not isinstance(known, dict) or not known:
        raise InputError(f"{path}: 'configurations' is missing: these are no plans of nnU-Net version 2.")
    name = _chosen(path, known, wanted)
    raw = _inherited(path, known, name)
    if raw.get("previous_stage"):
        raise InputError(
            f"{path}: '{name}' needs the result of another network first (a cascade), which is not "
            "supported: give a model trained with 3d_fullres or 3d_lowres."
        )
    if isinstance(raw.get("patch_size"), list) and len(raw["patch_size"]) == 2:
        raise InputError(
            f"{path}: '{name}' is for single slices, which is not supported: give a model trained in 3D."
        )
    return plans, name, validated(Configuration, _with_architecture(path, raw), f"{path}, '{name}'")


def read_reorients(folder: Path) -> bool:
    """Whether nnU-Net turned scans to RAS before all else, by the plans in a folder of its results.

    Raises
    ------
    InputError
        If the plans are malformed.
    """
    return _read(folder / NNUNET)[1].reorients


def _read(path: Path) -> tuple[dict[str, Any], Plans]:
    check_inside(path, path.parent)
    content = read_json(path, most_bytes=MAX_BYTES)
    return content, validated(Plans, _renamed(content), str(path))


def _renamed(content: dict[str, Any]) -> dict[str, Any]:
    """Older plans call the channels modalities."""
    older = content.get("foreground_intensity_properties_by_modality")
    return content if older is None else {"foreground_intensity_properties_per_channel": older, **content}


def _chosen(path: Path, known: Mapping[str, Any], wanted: str | None) -> str:
    in_3d = [name for name in known if not name.startswith("2d")]
    if wanted is None:
        ends = [name for name in known if path.parent.resolve().name.endswith(name)]
        wanted = max(ends, key=len) if ends else in_3d[0] if len(in_3d) == 1 else _DEFAULT
    if wanted not in known:
        raise InputError(
            f"{path}: there is no configuration '{wanted}': say in 'configuration' of uncertainseg.json "
            f"which one was trained: {', '.join(known)}."
        )
    return wanted


def _inherited(path: Path, known: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A configuration with all that it inherits from others."""
    merged: dict[str, Any] = {}
    visited: list[str] = []
    following: Any = name
    while following is not None:
        if not isinstance(following, str) or following in visited or following not in known:
            raise InputError(f"{path}: what '{name}' inherits from ('{following}') cannot be followed.")
        visited.append(following)
        if not isinstance(known[following], dict):
            raise InputError(f"{path}: the configuration '{following}' should be an object.")
        merged = {**known[following], **merged}
        following = known[following].get("inherits_from")
    return merged


_OLD_CLASSES = {"PlainConvUNet": "n_conv_per_stage", "ResidualEncoderUNet": "n_blocks_per_stage"}


def _with_architecture(path: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """Plans of before nnU-Net 2.4 describe the network in keys of their own: put them in today's."""
    if "architecture" in raw or "UNet_class_name" not in raw:
        return raw
    name = raw["UNet_class_name"]
    try:
        stages = len(raw["n_conv_per_stage_encoder"])
        features = [
            min(raw["UNet_base_num_features"] * 2 ** min(i, 30), raw["unet_max_num_features"])
            for i in range(stages)
        ]
        layers = {
            "n_stages": stages,
            "features_per_stage": features,
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": raw["conv_kernel_sizes"],
            "strides": raw["pool_op_kernel_sizes"],
            _OLD_CLASSES[name]: raw["n_conv_per_stage_encoder"],
            "n_conv_per_stage_decoder": raw["n_conv_per_stage_decoder"],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        }
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: the network is not described as nnU-Net does ({error}).") from error
    return {**raw, "architecture": {"network_class_name": name, "arch_kwargs": layers}}
