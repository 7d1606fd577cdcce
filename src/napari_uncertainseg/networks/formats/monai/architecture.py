"""A bundle's network: one of MONAI's own classes, with plain numbers and names."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.formats.monai.components import Component
from napari_uncertainseg.networks.formats.monai.configuration import EXTRA

if TYPE_CHECKING:
    from torch import nn

MAX_PARAMETERS = 250_000_000
_LARGEST = 65_536
_LONGEST = 16
_MOST_BLOCKS = 64
_DEPTHS = ("blocks_down", "blocks_up", "depths", "num_res_units", "num_layers", "dsdepth", "deep_supr_num")
"""Options that say how many parts a network has: each part takes time and memory before it has a size."""


NETWORKS = (
    "SegResNet",
    "SegResNetDS",
    "UNet",
    "Unet",
    "BasicUNet",
    "DynUNet",
    "AttentionUnet",
    "VNet",
    "HighResNet",
    "UNETR",
    "SwinUNETR",
    "FlexibleUNet",
    "MedNeXt",
)
"""Classes of ``monai.networks.nets`` that may be made; all give a channel for each class."""
_USUAL = {"in_channels": 1, "out_channels": 2}
"""What the classes take where nothing is said."""
MAX_CHANNELS = 256
_DROPPED: Mapping[str, tuple[str, ...]] = {
    "SwinUNETR": ("img_size", "use_checkpoint"),
    "FlexibleUNet": ("pretrained",),
}
"""Options that older versions took, or that only matter in training: without them it is the same network.

``pretrained`` would fetch weights; a bundle brings its own.
"""
_DIMENSIONS = {"FlexibleUNet": 2}
"""What ``spatial_dims`` is where nothing is said, other than 3."""
_ONE_OUTPUT = ("VNet", "HighResNet")
"""Classes that give one channel where nothing is said."""
_RENAMED = {("UNETR", "pos_embed"): "proj_type"}
"""Options that have another name in today's MONAI."""
_DROPOUT: Mapping[str, tuple[str, ...]] = {
    "SegResNet": ("dropout_prob",),
    "VNet": ("dropout_prob_down", "dropout_prob_up"),
    "HighResNet": ("dropout_prob",),
    "UNETR": ("dropout_rate",),
    "SwinUNETR": ("drop_rate", "attn_drop_rate"),
}
"""Options that say with which probability layers drop, where it is not ``dropout``."""
_OWN_DROPOUT = {"VNet": 0.5}
"""Classes with blocks that drop whatever is said."""


@dataclass(frozen=True)
class Architecture:
    """Which network, with its options.

    Attributes
    ----------
    network
        The component.
    inputs, outputs
        How many channels it reads and gives.
    """

    network: Component
    inputs: int
    outputs: int

    @property
    def dropout(self) -> float:
        """The largest probability with which its layers drop; 0 where none does. Nothing is built for it."""
        options = self.network.options
        names = _DROPOUT.get(self.network.kind, ("dropout",))
        if options.get("use_flash_attention"):  # which leaves that dropout out
            names = tuple(name for name in names if name != "attn_drop_rate")
        own = _OWN_DROPOUT.get(self.network.kind, 0.0)
        return max(own, *(_largest(options.get(name)) for name in names))

    def build(self) -> nn.Module:
        """Make the network, once its size is known to be sensible.

        Returns
        -------
        torch.nn.Module
            float32, on the CPU, in eval mode, with weights that mean nothing.

        Raises
        ------
        InputError
            If MONAI is not installed, its options do not suit the class, or it is too large.
        """
        import torch

        with torch.device("meta"), _lines_on_cpu():
            size = sum(parameter.numel() for parameter in self._made().parameters())
        if size > MAX_PARAMETERS:
            raise self.network.refuse(f"this {self.network.kind} has {size:.3g} parameters, an absurd size")
        # Anew, not moved from the meta device: buffers that are no weights get their values here only.
        return self._made().float().eval()

    def _made(self) -> nn.Module:
        made = getattr(_networks(), self.network.kind)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of options that MONAI will rename
                network: nn.Module = made(**self.network.options)
        except (MemoryError, InputError):
            raise
        except Exception as error:  # MONAI raises many types for options that do not suit
            why = " ".join(str(error).split())[:120]
            raise self.network.refuse(f"MONAI cannot make this {self.network.kind} ({why})") from error
        return network


