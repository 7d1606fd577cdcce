"""What a training run is told: the tables of its file, and the values that work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.networks.model import NAME


class _Table(Strict):
    """A slip in a key's name would train something else: keys that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


def _count(default: int, *, least: int = 1) -> Any:
    return Field(default, ge=least, description=f"a whole number of {least} or more")


def _weight(default: float) -> Any:
    return Field(default, ge=0, description="a number of 0 or more")


def _texts() -> Any:
    return Field((), strict=False, description="a list of texts")


def _path() -> Any:
    return Field(strict=False, description="a path")


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


class DataConfiguration(_Table):
    """Where the scans are and how patches are drawn from them.

    Attributes
    ----------
    folder
        What the other paths count from.
    subjects
        What comes before `flair`, `t1`, `t2` and `lesions` in the names of a subject's files, such as
        ``"patient07/"``. The scans are skull-stripped, 1 mm, and lie on one grid.
    backgrounds
        Likewise for scans of any kind without a lesion mask: lesions are planted into them, and what is
        bright in them already counts neither way.
    phantoms
        Number of simulated brains that serve as backgrounds.
    masks
        Folder of lesion masks in the subjects' space, to be planted; None plants nothing.
    excluded_masks
        Names of masks that must not be planted: those of held-out patients.
    planted
        Share of patches with planted lesions, 0 to 1.
    patch
        Edge of a patch, voxels; a multiple of the network's divisor.
    raters
        Simulated raters per patch.
    validation
        Likewise for subjects that are never trained on, to be segmented whole now and then. Their masks
        must be among the excluded ones.
    """

    folder: Path = _path()
    subjects: tuple[str, ...] = Field(
        min_length=1, strict=False, description="a list of one subject or more, as texts"
    )
    backgrounds: tuple[str, ...] = _texts()
    phantoms: int = _count(0, least=0)
    masks: str | None = Field(None, description="text")
    excluded_masks: tuple[str, ...] = _texts()
    planted: float = Field(0.65, ge=0, le=1, description="a number from 0 to 1")
    patch: int = Field(80, description="a whole number of voxels")
    raters: int = _count(5)
    validation: tuple[str, ...] = _texts()


class NetworkConfiguration(_Table):
    """Shape of the network, see `networks.multihead.MultiHeadUNet`.

    The limits are those of `networks.formats.multihead.Architecture`, which reads what training writes.
    """

    features: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (16, 32, 64, 128, 160),
        min_length=2,
        max_length=7,
        strict=False,
        description="a list of 2 to 7 whole numbers from 1 to 2048",
    )
    heads: int = Field(5, ge=1, le=64, description="a whole number from 1 to 64")
    thin: bool = Field(False, description="true or false")

    @property
    def divisor(self) -> int:
        """What the edges of its input must be multiples of."""
        return 1 << (len(self.features) - 1)

    @property
    def smallest(self) -> int:
        """The smallest edge of its input."""
        return 2 * self.divisor


class OptimisationConfiguration(_Table):
    """How it is trained.

    Attributes
    ----------
    steps
        Number of optimiser steps.
    batch
        Patches per step.
    learning_rate
        Peak learning rate of AdamW; warmed up, then cosine to 0 over the last `decay` steps.
    dropout
        Channel dropout during training.
    disagreement
        Weight of EDUE's disagreement guidance.
    calibration
        Weight of the calibration error (mL1-ACE) of the mean probability.
    binning
        Of that error: "hard" or "soft".
    sampling
        Which rater a head learns: "volume", the heads in the order of how much the raters outlined, or
        "random", drawn anew in each step as in EDUE, which leaves the heads nearly alike.
    average
        Decay of the moving average of the weights, which is what is saved.
    validate_every
        Steps after which the validation subjects are segmented; 0 is never.
    """

    steps: int = _count(2000)
    batch: int = _count(2)
    learning_rate: float = Field(1e-3, gt=0, description="a number above 0")
    warmup: int = _count(50, least=0)
    decay: int = _count(1000, least=0)
    dropout: float = Field(0.1, gt=0, lt=0.95, description="a number above 0 and below 0.95")
    disagreement: float = _weight(4.0)
    calibration: float = _weight(0.3)
    binning: Literal["hard", "soft"] = Field("hard", description='"hard" or "soft"')
    sampling: Literal["volume", "random"] = Field("volume", description='"volume" or "random"')
    average: float = Field(0.995, ge=0, lt=1, description="a number of at least 0 and below 1")
    seed: int = Field(0, ge=0, lt=2**32, description="a whole number from 0 to 4294967295")
    validate_every: int = _count(0, least=0)


class Configuration(_Table):
    """One training run.

    Attributes
    ----------
    name, output
        Of the run, and the folder that it writes.
    data, network, optimisation
        The tables of the file.
    start_from
        Weights to begin with.
    smoothing
        Written into the model: how much the FLAIR is smoothed before it is read, voxels. Training is
        without it: patches lie between the scan's voxels, which smooths them about as much as 0.5.
    """

    name: str = Field(description="text")
    output: Path = _path()
    data: DataConfiguration = Field(description="a table")
    network: NetworkConfiguration = Field(NetworkConfiguration(), description="a table")
    optimisation: OptimisationConfiguration = Field(OptimisationConfiguration(), description="a table")
    start_from: Path | None = Field(None, strict=False, description="a path")
    smoothing: float = Field(0.0, ge=0, lt=3, description="a number of at least 0 and below 3")

    @field_validator("name")
    @classmethod
    def _can_name_a_folder(cls, name: str) -> str:
        if not NAME.fullmatch(_slug(name)):
            raise ValueError("should begin with a letter or digit and have at most 64 characters")
        return name

    def counted_from(self, folder: Path) -> Configuration:
        """The same with paths that count from a folder, where they are not absolute."""
        start = self.start_from
        return self.model_copy(
            update={
                "data": self.data.model_copy(update={"folder": folder / self.data.folder}),
                "output": folder / self.output,
                "start_from": None if start is None else folder / start,
            }
        )

    def of_seed(self, seed: int) -> Configuration:
        """The same recipe from another beginning: a further member of an ensemble, with its own output."""
        optimisation = {**self.optimisation.model_dump(), "seed": seed}
        return self.model_copy(
            update={
                "output": self.output.with_name(f"{self.output.name}-seed{seed}"),
                "optimisation": validated(OptimisationConfiguration, optimisation, "The seed"),
            }
        )

    @property
    def slug(self) -> str:
        """The name as the model folder may have it."""
        return _slug(self.name)
