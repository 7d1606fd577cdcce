"""What a training run is told, in one TOML file."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.training.checks import check_configuration


@dataclass(frozen=True)
class DataConfiguration:
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

    folder: Path
    subjects: tuple[str, ...]
    backgrounds: tuple[str, ...] = ()
    phantoms: int = 0
    masks: str | None = None
    excluded_masks: tuple[str, ...] = ()
    planted: float = 0.65
    patch: int = 80
    raters: int = 5
    validation: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkConfiguration:
    """Shape of the network, see `networks.multihead.MultiHeadUNet`."""

    features: tuple[int, ...] = (16, 32, 64, 128, 160)
    heads: int = 5
    thin: bool = False

    @property
    def divisor(self) -> int:
        """What the edges of its input must be multiples of."""
        return 1 << (len(self.features) - 1)

    @property
    def smallest(self) -> int:
        """The smallest edge of its input."""
        return 2 * self.divisor


@dataclass(frozen=True)
class OptimisationConfiguration:
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

    steps: int = 2000
    batch: int = 2
    learning_rate: float = 1e-3
    warmup: int = 50
    decay: int = 1000
    dropout: float = 0.1
    disagreement: float = 4.0
    calibration: float = 0.3
    binning: str = "hard"
    sampling: str = "volume"
    average: float = 0.995
    seed: int = 0
    validate_every: int = 0


@dataclass(frozen=True)
class Configuration:
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

    name: str
    output: Path
    data: DataConfiguration
    network: NetworkConfiguration = field(default_factory=NetworkConfiguration)
    optimisation: OptimisationConfiguration = field(default_factory=OptimisationConfiguration)
    start_from: Path | None = None
    smoothing: float = 0.0

    def of_seed(self, seed: int) -> Configuration:
        """The same recipe from another beginning: a further member of an ensemble, with its own output."""
        return dataclasses.replace(
            self,
            output=self.output.with_name(f"{self.output.name}-seed{seed}"),
            optimisation=dataclasses.replace(self.optimisation, seed=seed),
        )

    @property
    def slug(self) -> str:
        """The name as the model folder may have it."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.name)


def _build(kind: type, values: Any, where: str) -> Any:
    """Make a configuration table from what the file says, and refuse what it does not know."""
    if not isinstance(values, dict):
        raise InputError(f"{where} must be a table, not {values!r}.")
    known = {f.name: f for f in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise InputError(f"{where} has an unknown key '{key}'; known are {', '.join(known)}.")
    for key, f in known.items():
        if key not in values and f.default is f.default_factory is dataclasses.MISSING:
            raise InputError(f"{where} lacks the key '{key}'.")
    return kind(**{k: _typed(v, known[k], where) for k, v in values.items()})


def _typed(value: Any, f: dataclasses.Field[Any], where: str) -> Any:
    """Turn TOML's lists and strings into the field's type; refuse another one."""
    kind = str(f.type)
    nested = {c.__name__: c for c in (DataConfiguration, NetworkConfiguration, OptimisationConfiguration)}
    if kind in nested:
        return _build(nested[kind], value, f"{where}, table [{f.name}],")
    if not _fits(value, kind):
        raise InputError(f"{where}: '{f.name}' must be {_WORDS[kind]}, not {value!r}.")
    if "Path" in kind:
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "str | None": "text",
    "Path": "a path",
    "Path | None": "a path",
    "tuple[int, ...]": "a list of whole numbers",
    "tuple[str, ...]": "a list of texts",
}


def _fits(value: Any, kind: str) -> bool:
    """Whether a value from TOML is of a field's type."""
    if kind.startswith("tuple"):
        inner = kind.removeprefix("tuple[").removesuffix(", ...]")
        return isinstance(value, list) and all(_fits(v, inner) for v in value)
    if isinstance(value, bool):
        return kind == "bool"
    wanted = {"int": (int,), "float": (int, float), "bool": ()}.get(kind, (str,))
    return isinstance(value, wanted)


def read_configuration(path: Path | str, *, seed: int | None = None) -> Configuration:
    """Read a training configuration; relative paths count from its own folder.

    Parameters
    ----------
    path
        Of the TOML file.
    seed
        In place of the file's own, see `Configuration.of_seed`.

    Raises
    ------
    InputError
        If it is missing, is not TOML, has unknown, missing or unusable values, or names what is not there.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Cannot read the configuration {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}.") from error
    configuration: Configuration = _build(Configuration, values, str(path))
    base = path.resolve().parent
    start = configuration.start_from
    configuration = dataclasses.replace(
        configuration,
        data=dataclasses.replace(configuration.data, folder=base / configuration.data.folder),
        output=base / configuration.output,
        start_from=None if start is None else base / start,
    )
    if seed is not None:
        configuration = configuration.of_seed(seed)
    check_configuration(configuration, path)
    return configuration
