"""Which files in a bundle hold its weights."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_settings import check_inside
from napari_uncertainseg.networks.formats.monai.references import Resolver

_SUFFIXES = (".safetensors", ".pt", ".pth")
_SCRIPTS = (".ts", ".onnx", ".trt")
MAX_WEIGHT_BYTES = 4 << 30
_MOST_NETWORKS = 32
_LOADERS = ("handlers", "checkpointloader", "val_handlers", "validate", "evaluator")
"""Keys under which a configuration says which file it loads."""


def find_weights(folder: Path, resolver: Resolver, pattern: str | None = None) -> tuple[Path, ...]:
    """The file that the configuration loads; else ``model.*``; else all in ``models``, each a network.

    Of one name the safetensors count.

    Parameters
    ----------
    folder
        Of the bundle.
    resolver
        Of its configuration.
    pattern
        Where the weights lie instead, relative to the folder.

    Raises
    ------
    InputError
        If there are none, too many, or one is too large or leads out of the folder.
    """
    if pattern is not None:
        return _checked(sorted(folder.glob(pattern)), folder, f"{folder} holds no {pattern}.")
    home = folder / "models"
    check_inside(home, folder)
    there = sorted(home.iterdir()) if home.is_dir() else []
    found: dict[str, Path] = {}
    for suffix in _SUFFIXES:
        for path in there:
            if path.suffix == suffix and not path.name.startswith(".") and path.is_file():
                found.setdefault(path.stem, path)
    named = {posixpath.splitext(name)[0] for name in _loaded(resolver)} & found.keys()
    if len(named) == 1 or "model" in found:
        one = next(iter(named)) if len(named) == 1 else "model"
        found = {one: found[one]}
    nothing = f"{home} holds no weights: there should be a model.safetensors or model.pt.{_why(there)}"
    return _checked([found[name] for name in sorted(found)], folder, nothing)


def _checked(paths: list[Path], folder: Path, nothing: str) -> tuple[Path, ...]:
    """Files of weights, none of which leads out of the folder; `nothing` is said where there are none."""
    if not paths:
        raise InputError(nothing)
    if len(paths) > _MOST_NETWORKS:
        raise InputError(f"{folder} holds {len(paths)} weights, more than {_MOST_NETWORKS}.")
    for path in paths:
        check_inside(path, folder)
        if path.stat().st_size > MAX_WEIGHT_BYTES:
            raise InputError(f"The weights '{path}' are larger than {MAX_WEIGHT_BYTES >> 30} GB.")
    return tuple(paths)


def _why(there: list[Path]) -> str:
    script = next((path.name for path in there if path.suffix in _SCRIPTS), None)
    if script is None:
        return ""
    return (
        f" {script} is a program, and is not run: get the bundle's model.pt, or save the state_dict of the "
        "network as model.safetensors beside it."
    )


def _loaded(resolver: Resolver) -> set[str]:
    """Names of the files that a CheckpointLoader of the configuration loads, as far as they are plain."""
    names = set()
    for key in _LOADERS:
        if resolver.has(key):
            names |= {posixpath.basename(text) for text in _paths(resolver, key)}
    return names


def _paths(resolver: Resolver, key: str) -> Iterator[str]:
    try:
        key, value = resolver.followed(key)
        inner: Any = (
            value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
        )
        if isinstance(value, Mapping) and str(value.get("_target_", "")).endswith("CheckpointLoader"):
            path = resolver.at(f"{key}::load_path")
            if isinstance(path, str):
                yield path
            return
    except InputError:
        return  # code, or what is not there: nothing is loaded by it here
    for part in inner:
        if part in ("val_handlers", "handlers") or isinstance(part, int):
            yield from _paths(resolver, f"{key}::{part}")
