"""What a training run is told: the tables of its file, and the values that work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.validation import validated
from napari_uncertainseg.networks.formats.multihead import Features, Heads
from napari_uncertainseg.networks.model import NAME
from napari_uncertainseg.training.sources.source_configuration import SourceConfiguration, Table, Texts
from napari_uncertainseg.training.sources.tissue_map import TissueMap

_Count = Annotated[int, Field(ge=1, description="a whole number of 1 or more")]
_CountOrNone = Annotated[int, Field(ge=0, description="a whole number of 0 or more")]
_Weight = Annotated[float, Field(ge=0, description="a number of 0 or more")]
_Path = Annotated[Path, Field(strict=False, description="a path")]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


class DataConfiguration(Table):
    """Where the scans are and how patches are drawn from them.

    Attributes
    ----------
    folder
        What the other paths count from.
    subjects
        What comes before `flair`, `t1`, `t2` and `lesions` in the names of a subject's files, such as
        ``"patient07/"``. The scans are skull-stripped, 1 mm, and lie on one grid.
    sources
        In place of `subjects`: patients by where they come from, scanned in any way.
    left_out
        A source, or a group of sources, that is not trained on but validated on; its masks are not planted.
    cache
        Folder in which prepared scans are kept; ``prepared`` in the output if None.
    backgrounds
        Likewise for scans of any kind without a lesion mask: lesions are planted into them, and what is
        bright in them already counts neither way.
    phantoms
        Number of simulated brains that serve as backgrounds.
    label_maps, drawn_heads
        Folder of heads as label maps, and how many backgrounds are drawn from them, of any contrast, coil
        and slices, see `training.heads`.
    tissue_maps
        Folder with a folder for each patient whose tissues and lesions are known: a brain is drawn from
        each, and its own lesions are planted. Those whose masks are not planted are left out.
    background_share
        Share of patches that are drawn from backgrounds, where there are any.
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
    by_lesion, in_lesions
        Shares of patches that are centred at one of the lesions, each as likely as another, and in the
        lesions' volume, where large ones are more likely. The others lie anywhere in the brain.
    favour_small
        How much smaller lesions are favoured among those that patches are centred at: each is drawn in
        proportion to its volume to the power of minus this.
    """

    folder: _Path
    subjects: tuple[str, ...] = Field(
        default=(), min_length=1, strict=False, description="a list of one subject or more, as texts"
    )
    sources: tuple[SourceConfiguration, ...] = Field(
        default=(), min_length=1, strict=False, description="a list of tables"
    )
    left_out: str | None = Field(default=None, description="text")
    cache: Path | None = Field(default=None, strict=False, description="a path")
    backgrounds: Texts = ()
    phantoms: _CountOrNone = 0
    label_maps: str | None = Field(default=None, description="text")
    drawn_heads: _CountOrNone = 0
    tissue_maps: str | None = Field(default=None, description="text")
    background_share: float = Field(default=0.2, ge=0, le=1, description="a number from 0 to 1")
    masks: str | None = Field(default=None, description="text")
    excluded_masks: Texts = ()
    planted: float = Field(default=0.65, ge=0, le=1, description="a number from 0 to 1")
    patch: int = Field(default=80, description="a whole number of voxels")
    raters: _Count = 5
    validation: Texts = ()
    by_lesion: float = Field(default=0.3, ge=0, le=1, description="a number from 0 to 1")
    in_lesions: float = Field(default=0.3, ge=0, le=1, description="a number from 0 to 1")
    favour_small: float = Field(default=0.0, ge=0, le=1, description="a number from 0 to 1")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> DataConfiguration:
        names = [source.name for source in self.sources]
        if bool(self.subjects) == bool(self.sources):
            raise ValueError("needs either 'subjects' or tables [[data.sources]]")
        if len(set(names)) < len(names):
            raise ValueError("has two sources of the same name")
        groups = {source.group_name for source in self.sources}
        if self.left_out is not None and self.left_out not in groups | set(names):
            known = ", ".join(dict.fromkeys((*names, *sorted(groups))))
            raise ValueError(f"leaves out '{self.left_out}', which is none of {known}")
        if self.sources and not self.training_sources:
            raise ValueError(f"leaves out '{self.left_out}', and no source to train on is left")
        if (self.label_maps is None) != (self.drawn_heads == 0):
            raise ValueError("needs both 'label_maps' and 'drawn_heads', or neither")
        if self.by_lesion + self.in_lesions > 1:
            raise ValueError("has a by_lesion and an in_lesions that are more than 1 together")
        return self

    @property
    def _group_left_out(self) -> str | None:
        """Whoever leaves one source out leaves its group out: the same scanner, the same experts."""
        named = (s.group_name for s in self.sources if self.left_out in (s.name, s.group_name))
        return next(named, None)

    @property
    def training_sources(self) -> tuple[SourceConfiguration, ...]:
        """The sources that are trained on."""
        return tuple(s for s in self.sources if s.group_name != self._group_left_out)

    @property
    def sources_left_out(self) -> tuple[SourceConfiguration, ...]:
        """The sources that are validated on."""
        return tuple(s for s in self.sources if s.group_name == self._group_left_out)

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles that are learnt, in the order of the sources; none where there are no sources."""
        return tuple(dict.fromkeys(source.style_name for source in self.training_sources))

    @property
    def trained_on(self) -> tuple[str, ...]:
        """What a model says of its training: its sources, or its subjects where it has none."""
        return self.subjects or tuple(source.name for source in self.training_sources)

    @property
    def label_map_files(self) -> list[Path]:
        """The heads that are drawn from, by name."""
        if self.label_maps is None:
            return []
        folder = self.folder / self.label_maps
        found = sorted(folder.glob("*.nii*"))
        if not found:
            raise InputError(f"{folder} holds no label map (*.nii.gz): name the folder that does.")
        return found

    @property
    def tissue_map_files(self) -> list[TissueMap]:
        """Patients' tissue maps, without those whose masks are not planted."""
        if self.tissue_maps is None:
            return []
        folder = self.folder / self.tissue_maps
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder: name the one with a folder for each patient.")
        patients = sorted(p for p in folder.iterdir() if p.is_dir() and p.name not in self.masks_not_planted)
        return [TissueMap.in_folder(patient) for patient in patients]

    @property
    def masks_not_planted(self) -> tuple[str, ...]:
        """Names of masks that are not planted: those excluded, and those of the sources left out."""
        of_sources = (name for source in self.sources_left_out for name in source.masks)
        return (*self.excluded_masks, *of_sources)


