"""What the visits of a run are segmented with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from napari_uncertainseg.disk.validation import Strict

if TYPE_CHECKING:
    from napari_uncertainseg.inference.segmenter import Segmenter

CORRECTION = {None: "auto", True: "on", False: "off"}
"""When the scans' brightness is corrected, by what the user said on the command line."""


@dataclass(frozen=True)
class RunOptions:
    """What a user chooses; as for `uncertainseg segment`.

    Attributes
    ----------
    model, method, members, target, device, seed
        As for `Segmenter`.
    threshold
        The model's own where it is None.
    min_volume
        Smallest lesion, mm3.
    skull, bias_correction
        As for `Segmenter.predict`.
    volume
        Which volume of 4-D files.
    resample
        Bring references on other grids onto the scan's.
    """

    model: str = "bundled"
    method: str = "one-pass"
    members: int | None = None
    target: Sequence[str] | None = None
    threshold: float | None = None
    min_volume: float = 3.0
    skull: str = "auto"
    bias_correction: str = "auto"
    volume: int | None = None
    device: str = "auto"
    seed: int = 0
    resample: bool = False


class Setting(Strict):
    """What decides the numbers of a visit: two visits of one setting can be compared.

    Attributes
    ----------
    model, model_sha256
        Name, and hash of its weights.
    method, members, seed
        Where the members come from.
    threshold
        None for the model's own.
    min_volume_mm3
        Smaller components are left out.
    skull, bias_correction, volume
        How scans are read and prepared.
    """

    model: str = Field(description="text")
    model_sha256: str = Field(description="text")
    method: str = Field(description="text")
    members: int = Field(description="a whole number")
    seed: int = Field(description="a whole number")
    threshold: float | None = Field(description="a number, or null")
    min_volume_mm3: float = Field(description="a number")
    skull: str = Field(description="text")
    bias_correction: str = Field(description="text")
    volume: int | None = Field(description="a whole number, or null")

    def changes(self, now: Setting) -> str:
        """In what another setting differs, for the user; empty where it does not."""
        if self.model_sha256 != now.model_sha256 and self.model == now.model:
            first = [f"the model {self.model} was another one"]
        else:
            first = []
        others = [
            f"{name.replace('_mm3', '').replace('_', ' ')} was {_shown(old)}, now {_shown(new)}"
            for name, old in self.model_dump().items()
            if name != "model_sha256" and old != (new := getattr(now, name))
        ]
        return "; ".join(first + others)


def _shown(value: object) -> str:
    return "the default" if value is None else str(value)


def setting_of(options: RunOptions, segmenter: Segmenter) -> Setting:
    """The setting that options mean, with the segmenter that was made by them."""
    return Setting(
        model=segmenter.model.name,
        model_sha256=segmenter.model.sha256,
        method=segmenter.method,
        members=segmenter.members,
        seed=options.seed,
        threshold=options.threshold,
        min_volume_mm3=options.min_volume,
        skull=options.skull,
        bias_correction=options.bias_correction,
        volume=options.volume,
    )


def segmenter_of(options: RunOptions, window_share: float = 1.0) -> Segmenter:
    """Load what options name.

    Raises
    ------
    InputError
        If the model, the method, the members or the device cannot be used.
    """
    from napari_uncertainseg.inference.segmenter import Segmenter

    return Segmenter(
        options.model,
        method=options.method,
        members=options.members,
        target=options.target,
        device=options.device,
        seed=options.seed,
        window_share=window_share,
    )
