"""In which precision a network is trained: half where the machine is faster so, single elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from napari_uncertainseg.networks.engines.device import torch_has_bf16


@dataclass(frozen=True)
class Precision:
    """Where and how the convolutions are computed.

    A processor without bf16 arithmetic emulates it, several times slower than float32. Runs of the two kinds
    end with different weights, so a run goes on as it began, on whatever machine.

    Attributes
    ----------
    device
        ``"cpu"`` or ``"cuda"``.
    name
        ``"bf16"`` or ``"float32"``.
    """

    device: str
    name: Literal["bf16", "float32"]

    @classmethod
    def fastest(cls, device: torch.device) -> Precision:
        """What a new run takes on a device."""
        return cls(device.type, "bf16" if device.type == "cuda" or torch_has_bf16() else "float32")

    def autocast(self) -> torch.autocast:
        """A context in which a network computes so."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.name == "bf16")
