"""What a model is, whatever it is made of.

Preparing scans, the sampling methods, the window and the command line know a model as `Model`. How it is
stored and what computes it is the business of its kind: one module in `networks.formats`, which reads a
folder and gives a `Model` with an engine, and one line in `networks.kinds`.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.networks.foreign_steps import ForeignPreprocessing
from napari_uncertainseg.networks.real_probability import RealProbability
from napari_uncertainseg.networks.recalibration import ModelRecalibration
from napari_uncertainseg.networks.seen_scans import SeenScans
from napari_uncertainseg.nouns import is_background, noun_of

if TYPE_CHECKING:
    from napari_uncertainseg.networks.engines.device import Device
    from napari_uncertainseg.networks.engines.engine import Engine

CARD = "MODEL_CARD.md"
INTENSITIES: Final = "tissue"
"""How scans are normalised, FLAIRs against their tissue: `images.preparation.normalise`."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of models and of their files: nothing that leads out of a folder."""

STYLE_MARK = ":"
"""Between the name of a model and that of the style in which it is to outline."""

MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Preprocessing:
    """What is done to the scans before a model of our own reads them.

    Attributes
    ----------
    spacing
        Isotropic voxel size, mm.
    smoothing
        Standard deviation of the Gaussian that the FLAIR is smoothed with, voxels of that size.
    intensities
        How the scans are normalised. There is one way; another is a value here and a branch in
        `images.preparation`.
    """

    spacing: float = 1.0
    smoothing: float = 0.0
    intensities: Literal["tissue"] = INTENSITIES

    @property
    def voxels_in_words(self) -> str:
        """The voxel size that the network reads, for the user."""
        return f"{self.spacing:g} mm"


