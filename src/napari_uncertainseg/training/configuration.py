"""What a training run is told, in one TOML file."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.model import NAME


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
    """One training run."""

    name: str
    output: Path
    data: DataConfiguration
    network: NetworkConfiguration = field(default_factory=NetworkConfiguration)
    optimisation: OptimisationConfiguration = field(default_factory=OptimisationConfiguration)
    start_from: Path | None = None

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


def read_configuration(path: Path | str) -> Configuration:
    """Read a training configuration; relative paths count from its own folder.

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
    _check_values(configuration, path)
    _check_patch(configuration, path)
    _check_validation(configuration, path)
    _check_files(configuration, path)
    return configuration


_Rule = tuple[Callable[[Any], bool], str]
_COUNT: _Rule = (lambda v: v >= 1, "1 or more")
_NOT_NEGATIVE: _Rule = (lambda v: 0 <= v < math.inf, "0 or more")
_SHARE: _Rule = (lambda v: 0 <= v <= 1, "from 0 to 1")
_RULES: dict[str, dict[str, _Rule]] = {
    "data": {
        "subjects": (lambda v: len(v) > 0, "a list of one subject or more"),
        "phantoms": _NOT_NEGATIVE,
        "planted": _SHARE,
        "raters": _COUNT,
    },
    # What is wider than this no model folder may be.
    "network": {
        "features": (
            lambda v: 2 <= len(v) <= 7 and all(1 <= f <= 2048 for f in v),
            "2 to 7 numbers from 1 to 2048",
        ),
        "heads": (lambda v: 1 <= v <= 64, "from 1 to 64"),
    },
    "optimisation": {
        "steps": _COUNT,
        "batch": _COUNT,
        "learning_rate": (lambda v: 0 < v < math.inf, "above 0"),
        "warmup": _NOT_NEGATIVE,
        "decay": _NOT_NEGATIVE,
        "dropout": (lambda v: 0 < v < 0.95, "above 0 and below 0.95"),
        "disagreement": _NOT_NEGATIVE,
        "calibration": _NOT_NEGATIVE,
        "binning": (lambda v: v in ("hard", "soft"), '"hard" or "soft"'),
        "sampling": (lambda v: v in ("volume", "random"), '"volume" or "random"'),
        "average": (lambda v: 0 <= v < 1, "at least 0 and below 1"),
        "seed": (lambda v: 0 <= v < 2**32, "from 0 to 4294967295"),
        "validate_every": _NOT_NEGATIVE,
    },
}


def _check_values(configuration: Configuration, path: Path) -> None:
    for table, rules in _RULES.items():
        for key, (fits, right) in rules.items():
            value = getattr(getattr(configuration, table), key)
            if not fits(value):
                raise InputError(f"{path}: [{table}] {key} must be {right}, not {json.dumps(value)}.")
    if not NAME.fullmatch(configuration.slug):
        raise InputError(
            f"{path}: 'name' must begin with a letter or digit and have at most 64 characters, "
            f"not be {json.dumps(configuration.name)}."
        )


def _check_patch(configuration: Configuration, path: Path) -> None:
    network, patch = configuration.network, configuration.data.patch
    if patch % network.divisor or patch < network.smallest:
        right = max(network.smallest, network.divisor * math.ceil(patch / network.divisor))
        raise InputError(
            f"{path}: [data] patch must be a multiple of {network.divisor} and at least {network.smallest} "
            f"for a network of {len(network.features)} resolutions, such as {right}, not {patch}."
        )


def _check_validation(configuration: Configuration, path: Path) -> None:
    data = configuration.data
    if configuration.optimisation.validate_every and not data.validation:
        raise InputError(f"{path}: [optimisation] validate_every needs subjects in [data] validation.")
    for subject in data.validation:
        if subject in (*data.subjects, *data.backgrounds):
            raise InputError(
                f"{path}: '{subject}' is trained on and in [data] validation too: name it in one of them."
            )


def _check_files(configuration: Configuration, path: Path) -> None:
    data, start = configuration.data, configuration.start_from
    for prefix in ("", *data.subjects, *data.backgrounds, *data.validation):
        folder = (data.folder / f"{prefix}flair").parent
        if not folder.is_dir():
            raise InputError(
                f"{path}: the data folder {folder} is not there: set [data] folder to where it is."
            )
    if start is not None and not start.is_file():
        raise InputError(f"{path}: 'start_from' must name a model's weights, but there is no file {start}.")
    if data.masks is None:
        return
    masks = data.folder / data.masks
    if not masks.is_dir():
        raise InputError(f"{path}: the folder of lesion masks {masks} is not there: correct [data] masks.")
    names = {p.name.split(".")[0] for p in masks.iterdir()}
    for excluded in data.excluded_masks:
        if excluded not in names:  # a slip here would train on a held-out patient
            raise InputError(
                f"{path}: [data] excluded_masks names '{excluded}', but {masks} has no mask of that name."
            )
    if names <= set(data.excluded_masks):
        raise InputError(
            f"{path}: {masks} has no lesion mask to plant: leave [data] masks out to plant none."
        )
