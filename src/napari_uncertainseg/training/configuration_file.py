"""Read a training file: values that work, and files that are there."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.validation import key_in_toml, validated
from napari_uncertainseg.training.configuration import Configuration

_TOO_LARGE = 1 << 63
"""No number of a training is; TOML has whole numbers of any length."""


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
    _check_sizes(values, path)
    configuration = validated(Configuration, values, str(path), key=key_in_toml)
    if seed is not None:
        configuration = configuration.of_seed(seed)
    configuration = configuration.counted_from(path.resolve().parent)
    _check_patch(configuration, path)
    _check_validation(configuration, path)
    _check_files(configuration, path)
    _check_output(configuration, path)
    return configuration


def _check_sizes(values: Mapping[str, Any], path: Path, tables: tuple[str, ...] = ()) -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            _check_sizes(value, path, (*tables, key))
            continue
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) >= _TOO_LARGE:
                raise InputError(f"{path}: {key_in_toml((*tables, key))} is a number too large to use.")


def _check_patch(configuration: Configuration, path: Path) -> None:
    network, patch = configuration.network, configuration.data.patch
    if patch % network.divisor or patch < network.smallest:
        right = max(network.smallest, network.divisor * math.ceil(patch / network.divisor))
        raise InputError(
            f"{path}: [data] patch should be a multiple of {network.divisor} and at least {network.smallest} "
            f"for a network of {len(network.features)} resolutions, such as {right}, not {patch}."
        )


def _check_validation(configuration: Configuration, path: Path) -> None:
    data = configuration.data
    if configuration.optimisation.validate_every and not (data.validation or data.left_out):
        raise InputError(
            f"{path}: [optimisation] validate_every needs subjects in [data] validation, or a source in "
            "[data] left_out."
        )
    for subject in data.validation:
        if subject in (*data.subjects, *data.backgrounds):
            raise InputError(
                f"{path}: '{subject}' is trained on and in [data] validation too: name it in one of them."
            )


def _check_files(configuration: Configuration, path: Path) -> None:
    data, start = configuration.data, configuration.start_from
    visits = [visit for source in data.sources for visit in source.visits]
    for prefix in ("", *data.subjects, *visits, *data.backgrounds, *data.validation):
        folder = (data.folder / f"{prefix}flair").parent
        if not folder.is_dir():
            raise InputError(
                f"{path}: the data folder {folder} is not there: set [data] folder to where it is."
            )
    if start is not None and not start.is_file():
        raise InputError(f"{path}: 'start_from' should name a model's weights, but there is no file {start}.")
    if data.masks is None:
        return
    masks = data.folder / data.masks
    if not masks.is_dir():
        raise InputError(f"{path}: the folder of lesion masks {masks} is not there: correct [data] masks.")
    names = {p.name.split(".")[0] for p in masks.iterdir()}
    named = {"[data] excluded_masks": data.excluded_masks}
    named |= {f"[[data.sources]] {source.name}: masks": source.masks for source in data.sources}
    for key, excluded in named.items():
        for name in excluded:
            if name not in names:  # a slip here would train on a held-out patient
                raise InputError(f"{path}: {key} names '{name}', but {masks} has no mask of that name.")
    if names <= set(data.masks_not_planted):
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