@dataclass(frozen=True)
class Capabilities:
    """What the members of a prediction can come from; the methods in `inference.sampling` ask for it.

    Attributes
    ----------
    networks
        Networks that were trained apart.
    heads
        Outputs of one plain pass in each style, each an opinion of its own.
    layers
        Depths of the decoder with an output each; 0 where only the last one has.
    dropout
        Probability with which a channel is dropped; 0 where none can be. In a network made elsewhere, whose
        layers have their own, the largest.
    styles
        Ways to outline, each with heads and layers of its own.
    style
        Number of the one that members come from; None for all of them, so that the mean is over the styles.
    """

    networks: int = 1
    heads: int = 1
    layers: int = 0
    dropout: float = 0.0
    styles: int = 1
    style: int | None = None

    @property
    def styles_used(self) -> slice:
        """Which styles members come from."""
        return slice(None) if self.style is None else slice(self.style, self.style + 1)

    @property
    def opinions(self) -> int:
        """Heads that members come from."""
        return self.heads * len(range(self.styles)[self.styles_used])


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A segmentation model as it lies on disk.

    Attributes
    ----------
    name
        What the user calls it.
    folder
        Where it lies.
    version, description
        In its maker's words.
    weights
        Files of what it learnt; they are what `sha256` is of.
    threshold
        Probability at and above which a voxel is lesion, the model's own default.
    modalities
        Kinds of scans that it reads, in the order of its input channels. Ours read those of
        `modalities.MODALITIES`, always with ``"flair"``; others read what they have names for.
    preprocessing
        What is done to them before.
    needs
        Those that it cannot do without, beside `main`; for others that are missing it reads zeros.
    target
        What it segments, a noun in the singular.
    classes
        Names of the network's output channels, in their order, where there are several.
    target_classes
        Numbers of those that make the target.
    target_chosen
        Whether the user chose the target among the classes.
    notes
        What every result says of the model, one sentence each.
    capabilities
        What the members of a prediction can come from.
    temperature
        Logits are divided by it.
    recalibrations
        What is done to its logits beyond that, by method and modalities: the first that fits counts.
    seen
        What the scans that it learnt from were like; None where nobody measured it.
    styles
        Names of the ways to outline that it learnt; none where it was not told them apart.
    real_probability
        How probable it is that a lesion is real, where the model knows it.
    """

    name: str
    folder: Path
    version: str
    description: str
    weights: tuple[Path, ...]
    threshold: float
    modalities: tuple[str, ...]
    preprocessing: Preprocessing | ForeignPreprocessing = Preprocessing()
    capabilities: Capabilities = Capabilities()
    temperature: float = 1.0
    recalibrations: tuple[ModelRecalibration, ...] = ()
    seen: SeenScans | None = None
    styles: tuple[str, ...] = ()
    real_probability: RealProbability | None = None
    needs: tuple[str, ...] = ()
    target: str = "lesion"
    classes: tuple[str, ...] = ()
    target_classes: tuple[int, ...] = ()
    target_chosen: bool = False
    notes: tuple[str, ...] = ()

    @property
    def main(self) -> str:
        """The scan that is segmented, and on whose grid all maps lie."""
        return main_of(self.modalities)

    @property
    def overlapping(self) -> bool:
        """Whether each class has a probability of its own (a sigmoid); else they share one (a softmax)."""
        return False

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the classes that can be segmented; none where there is nothing to choose."""
        some = tuple(name for name in self.classes if not is_background(name))
        return some if len(some) > 1 else ()

    def with_target(self, names: Sequence[str]) -> Self:
        """The same model, which segments one of its classes, or several together.

        Parameters
        ----------
        names
            Of the classes; upper and lower case are the same.

        Raises
        ------
        InputError
            If it has no class of such a name, or nothing to choose among.
        """
        known = {name.lower(): number for number, name in enumerate(self.classes) if name in self.targets}
        if not known:
            raise InputError(f"The model '{self.name}' has no classes to choose from: leave the target out.")
        unknown = [name for name in names if name.lower() not in known]
        if unknown or not names:
            raise InputError(
                f"The model '{self.name}' has no class '{unknown[0] if unknown else ''}': its target may be "
                f"{', '.join(repr(name) for name in self.targets)}, or several of them."
            )
        numbers = tuple(sorted({known[name.lower()] for name in names}))
        chosen = [self.classes[number] for number in numbers]
        return replace(self, target=noun_of(chosen), target_classes=numbers, target_chosen=True)

    def outlined_like(self, style: str) -> Self:
        """The same model, whose members come from one style; its name then ends in the style's.

        Recalibration and probability of being real are left out: they were fitted for all styles together.

        Raises
        ------
        InputError
            If it did not learn that style.
        """
        if self.capabilities.style is not None:
            raise InputError(f"The model '{self.name}' outlines in one style already: leave '{style}' out.")
        if style not in self.styles:
            known = f"one of {', '.join(self.styles)}" if self.styles else "none, it learnt no styles"
            raise InputError(f"The model '{self.name}' does not know the style '{style}': give {known}.")
        chosen = replace(self.capabilities, style=self.styles.index(style))
        return replace(
            self,
            name=f"{self.name}{STYLE_MARK}{style}",
            capabilities=chosen,
            recalibrations=(),
            real_probability=None,
        )

    @property
    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """All files that make the model, within its folder; the card apart."""

    @abstractmethod
    def engine(self, device: Device, index: int = 0) -> Engine:
        """Load one of the networks, ready to run on a device.

        Raises
        ------
        InputError
            If what was stored is corrupt, does not fit, or would run code.
        """

    @abstractmethod
    def check_runs(self) -> None:
        """Load everything once, and see that a small made-up scan gives finite numbers.

        Raises
        ------
        InputError
            If it does not.
        """

    @property
    def sha256(self) -> str:
        """Hash of the weights: of the file, or of the files' hashes when there are several.

        A recalibration counts as one more, and so does a style or a target chosen from several: what was
        measured with other probabilities, such as a calibration record, is not about these.
        """
        digests = [self.weight_sha256(i) for i in range(len(self.weights))]
        content = "".join(one.model_dump_json() for one in self.recalibrations)
        if self.seen is not None and any(one.unlike is not None for one in self.recalibrations):
            content += self.seen.model_dump_json()  # it decides which line a scan gets
        if self.capabilities.style is not None:
            content += f"style {self.capabilities.style}"
        if self.target_chosen:
            content += f"target {self.target_classes}"
        if content:
            digests.append(hashlib.sha256(content.encode()).hexdigest())
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def runs_int8(self, method: str) -> bool:
        """Whether a method may compute in whole numbers of 8 bits: where that was measured."""
        return False

    def weight_sha256(self, index: int = 0) -> str:
        """Hash of one weight file."""
        path = self.weights[index]
        state = path.stat()
        return _sha256(path, state.st_size, state.st_mtime_ns, state.st_ino)

    def card(self) -> str:
        """What the model card says; a sentence where it cannot be read. A link is not followed."""
        path = self.folder / CARD
        if path.is_symlink() or not path.is_file():
            return f"{CARD} is a link, and is not followed." if path.is_symlink() else f"There is no {CARD}."
        try:
            if path.stat().st_size > MAX_CARD_BYTES:
                return f"{CARD} is larger than 1 MB, and is not read."
            return path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            return f"{CARD} cannot be read ({error.strerror or error})."


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int, inode: int) -> str:
    return sha256_of(path)
