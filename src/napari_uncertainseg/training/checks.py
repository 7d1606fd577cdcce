"""What a training run may be told: values that work, and files that are there."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.model import NAME

if TYPE_CHECKING:
    from napari_uncertainseg.training.configuration import Configuration


def check_configuration(configuration: Configuration, path: Path) -> None:
    """Refuse a configuration that cannot work; `path` is the file that it is from.

    Raises
    ------
    InputError
        If a value is unusable, or a folder or mask that it names is not there.
    """
    _check_values(configuration, path)
    _check_patch(configuration, path)
    _check_validation(configuration, path)
    _check_files(configuration, path)
    _check_output(configuration, path)


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
    for table, values in dataclasses.asdict(configuration).items():
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            numbers = value if isinstance(value, list | tuple) else [value]
            if any(isinstance(number, int) and abs(number) >= 1 << 63 for number in numbers):
                raise InputError(
                    f"{path}: {f'[{table}] {key}' if key else table} is a number too large to use."
                )
    for table, rules in _RULES.items():
        for key, (fits, right) in rules.items():
            value = getattr(getattr(configuration, table), key)
            if not fits(value):
                raise InputError(f"{path}: [{table}] {key} must be {right}, not {json.dumps(value)}.")
    if not 0 <= configuration.smoothing < 3:
        raise InputError(
            f"{path}: smoothing must be at least 0 and below 3, not {json.dumps(configuration.smoothing)}."
        )
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


def _check_output(configuration: Configuration, path: Path) -> None:
    """Keep a model that is read, or that another run made, from being replaced at the end."""
    output, start = configuration.output, configuration.start_from
    made = [output / name for name in ("checkpoint.pt", "model/weights.safetensors", "model/model.json")]
    there = [file for file in made if file.exists()]
    if start is not None and any(file.samefile(start) for file in there):
        raise InputError(f"{path}: 'start_from' lies in 'output', which this run replaces: choose another.")
    if there and made[0] not in there:
        raise InputError(
            f"{path}: {output / 'model'} holds a model that no run there trained: choose another 'output'."
        )