class NetworkConfiguration(Table):
    """Shape of the network, see `networks.multihead.MultiHeadUNet`."""

    features: Features = (16, 32, 64, 128, 160)
    heads: Heads = 5
    thin: bool = Field(default=False, description="true or false")

    @property
    def divisor(self) -> int:
        """What the edges of its input must be multiples of."""
        return 1 << (len(self.features) - 1)

    @property
    def smallest(self) -> int:
        """The smallest edge of its input."""
        return 2 * self.divisor


class OptimisationConfiguration(Table):
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
    lesion_loss
        Weight of the loss that counts each lesion alike, however small, see `losses.lesion_loss`.
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

    steps: _Count = 2000
    batch: _Count = 2
    learning_rate: float = Field(default=1e-3, gt=0, description="a number above 0")
    warmup: _CountOrNone = 50
    decay: _CountOrNone = 1000
    dropout: float = Field(default=0.1, gt=0, lt=0.95, description="a number above 0 and below 0.95")
    disagreement: _Weight = 4.0
    calibration: _Weight = 0.3
    lesion_loss: _Weight = 0.0
    binning: Literal["hard", "soft"] = Field(default="hard", description='"hard" or "soft"')
    sampling: Literal["volume", "random"] = Field(default="volume", description='"volume" or "random"')
    average: float = Field(default=0.995, ge=0, lt=1, description="a number of at least 0 and below 1")
    seed: int = Field(default=0, ge=0, lt=2**32, description="a whole number from 0 to 4294967295")
    validate_every: _CountOrNone = 0


class Configuration(Table):
    """One training run.

    Attributes
    ----------
    name, output
        Of the run, and the folder that it writes.
    data, network, optimisation
        The tables of the file.
    start_from
        Weights to begin with. ``{seed}`` in it stands for the seed: members of an ensemble may each begin
        with their own.
    smoothing
        Written into the model: how much the FLAIR is smoothed before it is read, voxels. Training is
        without it: patches lie between the scan's voxels, which smooths them about as much as 0.5.
    """

    name: str = Field(description="text")
    output: _Path
    data: DataConfiguration = Field(description="a table")
    network: NetworkConfiguration = Field(default=NetworkConfiguration(), description="a table")
    optimisation: OptimisationConfiguration = Field(
        default=OptimisationConfiguration(), description="a table"
    )
    start_from: Path | None = Field(default=None, strict=False, description="a path")
    smoothing: float = Field(default=0.0, ge=0, lt=3, description="a number of at least 0 and below 3")

    @field_validator("name")
    @classmethod
    def _can_name_a_folder(cls, name: str) -> str:
        if not NAME.fullmatch(_slug(name)):
            raise ValueError("should begin with a letter or digit and have at most 64 characters")
        return name

    def counted_from(self, folder: Path) -> Configuration:
        """The same with paths that count from a folder, where they are not absolute, and the seed in them."""
        start, cache = self.start_from, self.data.cache
        if start is not None:
            start = Path(str(start).replace("{seed}", str(self.optimisation.seed)))
        places = {"folder": folder / self.data.folder, "cache": None if cache is None else folder / cache}
        return self.model_copy(
            update={
                "data": self.data.model_copy(update=places),
                "output": folder / self.output,
                "start_from": None if start is None else folder / start,
            }
        )

    def of_seed(self, seed: int) -> Configuration:
        """The same recipe with another seed: a further member of an ensemble, with its own output."""
        optimisation = {**self.optimisation.model_dump(), "seed": seed}
        return self.model_copy(
            update={
                "output": self.output.with_name(f"{self.output.name}-seed{seed}"),
                "optimisation": validated(OptimisationConfiguration, optimisation, "The seed"),
            }
        )

    @property
    def cache(self) -> Path:
        """Folder in which prepared scans are kept."""
        return self.data.cache or self.output / "prepared"

    @property
    def slug(self) -> str:
        """The name as the model folder may have it."""
        return _slug(self.name)