def _largest(said: Any) -> float:
    """The largest probability below 1 in what MONAI takes: ``0.2``, ``["alphadropout", {"p": 0.2}]``."""
    if isinstance(said, str):  # a layer's name alone: torch's own probability
        return 0.5
    if isinstance(said, list) and said and isinstance(said[0], str):
        options = said[1] if len(said) > 1 and isinstance(said[1], Mapping) else {}
        return _largest(options.get("p", 0.5))
    if isinstance(said, list):
        return max(map(_largest, said), default=0.0)
    return float(said) if isinstance(said, int | float) and 0 < said < 1 else 0.0


def _lines_on_cpu() -> AbstractContextManager[Any]:
    """Lines of numbers have values on the meta device too: a SwinUNETR takes its rates of dropout of one."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Lines(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            more = {"device": "cpu"} if func is torch.linspace else {}
            return func(*args, **{**(kwargs or {}), **more})

    return Lines()


def _networks() -> Any:
    try:
        from monai.networks import nets
    except ImportError:
        raise InputError(f"This model is a MONAI bundle: install MONAI to use it ({EXTRA}).") from None
    return nets


def read_architecture(network: Component | None, place: str) -> Architecture:
    """Read a network's component without making it.

    Raises
    ------
    InputError
        If its class is not allowed, or its options are no plain and sensible values.
    """
    if network is None:
        raise InputError(f"{place} is switched off: the bundle has no network.")
    if network.kind not in NETWORKS:
        raise network.refuse(
            f"'_target_' {network.kind!r} is not allowed: networks are {', '.join(NETWORKS)}"
        )
    dropped = _DROPPED.get(network.kind, ())
    options = {
        _RENAMED.get((network.kind, name), name): value
        for name, value in network.options.items()
        if name not in dropped
    }
    network = replace(network, options=options)
    for name, value in network.options.items():
        _check_option(network, name, value)
    if network.options.get("spatial_dims", _DIMENSIONS.get(network.kind, 3)) != 3:
        raise network.refuse("'spatial_dims' should be 3: models of slices are not read")
    usual = _USUAL | ({"out_channels": 1} if network.kind in _ONE_OUTPUT else {})
    inputs, outputs = (network.options.get(name, number) for name, number in usual.items())
    for name, value in zip(_USUAL, (inputs, outputs), strict=True):
        if type(value) is not int or not 1 <= value <= MAX_CHANNELS:
            raise network.refuse(f"'{name}' should be a whole number from 1 to {MAX_CHANNELS}")
    return Architecture(network, inputs, outputs)


def _check_option(network: Component, name: str, value: Any) -> None:
    """Refuse what is no plain value of a usual size."""
    values = [value]
    while values:
        one = values.pop()
        if isinstance(one, Mapping):
            if "_target_" in one or len(one) > _LONGEST:
                raise network.refuse(f"'{name}' should be a plain value")
            values += one.values()
        elif isinstance(one, list):
            if len(one) > _LONGEST:
                raise network.refuse(f"'{name}' should have at most {_LONGEST} entries")
            values += one
        elif isinstance(one, int | float):
            most = _MOST_BLOCKS if name in _DEPTHS else _LARGEST
            if not abs(one) <= most:
                raise network.refuse(f"'{name}' should be at most {most}, not {one:g}")
        elif one is not None and (not isinstance(one, str) or len(one) > 100):
            raise network.refuse(f"'{name}' should be a plain value")
