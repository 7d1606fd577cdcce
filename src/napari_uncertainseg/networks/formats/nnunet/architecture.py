"""The network of an nnU-Net model, built from its plans by nnU-Net's own classes; no others are allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.markers import NNUNET
from napari_uncertainseg.networks.formats.nnunet.plans import Architecture, Layers

if TYPE_CHECKING:
    from torch import nn

CLASSES: Mapping[str, str] = {
    "PlainConvUNet": "n_conv_per_stage",
    "ResidualEncoderUNet": "n_blocks_per_stage",
    "ResidualUNet": "n_blocks_per_stage",
}
"""Networks that are built, with the key that says how deep their encoder's stages are."""
_OPERATIONS: Mapping[str, frozenset[str]] = {
    "conv_op": frozenset({"Conv3d"}),
    "norm_op": frozenset({"InstanceNorm3d", "BatchNorm3d"}),
    "dropout_op": frozenset({"Dropout3d", "Dropout"}),
    "nonlin": frozenset({"LeakyReLU", "ReLU", "ELU", "GELU", "SiLU"}),
}
"""Parts of torch that they may be made of."""
MAX_PARAMETERS = 500_000_000

_PACKAGE = "dynamic_network_architectures"
_MISSING = (
    "A model of nnU-Net needs the package dynamic-network-architectures, which is not installed: "
    "run `pip install --no-deps dynamic-network-architectures`."
)


def check_architecture(folder: Path, architecture: Architecture) -> None:
    """Refuse networks and parts that are not in the lists.

    Raises
    ------
    InputError
        With the first one.
    """
    name = architecture.network_class_name
    if _class_name(name) not in CLASSES:
        raise InputError(
            f"{folder / NNUNET}: the network '{name}' is none that is built here: {', '.join(CLASSES)} are."
        )
    layers = architecture.arch_kwargs
    for key, allowed in _OPERATIONS.items():
        said = getattr(layers, key)
        if said is not None and _operation(said) not in allowed:
            raise InputError(
                f"{folder / NNUNET}: '{key}' is '{said}', which is not built here: {_in_words(allowed)}."
            )
    depth = CLASSES[_class_name(name)]
    if getattr(layers, depth) is None:
        raise InputError(f"{folder / NNUNET}: '{depth}' is missing, which {_class_name(name)} needs.")


def build_network(folder: Path, architecture: Architecture, channels: int, outputs: int) -> nn.Module:
    """Build the network on the meta device: no memory is taken before its size is known.

    Parameters
    ----------
    folder
        For messages.
    architecture
        As the plans say.
    channels, outputs
        Of the network.

    Raises
    ------
    InputError
        If nnU-Net's classes are not installed, or the network is not built here, cannot be, or is too large.
    """
    import torch

    check_architecture(folder, architecture)
    try:
        from dynamic_network_architectures.architectures import unet
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] != _PACKAGE:
            raise
        raise InputError(_MISSING) from error
    kind = getattr(unet, _class_name(architecture.network_class_name))
    try:
        with torch.device("meta"):
            network: nn.Module = kind(
                input_channels=channels, num_classes=outputs, **_arguments(architecture.arch_kwargs)
            )
    except (AssertionError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"{folder / NNUNET}: the network cannot be built ({_first_line(error)}).") from error
    if sum(parameter.numel() for parameter in network.parameters()) > MAX_PARAMETERS:
        raise InputError(f"{folder / NNUNET}: the plans make a network of absurd size.")
    return network


def _arguments(layers: Layers) -> dict[str, Any]:
    """Keywords of the class; what plans leave out keeps its default, and only the finest output is used."""
    from torch import nn

    found = layers.model_dump(exclude_none=True) | {"deep_supervision": False}
    if not layers.nonlin_first:  # newer classes do not all take it
        found.pop("nonlin_first")
    return found | {key: getattr(nn, _operation(found[key])) for key in _OPERATIONS if key in found}


def _class_name(said: str) -> str:
    """``PlainConvUNet`` of its full name; what is no name of nnU-Net's classes stays as it is."""
    named = re.fullmatch(rf"(?:{_PACKAGE}\.architectures\.(?:unet|residual_unet)\.)?([A-Za-z]+)", said)
    return said if named is None else named[1]


def _operation(said: str) -> str:
    named = re.fullmatch(r"torch\.nn\.(?:modules\.[a-z]+\.)?([A-Za-z0-9]+)", said)
    return said if named is None else named[1]


def _in_words(names: frozenset[str]) -> str:
    return f"{', '.join(sorted(names))} {'is' if len(names) == 1 else 'are'}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
