"""What a training run is told, in one TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError


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


@dataclass(frozen=True)
class NetworkConfiguration:
    """Shape of the network, see `networks.multihead.MultiHeadUNet`."""

    features: tuple[int, ...] = (16, 32, 64, 128, 160)
    heads: int = 5


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
        Weight of the soft-binned calibration error of the mean probability.
    sampling
        Which rater a head learns: "volume", the heads in the order of how much the raters outlined, or
        "random", drawn anew in each step as in EDUE, which leaves the heads nearly alike.
    average
        Decay of the moving average of the weights, which is what is saved.
    """

    steps: int = 2000
    batch: int = 2
    learning_rate: float = 1e-3
    warmup: int = 50
    decay: int = 1000
    dropout: float = 0.1
    disagreement: float = 4.0
    calibration: float = 0.3
    sampling: str = "volume"
    average: float = 0.995
    seed: int = 0


@dataclass(frozen=True)
class Configuration:
    """One training run."""

    name: str
    output: Path
    data: DataConfiguration
    network: NetworkConfiguration = field(default_factory=NetworkConfiguration)
    optimisation: OptimisationConfiguration = field(default_factory=OptimisationConfiguration)
    start_from: Path | None = None


def _build(kind: type, values: Any, where: str) -> Any:
    """Make a configuration table from what the file says, and refuse what it does not know."""
    if not isinstance(values, dict):
        raise InputError(f"{where} must be a table.")
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
    wanted: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "str": (str,),
        "str | None": (str,),
        "Path": (str,),
        "Path | None": (str,),
        "tuple[int, ...]": (list,),
        "tuple[str, ...]": (list,),
    }
    if not isinstance(value, wanted[kind]) or isinstance(value, bool):
        raise InputError(f"{where}: '{f.name}' must be {kind}, not {value!r}.")
    if "Path" in kind and isinstance(value, str):
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


def read_configuration(path: Path | str) -> Configuration:
    """Read a training configuration; relative paths count from its own folder.

    Raises
    ------
    InputError
        If it is missing, is not TOML, has unknown or missing keys, or names a data folder that is not there.
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
    data = dataclasses.replace(configuration.data, folder=base / configuration.data.folder)
    start = configuration.start_from
    configuration = dataclasses.replace(
        configuration,
        data=data,
        output=base / configuration.output,
        start_from=None if start is None else base / start,
    )
    _check_folders(data)
    if configuration.optimisation.sampling not in ("volume", "random"):
        raise InputError(f'{path}: \'sampling\' must be "volume" or "random".')
    return configuration


def _check_folders(data: DataConfiguration) -> None:
    for prefix in ("", *data.subjects, *data.backgrounds):
        folder = (data.folder / f"{prefix}flair").parent
        if not folder.is_dir():
            raise InputError(f"The data folder {folder} is not there: set [data] folder to where it is.")
    if data.masks is not None and not (data.folder / data.masks).is_dir():
        raise InputError(f"The folder of lesion masks {data.folder / data.masks} is not there.")
